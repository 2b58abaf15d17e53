//! The gradients of lines that lie side by side.

#![allow(unsafe_code)]

use crate::memory::with_scratch;
use crate::pointwise::lines::kernel::{MOST_LANES, Operands, Term};
use crate::pointwise::lines::{Layout, Lines, Piece};
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};
use crate::threads::{SharedMut, parallel_ranges};

/// Lines of a task: one class after the other is read, and of each enough to be fetched ahead; their sums stay in the first cache.
const WIDE: usize = 4096;

/// The term of every element, from the sum of another one over its line: dx, from dy and y.
struct Pass<'a, T, A, F> {
    added: A,
    term: F,
    layout: Layout,
    dy: &'a [T],
    y: &'a [T],
    dx: SharedMut<'a, T>,
    piece: Piece,
    /// Room for the piece's columns, by whole vectors.
    sums: &'a mut [T],
}

/// Writes `term(dy, y, sum of added(dy, y) over the line)`.
///
/// # Panics
/// If the arrays are not such lines.
pub fn slopes<T: Scalar, A: Term<T>, F: Term<T>>(added: A, term: F, dy: &[T], y: &[T], lines: Lines, dx: &mut [T]) {
    let layout = lines.layout;
    let elements = lines.positions() * layout.classes;
    assert!([dy.len(), y.len(), dx.len()] == [elements; 3], "whole lines");
    if dx.is_empty() {
        return;
    }
    let (pieces, dx) = (lines.pieces_across(WIDE), SharedMut::new(dx));
    parallel_ranges(pieces.count(), &|number| {
        let piece = pieces.piece(number);
        with_scratch(piece.columns.len().next_multiple_of(MOST_LANES), |sums: &mut [T]| {
            // SAFETY: the lines are inside the arrays, and each belongs to one piece; scratch is as long as asked for.
            unsafe { run(Pass { added, term, layout, dy, y, dx, piece, sums }) }
        });
    });
}

impl<T: Scalar, A: Term<T>, F: Term<T>> Kernel<T> for Pass<'_, T, A, F> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let Layout { classes, inner } = self.layout;
        let (dy, y, dx, sums) = (self.dy.as_ptr(), self.y.as_ptr(), self.dx.as_mut_ptr(), self.sums.as_mut_ptr());
        let (columns, n) = (self.piece.columns.start, self.piece.columns.len());
        // SAFETY: every step ends with the columns of the piece; there is room for whole vectors of sums.
        unsafe {
            let zero = S::zero();
            for outer in self.piece.outer.clone() {
                for class in 0..classes {
                    let start = (outer * classes + class) * inner + columns;
                    for i in (0..n).step_by(S::LANES) {
                        let x = S::load_up_to(dy.add(start + i), n - i);
                        let other = if A::OTHER { S::load_up_to(y.add(start + i), n - i) } else { zero };
                        let v = Operands { x, other, lines: [zero; 4], weights: [zero; 4] };
                        let before = if class == 0 { zero } else { S::load(sums.add(i)) };
                        S::store(sums.add(i), S::add(before, self.added.apply::<S>(v)));
                    }
                }
                for class in 0..classes {
                    let start = (outer * classes + class) * inner + columns;
                    for i in (0..n).step_by(S::LANES) {
                        let x = S::load_up_to(dy.add(start + i), n - i);
                        let other = S::load_up_to(y.add(start + i), n - i);
                        let lines = [S::load(sums.add(i)), zero, zero, zero];
                        let v = Operands { x, other, lines, weights: [zero; 4] };
                        S::store_up_to(dx.add(start + i), n - i, self.term.apply::<S>(v));
                    }
                }
            }
        }
    }
}
