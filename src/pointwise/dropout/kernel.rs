//! A random mask, made where it is applied.

#![allow(unsafe_code)]

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

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; SC 2011) of several counters.
#[inline(always)]
pub fn philox<const C: usize>(mut state: [[u32; C]; 4], mut key: [u32; 2]) -> [[u32; C]; 4] {
    for _ in 0..10 {
        let [a, b, c, d] = state;
        for i in 0..C {
            let (x, y) = (u64::from(a[i]) * 0xd251_1f53, u64::from(c[i]) * 0xcd9e_8d57);
            state[0][i] = (y >> 32) as u32 ^ b[i] ^ key[0];
            state[1][i] = y as u32;
            state[2][i] = (x >> 32) as u32 ^ d[i] ^ key[1];
            state[3][i] = x as u32;
        }
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    state
}
