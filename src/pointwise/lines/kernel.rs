//! Passes over lines: the elements along one axis of an array, which is seen as (outer, classes, inner).
//!
//! With `inner == 1` a line is adjacent in memory, and the lanes of a vector lie along it; otherwise they lie across lines, so
//! that vectors are read from adjacent elements in both cases. A *position* numbers the lines: (outer, inner).

#![allow(unsafe_code)]

use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};

/// Vectors that are added up before their sum is added to the total, so that long lines lose no accuracy.
pub const RUN: usize = 32;

/// Vectors that are passed together: sums along a line that do not wait for one another, or lines that lie side by side.
pub const ABREAST: usize = 4;

/// The lanes of the longest vectors.
pub const MOST_LANES: usize = 16;

/// The extent of the line, and the number of lines that lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub classes: usize,
    pub inner: usize,
}

/// What a [`Term`] computes with: all empty but `x` and what the term says that it uses.
#[derive(Clone, Copy)]
pub struct Sources<'a, T> {
    /// Per element.
    pub x: &'a [T],
    pub other: &'a [T],
    /// Per position.
    pub lines: [&'a [T]; 4],
    /// Per class.
    pub weights: [&'a [T]; 4],
}

impl<'a, T> Sources<'a, T> {
    pub fn new(x: &'a [T]) -> Self {
        Sources { x, other: &[], lines: [&[]; 4], weights: [&[]; 4] }
    }

    fn check<F: Term<T>>(&self, layout: Layout, elements: usize) -> usize
    where
        T: Scalar,
    {
        let positions = elements / layout.classes;
        assert!(self.x.len() == elements && positions * layout.classes == elements, "whole lines");
        assert!(positions.is_multiple_of(layout.inner), "all lines that lie side by side");
        assert!(!F::OTHER || self.other.len() == elements, "two arrays of one length");
        let weights = &self.weights[..F::WEIGHTS];
        assert!(weights.iter().all(|weight| weight.len() == layout.classes), "one weight for each class");
        assert!(self.lines[..F::LINES].iter().all(|line| line.len() == positions), "one number for each position");
        positions
    }
}

/// The vectors of one step of a [`Term`]; zeros where it says that it does not use them.
pub struct Operands<S: Simd> {
    pub x: S::V,
    pub other: S::V,
    pub lines: [S::V; 4],
    pub weights: [S::V; 4],
}

/// One step of arithmetic on elements and what is known of their lines and classes.
pub trait Term<T: Scalar>: Copy + Send + Sync {
    const OTHER: bool = false;
    /// How many of the numbers per position are used.
    const LINES: usize = 0;
    /// How many of the numbers per class are used.
    const WEIGHTS: usize = 0;

    /// Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    unsafe fn apply<S: Simd<T = T>>(self, v: Operands<S>) -> S::V;
}

/// The operands of `n <= LANES` elements from `element` on, the first of which belongs to `position` and `class`.
///
/// # Safety
/// The processor has the instruction set of `S`; the sources were checked, and the elements are among theirs.
#[inline(always)]
unsafe fn operands<S: Simd, F: Term<S::T>>(
    sources: &Sources<S::T>,
    along: bool,
    element: usize,
    position: usize,
    class: usize,
    n: usize,
) -> Operands<S> {
    // SAFETY: the sources were checked, and no step passes their ends.
    unsafe {
        let zero = S::zero();
        let mut v = Operands {
            x: S::load_up_to(sources.x.as_ptr().add(element), n),
            other: zero,
            lines: [zero; 4],
            weights: [zero; 4],
        };
        if F::OTHER {
            v.other = S::load_up_to(sources.other.as_ptr().add(element), n);
        }
        for k in 0..F::LINES {
            let line = sources.lines[k].as_ptr().add(position);
            v.lines[k] = if along { S::splat(*line) } else { S::load_up_to(line, n) };
        }
        for k in 0..F::WEIGHTS {
            let weight = sources.weights[k].as_ptr().add(class);
            v.weights[k] = if along { S::load_up_to(weight, n) } else { S::splat(*weight) };
        }
        v
    }
}

/// `y` = the term of every element.
pub fn map<T: Scalar, F: Term<T>>(term: F, layout: Layout, sources: Sources<T>, y: &mut [T]) {
    let positions = sources.check::<F>(layout, y.len());
    // SAFETY: just checked.
    unsafe { run(Map { term, layout, sources, positions, y }) }
}

struct Map<'a, T, F> {
    term: F,
    layout: Layout,
    sources: Sources<'a, T>,
    positions: usize,
    y: &'a mut [T],
}

impl<T: Scalar, F: Term<T>> Kernel<T> for Map<'_, T, F> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let Layout { classes, inner } = self.layout;
        let y = self.y.as_mut_ptr();
        // SAFETY: every step ends with its line (or with the lines side by side), so inside the checked arrays.
        unsafe {
            if inner == 1 {
                for position in 0..self.positions {
                    let mut class = 0;
                    while class < classes {
                        let (element, n) = (position * classes + class, classes - class);
                        let v = operands::<S, F>(&self.sources, true, element, position, class, n);
                        S::store_up_to(y.add(element), n, self.term.apply::<S>(v));
                        class += S::LANES;
                    }
                }
                return;
            }
            for outer in 0..self.positions / inner {
                for class in 0..classes {
                    let mut at = 0;
                    while at < inner {
                        let (element, n) = ((outer * classes + class) * inner + at, inner - at);
                        let v = operands::<S, F>(&self.sources, false, element, outer * inner + at, class, n);
                        S::store_up_to(y.add(element), n, self.term.apply::<S>(v));
                        at += S::LANES;
                    }
                }
            }
        }
    }
}

/// `sums` = the sum of the term over each line.
pub fn sum<T: Scalar, F: Term<T>>(term: F, layout: Layout, sources: Sources<T>, sums: &mut [T]) {
    let positions = sources.check::<F>(layout, sources.x.len());
    assert_eq!(positions, sums.len(), "one sum for each position");
    // SAFETY: just checked.
    unsafe { run(Sum { term, layout, sources, sums }) }
}

struct Sum<'a, T, F> {
    term: F,
    layout: Layout,
    sources: Sources<'a, T>,
    sums: &'a mut [T],
}

impl<T: Scalar, F: Term<T>> Sum<'_, T, F> {
    /// The sum over `classes` of the line at `position`.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    #[inline(always)]
    unsafe fn along<S: Simd<T = T>>(&self, position: usize, lanes: S::V) -> T {
        let classes = self.layout.classes;
        // SAFETY: every step ends with its line, so inside the checked arrays.
        unsafe {
            let mut total = S::zero();
            let mut class = 0;
            while class < classes {
                let end = classes.min(class + RUN * S::LANES);
                let mut parts = [S::zero(); ABREAST];
                while class + ABREAST * S::LANES <= end {
                    for part in &mut parts {
                        let element = position * classes + class;
                        let v = operands::<S, F>(&self.sources, true, element, position, class, S::LANES);
                        *part = S::add(*part, self.term.apply::<S>(v));
                        class += S::LANES;
                    }
                }
                let mut part = S::add(S::add(parts[0], parts[1]), S::add(parts[2], parts[3]));
                while class < end {
                    let n = end - class;
                    let v = operands::<S, F>(&self.sources, true, position * classes + class, position, class, n);
                    part = S::add(part, first_lanes::<S>(lanes, n, self.term.apply::<S>(v), S::zero()));
                    class += S::LANES;
                }
                class = end;
                total = S::add(total, part);
            }
            S::sum(total)
        }
    }
}

impl<T: Scalar, F: Term<T>> Kernel<T> for Sum<'_, T, F> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let Layout { classes, inner } = self.layout;
        // SAFETY: every step ends with the lines side by side, so inside the checked arrays.
        unsafe {
            if inner == 1 {
                let lanes = lane_numbers::<S>();
                for position in 0..self.sums.len() {
                    self.sums[position] = self.along::<S>(position, lanes);
                }
                return;
            }
            let sums = self.sums.as_mut_ptr();
            for outer in 0..self.sums.len() / inner {
                for class in 0..classes {
                    let mut at = 0;
                    while at < inner {
                        let (element, position, n) =
                            ((outer * classes + class) * inner + at, outer * inner + at, inner - at);
                        let v = operands::<S, F>(&self.sources, false, element, position, class, n);
                        let before = if class == 0 { S::zero() } else { S::load_up_to(sums.add(position), n) };
                        S::store_up_to(sums.add(position), n, S::add(before, self.term.apply::<S>(v)));
                        at += S::LANES;
                    }
                }
            }
        }
    }
}

/// Adds the sum of the term over all positions of each class to `sums`.
pub fn add_by_class<T: Scalar, F: Term<T>>(term: F, layout: Layout, sources: Sources<T>, sums: &mut [f64]) {
    let positions = sources.check::<F>(layout, sources.x.len());
    assert_eq!(layout.classes, sums.len(), "one sum for each class");
    // SAFETY: just checked.
    unsafe { run(AddByClass { term, layout, sources, positions, sums }) }
}

struct AddByClass<'a, T, F> {
    term: F,
    layout: Layout,
    sources: Sources<'a, T>,
    positions: usize,
    sums: &'a mut [f64],
}

impl<T: Scalar, F: Term<T>> AddByClass<'_, T, F> {
    /// The sums of adjacent classes, with lines that are adjacent in memory.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    #[inline(always)]
    unsafe fn of_adjacent_classes<S: Simd<T = T>>(mut self) {
        let mut class = 0;
        while class < self.layout.classes {
            let left = self.layout.classes - class;
            // SAFETY: as the caller says.
            unsafe {
                if left >= ABREAST * S::LANES {
                    self.of_some_classes::<S, ABREAST>(class, S::LANES);
                    class += ABREAST * S::LANES;
                } else {
                    self.of_some_classes::<S, 1>(class, left.min(S::LANES));
                    class += S::LANES;
                }
            }
        }
    }

    /// The sums of `W` vectors of `n` classes.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the classes are among the layout's.
    #[inline(always)]
    unsafe fn of_some_classes<S: Simd<T = T>, const W: usize>(&mut self, class: usize, n: usize) {
        let classes = self.layout.classes;
        for first in (0..self.positions).step_by(RUN) {
            let mut parts = [[T::ZERO; MOST_LANES]; W];
            // SAFETY: every step ends with its line, so inside the checked arrays; a part holds a whole vector.
            unsafe {
                let mut sums = [S::zero(); W];
                for position in first..self.positions.min(first + RUN) {
                    for w in 0..W {
                        let class = class + w * S::LANES;
                        let element = position * classes + class;
                        let v = operands::<S, F>(&self.sources, true, element, position, class, n);
                        sums[w] = S::add(sums[w], self.term.apply::<S>(v));
                    }
                }
                for w in 0..W {
                    S::store(parts[w].as_mut_ptr(), sums[w]);
                }
            }
            for (w, part) in parts.iter().enumerate() {
                let start = class + w * S::LANES;
                for (sum, part) in self.sums[start..start + n].iter_mut().zip(part) {
                    *sum += part.to_f64();
                }
            }
        }
    }
}

impl<T: Scalar, F: Term<T>> Kernel<T> for AddByClass<'_, T, F> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let Layout { classes, inner } = self.layout;
        // SAFETY: every step ends with the lines side by side, so inside the checked arrays.
        unsafe {
            if inner == 1 {
                return self.of_adjacent_classes::<S>();
            }
            let lanes = lane_numbers::<S>();
            for outer in 0..self.positions / inner {
                for class in 0..classes {
                    let (start, mut at, mut total) = ((outer * classes + class) * inner, 0, 0.0);
                    while at < inner {
                        let end = inner.min(at + RUN * S::LANES);
                        let mut part = S::zero();
                        while at < end {
                            let n = end - at;
                            let v = operands::<S, F>(&self.sources, false, start + at, outer * inner + at, class, n);
                            part = S::add(part, first_lanes::<S>(lanes, n, self.term.apply::<S>(v), S::zero()));
                            at += S::LANES;
                        }
                        total += S::sum(part).to_f64();
                        at = end;
                    }
                    self.sums[class] += total;
                }
            }
        }
    }
}

/// The numbers of the lanes: 0, 1, 2, ...
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
pub unsafe fn lane_numbers<S: Simd>() -> S::V {
    let mut numbers = [S::T::ZERO; MOST_LANES];
    for (i, number) in numbers.iter_mut().enumerate() {
        *number = S::T::from_f64(i as f64);
    }
    assert!(S::LANES <= MOST_LANES);
    // SAFETY: the array holds a whole vector.
    unsafe { S::load(numbers.as_ptr()) }
}

/// `v` in the first `n` lanes, `rest` in the others.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
pub unsafe fn first_lanes<S: Simd>(lanes: S::V, n: usize, v: S::V, rest: S::V) -> S::V {
    if n >= S::LANES {
        return v;
    }
    // SAFETY: registers alone.
    unsafe { S::select(S::gt(S::splat(S::T::from_f64(n as f64)), lanes), v, rest) }
}

/// The largest lane, in every lane.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
pub unsafe fn max_of_lanes<S: Simd>(mut v: S::V) -> S::V {
    let mut lanes = S::LANES;
    while lanes > 1 {
        // SAFETY: as the caller says.
        unsafe {
            let (even, odd) = S::deinterleave(v, v);
            v = S::max(even, odd);
        }
        lanes /= 2;
    }
    v
}

/// The largest element of a line that is adjacent in memory, in every lane.
///
/// # Safety
/// The processor has the instruction set of `S`; x has `classes` elements.
#[inline(always)]
pub unsafe fn largest<S: Simd>(x: *const S::T, classes: usize, lanes: S::V) -> S::V {
    // SAFETY: every step ends with the line.
    unsafe {
        let lowest = S::splat(S::T::NEG_INFINITY);
        let mut maxima = [lowest; ABREAST];
        let whole = classes - classes % (ABREAST * S::LANES);
        for class in (0..whole).step_by(ABREAST * S::LANES) {
            for w in 0..ABREAST {
                maxima[w] = S::max(S::load(x.add(class + w * S::LANES)), maxima[w]);
            }
        }
        let mut most = S::max(S::max(maxima[0], maxima[1]), S::max(maxima[2], maxima[3]));
        for class in (whole..classes).step_by(S::LANES) {
            let n = classes - class;
            most = S::max(first_lanes::<S>(lanes, n, S::load_up_to(x.add(class), n), lowest), most);
        }
        max_of_lanes::<S>(most)
    }
}
