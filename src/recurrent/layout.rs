//! Where the gates of a cell lie in the panels.
//!
//! The values of one row are cut into vectors of as many units as a register has lanes. The gates of the same units lie side
//! by side, in `slots` vectors: a register tile that covers them ends with all gates of its units. Where the last vector of
//! units is not full, the gates of those that exist lie side by side, in as few vectors as hold them. The panel of gates has
//! one such row per step and sequence; it holds first what comes from x, then the activations, then their gradients. A large
//! one lies in memory block by block, the rows of each block side by side: whatever reads or writes it has one block at a time.

use std::ops::Range;

use super::kernel::TILE_VECTORS;

/// Bytes from which on a panel of gates lies block by block. A smaller one stays in a cache as it is, and with few sequences its rows
/// would be so short that threads write side by side: 3 to 8 % slower.
const LARGE_PANEL: usize = 1 << 18;
/// Bytes of a row of a block for which that is worthwhile: a product with the gradients of gates goes from block to block.
const LEAST_WIDTH: usize = 256;
/// A step has some rows of every block. Where blocks lie a power of two apart, these push one another out of the caches: so they lie an
/// odd number of cache lines apart, half a grid more than a multiple of it.
const BLOCK_GRID: usize = 8192;
const BLOCK_SHIFT: usize = 4096 + 64;

/// Adjacent slots that are multiplied with the same operand, and the gate (in PyTorch's order) that each of them is.
pub struct Slots {
    pub first: usize,
    pub gates: &'static [usize],
}

/// The slots of a cell.
pub struct Layout {
    pub slots: usize,
    /// The products with x.
    pub input: Slots,
    /// The products with the previous state; behind it, where there is one, the product with a second operand.
    pub hidden: &'static [Slots],
}

pub const ELMAN: Layout =
    Layout { slots: 1, input: Slots { first: 0, gates: &[0] }, hidden: &[Slots { first: 0, gates: &[0] }] };

pub const LSTM: Layout = Layout {
    slots: 4,
    input: Slots { first: 0, gates: &[0, 1, 2, 3] },
    hidden: &[Slots { first: 0, gates: &[0, 1, 2, 3] }],
};

/// The candidate has two slots: what comes from the state, which the reset gate multiplies, and what comes from x.
pub const GRU_RESET_AFTER: Layout =
    Layout { slots: 4, input: Slots { first: 1, gates: &[0, 1, 2] }, hidden: &[Slots { first: 0, gates: &[2, 0, 1] }] };

/// The candidate's second operand is the state multiplied by the reset gate.
pub const GRU_RESET_BEFORE: Layout = Layout {
    slots: 3,
    input: Slots { first: 0, gates: &[0, 1, 2] },
    hidden: &[Slots { first: 0, gates: &[0, 1] }, Slots { first: 2, gates: &[2] }],
};

/// The sizes of one call under one instruction set.
#[derive(Clone, Copy)]
pub struct Frame {
    pub lanes: usize,
    pub inputs: usize,
    pub hidden: usize,
    pub slots: usize,
    /// Vectors of units.
    pub vectors: usize,
    /// The parts of the units that a tile covers: in a cell with one gate it spans several vectors.
    pub blocks: Parts,
}

/// Where the blocks of units of a panel of gates lie, in elements.
#[derive(Clone, Copy)]
pub struct GatePanel {
    /// Elements of the panel.
    pub len: usize,
    /// From one row of a block to the next.
    pub row_stride: usize,
    /// From one block to the next.
    pub block_stride: usize,
}

impl GatePanel {
    /// Elements from the first one to behind the last block of the last of some rows.
    pub fn reach(&self, frame: &Frame, rows: usize) -> usize {
        if rows == 0 || frame.blocks.count == 0 {
            return 0;
        }
        (rows - 1) * self.row_stride + (frame.blocks.count - 1) * self.block_stride + frame.width()
    }
}

/// `whole` things in `count` parts, which differ by one at most.
#[derive(Clone, Copy)]
pub struct Parts {
    pub whole: usize,
    pub count: usize,
    /// Things in a part, and how many of the parts, the first ones, have one more.
    least: usize,
    more: usize,
}

impl Parts {
    /// As few parts as there can be with `most` things each.
    pub fn of_at_most(most: usize, whole: usize) -> Self {
        let count = whole.div_ceil(most);
        Parts { whole, count, least: whole / count.max(1), more: whole % count.max(1) }
    }

    /// How many parts, the first ones, have one thing more than the others.
    pub fn larger(&self) -> usize {
        self.more
    }

    /// Things in the largest part.
    #[inline(always)]
    pub fn most(&self) -> usize {
        self.least + usize::from(self.more > 0)
    }

    /// The first thing of a part; behind the last part, `whole`.
    #[inline(always)]
    pub fn start(&self, part: usize) -> usize {
        part * self.least + part.min(self.more)
    }

    #[inline(always)]
    pub fn part(&self, part: usize) -> Range<usize> {
        self.start(part)..self.start(part + 1)
    }
}

impl Frame {
    pub fn new(layout: &Layout, lanes: usize, inputs: usize, hidden: usize) -> Self {
        let vectors = hidden.div_ceil(lanes);
        let blocks = Parts::of_at_most(if layout.slots == 1 { TILE_VECTORS } else { 1 }, vectors);
        Frame { lanes, inputs, hidden, slots: layout.slots, vectors, blocks }
    }

    /// The vectors of units of a block.
    #[inline(always)]
    pub fn block(&self, block: usize) -> Range<usize> {
        self.blocks.part(block)
    }

    /// Elements in a row of states.
    pub fn state(&self) -> usize {
        self.vectors * self.lanes
    }

    /// Elements in a row of gates.
    pub fn gates(&self) -> usize {
        self.state() * self.slots
    }

    /// Elements of a row of the largest block of units in a panel of gates.
    #[inline(always)]
    pub fn width(&self) -> usize {
        self.blocks.most() * self.slots * self.lanes
    }

    /// The panel of gates of so many rows.
    pub fn gate_panel<T>(&self, rows: usize) -> GatePanel {
        let (size, count, width) = (size_of::<T>(), self.blocks.count, self.width());
        let len = rows * count * width;
        if len * size < LARGE_PANEL || width * size < LEAST_WIDTH {
            return GatePanel { len, row_stride: count * width, block_stride: width };
        }
        let block_stride = ((rows * width * size).next_multiple_of(BLOCK_GRID) + BLOCK_SHIFT) / size;
        GatePanel { len: count * block_stride, row_stride: width, block_stride }
    }

    /// Units in vector `v` that exist.
    #[inline(always)]
    pub fn units_in(&self, v: usize) -> usize {
        self.hidden.saturating_sub(v * self.lanes).min(self.lanes)
    }

    /// The units of some blocks, those that exist.
    pub fn block_units(&self, blocks: &Range<usize>) -> Range<usize> {
        let vectors = self.block_vectors(blocks);
        (vectors.start * self.lanes).min(self.hidden)..(vectors.end * self.lanes).min(self.hidden)
    }

    /// The vectors of units of some blocks.
    pub fn block_vectors(&self, blocks: &Range<usize>) -> Range<usize> {
        self.blocks.start(blocks.start)..self.blocks.start(blocks.end)
    }

    /// Whether a vector of units lacks some, and their gates lie closer for it. In a cell with one gate they do not.
    #[inline(always)]
    pub fn is_partial(&self, v: usize) -> bool {
        self.slots > 1 && self.units_in(v) < self.lanes
    }

    /// Elements from one slot to the next in a row of a block.
    #[inline(always)]
    pub fn gap(&self, block: usize) -> usize {
        if self.slots == 1 { self.lanes } else { self.units_in(block) }
    }

    /// Where a row has the gate in `slot` of unit `lane` of a vector of units, when its blocks follow one another.
    pub fn place(&self, v: usize, slot: usize, lane: usize) -> usize {
        v * self.slots * self.lanes + slot * self.gap(v) + lane
    }

    /// Vectors of a block's tile over `slots`.
    pub fn tile(&self, slots: &Slots, block: usize) -> usize {
        self.tile_of(slots.gates.len(), block)
    }

    /// Vectors of a row of a block.
    pub fn row_vectors(&self, block: usize) -> usize {
        self.tile_of(self.slots, block)
    }

    fn tile_of(&self, slots: usize, block: usize) -> usize {
        if self.slots == 1 { self.block(block).len() } else { (slots * self.gap(block)).div_ceil(self.lanes) }
    }

    /// Gate and vector of units of the `j`-th vector of a block's tile, unless the block is partial.
    pub fn gate_of(&self, slots: &Slots, block: usize, j: usize) -> (usize, usize) {
        let per_unit = slots.gates.len();
        (slots.gates[j % per_unit], self.block(block).start + j / per_unit)
    }
}
