//! The arithmetic of normalisation, one vector at a time, and its cut into blocks.

#![allow(unsafe_code)]

// SAFETY: the unsafe blocks of the terms call methods of `Simd` on registers alone; the caller of each function vouches for
// the instruction set.

use std::ops::Range;

use crate::pointwise::BLOCK;
use crate::pointwise::lines::kernel::{Layout, Operands, Term};
pub use crate::pointwise::softmax::kernel::Itself;
use crate::scalar::Scalar;
use crate::simd::Simd;
use crate::threads::{SharedMut, parallel_ranges};

macro_rules! term {
    ($(#[$doc:meta])* $name:ident, other $other:literal, lines $lines:literal, weights $weights:literal, |$v:ident| $body:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name;

        impl<T: Scalar> Term<T> for $name {
            const OTHER: bool = $other;
            const LINES: usize = $lines;
            const WEIGHTS: usize = $weights;

            #[inline(always)]
            unsafe fn apply<S: Simd<T = T>>(self, $v: Operands<S>) -> S::V {
                unsafe { $body }
            }
        }
    };
}

/// `dy`.
#[derive(Clone, Copy)]
pub struct Other;

impl<T: Scalar> Term<T> for Other {
    const OTHER: bool = true;

    #[inline(always)]
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V {
        v.other
    }
}

term!(
    /// `x - m`, m per class.
    Deviation, other false, lines 0, weights 1, |v| S::sub(v.x, v.weights[0])
);
term!(
    /// `(x - m)^2`, m per class.
    SquaredDeviation, other false, lines 0, weights 1, |v| {
        let deviation = S::sub(v.x, v.weights[0]);
        S::mul(deviation, deviation)
    }
);
term!(
    /// `dy (x - m)`, m per class.
    OtherTimesDeviation, other true, lines 0, weights 1, |v| S::mul(v.other, S::sub(v.x, v.weights[0]))
);
term!(
    /// `(x - m) a + b`, all per class.
    Normalised, other false, lines 0, weights 3, |v| S::fma(S::sub(v.x, v.weights[0]), v.weights[1], v.weights[2])
);
term!(
    /// `dy a + (x - m) b + c`, all per class.
    Slope, other true, lines 0, weights 4, |v| {
        let rest = S::fma(S::sub(v.x, v.weights[0]), v.weights[2], v.weights[3]);
        S::fma(v.other, v.weights[1], rest)
    }
);
term!(
    /// `x a`, a per class.
    Scaled, other false, lines 0, weights 1, |v| S::mul(v.x, v.weights[0])
);
term!(
    /// `(x - m)^2`, m per line.
    SquaredLineDeviation, other false, lines 1, weights 0, |v| {
        let deviation = S::sub(v.x, v.lines[0]);
        S::mul(deviation, deviation)
    }
);
term!(
    /// `(x - m) r w + b`: m and r per line, w and b per class.
    NormalisedLine, other false, lines 2, weights 2, |v| {
        let normal = S::mul(S::sub(v.x, v.lines[0]), v.lines[1]);
        S::fma(normal, v.weights[0], v.weights[1])
    }
);
/// An array (outer, channels, inner), cut into blocks of whole rows of `inner` elements that lie side by side: all channels
/// of some of the outer indices, or some channels of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    pub outer: usize,
    pub channels: usize,
    pub inner: usize,
    /// Outer indices of a block.
    rows: usize,
    /// Channels of a block.
    width: usize,
}

/// One block: the numbers of its channels, of its elements, and of the partial sums that it owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub channels: Range<usize>,
    pub elements: Range<usize>,
    pub partials: Range<usize>,
    pub layout: Layout,
}

impl Blocks {
    pub fn new(outer: usize, channels: usize, inner: usize) -> Self {
        let sample = (channels * inner).max(1);
        let width = if sample <= BLOCK { channels } else { (BLOCK / inner).max(1) };
        Blocks { outer, channels, inner, rows: (BLOCK / sample).max(1), width: width.max(1) }
    }

    /// Blocks that follow one another in the outer axis: so many partial sums there are for each channel.
    pub fn depth(&self) -> usize {
        self.outer.div_ceil(self.rows)
    }

    /// Elements of each channel in the blocks at a depth.
    pub fn count(&self, depth: usize) -> usize {
        (self.outer - depth * self.rows).min(self.rows) * self.inner
    }

    fn across(&self) -> usize {
        self.channels.div_ceil(self.width)
    }

    fn block(&self, number: usize) -> Block {
        let (depth, column) = (number / self.across(), number % self.across());
        let (first, row) = (column * self.width, depth * self.rows);
        let channels = first..self.channels.min(first + self.width);
        let start = (row * self.channels + first) * self.inner;
        let elements = start..start + channels.len() * self.count(depth);
        let partials = depth * self.channels + first..depth * self.channels + channels.end;
        let layout = Layout { classes: channels.len(), inner: self.inner };
        Block { channels, elements, partials, layout }
    }

    /// Calls `body` once for each block, with its elements of `y` and its partial sums; `y` may be empty.
    pub fn parallel<T: Send, P: Send>(&self, y: &mut [T], partials: &mut [P], body: &OnBlock<'_, T, P>) {
        let total = self.outer * self.channels * self.inner;
        if total == 0 {
            return;
        }
        assert!([0, total].contains(&y.len()) && [0, self.depth() * self.channels].contains(&partials.len()));
        let (y, partials) = (SharedMut::new(y), SharedMut::new(partials));
        parallel_ranges(self.depth() * self.across(), &|number| {
            let block = self.block(number);
            // SAFETY: each number occurs once, and neither elements nor partial sums of different blocks overlap.
            unsafe {
                let part =
                    if y.is_empty() { y.slice(0, 0) } else { y.slice(block.elements.start, block.elements.len()) };
                let sums = match partials.is_empty() {
                    true => partials.slice(0, 0),
                    false => partials.slice(block.partials.start, block.partials.len()),
                };
                body(&block, part, sums);
            }
        });
    }
}

/// What is done with a block, its elements and its partial sums.
type OnBlock<'a, T, P> = dyn Fn(&Block, &mut [T], &mut [P]) + Sync + 'a;
/// What is done with a number and its chunks of two slices.
type OnPair<'a, A, B> = dyn Fn(usize, &mut [A], &mut [B]) + Sync + 'a;

/// Calls `body(i, a, b)` once for each `i` below `tasks`, with the `i`-th chunk of both slices, each with its own length of
/// chunks; a slice may be empty.
pub fn parallel_pairs<A: Send, B: Send>(
    tasks: usize,
    (a, chunk_a): (&mut [A], usize),
    (b, chunk_b): (&mut [B], usize),
    body: &OnPair<'_, A, B>,
) {
    let (a, b) = (SharedMut::new(a), SharedMut::new(b));
    let part = |len: usize, chunk: usize, i: usize| match len {
        0 => (0, 0),
        _ => (i * chunk, chunk.min(len - i * chunk)),
    };
    parallel_ranges(tasks, &|i| {
        let ((start_a, len_a), (start_b, len_b)) = (part(a.len(), chunk_a, i), part(b.len(), chunk_b, i));
        // SAFETY: each i occurs once, so the chunks of a slice are disjoint.
        unsafe { body(i, a.slice(start_a, len_a), b.slice(start_b, len_b)) };
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_element_once() {
        let shapes =
            [(1, 1, 1), (7, 3, 5), (40, 700, 1), (3, 64, 3000), (2, 5, 40_000), (20_000, 1, 3), (0, 4, 4), (4, 0, 4)];
        for (outer, channels, inner) in shapes {
            let blocks = Blocks::new(outer, channels, inner);
            let mut y = vec![0u8; outer * channels * inner];
            let mut partials = vec![0usize; blocks.depth() * channels];
            blocks.parallel(&mut y, &mut partials, &|block, y, partials| {
                y.iter_mut().for_each(|y| *y += 1);
                partials.iter_mut().for_each(|partial| *partial += block.elements.len() / block.channels.len());
            });
            assert!(y.iter().all(|&y| y == 1));
            let counted: usize = partials.iter().sum();
            assert_eq!(counted, y.len());
            for (i, &partial) in partials.iter().enumerate() {
                assert!(y.is_empty() || partial == blocks.count(i / channels));
            }
        }
    }
}
