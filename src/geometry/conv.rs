//! The shape rules of convolutions.

use super::window::{Padding, PerAxis, Sliding, Window, slide, volume, windows};
use super::{Error, tuple};

/// The shapes of a convolution over one to three spatial axes. Missing axes are leading ones of size 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Spatial axes of the caller's arrays.
    pub axes: usize,
    pub batch: usize,
    pub groups: usize,
    /// Input channels of one group.
    pub channels: usize,
    /// Output channels of one group.
    pub outputs: usize,
    /// Depth, height, width.
    pub windows: [Window; 3],
}

/// The options of a convolution, as they come from the caller.
#[derive(Clone, Copy, Debug)]
pub struct ConvOptions {
    pub stride: PerAxis,
    pub padding: Padding,
    pub dilation: PerAxis,
    pub groups: i64,
}

impl Default for ConvOptions {
    fn default() -> Self {
        ConvOptions { stride: PerAxis::One(1), padding: Padding::Valid, dilation: PerAxis::One(1), groups: 1 }
    }
}

impl ConvGeometry {
    /// Checks the shapes `x` (N, C, ...), `weight` (O, C / groups, ...) and `bias` (O,) of a convolution over `axes` axes.
    ///
    /// # Errors
    /// An [`Error::Value`] that names the argument, what was expected and what came.
    pub fn new(
        axes: usize,
        x: &[usize],
        weight: &[usize],
        bias: Option<&[usize]>,
        options: &ConvOptions,
    ) -> Result<Self, Error> {
        let letters = ["(N, C, W)", "(N, C, H, W)", "(N, C, D, H, W)"][axes - 1];
        if x.len() != axes + 2 {
            return Err(Error::value(format!("x must have {} axes {letters}, got shape {}", axes + 2, tuple(x))));
        }
        let letters = ["(O, C / groups, K)", "(O, C / groups, KH, KW)", "(O, C / groups, KD, KH, KW)"][axes - 1];
        if weight.len() != axes + 2 {
            return Err(Error::value(format!(
                "weight must have {} axes {letters}, got shape {}",
                axes + 2,
                tuple(weight)
            )));
        }
        if weight.contains(&0) {
            return Err(Error::value(format!("weight must not be empty, got shape {}", tuple(weight))));
        }
        let groups = check_groups(x, weight, options.groups)?;
        if let Some(bias) = bias.filter(|&bias| bias != [weight[0]]) {
            return Err(Error::value(format!(
                "weight has shape {}, so bias must have shape ({},), got {}",
                tuple(weight),
                weight[0],
                tuple(bias)
            )));
        }
        let sliding =
            Sliding { stride: options.stride, padding: options.padding, dilation: options.dilation, ceil_mode: false };
        let mut windows = windows(&x[2..], &weight[2..], &sliding)?;
        slide(&mut windows[3 - axes..], false, ("weight", "x"))?;
        let geometry =
            ConvGeometry { axes, batch: x[0], groups, channels: weight[1], outputs: weight[0] / groups, windows };
        volume(x, "x")?;
        volume(weight, "weight")?;
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

    /// Elements of the kernel over the spatial axes.
    pub fn taps(&self) -> usize {
        self.kernel().iter().product()
    }

    pub fn x_len(&self) -> usize {
        self.batch * self.groups * self.channels * self.input_plane()
    }

    pub fn y_len(&self) -> usize {
        self.batch * self.groups * self.outputs * self.output_plane()
    }

    pub fn weight_len(&self) -> usize {
        self.groups * self.outputs * self.channels * self.taps()
    }

    /// The shape of y, with the caller's number of axes.
    pub fn y_shape(&self) -> Vec<usize> {
        let mut shape = vec![self.batch, self.groups * self.outputs];
        shape.extend(self.windows[3 - self.axes..].iter().map(|w| w.output));
        shape
    }

    /// Multiply-adds of the forward call.
    pub fn work(&self) -> usize {
        self.y_len().saturating_mul(self.channels * self.taps())
    }
}

fn check_groups(x: &[usize], weight: &[usize], groups: i64) -> Result<usize, Error> {
    if groups < 1 {
        return Err(Error::value(format!("groups must be at least 1, got {groups}")));
    }
    let (groups, shape) = (groups as usize, tuple(weight));
    if !weight[0].is_multiple_of(groups) {
        return Err(Error::value(format!(
            "groups must divide the {} output channels of weight (axis 0), got {groups}",
            weight[0]
        )));
    }
    let channels = weight[1].saturating_mul(groups);
    if x[1] != channels {
        let with = if groups == 1 { String::new() } else { format!(" and groups is {groups}") };
        return Err(Error::value(format!(
            "weight has shape {shape}{with}, so x must have {channels} channels (axis 1), got {}",
            x[1]
        )));
    }
    Ok(groups)
}

/// The output sizes of a convolution, by axis.
///
/// # Errors
/// An [`Error::Value`] if an option does not fit, or no window does.
pub fn conv_output_size(
    size: &[usize],
    kernel_size: PerAxis,
    stride: PerAxis,
    padding: Padding,
    dilation: PerAxis,
) -> Result<Vec<usize>, Error> {
    let kernel = kernel_size.resolve("kernel_size", size.len(), 1)?;
    let sliding = Sliding { stride, padding, dilation, ceil_mode: false };
    let mut windows = windows(size, &kernel[..size.len()], &sliding)?;
    let windows = &mut windows[3 - size.len()..];
    slide(windows, false, ("kernel_size", "size"))?;
    Ok(windows.iter().map(|w| w.output).collect())
}
