//! Jobs, workers, and the hand-off between them.
//!
//! A dispatch to workers that are awake costs some hundred nanoseconds, so it takes no lock and allocates nothing. A
//! [`Job`] lives on the stack of its caller; the difficulty is that a worker which comes late must never look at a job
//! whose caller has returned. Three atomics settle it.
//!
//! * `busy` is the try-lock of the pool.
//! * `gate` packs the epoch (the number of the job), the free seats and the number of active workers into one word.
//!   A worker enters by a compare-and-swap that takes a seat and adds the worker to the active in one step. There is no
//!   other way in, so a worker looks at a job only while it is counted.
//! * `Job::next` hands out the tasks, by fetch-and-add, to the caller and to every worker that has entered.
//!
//! ```text
//! caller                                             worker
//! take `busy`
//! write the job's address to `slot`
//! gate = (epoch + 1, seats, 0 active)    release ->  see a free seat in a new epoch
//! run tasks until all are claimed                    gate: one seat less, one more active    (acquire)
//!                                                    read `slot`; run tasks until all are claimed
//! gate: no seats                                     gate: one less active                   (release)
//! wait until nobody is active         <- acquire
//! clear `slot`; give `busy` back
//! ```
//!
//! When the caller takes the seats away, every task is claimed, by itself or by an active worker. When nobody is active
//! any more, every task is done and no worker has the job's address. A worker that arrives later finds no seat. So the
//! caller waits only for workers that have entered this very job, never for one that is asleep or not scheduled.
//!
//! Should the compare-and-swap of a slow worker succeed only jobs later, no harm is done: the word that it replaces
//! says that the *present* job has a free seat. The epoch only keeps a worker from entering one job twice.
//!
//! # Sleep
//!
//! An idle worker polls the gate for [`AWAKE`], then parks. Before that it announces itself (`sleepers`, its `asleep`
//! flag) and looks at the gate once more; the caller opens the gate and then looks at `sleepers`. Both have a
//! sequentially consistent fence between the two steps, so at least one of them sees the other, and no wake-up is lost.
//! Whoever puts an `asleep` flag down takes the worker off `sleepers`; nobody is woken twice.
//!
//! # Teams
//!
//! The members of a [`Team`] wait for one another, so none may start before it is known who they are. The caller opens the gate,
//! gives the workers that are awake a moment to enter, shuts it, and counts the active: that is the team, and only now does
//! it begin. A worker that is asleep is woken for the next call and missed in this one.
//!
//! # Panics
//!
//! A panic in a task is caught where it happens and kept in the job, the tasks not yet claimed are dropped, and the
//! caller raises it again at the very end, when the job has drained and the pool is free.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::placement::{Home, keep_off};
use super::sync::{AtomicBool, AtomicU64, AtomicUsize, JoinHandle, Patience, UnsafeCell, fence, park, spawn};
use super::team::{Deserted, Member, Team};

/// How long an idle worker polls for a job before it parks.
const AWAKE: Duration = Duration::from_micros(200);
/// How long a team waits for its members: enough for those that are awake.
const GATHERING: Duration = Duration::from_micros(5);
/// The most workers that a pool starts; seats must fit their field of the gate.
const MAX_WORKERS: usize = 1023;

type Payload = Box<dyn Any + Send>;

/// One call of [`parallel_for`](super::parallel_for), on the stack of its caller. A line of its own, since `next` is contended.
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
        self.attempt(|| {
            loop {
                let i = self.next.fetch_add(1, Relaxed);
                if i >= self.tasks {
                    break;
                }
                (self.body)(i);
            }
        });
    }

    /// Does not unwind.
    fn attempt(&self, work: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
            self.fail(payload);
        }
    }

    /// Stops the job and keeps the first panic.
    #[cold]
    fn fail(&self, payload: Payload) {
        self.next.store(self.tasks, Relaxed);
        let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
        match &*first {
            None => *first = Some(payload),
            Some(earlier) if earlier.is::<Deserted>() => *first = Some(payload),
            // Dropping a payload runs foreign code, which could panic in its turn and lose the worker.
            Some(_) => {
                if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                    std::mem::forget(another);
                }
            }
        }
    }
}

/// `gate` = epoch (32 bits) | free seats (16 bits) | active workers (16 bits).
const ACTIVE: u64 = 1;
const ACTIVE_MASK: u64 = 0xffff;
const SEAT: u64 = 1 << 16;
const SEAT_MASK: u64 = 0xffff << 16;
const EPOCH: u64 = 1 << 32;
/// In place of a gate, in the model: an epoch with seats, in which the workers end.
#[cfg(all(loom, test))]
const STOP: u64 = u64::MAX;

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
    thread: JoinHandle<()>,
}

pub struct Pool {
    desk: Desk,
    door: Door,
}

// SAFETY: the cells follow the protocol at the top of this file: `workers` belongs to the holder of `busy`, `slot` is
// written by it while nobody is active and read by active workers. A job's body is Sync.
unsafe impl Sync for Pool {}
// SAFETY: as above; a pool is not tied to a thread.
unsafe impl Send for Pool {}

impl Pool {
    pub fn new() -> Self {
        let workers = UnsafeCell::new(Vec::new());
        Self {
            desk: Desk { busy: AtomicBool::new(false), sleepers: AtomicUsize::new(0), workers },
            door: Door { gate: AtomicU64::new(0), slot: UnsafeCell::new(std::ptr::null()) },
        }
    }

    /// Runs the tasks with at most `helpers` workers; false, with nothing done, if the pool is busy.
    pub fn run(&'static self, helpers: usize, tasks: usize, body: &(dyn Fn(usize) + Sync)) -> bool {
        if !self.take() {
            return false;
        }
        let job = Job { body, tasks, next: AtomicUsize::new(0), panic: Mutex::new(None) };
        // SAFETY: `busy` is ours, and `finish` runs before `job` ends (`work` does not unwind).
        unsafe { self.open(helpers, &job) };
        job.work();
        self.finish(&job);
        true
    }

    /// Runs `body` on this thread and at the same time on those of at most `helpers` workers that come at once; false, with
    /// nothing done, if the pool is busy.
    pub fn team(&'static self, helpers: usize, body: &(dyn Fn(&Member) + Sync)) -> bool {
        if !self.take() {
            return false;
        }
        let team = Team::new();
        let part = |index: usize| team.take_part(index, body);
        // The caller is member 0. A worker that leaves a meeting has met everybody, so none claims two parts that meet.
        let job = Job { body: &part, tasks: helpers + 1, next: AtomicUsize::new(1), panic: Mutex::new(None) };
        // SAFETY: `busy` is ours, and `finish` runs before `job` and `team` end (`attempt` does not unwind).
        unsafe { self.open(helpers, &job) };
        team.begin(1 + self.gather());
        job.attempt(|| part(0));
        self.finish(&job);
        true
    }

    /// Takes `busy`, if it is free.
    fn take(&self) -> bool {
        self.desk.busy.compare_exchange(false, true, Acquire, Relaxed).is_ok()
    }

    /// Ends a job, gives `busy` back, and raises the job's panic.
    fn finish(&self, job: &Job) {
        self.close();
        self.desk.busy.store(false, Release);
        let payload = job.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
    }

    /// Waits a moment for workers to take the seats, then lets no more in; returns how many came. They stay until the job has
    /// work for them.
    fn gather(&self) -> usize {
        let mut patience = Patience::new();
        while self.door.gate.load(Relaxed) & SEAT_MASK != 0 && patience.poll() < GATHERING {}
        (self.door.gate.fetch_and(!SEAT_MASK, Acquire) & ACTIVE_MASK) as usize
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
        self.desk.workers.with_mut(|workers| {
            // SAFETY: `busy` is ours, and the reference ends with the closure.
            let workers = unsafe { &mut *workers };
            while workers.len() < wanted {
                let asleep = Arc::new(AtomicBool::new(false));
                let flag = Arc::clone(&asleep);
                match spawn(format!("goldfish-{}", workers.len() + 1), move || self.serve(&flag)) {
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
        self.desk.workers.with(|workers| {
            // SAFETY: `busy` is ours, and the reference ends with the closure.
            let workers = unsafe { &*workers };
            let awake = workers.len().saturating_sub(self.desk.sleepers.load(Relaxed));
            let sleeping = workers.iter().filter(|worker| self.rouse(&worker.asleep));
            for worker in sleeping.take(seats.saturating_sub(awake)) {
                keep_off(&worker.thread);
                worker.thread.thread().unpark();
            }
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
        let (mut last, home) = (0, Home::here());
        while let Some(epoch) = self.enter(last, asleep, &home) {
            last = epoch;
            // SAFETY: this worker is counted as active until the `fetch_sub` below, so the caller keeps the job alive
            // and the slot unchanged.
            self.door.slot.with(|slot| unsafe { (**slot).work() });
            self.door.gate.fetch_sub(ACTIVE, Release);
        }
    }

    /// Waits for a job after the `last` one and takes a seat in it; returns its epoch. None, in the model: the pool has stopped.
    fn enter(&self, last: u64, asleep: &AtomicBool, home: &Home) -> Option<u64> {
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
                home.come_back();
                patience = Patience::new();
            }
        }
    }

    /// Parks until a caller wants this worker.
    fn sleep(&self, last: u64, asleep: &AtomicBool) {
        self.desk.sleepers.fetch_add(1, Relaxed);
        // A store would do; but loom does not order a store and a concurrent swap of the same flag.
        asleep.swap(true, Relaxed);
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
    pub fn stop(&self) {
        self.door.gate.store(STOP, Release);
        fence(SeqCst);
        // SAFETY: no job is running, so nobody else uses the list.
        let workers = self.desk.workers.with_mut(|workers| unsafe { std::mem::take(&mut *workers) });
        for Worker { asleep, thread } in workers {
            if self.rouse(&asleep) {
                thread.thread().unpark();
            }
            thread.join().unwrap();
        }
    }
}
