//! Tasks whose neighbours a thread should do one after the other.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use super::{num_threads, parallel_for};
use crate::simd::end_streams;

/// The most ranges that the tasks are cut into; more threads than that share them.
const MOST: usize = 16;

/// Where the next task of a range is, on lines of its own: every claim writes it.
#[repr(align(128))]
struct Next(AtomicUsize);

/// Calls `body(i)` exactly once for each `i` in `0..tasks`, as [`parallel_for`] does; but each thread begins with a range of its
/// own, in ascending order, and helps with the ranges of the others only when that is done.
///
/// For passes over memory: a thread that reads on where it ended finds what the processor has fetched ahead, and in its
/// own cache what it wrote last time. Tasks may store past the caches, and leave it to this function to order these stores before
/// what follows: a thread does so once, since it has to wait for them.
///
/// # Panics
///
/// If a task panics, tasks of other threads still run; the first panic is raised again when they have returned.
pub fn parallel_ranges(tasks: usize, body: &(dyn Fn(usize) + Sync)) {
    let threads = num_threads().min(tasks);
    if threads <= 1 {
        (0..tasks).for_each(body);
        end_streams();
        return;
    }
    let ranges = threads.min(MOST);
    let bound = |range: usize| range * tasks / ranges;
    let next: [Next; MOST] = std::array::from_fn(|range| Next(AtomicUsize::new(bound(range))));
    parallel_for(threads, &|thread| {
        for other in 0..ranges {
            let range = (thread + other) % ranges;
            loop {
                let i = next[range].0.fetch_add(1, Relaxed);
                if i >= bound(range + 1) {
                    break;
                }
                body(i);
            }
        }
        end_streams();
    });
}
