//! The hand-off under loom, which runs every interleaving and every value that the memory orderings allow:
//! `RUSTFLAGS="--cfg loom" cargo test --release --lib loom_`.
//!
//! In the model a worker goes to sleep whenever it finds no job, so each run also passes through `sleep` and `wake`.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::sync::Notify;
use loom::thread;

use super::pool::Pool;

/// Explores `body` with a new pool; at most `preemptions` times a run, a thread loses the processor against its will.
fn model(preemptions: usize, body: impl Fn(&'static Pool) + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        let pool = Box::into_raw(Box::new(Pool::new()));
        // SAFETY: freed below, when the workers have ended.
        let shared = unsafe { &*pool };
        body(shared);
        shared.stop();
        // SAFETY: from the box above; `stop` has joined all other users.
        drop(unsafe { Box::from_raw(pool) });
    });
}

/// Results that each task writes without any synchronisation of its own.
struct Results(Vec<UnsafeCell<usize>>);

// SAFETY: loom watches the cells.
unsafe impl Sync for Results {}
// SAFETY: loom watches the cells.
unsafe impl Send for Results {}

impl Results {
    fn new(tasks: usize) -> Self {
        Self((0..tasks).map(|_| UnsafeCell::new(0)).collect())
    }

    fn count(&self, i: usize) {
        // SAFETY: loom watches the cell.
        self.0[i].with_mut(|value| unsafe { *value += 1 });
    }

    fn assert_all(&self, expected: usize) {
        // SAFETY: loom watches the cells.
        self.0.iter().for_each(|cell| cell.with(|value| assert_eq!(unsafe { *value }, expected)));
    }
}

#[test]
fn loom_jobs_in_a_row_reach_one_worker() {
    model(3, |pool| {
        for tasks in [2, 1, 2] {
            let results = Results::new(tasks);
            assert!(pool.run(1, tasks, &|i| results.count(i)));
            results.assert_all(1);
        }
    });
}

#[test]
fn loom_two_workers_share_a_job() {
    model(2, |pool| {
        let results = Results::new(3);
        assert!(pool.run(2, 3, &|i| results.count(i)));
        results.assert_all(1);
    });
}

#[test]
fn loom_two_workers_compete_for_one_seat() {
    model(2, |pool| {
        assert!(pool.run(2, 1, &|_| {}));
        let results = Results::new(2);
        assert!(pool.run(1, 2, &|i| results.count(i)));
        results.assert_all(1);
    });
}

#[test]
fn loom_a_second_caller_finds_the_pool_free_or_busy() {
    model(3, |pool| {
        let other = Arc::new(Results::new(2));
        let theirs = Arc::clone(&other);
        let caller = thread::spawn(move || pool.run(1, 2, &|i| theirs.count(i)));
        let results = Results::new(2);
        let ran = pool.run(1, 2, &|i| results.count(i));
        results.assert_all(usize::from(ran));
        let ran = caller.join().unwrap();
        other.assert_all(usize::from(ran));
    });
}

/// The first task ends only when another thread runs the second, so a worker that sleeps through the job is a deadlock.
#[test]
fn loom_no_wake_up_is_lost() {
    model(3, |pool| {
        for _ in 0..2 {
            let met = Notify::new();
            assert!(pool.run(1, 2, &|i| if i == 0 { met.wait() } else { met.notify() }));
        }
    });
}

#[test]
fn loom_a_panic_reaches_the_caller_and_the_pool_lives_on() {
    model(2, |pool| {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.run(1, 2, &|i| assert_ne!(i, 1))));
        assert!(outcome.is_err());
        let results = Results::new(2);
        assert!(pool.run(1, 2, &|i| results.count(i)));
        results.assert_all(1);
    });
}

/// A member reads what the others wrote before their meeting.
#[test]
fn loom_members_of_a_team_see_each_other_s_work() {
    model(2, |pool| {
        let (before, after) = (Results::new(2), Results::new(2));
        assert!(pool.team(1, &|member| {
            member.share(2).for_each(|i| before.count(i));
            member.meet();
            before.assert_all(1);
            member.share(2).for_each(|i| after.count(i));
        }));
        after.assert_all(1);
    });
}

#[test]
fn loom_a_job_follows_a_team() {
    model(2, |pool| {
        let results = Results::new(2);
        assert!(pool.team(1, &|member| member.meet()));
        assert!(pool.run(1, 2, &|i| results.count(i)));
        results.assert_all(1);
    });
}

#[test]
fn loom_a_team_that_loses_a_member_ends() {
    model(2, |pool| {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.team(1, &|member| {
                assert_ne!(member.share(2).end, 2);
                member.meet();
            })
        }));
        assert!(!outcome.unwrap_err().is::<super::team::Deserted>());
    });
}
