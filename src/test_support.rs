//! What the tests of several modules share.

#![allow(unsafe_code)]

use crate::memory::Plain;

/// Elements that end at a page which faults at any touch: a read or write past the end stops the test at once.
pub struct Guarded<T> {
    pages: *mut libc::c_void,
    bytes: usize,
    data: *mut T,
    len: usize,
}

impl<T: Plain> Guarded<T> {
    /// A copy of `values` in front of a guard page.
    pub fn new(values: &[T]) -> Self {
        const PAGE: usize = 4096;
        let used = size_of_val(values).next_multiple_of(PAGE);
        let bytes = used + PAGE;
        // SAFETY: a fresh mapping; the last page is taken away again, and the values end where it begins.
        unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let pages = libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0);
            assert_ne!(pages, libc::MAP_FAILED);
            assert_eq!(libc::mprotect(pages.add(used), PAGE, libc::PROT_NONE), 0);
            let data = pages.add(used).cast::<T>().sub(values.len());
            data.copy_from_nonoverlapping(values.as_ptr(), values.len());
            Guarded { pages, bytes, data, len: values.len() }
        }
    }

    pub fn as_slice(&self) -> &[T] {
        // SAFETY: `len` initialised elements that live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above, and nobody else refers to them.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, once.
        unsafe { libc::munmap(self.pages, self.bytes) };
    }
}

/// Numbers in [-0.5, 0.5) that depend on the seed alone.
pub fn random<T: crate::scalar::Scalar>(n: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    (0..n).map(|_| T::from_f64(next())).collect()
}

/// Runs this program's tests whose names contain `filter` once more under each other instruction set: it is chosen once for a
/// process, so each gets one of its own.
pub fn rerun_under_other_instruction_sets(filter: &str) {
    use crate::simd::{Isa, isa};
    for other in Isa::all_available().filter(|&other| other != isa()) {
        let program = std::env::current_exe().expect("the test's own program");
        let run = std::process::Command::new(program).arg(filter).env("GOLDFISH_SIMD", other.name()).output();
        let run = run.expect("it runs");
        let report = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{filter} with {}: {report}", other.name());
        assert!(!report.contains("running 0 tests"), "no test is called {filter}");
    }
}
