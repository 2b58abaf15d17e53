//! The shape rules of adaptive pooling, whose windows divide an axis as evenly as they can.

use std::ops::Range;

use super::window::volume;
use super::{Error, tuple};

/// The shapes of an adaptive pooling over one to three spatial axes. Missing axes are leading ones of size 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveGeometry {
    /// Spatial axes of the caller's arrays.
    pub axes: usize,
    pub batch: usize,
    pub channels: usize,
    /// Depth, height, width.
    pub input: [usize; 3],
    pub output: [usize; 3],
}

/// The number of windows along one axis; None keeps the axis.
pub type OutputSize = Option<i64>;

impl AdaptiveGeometry {
    /// Checks the shape `x` (N, C, ...) of a pooling over `axes` axes. `output_size` has one number for all axes, or one for
    /// each.
    ///
    /// # Errors
    /// An [`Error::Value`] that names the argument, what was expected and what came.
    pub fn new(axes: usize, x: &[usize], output_size: &[OutputSize]) -> Result<Self, Error> {
        let letters = ["(N, C, W)", "(N, C, H, W)", "(N, C, D, H, W)"][axes - 1];
        if x.len() != axes + 2 {
            return Err(Error::value(format!("x must have {} axes {letters}, got shape {}", axes + 2, tuple(x))));
        }
        if x[2..].contains(&0) {
            return Err(Error::value(format!("x must not have an empty spatial axis, got shape {}", tuple(x))));
        }
        if output_size.len() != 1 && output_size.len() != axes {
            let (wanted, got) = (if axes == 1 { "1 int".into() } else { format!("{axes} ints") }, output_size.len());
            return Err(Error::value(format!("output_size must be an int, None or {wanted}, got {got} ints")));
        }
        let (mut input, mut output) = ([1; 3], [1; 3]);
        for axis in 0..axes {
            let size = x[2 + axis];
            input[3 - axes + axis] = size;
            output[3 - axes + axis] = match output_size[if output_size.len() == 1 { 0 } else { axis }] {
                None => size,
                Some(count) if count >= 1 => count as usize,
                Some(count) => return Err(Error::value(format!("output_size must be at least 1, got {count}"))),
            };
        }
        let geometry = AdaptiveGeometry { axes, batch: x[0], channels: x[1], input, output };
        volume(x, "x")?;
        volume(&geometry.y_shape(), "the output")?;
        Ok(geometry)
    }

    /// The places of window `i` along an axis: `floor(i n / m) .. ceil((i + 1) n / m)`.
    pub fn window(&self, axis: usize, i: usize) -> Range<usize> {
        let (n, m, i) = (self.input[axis] as u128, self.output[axis] as u128, i as u128);
        (i * n / m) as usize..((i + 1) * n).div_ceil(m) as usize
    }

    /// The windows along an axis.
    pub fn windows(&self, axis: usize) -> Vec<Range<usize>> {
        (0..self.output[axis]).map(|i| self.window(axis, i)).collect()
    }

    /// Elements of one input channel.
    pub fn input_plane(&self) -> usize {
        self.input.iter().product()
    }

    /// Elements of one output channel.
    pub fn output_plane(&self) -> usize {
        self.output.iter().product()
    }

    /// Channels of all images: what the work is split over.
    pub fn planes(&self) -> usize {
        self.batch * self.channels
    }

    pub fn x_len(&self) -> usize {
        self.planes() * self.input_plane()
    }

    pub fn y_len(&self) -> usize {
        self.planes() * self.output_plane()
    }

    /// The shape of y, with the caller's number of axes.
    pub fn y_shape(&self) -> Vec<usize> {
        let mut shape = vec![self.batch, self.channels];
        shape.extend(&self.output[3 - self.axes..]);
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_the_axis_and_overlap_where_they_must() {
        let geometry = AdaptiveGeometry::new(2, &[1, 1, 7, 2], &[Some(3), Some(4)]).expect("it fits");
        assert_eq!(geometry.windows(1), [0..3, 2..5, 4..7]);
        assert_eq!(geometry.windows(2), [0..1, 0..1, 1..2, 1..2]);
        let kept = AdaptiveGeometry::new(2, &[1, 1, 7, 2], &[None, Some(1)]).expect("it fits");
        assert_eq!(kept.y_shape(), [1, 1, 7, 1]);
        assert_eq!((kept.windows(2).len(), kept.window(2, 0)), (1, 0..2));
    }

    #[test]
    fn errors_name_the_argument() {
        let new = |x: &[usize], size: &[OutputSize]| AdaptiveGeometry::new(2, x, size).unwrap_err().to_string();
        assert_eq!(new(&[1, 1, 5], &[None]), "x must have 4 axes (N, C, H, W), got shape (1, 1, 5)");
        assert!(new(&[1, 1, 5, 0], &[None]).starts_with("x must not have an empty spatial axis"));
        assert_eq!(new(&[1, 1, 5, 5], &[None; 3]), "output_size must be an int, None or 2 ints, got 3 ints");
        assert_eq!(new(&[1, 1, 5, 5], &[Some(0)]), "output_size must be at least 1, got 0");
        assert!(new(&[1, 1, 5, 5], &[Some(1 << 40)]).contains("too large"));
    }
}
