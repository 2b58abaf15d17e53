//! Complex transforms of as many columns as a vector has lanes. A place is a vector of real parts and one of imaginary parts.

#![allow(unsafe_code)]

use super::super::lines::Line;
use crate::simd::Simd;

/// Vectors of real and of imaginary parts.
pub type Complex<S> = (<S as Simd>::V, <S as Simd>::V);

/// A place of columns.
#[inline(always)]
pub unsafe fn get<S: Simd>(data: *const S::T, place: usize) -> Complex<S> {
    unsafe {
        let at = data.add(2 * S::LANES * place);
        (S::load(at), S::load(at.add(S::LANES)))
    }
}

/// Writes one.
#[inline(always)]
pub unsafe fn put<S: Simd>(data: *mut S::T, place: usize, z: Complex<S>) {
    unsafe {
        let at = data.add(2 * S::LANES * place);
        S::store(at, z.0);
        S::store(at.add(S::LANES), z.1);
    }
}

/// `a + b`.
#[inline(always)]
pub unsafe fn add<S: Simd>(a: Complex<S>, b: Complex<S>) -> Complex<S> {
    unsafe { (S::add(a.0, b.0), S::add(a.1, b.1)) }
}

/// `a - b`.
#[inline(always)]
pub unsafe fn sub<S: Simd>(a: Complex<S>, b: Complex<S>) -> Complex<S> {
    unsafe { (S::sub(a.0, b.0), S::sub(a.1, b.1)) }
}

/// `a + i b`.
#[inline(always)]
pub unsafe fn add_turned<S: Simd>(a: Complex<S>, b: Complex<S>) -> Complex<S> {
    unsafe { (S::sub(a.0, b.1), S::add(a.1, b.0)) }
}

/// `a - i b`.
#[inline(always)]
pub unsafe fn sub_turned<S: Simd>(a: Complex<S>, b: Complex<S>) -> Complex<S> {
    unsafe { (S::add(a.0, b.1), S::sub(a.1, b.0)) }
}

/// `a * w`.
#[inline(always)]
pub unsafe fn mul<S: Simd>(a: Complex<S>, w: Complex<S>) -> Complex<S> {
    unsafe { (S::fnma(a.1, w.1, S::mul(a.0, w.0)), S::fma(a.1, w.0, S::mul(a.0, w.1))) }
}

/// `a` times the conjugate of `w`.
#[inline(always)]
pub unsafe fn mul_conjugate<S: Simd>(a: Complex<S>, w: Complex<S>) -> Complex<S> {
    unsafe { (S::fma(a.1, w.1, S::mul(a.0, w.0)), S::fnma(a.0, w.1, S::mul(a.1, w.0))) }
}

/// The roots of one place.
#[inline(always)]
unsafe fn roots<S: Simd>(table: *const S::T) -> [Complex<S>; 3] {
    unsafe { [0, 2, 4].map(|i| (S::splat(*table.add(i)), S::splat(*table.add(i + 1)))) }
}

/// The transform of complex columns, decimated in frequency.
#[inline(always)]
pub unsafe fn transform<S: Simd>(line: &Line<S::T>, data: *mut S::T) {
    let mut table = line.roots.as_ptr();
    let mut len = line.len;
    unsafe {
        while len >= 4 {
            let quarter = len / 4;
            for start in (0..line.len).step_by(len) {
                let (sum, rest) = quarters::<S>(data, start, quarter);
                let [a, b, c, d] = [
                    add::<S>(sum[0], sum[1]),
                    sub_turned::<S>(rest[0], rest[1]),
                    sub::<S>(sum[0], sum[1]),
                    add_turned::<S>(rest[0], rest[1]),
                ];
                put::<S>(data, start, a);
                put::<S>(data, start + quarter, b);
                put::<S>(data, start + 2 * quarter, c);
                put::<S>(data, start + 3 * quarter, d);
            }
            for place in 1..quarter {
                let [w1, w2, w3] = roots::<S>(table);
                table = table.add(6);
                for start in (place..line.len).step_by(len) {
                    let (sum, rest) = quarters::<S>(data, start, quarter);
                    put::<S>(data, start, add::<S>(sum[0], sum[1]));
                    put::<S>(data, start + quarter, mul::<S>(sub_turned::<S>(rest[0], rest[1]), w1));
                    put::<S>(data, start + 2 * quarter, mul::<S>(sub::<S>(sum[0], sum[1]), w2));
                    put::<S>(data, start + 3 * quarter, mul::<S>(add_turned::<S>(rest[0], rest[1]), w3));
                }
            }
            len = quarter;
        }
        if len == 2 {
            halves::<S>(line.len, data);
        }
    }
}

/// Sums and differences of the elements half a length and a quarter and three quarters apart.
#[inline(always)]
unsafe fn quarters<S: Simd>(data: *const S::T, start: usize, quarter: usize) -> ([Complex<S>; 2], [Complex<S>; 2]) {
    unsafe {
        let (a, b) = (get::<S>(data, start), get::<S>(data, start + quarter));
        let (c, d) = (get::<S>(data, start + 2 * quarter), get::<S>(data, start + 3 * quarter));
        ([add::<S>(a, c), add::<S>(b, d)], [sub::<S>(a, c), sub::<S>(b, d)])
    }
}

/// Transforms of length 2, which are their own inverses.
#[inline(always)]
unsafe fn halves<S: Simd>(len: usize, data: *mut S::T) {
    unsafe {
        for start in (0..len).step_by(2) {
            let (a, b) = (get::<S>(data, start), get::<S>(data, start + 1));
            put::<S>(data, start, add::<S>(a, b));
            put::<S>(data, start + 1, sub::<S>(a, b));
        }
    }
}

/// The inverse of [`transform`], times the length: its steps backwards.
#[inline(always)]
pub unsafe fn transform_back<S: Simd>(line: &Line<S::T>, data: *mut S::T) {
    let mut table = line.roots.as_ptr_range().end;
    let mut len = if line.len.trailing_zeros().is_multiple_of(2) { 4 } else { 8 };
    unsafe {
        if len == 8 {
            halves::<S>(line.len, data);
        }
        while len <= line.len {
            let quarter = len / 4;
            table = table.sub(6 * (quarter - 1));
            for start in (0..line.len).step_by(len) {
                let [a, b, c, d] = [0, 1, 2, 3].map(|i| get::<S>(data, start + i * quarter));
                put_quarters::<S>(data, start, quarter, [a, b, c, d]);
            }
            for place in 1..quarter {
                let [w1, w2, w3] = roots::<S>(table.add(6 * (place - 1)));
                for start in (place..line.len).step_by(len) {
                    let a = get::<S>(data, start);
                    let b = mul_conjugate::<S>(get::<S>(data, start + quarter), w1);
                    let c = mul_conjugate::<S>(get::<S>(data, start + 2 * quarter), w2);
                    let d = mul_conjugate::<S>(get::<S>(data, start + 3 * quarter), w3);
                    put_quarters::<S>(data, start, quarter, [a, b, c, d]);
                }
            }
            len *= 4;
        }
    }
}

/// The inverse transform of four elements, written a quarter apart.
#[inline(always)]
unsafe fn put_quarters<S: Simd>(data: *mut S::T, start: usize, quarter: usize, [a, b, c, d]: [Complex<S>; 4]) {
    unsafe {
        let (even, odd) = ([add::<S>(a, c), sub::<S>(a, c)], [add::<S>(b, d), sub::<S>(b, d)]);
        put::<S>(data, start, add::<S>(even[0], odd[0]));
        put::<S>(data, start + quarter, add_turned::<S>(even[1], odd[1]));
        put::<S>(data, start + 2 * quarter, sub::<S>(even[0], odd[0]));
        put::<S>(data, start + 3 * quarter, sub_turned::<S>(even[1], odd[1]));
    }
}
