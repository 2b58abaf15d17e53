//! The forward call: packing, blocks of sequences, chunks of steps.

use std::ops::Range;

use super::ahead::VERY_FAR;
use super::kernel::lanes_on;
use super::layout::{Frame, GatePanel, Layout, Slots};
use super::operand::{Operand, Run};
use super::panels::kernel::{Panels, Shape, pack_lanes};
use super::plan::Plan;
use super::product::kernel::{Into, lookup, product};
use super::steps::forward::kernel::{Forward, Keep};
use super::steps::kernel::Cell;
use super::{Input, Outputs, Parameters, Saved};
use crate::geometry::recurrent::RecurrentGeometry;
use crate::memory::{Block, OutOfMemory, with_scratch};
use crate::scalar::Scalar;
use crate::simd::Isa;
use crate::threads::{Member, SharedMut, num_threads, parallel_for, team};

/// Rows for which x is multiplied at once: enough to use each panel several times, few enough to stay in the cache.
const CHUNK_ROWS: usize = 96;
/// The longest block of sequences.
const BLOCK_PLACES: usize = 48;
/// The shortest block, in batches of different lengths: a tile.
const RAGGED_PLACES: usize = 6;
/// Multiply-adds below which one thread works alone.
const SMALL: usize = 200_000;
/// Multiply-adds of a step that are worth a meeting.
const SMALL_STEP: usize = 16_384;
/// Multiply-adds with x, of a chunk, that are less than a worker's patience when it finds no work.
const SMALL_PROJECTION: usize = 8_000_000;
/// Multiply-adds after which a team forms anew: a worker that was asleep joins the next one, before it falls asleep again.
const TEAM_WORK: usize = 2_000_000;

pub struct Call<'a, T> {
    pub isa: Isa,
    pub geometry: &'a RecurrentGeometry,
    pub x: &'a Input<'a, T>,
    pub parameters: &'a Parameters<'a, T>,
    /// The weights and biases as [`pack`] leaves them; `None`: those of `parameters` are packed for this call.
    pub packed: Option<&'a [T]>,
    pub keep: bool,
}

/// The packed weights.
struct Packed<'a, T> {
    input: Panels<'a, T>,
    hidden: Vec<Panels<'a, T>>,
    /// One value per column of a row of gates.
    bias: &'a [T],
}

/// Where the tasks write.
struct Targets<'a, T> {
    gates: SharedMut<'a, T>,
    h: SharedMut<'a, T>,
    extra: SharedMut<'a, T>,
    y: SharedMut<'a, T>,
    h_n: SharedMut<'a, T>,
    c_n: Option<SharedMut<'a, T>>,
}

impl<T: Scalar> Call<'_, T> {
    pub fn run<C: Cell<T>>(&self, cell: C, outputs: Outputs<T>) -> Result<Option<Saved>, OutOfMemory> {
        let (plan, frame) = (Plan::new(self.geometry), self.frame::<C>());
        clear_padding(self.geometry, outputs.y);
        let mut saved = None;
        if self.keep {
            let states = (plan.batch() + plan.rows()) * frame.state() * size_of::<T>();
            saved = Some((
                Block::new(frame.gate_panel::<T>(plan.rows()).len * size_of::<T>())?,
                Block::new(states)?,
                if C::EXTRA { Some(Block::new(states)?) } else { None },
            ));
        }
        let (mut none, mut no_h, mut no_extra) = ([], [], []);
        let (gates, h, extra): (&mut [T], &mut [T], &mut [T]) = match &mut saved {
            None => (&mut none, &mut no_h, &mut no_extra),
            Some((gates, h, extra)) => (
                gates.as_mut_slice(frame.gate_panel::<T>(plan.rows()).len),
                h.as_mut_slice((plan.batch() + plan.rows()) * frame.state()),
                match extra {
                    Some(extra) => extra.as_mut_slice((plan.batch() + plan.rows()) * frame.state()),
                    None => &mut no_extra,
                },
            ),
        };
        let targets = Targets {
            gates: SharedMut::new(gates),
            h: SharedMut::new(h),
            extra: SharedMut::new(extra),
            y: SharedMut::new(outputs.y),
            h_n: SharedMut::new(outputs.h_n),
            c_n: outputs.c_n.map(SharedMut::new),
        };
        self.with_packed::<C, _>(&frame, |packed| {
            let work = Work { call: self, plan: &plan, frame: &frame, cell: &cell, packed, targets: &targets };
            match Split::new(&plan, plan.rows() * frame.gates() * (frame.inputs + frame.hidden)) {
                Split::Batch(blocks) => parallel_for(blocks, &|i| work.run(plan.part(i, blocks), false)),
                Split::Units => work.run(0..plan.batch(), true),
            }
        });
        Ok(saved.map(|(gates, h, extra)| Saved { plan, frame, isa: self.isa, gates, h, extra }))
    }

    fn frame<C: Cell<T>>(&self) -> Frame {
        Frame::new(C::LAYOUT, lanes_on::<T>(self.isa), self.geometry.inputs, self.geometry.hidden)
    }

    fn with_packed<C: Cell<T>, R>(&self, frame: &Frame, body: impl FnOnce(&Packed<T>) -> R) -> R {
        match self.packed {
            Some(data) => body(&Packed::new(C::LAYOUT, frame, data)),
            None => with_scratch::<T, _>(packed_size(C::LAYOUT, frame), |data| {
                pack(self.isa, C::LAYOUT, frame, self.parameters, data);
                body(&Packed::new(C::LAYOUT, frame, data))
            }),
        }
    }
}

fn panel_size(frame: &Frame, slots: &Slots, depth: usize) -> usize {
    Shape::slots(depth, frame, slots).len(frame.lanes)
}

fn panels_of<'a, T>(frame: &Frame, slots: &Slots, depth: usize, data: &'a [T]) -> Panels<'a, T> {
    Panels { data, shape: Shape::slots(depth, frame, slots) }
}

impl<'a, T> Packed<'a, T> {
    fn new(layout: &Layout, frame: &Frame, data: &'a [T]) -> Self {
        let (input, data) = data.split_at(panel_size(frame, &layout.input, frame.inputs));
        let (bias, mut data) = data.split_at(frame.gates());
        let mut hidden = Vec::with_capacity(layout.hidden.len());
        for slots in layout.hidden {
            let (panels, rest) = data.split_at(panel_size(frame, slots, frame.hidden));
            hidden.push(panels_of(frame, slots, frame.hidden, panels));
            data = rest;
        }
        Packed { input: panels_of(frame, &layout.input, frame.inputs, input), hidden, bias }
    }
}

/// Elements of the packed weights and biases.
pub fn packed_size(layout: &Layout, frame: &Frame) -> usize {
    let hidden: usize = layout.hidden.iter().map(|slots| panel_size(frame, slots, frame.hidden)).sum();
    panel_size(frame, &layout.input, frame.inputs) + frame.gates() + hidden
}

/// Packs the weights and biases into `data`, which has [`packed_size`] elements.
pub fn pack<T: Scalar>(isa: Isa, layout: &Layout, frame: &Frame, parameters: &Parameters<T>, data: &mut [T]) {
    let (input, data) = data.split_at_mut(panel_size(frame, &layout.input, frame.inputs));
    let (bias, mut data) = data.split_at_mut(frame.gates());
    pack_panels(isa, parameters.weight_ih, frame.inputs, frame, &layout.input, input);
    fill_bias(layout, frame, parameters, bias);
    for slots in layout.hidden {
        let (panels, rest) = data.split_at_mut(panel_size(frame, slots, frame.hidden));
        pack_panels(isa, parameters.weight_hh, frame.hidden, frame, slots, panels);
        data = rest;
    }
}

fn pack_panels<T: Scalar>(isa: Isa, weight: &[T], depth: usize, frame: &Frame, slots: &Slots, panels: &mut [T]) {
    Shape::slots(depth, frame, slots).fill(panels, frame.lanes, &|block, panel| {
        pack_lanes(isa, weight, depth, frame, slots, block, panel);
    });
}

/// What all tasks of a call share.
struct Work<'a, T, C> {
    call: &'a Call<'a, T>,
    plan: &'a Plan,
    frame: &'a Frame,
    cell: &'a C,
    packed: &'a Packed<'a, T>,
    targets: &'a Targets<'a, T>,
}

/// The inputs of some steps, and the rows of gates that they contribute to.
struct Chunk<'a, T> {
    x_rows: &'a [T],
    ids: Vec<usize>,
    gates: Vec<usize>,
}

impl<T: Scalar, C: Cell<T>> Work<'_, T, C> {
    /// All steps of some sequences; with `units`, by several threads.
    fn run(&self, places: Range<usize>, units: bool) {
        let (call, plan, frame, targets) = (self.call, self.plan, self.frame, self.targets);
        let steps_here = plan.length(places.start);
        let chunks = (steps_here * places.len()).div_ceil(CHUNK_ROWS).max(1);
        let per_chunk = if units { steps_here.div_ceil(chunks) } else { CHUNK_ROWS / places.len().max(1) }.max(1);
        let rows = per_chunk * places.len();
        let x_size = if let Input::Features(_) = call.x { rows * frame.inputs } else { 0 };
        let ring = if call.keep { 0 } else { 2 * places.len() * frame.state() };
        let panel = frame.gate_panel::<T>(if call.keep { plan.rows() } else { rows });
        let window = if call.keep { 0 } else { panel.len };
        with_scratch::<T, _>(x_size + 2 * ring + window, |scratch| {
            let (x_rows, scratch) = scratch.split_at_mut(x_size);
            let (h, scratch) = scratch.split_at_mut(ring);
            let (extra, gates) = scratch.split_at_mut(ring);
            let (gates, h, extra) = if call.keep {
                (targets.gates, targets.h, targets.extra)
            } else {
                (SharedMut::new(gates), SharedMut::new(h), SharedMut::new(extra))
            };
            let mut start = 0;
            loop {
                let steps = start..(start + per_chunk).min(steps_here.max(start));
                let keep =
                    if call.keep { Keep::Everything } else { Keep::Window { step: start, places: places.len() } };
                let chunk = self.collect(keep, panel, &places, &steps, x_rows);
                // Where it is short, the members of the first team compute what they need themselves, next to their caches.
                let short = chunk.gates.len() * frame.gates() * frame.inputs < SMALL_PROJECTION;
                if units && !short {
                    parallel_for(frame.blocks.count, &|block| self.project(&chunk, gates, panel, block..block + 1));
                }
                let recur = |piece: Range<usize>, member: &Member| {
                    if piece.start == start && (short || !units) {
                        self.project(&chunk, gates, panel, member.share(frame.blocks.count));
                    }
                    Forward {
                        isa: call.isa,
                        plan,
                        frame,
                        cell: self.cell,
                        panels: &self.packed.hidden,
                        places: places.clone(),
                        steps: piece,
                        keep,
                        gates,
                        panel,
                        h,
                        extra,
                        h_0: call.parameters.h_0,
                        c_0: call.parameters.c_0,
                        y: targets.y,
                        h_n: targets.h_n,
                        c_n: targets.c_n,
                        member,
                    }
                    .run();
                };
                if units {
                    for piece in team_steps(frame, places.len(), steps.clone()) {
                        team(frame.blocks.count, &|member| recur(piece.clone(), member));
                    }
                } else {
                    recur(steps.clone(), &Member::alone());
                }
                start = steps.end;
                if start >= steps_here {
                    return;
                }
            }
        });
    }

    /// Copies the inputs of some steps to where they lie side by side.
    fn collect<'b>(
        &self,
        keep: Keep,
        panel: GatePanel,
        places: &Range<usize>,
        steps: &Range<usize>,
        x_rows: &'b mut [T],
    ) -> Chunk<'b, T> {
        let (plan, frame) = (self.plan, self.frame);
        let mut gates = Vec::with_capacity(steps.len() * places.len());
        let mut ids = Vec::new();
        for s in steps.clone() {
            for i in 0..plan.active(s).clamp(places.start, places.end) - places.start {
                let (t, b) = (plan.time(s, places.start + i), plan.sequence(places.start + i));
                match self.call.x {
                    Input::Features(sequence) => {
                        x_rows[gates.len() * frame.inputs..][..frame.inputs].copy_from_slice(sequence.row(t, b));
                    }
                    Input::Categories(all) => ids.push(all[t * plan.batch() + b] as usize),
                }
                gates.push(keep.gates(plan, s, places.start, i) * panel.row_stride);
            }
        }
        Chunk { x_rows, ids, gates }
    }

    /// What x contributes to the gates of a chunk: those of some blocks.
    fn project(&self, chunk: &Chunk<T>, gates: SharedMut<T>, panel: GatePanel, blocks: Range<usize>) {
        let (isa, frame, panels) = (self.call.isa, self.frame, self.packed.input);
        let into = Into {
            target: gates,
            rows: &chunk.gates,
            unit: frame.slots * frame.lanes,
            columns: frame.gates(),
            bias: Some(self.packed.bias),
            group_stride: Some(panel.block_stride),
            far: gates.len() * size_of::<T>() >= VERY_FAR,
            lead: C::LAYOUT.input.first * frame.lanes,
            last_lead: C::LAYOUT.input.first * frame.gap(frame.blocks.count.saturating_sub(1)),
        };
        match self.call.x {
            Input::Features(_) => {
                let run = Run::whole(frame.inputs);
                let operand = Operand::rows(chunk.x_rows.as_ptr(), frame.inputs, &run);
                product(isa, chunk.x_rows, operand, chunk.gates.len(), panels, blocks, into);
            }
            Input::Categories(_) => lookup(isa, &chunk.ids, panels, blocks, into),
        }
    }
}

/// The sum of both biases where a slot receives both products, else the one that belongs to it.
fn fill_bias<T: Scalar>(layout: &Layout, frame: &Frame, parameters: &Parameters<T>, bias: &mut [T]) {
    bias.fill(T::ZERO);
    let hidden = layout.hidden.iter().map(|slots| (slots, parameters.bias_hh));
    for (slots, values) in std::iter::once((&layout.input, parameters.bias_ih)).chain(hidden) {
        let Some(values) = values else { continue };
        for (slot, gate) in slots.gates.iter().enumerate() {
            for (unit, value) in values[gate * frame.hidden..][..frame.hidden].iter().enumerate() {
                let (v, lane) = (unit / frame.lanes, unit % frame.lanes);
                bias[frame.place(v, slots.first + slot, lane)] += *value;
            }
        }
    }
}

/// How the recurrence is shared among threads. The results do not depend on it.
pub enum Split {
    /// Tasks of different sequences, so many of them.
    Batch(usize),
    /// Too few sequences for that: a team, each member with other units, that meets after each step.
    Units,
}

impl Split {
    pub fn new(plan: &Plan, work: usize) -> Self {
        let (batch, threads) = (plan.batch(), num_threads());
        if batch == 0 {
            Split::Batch(0)
        } else if work < SMALL || threads == 1 && plan.equal() && batch <= BLOCK_PLACES {
            Split::Batch(1)
        } else if batch < 4 {
            if work / plan.rows().max(1) * batch < SMALL_STEP { Split::Batch(1) } else { Split::Units }
        } else if plan.equal() {
            Split::Batch(batch.div_ceil(BLOCK_PLACES).next_multiple_of(threads).min(batch / 2))
        } else {
            Split::Batch(batch.div_ceil(RAGGED_PLACES).max(2))
        }
    }
}

/// The pieces of a range of steps that teams form anew for; the last steps come in the last piece.
pub fn team_steps(
    frame: &Frame,
    places: usize,
    steps: Range<usize>,
) -> impl DoubleEndedIterator<Item = Range<usize>> + use<> {
    let most = (TEAM_WORK / (places * frame.gates() * frame.hidden).max(1)).max(1);
    let pieces = steps.len().div_ceil(most).max(1);
    (0..pieces).map(move |i| steps.start + i * steps.len() / pieces..steps.start + (i + 1) * steps.len() / pieces)
}

/// Zeros in y, or dx, past the end of each sequence.
pub fn clear_padding<T: Scalar>(geometry: &RecurrentGeometry, y: &mut [T]) {
    let Some(lengths) = &geometry.lengths else { return };
    let width = y.len() / (geometry.steps * geometry.batch).max(1);
    for t in 0..geometry.steps {
        for (b, &length) in lengths.iter().enumerate() {
            if t >= length {
                y[(t * geometry.batch + b) * width..][..width].fill(T::ZERO);
            }
        }
    }
}

/// The peepholes with zeros behind them, up to whole vectors; empty if there are none.
pub fn with_peepholes<T: Scalar, R>(frame: &Frame, peepholes: Option<&[T]>, body: impl FnOnce(&[T]) -> R) -> R {
    let Some(peepholes) = peepholes.filter(|peepholes| !peepholes.is_empty()) else { return body(&[]) };
    with_scratch::<T, _>(3 * frame.state(), |padded| {
        for (to, from) in padded.chunks_exact_mut(frame.state()).zip(peepholes.chunks_exact(frame.hidden)) {
            to.fill(T::ZERO);
            to[..frame.hidden].copy_from_slice(from);
        }
        body(padded)
    })
}
