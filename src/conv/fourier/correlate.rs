//! Cross-correlation: the forward product, and the gradient with respect to x.

use std::ops::Range;

use super::product::kernel::{Factor, Products, multiply};
use super::{OUTPUTS, Order, Part, Planes, Spectra, Transforms};
use crate::geometry::Error;
use crate::memory::with_scratch;
use crate::scalar::Scalar;
use crate::threads::SharedMut;

/// Bytes of transformed results of a task.
const RESULTS_BYTES: usize = 256 << 10;

/// The transformed inputs of some tiles, and the transformed filters that meet them.
struct Factors<'a, T> {
    part: &'a Part,
    tiles: Range<usize>,
    inputs: &'a [T],
    filters: &'a [T],
}

impl<T: Scalar> Transforms<'_, T> {
    /// The sum over the channels of each input plane with its filter, plus the bias.
    pub(super) fn correlate(
        &self,
        input: &[T],
        weight: &[T],
        order: &Order,
        bias: Option<&[T]>,
        output: &mut [T],
    ) -> Result<(), Error> {
        let plan = self.plan;
        let output = SharedMut::new(output);
        let (mut inputs, mut filters): (Option<(Part, Spectra)>, Option<Spectra>) = (None, None);
        for part in self.parts() {
            let channels = part.groups.len() * plan.channels;
            let filters = keep(&mut filters, || {
                Spectra::new::<T>(part.groups.len() * part.outputs.len() * plan.channels * self.len)
            })?;
            self.transform_filters(weight, order, &part, filters.shared());
            let planes = Planes {
                data: input,
                all: plan.groups * plan.channels,
                each: plan.channels,
                groups: part.groups.clone(),
                some: 0..plan.channels,
                size: plan.input,
            };
            let known = inputs.as_ref().is_some_and(|(of, _)| of.groups == part.groups);
            let whole = self.tiles_at_once(channels) == plan.tiles();
            let room = || Spectra::new::<T>(self.tiles_at_once(channels) * channels * self.len);
            let (of, inputs) = keep(&mut inputs, || Ok((part.clone(), room()?)))?;
            *of = part.clone();
            for tiles in self.blocks(channels) {
                if !(known && whole) {
                    self.transform_tiles(&planes, plan.before, plan.size, &tiles, inputs.shared());
                }
                let factors = Factors { part: &part, tiles, inputs: inputs.get(), filters: filters.get() };
                self.results(&factors, bias, output);
            }
        }
        Ok(())
    }

    fn transform_filters(&self, weight: &[T], order: &Order, part: &Part, to: SharedMut<'_, T>) {
        let plan = self.plan;
        let taps = plan.kernel[0] * plan.kernel[1];
        let filters = part.groups.len() * part.outputs.len() * plan.channels;
        self.run(filters, filters, &|filter| {
            let (output, channel) = (filter / plan.channels, filter % plan.channels);
            let (group, output) = (output / part.outputs.len(), output % part.outputs.len());
            let from = order(part.groups.start + group, part.outputs.start + output, channel);
            self.transform(&weight[from * taps..][..taps], plan.kernel, [0; 2], plan.kernel, (to, filter));
        });
    }

    /// Products of transformed tiles and filters, transformed back and written.
    fn results(&self, factors: &Factors<'_, T>, bias: Option<&[T]>, to: SharedMut<'_, T>) {
        let (plan, len, part) = (self.plan, self.len, factors.part);
        let channels = part.groups.len() * plan.channels;
        let per_task = (RESULTS_BYTES / (OUTPUTS * len * size_of::<T>())).max(2);
        let (rows, panels) = (factors.tiles.len().div_ceil(per_task), part.outputs.len().div_ceil(OUTPUTS));
        let spectra = factors.tiles.len() * part.groups.len() * part.outputs.len();
        self.run(spectra, rows * part.groups.len() * panels, &|task| {
            let (row, group, panel) = (task % rows, task / rows / panels, task / rows % panels);
            let tiles = row * per_task..((row + 1) * per_task).min(factors.tiles.len());
            let outputs = panel * OUTPUTS..((panel + 1) * OUTPUTS).min(part.outputs.len());
            let filter = (group * part.outputs.len() + outputs.start) * plan.channels;
            let count = [tiles.len(), outputs.len()];
            with_scratch(count[0] * count[1] * len, |results: &mut [T]| {
                let results = SharedMut::new(results);
                multiply(Products {
                    left: Factor {
                        data: &factors.inputs[(tiles.start * channels + group * plan.channels) * len..],
                        each: channels * len,
                        term: len,
                    },
                    right: Factor { data: &factors.filters[filter * len..], each: plan.channels * len, term: len },
                    count,
                    terms: plan.channels,
                    len,
                    to: results,
                    start: 0,
                    next: [count[1] * len, len],
                    adds: false,
                });
                for i in 0..count[0] * count[1] {
                    let (image, place) = self.place(factors.tiles.start + tiles.start + i / count[1]);
                    let output = part.outputs.start + outputs.start + i % count[1];
                    let output = (part.groups.start + group) * plan.outputs + output;
                    let plane = (image * plan.groups * plan.outputs + output) * plan.output[0] * plan.output[1];
                    let start = plane + place[0] * plan.output[1] + place[1];
                    let patch = Self::patch(place.map(|place| place as i64), plan.tile(), plan.output);
                    let bias = bias.map_or(T::ZERO, |bias| bias[output]);
                    self.write((results, i), bias, (start, plan.output[1]), patch, to);
                }
            });
        });
    }
}

/// What is there, or else what is made: later parts are no larger than the first.
fn keep<V>(place: &mut Option<V>, make: impl FnOnce() -> Result<V, Error>) -> Result<&mut V, Error> {
    if place.is_none() {
        *place = Some(make()?);
    }
    Ok(place.as_mut().expect("it was made"))
}
