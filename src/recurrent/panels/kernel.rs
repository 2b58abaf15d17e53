//! How packed weights lie in memory, and the packing.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::recurrent::kernel::{TILE_VECTORS, lanes_on};
use crate::recurrent::layout::{Frame, Parts, Slots};
use crate::scalar::Scalar;
use crate::simd::{self, Isa, Kernel, Simd};
use crate::threads::{SharedMut, parallel_for};

/// Packed weights: groups of columns, in a group `depth` rows.
#[derive(Clone, Copy)]
pub struct Panels<'a, T> {
    pub data: &'a [T],
    pub shape: Shape,
}

/// The columns of panels: units of `per_unit` vectors, in groups.
#[derive(Clone, Copy)]
pub struct Shape {
    pub depth: usize,
    pub per_unit: usize,
    pub groups: Parts,
    /// Vectors of the last group.
    last: usize,
}

impl Shape {
    /// Single vectors, in as few groups as there can be.
    pub fn vectors(depth: usize, vectors: usize) -> Self {
        let groups = Parts::of_at_most(TILE_VECTORS, vectors);
        let last = groups.count.checked_sub(1).map_or(0, |last| groups.part(last).len());
        Shape { depth, per_unit: 1, groups, last }
    }

    /// The vectors of the given slots of each block of units.
    pub fn slots(depth: usize, frame: &Frame, slots: &Slots) -> Self {
        let last = frame.blocks.count.checked_sub(1).map_or(0, |last| frame.tile(slots, last));
        Shape { depth, per_unit: slots.gates.len(), groups: frame.blocks, last }
    }

    /// Elements of all panels.
    pub fn len(&self, lanes: usize) -> usize {
        self.groups.count.checked_sub(1).map_or(0, |last| self.group(last, lanes).end)
    }

    /// The units of a group.
    #[inline(always)]
    pub fn units_in(&self, group: usize) -> Range<usize> {
        self.groups.part(group)
    }

    #[inline(always)]
    pub fn vectors_in(&self, group: usize) -> usize {
        if group + 1 == self.groups.count { self.last } else { self.units_in(group).len() * self.per_unit }
    }

    /// The elements of a group.
    #[inline(always)]
    pub fn group(&self, group: usize, lanes: usize) -> Range<usize> {
        let start = self.groups.start(group) * self.per_unit * lanes * self.depth;
        start..start + self.vectors_in(group) * lanes * self.depth
    }

    /// Calls `body` for each group, with the group's part of `panels`, on all threads.
    pub fn fill<T: Send>(&self, panels: &mut [T], lanes: usize, body: &(dyn Fn(usize, &mut [T]) + Sync)) {
        assert!(panels.len() >= self.len(lanes));
        let shared = SharedMut::new(panels);
        parallel_for(self.groups.count, &|group| {
            let Range { start, end } = self.group(group, lanes);
            // SAFETY: groups do not overlap, and each comes once.
            body(group, unsafe { shared.slice(start, end - start) });
        });
    }
}

impl<T> Panels<'_, T> {
    #[inline(always)]
    pub fn group(&self, group: usize, lanes: usize) -> *const T {
        self.data.as_ptr().wrapping_add(self.shape.group(group, lanes).start)
    }
}

/// Rows of weights become lanes: vector `j` of row `k` of a panel holds column k of the weights of one gate of some units.
struct PackLanes<'a, T> {
    weight: &'a [T],
    depth: usize,
    frame: &'a Frame,
    slots: &'a Slots,
    block: usize,
    panel: &'a mut [T],
}

/// The panel of a block for the products with `slots`.
pub fn pack_lanes<T: Scalar>(
    isa: Isa,
    weight: &[T],
    depth: usize,
    frame: &Frame,
    slots: &Slots,
    block: usize,
    panel: &mut [T],
) {
    assert!(panel.len() >= depth * frame.tile(slots, block) * frame.lanes && lanes_on::<T>(isa) == frame.lanes);
    assert!(slots.gates.iter().all(|gate| (gate + 1) * frame.hidden * depth <= weight.len()));
    // SAFETY: the asserts above.
    unsafe { simd::run_on(isa, PackLanes { weight, depth, frame, slots, block, panel }) }
}

impl<T: Scalar> Kernel<T> for PackLanes<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let vectors = self.frame.tile(self.slots, self.block);
            let width = vectors * S::LANES;
            if self.frame.is_partial(self.block) {
                return self.partial(width);
            }
            for j in 0..vectors {
                let (gate, v) = self.frame.gate_of(self.slots, self.block, j);
                let units = self.frame.units_in(v);
                let row = gate * self.frame.hidden + v * S::LANES;
                let from = self.weight.as_ptr().wrapping_add(row * self.depth);
                let to = self.panel.as_mut_ptr().add(j * S::LANES);
                let whole = if units == S::LANES { self.depth - self.depth % S::LANES } else { 0 };
                for k in (0..whole).step_by(S::LANES) {
                    S::transpose(from.add(k), self.depth, to.add(k * width), width);
                }
                for k in whole..self.depth {
                    for lane in 0..S::LANES {
                        let value = if lane < units { *from.add(lane * self.depth + k) } else { T::ZERO };
                        *to.add(k * width + lane) = value;
                    }
                }
            }
        }
    }
}

impl<T: Scalar> PackLanes<'_, T> {
    /// The same for the gates of units that do not fill a vector, one behind another.
    fn partial(self, width: usize) {
        let (gates, gap) = (self.slots.gates, self.frame.gap(self.block));
        for place in 0..width {
            let (slot, unit) = (place / gap, place % gap);
            let row = gates.get(slot).map(|gate| gate * self.frame.hidden + self.block * self.frame.lanes + unit);
            for k in 0..self.depth {
                self.panel[k * width + place] = row.map_or(T::ZERO, |row| self.weight[row * self.depth + k]);
            }
        }
    }
}

/// Rows of weights stay rows: row (vector of units, gate, unit) of a panel holds some columns of that row of the weights.
struct PackRows<'a, T> {
    weight: &'a [T],
    columns: usize,
    frame: &'a Frame,
    slots: &'a Slots,
    vectors: Range<usize>,
    panel: &'a mut [T],
}

/// The columns of some vectors, for the products of gradients of `slots`.
pub fn pack_rows<T: Scalar>(
    isa: Isa,
    weight: &[T],
    columns: usize,
    frame: &Frame,
    slots: &Slots,
    vectors: Range<usize>,
    panel: &mut [T],
) {
    assert!(panel.len() >= frame.hidden * slots.gates.len() * vectors.len() * frame.lanes);
    assert!(lanes_on::<T>(isa) == frame.lanes);
    assert!(slots.gates.iter().all(|gate| (gate + 1) * frame.hidden * columns <= weight.len()));
    // SAFETY: the asserts above.
    unsafe { simd::run_on(isa, PackRows { weight, columns, frame, slots, vectors, panel }) }
}

impl<T: Scalar> Kernel<T> for PackRows<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        unsafe {
            let mut to = self.panel.as_mut_ptr();
            for v in 0..self.frame.vectors {
                let units = self.frame.units_in(v);
                for &gate in self.slots.gates {
                    for lane in 0..units {
                        let row = gate * self.frame.hidden + v * S::LANES + lane;
                        for j in self.vectors.clone() {
                            let column = j * S::LANES;
                            let n = self.columns.saturating_sub(column);
                            let from = self.weight.as_ptr().wrapping_add(row * self.columns + column);
                            S::store(to, if n > 0 { S::load_up_to(from, n) } else { S::zero() });
                            to = to.add(S::LANES);
                        }
                    }
                }
            }
        }
    }
}
