//! Arrays as lines along one axis.

pub mod kernel;

pub use kernel::Layout;

use super::BLOCK;
use crate::scalar::Scalar;

/// An array as (outer, classes, inner), `classes` being the extent of one of its axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    pub outer: usize,
    pub layout: Layout,
}

impl Lines {
    /// `axis < shape.len()`.
    pub fn new(shape: &[usize], axis: usize) -> Lines {
        let layout = Layout { classes: shape[axis], inner: shape[axis + 1..].iter().product() };
        Lines { outer: shape[..axis].iter().product(), layout }
    }

    /// The number of lines.
    pub fn positions(&self) -> usize {
        self.outer * self.layout.inner
    }

    /// The number of the element of `class` in the line at `position`.
    pub fn element(&self, position: usize, class: usize) -> usize {
        let Layout { classes, inner } = self.layout;
        (position / inner * classes + class) * inner + position % inner
    }

    /// Lines of one task: a fixed number, that of a block of elements, and all that lie side by side.
    pub fn positions_per_task(&self) -> usize {
        let Layout { classes, inner } = self.layout;
        (BLOCK / (classes * inner).max(1)).max(1) * inner
    }
}

/// The largest element of each line, and the sum of `e^(x - largest)` over it.
pub fn statistics<T: Scalar>(layout: Layout, x: &[T], maxima: &mut [T], sums: &mut [T]) {
    kernel::max(layout, x, maxima);
    let sources = kernel::Sources { lines: [maxima, &[], &[], &[]], ..kernel::Sources::new(x) };
    kernel::sum(kernel::Exponential, layout, sources, sums);
}
