//! Vectors as arrays: any processor; the compiler uses what the target's baseline has.

use std::marker::PhantomData;

use super::Simd;

/// Eight `f32` or four `f64` as an array.
#[derive(Clone, Copy)]
pub struct Portable<T>(PhantomData<T>);

macro_rules! portable {
    ($t:ident, $lanes:literal, $uint:ident, $exponent_bias:literal, $mantissa_bits:literal) => {
        // SAFETY: memory is touched only where the trait's descriptions say.
        unsafe impl Simd for Portable<$t> {
            type T = $t;
            type V = [$t; $lanes];
            type M = [bool; $lanes];
            const LANES: usize = $lanes;
            const REGISTERS: usize = 16;

            #[inline(always)]
            unsafe fn splat(x: $t) -> Self::V {
                [x; $lanes]
            }
            #[inline(always)]
            unsafe fn load(from: *const $t) -> Self::V {
                unsafe { from.cast::<Self::V>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn store(to: *mut $t, v: Self::V) {
                unsafe { to.cast::<Self::V>().write_unaligned(v) }
            }
            #[inline(always)]
            unsafe fn load_partial(from: *const $t, n: usize) -> Self::V {
                let mut v = [0.0; $lanes];
                for i in 0..n {
                    v[i] = unsafe { from.add(i).read_unaligned() };
                }
                v
            }
            #[inline(always)]
            unsafe fn load_between(from: *const $t, start: usize, end: usize) -> Self::V {
                let mut v = [0.0; $lanes];
                for i in start..end.min($lanes) {
                    v[i] = unsafe { from.wrapping_add(i).read_unaligned() };
                }
                v
            }
            #[inline(always)]
            unsafe fn store_partial(to: *mut $t, n: usize, v: Self::V) {
                for i in 0..n {
                    unsafe { to.add(i).write_unaligned(v[i]) };
                }
            }
            #[inline(always)]
            unsafe fn stream(to: *mut $t, v: Self::V) {
                unsafe { Self::store(to, v) };
            }
            #[inline(always)]
            unsafe fn prefetch(_from: *const Self::T) {}
            #[inline(always)]
            unsafe fn prefetch_to_write(_to: *const Self::T) {}
            #[inline(always)]
            unsafe fn load_bytes(from: *const u8) -> Self::V {
                unsafe { from.cast::<[u8; $lanes]>().read() }.map(|byte| <$t>::from(byte))
            }
            #[inline(always)]
            unsafe fn store_bytes(to: *mut u8, v: Self::V) {
                unsafe { to.cast::<[u8; $lanes]>().write(v.map(|x| x as i32 as u8)) };
            }

            #[inline(always)]
            unsafe fn add(mut a: Self::V, b: Self::V) -> Self::V {
                for i in 0..$lanes {
                    a[i] += b[i];
                }
                a
            }
            #[inline(always)]
            unsafe fn sub(mut a: Self::V, b: Self::V) -> Self::V {
                for i in 0..$lanes {
                    a[i] -= b[i];
                }
                a
            }
            #[inline(always)]
            unsafe fn mul(mut a: Self::V, b: Self::V) -> Self::V {
                for i in 0..$lanes {
                    a[i] *= b[i];
                }
                a
            }
            #[inline(always)]
            unsafe fn div(mut a: Self::V, b: Self::V) -> Self::V {
                for i in 0..$lanes {
                    a[i] /= b[i];
                }
                a
            }
            // Two roundings: `mul_add` would be a call into the C library wherever the baseline has no such instruction.
            #[inline(always)]
            unsafe fn fma(a: Self::V, b: Self::V, mut c: Self::V) -> Self::V {
                for i in 0..$lanes {
                    c[i] += a[i] * b[i];
                }
                c
            }
            #[inline(always)]
            unsafe fn fnma(a: Self::V, b: Self::V, mut c: Self::V) -> Self::V {
                for i in 0..$lanes {
                    c[i] -= a[i] * b[i];
                }
                c
            }
            #[inline(always)]
            unsafe fn max(mut a: Self::V, b: Self::V) -> Self::V {
                for i in 0..$lanes {
                    a[i] = if a[i] > b[i] { a[i] } else { b[i] };
                }
                a
            }
            #[inline(always)]
            unsafe fn min(mut a: Self::V, b: Self::V) -> Self::V {
                for i in 0..$lanes {
                    a[i] = if a[i] < b[i] { a[i] } else { b[i] };
                }
                a
            }
            #[inline(always)]
            unsafe fn sqrt(mut a: Self::V) -> Self::V {
                for x in &mut a {
                    *x = x.sqrt();
                }
                a
            }
            #[inline(always)]
            unsafe fn abs(mut a: Self::V) -> Self::V {
                for x in &mut a {
                    *x = x.abs();
                }
                a
            }
            #[inline(always)]
            unsafe fn copysign(mut a: Self::V, b: Self::V) -> Self::V {
                for i in 0..$lanes {
                    a[i] = a[i].copysign(b[i]);
                }
                a
            }
            // Adding and subtracting 1.5 * 2^mantissa rounds to even without a call; larger values are integral already.
            #[inline(always)]
            unsafe fn round(mut a: Self::V) -> Self::V {
                const MAGIC: $t = 1.5 * (1u64 << $mantissa_bits) as $t;
                const INTEGRAL: $t = (1u64 << ($mantissa_bits - 1)) as $t;
                for x in &mut a {
                    let rounded = ((*x + MAGIC) - MAGIC).copysign(*x);
                    *x = if x.abs() < INTEGRAL { rounded } else { *x };
                }
                a
            }
            // Two factors, so that neither overflows nor becomes subnormal itself.
            #[inline(always)]
            unsafe fn scale2(mut a: Self::V, n: Self::V) -> Self::V {
                for i in 0..$lanes {
                    let n = n[i] as i32;
                    let half = n >> 1;
                    let power = |e: i32| $t::from_bits(((e + $exponent_bias) as $uint) << $mantissa_bits);
                    a[i] = a[i] * power(half) * power(n - half);
                }
                a
            }

            #[inline(always)]
            unsafe fn exponent(mut a: Self::V) -> Self::V {
                for i in 0..$lanes {
                    a[i] = ((a[i].to_bits() >> $mantissa_bits) as i32 - $exponent_bias as i32) as $t;
                }
                a
            }

            #[inline(always)]
            unsafe fn gt(a: Self::V, b: Self::V) -> Self::M {
                let mut m = [false; $lanes];
                for i in 0..$lanes {
                    m[i] = a[i] > b[i];
                }
                m
            }
            #[inline(always)]
            unsafe fn ge(a: Self::V, b: Self::V) -> Self::M {
                let mut m = [false; $lanes];
                for i in 0..$lanes {
                    m[i] = a[i] >= b[i];
                }
                m
            }
            #[inline(always)]
            unsafe fn eq(a: Self::V, b: Self::V) -> Self::M {
                let mut m = [false; $lanes];
                for i in 0..$lanes {
                    m[i] = a[i] == b[i];
                }
                m
            }
            #[inline(always)]
            unsafe fn unordered(a: Self::V, b: Self::V) -> Self::M {
                let mut m = [false; $lanes];
                for i in 0..$lanes {
                    m[i] = a[i].is_nan() | b[i].is_nan();
                }
                m
            }
            #[inline(always)]
            unsafe fn or(mut a: Self::M, b: Self::M) -> Self::M {
                for i in 0..$lanes {
                    a[i] |= b[i];
                }
                a
            }
            #[inline(always)]
            unsafe fn select(m: Self::M, mut a: Self::V, b: Self::V) -> Self::V {
                for i in 0..$lanes {
                    a[i] = if m[i] { a[i] } else { b[i] };
                }
                a
            }
            #[inline(always)]
            unsafe fn bits(m: Self::M) -> u32 {
                let mut bits = 0;
                for i in 0..$lanes {
                    bits |= (m[i] as u32) << i;
                }
                bits
            }

            #[inline(always)]
            unsafe fn sum(a: Self::V) -> $t {
                let mut total = 0.0;
                for x in a {
                    total += x;
                }
                total
            }
            #[inline(always)]
            unsafe fn transpose(from: *const $t, ld_from: usize, to: *mut $t, ld_to: usize) {
                for i in 0..$lanes {
                    for j in 0..$lanes {
                        unsafe { to.add(j * ld_to + i).write_unaligned(from.add(i * ld_from + j).read_unaligned()) };
                    }
                }
            }
            #[inline(always)]
            unsafe fn deinterleave(a: Self::V, b: Self::V) -> (Self::V, Self::V) {
                let (mut even, mut odd) = (a, b);
                for i in 0..$lanes / 2 {
                    (even[i], odd[i]) = (a[2 * i], a[2 * i + 1]);
                    (even[$lanes / 2 + i], odd[$lanes / 2 + i]) = (b[2 * i], b[2 * i + 1]);
                }
                (even, odd)
            }
            #[inline(always)]
            unsafe fn interleave(a: Self::V, b: Self::V) -> (Self::V, Self::V) {
                let (mut low, mut high) = (a, b);
                for i in 0..$lanes / 2 {
                    (low[2 * i], low[2 * i + 1]) = (a[i], b[i]);
                    (high[2 * i], high[2 * i + 1]) = (a[$lanes / 2 + i], b[$lanes / 2 + i]);
                }
                (low, high)
            }
            #[inline(always)]
            unsafe fn follow(a: Self::V, b: Self::V) -> Self::V {
                let mut v = [b[0]; $lanes];
                v[..$lanes - 1].copy_from_slice(&a[1..]);
                v
            }
            #[inline(always)]
            unsafe fn deinterleave3(v: [Self::V; 3]) -> [Self::V; 3] {
                let mut phases = v;
                for i in 0..3 * $lanes {
                    phases[i % 3][i / 3] = v[i / $lanes][i % $lanes];
                }
                phases
            }
            #[inline(always)]
            unsafe fn interleave3(v: [Self::V; 3]) -> [Self::V; 3] {
                let mut joined = v;
                for i in 0..3 * $lanes {
                    joined[i / $lanes][i % $lanes] = v[i % 3][i / 3];
                }
                joined
            }
        }
    };
}

portable!(f32, 8, u32, 127, 23);
portable!(f64, 4, u64, 1023, 52);
