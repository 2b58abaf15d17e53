//! Adaptive pooling: windows that divide every axis as evenly as they can.
//!
//! A row of windows is taken in two steps: the input's rows that it covers are folded into one, column by column, and the
//! columns of each window are folded into its output. So the input is read once, row by row, wherever windows do not overlap.

mod kernel;
#[cfg(test)]
pub mod tests;

use std::ops::Range;

use crate::geometry::adaptive::AdaptiveGeometry;
use crate::memory::with_scratch;
use crate::scalar::Scalar;

/// The windows of every axis.
struct Windows {
    input: [usize; 3],
    axes: [Vec<Range<usize>>; 3],
}

impl Windows {
    /// A single window along the last axis makes one axis of the last two: a row of windows is then contiguous.
    fn new(g: &AdaptiveGeometry) -> Self {
        let mut windows = Windows { input: g.input, axes: std::array::from_fn(|axis| g.windows(axis)) };
        for _ in 0..2 {
            if windows.axes[2].len() == 1 {
                let [depths, heights, _] = windows.axes;
                let [depth, height, width] = windows.input;
                let whole = std::iter::once(0..1).collect();
                let heights = heights.into_iter().map(|rows| rows.start * width..rows.end * width).collect();
                windows = Windows { input: [1, depth, height * width], axes: [whole, depths, heights] };
            }
        }
        windows
    }

    /// The numbers of rows of windows.
    fn rows(&self) -> usize {
        self.axes[0].len() * self.axes[1].len()
    }

    /// The rows of the input, by the places where they start in its plane, that a row of windows covers.
    #[inline(always)]
    fn covered(&self, row: usize) -> impl Iterator<Item = usize> {
        let [_, height, width] = self.input;
        let heights = &self.axes[1];
        let (depths, heights) = (self.axes[0][row / heights.len()].clone(), heights[row % heights.len()].clone());
        depths.flat_map(move |z| heights.clone().map(move |y| (z * height + y) * width))
    }

    /// How many these are.
    fn count(&self, row: usize) -> usize {
        let heights = &self.axes[1];
        self.axes[0][row / heights.len()].len() * heights[row % heights.len()].len()
    }
}

/// The largest value of every window, and its flat place in the plane: NaN wins, and ties go to the first place.
///
/// # Panics
/// If a length differs from the geometry's.
pub fn max<T: Scalar>(g: &AdaptiveGeometry, x: &[T], y: &mut [T], places: &mut [i64]) {
    assert_eq!((x.len(), y.len(), places.len()), (g.x_len(), g.y_len(), g.y_len()));
    let windows = Windows::new(g);
    kernel::for_planes(g, y, places, |plane, y, places| {
        let x = &x[plane * g.input_plane()..][..g.input_plane()];
        with_scratch(windows.input[2], |best| {
            with_scratch(windows.input[2], |rows| kernel::max(&windows, x, y, places, best, rows));
        });
    });
}

/// The gradient with respect to x: every slope goes to the place that won its window.
///
/// # Panics
/// If a length differs from the geometry's.
pub fn max_backward<T: Scalar>(g: &AdaptiveGeometry, dy: &[T], places: &[i64], dx: &mut [T]) {
    assert_eq!((dx.len(), dy.len(), places.len()), (g.x_len(), g.y_len(), g.y_len()));
    kernel::for_planes(g, dx, &mut [], |plane, dx, _: &mut [i64]| {
        let outputs = plane * g.output_plane()..(plane + 1) * g.output_plane();
        dx.fill(T::ZERO);
        for (&slope, &place) in dy[outputs.clone()].iter().zip(&places[outputs]) {
            dx[place as usize] += slope;
        }
    });
}

/// The mean of every window.
///
/// # Panics
/// If a length differs from the geometry's.
pub fn average<T: Scalar>(g: &AdaptiveGeometry, x: &[T], y: &mut [T]) {
    assert_eq!((x.len(), y.len()), (g.x_len(), g.y_len()));
    let windows = Windows::new(g);
    kernel::for_planes(g, y, &mut [], |plane, y, _: &mut [i64]| {
        let x = &x[plane * g.input_plane()..][..g.input_plane()];
        with_scratch(windows.input[2], |sums| kernel::average(&windows, x, y, sums));
    });
}

/// The gradient with respect to x: every place gets the slopes of its windows over their sizes.
///
/// # Panics
/// If a length differs from the geometry's.
pub fn average_backward<T: Scalar>(g: &AdaptiveGeometry, dy: &[T], dx: &mut [T]) {
    assert_eq!((dx.len(), dy.len()), (g.x_len(), g.y_len()));
    let windows = Windows::new(g);
    kernel::for_planes(g, dx, &mut [], |plane, dx, _: &mut [i64]| {
        let dy = &dy[plane * g.output_plane()..][..g.output_plane()];
        with_scratch(windows.input[2], |shares| kernel::average_backward(&windows, dy, dx, shares));
    });
}
