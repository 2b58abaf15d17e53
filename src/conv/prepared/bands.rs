//! Rows of planes of few channels, sorted by place: the channels of a place side by side, padding included.

use std::ops::Range;

use crate::geometry::conv::ConvGeometry;
use crate::scalar::Scalar;

/// Output places of a band: its rows overlap with the next one's.
const PLACES: usize = 448;

/// Bands of output rows, and how the rows that they read lie in scratch.
pub struct Bands {
    geometry: ConvGeometry,
    pub count: usize,
    /// Output rows of a band.
    step: usize,
    /// Places of a row in scratch.
    columns: usize,
}

impl Bands {
    pub fn new(g: &ConvGeometry) -> Self {
        let [_, height, width] = g.output();
        let across = &g.windows[2];
        let count = height.div_ceil(PLACES.div_ceil(width));
        let step = height.div_ceil(count);
        let columns = (width - 1) * across.step() + across.extent();
        Bands { geometry: *g, count: height.div_ceil(step), step, columns }
    }

    /// Output rows of a band.
    pub fn rows(&self, band: usize) -> Range<usize> {
        band * self.step..self.geometry.output()[1].min((band + 1) * self.step)
    }

    /// Whether the taps of a row lie side by side.
    fn adjacent(&self) -> bool {
        self.geometry.windows[2].dilation == 1
    }

    /// Taps that have offsets of their own.
    pub fn taps(&self) -> usize {
        if self.adjacent() { self.geometry.kernel()[1] } else { self.geometry.taps() }
    }

    /// Elements of such a tap.
    pub fn depth(&self) -> usize {
        self.geometry.channels * if self.adjacent() { self.geometry.kernel()[2] } else { 1 }
    }

    /// Elements of a row in scratch.
    fn row(&self) -> usize {
        self.columns * self.geometry.channels
    }

    /// Elements of scratch.
    pub fn len(&self) -> usize {
        let down = &self.geometry.windows[1];
        ((self.step - 1) * down.step() + down.extent()) * self.row()
    }

    /// Loads the rows that some output rows of an image read.
    pub fn load<T: Scalar>(&self, x: &[T], image: usize, rows: Range<usize>, to: &mut [T]) {
        let g = &self.geometry;
        let ([_, height, width], [_, down, across]) = (g.input(), g.windows);
        let (channels, plane) = (g.channels, g.input_plane());
        let first = rows.start * down.step();
        let used = (rows.len() - 1) * down.step() + down.extent();
        let len = width.min(self.columns.saturating_sub(across.before));
        for (number, to) in to.chunks_exact_mut(self.row()).take(used).enumerate() {
            to.fill(T::ZERO);
            let row = (first + number).wrapping_sub(down.before);
            if row >= height || len == 0 {
                continue;
            }
            let to = &mut to[across.before * channels..];
            for c in 0..channels {
                let from = &x[(image * channels + c) * plane + row * width..][..len];
                for (to, &value) in to[c..].iter_mut().step_by(channels).zip(from) {
                    *to = value;
                }
            }
        }
    }

    /// For each tap and each place of some output rows the index of its first element.
    pub fn offsets(&self, rows: Range<usize>, to: &mut [usize]) {
        let g = &self.geometry;
        let ([_, _, width], [_, down, across]) = (g.output(), g.windows);
        let taps_across = self.taps() / down.kernel;
        for (tap, to) in to.chunks_exact_mut(rows.len() * width).enumerate() {
            let (i, j) = (tap / taps_across, tap % taps_across);
            for (row, to) in to.chunks_exact_mut(width).enumerate() {
                let start = (row * down.step() + i * down.dilation) * self.row();
                for (column, to) in to.iter_mut().enumerate() {
                    *to = start + (column * across.step() + j * across.dilation) * g.channels;
                }
            }
        }
    }
}
