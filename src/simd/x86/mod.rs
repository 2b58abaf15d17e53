//! AVX-512 and AVX2 with FMA.

/// `(3 * lane + phase) % LANES`, by phase: where the lanes of a phase lie when three vectors have been blended into one.
const fn every_third<const LANES: usize>() -> [[i32; LANES]; 3] {
    let mut places = [[0; LANES]; 3];
    let mut i = 0;
    while i < 3 * LANES {
        places[i / LANES][i % LANES] = ((3 * (i % LANES) + i / LANES) % LANES) as i32;
        i += 1;
    }
    places
}

/// The inverse permutations.
const fn to_every_third<const LANES: usize>() -> [[i32; LANES]; 3] {
    let (places, mut inverse) = (every_third::<LANES>(), [[0; LANES]; 3]);
    let mut i = 0;
    while i < 3 * LANES {
        inverse[i / LANES][places[i / LANES][i % LANES] as usize] = (i % LANES) as i32;
        i += 1;
    }
    inverse
}

/// Bits 0, 3, 6 ..., from `first` on.
const fn third_bits(first: u32) -> u32 {
    (0x4924_9249 << first) & 0xffff
}

/// The methods that differ only in the name of one intrinsic.
macro_rules! same_shape {
    ($t:ident, $v:ident, $lanes:literal, $registers:literal, splat $splat:ident, load $load:ident, store $store:ident,
     add $add:ident, sub $sub:ident, mul $mul:ident, div $div:ident, fma $fma:ident, fnma $fnma:ident, max $max:ident,
     min $min:ident, sqrt $sqrt:ident, stream $stream:ident) => {
        type T = $t;
        type V = $v;
        const LANES: usize = $lanes;
        const REGISTERS: usize = $registers;

        #[inline(always)]
        unsafe fn splat(x: $t) -> $v {
            unsafe { $splat(x) }
        }
        #[inline(always)]
        unsafe fn load(from: *const $t) -> $v {
            unsafe { $load(from) }
        }
        #[inline(always)]
        unsafe fn store(to: *mut $t, v: $v) {
            unsafe { $store(to, v) }
        }
        #[inline(always)]
        unsafe fn add(a: $v, b: $v) -> $v {
            unsafe { $add(a, b) }
        }
        #[inline(always)]
        unsafe fn sub(a: $v, b: $v) -> $v {
            unsafe { $sub(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: $v, b: $v) -> $v {
            unsafe { $mul(a, b) }
        }
        #[inline(always)]
        unsafe fn div(a: $v, b: $v) -> $v {
            unsafe { $div(a, b) }
        }
        #[inline(always)]
        unsafe fn fma(a: $v, b: $v, c: $v) -> $v {
            unsafe { $fma(a, b, c) }
        }
        #[inline(always)]
        unsafe fn fnma(a: $v, b: $v, c: $v) -> $v {
            unsafe { $fnma(a, b, c) }
        }
        #[inline(always)]
        unsafe fn max(a: $v, b: $v) -> $v {
            unsafe { $max(a, b) }
        }
        #[inline(always)]
        unsafe fn min(a: $v, b: $v) -> $v {
            unsafe { $min(a, b) }
        }
        #[inline(always)]
        unsafe fn sqrt(a: $v) -> $v {
            unsafe { $sqrt(a) }
        }
        #[inline(always)]
        unsafe fn stream(to: *mut $t, v: $v) {
            unsafe { $stream(to, v) }
        }
        #[inline(always)]
        unsafe fn prefetch(from: *const Self::T) {
            unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
        }
        #[inline(always)]
        unsafe fn prefetch_to_write(to: *const Self::T) {
            unsafe { _mm_prefetch::<_MM_HINT_ET0>(to.cast()) }
        }
    };
}

mod avx2;
mod avx512;

pub use avx2::Avx2;
pub use avx512::Avx512;
