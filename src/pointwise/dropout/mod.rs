//! Elements set to zero at random.

mod kernel;

use super::BLOCK;
use crate::scalar::Scalar;
use crate::threads::parallel_chunks_mut;

/// A mask that depends on its key and the number of the element alone: no thread count changes it, and nothing is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mask {
    key: u64,
    /// The probability that an element is set to zero.
    p: f64,
}

impl Mask {
    /// `p` lies in 0..=1.
    pub fn new(key: u64, p: f64) -> Mask {
        Mask { key, p }
    }

    /// `y = x / (1 - p)` where the element stays, 0 where it goes: forward and backward alike.
    pub fn apply<T: Scalar>(&self, x: &[T], y: &mut [T]) {
        if self.p >= 1.0 {
            return y.fill(T::ZERO);
        }
        // An element goes where its 32 random bits are below this.
        let threshold = (self.p * 2f64.powi(32)).round().min(f64::from(u32::MAX)) as u32;
        let scale = T::from_f64(1.0 / (1.0 - self.p));
        parallel_chunks_mut(y, BLOCK, &|block, y| {
            let first = block * BLOCK;
            kernel::masked_scale(&x[first..first + y.len()], self.key, threshold, scale, first, y);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_begin_alike_whatever_the_length() {
        let mask = Mask::new(12345, 0.3);
        let x = vec![1.0f64; 3 * BLOCK + 77];
        let mut whole = vec![f64::NAN; x.len()];
        mask.apply(&x, &mut whole);
        for len in [0, 1, 15, 16, 63, 64, 65, 1000, BLOCK + 1] {
            let mut part = vec![f64::NAN; len];
            mask.apply(&x[..len], &mut part);
            assert_eq!(part, whole[..len]);
        }
        let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let mut y = vec![f32::NAN; x.len()];
        mask.apply(&single, &mut y);
        assert!(y.iter().zip(&whole).all(|(a, b)| (*a == 0.0) == (*b == 0.0)));
        assert!(whole.iter().all(|&y| y == 0.0 || y == 1.0 / 0.7));
        let gone = whole.iter().filter(|&&y| y == 0.0).count() as f64 / x.len() as f64;
        assert!((gone - 0.3).abs() < 0.01, "{gone}");
    }

    #[test]
    fn nothing_or_everything_goes_at_the_ends() {
        let x: Vec<f32> = (0..100).map(|i| i as f32 - 50.5).collect();
        let mut y = vec![f32::NAN; 100];
        Mask::new(7, 0.0).apply(&x, &mut y);
        assert_eq!(y, x);
        Mask::new(7, 1.0).apply(&x, &mut y);
        assert_eq!(y, [0.0; 100]);
    }

    #[test]
    fn keys_give_different_masks() {
        let mut masks = [[0f32; 256]; 3];
        for (y, key) in masks.iter_mut().zip([1, 2, 1 << 32]) {
            Mask::new(key, 0.5).apply(&[1.0; 256], y);
        }
        assert!(masks[0] != masks[1] && masks[0] != masks[2] && masks[1] != masks[2]);
    }
}
