//! The shape rules of transposed convolutions.

use super::conv::ConvGeometry;
use super::window::{LIMIT, Padding, PerAxis, Window, bare, check_causal, halves, numbers, volume};
use super::{Error, tuple};

/// The shapes of a transposed convolution: the adjoint of a convolution, from the places of its output to those of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransposedGeometry {
    /// The convolution: its output is x here, its input y, and its weight the weight.
    pub conv: ConvGeometry,
}

/// The options of a transposed convolution, as they come from the caller.
#[derive(Clone, Copy, Debug)]
pub struct TransposedOptions {
    pub stride: PerAxis,
    /// Places cut off the full output. The rules leave `input * stride` of them: [`Padding::Same`] and
    /// [`Padding::SameLower`] cut both ends, [`Padding::Causal`] the last.
    pub padding: Padding,
    /// Places added behind.
    pub output_padding: PerAxis,
    pub dilation: PerAxis,
    pub groups: i64,
}

impl TransposedGeometry {
    /// Checks the shapes `x` (N, C, ...), `weight` (C, O / groups, ...) and `bias` (O,) of a transposed convolution over
    /// `axes` axes.
    ///
    /// # Errors
    /// An [`Error::Value`] that names the argument, what was expected and what came.
    pub fn new(
        axes: usize,
        x: &[usize],
        weight: &[usize],
        bias: Option<&[usize]>,
        options: &TransposedOptions,
    ) -> Result<Self, Error> {
        check_axes(axes, x, weight)?;
        let groups = check_groups(x, weight, options.groups)?;
        let outputs = weight[1].saturating_mul(groups);
        if let Some(bias) = bias.filter(|&bias| bias != [outputs]) {
            let (weight, bias) = (tuple(weight), tuple(bias));
            return Err(Error::value(format!(
                "weight has shape {weight} and groups is {groups}, so bias must have shape ({outputs},), got {bias}"
            )));
        }
        let mut windows = bare(&x[2..], &weight[2..], options.stride, options.dilation)?;
        let more = options.output_padding.resolve("output_padding", axes, 0)?;
        for (axis, window) in windows[3 - axes..].iter_mut().enumerate() {
            *window = turned(window, more[axis], options.padding, axis, axes)?;
        }
        let conv =
            ConvGeometry { axes, batch: x[0], groups, channels: weight[1], outputs: weight[0] / groups, windows };
        let geometry = TransposedGeometry { conv };
        volume(x, "x")?;
        volume(weight, "weight")?;
        volume(&geometry.y_shape(), "the output")?;
        Ok(geometry)
    }

    /// Channels of y.
    pub fn outputs(&self) -> usize {
        self.conv.groups * self.conv.channels
    }

    /// The shape of y, with the caller's number of axes.
    pub fn y_shape(&self) -> Vec<usize> {
        let mut shape = vec![self.conv.batch, self.outputs()];
        shape.extend(self.conv.windows[3 - self.conv.axes..].iter().map(|w| w.input));
        shape
    }
}

/// The window of the convolution: `window` holds the places of x as its input.
fn turned(window: &Window, more: usize, padding: Padding, axis: usize, axes: usize) -> Result<Window, Error> {
    let most = window.stride.max(window.dilation);
    if more >= most {
        return Err(Error::value(format!(
            "output_padding must be less than stride {} or dilation {}, got {more}",
            window.stride, window.dilation
        )));
    }
    let places = window.input;
    let same = places.checked_mul(window.stride).filter(|&n| n < LIMIT).unwrap_or(LIMIT);
    let full = (places - 1).checked_mul(window.stride).map_or(LIMIT, |steps| steps.saturating_add(window.extent()));
    if full >= LIMIT || more >= LIMIT {
        let stride = window.stride;
        return Err(Error::value(format!("an output of {places} places with stride {stride} is too large")));
    }
    let cut = full.saturating_sub(same);
    let (before, after) = match numbers(padding, axis, axes)? {
        Some(pair) => pair,
        None if padding == Padding::Causal => check_causal(axes).map(|()| (0, cut))?,
        None => halves(cut, padding),
    };
    let ruled = matches!(padding, Padding::Causal | Padding::Same | Padding::SameLower);
    let output = if ruled { same + more } else { (full + more).saturating_sub(before + after) };
    if output == 0 || output >= LIMIT {
        return Err(Error::value(format!(
            "padding ({before}, {after}) leaves none of the {} places that x and weight give",
            full + more
        )));
    }
    Ok(Window { input: output, output: places, before, after, ..*window })
}

fn check_axes(axes: usize, x: &[usize], weight: &[usize]) -> Result<(), Error> {
    let letters = ["(N, C, W)", "(N, C, H, W)", "(N, C, D, H, W)"][axes - 1];
    if x.len() != axes + 2 {
        return Err(Error::value(format!("x must have {} axes {letters}, got shape {}", axes + 2, tuple(x))));
    }
    let letters = ["(C, O / groups, K)", "(C, O / groups, KH, KW)", "(C, O / groups, KD, KH, KW)"][axes - 1];
    if weight.len() != axes + 2 {
        return Err(Error::value(format!("weight must have {} axes {letters}, got shape {}", axes + 2, tuple(weight))));
    }
    if x[2..].contains(&0) {
        return Err(Error::value(format!("x must not have an empty spatial axis, got shape {}", tuple(x))));
    }
    if weight.contains(&0) {
        return Err(Error::value(format!("weight must not be empty, got shape {}", tuple(weight))));
    }
    Ok(())
}

fn check_groups(x: &[usize], weight: &[usize], groups: i64) -> Result<usize, Error> {
    if groups < 1 {
        return Err(Error::value(format!("groups must be at least 1, got {groups}")));
    }
    if x[1] != weight[0] {
        let (shape, channels) = (tuple(weight), weight[0]);
        return Err(Error::value(format!(
            "weight has shape {shape}, so x must have {channels} channels (axis 1), got {}",
            x[1]
        )));
    }
    let groups = groups as usize;
    if !weight[0].is_multiple_of(groups) {
        return Err(Error::value(format!(
            "groups must divide the {} input channels of weight (axis 0), got {groups}",
            weight[0]
        )));
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(stride: i64, padding: Padding, output_padding: i64, dilation: i64) -> TransposedOptions {
        TransposedOptions {
            stride: PerAxis::One(stride),
            padding,
            output_padding: PerAxis::One(output_padding),
            dilation: PerAxis::One(dilation),
            groups: 1,
        }
    }

    fn size(n: usize, kernel: usize, options: &TransposedOptions) -> Result<usize, String> {
        let geometry = TransposedGeometry::new(1, &[1, 1, n], &[1, 1, kernel], None, options);
        geometry.map(|g| g.y_shape()[2]).map_err(|error| error.to_string())
    }

    #[test]
    fn sizes() {
        let number = |n| Padding::Numbers(PerAxis::One(n));
        assert_eq!(size(14, 4, &options(2, number(1), 0, 1)), Ok(28));
        assert_eq!(size(15, 3, &options(2, number(1), 1, 1)), Ok(30));
        assert_eq!(size(9, 3, &options(2, number(2), 1, 2)), Ok(18));
        for padding in [Padding::Same, Padding::SameLower, Padding::Causal] {
            for kernel in 1..6 {
                assert_eq!(size(7, kernel, &options(3, padding, 0, 1)), Ok(21));
            }
        }
    }

    #[test]
    fn errors_name_the_argument() {
        let number = |n| Padding::Numbers(PerAxis::One(n));
        assert!(size(6, 3, &options(2, number(0), 2, 1)).unwrap_err().starts_with("output_padding must be less than"));
        assert!(
            size(6, 3, &options(2, number(0), -1, 1)).unwrap_err().starts_with("output_padding must be at least 0")
        );
        assert!(size(6, 3, &options(1, number(5), 0, 1)).unwrap_err().starts_with("padding (5, 5) leaves none"));
        assert!(size(4, 2, &options(1 << 62, number(0), 0, 1)).unwrap_err().contains("too large"));
        assert_eq!(size(1, 2, &options(1 << 62, number(0), 0, 1)), Ok(2));
    }
}
