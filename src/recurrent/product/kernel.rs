//! Rows times panels, into rows anywhere, and the same for one-hot rows.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::recurrent::ahead::kernel::{Soon, Spacing};
use crate::recurrent::kernel::{Buffer, STRIP_ROWS, Strip, TILE_VECTORS, lanes_on};
use crate::recurrent::operand::Operand;
use crate::recurrent::panels::kernel::Panels;
use crate::scalar::Scalar;
use crate::simd::{self, Isa, Kernel, Simd};
use crate::threads::SharedMut;

/// Rows times panels, into rows anywhere.
struct Product<'a, T> {
    isa: Isa,
    operand: Operand<'a, T>,
    rows: usize,
    panels: Panels<'a, T>,
    groups: Range<usize>,
    into: Into<'a, T>,
}

/// Where the rows of a product go.
pub struct Into<'a, T> {
    pub target: SharedMut<'a, T>,
    /// The first element of each row.
    pub rows: &'a [usize],
    /// Columns of the result from one unit of the panels to the next.
    pub unit: usize,
    /// Elements of the target from one group of the panels to the next, where they are not as many as columns.
    pub group_stride: Option<usize>,
    /// Columns that exist.
    pub columns: usize,
    /// What is added to each row; as long as a row.
    pub bias: Option<&'a [T]>,
    /// Whether the target is so large that it is not in the caches near the core.
    pub far: bool,
    /// Elements in front of each group, and of the last one, that hold the bias alone.
    pub lead: usize,
    pub last_lead: usize,
}

impl<'a, T: Scalar> Into<'a, T> {
    /// Rows of a matrix with `columns` columns, for panels of single vectors.
    pub fn matrix(target: SharedMut<'a, T>, rows: &'a [usize], lanes: usize, columns: usize) -> Self {
        let (group_stride, bias) = (None, None);
        Into { target, rows, unit: lanes, group_stride, columns, bias, far: false, lead: 0, last_lead: 0 }
    }

    fn check(&self, rows: usize, lanes: usize, panels: &Panels<T>) {
        let shape = &panels.shape;
        assert!(self.rows.len() >= rows && (shape.groups.count == 0 || shape.vectors_in(0) <= TILE_VECTORS));
        let reach = match self.group_stride {
            Some(stride) => {
                assert!(shape.groups.most() * self.unit <= stride);
                shape.groups.count.saturating_sub(1) * stride + shape.groups.most() * self.unit
            }
            None => self.columns,
        };
        assert!(self.rows[..rows].iter().all(|&row| row + reach <= self.target.len()));
        assert!(shape.len(lanes) <= panels.data.len() && self.lead + shape.per_unit * lanes <= self.unit);
        assert!(self.last_lead <= self.lead);
        let end = shape.groups.whole * self.unit;
        assert!(self.bias.is_none_or(|bias| bias.len() >= end && end <= self.columns));
        assert!(self.lead == 0 || self.bias.is_some() && shape.groups.count == shape.groups.whole);
    }

    /// Where a group that begins at `column` begins in a row of the target.
    #[inline(always)]
    fn start(&self, group: usize, column: usize) -> usize {
        self.group_stride.map_or(column, |stride| group * stride)
    }

    #[inline(always)]
    fn bias_at(&self, column: usize) -> *const T {
        self.bias.map_or(std::ptr::null(), |bias| bias.as_ptr().wrapping_add(column))
    }

    /// Elements in front of a group.
    #[inline(always)]
    fn lead_of(&self, group: usize, panels: &Panels<T>) -> usize {
        if group + 1 == panels.shape.groups.count { self.last_lead } else { self.lead }
    }

    /// Copies the leading biases of a group that starts at `column` to a row, and some elements more.
    #[inline(always)]
    unsafe fn write_lead<S: Simd<T = T>>(&self, to: *mut T, column: usize) {
        unsafe {
            for j in (0..self.lead).step_by(S::LANES) {
                S::store(to.add(j), S::load(self.bias_at(column + j)));
            }
        }
    }
}

/// `into.rows[i] = bias + operand[i] * panels`, the columns of some groups. No other task may write these.
///
/// `operand` holds `rows` rows inside `source`.
pub fn product<T: Scalar>(
    isa: Isa,
    source: &[T],
    operand: Operand<'_, T>,
    rows: usize,
    panels: Panels<T>,
    groups: Range<usize>,
    into: Into<T>,
) {
    if rows == 0 {
        return;
    }
    into.check(rows, lanes_on::<T>(isa), &panels);
    assert!(groups.end <= panels.shape.groups.count);
    assert!(operand.depth() == panels.shape.depth);
    let begin = (operand.start as usize - source.as_ptr() as usize) / size_of::<T>();
    assert!(begin + (rows - 1) * operand.row + operand.reach() <= source.len());
    // SAFETY: the asserts above; the caller keeps other tasks away.
    unsafe { simd::run_on(isa, Product { isa, operand, rows, panels, groups, into }) }
}

impl<T: Scalar> Kernel<T> for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let mut buffer = Buffer::new();
            let into = &self.into;
            for group in self.groups.clone() {
                let vectors = self.panels.shape.vectors_in(group);
                let column = self.panels.shape.units_in(group).start * into.unit;
                let (start, lead) = (into.start(group, column), into.lead_of(group, &self.panels));
                for first in (0..self.rows).step_by(STRIP_ROWS) {
                    let end = self.rows.min(first + STRIP_ROWS);
                    let soon = Soon {
                        start: into.target.as_mut_ptr().wrapping_add(start),
                        rows: Spacing::At(&into.rows[first..end]),
                        columns: lead + vectors * S::LANES,
                        blocks: 1,
                        block_stride: 0,
                        write: true,
                    };
                    let strip = Strip {
                        initial: if into.bias.is_some() { into.bias_at(column + lead) } else { std::ptr::null() },
                        initial_row: 0,
                        operand: self.operand.at_row(first),
                        panel: self.panels.group(group, S::LANES),
                        buffer: buffer.start(),
                        rows: end - first,
                        vectors,
                        second: None,
                        soon: into.far.then_some(&soon),
                    };
                    simd::run_on(self.isa, strip);
                    for row in first..end {
                        let to = into.target.as_mut_ptr().add(into.rows[row] + start);
                        into.write_lead::<S>(to, column);
                        let from = buffer.start().add((row - first) * vectors * S::LANES);
                        for j in 0..vectors {
                            let n = into.columns.saturating_sub(column + lead + j * S::LANES);
                            if n > 0 {
                                S::store_up_to(to.add(lead + j * S::LANES), n, S::load(from.add(j * S::LANES)));
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The product with rows that are all zeros but for a one.
struct Lookup<'a, T> {
    ids: &'a [usize],
    panels: Panels<'a, T>,
    groups: Range<usize>,
    into: Into<'a, T>,
}

/// `into.rows[i] = bias + row ids[i] of the panels`, the columns of some groups. No other task may write these.
pub fn lookup<T: Scalar>(isa: Isa, ids: &[usize], panels: Panels<T>, groups: Range<usize>, into: Into<T>) {
    into.check(ids.len(), lanes_on::<T>(isa), &panels);
    assert!(groups.end <= panels.shape.groups.count);
    assert!(ids.iter().all(|&id| id < panels.shape.depth) && into.bias.is_some());
    // SAFETY: the asserts above; the caller keeps other tasks away.
    unsafe { simd::run_on(isa, Lookup { ids, panels, groups, into }) }
}

impl<T: Scalar> Kernel<T> for Lookup<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let (into, shape) = (&self.into, &self.panels.shape);
            for (row, &id) in self.ids.iter().enumerate() {
                for group in self.groups.clone() {
                    let wide = shape.vectors_in(group);
                    let column = shape.units_in(group).start * into.unit;
                    let to = into.target.as_mut_ptr().add(into.rows[row] + into.start(group, column));
                    into.write_lead::<S>(to, column);
                    let from = self.panels.group(group, S::LANES).add(id * wide * S::LANES);
                    for j in 0..wide {
                        let place = into.lead_of(group, &self.panels) + j * S::LANES;
                        let bias = S::load(into.bias_at(column + place));
                        S::store(to.add(place), S::add(bias, S::load(from.add(j * S::LANES))));
                    }
                }
            }
        }
    }
}
