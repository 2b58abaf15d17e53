//! A random mask, made where it is applied.

#![allow(unsafe_code)]

use crate::random::philox;
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};

/// Elements that one round of the random generator serves: four words of 16 counters.
pub const MASK_GROUP: usize = 4 * COUNTERS;
const COUNTERS: usize = 16;

/// `y = x scale` where the random word of the element is at least `threshold`, else 0. `first` is the number of the first
/// element, a multiple of [`MASK_GROUP`].
pub fn masked_scale<T: Scalar>(x: &[T], key: u64, threshold: u32, scale: T, first: usize, y: &mut [T]) {
    assert!(x.len() == y.len() && first.is_multiple_of(MASK_GROUP), "arrays of one length, from the start of a group");
    // SAFETY: the kernel works on its slices by safe code.
    unsafe { run(MaskedScale { x, key, threshold, scale, first, y }) }
}

struct MaskedScale<'a, T> {
    x: &'a [T],
    key: u64,
    threshold: u32,
    scale: T,
    first: usize,
    y: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for MaskedScale<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let groups = self.x.chunks(MASK_GROUP).zip(self.y.chunks_mut(MASK_GROUP));
        for (group, (x, y)) in groups.enumerate() {
            let words = philox_group(self.key, (self.first / MASK_GROUP + group) as u64);
            for (word, (x, y)) in words.iter().zip(x.chunks(COUNTERS).zip(y.chunks_mut(COUNTERS))) {
                for (word, (x, y)) in word.iter().zip(x.iter().zip(y)) {
                    *y = if *word >= self.threshold { *x * self.scale } else { T::ZERO };
                }
            }
        }
    }
}

/// Word `w` of counter `16 group + c` at `[w][c]`.
#[inline(always)]
fn philox_group(key: u64, group: u64) -> [[u32; COUNTERS]; 4] {
    let mut state = [[0; COUNTERS]; 4];
    for c in 0..COUNTERS {
        let counter = group * COUNTERS as u64 + c as u64;
        state[0][c] = counter as u32;
        state[1][c] = (counter >> 32) as u32;
    }
    philox(state, [key as u32, (key >> 32) as u32])
}
