//! The gradients of lines that lie side by side.

#![allow(unsafe_code)]

use crate::memory::with_scratch;
use crate::pointwise::lines::kernel::{Operands, Term};
use crate::pointwise::lines::stage::{MOST_CLASSES, Stage};
use crate::pointwise::lines::{Layout, Lines, Piece};
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};
use crate::threads::{SharedMut, parallel_ranges};

/// The term of every element, from the sum of another one over its line: dx, from dy and y.
struct Pass<'a, T, A, F> {
    added: A,
    term: F,
    layout: Layout,
    dy: &'a [T],
    y: &'a [T],
    dx: SharedMut<'a, T>,
    piece: Piece,
    scratch: &'a mut [T],
}

/// Whether [`slopes`] is for these lines.
pub fn applies(lines: Lines) -> bool {
    lines.layout.inner > 1 && lines.layout.classes <= MOST_CLASSES
}

/// Writes `term(dy, y, sum of added(dy, y) over the line)`, whole lines in scratch meanwhile.
///
/// # Panics
/// If the arrays are not such lines.
pub fn slopes<T: Scalar, A: Term<T>, F: Term<T>>(added: A, term: F, dy: &[T], y: &[T], lines: Lines, dx: &mut [T]) {
    let layout = lines.layout;
    let elements = lines.positions() * layout.classes;
    assert!(applies(lines) && [dy.len(), y.len(), dx.len()] == [elements; 3], "whole lines side by side");
    if dx.is_empty() {
        return;
    }
    let (pieces, dx) = (lines.pieces(), SharedMut::new(dx));
    let stage = Stage::<T>::len(layout);
    parallel_ranges(pieces.count(), &|number| {
        let piece = pieces.piece(number);
        with_scratch(2 * stage + stage / layout.classes, |scratch: &mut [T]| {
            // SAFETY: the lines are inside the arrays, and each belongs to one piece; scratch is as long as asked for.
            unsafe { run(Pass { added, term, layout, dy, y, dx, piece, scratch }) }
        });
    });
}

impl<T: Scalar, A: Term<T>, F: Term<T>> Kernel<T> for Pass<'_, T, A, F> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let Layout { classes, inner } = self.layout;
        let stage = Stage::<T>::len(self.layout);
        let (kept_dy, rest) = self.scratch.split_at_mut(stage);
        let (kept_y, sums) = rest.split_at_mut(stage);
        let (kept_dy, kept_y, pitch) = (kept_dy.as_mut_ptr(), kept_y.as_mut_ptr(), sums.len());
        // SAFETY: every step ends with the columns of the piece; scratch has room for whole vectors.
        unsafe {
            let zero = S::zero();
            for outer in self.piece.outer.clone() {
                for at in self.piece.columns.clone().step_by(pitch) {
                    let n = (self.piece.columns.end - at).min(pitch);
                    sums.fill(T::ZERO);
                    for class in 0..classes {
                        let start = (outer * classes + class) * inner + at;
                        for i in (0..n).step_by(S::LANES) {
                            let x = S::load_up_to(self.dy.as_ptr().add(start + i), n - i);
                            let other = S::load_up_to(self.y.as_ptr().add(start + i), n - i);
                            S::store(kept_dy.add(class * pitch + i), x);
                            S::store(kept_y.add(class * pitch + i), other);
                            let v = Operands { x, other, lines: [zero; 4], weights: [zero; 4] };
                            let sum = sums.as_mut_ptr().add(i);
                            S::store(sum, S::add(S::load(sum), self.added.apply::<S>(v)));
                        }
                    }
                    for class in 0..classes {
                        let start = (outer * classes + class) * inner + at;
                        for i in (0..n).step_by(S::LANES) {
                            let (x, other) = (kept_dy.add(class * pitch + i), kept_y.add(class * pitch + i));
                            let lines = [S::load(sums.as_ptr().add(i)), zero, zero, zero];
                            let v = Operands { x: S::load(x), other: S::load(other), lines, weights: [zero; 4] };
                            let slope = self.term.apply::<S>(v);
                            S::store_up_to(self.dx.as_mut_ptr().add(start + i), n - i, slope);
                        }
                    }
                }
            }
        }
    }
}
