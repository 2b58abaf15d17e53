//! The worker pool that every kernel runs on.
//!
//! [`parallel_for`] splits a call into tasks. The calling thread works, and up to `num_threads() - 1` persistent
//! workers help. How a job gets to the workers and back is told in `pool.rs`.
//!
//! * Which thread runs a task, and when, is open; so results must not depend on it, and tasks must not wait for one
//!   another: all of them may run on one thread. The members of a [`team()`] may.
//! * Workers start when a call first wants them. Idle ones poll for about 200 us, which makes the next dispatch cheap,
//!   and then park. Waking them takes up to 100 us, during which the caller gets on with the tasks.
//! * The pool serves one call at a time. A call that finds it busy, from another thread or from inside a task, runs all
//!   its tasks alone at once rather than wait.
//! * A forked child starts without workers, and makes its own, even if the fork comes while another thread is inside a
//!   job. (A task must not fork.)
//! * Nothing here touches the floating-point environment.
#![allow(unsafe_code)]

#[cfg(all(test, loom))]
mod model;
mod placement;
mod pool;
mod ranges;
mod shared;
mod sync;
mod team;
#[cfg(all(test, not(loom)))]
pub(crate) mod tests;

use std::cell::Cell;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicUsize};

use pool::Pool;
pub use ranges::parallel_ranges;
pub use shared::{SharedMut, parallel_chunks_mut};
pub use team::Member;

/// The process value; 0 until it is first needed.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// This thread's override; 0 for none.
    static OVERRIDE: Cell<usize> = const { Cell::new(0) };
}

/// The number of threads that a call from this thread may use, the calling thread included.
///
/// This thread's override ([`set_override`]), else the process value ([`set_num_threads`]). The process value starts as
/// `GOLDFISH_NUM_THREADS`, else `OMP_NUM_THREADS` (of a comma-separated list the first), else the number of processors
/// in the affinity mask, or a control group's quota if that is smaller. Values that are not positive integers are
/// ignored.
pub fn num_threads() -> usize {
    match OVERRIDE.get() {
        0 => match THREADS.load(Relaxed) {
            0 => initial_threads(),
            n => n,
        },
        n => n,
    }
}

/// Sets the process value of [`num_threads`]. `n` is at least 1.
pub fn set_num_threads(n: usize) {
    THREADS.store(n.max(1), Relaxed);
}

/// Sets or clears the override of the calling thread, and returns the previous one. A number is at least 1.
pub fn set_override(n: Option<usize>) -> Option<usize> {
    let previous = OVERRIDE.replace(n.map_or(0, |n| n.max(1)));
    (previous > 0).then_some(previous)
}

#[cold]
fn initial_threads() -> usize {
    let n = threads_from(|name| std::env::var(name).ok())
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    match THREADS.compare_exchange(0, n, Relaxed, Relaxed) {
        Ok(_) => n,
        Err(set_meanwhile) => set_meanwhile,
    }
}

fn threads_from(variable: impl Fn(&str) -> Option<String>) -> Option<usize> {
    let number = |text: &str| text.trim().parse().ok().filter(|&n: &usize| n > 0);
    let ours = variable("GOLDFISH_NUM_THREADS").and_then(|value| number(&value));
    ours.or_else(|| number(variable("OMP_NUM_THREADS")?.split(',').next()?))
}

/// Calls `body(i)` exactly once for each `i` in `0..tasks`, and returns when all calls have returned.
///
/// The calling thread works, helped by at most `num_threads() - 1` workers; tasks are claimed one by one, in ascending
/// order. With one thread or one task, or when the pool is busy, the caller runs all tasks by itself.
///
/// # Panics
///
/// If a task panics, no further task starts, and the first panic is raised again when the running tasks have returned.
pub fn parallel_for(tasks: usize, body: &(dyn Fn(usize) + Sync)) {
    let helpers = num_threads().min(tasks).saturating_sub(1);
    if helpers == 0 || !pool().run(helpers, tasks, body) {
        (0..tasks).for_each(body);
    }
}

/// Calls `body` once on each of up to `most` threads, at the same time: they may wait for one another ([`Member::meet`]).
///
/// How many come is open, the calling thread at least: with one thread, or when the pool is busy or asleep, it is alone.
///
/// # Panics
///
/// If a member panics, the others panic at their next meeting, and the first panic is raised again when all have returned.
pub fn team(most: usize, body: &(dyn Fn(&Member) + Sync)) {
    let helpers = num_threads().min(most).saturating_sub(1);
    if helpers == 0 || !pool().team(helpers, body) {
        body(&Member::alone());
    }
}

/// The pool of this process; null before the first job, and in a forked child.
static POOL: AtomicPtr<Pool> = AtomicPtr::new(std::ptr::null_mut());

fn pool() -> &'static Pool {
    let pool = POOL.load(Acquire);
    if pool.is_null() {
        return create_pool();
    }
    // SAFETY: set by `create_pool`, from a box that is never freed.
    unsafe { &*pool }
}

#[cold]
fn create_pool() -> &'static Pool {
    let new = Box::into_raw(Box::new(Pool::new()));
    match POOL.compare_exchange(std::ptr::null_mut(), new, AcqRel, Acquire) {
        // SAFETY: from a box that is never freed.
        Ok(_) => unsafe { &*new },
        Err(other) => {
            // SAFETY: `new` was not published.
            drop(unsafe { Box::from_raw(new) });
            // SAFETY: set by another call of this function, from a box that is never freed.
            unsafe { &*other }
        }
    }
}

/// Makes a forked child forget the pool. Runs when the program or library is loaded: a handler that is registered while
/// another thread forks may miss that fork.
// SAFETY: the section lists functions of this type, to be called once each.
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
#[used]
static FORGET_POOL_IN_CHILDREN: extern "C" fn() = {
    extern "C" fn in_child() {
        POOL.store(std::ptr::null_mut(), Release);
    }
    extern "C" fn register() {
        // SAFETY: the handler only stores to an atomic, which is allowed in a forked child.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }
    register
};
