use super::*;
use crate::simd::{Isa, Kernel, run_on};

#[path = "every_float.rs"]
mod every_float;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Exp,
    ExpOfNegative,
    Tanh,
    Sigmoid,
}

struct Map<'a, T> {
    function: Function,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Map<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        for (x, y) in self.x.chunks(S::LANES).zip(self.y.chunks_mut(S::LANES)) {
            // SAFETY: both chunks have the length that is passed on.
            unsafe {
                let v = S::load_up_to(x.as_ptr(), x.len());
                let v = match self.function {
                    Function::Exp => exp::<S>(v),
                    Function::ExpOfNegative => exp_of_negative::<S>(v),
                    Function::Tanh => tanh::<S>(v),
                    Function::Sigmoid => sigmoid::<S>(v),
                };
                S::store_up_to(y.as_mut_ptr(), y.len(), v);
            }
        }
    }
}

fn map<T: Scalar>(isa: Isa, function: Function, x: &[T]) -> Vec<T> {
    let mut y = vec![T::from_f64(f64::NAN); x.len()];
    // SAFETY: `isa` is available, and both slices are borrowed for the call.
    unsafe { run_on(isa, Map { function, x, y: &mut y }) };
    y
}

/// A value as the unevaluated sum of two: about 106 bits.
#[derive(Clone, Copy)]
struct Double(f64, f64);

impl Double {
    fn sum(a: f64, b: f64) -> Double {
        let s = a + b;
        let t = s - a;
        Double(s, (a - (s - t)) + (b - t))
    }
    fn add(self, o: Double) -> Double {
        let s = Double::sum(self.0, o.0);
        let t = Double::sum(self.1, o.1);
        let s = Double::sum(s.0, s.1 + t.0);
        Double::sum(s.0, s.1 + t.1)
    }
    fn mul(self, o: Double) -> Double {
        let p = self.0 * o.0;
        let e = self.0.mul_add(o.0, -p);
        Double::sum(p, e + (self.0 * o.1 + self.1 * o.0))
    }
    fn div(self, o: Double) -> Double {
        let first = self.0 / o.0;
        let rest = self.add(o.mul(Double(-first, 0.0)));
        let second = rest.0 / o.0;
        let rest = rest.add(o.mul(Double(-second, 0.0)));
        Double::sum(first, second).add(Double(rest.0 / o.0, 0.0))
    }
    fn scale(self, factor: f64) -> Double {
        Double(self.0 * factor, self.1 * factor)
    }
}

const LN2: Double = Double(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);

/// The sum of `x^k / k!` over `k = first, first + step, ...`, for small x.
fn series(x: Double, first: i32, step: i32) -> Double {
    let mut term = Double(1.0, 0.0);
    let mut total = Double(0.0, 0.0);
    for k in 0..40 {
        if k >= first && (k - first) % step == 0 {
            total = total.add(term);
        }
        term = term.mul(x).div(Double(f64::from(k + 1), 0.0));
    }
    total
}

/// `e^x` as a value near 1 and an exponent of 2.
fn exp_parts(x: f64) -> (Double, i32) {
    let n = (x / LN2.0).round();
    (series(Double(x, 0.0).add(LN2.mul(Double(-n, 0.0))), 0, 1), n as i32)
}

fn power_of_two(n: i32) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

/// The exact value times `2^-n`, and `n`.
fn exact(function: Function, x: f64) -> (Double, i32) {
    let one = Double(1.0, 0.0);
    match function {
        Function::Exp | Function::ExpOfNegative => exp_parts(x.clamp(-800.0, 800.0)),
        Function::Sigmoid => {
            let (e, n) = exp_parts((-x.abs()).max(-800.0));
            let denominator = if n > -500 { one.add(e.scale(power_of_two(n))) } else { one };
            if x >= 0.0 { (one.div(denominator), 0) } else { (e.div(denominator), n) }
        }
        Function::Tanh if x.abs() < 1e-20 => (Double(x, 0.0), 0),
        Function::Tanh if x.abs() < 0.5 => {
            let x = Double(x, 0.0);
            (series(x, 1, 2).div(series(x, 0, 2)), 0)
        }
        Function::Tanh => {
            let (e, n) = exp_parts((2.0 * x.abs()).min(100.0));
            let t = one.add(Double(-2.0, 0.0).div(e.scale(power_of_two(n)).add(one)));
            (t.scale(x.signum()), 0)
        }
    }
}

/// The distance from the exact value in units in the last place of a type with this precision and least exponent.
fn ulps(got: f64, (value, n): (Double, i32), mantissa_bits: i32, least: i32, largest: f64) -> f64 {
    let rounded = value.0 * power_of_two(n / 2) * power_of_two(n - n / 2);
    if rounded.abs() > largest {
        return if got == rounded.signum() * f64::INFINITY { 0.0 } else { f64::INFINITY };
    }
    let exponent = if value.0 == 0.0 { least } else { ((value.0.to_bits() >> 52) & 0x7ff) as i32 - 1023 + n };
    let unit = exponent.max(least) - mantissa_bits;
    // Both are brought to the scale of one unit before they are subtracted, so that nothing underflows.
    let shift = |v: f64, by: i32| v * power_of_two(by / 2) * power_of_two(by - by / 2);
    let difference =
        Double::sum(shift(got, -unit), -shift(value.0, n - unit)).add(Double(-shift(value.1, n - unit), 0.0));
    difference.0.abs()
}

fn ulps_f32(got: f32, function: Function, x: f32) -> f64 {
    let x = f64::from(x);
    let exact = match function {
        Function::Exp | Function::ExpOfNegative => x.exp(),
        Function::Tanh => x.tanh(),
        Function::Sigmoid if x >= 0.0 => 1.0 / (1.0 + (-x).exp()),
        Function::Sigmoid => x.exp() / (1.0 + x.exp()),
    };
    // Past the largest float by half a unit, infinity is the right answer.
    ulps(f64::from(got), (Double(exact, 0.0), 0), 23, -126, f64::from(f32::MAX) * (1.0 + 2f64.powi(-25)))
}

fn ulps_f64(got: f64, function: Function, x: f64) -> f64 {
    ulps(got, exact(function, x), 52, -1022, f64::MAX)
}

const LIMITS: [(Function, f64); 4] =
    [(Function::Exp, 1.0), (Function::ExpOfNegative, 1.0), (Function::Tanh, 4.0), (Function::Sigmoid, 4.0)];

/// Bits in a fixed disorder.
fn disorder(i: u64) -> u64 {
    let mut z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn samples(count: u64, from_bits: impl Fn(u64) -> f64, limit: f64) -> Vec<f64> {
    let any = (0..count).map(|i| from_bits(disorder(i)));
    let dense = (0..count).map(|i| (disorder(i) >> 11) as f64 * 2f64.powi(-53) * 2.0 * limit - limit);
    let small = (0..count).map(|i| (disorder(i) >> 11) as f64 * 2f64.powi(-53) * 4.0 - 2.0);
    any.chain(dense).chain(small).filter(|x| x.is_finite()).collect()
}

fn worst<T: Scalar>(isa: Isa, function: Function, x: &[T], ulps: fn(T, Function, T) -> f64) -> f64 {
    let y = map(isa, function, x);
    let mut worst = (0.0, T::ZERO);
    for (&x, &y) in x.iter().zip(&y) {
        let error = ulps(y, function, x);
        assert!(!error.is_nan(), "{function:?}({x:?}) = {y:?} on {}", isa.name());
        if error > worst.0 {
            worst = (error, x);
        }
    }
    println!("{function:?} of {} on {}: {:.3} ulp at {:?}", T::NAME, isa.name(), worst.0, worst.1);
    worst.0
}

fn allowed<T: Scalar>(function: Function, x: &[T]) -> Vec<T> {
    x.iter().copied().filter(|&x| function != Function::ExpOfNegative || x <= T::ZERO).collect()
}

#[test]
fn f32_errors_stay_within_their_limits() {
    let x: Vec<f32> =
        samples(300_000, |bits| f64::from(f32::from_bits(bits as u32)), 110.0).iter().map(|&x| x as f32).collect();
    for isa in Isa::all_available() {
        for (function, limit) in LIMITS {
            assert!(worst(isa, function, &allowed(function, &x), ulps_f32) <= limit, "{function:?} on {}", isa.name());
        }
    }
}

#[test]
fn f64_errors_stay_within_their_limits() {
    let x = samples(20_000, f64::from_bits, 750.0);
    for isa in Isa::all_available() {
        for (function, limit) in LIMITS {
            assert!(worst(isa, function, &allowed(function, &x), ulps_f64) <= limit, "{function:?} on {}", isa.name());
        }
    }
}

#[test]
#[ignore = "takes minutes: every one of the 2^32 floats, for every function and instruction set"]
fn f32_errors_stay_within_their_limits_for_every_float() {
    for isa in Isa::all_available() {
        for (function, limit) in LIMITS {
            let mut most = 0f64;
            for block in 0..1u32 << 8 {
                let x = (0..1u32 << 24).map(|i| f32::from_bits(block << 24 | i)).filter(|x| x.is_finite());
                let x: Vec<f32> = allowed(function, &x.collect::<Vec<f32>>());
                let y = map(isa, function, &x);
                for (&x, &y) in x.iter().zip(&y) {
                    most = most.max(ulps_f32(y, function, x));
                }
            }
            println!("{function:?} on {}: {most:.4} ulp", isa.name());
            assert!(most <= limit);
        }
    }
}

fn special_values<T: Scalar>(least: T) {
    let nan = T::from_f64(f64::NAN);
    let x = [nan, -T::NEG_INFINITY, T::NEG_INFINITY, T::ZERO, -T::ZERO, least, -least];
    let bits = |y: &[T]| y.iter().map(|y| y.to_f64().to_bits()).collect::<Vec<_>>();
    let (zero, one, half) = (T::ZERO, T::ONE, T::from_f64(0.5));
    for isa in Isa::all_available() {
        let y = map(isa, Function::Exp, &x);
        assert!(y[0].is_nan());
        assert_eq!(bits(&y[1..]), bits(&[-T::NEG_INFINITY, zero, one, one, one, one]));
        let y = map(isa, Function::ExpOfNegative, &x);
        assert!(y[0].is_nan());
        assert_eq!(bits(&y[2..5]), bits(&[zero, one, one]));
        let y = map(isa, Function::Tanh, &x);
        assert!(y[0].is_nan());
        assert_eq!(bits(&y[1..]), bits(&[one, -one, zero, -zero, least, -least]));
        let y = map(isa, Function::Sigmoid, &x);
        assert!(y[0].is_nan());
        assert_eq!(bits(&y[1..]), bits(&[one, zero, half, half, half, half]));
    }
}

#[test]
fn special_values_are_right() {
    special_values(f32::from_bits(1));
    special_values(f64::from_bits(1));
}

#[test]
fn sigmoid_is_right_down_to_the_last_subnormal() {
    for isa in Isa::all_available() {
        assert_eq!(map(isa, Function::Sigmoid, &[-100f32, -103.0, -104.0]), [27, 1, 0].map(f32::from_bits));
        assert_eq!(map(isa, Function::Sigmoid, &[-745f64, -746.0]), [5e-324, 0.0]);
    }
}

struct OfUnit<'a, T> {
    x: &'a [T],
    log1p: &'a mut [T],
    tail: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for OfUnit<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        for at in (0..self.x.len()).step_by(S::LANES) {
            let n = self.x.len() - at;
            // SAFETY: at most `n` elements are read and written.
            unsafe {
                let x = S::load_up_to(self.x.as_ptr().add(at), n);
                S::store_up_to(self.log1p.as_mut_ptr().add(at), n, log1p_of_unit::<S>(x));
                // From 0 to 5 deviations below the mean.
                let tail = normal::<S>(S::mul(S::splat(S::T::from_f64(-5.0)), x)).0;
                S::store_up_to(self.tail.as_mut_ptr().add(at), n, tail);
            }
        }
    }
}

/// The normal distribution's tail by its continued fraction far out, and by its series near 0.
fn tail(a: f64) -> f64 {
    let density = (-a * a / 2.0).exp() * 0.398_942_280_401_432_7;
    if a > 2.5 {
        return density / (1..200).rev().fold(a, |rest, k| a + f64::from(k) / rest);
    }
    let mut term = a;
    let mut sum = a;
    for k in 1..100 {
        term *= a * a / f64::from(2 * k + 1);
        sum += term;
    }
    0.5 - density * sum
}

fn logarithms_and_tails<T: Scalar>(ulp: f64, tail_error: f64) {
    let x: Vec<T> = (0..=4000).map(|i| T::from_f64(f64::from(i) / 4000.0)).collect();
    for isa in Isa::all_available() {
        let (mut log1p, mut tails) = (vec![T::ZERO; x.len()], vec![T::ZERO; x.len()]);
        // SAFETY: `isa` is available, and the slices are equally long.
        unsafe { run_on(isa, OfUnit { x: &x, log1p: &mut log1p, tail: &mut tails }) };
        for ((x, log1p), found) in x.iter().zip(&log1p).zip(&tails) {
            let exact = x.to_f64().ln_1p();
            assert!((log1p.to_f64() - exact).abs() <= 4.0 * ulp * exact, "ln(1 + {x:?}) = {log1p:?}");
            let exact = tail((T::from_f64(5.0) * *x).to_f64());
            let error = (found.to_f64() / exact - 1.0).abs();
            assert!(error <= tail_error, "the tail at 5 * {x:?} on {}: {error:e}", isa.name());
        }
    }
}

#[test]
fn logarithms_and_tails_stay_within_their_limits() {
    logarithms_and_tails::<f32>(1.2e-7, 3e-6);
    logarithms_and_tails::<f64>(2.3e-16, 1e-13);
}

struct FromOne<'a, T>(&'a [T], &'a mut [T]);

impl<T: Scalar> Kernel<T> for FromOne<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        for at in (0..self.0.len()).step_by(S::LANES) {
            let n = self.0.len() - at;
            // SAFETY: at most `n` elements are read and written; the rest is 0, whose logarithm goes nowhere.
            unsafe {
                let ln = ln_from_one::<S>(S::load_up_to(self.0.as_ptr().add(at), n));
                S::store_up_to(self.1.as_mut_ptr().add(at), n, ln);
            }
        }
    }
}

fn logarithms_from_one<T: Scalar>(ulp: f64, most: f64) {
    let next = T::ONE + T::from_f64(ulp);
    let mut x =
        vec![T::ONE, next, T::from_f64(2.0), T::from_f64(2.0 * (1.0 - ulp)), T::from_f64(most), T::from_f64(f64::NAN)];
    x.extend((0..20_000).map(|i| T::from_f64((f64::from(i) / 20_000.0 * most.ln()).exp().min(most))));
    x.extend((0..20_000).map(|i| T::from_f64(1.0 + f64::from(i) / 4_000.0)));
    for isa in Isa::all_available() {
        let mut found = vec![T::ZERO; x.len()];
        // SAFETY: `isa` is available, and the slices are equally long.
        unsafe { run_on(isa, FromOne(&x, &mut found)) };
        assert!(found[5].is_nan());
        for (x, found) in x.iter().zip(&found).filter(|(x, _)| !x.is_nan()) {
            let exact = x.to_f64().ln();
            assert!((found.to_f64() - exact).abs() <= 4.0 * ulp * exact, "ln {x:?} = {found:?} on {}", isa.name());
        }
    }
}

#[test]
fn logarithms_from_one_on_stay_within_their_limits() {
    logarithms_from_one::<f32>(1.2e-7, 3e38);
    logarithms_from_one::<f64>(2.3e-16, 1e308);
}

#[test]
fn the_reference_knows_some_digits() {
    // e, tanh(1) and tanh(1/4), each to 32 digits, as the nearest double and the rest.
    let close = |(a, n): (Double, i32), b: Double| {
        let difference = a.scale(power_of_two(n)).add(b.scale(-1.0)).0.abs();
        assert!(difference < 1e-30, "{difference:e}");
    };
    close(exact(Function::Exp, 1.0), Double(std::f64::consts::E, 1.445_646_891_729_250_2e-16));
    close(exact(Function::Tanh, 1.0), Double(0.761_594_155_955_764_9, 3.709_021_448_216_492_4e-17));
    close(exact(Function::Tanh, 0.25), Double(0.244_918_662_403_709_13, -1.603_622_884_988_269_3e-18));
    close(exact(Function::Sigmoid, 2.0), Double(0.880_797_077_977_882_4, 1.854_510_724_108_246_2e-17));
}
