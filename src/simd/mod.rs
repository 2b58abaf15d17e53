//! The only door to instruction sets.
//!
//! A kernel is written once, generic over [`Simd`], as a value that implements [`Kernel`]. [`run`] hands it to the instruction
//! set that was chosen for the process (AVX-512, AVX2 with FMA, or portable code). The three entry functions at the end of this
//! file are the only places with `#[target_feature]`: a body compiled without it would keep every intrinsic as a function
//! call, some fifty times slower and without a warning. So everything below an entry is `#[inline(always)]`, and a kernel
//! contains a whole task-sized block of work, not a single step of it.

// The section `Safety` of the trait speaks for its methods.
#![allow(unsafe_code, clippy::missing_safety_doc)]

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::atomic::{AtomicU8, Ordering};

use crate::geometry::Error;
use crate::scalar::Scalar;

pub use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

/// Vectors of one scalar type under one instruction set.
///
/// # Safety
/// Every method requires that the processor has the instruction set, and that the pointers it is given are valid for the
/// elements that its description names. No alignment is required.
pub unsafe trait Simd: Copy + Send + Sync + 'static {
    type T: Scalar;
    type V: Copy;
    /// One truth value per lane.
    type M: Copy;
    const LANES: usize;
    /// Vector registers of the instruction set: what decides the size of a register tile.
    const REGISTERS: usize;

    unsafe fn splat(x: Self::T) -> Self::V;
    unsafe fn load(from: *const Self::T) -> Self::V;
    unsafe fn store(to: *mut Self::T, v: Self::V);
    /// The first `n < LANES` elements, zeros behind; touches no other memory.
    unsafe fn load_partial(from: *const Self::T, n: usize) -> Self::V;
    /// The elements `start..end` in their lanes, zeros in the others; touches no other memory.
    unsafe fn load_between(from: *const Self::T, start: usize, end: usize) -> Self::V;
    /// Writes the first `n < LANES` elements; touches no other memory.
    unsafe fn store_partial(to: *mut Self::T, n: usize, v: Self::V);
    /// A store past the caches, for what nobody reads soon, on a boundary of the vector's size. Before other threads may read
    /// it, [`end_streams`], which [`parallel_ranges`](crate::threads::parallel_ranges) calls for its tasks.
    unsafe fn stream(to: *mut Self::T, v: Self::V);
    /// Asks for the cache line of an address, which need not exist.
    unsafe fn prefetch(from: *const Self::T);
    /// The same for a line that will be written.
    unsafe fn prefetch_to_write(to: *const Self::T);
    /// Integers in 0..=255 from `LANES` bytes.
    unsafe fn load_bytes(from: *const u8) -> Self::V;
    /// Writes integers in 0..=255 to `LANES` bytes.
    unsafe fn store_bytes(to: *mut u8, v: Self::V);

    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the instruction set can.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a * b`, rounded once where the instruction set can.
    unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a > b ? a : b`: the second operand if either is NaN or both are zero.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// `a < b ? a : b`: the second operand if either is NaN or both are zero.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sqrt(a: Self::V) -> Self::V;
    unsafe fn abs(a: Self::V) -> Self::V;
    /// The magnitude of `a` with the sign bit of `b`.
    unsafe fn copysign(a: Self::V, b: Self::V) -> Self::V;
    /// To the nearest integer, ties to even.
    unsafe fn round(a: Self::V) -> Self::V;
    /// `a * 2^n`, rounded once, for integral `n` with `|n| <= 2 * (largest exponent)`.
    unsafe fn scale2(a: Self::V, n: Self::V) -> Self::V;
    /// `n` with `2^n <= a < 2^(n + 1)`, for finite `a` from the smallest normal number on.
    unsafe fn exponent(a: Self::V) -> Self::V;

    /// Comparisons are false where an operand is NaN.
    unsafe fn gt(a: Self::V, b: Self::V) -> Self::M;
    unsafe fn ge(a: Self::V, b: Self::V) -> Self::M;
    unsafe fn eq(a: Self::V, b: Self::V) -> Self::M;
    /// Whether one of the two is NaN.
    unsafe fn unordered(a: Self::V, b: Self::V) -> Self::M;
    unsafe fn or(a: Self::M, b: Self::M) -> Self::M;
    /// `m ? a : b`, lane by lane.
    unsafe fn select(m: Self::M, a: Self::V, b: Self::V) -> Self::V;
    /// Bit `i` is lane `i`.
    unsafe fn bits(m: Self::M) -> u32;

    /// The sum of all lanes, in an order that depends on `LANES` alone.
    unsafe fn sum(a: Self::V) -> Self::T;
    /// Transposes a block of `LANES x LANES` elements from rows of stride `ld_from` to rows of stride `ld_to`.
    unsafe fn transpose(from: *const Self::T, ld_from: usize, to: *mut Self::T, ld_to: usize);
    /// The elements of `a` and then `b` with even numbers, and those with odd numbers.
    unsafe fn deinterleave(a: Self::V, b: Self::V) -> (Self::V, Self::V);
    /// `a0 b0 a1 b1 ...` in two vectors: the inverse of [`Simd::deinterleave`].
    unsafe fn interleave(a: Self::V, b: Self::V) -> (Self::V, Self::V);
    /// `a1 a2 ... b0`: the lanes of `a` moved down by one, and the first one of `b`.
    unsafe fn follow(a: Self::V, b: Self::V) -> Self::V;
    /// The elements of three vectors, one after the other, by their number modulo 3.
    unsafe fn deinterleave3(v: [Self::V; 3]) -> [Self::V; 3];
    /// The inverse of [`Simd::deinterleave3`].
    unsafe fn interleave3(v: [Self::V; 3]) -> [Self::V; 3];

    #[inline(always)]
    unsafe fn is_nan(a: Self::V) -> Self::M {
        unsafe { Self::unordered(a, a) }
    }

    #[inline(always)]
    unsafe fn zero() -> Self::V {
        unsafe { Self::splat(Self::T::ZERO) }
    }

    /// The first `min(n, LANES)` elements, zeros behind.
    #[inline(always)]
    unsafe fn load_up_to(from: *const Self::T, n: usize) -> Self::V {
        unsafe { if n >= Self::LANES { Self::load(from) } else { Self::load_partial(from, n) } }
    }

    /// Writes the first `n` elements, as a whole vector if what is behind them is still to come: `room >= n` elements.
    #[inline(always)]
    unsafe fn store_within(to: *mut Self::T, n: usize, room: usize, v: Self::V) {
        unsafe { if room >= Self::LANES { Self::store(to, v) } else { Self::store_up_to(to, n, v) } }
    }

    /// Writes the first `min(n, LANES)` elements.
    #[inline(always)]
    unsafe fn store_up_to(to: *mut Self::T, n: usize, v: Self::V) {
        unsafe { if n >= Self::LANES { Self::store(to, v) } else { Self::store_partial(to, n, v) } }
    }
}

/// A task-sized piece of work, generic over the instruction set.
pub trait Kernel<T: Scalar> {
    type Output;

    /// Must be `#[inline(always)]`, and so must everything it calls down to [`Simd`].
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the pointers inside `self` are valid as the kernel describes.
    unsafe fn run<S: Simd<T = T>>(self) -> Self::Output;
}

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    Portable = 1,
    Avx2 = 2,
    Avx512 = 3,
}

impl Isa {
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }

    /// Whether this processor has it.
    pub fn available(self) -> bool {
        match self {
            Isa::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                Isa::Avx2.available()
                    && std::is_x86_feature_detected!("avx512f")
                    && std::is_x86_feature_detected!("avx512dq")
                    && std::is_x86_feature_detected!("avx512bw")
                    && std::is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// All that this processor has, best first.
    pub fn all_available() -> impl Iterator<Item = Isa> {
        [Isa::Avx512, Isa::Avx2, Isa::Portable].into_iter().filter(|isa| isa.available())
    }

    fn best() -> Isa {
        Isa::all_available().next().unwrap_or(Isa::Portable)
    }
}

static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// The instruction set of this process: what `GOLDFISH_SIMD` says, else the best that the processor has.
#[inline]
pub fn isa() -> Isa {
    match CHOSEN.load(Ordering::Relaxed) {
        1 => Isa::Portable,
        2 => Isa::Avx2,
        3 => Isa::Avx512,
        _ => {
            let isa = requested().unwrap_or_else(|_| Isa::best());
            CHOSEN.store(isa as u8, Ordering::Relaxed);
            isa
        }
    }
}

/// What `GOLDFISH_SIMD` asks for; the best that the processor has if it is not set.
///
/// # Errors
/// A name that is not `portable`, `avx2` or `avx512`, or an instruction set that this processor lacks.
pub fn requested() -> Result<Isa, Error> {
    let Some(name) = std::env::var_os("GOLDFISH_SIMD") else { return Ok(Isa::best()) };
    let asked = [Isa::Portable, Isa::Avx2, Isa::Avx512].into_iter().find(|isa| name == isa.name());
    match asked {
        Some(isa) if isa.available() => Ok(isa),
        Some(isa) => Err(Error::value(format!("GOLDFISH_SIMD={}: this processor does not have it", isa.name()))),
        None => Err(Error::value(format!(
            "GOLDFISH_SIMD must be 'portable', 'avx2' or 'avx512', got '{}'",
            name.to_string_lossy()
        ))),
    }
}

/// Runs the kernel on the instruction set of this process.
///
/// # Safety
/// As [`Kernel::run`] says of the kernel's own pointers.
#[inline]
pub unsafe fn run<T: Scalar, K: Kernel<T>>(kernel: K) -> K::Output {
    unsafe { run_on(isa(), kernel) }
}

/// Orders the stores past the caches before those that follow.
pub fn end_streams() {
    // SAFETY: a part of the architecture's baseline.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

/// The lanes of a vector on the instruction set of this process.
pub fn lanes<T: Scalar>() -> usize {
    struct Lanes;
    impl<T: Scalar> Kernel<T> for Lanes {
        type Output = usize;

        #[inline(always)]
        unsafe fn run<S: Simd<T = T>>(self) -> usize {
            S::LANES
        }
    }
    // SAFETY: there are no pointers.
    unsafe { run::<T, _>(Lanes) }
}

/// Runs the kernel on a given instruction set, which must be available: for tests and benchmarks.
///
/// # Safety
/// As [`Kernel::run`] says, and `isa.available()`.
#[inline]
pub unsafe fn run_on<T: Scalar, K: Kernel<T>>(isa: Isa, kernel: K) -> K::Output {
    // SAFETY: `isa()` and the caller of `run_on` only name instruction sets that the processor has.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => on_avx512::<T, K>(kernel),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => on_avx2::<T, K>(kernel),
            _ => on_portable::<T, K>(kernel),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
unsafe fn on_avx512<T: Scalar, K: Kernel<T>>(kernel: K) -> K::Output {
    unsafe { kernel.run::<T::Avx512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn on_avx2<T: Scalar, K: Kernel<T>>(kernel: K) -> K::Output {
    unsafe { kernel.run::<T::Avx2>() }
}

#[inline(never)]
unsafe fn on_portable<T: Scalar, K: Kernel<T>>(kernel: K) -> K::Output {
    unsafe { kernel.run::<T::Portable>() }
}

#[cfg(test)]
mod tests;
