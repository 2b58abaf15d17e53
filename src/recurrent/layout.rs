//! Where the gates of a cell lie in the panels.
//!
//! The values of one row are cut into vectors of as many units as a register has lanes. The gates of the same units lie side
//! by side, in `slots` vectors: a register tile that covers them ends with all gates of its units. The panel of gates has
//! one such row per step and sequence; it holds first what comes from x, then the activations, then their gradients.

use std::ops::Range;

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
    /// Vectors of units in a block: in a cell with one gate a tile spans several.
    pub units: usize,
    /// Vectors of units, whole blocks of them.
    pub vectors: usize,
}

impl Frame {
    pub fn new(layout: &Layout, lanes: usize, inputs: usize, hidden: usize) -> Self {
        let needed = hidden.div_ceil(lanes);
        let units = match layout.slots {
            1 if needed.next_multiple_of(4) == needed.next_multiple_of(2) => 4,
            1 => 2,
            _ => 1,
        };
        Frame { lanes, inputs, hidden, slots: layout.slots, units, vectors: needed.next_multiple_of(units) }
    }

    pub fn blocks(&self) -> usize {
        self.vectors / self.units
    }

    /// Elements in a row of states.
    pub fn state(&self) -> usize {
        self.vectors * self.lanes
    }

    /// Elements in a row of gates.
    pub fn gates(&self) -> usize {
        self.state() * self.slots
    }

    /// Units in vector `v` that exist.
    pub fn units_in(&self, v: usize) -> usize {
        self.hidden.saturating_sub(v * self.lanes).min(self.lanes)
    }

    /// The units of some blocks, those that exist.
    pub fn block_units(&self, blocks: &Range<usize>) -> Range<usize> {
        let unit = |block: usize| (block * self.units * self.lanes).min(self.hidden);
        unit(blocks.start)..unit(blocks.end)
    }

    /// Vectors of a block's tile over `slots`.
    pub fn tile(&self, slots: &Slots) -> usize {
        self.units * slots.gates.len()
    }

    /// Gate and vector of units of the `j`-th vector of a block's tile.
    pub fn gate_of(&self, slots: &Slots, block: usize, j: usize) -> (usize, usize) {
        let per_unit = slots.gates.len();
        (slots.gates[j % per_unit], block * self.units + j / per_unit)
    }
}
