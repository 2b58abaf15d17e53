//! Sums of selected rows.

#![allow(unsafe_code)]

use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};

/// Adds up rows of `source`, each as long as `width`: row `i` of `target` becomes the sum of the rows
/// `order[bounds[i]..bounds[i + 1]]`, in this order.
pub fn sum_selected_rows<T: Scalar>(source: &[T], width: usize, order: &[usize], bounds: &[usize], target: &mut [T]) {
    let rows = bounds.len().saturating_sub(1);
    assert_eq!(target.len(), rows * width, "one row for each pair of bounds");
    assert!(bounds.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] <= order.len()), "bounds in order");
    assert!(order[bounds[0]..bounds[rows]].iter().all(|&row| (row + 1) * width <= source.len()), "rows of the source");
    // SAFETY: just checked.
    unsafe { run(SumSelectedRows { source, width, order, bounds, target }) }
}

struct SumSelectedRows<'a, T> {
    source: &'a [T],
    width: usize,
    order: &'a [usize],
    bounds: &'a [usize],
    target: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for SumSelectedRows<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let (source, target) = (self.source.as_ptr(), self.target.as_mut_ptr());
        for row in 0..self.bounds.len() - 1 {
            let selected = &self.order[self.bounds[row]..self.bounds[row + 1]];
            let mut at = 0;
            while at < self.width {
                let n = self.width - at;
                // SAFETY: at most the `n` elements up to the end of a row are touched, and the caller checked the rows.
                unsafe {
                    let mut sum = S::zero();
                    for &from in selected {
                        sum = S::add(sum, S::load_up_to(source.add(from * self.width + at), n));
                    }
                    S::store_up_to(target.add(row * self.width + at), n, sum);
                }
                at += S::LANES;
            }
        }
    }
}
