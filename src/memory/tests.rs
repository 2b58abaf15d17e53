use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use super::free_list::{CLASSES, FreeList, limit};
use super::system::{HUGE, allocate};
use super::*;
use crate::threads::tests::succeeds_in_child;

#[test]
fn classes_are_tight() {
    for class in 0..CLASSES {
        let len = class_len(class);
        assert_eq!(class_of(len), class);
        assert_eq!(class_of(len + 1), class + 1);
        assert_eq!(len % ALIGNMENT, 0);
        let shorter = if class == 0 { 0 } else { class_len(class - 1) };
        assert!(len - shorter <= ALIGNMENT.max(len / 8 + 1));
    }
    assert_eq!(class_len(CLASSES - 1), LONGEST);
    assert_eq!(class_of(0), 0);
}

#[test]
fn blocks_are_aligned_and_long_enough() {
    for bytes in [0, 1, 64, 65, 4000, HUGE - 1, HUGE, HUGE + 1, 5 * HUGE + 17] {
        let mut block = Block::new(bytes).unwrap();
        assert!(block.len() >= bytes);
        assert_eq!(block.as_ptr() as usize % if bytes >= HUGE { HUGE } else { ALIGNMENT }, 0);
        let len = block.len();
        block.as_mut_slice::<u8>(len).fill(7);
        assert!(block.as_slice::<u8>(len).iter().all(|&byte| byte == 7));
    }
}

#[test]
fn fresh_memory_is_zero() {
    for len in [64, 4096, class_len(class_of(HUGE - 1)), class_len(class_of(HUGE + 1))] {
        let block = Block { start: allocate(len).unwrap(), len };
        assert!(block.as_slice::<u8>(len).iter().all(|&byte| byte == 0));
    }
}

#[test]
fn slices_past_the_end_are_refused() {
    let mut block = Block::new(640).unwrap();
    assert_eq!(block.as_mut_slice::<f64>(80).len(), 80);
    for len in [81, usize::MAX / 8 + 1, usize::MAX] {
        assert!(std::panic::catch_unwind(|| block.as_slice::<f64>(len).len()).is_err());
    }
}

#[test]
fn impossible_sizes_are_errors() {
    for bytes in [LONGEST + 1, usize::MAX / 2, usize::MAX - 63, usize::MAX] {
        assert_eq!(Block::new(bytes).unwrap_err(), OutOfMemory { bytes });
    }
}

/// More than the address space has.
#[test]
fn the_refusal_of_the_system_is_an_error() {
    let blocks: Vec<_> = (0..4).map(|_| Block::new(LONGEST)).collect();
    assert!(blocks.iter().any(Result::is_err));
}

/// Other tests may release the list at any time, so the first attempt may miss.
#[test]
fn a_dropped_block_is_the_next_of_its_class() {
    for bytes in [5 << 17, (5 << 20) + 4096] {
        assert!((0..100).any(|_| {
            let address = Block::new(bytes).unwrap().as_ptr();
            assert!(retained_bytes() <= limit());
            Block::new(bytes - 100).unwrap().as_ptr() == address
        }));
    }
}

/// A list with `counts[class]` blocks put onto it, class after class.
fn filled(counts: &[(usize, usize)], limit: usize) -> FreeList {
    let mut list = FreeList::EMPTY;
    for &(class, count) in counts {
        for _ in 0..count {
            let len = class_len(class);
            // SAFETY: the memory is fresh.
            unsafe { list.push(allocate(len).unwrap(), len, limit) }.free();
            assert!(list.retained <= limit);
        }
    }
    list
}

/// The number of blocks of each class, which are thereby freed.
fn drain(list: &mut FreeList, classes: &[usize]) -> Vec<usize> {
    let blocks = |class| {
        let len = class_len(class);
        std::iter::from_fn(|| list.pop(class)).map(|start| Block { start, len }).collect::<Vec<_>>().len()
    };
    classes.iter().copied().map(blocks).collect()
}

#[test]
fn a_full_list_gives_up_what_was_longest_out_of_use() {
    let mut list = filled(&[(0, 3), (1, 2), (7, 1)], 16 * 64);
    assert_eq!(list.retained, 15 * 64);
    assert_eq!(drain(&mut list, &[0, 1, 7]), [3, 2, 1]);
    assert_eq!(list.retained, 0);

    let mut list = filled(&[(0, 3), (1, 2), (7, 1), (1, 2)], 16 * 64);
    assert_eq!(drain(&mut list, &[0, 1, 7]), [0, 4, 1]);

    let mut list = filled(&[(0, 3), (1, 3), (8, 1)], 8 * 64);
    assert_eq!(drain(&mut list, &[0, 1, 8]), [2, 3, 0]);
}

#[test]
fn an_emptied_list_retains_nothing() {
    let mut list = filled(&[(0, 3), (20, 2), (class_of(HUGE), 2)], usize::MAX);
    assert_eq!(list.retained, 3 * 64 + 2 * class_len(20) + 2 * HUGE);
    list.take_all().free();
    assert_eq!((list.retained, list.pop(0)), (0, None));
}

#[test]
fn threads_share_the_list() {
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            scope.spawn(move || {
                let mut kept: Vec<Block> = Vec::new();
                for round in 0..5000 {
                    let mut block = Block::new(64 * (1 + round % 7)).unwrap();
                    block.as_mut_slice::<u64>(8).fill(thread);
                    kept.push(block);
                    if kept.len() > 10 {
                        let old = kept.swap_remove(round % 10);
                        assert_eq!(old.as_slice::<u64>(8), [thread; 8]);
                    }
                    if round % 1000 == 0 {
                        release();
                    }
                }
            });
        }
    });
}

/// The child of a process whose other threads are inside the free list finds it whole.
#[test]
fn a_forked_child_can_allocate() {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    drop(Block::new(3000));
                }
            });
        }
        for _ in 0..50 {
            assert!(succeeds_in_child(|| {
                let blocks: Vec<Block> = (0..8).filter_map(|_| Block::new(3000).ok()).collect();
                blocks.iter().map(Block::as_ptr).collect::<HashSet<_>>().len() == 8
            }));
        }
        done.store(true, Relaxed);
    });
}

#[test]
fn scratch_nests() {
    for _ in 0..3 {
        with_scratch(100, |outer: &mut [f64]| {
            outer.fill(1.0);
            for len in [1 << 20, 1 << 10, 1 << 21] {
                with_scratch(len, |inner: &mut [f32]| {
                    assert_eq!(inner.as_ptr() as usize % ALIGNMENT, 0);
                    inner.fill(2.0);
                    with_scratch(3, |last: &mut [u8]| last.fill(3));
                    assert!(inner.iter().all(|&value| value == 2.0));
                });
            }
            release();
            assert!(outer.iter().all(|&value| value == 1.0));
        });
    }
    assert_eq!(with_scratch(0, |empty: &mut [u8]| empty.len()), 0);
}

#[test]
fn scratch_settles_on_one_block() {
    let addresses = || {
        with_scratch(1 << 20, |outer: &mut [u8]| {
            let outer = outer.as_ptr();
            with_scratch(1 << 21, |inner: &mut [u8]| (outer, inner.as_ptr()))
        })
    };
    addresses();
    let (outer, inner) = addresses();
    assert_eq!(inner as usize - outer as usize, 1 << 20);
    assert_eq!(addresses(), (outer, inner));
    assert_eq!(with_scratch(17, |slice: &mut [f32]| slice.as_ptr()).cast(), outer);
}

#[test]
fn scratch_survives_a_panic() {
    let before = with_scratch(1, |slice: &mut [u8]| slice.as_ptr() as usize);
    let outcome = std::panic::catch_unwind(|| {
        with_scratch(1, |_: &mut [u8]| with_scratch(1, |_: &mut [u8]| std::panic::resume_unwind(Box::new(()))))
    });
    assert!(outcome.is_err());
    assert_eq!(with_scratch(1, |slice: &mut [u8]| slice.as_ptr() as usize), before);
    let absurd = std::panic::catch_unwind(|| with_scratch(usize::MAX / 2, |slice: &mut [f64]| slice.len()));
    assert!(absurd.is_err());
    assert_eq!(with_scratch(1, |slice: &mut [u8]| slice.as_ptr() as usize), before);
}
