use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, Instant};

use super::*;

/// Runs `body` with a thread override, and puts the old one back.
fn with_threads(n: usize, body: impl FnOnce()) {
    let previous = set_override(Some(n));
    body();
    set_override(previous);
}

fn counters(n: usize) -> Vec<AtomicUsize> {
    (0..n).map(|_| AtomicUsize::new(0)).collect()
}

fn assert_once(counts: &[AtomicUsize]) {
    assert!(counts.iter().all(|count| count.load(Relaxed) == 1), "{counts:?}");
}

#[test]
fn every_task_runs_once() {
    for threads in (1..=8).chain([40]) {
        with_threads(threads, || {
            for tasks in [0, 1, 2, 3, 7, 64, 1000] {
                let counts = counters(tasks);
                parallel_for(tasks, &|i| {
                    counts[i].fetch_add(1, Relaxed);
                });
                assert_once(&counts);
                let counts = counters(tasks);
                parallel_ranges(tasks, &|i| {
                    counts[i].fetch_add(1, Relaxed);
                });
                assert_once(&counts);
            }
        });
    }
}

#[test]
fn a_panic_in_a_range_reaches_the_caller() {
    with_threads(4, || {
        let outcome = std::panic::catch_unwind(|| parallel_ranges(100, &|i| assert_ne!(i, 42)));
        assert!(outcome.is_err());
        let counts = counters(100);
        parallel_ranges(100, &|i| {
            counts[i].fetch_add(1, Relaxed);
        });
        assert_once(&counts);
    });
}

#[test]
fn many_small_jobs() {
    for threads in [2, 3, 8] {
        with_threads(threads, || {
            let mut sums = [0usize; 8];
            for round in 1..=20_000 {
                parallel_chunks_mut(&mut sums, 1, &|i, sum| sum[0] += i);
                assert!(sums.iter().enumerate().all(|(i, &sum)| sum == i * round));
            }
        });
    }
}

#[test]
fn jobs_with_pauses_find_workers_asleep() {
    with_threads(3, || {
        for pause in [0, 100, 190, 200, 210, 400, 1000].repeat(10) {
            std::thread::sleep(Duration::from_micros(pause));
            let counts = counters(16);
            parallel_for(16, &|i| {
                counts[i].fetch_add(1, Relaxed);
            });
            assert_once(&counts);
        }
    });
}

/// Two threads do take part: each task waits a limited time for the other to start. Another test may hold the pool.
#[test]
fn a_worker_helps() {
    with_threads(2, || {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut met = false;
        while !met && Instant::now() < deadline {
            let started = AtomicUsize::new(0);
            let both = AtomicUsize::new(0);
            parallel_for(2, &|_| {
                started.fetch_add(1, AcqRel);
                let patience = Instant::now() + Duration::from_millis(20);
                while started.load(Acquire) < 2 && Instant::now() < patience {
                    std::thread::yield_now();
                }
                both.fetch_add(usize::from(Instant::now() < patience), AcqRel);
            });
            met = both.load(Acquire) == 2;
        }
        assert!(met);
    });
}

#[test]
fn no_more_threads_than_allowed() {
    with_threads(8, || parallel_for(8, &|_| std::thread::sleep(Duration::from_micros(100))));
    for threads in 1..=4 {
        with_threads(threads, || {
            let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            parallel_for(50, &|_| {
                most.fetch_max(inside.fetch_add(1, AcqRel) + 1, AcqRel);
                std::thread::sleep(Duration::from_micros(50));
                inside.fetch_sub(1, AcqRel);
            });
            assert!((1..=threads).contains(&most.load(Acquire)));
        });
    }
}

#[test]
fn nested_calls_run_alone() {
    with_threads(4, || {
        let counts = counters(8 * 8);
        parallel_for(8, &|i| {
            let outer = std::thread::current().id();
            parallel_for(8, &|k| {
                assert_eq!(std::thread::current().id(), outer);
                counts[8 * i + k].fetch_add(1, Relaxed);
            });
        });
        assert_once(&counts);
    });
}

#[test]
fn concurrent_callers() {
    std::thread::scope(|scope| {
        for caller in 1..=4 {
            scope.spawn(move || {
                with_threads(caller, || {
                    for round in 0..2000 {
                        let mut data = [0; 37];
                        parallel_chunks_mut(&mut data, 1 + round % 5, &|_, chunk| chunk.fill(caller));
                        assert_eq!(data, [caller; 37]);
                    }
                });
            });
        }
    });
}

#[test]
fn chunks_cover_the_slice() {
    with_threads(2, || {
        let mut data = vec![0; 1003];
        parallel_chunks_mut(&mut data, 10, &|i, chunk| {
            assert_eq!(chunk.len(), if i == 100 { 3 } else { 10 });
            chunk.fill(i + 1);
        });
        assert!(data.iter().enumerate().all(|(k, &value)| value == k / 10 + 1));
        parallel_chunks_mut(&mut [0u8; 0], 10, &|_, _| unreachable!());
        parallel_chunks_mut(&mut [0u8; 3], usize::MAX, &|i, chunk| assert_eq!((i, chunk.len()), (0, 3)));
    });
}

#[test]
fn shared_slices_are_checked() {
    let mut data = [1, 2, 3];
    let shared = SharedMut::new(&mut data);
    // SAFETY: no other slice is in use.
    assert_eq!(unsafe { shared.slice(1, 2) }, [2, 3]);
    // SAFETY: no other slice is in use.
    assert!(unsafe { shared.slice(3, 0) }.is_empty());
    for (start, len) in [(0, 4), (4, 0), (2, 2), (usize::MAX, 2)] {
        // SAFETY: no other slice is in use.
        let outside =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| unsafe { shared.slice(start, len).len() }));
        assert!(outside.is_err(), "{start}, {len}");
    }
}

#[test]
fn a_panic_reaches_the_caller() {
    for threads in [1, 2, 4] {
        with_threads(threads, || {
            for bad in [0, 3, 99] {
                let (started, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    parallel_for(100, &|i| {
                        started.fetch_add(1, AcqRel);
                        if i == bad {
                            std::panic::panic_any(i);
                        }
                        ended.fetch_add(1, AcqRel);
                    });
                }));
                assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&bad));
                assert_eq!(ended.load(Acquire) + 1, started.load(Acquire));
            }
            let counts = counters(100);
            parallel_for(100, &|i| {
                counts[i].fetch_add(1, Relaxed);
            });
            assert_once(&counts);
        });
    }
}

#[test]
fn of_many_panics_one_is_raised() {
    with_threads(4, || {
        for _ in 0..20 {
            let outcome = std::panic::catch_unwind(|| parallel_for(8, &|i| std::panic::resume_unwind(Box::new(i))));
            assert!(*outcome.unwrap_err().downcast_ref::<usize>().unwrap() < 8);
        }
    });
}

/// A child of a process whose pool and whose other threads are at work computes with workers of its own.
#[test]
fn a_forked_child_has_a_pool_of_its_own() {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            with_threads(2, || {
                while !done.load(Acquire) {
                    parallel_for(4, &|_| std::thread::sleep(Duration::from_micros(20)));
                }
            });
        });
        for _ in 0..20 {
            assert!(succeeds_in_child(both_threads_work));
        }
        done.store(true, Release);
    });
}

/// The answer of `body` in a forked child; false if it takes longer than half a minute.
pub fn succeeds_in_child(body: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs only `body`, and leaves without running destructors.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: asks for a signal that kills the child.
        unsafe { libc::alarm(30) };
        let status = i32::from(!body());
        // SAFETY: ends the child.
        unsafe { libc::_exit(status) };
    }
    let mut status = -1;
    // SAFETY: waits for our child.
    unsafe { libc::waitpid(child, &mut status, 0) };
    status == 0
}

fn both_threads_work() -> bool {
    set_override(Some(2));
    let threads = counters(2);
    let caller = std::thread::current().id();
    let patience = Instant::now() + Duration::from_secs(20);
    while threads.iter().any(|count| count.load(Relaxed) == 0) && Instant::now() < patience {
        parallel_for(2, &|_| {
            std::thread::sleep(Duration::from_micros(200));
            threads[usize::from(std::thread::current().id() == caller)].fetch_add(1, Relaxed);
        });
    }
    threads.iter().all(|count| count.load(Relaxed) > 0)
}

#[test]
fn overrides_belong_to_their_thread() {
    assert!(num_threads() >= 1);
    assert_eq!(set_override(Some(3)), None);
    assert_eq!(num_threads(), 3);
    std::thread::scope(|scope| scope.spawn(|| assert_eq!(set_override(Some(5)), None)).join().unwrap());
    assert_eq!(set_override(Some(4)), Some(3));
    assert_eq!(set_override(None), Some(4));
    assert_eq!(set_override(None), None);
}

#[test]
fn threads_from_the_environment() {
    let from = |ours: &str, openmp: &str| {
        threads_from(|name| match name {
            "GOLDFISH_NUM_THREADS" => Some(ours.to_owned()),
            "OMP_NUM_THREADS" => Some(openmp.to_owned()),
            _ => None,
        })
    };
    assert_eq!(from("3", "5"), Some(3));
    assert_eq!(from(" 3 ", ""), Some(3));
    for bad in ["", "0", "-2", "two", "2.5", "99999999999999999999999"] {
        assert_eq!(from(bad, "5"), Some(5));
        assert_eq!(from(bad, "6,2"), Some(6));
        assert_eq!(from(bad, bad), None);
    }
    assert_eq!(threads_from(|_| None), None);
}

#[test]
fn the_members_of_a_team_meet() {
    for threads in 1..=8 {
        with_threads(threads, || {
            for rounds in [0, 1, 50] {
                let mut counts = vec![0usize; 24];
                let shared = SharedMut::new(&mut counts);
                team(threads, &|member| {
                    for round in 0..rounds {
                        let share = member.share(24);
                        // SAFETY: the shares are disjoint, and between two meetings only their owners use them.
                        unsafe { shared.slice(share.start, share.len()) }.iter_mut().for_each(|count| *count += 1);
                        member.meet();
                        // SAFETY: everybody has met, so nobody writes.
                        assert!(unsafe { shared.slice(0, 24) }.iter().all(|&count| count == round + 1));
                        member.meet();
                    }
                });
                assert!(counts.iter().all(|&count| count == rounds));
            }
        });
    }
}

#[test]
fn a_team_inside_a_job_is_alone() {
    with_threads(2, || {
        parallel_for(2, &|_| team(2, &|member| assert_eq!(member.share(6), 0..6)));
        team(2, &|_| team(2, &|member| assert_eq!(member.share(6), 0..6)));
    });
}

#[test]
fn the_panic_of_a_member_reaches_the_caller() {
    with_threads(3, || {
        for _ in 0..200 {
            let outcome = std::panic::catch_unwind(|| {
                team(3, &|member| {
                    member.meet();
                    assert!(member.share(3).end != 3, "the last one");
                    member.meet();
                });
            });
            let message = outcome.unwrap_err();
            assert!(message.downcast_ref::<&str>().is_some_and(|text| text.contains("the last one")));
        }
        parallel_for(4, &|_| {});
    });
}
