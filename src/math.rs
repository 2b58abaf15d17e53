//! `exp`, `tanh`, `sigmoid`, the normal distribution and `ln(1 + x)` of whole vectors.
//!
//! The exponentials follow the same path: with `n` the integer nearest to `x / ln 2` and `r = x - n ln 2`, so that `|r| <= ln 2 / 2`,
//! `exp(x) = 2^n exp(r)` and `exp(r) = 1 + r + r^2 q(r)`. The polynomial `q` is the minimax one for the error relative to
//! `exp(r)` (Remez exchange), of degree 4 for `f32` (3.1e-9) and 9 for `f64` (3.7e-18): small beside half a unit in the last
//! place. `ln 2` is taken off in two steps, the first of which is exact even where a fused multiplication is missing.
//!
//! | function | error over all floats, subnormal results included | seen, `f32` | seen, `f64` |
//! |---|---|---|---|
//! | [`exp`], [`exp_of_negative`] | at most 1 ulp | 0.90 | 0.88 |
//! | [`tanh`] | at most 4 ulp | 2.50 | 2.40 |
//! | [`sigmoid`] | at most 4 ulp | 2.41 | 1.82 |
//!
//! Seen: in `f32` at every x with `2^-30 <= |x| < 128`, in `f64` at 60,000 samples; the worst of the three instruction sets.
//!
//! The normal distribution's tail is `Phi(-a) = exp(-a^2 / 2) p(v) / (a + k)` with `v = (a - k) / (a + k)`, which maps all
//! `a >= 0` to a short interval, where a polynomial `p` suffices (the idea of Shepherd and Laframboise, Math. Comp. 36
//! (1981) 249, for the error function). `ln(1 + x)` is `2 artanh(s)` with `s = x / (2 + x)`. Their polynomials are minimax
//! ones for the relative error too: 5.1e-8 and 4e-10 for `f32`, 1.3e-17 and 5e-18 for `f64`. [`log1p_of_unit`] and
//! [`ln_from_one`] stay within 4 ulp, and the tail of [`normal`] within a relative error of 3e-6 and 1e-12; without fused multiplications 1e-5 and 1e-11.
//!
//! NaN gives NaN, infinities give the limits, and `tanh` keeps the sign of zero.

// SAFETY: every function here is a piece of a kernel's body. The unsafe blocks call methods of `Simd` on registers alone; the
// caller of each function vouches for the instruction set.
#![allow(unsafe_code)]

use crate::scalar::Scalar;
use crate::simd::Simd;

/// What the functions of this module need to know about an element type.
pub trait Constants: Sized + 'static {
    const LOG2_E: Self;
    /// The leading bits of ln 2: few enough that a product with any `n` is exact.
    const LN2_HIGH: Self;
    /// The rest of ln 2.
    const LN2_LOW: Self;
    /// Below this, `exp` is less than half the smallest positive number.
    const EXP_MIN: Self;
    /// Above this, `exp` is infinite.
    const EXP_MAX: Self;
    /// Below this, `1 + expm1` is less than a quarter of the rounding error of 1.
    const EXPM1_MIN: Self;
    /// Coefficients of `q`, highest power first.
    const Q: &'static [Self];
    /// At this distance from 0 and beyond, the tail of the normal distribution is 0; half its square is above [`EXP_MIN`](Self::EXP_MIN).
    const TAIL_END: Self;
    /// `k` of the tail of the normal distribution, and the coefficients of its `p`, highest power first.
    const TAIL_CENTRE: Self;
    const TAIL: &'static [Self];
    /// Coefficients of `(2 artanh(s) - 2 s) / s^3` in `s^2`, highest power first.
    const ARTANH: &'static [Self];
}

impl Constants for f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN2_HIGH: f32 = 355.0 / 512.0;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const EXP_MIN: f32 = -104.0;
    const EXP_MAX: f32 = 89.0;
    const EXPM1_MIN: f32 = -20.0;
    const Q: &'static [f32] = &[1.381_458_4e-3, 8.368_724e-3, 4.166_839e-2, 1.666_652_1e-1, 4.999_999_3e-1];
    const TAIL_END: f32 = 14.4;
    const TAIL_CENTRE: f32 = 3.0;
    const TAIL: &'static [f32] = &[
        -2.637_369_6e-4,
        -8.988_317_6e-4,
        1.075_008_9e-3,
        6.920_784e-3,
        -1.048_007e-2,
        -4.725_545e-2,
        2.300_193_9e-1,
        -5.093_323e-1,
        7.290_836_6e-1,
    ];
    const ARTANH: &'static [f32] = &[2.323_356_4e-1, 2.170_453_4e-1, 2.859_25e-1, 3.999_970_3e-1, 6.666_667e-1];
}

impl Constants for f64 {
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const EXP_MIN: f64 = -746.0;
    const EXP_MAX: f64 = 710.0;
    const EXPM1_MIN: f64 = -40.0;
    const Q: &'static [f64] = &[
        2.500_004_936_406_518e-8,
        2.763_026_288_922_039e-7,
        2.755_758_648_573_002_4e-6,
        2.480_149_306_148_615e-5,
        1.984_126_950_637_323_2e-4,
        1.388_888_894_366_265_5e-3,
        8.333_333_333_494_591e-3,
        4.166_666_666_653_005e-2,
        1.666_666_666_666_641_3e-1,
        5.000_000_000_000_011e-1,
    ];
    const TAIL_END: f64 = 38.6;
    const TAIL_CENTRE: f64 = 5.0;
    const TAIL: &'static [f64] = &[
        2.013_905_658_973_422e-9,
        7.181_946_371_530_139_5e-9,
        -1.021_087_878_123_371_6e-8,
        -6.531_976_936_655_815e-8,
        4.361_233_838_359_727_6e-8,
        4.326_863_662_116_807e-7,
        -3.377_431_399_352_007e-7,
        -2.769_055_171_789_818_4e-6,
        3.981_491_249_153_127e-6,
        1.668_114_482_599_759e-5,
        -4.976_301_024_369_741_5e-5,
        -5.937_571_128_121_963e-5,
        5.448_991_058_699_835e-4,
        -7.978_694_014_796_471e-4,
        -2.993_376_775_696_157_3e-3,
        2.079_506_680_024_227e-2,
        -6.911_863_870_595_197e-2,
        1.650_203_661_703_615_6e-1,
        -3.135_331_566_713_157e-1,
        4.953_056_159_699_77e-1,
        -6.653_825_028_900_566e-1,
        7.691_930_497_500_63e-1,
    ];
    const ARTANH: &'static [f64] = &[
        1.617_237_252_257_906e-1,
        8.796_584_006_443_563e-2,
        1.200_193_621_490_614_6e-1,
        1.331_404_747_970_586_5e-1,
        1.538_557_637_817_843_4e-1,
        1.818_178_919_422_170_6e-1,
        2.222_222_272_263_139_6e-1,
        2.857_142_856_705_273_7e-1,
        4.000_000_000_001_481e-1,
        6.666_666_666_666_666e-1,
    ];
}

/// The polynomial with these coefficients, highest power first.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
unsafe fn polynomial<S: Simd>(coefficients: &[S::T], x: S::V) -> S::V {
    unsafe {
        let mut p = S::splat(coefficients[0]);
        for &coefficient in &coefficients[1..] {
            p = S::fma(p, x, S::splat(coefficient));
        }
        p
    }
}

/// `n` and `exp(x - n ln 2) - 1`, the latter to about 1 ulp.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
unsafe fn reduced_expm1<S: Simd>(x: S::V) -> (S::V, S::V) {
    unsafe {
        let n = S::round(S::mul(x, S::splat(S::T::LOG2_E)));
        let r = S::fnma(n, S::splat(S::T::LN2_HIGH), x);
        let r = S::fnma(n, S::splat(S::T::LN2_LOW), r);
        (n, S::fma(S::mul(r, r), polynomial::<S>(S::T::Q, r), r))
    }
}

/// `e^x`, lane by lane.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
pub unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // The constants come first: `max` and `min` give their second operand, x, where x is NaN.
    unsafe {
        let x = S::min(S::splat(S::T::EXP_MAX), S::max(S::splat(S::T::EXP_MIN), x));
        exp_within::<S>(x)
    }
}

/// `e^x` for `x` that is at most 0 or NaN, as in a softmax.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
pub unsafe fn exp_of_negative<S: Simd>(x: S::V) -> S::V {
    unsafe { exp_within::<S>(S::max(S::splat(S::T::EXP_MIN), x)) }
}

/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
unsafe fn exp_within<S: Simd>(x: S::V) -> S::V {
    unsafe { exp_of_sum::<S>(x, S::zero()) }
}

/// `e^(x + rest)`, where `rest` is to x what the rounding of x loses.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
unsafe fn exp_of_sum<S: Simd>(x: S::V, rest: S::V) -> S::V {
    // The last bits of r would add a fifth of a unit to the error. They stay apart until they meet the small r^2 q.
    unsafe {
        let n = S::round(S::mul(x, S::splat(S::T::LOG2_E)));
        let high = S::fnma(n, S::splat(S::T::LN2_HIGH), x);
        let low = S::fnma(n, S::splat(S::T::LN2_LOW), rest);
        let r = S::add(high, low);
        let p = S::add(high, S::fma(S::mul(r, r), polynomial::<S>(S::T::Q, r), low));
        S::scale2(S::add(p, S::splat(S::T::ONE)), n)
    }
}

/// `1 / (1 + e^-x)`, lane by lane.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
pub unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // e^-|x| never overflows, and e / (1 + e) keeps the small values of negative x down to the last subnormal.
    unsafe {
        let one = S::splat(S::T::ONE);
        let (n, p) = reduced_expm1::<S>(S::max(S::splat(S::T::EXP_MIN), S::copysign(x, S::splat(-S::T::ONE))));
        let e = S::scale2(S::add(p, one), n);
        let numerator = S::select(S::gt(S::zero(), x), e, one);
        S::div(numerator, S::add(e, one))
    }
}

/// `tanh x`, lane by lane.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
pub unsafe fn tanh<S: Simd>(x: S::V) -> S::V {
    // tanh |x| = -m / (m + 2) with m = e^(-2|x|) - 1, which is accurate next to 0 too.
    unsafe {
        let one = S::splat(S::T::ONE);
        let y = S::copysign(S::add(x, x), S::splat(-S::T::ONE));
        let (n, p) = reduced_expm1::<S>(S::max(S::splat(S::T::EXPM1_MIN), y));
        let power = S::scale2(one, n);
        let m = S::fma(power, p, S::sub(power, one));
        S::copysign(S::div(m, S::add(m, S::add(one, one))), x)
    }
}

/// `ln(1 + x)` for `x` from 0 to 1.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
pub unsafe fn log1p_of_unit<S: Simd>(x: S::V) -> S::V {
    unsafe {
        let s = S::div(x, S::add(S::splat(S::T::from_f64(2.0)), x));
        let square = S::mul(s, s);
        let twice = S::add(s, s);
        S::fma(S::mul(square, s), polynomial::<S>(S::T::ARTANH, square), twice)
    }
}

/// `ln x` for finite x from 1 on.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
pub unsafe fn ln_from_one<S: Simd>(x: S::V) -> S::V {
    // ln x = n ln 2 + ln(1 + r) with 0 <= r < 1; no term is negative, so nothing cancels.
    unsafe {
        let n = S::exponent(x);
        let r = S::sub(S::scale2(x, S::sub(S::zero(), n)), S::splat(S::T::ONE));
        let low = S::fma(n, S::splat(S::T::LN2_LOW), log1p_of_unit::<S>(r));
        S::fma(n, S::splat(S::T::LN2_HIGH), low)
    }
}

/// The normal distribution `Phi(x)` and its density `exp(-x^2 / 2) / sqrt(2 pi)`.
///
/// # Safety
/// The processor has the instruction set of `S`.
#[inline(always)]
pub unsafe fn normal<S: Simd>(x: S::V) -> (S::V, S::V) {
    unsafe {
        let one = S::splat(S::T::ONE);
        let a = S::min(S::splat(S::T::TAIL_END), S::abs(x));
        // What the square loses would be multiplied by the exponent.
        let half = S::mul(a, S::splat(S::T::from_f64(-0.5)));
        let exponent = S::mul(half, a);
        let e = exp_of_sum::<S>(exponent, S::fma(half, a, S::sub(S::zero(), exponent)));
        let centre = S::splat(S::T::TAIL_CENTRE);
        let w = S::div(one, S::add(a, centre));
        let p = polynomial::<S>(S::T::TAIL, S::mul(S::sub(a, centre), w));
        let tail = S::mul(e, S::mul(p, w));
        let density = S::mul(e, S::splat(S::T::from_f64(0.398_942_280_401_432_7)));
        (S::select(S::gt(S::zero(), x), tail, S::sub(one, tail)), density)
    }
}

#[cfg(test)]
mod tests;
