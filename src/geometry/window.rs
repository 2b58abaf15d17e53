//! What convolution and pooling share: a window that slides along one spatial axis.

use super::Error;

/// Limit of every coordinate and element count, so that sums of a few of them, in bytes, never overflow.
pub(super) const LIMIT: usize = 1 << 58;

/// One number for all spatial axes, or one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerAxis {
    One(i64),
    /// The first three of `count` numbers.
    Each {
        values: [i64; 3],
        count: usize,
    },
}

impl PerAxis {
    /// The numbers of `axes` axes, all at least `least`.
    pub fn resolve(self, name: &str, axes: usize, least: i64) -> Result<[usize; 3], Error> {
        let values = match self {
            PerAxis::One(value) => [value; 3],
            PerAxis::Each { values, count } if count == axes => values,
            PerAxis::Each { count, .. } => {
                return Err(Error::value(format!("{name} must be an int or {axes} ints, got {count} ints")));
            }
        };
        let mut resolved = [0; 3];
        for (to, &value) in resolved[..axes].iter_mut().zip(&values) {
            if value < least {
                return Err(Error::value(format!("{name} must be at least {least}, got {value}")));
            }
            *to = value as usize;
        }
        Ok(resolved)
    }
}

/// The places around an input, in every form that the functions accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Before and after alike.
    Numbers(PerAxis),
    /// `(before, after)` for the first three of `count` axes.
    Pairs {
        values: [(i64, i64); 3],
        count: usize,
    },
    Valid,
    /// TensorFlow's rule: as many outputs as steps fit, the odd place after the input.
    Same,
    /// The same with the odd place before the input.
    SameLower,
    /// All places before the input, so that an output sees nothing later than itself.
    Causal,
}

/// A window that slides along one spatial axis, and the outputs that it produces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub input: usize,
    pub output: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    /// Places in front of the input.
    pub before: usize,
    /// Places behind the input.
    pub after: usize,
}

impl Window {
    /// A missing axis.
    pub const UNIT: Window = Window { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };

    /// The distance between the first and the last place of the window, plus one.
    #[inline]
    pub fn extent(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    /// The input coordinate of a tap, counted from that of output 0; an output adds [`Window::step`].
    #[inline]
    pub fn offset(&self, tap: usize) -> i64 {
        (tap * self.dilation) as i64 - self.before as i64
    }

    /// The stride, or 1 if there is one output only: products with output coordinates stay small.
    #[inline]
    pub fn step(&self) -> usize {
        if self.output <= 1 { 1 } else { self.stride }
    }
}

/// The options of a sliding window over several axes, as they come from the caller.
#[derive(Clone, Copy, Debug)]
pub struct Sliding {
    pub stride: PerAxis,
    pub padding: Padding,
    pub dilation: PerAxis,
    pub ceil_mode: bool,
}

/// The windows of `input.len()` axes, in the last places of three, without their padding.
pub(super) fn bare(
    input: &[usize],
    kernel: &[usize],
    stride: PerAxis,
    dilation: PerAxis,
) -> Result<[Window; 3], Error> {
    let axes = input.len();
    let stride = stride.resolve("stride", axes, 1)?;
    let dilation = dilation.resolve("dilation", axes, 1)?;
    let mut windows = [Window::UNIT; 3];
    for axis in 0..axes {
        let window = &mut windows[3 - axes + axis];
        *window = Window {
            input: input[axis],
            kernel: kernel[axis],
            stride: stride[axis],
            dilation: dilation[axis],
            ..Window::UNIT
        };
        let extent = (window.kernel - 1).checked_mul(window.dilation).filter(|&e| e < LIMIT);
        if extent.is_none() || window.input >= LIMIT {
            return Err(Error::value(format!(
                "a kernel of {} with dilation {} is too large",
                window.kernel, window.dilation
            )));
        }
    }
    Ok(windows)
}

/// The windows of `input.len()` axes, in the last places of three.
pub(super) fn windows(input: &[usize], kernel: &[usize], options: &Sliding) -> Result<[Window; 3], Error> {
    let axes = input.len();
    let mut windows = bare(input, kernel, options.stride, options.dilation)?;
    for (axis, window) in windows[3 - axes..].iter_mut().enumerate() {
        (window.before, window.after) = match numbers(options.padding, axis, axes)? {
            Some(pair) => pair,
            None => by_rule(window, options.padding, axes)?,
        };
    }
    Ok(windows)
}

/// The places before and after along one axis, where the caller's numbers say them; None where a rule does.
pub(super) fn numbers(padding: Padding, axis: usize, axes: usize) -> Result<Option<(usize, usize)>, Error> {
    let (before, after) = match padding {
        Padding::Valid => (0, 0),
        Padding::Numbers(numbers) => {
            let number = numbers.resolve("padding", axes, 0)?[axis];
            (number, number)
        }
        Padding::Pairs { values, count } => pair(values, count, axis, axes)?,
        Padding::Same | Padding::SameLower | Padding::Causal => return Ok(None),
    };
    if before >= LIMIT || after >= LIMIT {
        return Err(Error::value(format!("padding of {} is too large", before.max(after))));
    }
    Ok(Some((before, after)))
}

fn by_rule(window: &Window, padding: Padding, axes: usize) -> Result<(usize, usize), Error> {
    if padding == Padding::Causal {
        check_causal(axes)?;
        return Ok((window.extent() - 1, 0));
    }
    let outputs = window.input.div_ceil(window.stride);
    let steps = outputs.saturating_sub(1).saturating_mul(window.stride);
    Ok(halves((steps + window.extent()).saturating_sub(window.input), padding))
}

/// The odd place comes after, or with [`Padding::SameLower`] before.
pub(super) fn halves(total: usize, padding: Padding) -> (usize, usize) {
    let (small, large) = (total / 2, total - total / 2);
    if padding == Padding::SameLower { (large, small) } else { (small, large) }
}

pub(super) fn check_causal(axes: usize) -> Result<(), Error> {
    if axes == 1 {
        return Ok(());
    }
    Err(Error::value(format!("padding 'causal' is for one spatial axis, got {axes}")))
}

fn pair(values: [(i64, i64); 3], count: usize, axis: usize, axes: usize) -> Result<(usize, usize), Error> {
    if count != axes {
        return Err(Error::value(format!("padding must have {axes} (before, after) pairs, got {count}")));
    }
    let (before, after) = values[axis];
    if before < 0 || after < 0 {
        return Err(Error::value(format!("padding must be at least 0, got ({before}, {after})")));
    }
    Ok((before as usize, after as usize))
}

/// Sets the output sizes. `what` names the kernel and the input in the message about a window that does not fit.
pub(super) fn slide(windows: &mut [Window], ceil_mode: bool, what: (&str, &str)) -> Result<(), Error> {
    for window in windows {
        let padded = window.input + window.before + window.after;
        if padded < window.extent() {
            return Err(Error::value(format!(
                "{} with dilation {} spans {}, more than the {} places of {} and its padding (kernel {}, input {})",
                what.0,
                window.dilation,
                window.extent(),
                padded,
                what.1,
                window.kernel,
                window.input,
            )));
        }
        let room = padded - window.extent();
        window.output = if ceil_mode { room.div_ceil(window.stride) } else { room / window.stride } + 1;
        let last = (window.output - 1).checked_mul(window.stride);
        if ceil_mode && last.is_none_or(|last| last >= window.input + window.before) {
            window.output -= 1;
        }
        if window.output == 0 {
            return Err(Error::value(format!("{} leaves no output: {} is empty", what.0, what.1)));
        }
    }
    Ok(())
}

/// The product of sizes.
pub(super) fn volume(sizes: &[usize], what: &str) -> Result<usize, Error> {
    let product = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size).filter(|&p| p < LIMIT));
    product.ok_or_else(|| Error::value(format!("{what} would have shape {}, which is too large", super::tuple(sizes))))
}
