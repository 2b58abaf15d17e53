//! The shape rules of pooling.

use super::window::{Padding, PerAxis, Sliding, Window, slide, volume, windows};
use super::{Error, tuple};

/// The shapes of a pooling over one to three spatial axes. Missing axes are leading ones of size 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolGeometry {
    /// Spatial axes of the caller's arrays.
    pub axes: usize,
    pub batch: usize,
    pub channels: usize,
    /// Depth, height, width.
    pub windows: [Window; 3],
}

/// The options of a pooling, as they come from the caller.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    pub kernel_size: PerAxis,
    /// The kernel's size if None.
    pub stride: Option<PerAxis>,
    pub padding: Padding,
    pub dilation: PerAxis,
    pub ceil_mode: bool,
}

impl PoolOptions {
    fn windows(&self, size: &[usize], name: &str) -> Result<[Window; 3], Error> {
        let axes = size.len();
        let kernel = self.kernel_size.resolve("kernel_size", axes, 1)?;
        let sliding = Sliding {
            stride: self.stride.unwrap_or(self.kernel_size),
            padding: self.padding,
            dilation: self.dilation,
            ceil_mode: self.ceil_mode,
        };
        let mut windows = windows(size, &kernel[..axes], &sliding)?;
        if matches!(self.padding, Padding::Numbers(_) | Padding::Pairs { .. }) {
            check_half(&windows[3 - axes..])?;
        }
        slide(&mut windows[3 - axes..], self.ceil_mode, ("kernel_size", name))?;
        Ok(windows)
    }
}

/// With more padding than half the kernel, a window could lie outside the input altogether.
fn check_half(windows: &[Window]) -> Result<(), Error> {
    for window in windows {
        let padding = window.before.max(window.after);
        if padding > window.kernel / 2 {
            return Err(Error::value(format!(
                "padding must be at most half of kernel_size {}, got {padding}",
                window.kernel
            )));
        }
    }
    Ok(())
}

impl PoolGeometry {
    /// Checks the shape `x` (N, C, ...) of a pooling over `axes` axes.
    ///
    /// # Errors
    /// An [`Error::Value`] that names the argument, what was expected and what came.
    pub fn new(axes: usize, x: &[usize], options: &PoolOptions) -> Result<Self, Error> {
        let letters = ["(N, C, W)", "(N, C, H, W)", "(N, C, D, H, W)"][axes - 1];
        if x.len() != axes + 2 {
            return Err(Error::value(format!("x must have {} axes {letters}, got shape {}", axes + 2, tuple(x))));
        }
        if x[2..].contains(&0) {
            return Err(Error::value(format!("x must not have an empty spatial axis, got shape {}", tuple(x))));
        }
        let geometry = PoolGeometry { axes, batch: x[0], channels: x[1], windows: options.windows(&x[2..], "x")? };
        volume(x, "x")?;
        volume(&geometry.y_shape(), "the output")?;
        Ok(geometry)
    }

    /// Sizes of the input's spatial axes.
    pub fn input(&self) -> [usize; 3] {
        self.windows.map(|w| w.input)
    }

    /// Sizes of the output's spatial axes.
    pub fn output(&self) -> [usize; 3] {
        self.windows.map(|w| w.output)
    }

    pub fn kernel(&self) -> [usize; 3] {
        self.windows.map(|w| w.kernel)
    }

    /// Elements of one input channel.
    pub fn input_plane(&self) -> usize {
        self.input().iter().product()
    }

    /// Elements of one output channel.
    pub fn output_plane(&self) -> usize {
        self.output().iter().product()
    }

    /// Elements of the window.
    pub fn taps(&self) -> usize {
        self.kernel().iter().fold(1, |product, &k| product.saturating_mul(k))
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
        shape.extend(self.windows[3 - self.axes..].iter().map(|w| w.output));
        shape
    }
}

/// The output sizes of a pooling, by axis.
///
/// # Errors
/// An [`Error::Value`] if an option does not fit, or no window does.
pub fn pool_output_size(size: &[usize], options: &PoolOptions) -> Result<Vec<usize>, Error> {
    let windows = options.windows(size, "size")?;
    Ok(windows[3 - size.len()..].iter().map(|w| w.output).collect())
}
