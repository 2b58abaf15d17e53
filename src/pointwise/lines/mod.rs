//! Arrays as lines along one axis.

pub mod kernel;
pub mod stage;
pub mod statistics;

use std::ops::Range;

pub use kernel::Layout;

use super::BLOCK;

/// An array as (outer, classes, inner), `classes` being the extent of one of its axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    pub outer: usize,
    pub layout: Layout,
}

impl Lines {
    /// `axis < shape.len()`.
    pub fn new(shape: &[usize], axis: usize) -> Lines {
        let layout = Layout { classes: shape[axis], inner: shape[axis + 1..].iter().product() };
        Lines { outer: shape[..axis].iter().product(), layout }
    }

    /// The number of lines.
    pub fn positions(&self) -> usize {
        self.outer * self.layout.inner
    }

    /// The number of the element of `class` in the line at `position`.
    pub fn element(&self, position: usize, class: usize) -> usize {
        let Layout { classes, inner } = self.layout;
        (position / inner * classes + class) * inner + position % inner
    }

    /// Lines of one task: a fixed number, that of a block of elements, and all that lie side by side.
    pub fn positions_per_task(&self) -> usize {
        let Layout { classes, inner } = self.layout;
        (BLOCK / (classes * inner).max(1)).max(1) * inner
    }
}

/// Lines side by side that are cut from others: whole cache lines of every type.
const COLUMNS: usize = 64;

/// The lines of a task: some of those that lie side by side, or all of them for several outer indices. Their positions follow one
/// another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub outer: Range<usize>,
    pub columns: Range<usize>,
}

/// The cut of [`Lines`] into pieces, each about a block of elements.
#[derive(Clone, Copy, Debug)]
pub struct Pieces {
    lines: Lines,
    outers: usize,
    columns: usize,
}

impl Lines {
    /// There is at least one element.
    pub fn pieces(self) -> Pieces {
        self.pieces_of(1)
    }

    /// Pieces of at most so many lines that lie side by side.
    pub fn pieces_across(self, columns: usize) -> Pieces {
        let Layout { classes, inner } = self.layout;
        let outers = if columns < inner { 1 } else { (BLOCK / (classes * inner)).max(1) };
        Pieces { lines: self, outers, columns: columns.min(inner) }
    }

    /// Pieces of at least `rows` lines, which are adjacent in memory if that is more than one.
    pub fn pieces_of(self, rows: usize) -> Pieces {
        let Layout { classes, inner } = self.layout;
        let columns = inner.min((BLOCK / classes).max(1).next_multiple_of(COLUMNS));
        assert!(rows == 1 || inner == 1, "lines that are adjacent in memory");
        Pieces { lines: self, outers: (BLOCK / (classes * inner)).max(rows), columns }
    }
}

impl Pieces {
    fn across(&self) -> usize {
        self.lines.layout.inner.div_ceil(self.columns)
    }

    pub fn count(&self) -> usize {
        self.lines.outer.div_ceil(self.outers) * self.across()
    }

    pub fn piece(&self, number: usize) -> Piece {
        let Lines { outer, layout } = self.lines;
        let (first, column) = (number / self.across() * self.outers, number % self.across() * self.columns);
        Piece { outer: first..outer.min(first + self.outers), columns: column..layout.inner.min(column + self.columns) }
    }

    /// The positions of a piece.
    pub fn positions(&self, piece: &Piece) -> Range<usize> {
        let first = piece.outer.start * self.lines.layout.inner + piece.columns.start;
        first..first + piece.outer.len() * piece.columns.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_every_position_once_in_their_order() {
        for (outer, classes, inner) in
            [(1, 1, 1), (7, 10, 1), (3, 21, 5000), (40_000, 2, 3), (2, 100_000, 2), (5, 3, 16_384)]
        {
            let lines = Lines { outer, layout: Layout { classes, inner } };
            for pieces in [lines.pieces(), lines.pieces_across(64), lines.pieces_across(4096)] {
                let mut next = 0;
                for number in 0..pieces.count() {
                    let piece = pieces.piece(number);
                    let positions = pieces.positions(&piece);
                    assert_eq!(positions.start, next);
                    assert!(piece.outer.len() == 1 || piece.columns == (0..inner));
                    assert!(!positions.is_empty());
                    next = positions.end;
                }
                assert_eq!(next, lines.positions());
            }
        }
    }
}
