//! Normalisation of each channel over a batch.

use super::Target;
use super::kernel::{self, Block, Blocks};
use crate::memory::with_scratch;
use crate::pointwise::lines::kernel::{Sources, add_by_class, map};
use crate::scalar::Scalar;

/// One normalisation of x (outer, channels, inner).
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm {
    blocks: Blocks,
    eps: f64,
}

/// What forward knows of each channel, for backward.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchMoments<T> {
    pub mean: Vec<T>,
    /// Divided by the number of elements.
    pub variance: Vec<f64>,
    /// Whether mean and variance are those of x, so that they change with it.
    pub of_batch: bool,
}

/// The gradients that are wanted.
#[derive(Debug, Default)]
pub struct BatchGradients<'a, T> {
    pub x: Target<'a, T>,
    pub weight: Target<'a, T>,
    pub bias: Target<'a, T>,
}

impl BatchNorm {
    pub fn new(outer: usize, channels: usize, inner: usize, eps: f64) -> Self {
        BatchNorm { blocks: Blocks::new(outer, channels, inner), eps }
    }

    /// The elements of each channel.
    pub fn count(&self) -> usize {
        self.blocks.outer * self.blocks.inner
    }

    /// Mean and variance of each channel.
    pub fn moments<T: Scalar>(&self, x: &[T]) -> BatchMoments<T> {
        let (channels, depth) = (self.blocks.channels, self.blocks.depth());
        let mut partials = vec![(0.0, 0.0); depth * channels];
        self.blocks.parallel::<T, _>(&mut [], &mut partials, &|block, _, partials| {
            block_moments(block, &x[block.elements.clone()], partials);
        });
        // Chan, Golub, LeVeque (1979): the squares of two parts, and the distance of their means.
        let (mut means, mut squares, mut counted) = (vec![0.0; channels], vec![0.0; channels], 0.0);
        for part in 0..if x.is_empty() { 0 } else { depth } {
            let count = self.blocks.count(part) as f64;
            let share = count / (counted + count);
            for (c, &(mean, square)) in partials[part * channels..(part + 1) * channels].iter().enumerate() {
                let distance = mean - means[c];
                means[c] += distance * share;
                squares[c] += square + distance * distance * counted * share;
            }
            counted += count;
        }
        let variance = squares.iter().map(|square| square / counted.max(1.0)).collect();
        BatchMoments { mean: means.iter().map(|&mean| T::from_f64(mean)).collect(), variance, of_batch: true }
    }

    /// `y = (x - mean) / sqrt(variance + eps) weight + bias`.
    pub fn forward<T: Scalar>(
        &self,
        x: &[T],
        moments: &BatchMoments<T>,
        weight: Option<&[T]>,
        bias: Option<&[T]>,
        y: &mut [T],
    ) {
        let scale = self.scales(moments, weight).map(T::from_f64).collect::<Vec<T>>();
        let zeros;
        let shift = match bias {
            Some(bias) => bias,
            None => {
                zeros = vec![T::ZERO; scale.len()];
                &zeros
            }
        };
        self.blocks.parallel::<T, ()>(y, &mut [], &|block, y, _| {
            let weights = [&moments.mean[..], &scale, shift, &[]].map(|per_channel| of_block(per_channel, block));
            let sources = Sources { weights, ..Sources::new(&x[block.elements.clone()]) };
            map(kernel::Normalised, block.layout, sources, y);
        });
    }

    /// The gradients, from `dy`.
    pub fn backward<T: Scalar>(
        &self,
        dy: &[T],
        x: &[T],
        moments: &BatchMoments<T>,
        weight: Option<&[T]>,
        gradients: BatchGradients<T>,
    ) {
        let frozen = !moments.of_batch;
        let sums = match gradients.weight.is_none() && gradients.bias.is_none() && frozen {
            true => vec![(0.0, 0.0); self.blocks.channels],
            false => self.sums(dy, x, moments),
        };
        if let Some(dweight) = gradients.weight {
            for (dweight, (sum, scale)) in dweight.iter_mut().zip(sums.iter().zip(self.scales(moments, None))) {
                *dweight = T::from_f64(sum.1 * scale);
            }
        }
        if let Some(dbias) = gradients.bias {
            dbias.iter_mut().zip(&sums).for_each(|(dbias, sum)| *dbias = T::from_f64(sum.0));
        }
        let Some(dx) = gradients.x else { return };
        let scale = self.scales(moments, weight).map(T::from_f64).collect::<Vec<T>>();
        if frozen {
            self.blocks.parallel::<T, ()>(dx, &mut [], &|block, dx, _| {
                let weights = [of_block(&scale, block), &[], &[], &[]];
                let sources = Sources { weights, ..Sources::new(&dy[block.elements.clone()]) };
                map(kernel::Scaled, block.layout, sources, dx);
            });
            return;
        }
        let count = self.count() as f64;
        let (mut by_deviation, mut constant) = (Vec::with_capacity(scale.len()), Vec::with_capacity(scale.len()));
        for ((sum, scale), variance) in sums.iter().zip(self.scales(moments, weight)).zip(&moments.variance) {
            by_deviation.push(T::from_f64(-scale * sum.1 / (count * (variance + self.eps))));
            constant.push(T::from_f64(-scale * sum.0 / count));
        }
        self.blocks.parallel::<T, ()>(dx, &mut [], &|block, dx, _| {
            let per_channel = [&moments.mean, &scale, &by_deviation, &constant];
            let weights = per_channel.map(|per_channel| of_block(per_channel, block));
            let elements = block.elements.clone();
            let sources = Sources { other: &dy[elements.clone()], weights, ..Sources::new(&x[elements]) };
            map(kernel::Slope, block.layout, sources, dx);
        });
    }

    /// `weight / sqrt(variance + eps)`.
    fn scales<'a, T: Scalar>(
        &'a self,
        moments: &'a BatchMoments<T>,
        weight: Option<&'a [T]>,
    ) -> impl Iterator<Item = f64> + 'a {
        let eps = self.eps;
        moments
            .variance
            .iter()
            .enumerate()
            .map(move |(c, variance)| weight.map_or(1.0, |weight| weight[c].to_f64()) / (variance + eps).sqrt())
    }

    /// The sums of `dy` and of `dy (x - mean)` over each channel.
    fn sums<T: Scalar>(&self, dy: &[T], x: &[T], moments: &BatchMoments<T>) -> Vec<(f64, f64)> {
        let channels = self.blocks.channels;
        let mut partials = vec![(0.0, 0.0); self.blocks.depth() * channels];
        self.blocks.parallel::<T, _>(&mut [], &mut partials, &|block, _, partials| {
            let weights = [of_block(&moments.mean, block), &[], &[], &[]];
            let elements = block.elements.clone();
            let sources = Sources { other: &dy[elements.clone()], weights, ..Sources::new(&x[elements]) };
            with_scratch(2 * partials.len(), |scratch: &mut [f64]| {
                scratch.fill(0.0);
                let (plain, products) = scratch.split_at_mut(partials.len());
                add_by_class(kernel::Other, block.layout, sources, plain);
                add_by_class(kernel::OtherTimesDeviation, block.layout, sources, products);
                for (partial, sums) in partials.iter_mut().zip(plain.iter().zip(products)) {
                    *partial = (*sums.0, *sums.1);
                }
            });
        });
        let mut sums = vec![(0.0, 0.0); channels];
        for row in partials.chunks(channels.max(1)) {
            for (sum, partial) in sums.iter_mut().zip(row) {
                *sum = (sum.0 + partial.0, sum.1 + partial.1);
            }
        }
        sums
    }
}

/// The part of a block in what there is for each channel; nothing of nothing.
fn of_block<'a, T>(per_channel: &'a [T], block: &Block) -> &'a [T] {
    if per_channel.is_empty() { per_channel } else { &per_channel[block.channels.clone()] }
}

/// Mean, and sum of squared deviations from it, of each channel of a block.
fn block_moments<T: Scalar>(block: &Block, x: &[T], partials: &mut [(f64, f64)]) {
    let (layout, channels) = (block.layout, partials.len());
    let count = (x.len() / channels) as f64;
    let (mut centre, mut sums) = (vec![T::ZERO; channels], vec![0.0; channels]);
    add_by_class(kernel::Itself, layout, Sources::new(x), &mut sums);
    for (centre, sum) in centre.iter_mut().zip(&mut sums) {
        *centre = T::from_f64(*sum / count);
        *sum = 0.0;
    }
    let sources = Sources { weights: [&centre, &[], &[], &[]], ..Sources::new(x) };
    add_by_class(kernel::Deviation, layout, sources, &mut sums);
    for ((partial, centre), rest) in partials.iter_mut().zip(&centre).zip(&mut sums) {
        // What the mean lost when it was rounded.
        let lost = *rest / count;
        *partial = (centre.to_f64() + lost, -*rest * lost);
        *rest = 0.0;
    }
    add_by_class(kernel::SquaredDeviation, layout, sources, &mut sums);
    partials.iter_mut().zip(&sums).for_each(|(partial, sum)| partial.1 += sum);
}
