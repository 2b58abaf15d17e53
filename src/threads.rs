//! The worker pool that every kernel runs on.
//!
//! [`parallel_for`] splits a call into tasks. The calling thread works, and up to `num_threads() - 1` persistent
//! workers help. Tasks must not wait for one another: any number of them may run on one thread, in any order.
//!
//! # The hand-off
//!
//! A dispatch costs some hundred nanoseconds when the workers are awake, so it uses no lock and allocates nothing.
//! A [`Job`] lives on the stack of its caller, and the whole difficulty is that a worker which arrives late must never
//! look at a job whose caller has returned. Three atomics settle it.
//!
//! * `busy` is the try-lock of the pool. Who cannot take it (another thread is inside a job, or the call comes from
//!   inside a task) runs all its tasks alone; nobody waits for the pool.
//! * `gate` packs the epoch (the number of the job), the free seats and the number of active workers into one word.
//!   A worker enters by a compare-and-swap that takes a seat and adds itself to the active count in one step. This is
//!   the only way in, so a worker reads the job only while it is counted.
//! * `Job::next` hands out the tasks: a fetch-and-add, by the caller and by every worker that has entered.
//!
//! One job goes like this:
//!
//! ```text
//! caller                                          worker
//! take `busy`; write the job's address to `slot`
//! gate = (epoch + 1, seats, 0)         release ->  sees a free seat in a new epoch
//! claim and run tasks until none is left           gate: seats - 1, active + 1          (acquire)
//!                                                  read `slot`; claim and run tasks until none is left
//! gate: seats = 0                                  gate: active - 1                     (release)
//! wait until active = 0                <- acquire
//! clear `slot`; give `busy` back
//! ```
//!
//! When the caller closes the gate every task has been claimed, by itself or by a counted worker; when the count is
//! zero every task is done and no worker holds the job's address. A worker that wakes up too late finds no seat, so the
//! caller waits only for workers that run a task of this very job, never for one that the system has not scheduled.
//! If a worker's compare-and-swap is delayed over whole jobs and then succeeds, the word it replaces says that the
//! *present* job has a free seat: the epoch serves only to keep a worker from entering the same job twice.
//!
//! # Sleep
//!
//! An idle worker polls the gate for [`AWAKE`], then parks. It announces itself (`sleepers`, its `asleep` flag), and
//! looks at the gate once more; the caller opens the gate, and then looks at `sleepers`. With a sequentially consistent
//! fence between the two steps on either side, at least one of the two sees the other: no wake-up is lost. Whoever sets
//! an `asleep` flag back to false takes the worker off `sleepers`, so a worker is woken once. A wake-up takes up to
//! 100 us, more if the system puts the worker onto the caller's processor; meanwhile the caller works off the tasks.
//!
//! # Panics and fork
//!
//! A panic in a task is kept, no further task is claimed, and the caller raises it again when the job has drained.
//!
//! A forked child has none of the workers, and its copy of the pool may be in the middle of a job of another thread.
//! A handler of `pthread_atfork` makes the child forget the pool; its next job builds a new one. (A task must not fork.)
#![allow(unsafe_code)]

use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::AtomicPtr as StdAtomicPtr;
use std::sync::atomic::AtomicUsize as StdAtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sync::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use sync::{AtomicBool, AtomicU64, AtomicUsize, UnsafeCell, fence, park};

/// How long a waiting thread spins before it lets others run between its polls.
const SPIN: Duration = Duration::from_micros(50);
/// How long an idle worker polls for a job before it parks.
const AWAKE: Duration = Duration::from_micros(200);
/// Limit of the pool's size; a call with more threads uses this many workers.
const MAX_WORKERS: usize = 1023;

/// The process value; 0 until it is first needed.
static THREADS: StdAtomicUsize = StdAtomicUsize::new(0);
thread_local! {
    /// This thread's override; 0 for none.
    static OVERRIDE: Cell<usize> = const { Cell::new(0) };
}

/// The number of threads that a call from this thread may use, the calling thread included.
///
/// This thread's override ([`set_override`]), else the process value ([`set_num_threads`]). The process value starts as
/// `GOLDFISH_NUM_THREADS`, else `OMP_NUM_THREADS`, else the number of processors in the affinity mask (less if a control
/// group's quota is smaller). Environment values that are not positive integers are ignored.
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

/// Sets or clears the override of the calling thread, and returns the previous one.
pub fn set_override(n: Option<usize>) -> Option<usize> {
    let previous = OVERRIDE.replace(n.map_or(0, |n| n.max(1)));
    (previous > 0).then_some(previous)
}

#[cold]
fn initial_threads() -> usize {
    let n = ["GOLDFISH_NUM_THREADS", "OMP_NUM_THREADS"]
        .iter()
        .find_map(|name| parse_threads(&std::env::var(name).ok()?))
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    match THREADS.compare_exchange(0, n, Relaxed, Relaxed) {
        Ok(_) => n,
        Err(set_meanwhile) => set_meanwhile,
    }
}

/// The first number of OpenMP's comma-separated list (one number per level of nesting), if it is positive.
fn parse_threads(value: &str) -> Option<usize> {
    value.split(',').next()?.trim().parse().ok().filter(|&n| n > 0)
}

/// Calls `body(i)` exactly once for each `i` in `0..tasks`, and returns when all calls have returned.
///
/// The calling thread works, helped by at most `num_threads() - 1` workers; tasks are claimed one by one, in ascending
/// order. With one thread, one task, or a pool in use by another call (also one further up this stack) the caller runs
/// all tasks by itself. Tasks must not wait for one another.
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

/// Calls `body(i, c)` exactly once for each chunk `c` of `data`, `i` being its number; see [`parallel_for`].
///
/// All chunks have `chunk` elements, save the last, which may have fewer.
///
/// # Panics
///
/// If `chunk` is 0, or a task panics.
pub fn parallel_chunks_mut<T: Send>(data: &mut [T], chunk: usize, body: &(dyn Fn(usize, &mut [T]) + Sync)) {
    assert!(chunk > 0, "parallel_chunks_mut: chunk must be at least 1");
    let shared = SharedMut::new(data);
    parallel_for(shared.len().div_ceil(chunk), &|i| {
        let start = i * chunk;
        // SAFETY: each i occurs once, so the chunks are disjoint.
        body(i, unsafe { shared.slice(start, chunk.min(shared.len() - start)) });
    });
}

/// A `&'a mut [T]` that tasks split among themselves.
pub struct SharedMut<'a, T> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

impl<T> Clone for SharedMut<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SharedMut<'_, T> {}

// SAFETY: it hands out `&mut [T]`, which may go to other threads if T may; `slice` keeps them disjoint.
unsafe impl<T: Send> Send for SharedMut<'_, T> {}
// SAFETY: as above; sharing the handle gives no more than copying it.
unsafe impl<T: Send> Sync for SharedMut<'_, T> {}

impl<'a, T> SharedMut<'a, T> {
    /// Takes the slice for `'a`.
    pub fn new(data: &'a mut [T]) -> Self {
        Self { start: data.as_mut_ptr(), len: data.len(), slice: PhantomData }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address of the first element.
    pub fn as_mut_ptr(&self) -> *mut T {
        self.start
    }

    /// The elements `start..start + len`.
    ///
    /// # Safety
    ///
    /// While the returned slice is used, no other slice of this value (or of a copy) that overlaps it is used.
    ///
    /// # Panics
    ///
    /// If the range is not inside the slice.
    // One `&self` gives several `&mut`: the caller's promise that they are disjoint is the point of the type.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn slice(&self, start: usize, len: usize) -> &'a mut [T] {
        assert!(start <= self.len && len <= self.len - start, "SharedMut: {start} + {len} is past {}", self.len);
        // SAFETY: inside the slice by the check above; disjoint from every other one by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}

/// The pool of this process; null before the first job, and in a forked child.
static POOL: StdAtomicPtr<Pool> = StdAtomicPtr::new(std::ptr::null_mut());

fn pool() -> &'static Pool {
    let pool = POOL.load(Acquire);
    if pool.is_null() {
        return create_pool();
    }
    // SAFETY: set by `create_pool` from a box that is never freed.
    unsafe { &*pool }
}

#[cold]
fn create_pool() -> &'static Pool {
    forget_pool_in_children();
    let new = Box::into_raw(Box::new(Pool::new()));
    match POOL.compare_exchange(std::ptr::null_mut(), new, AcqRel, Acquire) {
        // SAFETY: from a box that is now never freed.
        Ok(_) => unsafe { &*new },
        Err(other) => {
            // SAFETY: `new` was not published; `other` was, and is never freed.
            unsafe {
                drop(Box::from_raw(new));
                &*other
            }
        }
    }
}

/// Registers the fork handler, once per process and its children (which inherit it).
fn forget_pool_in_children() {
    #[cfg(unix)]
    {
        static REGISTERED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
        extern "C" fn in_child() {
            POOL.store(std::ptr::null_mut(), Release);
        }
        if !REGISTERED.swap(true, AcqRel) {
            // SAFETY: the handler only stores to an atomic, which is allowed between fork and exec.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        }
    }
}

type Payload = Box<dyn Any + Send>;

/// One call of [`parallel_for`], on the stack of its caller. A line of its own, since `next` is contended.
#[repr(align(128))]
struct Job<'a> {
    body: &'a (dyn Fn(usize) + Sync),
    tasks: usize,
    next: AtomicUsize,
    panic: Mutex<Option<Payload>>,
}

impl Job<'_> {
    /// Claims and runs tasks until none is left.
    fn work(&self) {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let i = self.next.fetch_add(1, Relaxed);
                if i >= self.tasks {
                    break;
                }
                (self.body)(i);
            }
        }));
        if let Err(payload) = outcome {
            self.fail(payload);
        }
    }

    /// Stops the job and keeps the first panic.
    #[cold]
    fn fail(&self, payload: Payload) {
        self.next.store(self.tasks, Relaxed);
        let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
        match *first {
            None => *first = Some(payload),
            // Dropping a payload runs foreign code, which could panic in its turn and lose the worker.
            Some(_) => std::mem::forget(payload),
        }
    }
}

/// `gate` = epoch (32 bits) | free seats (16 bits) | active workers (16 bits).
const ACTIVE: u64 = 1;
const ACTIVE_MASK: u64 = 0xffff;
const SEAT: u64 = 1 << 16;
const SEAT_MASK: u64 = 0xffff << 16;
const EPOCH: u64 = 1 << 32;
/// In place of a gate, in tests: the workers end.
#[cfg(all(loom, test))]
const STOP: u64 = EPOCH - 1;

fn epoch(gate: u64) -> u64 {
    gate / EPOCH
}

/// Whether a worker whose last job was `last` may enter.
fn open(gate: u64, last: u64) -> bool {
    gate & SEAT_MASK != 0 && epoch(gate) != last
}

/// What only the caller and sleeping workers touch.
#[repr(align(128))]
struct Desk {
    busy: AtomicBool,
    /// At least the number of workers whose `asleep` flag is set.
    sleepers: AtomicUsize,
    /// Belongs to the holder of `busy`.
    workers: UnsafeCell<Vec<Worker>>,
}

/// What idle workers poll: the gate, and with it on one cache line the address of the job.
#[repr(align(128))]
struct Door {
    gate: AtomicU64,
    /// Written by the holder of `busy` while the gate is closed and nobody is active; read by active workers.
    slot: UnsafeCell<*const Job<'static>>,
}

struct Worker {
    asleep: Arc<AtomicBool>,
    thread: sync::JoinHandle<()>,
}

struct Pool {
    desk: Desk,
    door: Door,
}

// SAFETY: the cells follow the protocol at the top of this file: `workers` belongs to the holder of `busy`, `slot` is
// written by it while nobody is active and read by active workers. A job's body is Sync.
unsafe impl Sync for Pool {}
// SAFETY: as above; a pool is not tied to a thread.
unsafe impl Send for Pool {}

impl Pool {
    fn new() -> Self {
        let workers = UnsafeCell::new(Vec::new());
        Self {
            desk: Desk { busy: AtomicBool::new(false), sleepers: AtomicUsize::new(0), workers },
            door: Door { gate: AtomicU64::new(0), slot: UnsafeCell::new(std::ptr::null()) },
        }
    }

    /// Runs the tasks with at most `helpers` workers; false, with nothing done, if the pool is busy.
    fn run(&'static self, helpers: usize, tasks: usize, body: &(dyn Fn(usize) + Sync)) -> bool {
        if self.desk.busy.compare_exchange(false, true, Acquire, Relaxed).is_err() {
            return false;
        }
        let job = Job { body, tasks, next: AtomicUsize::new(0), panic: Mutex::new(None) };
        // SAFETY: `busy` is ours, and `close` runs before `job` ends (`work` does not unwind).
        unsafe { self.open(helpers, &job) };
        job.work();
        self.close();
        self.desk.busy.store(false, Release);
        if let Some(payload) = job.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            resume_unwind(payload);
        }
        true
    }

    /// Publishes a job.
    ///
    /// # Safety
    ///
    /// The caller holds `busy`, and keeps the job alive until `close` has returned.
    unsafe fn open(&'static self, helpers: usize, job: &Job) {
        let seats = self.recruit(helpers.min(MAX_WORKERS));
        let address = std::ptr::from_ref(job).cast::<Job<'static>>();
        // SAFETY: `busy` is ours and the last `close` has returned, so no worker reads the slot.
        self.door.slot.with_mut(|slot| unsafe { *slot = address });
        let next = (epoch(self.door.gate.load(Relaxed)) + 1) << 32;
        self.door.gate.store(next | (seats as u64 * SEAT), Release);
        fence(SeqCst);
        if self.desk.sleepers.load(Relaxed) > 0 {
            self.wake(seats);
        }
    }

    /// Lets no more workers in, and waits for those that are active.
    fn close(&self) {
        let mut gate = self.door.gate.fetch_and(!SEAT_MASK, Acquire);
        let mut patience = Patience::new();
        while gate & ACTIVE_MASK != 0 {
            patience.poll();
            gate = self.door.gate.load(Acquire);
        }
        // SAFETY: `busy` is ours; the gate is closed and nobody is active, so no worker reads the slot.
        self.door.slot.with_mut(|slot| unsafe { *slot = std::ptr::null() });
    }

    /// Starts workers until there are `wanted`; returns how many of them there are. Needs `busy`.
    fn recruit(&'static self, wanted: usize) -> usize {
        // SAFETY: `busy` is ours, and the reference ends with the closure.
        self.desk.workers.with_mut(|workers| {
            let workers = unsafe { &mut *workers };
            while workers.len() < wanted {
                let asleep = Arc::new(AtomicBool::new(false));
                let flag = Arc::clone(&asleep);
                match sync::spawn(format!("goldfish-{}", workers.len() + 1), move || self.serve(&flag)) {
                    Ok(thread) => workers.push(Worker { asleep, thread }),
                    // The system gives no more threads: the work is done with fewer.
                    Err(_) => break,
                }
            }
            wanted.min(workers.len())
        })
    }

    /// Wakes as many workers as are needed to have `seats` awake. Needs `busy`.
    #[cold]
    fn wake(&self, seats: usize) {
        // SAFETY: `busy` is ours, and the reference ends with the closure.
        self.desk.workers.with(|workers| {
            let workers = unsafe { &*workers };
            let awake = workers.len().saturating_sub(self.desk.sleepers.load(Relaxed));
            let sleeping = workers.iter().filter(|worker| self.rouse(&worker.asleep));
            sleeping.take(seats.saturating_sub(awake)).for_each(|worker| worker.thread.thread().unpark());
        });
    }

    /// Takes a worker off the list of sleepers; false if it was not on it.
    fn rouse(&self, asleep: &AtomicBool) -> bool {
        let slept = asleep.swap(false, AcqRel);
        if slept {
            self.desk.sleepers.fetch_sub(1, Relaxed);
        }
        slept
    }

    /// The life of a worker.
    fn serve(&self, asleep: &AtomicBool) {
        let mut last = 0;
        while let Some(epoch) = self.enter(last, asleep) {
            last = epoch;
            // SAFETY: this worker is counted as active until the `fetch_sub` below, so the caller keeps the job alive
            // and the slot unchanged.
            self.door.slot.with(|slot| unsafe { (**slot).work() });
            self.door.gate.fetch_sub(ACTIVE, Release);
        }
    }

    /// Waits for a job after the `last` one and takes a seat in it; returns its epoch. None (in tests): stopped.
    fn enter(&self, last: u64, asleep: &AtomicBool) -> Option<u64> {
        let mut patience = Patience::new();
        loop {
            let gate = self.door.gate.load(Relaxed);
            #[cfg(all(loom, test))]
            if gate == STOP {
                return None;
            }
            if open(gate, last) {
                let entered = gate - SEAT + ACTIVE;
                if self.door.gate.compare_exchange(gate, entered, Acquire, Relaxed).is_ok() {
                    return Some(epoch(gate));
                }
            } else if patience.poll() > AWAKE {
                self.sleep(last, asleep);
                patience = Patience::new();
            }
        }
    }

    /// Parks until a caller wants this worker.
    fn sleep(&self, last: u64, asleep: &AtomicBool) {
        self.desk.sleepers.fetch_add(1, Relaxed);
        asleep.store(true, Relaxed);
        fence(SeqCst);
        if open(self.door.gate.load(Relaxed), last) {
            self.rouse(asleep);
            return;
        }
        // `park` may also return without cause, or on account of a wake-up that came while the worker was up.
        while asleep.load(Acquire) {
            park();
        }
    }

    /// Ends the workers and waits for them. No job may be running.
    #[cfg(all(loom, test))]
    fn stop(&self) {
        self.door.gate.store(STOP, Release);
        fence(SeqCst);
        let workers = self.desk.workers.with_mut(|workers| unsafe { std::mem::take(&mut *workers) });
        for Worker { asleep, thread } in workers {
            if self.rouse(&asleep) {
                thread.thread().unpark();
            }
            thread.join().unwrap();
        }
    }
}

use sync::Patience;

/// The primitives of the hand-off: those of the standard library, or in the model those of loom.
#[cfg(not(all(loom, test)))]
mod sync {
    pub use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
    pub use std::thread::{JoinHandle, park};
    use std::time::{Duration, Instant};

    pub fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name(name).spawn(body)
    }

    /// `std::cell::UnsafeCell` with loom's interface, which watches each access from its start to its end.
    pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline(always)]
        pub fn with<R>(&self, body: impl FnOnce(*const T) -> R) -> R {
            body(self.0.get())
        }

        #[inline(always)]
        pub fn with_mut<R>(&self, body: impl FnOnce(*mut T) -> R) -> R {
            body(self.0.get())
        }
    }

    /// One wait: polls by spinning for [`super::SPIN`], after that by yielding.
    pub struct Patience {
        polls: u32,
        since: Option<Instant>,
    }

    impl Patience {
        /// Polls between two looks at the clock.
        const ROUND: u32 = 64;

        pub fn new() -> Self {
            Self { polls: 0, since: None }
        }

        /// Lets a moment pass; returns the time waited so far (as of the last look at the clock).
        #[inline]
        pub fn poll(&mut self) -> Duration {
            std::hint::spin_loop();
            self.polls += 1;
            if self.polls < Self::ROUND { Duration::ZERO } else { self.look() }
        }

        #[cold]
        fn look(&mut self) -> Duration {
            let waited = self.since.get_or_insert_with(Instant::now).elapsed();
            if waited > super::SPIN {
                std::thread::yield_now();
            } else {
                self.polls = 0;
            }
            waited
        }
    }
}

#[cfg(all(loom, test))]
mod sync {
    pub use loom::cell::UnsafeCell;
    pub use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
    pub use loom::thread::{JoinHandle, park};
    use std::time::Duration;

    pub fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
        loom::thread::Builder::new().name(name).spawn(body)
    }

    /// No clock in the model: every wait is long enough for sleep.
    pub struct Patience;

    impl Patience {
        pub fn new() -> Self {
            Self
        }

        pub fn poll(&mut self) -> Duration {
            loom::thread::yield_now();
            Duration::MAX
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once() {
        for threads in 1..=8 {
            set_override(Some(threads));
            for tasks in [0, 1, 2, 3, 7, 64, 1000] {
                let counts: Vec<StdAtomicUsize> = (0..tasks).map(|_| StdAtomicUsize::new(0)).collect();
                parallel_for(tasks, &|i| {
                    counts[i].fetch_add(1, Relaxed);
                });
                assert!(counts.iter().all(|c| c.load(Relaxed) == 1), "{threads} threads, {tasks} tasks");
            }
        }
        set_override(None);
    }

    #[test]
    fn chunks_cover_the_slice() {
        set_override(Some(2));
        let mut data = vec![0usize; 1003];
        parallel_chunks_mut(&mut data, 10, &|i, chunk| chunk.fill(i + 1));
        assert!(data.iter().enumerate().all(|(k, &v)| v == k / 10 + 1));
        parallel_chunks_mut(&mut [0u8; 0], 10, &|_, _| unreachable!());
        set_override(None);
    }
}
