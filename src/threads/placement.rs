//! Which processor a woken worker may run on.
//!
//! The system tends to put a thread that is woken onto the processor of the thread that wakes it. Here that one is about to
//! compute, and the worker would sit behind it for a scheduler's slice, longer than most calls take. So the caller forbids the
//! worker its own processor before it wakes it, and the worker takes the prohibition back as soon as it runs.

#[cfg(all(target_os = "linux", not(all(loom, test))))]
mod linux {
    use std::mem::{size_of, zeroed};
    use std::os::unix::thread::JoinHandleExt;
    use std::thread::JoinHandle;

    use libc::{
        CPU_CLR, CPU_COUNT, cpu_set_t, pthread_getaffinity_np, pthread_self, pthread_setaffinity_np, sched_getcpu,
    };

    /// The processors that a thread was given at its start.
    pub struct Home(Option<cpu_set_t>);

    impl Home {
        /// That of the calling thread.
        pub fn here() -> Self {
            Home(own_mask())
        }

        /// Lets the calling thread run there again.
        pub fn come_back(&self) {
            if let Some(mask) = &self.0 {
                // SAFETY: the mask is valid. A failure leaves the thread where it is, which is only slower.
                unsafe { pthread_setaffinity_np(pthread_self(), size_of::<cpu_set_t>(), mask) };
            }
        }
    }

    fn own_mask() -> Option<cpu_set_t> {
        // SAFETY: all zeros is an empty mask, and the call fills it.
        unsafe {
            let mut mask: cpu_set_t = zeroed();
            (pthread_getaffinity_np(pthread_self(), size_of::<cpu_set_t>(), &mut mask) == 0).then_some(mask)
        }
    }

    /// Forbids `worker` the processor that this thread runs on, if it leaves it another one.
    pub fn keep_off(worker: &JoinHandle<()>) {
        // SAFETY: plain queries; the mask is valid; the handle keeps the thread's name valid.
        unsafe {
            let (Some(mut mask), Ok(processor)) = (own_mask(), usize::try_from(sched_getcpu())) else { return };
            if processor < 8 * size_of::<cpu_set_t>() {
                CPU_CLR(processor, &mut mask);
            }
            if CPU_COUNT(&mask) > 0 {
                pthread_setaffinity_np(worker.as_pthread_t(), size_of::<cpu_set_t>(), &mask);
            }
        }
    }
}

#[cfg(all(target_os = "linux", not(all(loom, test))))]
pub use linux::{Home, keep_off};

#[cfg(not(all(target_os = "linux", not(all(loom, test)))))]
mod elsewhere {
    use crate::threads::sync::JoinHandle;

    pub struct Home;

    impl Home {
        pub fn here() -> Self {
            Home
        }

        pub fn come_back(&self) {}
    }

    pub fn keep_off(_worker: &JoinHandle<()>) {}
}

#[cfg(not(all(target_os = "linux", not(all(loom, test)))))]
pub use elsewhere::{Home, keep_off};
