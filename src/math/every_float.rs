//! Every float32 there is, on every instruction set: `make test-slow`.

use super::{Function, map};
use crate::simd::Isa;

const FUNCTIONS: [(Function, f64); 3] = [(Function::Exp, 1.0), (Function::Tanh, 4.0), (Function::Sigmoid, 4.0)];
const BLOCK: u32 = 1 << 14;

/// The value, to some 2^-50: next to nothing beside the last place of a float32.
fn exact(function: Function, x: f64) -> f64 {
    match function {
        Function::Exp | Function::ExpOfNegative => x.exp(),
        Function::Tanh => x.tanh(),
        Function::Sigmoid if x >= 0.0 => 1.0 / (1.0 + (-x).exp()),
        Function::Sigmoid => x.exp() / (1.0 + x.exp()),
    }
}

/// The distance of `got` in units in the last place; infinite where NaN, an infinity or the sign of zero is wrong.
fn ulps(got: f32, exact: f64) -> f64 {
    if exact.is_nan() {
        return if got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let rounded = exact as f32;
    if rounded == got {
        return if rounded.is_sign_negative() == got.is_sign_negative() { 0.0 } else { f64::INFINITY };
    }
    if !got.is_finite() || !rounded.is_finite() {
        return f64::INFINITY;
    }
    let exponent = ((exact.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    (f64::from(got) - exact).abs() / f64::from(exponent.max(-126) - 23).exp2()
}

fn check_eighth(eighth: u32) {
    let available: Vec<Isa> = Isa::all_available().collect();
    for block in 0..(1 << 29) / BLOCK {
        let first = (eighth << 29) + block * BLOCK;
        let x: Vec<f32> = (first..=first + (BLOCK - 1)).map(f32::from_bits).collect();
        for (function, limit) in FUNCTIONS {
            let expected: Vec<f64> = x.iter().map(|&x| exact(function, f64::from(x))).collect();
            for &isa in &available {
                for ((&x, got), &exact) in x.iter().zip(map(isa, function, &x)).zip(&expected) {
                    let error = ulps(got, exact);
                    assert!(error <= limit, "{function:?}({x:e}) on {isa:?}: {got:e}, {error} ulp off");
                }
            }
        }
    }
}

macro_rules! eighths {
    ($($name:ident $eighth:literal)*) => {$(
        #[test]
        #[ignore = "a minute of work"]
        fn $name() {
            check_eighth($eighth);
        }
    )*};
}
eighths! {
    below_2_to_the_minus_63 0
    from_2_to_the_minus_63_below_2 1
    from_2_below_2_to_the_65 2
    from_2_to_the_65_and_nan 3
    above_minus_2_to_the_minus_63 4
    from_minus_2_to_the_minus_63_above_minus_2 5
    from_minus_2_above_minus_2_to_the_65 6
    from_minus_2_to_the_65_and_nan 7
}
