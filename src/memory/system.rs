//! Memory from the system and from the allocator.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::{NonNull, null_mut};

use super::ALIGNMENT;

/// The size of a huge page; from this length on, memory is mapped.
pub const HUGE: usize = 2 << 20;

/// `len` zero bytes, with the alignment of blocks. `len` is positive, and a multiple of the page size from [`HUGE`] on.
pub fn allocate(len: usize) -> Option<NonNull<u8>> {
    if len >= HUGE {
        return map(len);
    }
    // SAFETY: the length is positive.
    NonNull::new(unsafe { alloc_zeroed(small(len)) })
}

/// Gives memory back.
///
/// # Safety
///
/// `start` came from `allocate(len)`, and is not used any more.
pub unsafe fn give_back(start: NonNull<u8>, len: usize) {
    if len >= HUGE {
        // SAFETY: mapped by `map(len)`, and not used any more.
        unsafe { unmap(start.as_ptr(), len) };
    } else {
        // SAFETY: allocated with this layout, and not used any more.
        unsafe { dealloc(start.as_ptr(), small(len)) };
    }
}

fn small(len: usize) -> Layout {
    Layout::from_size_align(len, ALIGNMENT).expect("shorter than a huge page")
}

/// Maps zero pages on a boundary of [`HUGE`].
fn map(len: usize) -> Option<NonNull<u8>> {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
    // SAFETY: a new private mapping touches no memory that is in use.
    let found = unsafe { libc::mmap(null_mut(), len + HUGE, access, kind, -1, 0) };
    if found == libc::MAP_FAILED {
        return None;
    }
    let found = found.cast::<u8>();
    let before = found.align_offset(HUGE);
    // SAFETY: `before` is less than HUGE, so the three parts make up the new mapping; the outer ones are not used.
    unsafe {
        let start = found.add(before);
        unmap(found, before);
        unmap(start.add(len), HUGE - before);
        // Advice only: where it is refused the memory works too, with small pages.
        #[cfg(target_os = "linux")]
        libc::madvise(start.cast(), len, libc::MADV_HUGEPAGE);
        NonNull::new(start)
    }
}

/// # Safety
///
/// The range is mapped, begins and ends with a page, and is not used any more.
unsafe fn unmap(start: *mut u8, len: usize) {
    if len > 0 {
        // SAFETY: by the caller's promise. It fails only if the system has no room for one mapping more where this one
        // must be split; then the range stays mapped, unused.
        unsafe { libc::munmap(start.cast(), len) };
    }
}

/// The machine's memory in bytes; 0 if it is not known.
pub fn machine_memory() -> usize {
    // SAFETY: a query.
    let [pages, page] = [libc::_SC_PHYS_PAGES, libc::_SC_PAGESIZE].map(|name| unsafe { libc::sysconf(name) });
    usize::try_from(pages).unwrap_or(0).saturating_mul(usize::try_from(page).unwrap_or(0))
}
