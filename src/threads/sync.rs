//! The primitives of the hand-off: those of the standard library, or in the model those of loom.

#[cfg(all(loom, test))]
pub use model::*;
#[cfg(not(all(loom, test)))]
pub use real::*;

#[cfg(not(all(loom, test)))]
mod real {
    pub use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, fence};
    use std::thread::{Builder, yield_now};
    pub use std::thread::{JoinHandle, park};
    use std::time::{Duration, Instant};

    pub fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
        Builder::new().name(name).spawn(body)
    }

    /// `std::cell::UnsafeCell` with the interface of loom's, which watches each access from its start to its end.
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

    /// A wait by polling.
    pub struct Patience {
        polls: u32,
        since: Option<Instant>,
    }

    impl Patience {
        /// Polls between two looks at the clock.
        const ROUND: u32 = 64;
        /// From here on a poll yields the processor: who is waited for may need it.
        const SPIN: Duration = Duration::from_micros(50);

        pub fn new() -> Self {
            Self { polls: 0, since: None }
        }

        /// Lets a moment pass; returns the length of the wait as of the last look at the clock.
        #[inline]
        pub fn poll(&mut self) -> Duration {
            std::hint::spin_loop();
            self.polls += 1;
            if self.polls < Self::ROUND { Duration::ZERO } else { self.look() }
        }

        #[cold]
        fn look(&mut self) -> Duration {
            let waited = self.since.get_or_insert_with(Instant::now).elapsed();
            if waited < Self::SPIN {
                self.polls = 0;
            } else {
                yield_now();
            }
            waited
        }
    }
}

#[cfg(all(loom, test))]
mod model {
    pub use loom::cell::UnsafeCell;
    pub use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, fence};
    pub use loom::thread::{JoinHandle, park};
    use std::time::Duration;

    pub fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
        loom::thread::Builder::new().name(name).spawn(body)
    }

    /// The model has no clock: a single poll is the longest wait.
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
