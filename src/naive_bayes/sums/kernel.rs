//! Sums by class: one row of the data after the other, with columns in the lanes.

#![allow(unsafe_code)]

use crate::naive_bayes::LANES;
use crate::naive_bayes::rows::Block;
use crate::simd::{Kernel, Simd, run};

/// What is added up of a value; `centre` is a number for each class and column.
pub trait Statistic: Copy {
    const CENTRED: bool = false;

    /// # Safety
    /// The processor has the instruction set of `S`; `centre` may be read if the statistic is centred.
    unsafe fn of<S: Simd<T = f64>>(self, x: S::V, centre: *const f64) -> S::V;
}

/// x.
#[derive(Clone, Copy)]
pub struct Itself;

impl Statistic for Itself {
    #[inline(always)]
    unsafe fn of<S: Simd<T = f64>>(self, x: S::V, _: *const f64) -> S::V {
        x
    }
}

/// 1 above the threshold, else 0.
#[derive(Clone, Copy)]
pub struct Above(pub f64);

impl Statistic for Above {
    #[inline(always)]
    unsafe fn of<S: Simd<T = f64>>(self, x: S::V, _: *const f64) -> S::V {
        // SAFETY: registers alone.
        unsafe { S::select(S::gt(x, S::splat(self.0)), S::splat(1.0), S::zero()) }
    }
}

/// `(x - centre)^2`.
#[derive(Clone, Copy)]
pub struct SquareAbout;

impl Statistic for SquareAbout {
    const CENTRED: bool = true;

    #[inline(always)]
    unsafe fn of<S: Simd<T = f64>>(self, x: S::V, centre: *const f64) -> S::V {
        // SAFETY: as the caller says.
        unsafe {
            let difference = S::sub(x, S::load(centre));
            S::mul(difference, difference)
        }
    }
}

/// The classes of a block's rows, and what they weigh: 1 each if `None`.
#[derive(Clone, Copy)]
pub struct Members<'a> {
    pub codes: &'a [i64],
    pub weights: Option<&'a [f64]>,
}

/// What becomes of NaN.
pub enum Gaps<'a> {
    /// There is none.
    None,
    /// It is left out.
    Skip,
    /// It is left out, and the weights of the others are added to these sums.
    Weigh(&'a mut [f64]),
}

/// Adds the weighted statistic of every value to its class's sums, (classes, stride); `centre` has the same shape.
///
/// # Panics
/// If a class is not among the sums, or the stride is no multiple of [`LANES`] that holds a row.
pub fn add<F: Statistic>(
    statistic: F,
    block: Block,
    members: Members,
    centre: &[f64],
    sums: &mut [f64],
    gaps: Gaps,
    stride: usize,
) {
    assert!(stride >= block.width && stride.is_multiple_of(LANES), "rows of sums that hold whole vectors");
    let classes = sums.len().checked_div(stride).unwrap_or(0);
    let known = members.codes.iter().all(|&code| usize::try_from(code).is_ok_and(|code| code < classes));
    assert!(known && members.codes.len() == block.rows, "a known class for every row");
    assert!(members.weights.is_none_or(|weights| weights.len() == block.rows), "a weight for every row");
    assert!(!F::CENTRED || centre.len() == sums.len(), "a centre for every sum");
    let (centre, len, sums) = (centre.as_ptr(), sums.len(), sums.as_mut_ptr());
    let pass = |seen| Add { statistic, block, members, centre, sums, seen, stride };
    // SAFETY: just checked.
    unsafe {
        match gaps {
            Gaps::None => run(Mode::<F, WITHOUT>(pass(std::ptr::null_mut()))),
            Gaps::Skip => run(Mode::<F, SKIP>(pass(std::ptr::null_mut()))),
            Gaps::Weigh(seen) => {
                assert!(seen.len() == len, "a weight for every sum");
                run(Mode::<F, WEIGH>(pass(seen.as_mut_ptr())));
            }
        }
    }
}

struct Add<'a, F> {
    statistic: F,
    block: Block<'a>,
    members: Members<'a>,
    centre: *const f64,
    sums: *mut f64,
    seen: *mut f64,
    stride: usize,
}

/// Modes of [`Add`], as in [`Gaps`].
const WITHOUT: u8 = 0;
const SKIP: u8 = 1;
const WEIGH: u8 = 2;

struct Mode<'a, F, const MODE: u8>(Add<'a, F>);

impl<F: Statistic, const MODE: u8> Kernel<f64> for Mode<'_, F, MODE> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) {
        let Add { statistic, block, members, centre, sums, seen, stride } = self.0;
        // SAFETY: a row of sums has whole vectors, the last of which may reach behind the row's end.
        unsafe {
            for i in 0..block.rows {
                let from = block.values.as_ptr().add(i * block.stride);
                let class = *members.codes.get_unchecked(i) as usize * stride;
                let weight = S::splat(members.weights.map_or(1.0, |weights| *weights.get_unchecked(i)));
                let mut j = 0;
                while j < block.width {
                    let x = S::load_up_to(from.add(j), block.width - j);
                    let centre = if F::CENTRED { centre.add(class + j) } else { centre };
                    let mut t = statistic.of::<S>(x, centre);
                    if MODE != WITHOUT {
                        let gone = S::is_nan(x);
                        t = S::select(gone, S::zero(), t);
                        if MODE == WEIGH {
                            let seen = seen.add(class + j);
                            S::store(seen, S::add(S::load(seen), S::select(gone, S::zero(), weight)));
                        }
                    }
                    let sum = sums.add(class + j);
                    S::store(sum, S::fma(weight, t, S::load(sum)));
                    j += S::LANES;
                }
            }
        }
    }
}
