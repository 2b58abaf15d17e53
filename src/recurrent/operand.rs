//! Which elements of memory the rows of a product are.

use super::layout::{Frame, GatePanel, Slots};

/// The broadcast side of a product: rows of pieces that lie anywhere.
#[derive(Clone, Copy)]
pub struct Operand<'a, T> {
    /// The first row.
    pub start: *const T,
    /// Elements from one row to the next.
    pub row: usize,
    pub runs: &'a [Run],
}

/// Evenly spaced pieces of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Where the first piece begins, in elements from the start of the row.
    pub start: usize,
    pub pieces: usize,
    pub length: usize,
    /// Elements from one piece to the next.
    pub stride: usize,
}

impl Run {
    /// One piece.
    pub fn whole(length: usize) -> Self {
        Run { start: 0, pieces: 1, length, stride: 0 }
    }

    /// Behind the last element, from the start of the row.
    fn end(&self) -> usize {
        if self.pieces == 0 { 0 } else { self.start + (self.pieces - 1) * self.stride + self.length }
    }
}

/// The pieces of some slots of rows of gates: the units that exist.
#[derive(Clone, Copy, Default)]
pub struct SlotRuns {
    runs: [Run; 3],
    count: usize,
}

impl SlotRuns {
    pub fn new(frame: &Frame, slots: &Slots, panel: GatePanel) -> Self {
        let (blocks, lanes) = (&frame.blocks, frame.lanes);
        let mut all = SlotRuns::default();
        let Some(last) = blocks.count.checked_sub(1) else { return all };
        let large = blocks.larger();
        for (from, to) in [(0, large), (large, last)] {
            if from < to {
                let start = from * panel.block_stride + slots.first * lanes;
                all.push(Run {
                    start,
                    pieces: to - from,
                    length: frame.tile(slots, from) * lanes,
                    stride: panel.block_stride,
                });
            }
        }
        let start = last * panel.block_stride + slots.first * frame.gap(last);
        let units = frame.hidden - blocks.start(last) * lanes;
        all.push(Run { start, ..Run::whole(slots.gates.len() * units) });
        all
    }

    fn push(&mut self, run: Run) {
        self.runs[self.count] = run;
        self.count += 1;
    }
}

impl std::ops::Deref for SlotRuns {
    type Target = [Run];

    fn deref(&self) -> &[Run] {
        &self.runs[..self.count]
    }
}

impl<'a, T> Operand<'a, T> {
    /// Rows of adjacent elements, `row` apart.
    pub fn rows(start: *const T, row: usize, run: &'a Run) -> Self {
        Operand { start, row, runs: std::slice::from_ref(run) }
    }

    /// Rows of a panel of gates.
    pub fn slots(start: *const T, panel: GatePanel, runs: &'a SlotRuns) -> Self {
        Operand { start, row: panel.row_stride, runs }
    }

    /// Elements of a row.
    pub fn depth(&self) -> usize {
        self.runs.iter().map(|run| run.pieces * run.length).sum()
    }

    /// Elements from the start of a row to behind its last piece.
    pub fn reach(&self) -> usize {
        self.runs.iter().map(Run::end).max().unwrap_or(0)
    }

    #[inline(always)]
    pub fn at_row(self, row: usize) -> Self {
        Operand { start: self.start.wrapping_add(row * self.row), ..self }
    }

    /// No product: the tile stays what it starts from.
    #[inline(always)]
    pub fn none(self) -> Self {
        Operand { runs: &[], ..self }
    }
}
