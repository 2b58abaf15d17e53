//! What a dispatch costs: `cargo bench --bench threads`.

use std::hint::black_box;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use goldfish_core::memory::{Block, with_scratch};
use goldfish_core::threads::{parallel_for, set_num_threads};

fn dispatch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dispatch");
    for threads in [1, 2, 4] {
        group.bench_function(format!("awake, {threads} threads"), |bencher| {
            set_num_threads(threads);
            bencher.iter(|| parallel_for(threads, &|i| _ = black_box(i)));
        });
    }
    // Each task waits until the other has started, so the worker must take part. Two threads are sure to, since nobody
    // else uses the pool.
    group.bench_function("awake, 2 threads, both work", |bencher| {
        set_num_threads(2);
        bencher.iter(|| {
            let started = AtomicUsize::new(0);
            parallel_for(2, &|_| {
                started.fetch_add(1, AcqRel);
                while started.load(Acquire) < 2 {
                    std::hint::spin_loop();
                }
            });
        });
    });
    group.bench_function("asleep, 2 threads", |bencher| {
        set_num_threads(2);
        bencher.iter_batched(
            || std::thread::sleep(Duration::from_micros(500)),
            |()| parallel_for(2, &|i| _ = black_box(i)),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn memory(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memory");
    for bytes in [64, 64 << 10, 64 << 20] {
        group.bench_function(format!("recycled block of {bytes}"), |bencher| bencher.iter(|| Block::new(bytes)));
    }
    group.bench_function("scratch", |bencher| bencher.iter(|| with_scratch(1000, |slice: &mut [f32]| slice[0] = 1.0)));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).without_plots();
    targets = dispatch, memory
}
criterion_main!(benches);
