//! AVX-512.

use std::arch::x86_64::*;
use std::marker::PhantomData;

use super::{Avx2, every_third, third_bits, to_every_third};
use crate::simd::Simd;

/// 512-bit vectors (AVX-512 F, DQ, BW, VL).
#[derive(Clone, Copy)]
pub struct Avx512<T>(PhantomData<T>);

macro_rules! avx512 {
    ($t:ident, $v:ident, $m:ident, load $load:ident, store $store:ident, abs $abs:ident, or $or:ident, and $and:ident,
     splat $splat:ident, round $round:ident, scale $scale:ident, exponent $exponent:ident, compare $compare:ident, blend $blend:ident) => {
        type M = $m;

        #[inline(always)]
        unsafe fn load_partial(from: *const $t, n: usize) -> $v {
            unsafe { $load(((1u32 << n) - 1) as $m, from) }
        }
        #[inline(always)]
        unsafe fn load_between(from: *const $t, start: usize, end: usize) -> $v {
            let lanes = ((1u32 << end.min(Self::LANES)) - 1) >> start << start;
            unsafe { $load(lanes as $m, from) }
        }
        #[inline(always)]
        unsafe fn store_partial(to: *mut $t, n: usize, v: $v) {
            unsafe { $store(to, ((1u32 << n) - 1) as $m, v) }
        }
        #[inline(always)]
        unsafe fn abs(a: $v) -> $v {
            unsafe { $abs(a) }
        }
        #[inline(always)]
        unsafe fn copysign(a: $v, b: $v) -> $v {
            unsafe { $or($abs(a), $and(b, $splat(-0.0))) }
        }
        #[inline(always)]
        unsafe fn round(a: $v) -> $v {
            unsafe { $round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
        }
        #[inline(always)]
        unsafe fn scale2(a: $v, n: $v) -> $v {
            unsafe { $scale(a, n) }
        }
        #[inline(always)]
        unsafe fn exponent(a: $v) -> $v {
            unsafe { $exponent(a) }
        }
        #[inline(always)]
        unsafe fn gt(a: $v, b: $v) -> $m {
            unsafe { $compare::<_CMP_GT_OQ>(a, b) }
        }
        #[inline(always)]
        unsafe fn ge(a: $v, b: $v) -> $m {
            unsafe { $compare::<_CMP_GE_OQ>(a, b) }
        }
        #[inline(always)]
        unsafe fn eq(a: $v, b: $v) -> $m {
            unsafe { $compare::<_CMP_EQ_OQ>(a, b) }
        }
        #[inline(always)]
        unsafe fn unordered(a: $v, b: $v) -> $m {
            unsafe { $compare::<_CMP_UNORD_Q>(a, b) }
        }
        #[inline(always)]
        unsafe fn or(a: $m, b: $m) -> $m {
            a | b
        }
        #[inline(always)]
        unsafe fn select(m: $m, a: $v, b: $v) -> $v {
            unsafe { $blend(m, b, a) }
        }
        #[inline(always)]
        unsafe fn bits(m: $m) -> u32 {
            u32::from(m)
        }
    };
}

// SAFETY: memory is touched only where the trait's descriptions say; masked-out lanes are never accessed.
unsafe impl Simd for Avx512<f32> {
    same_shape!(f32, __m512, 16, 32, splat _mm512_set1_ps, load _mm512_loadu_ps, store _mm512_storeu_ps, add _mm512_add_ps,
        sub _mm512_sub_ps, mul _mm512_mul_ps, div _mm512_div_ps, fma _mm512_fmadd_ps, fnma _mm512_fnmadd_ps,
        max _mm512_max_ps, min _mm512_min_ps, sqrt _mm512_sqrt_ps, stream _mm512_stream_ps);
    avx512!(f32, __m512, __mmask16, load _mm512_maskz_loadu_ps, store _mm512_mask_storeu_ps, abs _mm512_abs_ps,
        or _mm512_or_ps, and _mm512_and_ps, splat _mm512_set1_ps, round _mm512_roundscale_ps, scale _mm512_scalef_ps, exponent _mm512_getexp_ps,
        compare _mm512_cmp_ps_mask, blend _mm512_mask_blend_ps);

    #[inline(always)]
    unsafe fn sum(a: __m512) -> f32 {
        unsafe {
            let halves = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
            Avx2::<f32>::sum(halves)
        }
    }

    // Pairs of rows, then quadruples (as 64-bit elements), then whole 128-bit lanes.
    #[inline(always)]
    unsafe fn transpose(from: *const f32, ld_from: usize, to: *mut f32, ld_to: usize) {
        unsafe {
            let zero = _mm512_setzero_pd();
            let mut pairs = [zero; 16];
            for i in 0..8 {
                let (a, b) =
                    (_mm512_loadu_ps(from.add(2 * i * ld_from)), _mm512_loadu_ps(from.add((2 * i + 1) * ld_from)));
                pairs[2 * i] = _mm512_castps_pd(_mm512_unpacklo_ps(a, b));
                pairs[2 * i + 1] = _mm512_castps_pd(_mm512_unpackhi_ps(a, b));
            }
            let mut quads = [_mm512_setzero_ps(); 16];
            for i in 0..4 {
                let [a, b, c, d] = [pairs[4 * i], pairs[4 * i + 1], pairs[4 * i + 2], pairs[4 * i + 3]];
                quads[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
                quads[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
                quads[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
                quads[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
            }
            for j in 0..4 {
                let x = _mm512_shuffle_f32x4::<0x88>(quads[j], quads[4 + j]);
                let y = _mm512_shuffle_f32x4::<0x88>(quads[8 + j], quads[12 + j]);
                _mm512_storeu_ps(to.add(j * ld_to), _mm512_shuffle_f32x4::<0x88>(x, y));
                _mm512_storeu_ps(to.add((8 + j) * ld_to), _mm512_shuffle_f32x4::<0xdd>(x, y));
                let x = _mm512_shuffle_f32x4::<0xdd>(quads[j], quads[4 + j]);
                let y = _mm512_shuffle_f32x4::<0xdd>(quads[8 + j], quads[12 + j]);
                _mm512_storeu_ps(to.add((4 + j) * ld_to), _mm512_shuffle_f32x4::<0x88>(x, y));
                _mm512_storeu_ps(to.add((12 + j) * ld_to), _mm512_shuffle_f32x4::<0xdd>(x, y));
            }
        }
    }

    #[inline(always)]
    unsafe fn deinterleave(a: __m512, b: __m512) -> (__m512, __m512) {
        unsafe {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
            (_mm512_permutex2var_ps(a, even, b), _mm512_permutex2var_ps(a, odd, b))
        }
    }

    #[inline(always)]
    unsafe fn interleave(a: __m512, b: __m512) -> (__m512, __m512) {
        unsafe {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            (_mm512_permutex2var_ps(a, low, b), _mm512_permutex2var_ps(a, high, b))
        }
    }

    #[inline(always)]
    unsafe fn follow(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_castsi512_ps(_mm512_alignr_epi32::<1>(_mm512_castps_si512(b), _mm512_castps_si512(a))) }
    }

    #[inline(always)]
    unsafe fn deinterleave3(v: [__m512; 3]) -> [__m512; 3] {
        const PLACES: [[i32; 16]; 3] = every_third();
        unsafe {
            [
                _mm512_permutexvar_ps(
                    _mm512_loadu_si512(PLACES[0].as_ptr().cast()),
                    _mm512_mask_blend_ps(
                        third_bits(1) as u16,
                        _mm512_mask_blend_ps(third_bits(2) as u16, v[0], v[1]),
                        v[2],
                    ),
                ),
                _mm512_permutexvar_ps(
                    _mm512_loadu_si512(PLACES[1].as_ptr().cast()),
                    _mm512_mask_blend_ps(
                        third_bits(2) as u16,
                        _mm512_mask_blend_ps(third_bits(0) as u16, v[0], v[1]),
                        v[2],
                    ),
                ),
                _mm512_permutexvar_ps(
                    _mm512_loadu_si512(PLACES[2].as_ptr().cast()),
                    _mm512_mask_blend_ps(
                        third_bits(0) as u16,
                        _mm512_mask_blend_ps(third_bits(1) as u16, v[0], v[1]),
                        v[2],
                    ),
                ),
            ]
        }
    }

    #[inline(always)]
    unsafe fn interleave3(v: [__m512; 3]) -> [__m512; 3] {
        const PLACES: [[i32; 16]; 3] = to_every_third();
        unsafe {
            let a = _mm512_permutexvar_ps(_mm512_loadu_si512(PLACES[0].as_ptr().cast()), v[0]);
            let b = _mm512_permutexvar_ps(_mm512_loadu_si512(PLACES[1].as_ptr().cast()), v[1]);
            let c = _mm512_permutexvar_ps(_mm512_loadu_si512(PLACES[2].as_ptr().cast()), v[2]);
            [
                _mm512_mask_blend_ps(third_bits(2) as u16, _mm512_mask_blend_ps(third_bits(1) as u16, a, b), c),
                _mm512_mask_blend_ps(third_bits(1) as u16, _mm512_mask_blend_ps(third_bits(0) as u16, a, b), c),
                _mm512_mask_blend_ps(third_bits(0) as u16, _mm512_mask_blend_ps(third_bits(2) as u16, a, b), c),
            ]
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn store_bytes(to: *mut u8, v: __m512) {
        unsafe { _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v))) }
    }
}

// SAFETY: as above.
unsafe impl Simd for Avx512<f64> {
    same_shape!(f64, __m512d, 8, 32, splat _mm512_set1_pd, load _mm512_loadu_pd, store _mm512_storeu_pd, add _mm512_add_pd,
        sub _mm512_sub_pd, mul _mm512_mul_pd, div _mm512_div_pd, fma _mm512_fmadd_pd, fnma _mm512_fnmadd_pd,
        max _mm512_max_pd, min _mm512_min_pd, sqrt _mm512_sqrt_pd, stream _mm512_stream_pd);
    avx512!(f64, __m512d, __mmask8, load _mm512_maskz_loadu_pd, store _mm512_mask_storeu_pd, abs _mm512_abs_pd,
        or _mm512_or_pd, and _mm512_and_pd, splat _mm512_set1_pd, round _mm512_roundscale_pd, scale _mm512_scalef_pd, exponent _mm512_getexp_pd,
        compare _mm512_cmp_pd_mask, blend _mm512_mask_blend_pd);

    #[inline(always)]
    unsafe fn sum(a: __m512d) -> f64 {
        unsafe {
            let halves = _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd::<1>(a));
            Avx2::<f64>::sum(halves)
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f64, ld_from: usize, to: *mut f64, ld_to: usize) {
        unsafe {
            let mut pairs = [_mm512_setzero_pd(); 8];
            for i in 0..4 {
                let (a, b) =
                    (_mm512_loadu_pd(from.add(2 * i * ld_from)), _mm512_loadu_pd(from.add((2 * i + 1) * ld_from)));
                pairs[2 * i] = _mm512_unpacklo_pd(a, b);
                pairs[2 * i + 1] = _mm512_unpackhi_pd(a, b);
            }
            for j in 0..2 {
                let x = _mm512_shuffle_f64x2::<0x88>(pairs[j], pairs[2 + j]);
                let y = _mm512_shuffle_f64x2::<0x88>(pairs[4 + j], pairs[6 + j]);
                _mm512_storeu_pd(to.add(j * ld_to), _mm512_shuffle_f64x2::<0x88>(x, y));
                _mm512_storeu_pd(to.add((4 + j) * ld_to), _mm512_shuffle_f64x2::<0xdd>(x, y));
                let x = _mm512_shuffle_f64x2::<0xdd>(pairs[j], pairs[2 + j]);
                let y = _mm512_shuffle_f64x2::<0xdd>(pairs[4 + j], pairs[6 + j]);
                _mm512_storeu_pd(to.add((2 + j) * ld_to), _mm512_shuffle_f64x2::<0x88>(x, y));
                _mm512_storeu_pd(to.add((6 + j) * ld_to), _mm512_shuffle_f64x2::<0xdd>(x, y));
            }
        }
    }

    #[inline(always)]
    unsafe fn deinterleave(a: __m512d, b: __m512d) -> (__m512d, __m512d) {
        unsafe {
            let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
            let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
            (_mm512_permutex2var_pd(a, even, b), _mm512_permutex2var_pd(a, odd, b))
        }
    }

    #[inline(always)]
    unsafe fn interleave(a: __m512d, b: __m512d) -> (__m512d, __m512d) {
        unsafe {
            let low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
            let high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
            (_mm512_permutex2var_pd(a, low, b), _mm512_permutex2var_pd(a, high, b))
        }
    }

    #[inline(always)]
    unsafe fn follow(a: __m512d, b: __m512d) -> __m512d {
        unsafe { _mm512_castsi512_pd(_mm512_alignr_epi64::<1>(_mm512_castpd_si512(b), _mm512_castpd_si512(a))) }
    }

    #[inline(always)]
    unsafe fn deinterleave3(v: [__m512d; 3]) -> [__m512d; 3] {
        const PLACES: [[i32; 8]; 3] = every_third();
        unsafe {
            [
                _mm512_permutexvar_pd(
                    _mm512_cvtepi32_epi64(_mm256_loadu_si256(PLACES[0].as_ptr().cast())),
                    _mm512_mask_blend_pd(
                        third_bits(2) as u8,
                        _mm512_mask_blend_pd(third_bits(1) as u8, v[0], v[1]),
                        v[2],
                    ),
                ),
                _mm512_permutexvar_pd(
                    _mm512_cvtepi32_epi64(_mm256_loadu_si256(PLACES[1].as_ptr().cast())),
                    _mm512_mask_blend_pd(
                        third_bits(0) as u8,
                        _mm512_mask_blend_pd(third_bits(2) as u8, v[0], v[1]),
                        v[2],
                    ),
                ),
                _mm512_permutexvar_pd(
                    _mm512_cvtepi32_epi64(_mm256_loadu_si256(PLACES[2].as_ptr().cast())),
                    _mm512_mask_blend_pd(
                        third_bits(1) as u8,
                        _mm512_mask_blend_pd(third_bits(0) as u8, v[0], v[1]),
                        v[2],
                    ),
                ),
            ]
        }
    }

    #[inline(always)]
    unsafe fn interleave3(v: [__m512d; 3]) -> [__m512d; 3] {
        const PLACES: [[i32; 8]; 3] = to_every_third();
        unsafe {
            let a = _mm512_permutexvar_pd(_mm512_cvtepi32_epi64(_mm256_loadu_si256(PLACES[0].as_ptr().cast())), v[0]);
            let b = _mm512_permutexvar_pd(_mm512_cvtepi32_epi64(_mm256_loadu_si256(PLACES[1].as_ptr().cast())), v[1]);
            let c = _mm512_permutexvar_pd(_mm512_cvtepi32_epi64(_mm256_loadu_si256(PLACES[2].as_ptr().cast())), v[2]);
            [
                _mm512_mask_blend_pd(third_bits(2) as u8, _mm512_mask_blend_pd(third_bits(1) as u8, a, b), c),
                _mm512_mask_blend_pd(third_bits(0) as u8, _mm512_mask_blend_pd(third_bits(2) as u8, a, b), c),
                _mm512_mask_blend_pd(third_bits(1) as u8, _mm512_mask_blend_pd(third_bits(0) as u8, a, b), c),
            ]
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> __m512d {
        unsafe { _mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn store_bytes(to: *mut u8, v: __m512d) {
        unsafe { _mm_storel_epi64(to.cast(), _mm256_cvtepi32_epi8(_mm512_cvtpd_epi32(v))) }
    }
}
