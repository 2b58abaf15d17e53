//! Threads that work side by side and wait for one another.
//!
//! The members of a team are known before the first of them starts: all of them run, so that they may meet. What a member does
//! must depend on its number alone for its share of the work, and the shares of a team of one must give the same result.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::sync::{AtomicBool, AtomicUsize, Patience};

/// What the members share, on the stack of the caller. A line of its own, since all of them wait on it.
#[repr(align(128))]
pub struct Team {
    /// 0 until the last member has come.
    size: AtomicUsize,
    /// How often members have come to a meeting.
    arrivals: AtomicUsize,
    failed: AtomicBool,
}

/// The panic of a member whose team has lost another one; it gives way to that one's own.
pub struct Deserted;

impl Team {
    pub fn new() -> Self {
        Team { size: AtomicUsize::new(0), arrivals: AtomicUsize::new(0), failed: AtomicBool::new(false) }
    }

    /// Lets the members start.
    pub fn begin(&self, size: usize) {
        self.size.store(size, Release);
    }

    /// The part of member `index`, when the team is complete; nothing if it has no such member.
    pub fn take_part(&self, index: usize, body: &(dyn Fn(&Member) + Sync)) {
        let mut patience = Patience::new();
        let mut size = self.size.load(Acquire);
        while size == 0 {
            patience.poll();
            size = self.size.load(Acquire);
        }
        if index < size {
            let alarm = Alarm(self);
            body(&Member { team: Some(self), index, size, meetings: Cell::new(0) });
            std::mem::forget(alarm);
        }
    }
}

/// Tells the others, when it is dropped in a panic, not to wait.
struct Alarm<'a>(&'a Team);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.0.failed.store(true, Release);
    }
}

/// One thread's place in a team.
pub struct Member<'a> {
    team: Option<&'a Team>,
    index: usize,
    size: usize,
    meetings: Cell<usize>,
}

impl Member<'_> {
    /// The only member of a team.
    pub fn alone() -> Self {
        Member { team: None, index: 0, size: 1, meetings: Cell::new(0) }
    }

    /// The share of this member in `n` things that lie side by side.
    #[inline]
    pub fn share(&self, n: usize) -> std::ops::Range<usize> {
        self.index * n / self.size..(self.index + 1) * n / self.size
    }

    /// Returns when all members have come here; what they have written until then is seen by all.
    ///
    /// All members must come to the same number of meetings.
    #[inline]
    pub fn meet(&self) {
        let Some(team) = self.team.filter(|_| self.size > 1) else { return };
        self.meetings.set(self.meetings.get() + 1);
        let everybody = self.meetings.get() * self.size;
        if team.arrivals.fetch_add(1, AcqRel) + 1 >= everybody {
            return;
        }
        let mut patience = Patience::new();
        while team.arrivals.load(Acquire) < everybody {
            if team.failed.load(Relaxed) {
                resume_unwind(Box::new(Deserted));
            }
            patience.poll();
        }
    }
}
