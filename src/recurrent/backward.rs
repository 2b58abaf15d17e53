//! The backward call: the recurrence over blocks of sequences, then the big products.

use super::forward::{Split, team_steps};
use super::layout::{Frame, Slots};
use super::operand::{Operand, SlotRuns};
use super::panels::kernel::{Panels, Shape, pack_rows};
use super::product::kernel::{Into, product};
use super::steps::backward::kernel::Backward;
use super::steps::kernel::Cell;
use super::weights::{Factor, Product, Rows};
use super::{Gradients, Input, Parameters, Saved, Slopes};
use crate::geometry::recurrent::RecurrentGeometry;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::simd::Isa;
use crate::threads::{Member, SharedMut, parallel_for, team};

/// Rows of dx in one task.
const TASK_ROWS: usize = 96;

pub struct Call<'a, T> {
    pub geometry: &'a RecurrentGeometry,
    pub x: &'a Input<'a, T>,
    pub parameters: &'a Parameters<'a, T>,
    pub slopes: &'a Slopes<'a, T>,
}

impl<T: Scalar> Call<'_, T> {
    pub fn run<C: Cell<T>>(&self, cell: C, saved: Saved, mut gradients: Gradients<T>) {
        let Saved { plan, frame, isa, mut gates, h, extra } = saved;
        let (plan, frame) = (&plan, &frame);
        let states = (plan.batch() + plan.rows()) * frame.state();
        let panel = frame.gate_panel::<T>(plan.rows());
        let (gates, h) = (gates.as_mut_slice(panel.len), h.as_slice(states));
        let extra = extra.as_ref().map_or(&[][..], |extra| extra.as_slice(states));
        with_scratch::<T, _>(2 * plan.batch() * frame.state(), |scratch| {
            let (seed, carry) = scratch.split_at_mut(plan.batch() * frame.state());
            for (place, row) in seed.chunks_exact_mut(frame.state().max(1)).enumerate() {
                fill_row(row, self.slopes.dh_n, plan.sequence(place), frame);
            }
            for (place, row) in carry.chunks_exact_mut(frame.state().max(1)).enumerate() {
                fill_row(row, self.slopes.dc_n, plan.sequence(place), frame);
            }
            let vectors = frame.vectors;
            with_panels(isa, self.parameters.weight_hh, frame.hidden, vectors, frame, C::LAYOUT.hidden, |panels| {
                let (shared_gates, shared_seed, shared_carry) =
                    (SharedMut::new(gates), SharedMut::new(seed), SharedMut::new(carry));
                let task = |places, steps, member: &Member| {
                    let task = Backward {
                        isa,
                        plan,
                        frame,
                        cell: &cell,
                        panels,
                        places,
                        steps,
                        gates: shared_gates,
                        panel,
                        h,
                        extra,
                        dy: self.slopes.dy.as_ref(),
                        seed: shared_seed,
                        carry: shared_carry,
                        member,
                    };
                    task.run();
                };
                match Split::new(plan, plan.rows() * frame.gates() * frame.hidden) {
                    Split::Batch(blocks) => {
                        parallel_for(blocks, &|i| task(plan.part(i, blocks), 0..plan.steps(), &Member::alone()));
                    }
                    Split::Units => {
                        for steps in team_steps(frame, plan.batch(), 0..plan.steps()).rev() {
                            team(panels[0].shape.groups.count, &|member| task(0..plan.batch(), steps.clone(), member));
                        }
                    }
                }
                if let Some(dh_0) = gradients.h_0.take() {
                    let rows = Rows { isa, plan, frame, gates, panel };
                    self.initial_state::<C>(&rows, panels[0], seed, dh_0);
                }
            });
            if let Some(dc_0) = gradients.c_0.take() {
                for (place, row) in carry.chunks_exact(frame.state().max(1)).enumerate() {
                    let to = &mut dc_0[plan.sequence(place) * frame.hidden..][..frame.hidden];
                    to.copy_from_slice(&row[..frame.hidden]);
                }
            }
        });
        let rows = Rows { isa, plan, frame, gates, panel };
        if let (Some(dx), Input::Features(_)) = (gradients.x.take(), self.x) {
            super::forward::clear_padding(self.geometry, dx);
            self.input::<C>(&rows, dx);
        }
        self.weights::<C>(&rows, h, extra, gradients);
    }

    /// What the first step's gates and the recurrence left for the initial state.
    fn initial_state<C: Cell<T>>(&self, all: &Rows<T>, panels: Panels<T>, seed: &[T], dh_0: &mut [T]) {
        let &Rows { isa, plan, frame, gates, panel } = all;
        for (place, row) in seed.chunks_exact(frame.state().max(1)).enumerate() {
            let to = &mut dh_0[plan.sequence(place) * frame.hidden..][..frame.hidden];
            // A seed that was not carried over is spent, except in a sequence without steps.
            if C::CARRIES || plan.length(place) == 0 {
                to.copy_from_slice(&row[..frame.hidden]);
            } else {
                to.fill(T::ZERO);
            }
        }
        let active = plan.active(0);
        with_scratch::<T, _>(active * frame.hidden, |values| {
            let rows: Vec<usize> = (0..active).map(|place| place * frame.hidden).collect();
            let into = Into::matrix(SharedMut::new(values), &rows, frame.lanes, frame.hidden);
            let runs = SlotRuns::new(frame, &C::LAYOUT.hidden[0], panel);
            let operand = Operand::slots(gates.as_ptr(), panel, &runs);
            product(isa, gates, operand, active, panels, 0..panels.shape.groups.count, into);
            for (place, row) in values.chunks_exact(frame.hidden.max(1)).enumerate() {
                for (to, &value) in dh_0[plan.sequence(place) * frame.hidden..].iter_mut().zip(row) {
                    *to += value;
                }
            }
        });
    }

    /// The gradient of x.
    fn input<C: Cell<T>>(&self, rows: &Rows<T>, dx: &mut [T]) {
        let (plan, frame) = (rows.plan, rows.frame);
        let slots = std::slice::from_ref(&C::LAYOUT.input);
        let target = SharedMut::new(dx);
        let runs = SlotRuns::new(frame, &C::LAYOUT.input, rows.panel);
        let vectors = frame.inputs.div_ceil(frame.lanes);
        with_panels(rows.isa, self.parameters.weight_ih, frame.inputs, vectors, frame, slots, |panels| {
            parallel_for(plan.rows().div_ceil(TASK_ROWS), &|task| {
                let first = task * TASK_ROWS;
                let places: Vec<usize> = plan
                    .walk(first)
                    .take(TASK_ROWS)
                    .map(|(s, place)| (plan.time(s, place) * plan.batch() + plan.sequence(place)) * frame.inputs)
                    .collect();
                let into = Into::matrix(target, &places, frame.lanes, frame.inputs);
                let from = &rows.gates[first * rows.panel.row_stride..];
                let operand = Operand::slots(from.as_ptr(), rows.panel, &runs);
                product(rows.isa, from, operand, places.len(), panels[0], 0..panels[0].shape.groups.count, into);
            });
        });
    }

    /// The gradients of all parameters.
    fn weights<C: Cell<T>>(&self, rows: &Rows<T>, h: &[T], extra: &[T], gradients: Gradients<T>) {
        let frame = rows.frame;
        let (input, hidden) = (&C::LAYOUT.input, C::LAYOUT.hidden);
        let mut products = Vec::with_capacity(3);
        if let Some(dweight) = gradients.weight_ih {
            let into = SharedMut::new(dweight);
            products.push(Product { slots: input, factor: Factor::input(self.x), columns: frame.inputs, into });
        }
        if let Some(dweight) = gradients.weight_hh {
            let into = SharedMut::new(dweight);
            for (slots, factor) in hidden.iter().zip([Factor::Previous(h), Factor::Current(extra)]) {
                products.push(Product { slots, factor, columns: frame.hidden, into });
            }
        }
        let biases = gradients.bias_ih.is_some() || gradients.bias_hh.is_some();
        with_scratch::<T, _>(if biases { frame.gates() } else { 0 }, |sums| {
            rows.gradients(&products, biases.then_some(&mut *sums));
            if let Some(dbias) = gradients.bias_ih {
                pick(frame, input, sums, dbias);
            }
            if let Some(dbias) = gradients.bias_hh {
                for slots in hidden {
                    pick(frame, slots, sums, dbias);
                }
            }
        });
        if let Some(dpeepholes) = gradients.peepholes {
            let factors = [(0, Factor::Previous(extra)), (1, Factor::Previous(extra)), (3, Factor::Current(extra))];
            for (sums, (slot, factor)) in dpeepholes.chunks_exact_mut(frame.hidden.max(1)).zip(factors) {
                rows.products(slot, factor, sums);
            }
        }
    }
}

/// A row of states: those of `sequence`, zeros behind them.
fn fill_row<T: Scalar>(row: &mut [T], from: Option<&[T]>, sequence: usize, frame: &Frame) {
    row.fill(T::ZERO);
    if let Some(from) = from {
        row[..frame.hidden].copy_from_slice(&from[sequence * frame.hidden..][..frame.hidden]);
    }
}

/// The sums of the columns of gates, in the order of the weights.
fn pick<T: Scalar>(frame: &Frame, slots: &Slots, sums: &[T], dbias: &mut [T]) {
    for (slot, gate) in slots.gates.iter().enumerate() {
        for (unit, to) in dbias[gate * frame.hidden..][..frame.hidden].iter_mut().enumerate() {
            let (v, lane) = (unit / frame.lanes, unit % frame.lanes);
            *to = sums[frame.place(v, slots.first + slot, lane)];
        }
    }
}

/// The weights, with `columns` columns in `vectors` vectors, packed for products with gradients of gates: one set of panels per group of slots.
fn with_panels<T: Scalar, R>(
    isa: Isa,
    weight: &[T],
    columns: usize,
    vectors: usize,
    frame: &Frame,
    parts: &[Slots],
    body: impl FnOnce(&[Panels<T>]) -> R,
) -> R {
    let shape = |slots: &Slots| Shape::vectors(frame.hidden * slots.gates.len(), vectors);
    let total: usize = parts.iter().map(|slots| shape(slots).len(frame.lanes)).sum();
    with_scratch::<T, _>(total, |mut scratch| {
        let mut packed = Vec::with_capacity(parts.len());
        for slots in parts {
            let shape = shape(slots);
            let (panels, rest) = scratch.split_at_mut(shape.len(frame.lanes));
            shape.fill(panels, frame.lanes, &|group, panel| {
                pack_rows(isa, weight, columns, frame, slots, shape.units_in(group), panel);
            });
            packed.push(Panels { data: panels, shape });
            scratch = rest;
        }
        body(&packed)
    })
}
