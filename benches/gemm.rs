//! Matrix products as a share of the multiply-add peak of one core, which a register-only loop measures in the same run.
//!
//! `cargo bench --bench gemm`; `GOLDFISH_SIMD=avx2` for the other instruction set. Peak and product are timed in turn, and the
//! median of the ratios block by block is printed.

#![allow(unsafe_code)]

use std::hint::black_box;
use std::marker::PhantomData;

use goldfish_core::gemm::{Epilogue, Matrix, Target, gemm};
use goldfish_core::scalar::Scalar;
use goldfish_core::simd::{self, Kernel, Simd};
use goldfish_core::threads;

/// Independent multiply-adds on registers alone.
struct Peak<T> {
    steps: usize,
    x: T,
}

impl<T: Scalar> Kernel<T> for Peak<T> {
    type Output = T;

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) -> T {
        // SAFETY: no memory is touched.
        unsafe { if S::REGISTERS == 32 { chains::<S, 24>(&self) } else { chains::<S, 12>(&self) } }
    }
}

#[inline(always)]
unsafe fn chains<S: Simd, const N: usize>(peak: &Peak<S::T>) -> S::T {
    unsafe {
        let x = S::splat(peak.x);
        let mut acc = [S::splat(peak.x); N];
        for _ in 0..peak.steps {
            for a in &mut acc {
                *a = S::fma(*a, x, x);
            }
        }
        let mut total = S::zero();
        for a in acc {
            total = S::add(total, a);
        }
        S::sum(total)
    }
}

/// Multiply-adds in one step of [`Peak`].
struct StepSize<T>(PhantomData<T>);

impl<T: Scalar> Kernel<T> for StepSize<T> {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) -> usize {
        S::LANES * if S::REGISTERS == 32 { 24 } else { 12 }
    }
}

/// Processor seconds of this thread: what others take of the machine does not count.
fn seconds(body: impl FnOnce()) -> f64 {
    let start = thread_clock();
    body();
    thread_clock() - start
}

fn thread_clock() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the result.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

/// Multiply-adds per second on registers.
fn peak_rate<T: Scalar>() -> f64 {
    const STEPS: usize = 200_000;
    // SAFETY: no memory is touched.
    let step = unsafe { simd::run(StepSize::<T>(PhantomData)) };
    let time = seconds(|| {
        // SAFETY: no memory is touched.
        black_box(unsafe { simd::run(Peak { steps: STEPS, x: T::from_f64(black_box(0.5)) }) });
    });
    (STEPS * step) as f64 / time
}

fn product_rate<T: Scalar>(a: &[T], b: &[T], c: &mut [T], [m, n, k]: [usize; 3]) -> f64 {
    let time = seconds(|| {
        let b = Matrix::new(b, n, k).transposed();
        gemm(Matrix::new(a, m, k), b, Target::new(c, n), Epilogue::NONE);
    });
    (m * n * k) as f64 / time
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn row<T: Scalar>(sizes: [usize; 3]) {
    let [m, n, k] = sizes;
    let fill =
        |count: usize| (0..count).map(|i| T::from_f64((i * 7919 % 1009) as f64 / 1009.0 - 0.5)).collect::<Vec<T>>();
    let (a, b, mut c) = (fill(m * k), fill(n * k), vec![T::ZERO; m * n]);
    let mut shares = Vec::new();
    let mut peaks = Vec::new();
    for block in 0..21 {
        let peak = peak_rate::<T>();
        let product = product_rate(&a, &b, &mut c, sizes);
        if block > 0 {
            shares.push(product / peak);
            peaks.push(2e-9 * peak);
        }
    }
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let most = shares.iter().copied().fold(0.0, f64::max);
    println!(
        "{:<9} {m:>5} x {n:>5} x {k:>5}   peak {:>6.1} GF/s   share of the peak: median {:.2}, from {least:.2} to {most:.2}",
        T::NAME,
        median(peaks),
        median(shares),
    );
}

fn main() {
    // `cargo test` runs benches without arguments to see that they work: one small row is enough then.
    let quick = !std::env::args().any(|argument| argument == "--bench");
    threads::set_num_threads(1);
    println!("instruction set: {}, one thread", simd::isa().name());
    if quick {
        row::<f32>([16, 32, 8]);
        return;
    }
    for sizes in [[256, 256, 256], [512, 512, 512], [1024, 1024, 1024], [64, 3136, 576], [384, 1024, 512]] {
        row::<f32>(sizes);
        row::<f64>(sizes);
    }
}
