//! Rows of a plane into scratch and back.

#![allow(unsafe_code)]

use super::{Layout, inside};
use crate::scalar::Scalar;
use crate::simd::Simd;

/// A band of output rows of one plane.
#[derive(Clone, Copy)]
pub struct Band {
    pub plane: usize,
    /// Output depth.
    pub depth: usize,
    /// Number of the band within its depth.
    pub number: usize,
}

impl Band {
    pub fn new(layout: &Layout, unit: usize) -> Self {
        let (rest, number) = (unit / layout.bands, unit % layout.bands);
        let depths = layout.windows[0].output;
        Band { plane: rest / depths, depth: rest % depths, number }
    }
}

/// The rows of windows of a band, one after the other.
pub struct Windows {
    pub depth: usize,
    pub oh: usize,
    pub end: usize,
    /// Input rows and depths where the scratch begins.
    first_row: usize,
    first_depth: usize,
    /// Depth taps inside the input.
    pub depths: std::ops::Range<usize>,
    /// The taps (height, width) of this row whose input rows exist.
    pub taps: std::ops::Range<usize>,
    /// Index of the row's first output.
    pub output: usize,
    plane: usize,
    started: bool,
}

impl Windows {
    #[inline(always)]
    pub fn new(layout: &Layout, band: Band) -> Self {
        let [d, h, w] = layout.windows;
        let oh = band.number * layout.band;
        let depths = inside(&d, band.depth);
        Windows {
            depth: band.depth,
            oh,
            end: (oh + layout.band).min(h.output),
            first_row: (oh * h.step()).saturating_sub(h.before),
            first_depth: band.depth * d.step() + depths.start * d.dilation - d.before,
            depths,
            taps: 0..0,
            output: 0,
            plane: (band.plane * d.output + band.depth) * h.output * w.output,
            started: false,
        }
    }

    /// Steps to the next row; false past the last one.
    #[inline(always)]
    pub fn next(&mut self, layout: &Layout) -> bool {
        if self.started {
            self.oh += 1;
        }
        self.started = true;
        let [_, h, w] = &layout.windows;
        let rows = inside(h, self.oh);
        self.taps = rows.start * w.kernel..rows.end * w.kernel;
        self.output = self.plane + self.oh * w.output;
        self.oh < self.end
    }

    /// Where the first tap of this row would lie in scratch, for a depth tap; in front of it if that tap is padding.
    #[inline(always)]
    pub fn start(&self, layout: &Layout, tap: usize) -> isize {
        let [_, h, _] = &layout.windows;
        let row = (self.oh * h.step()) as isize - h.before as isize - self.first_row as isize;
        let depth = (tap - self.depths.start) * layout.rows();
        (depth as isize + row) * layout.row() as isize
    }
}

/// Copies the input rows of a band, padded (with -inf for a maximum, else with zeros) and sorted by phase. Returns whether
/// there is a NaN among them, if it is for a maximum.
///
/// # Safety
/// `x` points to all planes up to the band's; the scratch has the layout's length.
#[inline(always)]
pub unsafe fn stage<S: Simd, const MAX: bool>(layout: &Layout, x: *const S::T, band: Band, strip: *mut S::T) -> bool {
    unsafe {
        let [d, h, w] = &layout.windows;
        let windows = Windows::new(layout, band);
        let end = (((windows.end - 1) * h.step() + h.extent()).saturating_sub(h.before)).min(h.input);
        let plane = x.add(band.plane * d.input * h.input * w.input);
        let mut nan = false;
        for tap in windows.depths.clone() {
            let depth = windows.first_depth + (tap - windows.depths.start) * d.dilation;
            for row in windows.first_row..end {
                let from = plane.add((depth * h.input + row) * w.input);
                let number = (tap - windows.depths.start) * layout.rows() + row - windows.first_row;
                stage_row::<S, MAX>(layout, from, strip.add(number * layout.row()));
                if MAX {
                    nan |= has_nan::<S>(from, w.input);
                }
            }
        }
        nan
    }
}

#[inline(always)]
unsafe fn has_nan<S: Simd>(from: *const S::T, len: usize) -> bool {
    unsafe {
        let mut found = S::is_nan(S::zero());
        for i in (0..len).step_by(S::LANES) {
            found = S::or(found, S::is_nan(S::load_up_to(from.add(i), len - i)));
        }
        S::bits(found) != 0
    }
}

/// One row, phase by phase: padding, elements, padding.
#[inline(always)]
unsafe fn stage_row<S: Simd, const MAX: bool>(layout: &Layout, from: *const S::T, to: *mut S::T) {
    unsafe {
        let w = &layout.windows[2];
        let step = w.step();
        let padding = S::splat(if MAX { S::T::NEG_INFINITY } else { S::T::ZERO });
        for slot in 0..layout.phases.len() {
            let phase = *layout.phases.get_unchecked(slot);
            let to = to.add(slot * layout.pitch);
            let start = w.before.saturating_sub(phase).div_ceil(step).min(layout.pitch);
            let end = (w.before + w.input).saturating_sub(phase).div_ceil(step).clamp(start, layout.pitch);
            for i in (0..start).step_by(S::LANES) {
                S::store(to.add(i), padding);
            }
            if end > start {
                copy_every::<S>(from.add(start * step + phase - w.before), to.add(start), end - start, step);
            }
            let mut i = end;
            while i < layout.pitch {
                S::store(to.add(i), padding);
                i += S::LANES;
            }
        }
    }
}

/// Copies `len` elements `step` apart; whole vectors are written, up to a vector's length past the last element.
///
/// # Safety
/// The elements, and so much room, exist.
#[inline(always)]
pub unsafe fn copy_every<S: Simd>(from: *const S::T, to: *mut S::T, len: usize, step: usize) {
    unsafe {
        let mut i = 0;
        while i < len {
            let left = len - i;
            if step == 1 {
                S::store(to.add(i), S::load_up_to(from.add(i), left));
                i += S::LANES;
            } else if step == 2 {
                let (from, left) = (from.add(2 * i), 2 * left - 1);
                let low = S::load_up_to(from, left);
                let high = if left > S::LANES { S::load_up_to(from.add(S::LANES), left - S::LANES) } else { S::zero() };
                S::store(to.add(i), S::deinterleave(low, high).0);
                i += S::LANES;
            } else {
                *to.add(i) = *from.add(i * step);
                i += 1;
            }
        }
    }
}

/// The inverse of staging a row: columns back into their order, without the padding.
///
/// # Safety
/// The scratch holds one row of the layout and a tile's length behind it; `dx` has the input's width.
#[inline(always)]
pub unsafe fn unstage_row<S: Simd>(layout: &Layout, strip: *const S::T, dx: *mut S::T) {
    unsafe {
        let w = &layout.windows[2];
        let (step, width) = (w.step(), w.input);
        if step == 1 {
            for i in (0..width).step_by(S::LANES) {
                S::store_up_to(dx.add(i), width - i, S::load_up_to(in_slot(layout, strip, 0, w.before, i), width - i));
            }
        } else if step == 2 {
            // Column 0 is in the slot of its phase; column 1 in the other one, a place later if that is phase 0.
            let (phase, place) = (w.before % 2, w.before / 2);
            for i in (0..width).step_by(2 * S::LANES) {
                let a = S::load(in_slot(layout, strip, phase, place, i / 2));
                let b = S::load(in_slot(layout, strip, 1 - phase, place + phase, i / 2));
                let (low, high) = S::interleave(a, b);
                S::store_up_to(dx.add(i), width - i, low);
                if width - i > S::LANES {
                    S::store_up_to(dx.add(i + S::LANES), width - i - S::LANES, high);
                }
            }
        } else {
            for i in 0..width {
                *dx.add(i) = S::T::ZERO;
            }
            for slot in 0..layout.phases.len() {
                let phase = *layout.phases.get_unchecked(slot);
                let start = w.before.saturating_sub(phase).div_ceil(step);
                let mut column = start * step + phase - w.before;
                let mut from = slot * layout.pitch + start;
                while column < width && from < (slot + 1) * layout.pitch {
                    *dx.add(column) = *strip.add(from);
                    column += step;
                    from += 1;
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn in_slot<T>(layout: &Layout, strip: *const T, slot: usize, place: usize, i: usize) -> *const T {
    unsafe { strip.add(slot * layout.pitch + place + i) }
}
