//! The transforms on vectors, and their application along an axis of a tile.

#![allow(unsafe_code)]

use super::super::plan::Axis;
use super::{points, power};
use crate::scalar::Scalar;
use crate::simd::Simd;

/// The most points along an axis.
pub const MOST_POINTS: usize = 8;

#[inline(always)]
unsafe fn constant<S: Simd>(x: f64) -> S::V {
    unsafe { S::splat(S::T::from_f64(x)) }
}

/// A linear map along one axis, from `FROM` to `TO` vectors.
trait Transform<const FROM: usize, const TO: usize> {
    /// # Safety
    /// The processor has the instruction set.
    unsafe fn apply<S: Simd>(from: [S::V; FROM]) -> [S::V; TO];
}

/// Input places to points (B transposed).
struct Inputs;

impl<const N: usize> Transform<N, N> for Inputs {
    #[inline(always)]
    unsafe fn apply<S: Simd>(d: [S::V; N]) -> [S::V; N] {
        unsafe {
            let p = const { points(N) };
            let mut out = [S::zero(); N];
            out[0] = S::mul(constant::<S>(p.whole[1]), d[0]);
            out[N - 1] = S::mul(constant::<S>(p.whole[1]), d[1]);
            for i in 1..=p.pairs {
                let c = constant::<S>(p.whole[2 * i + 1]);
                out[0] = S::fma(c, d[2 * i], out[0]);
                out[N - 1] = S::fma(c, d[2 * i + 1], out[N - 1]);
            }
            for k in 0..p.pairs {
                let c = &p.without[k];
                let mut even = S::mul(constant::<S>(c[2]), d[2]);
                let mut odd = S::mul(constant::<S>(c[1]), d[1]);
                for i in 2..=p.pairs {
                    even = S::fma(constant::<S>(c[2 * i]), d[2 * i], even);
                    odd = S::fma(constant::<S>(c[2 * i - 1]), d[2 * i - 1], odd);
                }
                out[1 + 2 * k] = S::add(even, odd);
                out[2 + 2 * k] = S::sub(even, odd);
            }
            out
        }
    }
}

/// Points to output places (A transposed).
struct Outputs;

impl<const N: usize, const M: usize> Transform<N, M> for Outputs {
    #[inline(always)]
    unsafe fn apply<S: Simd>(m: [S::V; N]) -> [S::V; M] {
        unsafe {
            let p = const { points(N) };
            let mut out = [S::zero(); M];
            out[0] = m[0];
            out[M - 1] = m[N - 1];
            for k in 0..p.pairs {
                let (sum, difference) = (S::add(m[1 + 2 * k], m[2 + 2 * k]), S::sub(m[1 + 2 * k], m[2 + 2 * k]));
                for j in 0..M {
                    let c = constant::<S>(power(p.at[k], j));
                    out[j] = S::fma(c, if j % 2 == 0 { sum } else { difference }, out[j]);
                }
            }
            out
        }
    }
}

/// Slopes of output places to points (A).
struct Slopes;

impl<const M: usize, const N: usize> Transform<M, N> for Slopes {
    #[inline(always)]
    unsafe fn apply<S: Simd>(g: [S::V; M]) -> [S::V; N] {
        unsafe {
            let p = const { points(N) };
            let mut out = [S::zero(); N];
            out[0] = g[0];
            out[N - 1] = g[M - 1];
            for k in 0..p.pairs {
                let (mut even, mut odd) = (g[0], S::zero());
                for j in 1..M {
                    let c = constant::<S>(power(p.at[k], j));
                    if j % 2 == 0 {
                        even = S::fma(c, g[j], even);
                    } else {
                        odd = S::fma(c, g[j], odd);
                    }
                }
                out[1 + 2 * k] = S::add(even, odd);
                out[2 + 2 * k] = S::sub(even, odd);
            }
            out
        }
    }
}

/// Taps to points (G).
struct Taps;

impl<const R: usize, const N: usize> Transform<R, N> for Taps {
    #[inline(always)]
    unsafe fn apply<S: Simd>(w: [S::V; R]) -> [S::V; N] {
        unsafe {
            let p = const { points(N) };
            let mut out = [S::zero(); N];
            out[0] = S::mul(constant::<S>(1.0 / p.slopes[p.pairs]), w[0]);
            out[N - 1] = w[R - 1];
            for k in 0..p.pairs {
                let mut even = S::mul(constant::<S>(1.0 / p.slopes[k]), w[0]);
                let mut odd = S::zero();
                for j in 1..R {
                    let c = constant::<S>(power(p.at[k], j) / p.slopes[k]);
                    if j % 2 == 0 {
                        even = S::fma(c, w[j], even);
                    } else {
                        odd = S::fma(c, w[j], odd);
                    }
                }
                out[1 + 2 * k] = S::add(even, odd);
                out[2 + 2 * k] = S::sub(even, odd);
            }
            out
        }
    }
}

/// Points to slopes of taps (G transposed).
struct TapSlopes;

impl<const N: usize, const R: usize> Transform<N, R> for TapSlopes {
    #[inline(always)]
    unsafe fn apply<S: Simd>(m: [S::V; N]) -> [S::V; R] {
        unsafe {
            let p = const { points(N) };
            let mut out = [S::zero(); R];
            out[0] = S::mul(constant::<S>(1.0 / p.slopes[p.pairs]), m[0]);
            out[R - 1] = m[N - 1];
            for k in 0..p.pairs {
                let (sum, difference) = (S::add(m[1 + 2 * k], m[2 + 2 * k]), S::sub(m[1 + 2 * k], m[2 + 2 * k]));
                for j in 0..R {
                    let c = constant::<S>(power(p.at[k], j) / p.slopes[k]);
                    out[j] = S::fma(c, if j % 2 == 0 { sum } else { difference }, out[j]);
                }
            }
            out
        }
    }
}

/// Vectors in memory that a transform maps along one axis, line by line. Distances are in elements.
#[derive(Clone, Copy)]
struct Lines<T> {
    from: *const T,
    /// Between the vectors of a line, and between lines.
    from_step: usize,
    from_line: usize,
    to: *mut T,
    to_step: usize,
    to_line: usize,
    lines: usize,
}

impl<T: Scalar> Lines<T> {
    /// Maps every line, and adds `plus` to every result.
    #[inline(always)]
    unsafe fn map<S: Simd<T = T>, F: Transform<FROM, TO>, const FROM: usize, const TO: usize>(&self, plus: S::V) {
        unsafe {
            for line in 0..self.lines {
                let (from, to) = (self.from.add(line * self.from_line), self.to.add(line * self.to_line));
                let mut vectors = [S::zero(); FROM];
                for i in 0..FROM {
                    vectors[i] = S::load(from.add(i * self.from_step));
                }
                let out = F::apply::<S>(vectors);
                for i in 0..TO {
                    S::store(to.add(i * self.to_step), S::add(out[i], plus));
                }
            }
        }
    }
}

/// A family of transforms to or from `N` points.
trait Family {
    /// Maps the lines; `size` is the number of places or taps on the other side.
    unsafe fn along<S: Simd, const N: usize>(lines: &Lines<S::T>, size: usize, plus: S::V);
}

impl Family for Inputs {
    #[inline(always)]
    unsafe fn along<S: Simd, const N: usize>(lines: &Lines<S::T>, _: usize, plus: S::V) {
        unsafe { lines.map::<S, Inputs, N, N>(plus) }
    }
}

impl Family for Outputs {
    #[inline(always)]
    unsafe fn along<S: Simd, const N: usize>(lines: &Lines<S::T>, size: usize, plus: S::V) {
        unsafe {
            match size {
                2 => lines.map::<S, Outputs, N, 2>(plus),
                3 => lines.map::<S, Outputs, N, 3>(plus),
                4 => lines.map::<S, Outputs, N, 4>(plus),
                _ => lines.map::<S, Outputs, N, 5>(plus),
            }
        }
    }
}

impl Family for Slopes {
    #[inline(always)]
    unsafe fn along<S: Simd, const N: usize>(lines: &Lines<S::T>, size: usize, plus: S::V) {
        unsafe {
            match size {
                2 => lines.map::<S, Slopes, 2, N>(plus),
                3 => lines.map::<S, Slopes, 3, N>(plus),
                4 => lines.map::<S, Slopes, 4, N>(plus),
                _ => lines.map::<S, Slopes, 5, N>(plus),
            }
        }
    }
}

impl Family for Taps {
    #[inline(always)]
    unsafe fn along<S: Simd, const N: usize>(lines: &Lines<S::T>, size: usize, plus: S::V) {
        unsafe {
            match size {
                2 => lines.map::<S, Taps, 2, N>(plus),
                3 => lines.map::<S, Taps, 3, N>(plus),
                4 => lines.map::<S, Taps, 4, N>(plus),
                5 => lines.map::<S, Taps, 5, N>(plus),
                6 => lines.map::<S, Taps, 6, N>(plus),
                _ => lines.map::<S, Taps, 7, N>(plus),
            }
        }
    }
}

impl Family for TapSlopes {
    #[inline(always)]
    unsafe fn along<S: Simd, const N: usize>(lines: &Lines<S::T>, size: usize, plus: S::V) {
        unsafe {
            match size {
                2 => lines.map::<S, TapSlopes, N, 2>(plus),
                3 => lines.map::<S, TapSlopes, N, 3>(plus),
                4 => lines.map::<S, TapSlopes, N, 4>(plus),
                5 => lines.map::<S, TapSlopes, N, 5>(plus),
                6 => lines.map::<S, TapSlopes, N, 6>(plus),
                _ => lines.map::<S, TapSlopes, N, 7>(plus),
            }
        }
    }
}

/// A matrix of vectors in memory. Distances are in elements.
#[derive(Clone, Copy)]
pub struct Grid<P> {
    pub data: P,
    pub row: usize,
    pub column: usize,
}

/// A transform of a tile along both axes; those that have one point are left alone.
pub struct Tile<'a, T> {
    pub axes: &'a [Axis; 2],
    pub from: Grid<*const T>,
    pub to: Grid<*mut T>,
    /// Room for `MOST_POINTS` squared vectors.
    pub buffer: *mut T,
}

impl<T: Scalar> Tile<'_, T> {
    /// Input places to points.
    ///
    /// # Safety
    /// All vectors are valid; `N` is the number of points.
    #[inline(always)]
    pub unsafe fn inputs<S: Simd<T = T>, const N: usize>(&self) {
        unsafe { self.map::<S, Inputs, N>(|axis| (axis.points, axis.points, axis.points), S::zero()) }
    }

    /// Points to output places, to which `plus` is added.
    ///
    /// # Safety
    /// All vectors are valid; `N` is the number of points.
    #[inline(always)]
    pub unsafe fn outputs<S: Simd<T = T>, const N: usize>(&self, plus: S::V) {
        unsafe { self.map::<S, Outputs, N>(|axis| (axis.points, axis.tile, axis.tile), plus) }
    }

    /// Slopes of output places to points.
    ///
    /// # Safety
    /// All vectors are valid; `N` is the number of points.
    #[inline(always)]
    pub unsafe fn slopes<S: Simd<T = T>, const N: usize>(&self) {
        unsafe { self.map::<S, Slopes, N>(|axis| (axis.tile, axis.points, axis.tile), S::zero()) }
    }

    /// Taps to points.
    ///
    /// # Safety
    /// All vectors are valid; `N` is the number of points.
    #[inline(always)]
    pub unsafe fn taps<S: Simd<T = T>, const N: usize>(&self) {
        unsafe { self.map::<S, Taps, N>(|axis| (axis.taps, axis.points, axis.taps), S::zero()) }
    }

    /// Points to slopes of taps.
    ///
    /// # Safety
    /// All vectors are valid; `N` is the number of points.
    #[inline(always)]
    pub unsafe fn tap_slopes<S: Simd<T = T>, const N: usize>(&self) {
        unsafe { self.map::<S, TapSlopes, N>(|axis| (axis.points, axis.taps, axis.taps), S::zero()) }
    }

    /// `sizes` gives the vectors before and after, and the size that names the family's member.
    #[inline(always)]
    unsafe fn map<S: Simd<T = T>, F: Family, const N: usize>(
        &self,
        sizes: impl Fn(&Axis) -> (usize, usize, usize),
        plus: S::V,
    ) {
        unsafe {
            let [(_, rows, down), (columns, _, across)] = [sizes(&self.axes[0]), sizes(&self.axes[1])];
            let (from, to) = (self.from, self.to);
            let mut middle = from;
            if self.axes[0].points > 1 {
                let last = self.axes[1].points == 1;
                let target =
                    if last { to } else { Grid { data: self.buffer, row: columns * S::LANES, column: S::LANES } };
                let lines = Lines {
                    from: from.data,
                    from_step: from.row,
                    from_line: from.column,
                    to: target.data,
                    to_step: target.row,
                    to_line: target.column,
                    lines: columns,
                };
                F::along::<S, N>(&lines, down, if last { plus } else { S::zero() });
                middle = Grid { data: target.data.cast_const(), row: target.row, column: target.column };
            }
            if self.axes[1].points > 1 {
                let lines = Lines {
                    from: middle.data,
                    from_step: middle.column,
                    from_line: middle.row,
                    to: to.data,
                    to_step: to.column,
                    to_line: to.row,
                    lines: rows,
                };
                F::along::<S, N>(&lines, across, plus);
            }
        }
    }
}
