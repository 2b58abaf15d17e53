//! AVX2 with FMA.

use std::arch::x86_64::*;
use std::marker::PhantomData;

use super::{every_third, third_bits, to_every_third};
use crate::simd::Simd;

/// 256-bit vectors (AVX2 and FMA).
#[derive(Clone, Copy)]
pub struct Avx2<T>(PhantomData<T>);

/// From `2 * LANES - n` on: `n` set lanes and then clear ones; from `LANES - n` on: `n` clear lanes and then set ones.
static MASKS_32: [i32; 24] = [0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
static MASKS_64: [i64; 12] = [0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0];

macro_rules! avx2 {
    ($t:ident, $v:ident, masks $masks:ident, load $load:ident, store $store:ident, or $or:ident, and $and:ident,
     andnot $andnot:ident, splat $splat:ident, round $round:ident, compare $compare:ident, blend $blend:ident,
     bits $bits:ident) => {
        type M = $v;

        #[inline(always)]
        unsafe fn load_partial(from: *const $t, n: usize) -> $v {
            unsafe { $load(from, _mm256_loadu_si256($masks.as_ptr().add(2 * Self::LANES - n).cast())) }
        }
        #[inline(always)]
        unsafe fn load_between(from: *const $t, start: usize, end: usize) -> $v {
            unsafe {
                if start == 0 && end >= Self::LANES {
                    return Self::load(from);
                }
                let end = end.min(Self::LANES);
                let reached = _mm256_loadu_si256($masks.as_ptr().add(2 * Self::LANES - end).cast());
                let entered = _mm256_loadu_si256($masks.as_ptr().add(Self::LANES - start).cast());
                $load(from, _mm256_and_si256(entered, reached))
            }
        }
        #[inline(always)]
        unsafe fn store_partial(to: *mut $t, n: usize, v: $v) {
            unsafe { $store(to, _mm256_loadu_si256($masks.as_ptr().add(2 * Self::LANES - n).cast()), v) }
        }
        #[inline(always)]
        unsafe fn abs(a: $v) -> $v {
            unsafe { $andnot($splat(-0.0), a) }
        }
        #[inline(always)]
        unsafe fn copysign(a: $v, b: $v) -> $v {
            unsafe { $or($andnot($splat(-0.0), a), $and(b, $splat(-0.0))) }
        }
        #[inline(always)]
        unsafe fn round(a: $v) -> $v {
            unsafe { $round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
        }
        #[inline(always)]
        unsafe fn gt(a: $v, b: $v) -> $v {
            unsafe { $compare::<_CMP_GT_OQ>(a, b) }
        }
        #[inline(always)]
        unsafe fn ge(a: $v, b: $v) -> $v {
            unsafe { $compare::<_CMP_GE_OQ>(a, b) }
        }
        #[inline(always)]
        unsafe fn eq(a: $v, b: $v) -> $v {
            unsafe { $compare::<_CMP_EQ_OQ>(a, b) }
        }
        #[inline(always)]
        unsafe fn unordered(a: $v, b: $v) -> $v {
            unsafe { $compare::<_CMP_UNORD_Q>(a, b) }
        }
        #[inline(always)]
        unsafe fn or(a: $v, b: $v) -> $v {
            unsafe { $or(a, b) }
        }
        #[inline(always)]
        unsafe fn select(m: $v, a: $v, b: $v) -> $v {
            unsafe { $blend(b, a, m) }
        }
        #[inline(always)]
        unsafe fn bits(m: $v) -> u32 {
            unsafe { $bits(m) as u32 }
        }
    };
}

// SAFETY: memory is touched only where the trait's descriptions say; masked-out lanes are never accessed.
unsafe impl Simd for Avx2<f32> {
    same_shape!(f32, __m256, 8, 16, splat _mm256_set1_ps, load _mm256_loadu_ps, store _mm256_storeu_ps, add _mm256_add_ps,
        sub _mm256_sub_ps, mul _mm256_mul_ps, div _mm256_div_ps, fma _mm256_fmadd_ps, fnma _mm256_fnmadd_ps,
        max _mm256_max_ps, min _mm256_min_ps, sqrt _mm256_sqrt_ps, stream _mm256_stream_ps);
    avx2!(f32, __m256, masks MASKS_32, load _mm256_maskload_ps, store _mm256_maskstore_ps, or _mm256_or_ps,
        and _mm256_and_ps, andnot _mm256_andnot_ps, splat _mm256_set1_ps, round _mm256_round_ps, compare _mm256_cmp_ps,
        blend _mm256_blendv_ps, bits _mm256_movemask_ps);

    // Two factors, so that neither overflows nor becomes subnormal itself.
    #[inline(always)]
    unsafe fn scale2(a: __m256, n: __m256) -> __m256 {
        unsafe {
            let n = _mm256_cvtps_epi32(n);
            let half = _mm256_srai_epi32::<1>(n);
            let bias = _mm256_set1_epi32(127);
            let first = _mm256_slli_epi32::<23>(_mm256_add_epi32(half, bias));
            let second = _mm256_slli_epi32::<23>(_mm256_add_epi32(_mm256_sub_epi32(n, half), bias));
            _mm256_mul_ps(_mm256_mul_ps(a, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second))
        }
    }

    #[inline(always)]
    unsafe fn exponent(a: __m256) -> __m256 {
        unsafe {
            let biased = _mm256_srli_epi32::<23>(_mm256_castps_si256(a));
            _mm256_sub_ps(_mm256_cvtepi32_ps(biased), _mm256_set1_ps(127.0))
        }
    }

    #[inline(always)]
    unsafe fn sum(a: __m256) -> f32 {
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, ld_from: usize, to: *mut f32, ld_to: usize) {
        unsafe {
            let mut pairs = [_mm256_setzero_ps(); 8];
            for i in 0..4 {
                let (a, b) =
                    (_mm256_loadu_ps(from.add(2 * i * ld_from)), _mm256_loadu_ps(from.add((2 * i + 1) * ld_from)));
                pairs[2 * i] = _mm256_unpacklo_ps(a, b);
                pairs[2 * i + 1] = _mm256_unpackhi_ps(a, b);
            }
            let mut quads = [_mm256_setzero_ps(); 8];
            for i in 0..2 {
                let [a, b, c, d] = [pairs[4 * i], pairs[4 * i + 1], pairs[4 * i + 2], pairs[4 * i + 3]];
                quads[4 * i] = _mm256_shuffle_ps::<0x44>(a, c);
                quads[4 * i + 1] = _mm256_shuffle_ps::<0xee>(a, c);
                quads[4 * i + 2] = _mm256_shuffle_ps::<0x44>(b, d);
                quads[4 * i + 3] = _mm256_shuffle_ps::<0xee>(b, d);
            }
            for j in 0..4 {
                _mm256_storeu_ps(to.add(j * ld_to), _mm256_permute2f128_ps::<0x20>(quads[j], quads[4 + j]));
                _mm256_storeu_ps(to.add((4 + j) * ld_to), _mm256_permute2f128_ps::<0x31>(quads[j], quads[4 + j]));
            }
        }
    }

    // Within 128-bit lanes first, then the four 64-bit quarters into their order.
    #[inline(always)]
    unsafe fn deinterleave(a: __m256, b: __m256) -> (__m256, __m256) {
        unsafe {
            let even = _mm256_castps_pd(_mm256_shuffle_ps::<0x88>(a, b));
            let odd = _mm256_castps_pd(_mm256_shuffle_ps::<0xdd>(a, b));
            (
                _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(even)),
                _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(odd)),
            )
        }
    }

    #[inline(always)]
    unsafe fn interleave(a: __m256, b: __m256) -> (__m256, __m256) {
        unsafe {
            let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            (_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
        }
    }

    #[inline(always)]
    unsafe fn follow(a: __m256, b: __m256) -> __m256 {
        unsafe {
            let (a, b) = (_mm256_castps_si256(a), _mm256_castps_si256(b));
            let middle = _mm256_permute2x128_si256::<0x21>(a, b);
            _mm256_castsi256_ps(_mm256_alignr_epi8::<4>(middle, a))
        }
    }

    #[inline(always)]
    unsafe fn deinterleave3(v: [__m256; 3]) -> [__m256; 3] {
        const PLACES: [[i32; 8]; 3] = every_third();
        unsafe {
            [
                _mm256_permutevar8x32_ps(
                    _mm256_blend_ps::<{ (third_bits(2) & 0xff) as i32 }>(
                        _mm256_blend_ps::<{ (third_bits(1) & 0xff) as i32 }>(v[0], v[1]),
                        v[2],
                    ),
                    _mm256_loadu_si256(PLACES[0].as_ptr().cast()),
                ),
                _mm256_permutevar8x32_ps(
                    _mm256_blend_ps::<{ (third_bits(0) & 0xff) as i32 }>(
                        _mm256_blend_ps::<{ (third_bits(2) & 0xff) as i32 }>(v[0], v[1]),
                        v[2],
                    ),
                    _mm256_loadu_si256(PLACES[1].as_ptr().cast()),
                ),
                _mm256_permutevar8x32_ps(
                    _mm256_blend_ps::<{ (third_bits(1) & 0xff) as i32 }>(
                        _mm256_blend_ps::<{ (third_bits(0) & 0xff) as i32 }>(v[0], v[1]),
                        v[2],
                    ),
                    _mm256_loadu_si256(PLACES[2].as_ptr().cast()),
                ),
            ]
        }
    }

    #[inline(always)]
    unsafe fn interleave3(v: [__m256; 3]) -> [__m256; 3] {
        const PLACES: [[i32; 8]; 3] = to_every_third();
        unsafe {
            let a = _mm256_permutevar8x32_ps(v[0], _mm256_loadu_si256(PLACES[0].as_ptr().cast()));
            let b = _mm256_permutevar8x32_ps(v[1], _mm256_loadu_si256(PLACES[1].as_ptr().cast()));
            let c = _mm256_permutevar8x32_ps(v[2], _mm256_loadu_si256(PLACES[2].as_ptr().cast()));
            [
                _mm256_blend_ps::<{ (third_bits(2) & 0xff) as i32 }>(
                    _mm256_blend_ps::<{ (third_bits(1) & 0xff) as i32 }>(a, b),
                    c,
                ),
                _mm256_blend_ps::<{ (third_bits(0) & 0xff) as i32 }>(
                    _mm256_blend_ps::<{ (third_bits(2) & 0xff) as i32 }>(a, b),
                    c,
                ),
                _mm256_blend_ps::<{ (third_bits(1) & 0xff) as i32 }>(
                    _mm256_blend_ps::<{ (third_bits(0) & 0xff) as i32 }>(a, b),
                    c,
                ),
            ]
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> __m256 {
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn store_bytes(to: *mut u8, v: __m256) {
        unsafe {
            let words = _mm256_cvtps_epi32(v);
            let words = _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            _mm_storel_epi64(to.cast(), _mm_packus_epi16(words, words))
        }
    }
}

// SAFETY: as above.
unsafe impl Simd for Avx2<f64> {
    same_shape!(f64, __m256d, 4, 16, splat _mm256_set1_pd, load _mm256_loadu_pd, store _mm256_storeu_pd, add _mm256_add_pd,
        sub _mm256_sub_pd, mul _mm256_mul_pd, div _mm256_div_pd, fma _mm256_fmadd_pd, fnma _mm256_fnmadd_pd,
        max _mm256_max_pd, min _mm256_min_pd, sqrt _mm256_sqrt_pd, stream _mm256_stream_pd);
    avx2!(f64, __m256d, masks MASKS_64, load _mm256_maskload_pd, store _mm256_maskstore_pd, or _mm256_or_pd,
        and _mm256_and_pd, andnot _mm256_andnot_pd, splat _mm256_set1_pd, round _mm256_round_pd, compare _mm256_cmp_pd,
        blend _mm256_blendv_pd, bits _mm256_movemask_pd);

    // Two factors, so that neither overflows nor becomes subnormal itself.
    #[inline(always)]
    unsafe fn scale2(a: __m256d, n: __m256d) -> __m256d {
        unsafe {
            let n = _mm256_cvtpd_epi32(n);
            let half = _mm_srai_epi32::<1>(n);
            let bias = _mm_set1_epi32(1023);
            let power = |e: __m128i| _mm256_slli_epi64::<52>(_mm256_cvtepi32_epi64(e));
            let first = power(_mm_add_epi32(half, bias));
            let second = power(_mm_add_epi32(_mm_sub_epi32(n, half), bias));
            _mm256_mul_pd(_mm256_mul_pd(a, _mm256_castsi256_pd(first)), _mm256_castsi256_pd(second))
        }
    }

    #[inline(always)]
    unsafe fn exponent(a: __m256d) -> __m256d {
        // The exponent becomes the last bits of a number that begins at 2^52.
        unsafe {
            let biased = _mm256_srli_epi64::<52>(_mm256_castpd_si256(a));
            let begin = _mm256_set1_pd(4_503_599_627_370_496.0);
            let shifted = _mm256_castsi256_pd(_mm256_or_si256(biased, _mm256_castpd_si256(begin)));
            _mm256_sub_pd(shifted, _mm256_set1_pd(4_503_599_627_370_496.0 + 1023.0))
        }
    }

    #[inline(always)]
    unsafe fn sum(a: __m256d) -> f64 {
        unsafe {
            let two = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd::<1>(a));
            _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f64, ld_from: usize, to: *mut f64, ld_to: usize) {
        unsafe {
            let rows: [__m256d; 4] = [
                _mm256_loadu_pd(from),
                _mm256_loadu_pd(from.add(ld_from)),
                _mm256_loadu_pd(from.add(2 * ld_from)),
                _mm256_loadu_pd(from.add(3 * ld_from)),
            ];
            let (a, b) = (_mm256_unpacklo_pd(rows[0], rows[1]), _mm256_unpackhi_pd(rows[0], rows[1]));
            let (c, d) = (_mm256_unpacklo_pd(rows[2], rows[3]), _mm256_unpackhi_pd(rows[2], rows[3]));
            _mm256_storeu_pd(to, _mm256_permute2f128_pd::<0x20>(a, c));
            _mm256_storeu_pd(to.add(ld_to), _mm256_permute2f128_pd::<0x20>(b, d));
            _mm256_storeu_pd(to.add(2 * ld_to), _mm256_permute2f128_pd::<0x31>(a, c));
            _mm256_storeu_pd(to.add(3 * ld_to), _mm256_permute2f128_pd::<0x31>(b, d));
        }
    }

    // Within 128-bit lanes first, then the four quarters into their order.
    #[inline(always)]
    unsafe fn deinterleave(a: __m256d, b: __m256d) -> (__m256d, __m256d) {
        unsafe {
            let (even, odd) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            (_mm256_permute4x64_pd::<0xd8>(even), _mm256_permute4x64_pd::<0xd8>(odd))
        }
    }

    #[inline(always)]
    unsafe fn interleave(a: __m256d, b: __m256d) -> (__m256d, __m256d) {
        unsafe {
            let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            (_mm256_permute2f128_pd::<0x20>(low, high), _mm256_permute2f128_pd::<0x31>(low, high))
        }
    }

    #[inline(always)]
    unsafe fn follow(a: __m256d, b: __m256d) -> __m256d {
        unsafe { _mm256_shuffle_pd::<0b0101>(a, _mm256_permute2f128_pd::<0x21>(a, b)) }
    }

    #[inline(always)]
    unsafe fn deinterleave3(v: [__m256d; 3]) -> [__m256d; 3] {
        unsafe {
            [
                _mm256_permute4x64_pd::<0x6c>(_mm256_blend_pd::<{ (third_bits(1) & 0xf) as i32 }>(
                    _mm256_blend_pd::<{ (third_bits(2) & 0xf) as i32 }>(v[0], v[1]),
                    v[2],
                )),
                _mm256_permute4x64_pd::<0xb1>(_mm256_blend_pd::<{ (third_bits(2) & 0xf) as i32 }>(
                    _mm256_blend_pd::<{ (third_bits(0) & 0xf) as i32 }>(v[0], v[1]),
                    v[2],
                )),
                _mm256_permute4x64_pd::<0xc6>(_mm256_blend_pd::<{ (third_bits(0) & 0xf) as i32 }>(
                    _mm256_blend_pd::<{ (third_bits(1) & 0xf) as i32 }>(v[0], v[1]),
                    v[2],
                )),
            ]
        }
    }

    // Each of the three permutations is its own inverse.
    #[inline(always)]
    unsafe fn interleave3(v: [__m256d; 3]) -> [__m256d; 3] {
        unsafe {
            let a = _mm256_permute4x64_pd::<0x6c>(v[0]);
            let b = _mm256_permute4x64_pd::<0xb1>(v[1]);
            let c = _mm256_permute4x64_pd::<0xc6>(v[2]);
            [
                _mm256_blend_pd::<{ (third_bits(2) & 0xf) as i32 }>(
                    _mm256_blend_pd::<{ (third_bits(1) & 0xf) as i32 }>(a, b),
                    c,
                ),
                _mm256_blend_pd::<{ (third_bits(1) & 0xf) as i32 }>(
                    _mm256_blend_pd::<{ (third_bits(0) & 0xf) as i32 }>(a, b),
                    c,
                ),
                _mm256_blend_pd::<{ (third_bits(0) & 0xf) as i32 }>(
                    _mm256_blend_pd::<{ (third_bits(2) & 0xf) as i32 }>(a, b),
                    c,
                ),
            ]
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> __m256d {
        unsafe { _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(from.cast::<i32>().read_unaligned()))) }
    }

    #[inline(always)]
    unsafe fn store_bytes(to: *mut u8, v: __m256d) {
        unsafe {
            let words = _mm256_cvtpd_epi32(v);
            let words = _mm_packus_epi32(words, words);
            to.cast::<i32>().write_unaligned(_mm_cvtsi128_si32(_mm_packus_epi16(words, words)))
        }
    }
}
