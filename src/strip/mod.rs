//! Bands of a plane in scratch, as pooling and depthwise convolution read them: padded, and with the columns sorted by their
//! phase modulo the stride, so that every tap of a row of windows is a contiguous load for any stride, padding and dilation.

pub mod kernel;

use crate::geometry::window::Window;

/// Elements of a band, so that it stays in the first-level cache (of 32 KiB in float32).
const BAND: usize = 6 * 1024;
/// The widest tile of a row: lanes behind a row's end are computed and dropped.
pub const TILE: usize = 64;
/// Limits of the fast paths: taps that a 16-bit number tells apart, and elements of scratch.
const MOST_TAPS: usize = 1 << 16;
const MOST_SCRATCH: usize = 1 << 20;

/// The layout of bands: rows of the input, each with its columns sorted by phase.
///
/// Padded column `u` lies in the slot of phase `u % stride` at place `u / stride`, so the tap `k` of output column `o` lies
/// at `taps[k] + o`.
#[derive(Clone, Debug)]
pub struct Layout {
    pub windows: [Window; 3],
    /// The phases that have a slot, in order.
    pub phases: Vec<usize>,
    /// Elements of a slot.
    pub pitch: usize,
    /// For each tap (height, width): its distance from the first tap of its window.
    pub taps: Vec<usize>,
    /// Output rows of a band.
    pub band: usize,
    /// Bands of one output plane of one depth.
    pub bands: usize,
}

impl Layout {
    /// None if the shape is beyond the fast paths: then the reference does the work.
    pub fn new(windows: &[Window; 3]) -> Option<Self> {
        let [depth, height, width] = *windows;
        let (step, steps) = (width.step(), |k: usize| (k * width.dilation) / width.step());
        let long = width.output + steps(width.kernel - 1) > MOST_SCRATCH || height.extent() > MOST_SCRATCH;
        let all_taps = windows.iter().fold(1usize, |taps, w| taps.saturating_mul(w.kernel));
        if long || all_taps > MOST_TAPS || !windows.iter().all(|w| (0..w.output).all(|o| !inside(w, o).is_empty())) {
            return None;
        }
        let mut phases: Vec<usize> = (0..width.kernel).map(|k| k * width.dilation % step).collect();
        if step == 2 {
            phases.extend([0, 1]);
        }
        phases.sort_unstable();
        phases.dedup();
        // A lone output's window may leave columns behind it that no other one sees.
        let seen = if step == 1 { width.before + width.input } else { 0 };
        let pitch = width.output.next_multiple_of(TILE) + (steps(width.kernel - 1) + 1).next_multiple_of(16);
        let pitch = pitch.max(seen.next_multiple_of(16));
        let row = phases.len() * pitch;
        let mut taps = Vec::with_capacity(height.kernel * width.kernel);
        for k in 0..height.kernel {
            for l in 0..width.kernel {
                let slot = phases.binary_search(&(l * width.dilation % step)).ok()?;
                taps.push(k * height.dilation * row + slot * pitch + steps(l));
            }
        }
        let mut layout = Layout { windows: *windows, phases, pitch, taps, band: 1, bands: 1 };
        let rows = (BAND / (row * depth.kernel)).saturating_sub(height.extent());
        layout.band = (rows / height.step() + 1).min(height.output);
        layout.bands = height.output.div_ceil(layout.band);
        let largest = layout.strip_len().max(windows.iter().map(|w| w.output).product());
        (largest <= MOST_SCRATCH).then_some(layout)
    }

    /// Elements of one row of a band.
    pub fn row(&self) -> usize {
        self.phases.len() * self.pitch
    }

    /// Input rows of a band, at one depth.
    pub fn rows(&self) -> usize {
        let height = &self.windows[1];
        ((self.band - 1) * height.step() + height.extent()).min(height.input)
    }

    /// Elements of a band, with room for what whole vectors write behind its end.
    pub fn strip_len(&self) -> usize {
        let depths = self.windows[0].kernel.min(self.windows[0].input);
        (depths * self.rows()).saturating_mul(self.row()).saturating_add(2 * TILE)
    }
}

/// The taps of an output's window that lie inside the input: adjacent ones.
pub fn inside(window: &Window, o: usize) -> std::ops::Range<usize> {
    let start = o * window.step();
    let first = window.before.saturating_sub(start).div_ceil(window.dilation);
    let end = (window.before + window.input).saturating_sub(start).div_ceil(window.dilation);
    first.min(window.kernel)..end.min(window.kernel).max(first.min(window.kernel))
}

/// The taps of an output's window that lie inside the input or its padding.
pub fn inside_padded(window: &Window, o: usize) -> usize {
    let end = (window.before + window.input + window.after).saturating_sub(o * window.step());
    end.div_ceil(window.dilation).min(window.kernel)
}

/// Which taps of which outputs see an input place, along one axis: `(tap, output)`, for each place in turn.
#[derive(Clone, Debug)]
pub struct Reach {
    pairs: Vec<(usize, usize)>,
    ends: Vec<usize>,
}

impl Reach {
    pub fn new(window: &Window) -> Self {
        let mut reach = Reach { pairs: Vec::new(), ends: Vec::with_capacity(window.input) };
        for place in 0..window.input {
            for tap in 0..window.kernel {
                let start = (place + window.before).checked_sub(tap * window.dilation);
                let Some(start) = start.filter(|start| start % window.step() == 0) else { continue };
                if start / window.step() < window.output {
                    reach.pairs.push((tap, start / window.step()));
                }
            }
            reach.ends.push(reach.pairs.len());
        }
        reach
    }

    pub fn of(&self, place: usize) -> &[(usize, usize)] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.pairs[start..self.ends[place]]
    }
}
