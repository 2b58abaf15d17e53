//! Normalisation of each sample over its last axes.

use super::Target;
use super::kernel::{self, parallel_pairs};
use super::line_slopes::LineSlopes;
use crate::memory::with_scratch;
use crate::pointwise::lines::kernel::{Layout, Sources, map, sum};
use crate::pointwise::{BLOCK, STREAMED};
use crate::scalar::Scalar;

/// At most so many partial sums are kept for the gradients of weight and bias.
const PARTS: usize = 64;

/// Elements of the lines that are passed several times: few enough to stay in the first cache.
const NEAR: usize = 2048;

/// One normalisation of the lines of x, each of `size` elements.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm {
    size: usize,
    eps: f64,
}

/// What forward knows of the lines, for backward: for each block of lines, their means and then what they were multiplied by.
#[derive(Clone, Debug, PartialEq)]
pub struct LineMoments<T>(Vec<T>);

impl<T> LineMoments<T> {
    pub fn nbytes(&self) -> usize {
        size_of_val(&self.0[..])
    }
}

/// The gradients that are wanted.
#[derive(Debug, Default)]
pub struct LayerGradients<'a, T> {
    pub x: Target<'a, T>,
    pub weight: Target<'a, T>,
    pub bias: Target<'a, T>,
}

impl LayerNorm {
    pub fn new(size: usize, eps: f64) -> Self {
        LayerNorm { size, eps }
    }

    /// Lines of a block.
    fn chunk(&self) -> usize {
        (BLOCK / self.size.max(1)).max(1)
    }

    fn layout(&self) -> Layout {
        Layout { classes: self.size, inner: 1 }
    }

    /// `y = (x - mean) / sqrt(variance + eps) weight + bias`, line by line.
    pub fn forward<T: Scalar>(&self, x: &[T], weight: Option<&[T]>, bias: Option<&[T]>, y: &mut [T]) -> LineMoments<T> {
        if x.is_empty() {
            return LineMoments(Vec::new());
        }
        let (chunk, layout) = (self.chunk(), self.layout());
        let lines = x.len() / self.size;
        let ones = vec![T::ONE; if weight.is_none() { self.size } else { 0 }];
        let zeros = vec![T::ZERO; if bias.is_none() { self.size } else { 0 }];
        let weights = [weight.unwrap_or(&ones), bias.unwrap_or(&zeros), &[], &[]];
        let mut moments = vec![T::ZERO; 2 * lines];
        let count = T::from_f64(self.size as f64);
        parallel_pairs(
            lines.div_ceil(chunk),
            (y, chunk * self.size),
            (&mut moments, 2 * chunk),
            &|block, y, moments| {
                let x = &x[block * chunk * self.size..][..y.len()];
                let (means, rates) = moments.split_at_mut(y.len() / self.size);
                let near = (NEAR / self.size).max(1);
                let moments = means.chunks_mut(near).zip(rates.chunks_mut(near));
                let elements = x.chunks(near * self.size).zip(y.chunks_mut(near * self.size));
                for ((means, rates), (x, y)) in moments.zip(elements) {
                    sum(kernel::Itself, layout, Sources::new(x), means);
                    means.iter_mut().for_each(|mean| *mean = *mean / count);
                    let sources = Sources { lines: [means, &[], &[], &[]], ..Sources::new(x) };
                    sum(kernel::SquaredLineDeviation, layout, sources, rates);
                    for rate in rates.iter_mut() {
                        *rate = T::from_f64(1.0 / (rate.to_f64() / self.size as f64 + self.eps).sqrt());
                    }
                    let sources = Sources { lines: [means, rates, &[], &[]], weights, ..Sources::new(x) };
                    map(kernel::NormalisedLine, layout, sources, y);
                }
            },
        );
        LineMoments(moments)
    }

    /// The gradients, from `dy`.
    pub fn backward<T: Scalar>(
        &self,
        dy: &[T],
        x: &[T],
        moments: &LineMoments<T>,
        weight: Option<&[T]>,
        gradients: LayerGradients<T>,
    ) {
        let LayerGradients { x: dx, weight: dweight, bias: dbias } = gradients;
        let sums = match dweight.is_some() || dbias.is_some() {
            true => 2 * self.size,
            false => 0,
        };
        let blocks = if x.is_empty() { 0 } else { (x.len() / self.size).div_ceil(self.chunk()) };
        let blocks_per_part = blocks.div_ceil(PARTS).max(1);
        let parts = blocks.div_ceil(blocks_per_part);
        let mut partials = vec![0.0f64; parts * sums];
        let span = blocks_per_part * self.chunk() * self.size;
        let mut nothing = [];
        let dx = dx.unwrap_or(&mut nothing);
        let ones = vec![T::ONE; if weight.is_none() { self.size } else { 0 }];
        let weight = weight.unwrap_or(&ones);
        let streamed = 3 * size_of_val(x) >= STREAMED;
        parallel_pairs(parts, (dx, span), (&mut partials, sums), &|part, dx, sums| {
            with_scratch(LineSlopes::<T>::scratch_len(self.size), |scratch: &mut [T]| {
                let end = x.len().min((part + 1) * span);
                let mut start = part * span;
                while start < end {
                    let stop = end.min(start + self.chunk() * self.size);
                    let dx = if dx.is_empty() { &mut [][..] } else { &mut dx[start - part * span..stop - part * span] };
                    let moments = &moments.0[2 * (start / self.size)..2 * (stop / self.size)];
                    let (means, rates) = moments.split_at(moments.len() / 2);
                    let (dy, x) = (&dy[start..stop], &x[start..stop]);
                    let (sums, scratch) = (&mut *sums, &mut *scratch);
                    LineSlopes { dy, x, means, rates, weight, dx, sums, scratch, streamed }.compute();
                    start = stop;
                }
            });
        });
        let total = |at: usize| partials.chunks(sums.max(1)).map(|part| part[at]).sum::<f64>();
        for (target, first) in [(dweight, 0), (dbias, self.size)] {
            if let Some(target) = target {
                target.iter_mut().enumerate().for_each(|(i, value)| *value = T::from_f64(total(first + i)));
            }
        }
    }
}
