//! The gradient with respect to the weight: inputs correlated with slopes, and summed over all tiles.

use super::product::kernel::{Factor, Products, multiply};
use super::{OUTPUTS, Part, Planes, Spectra, Transforms};
use crate::geometry::Error;
use crate::scalar::Scalar;
use crate::threads::SharedMut;

impl<T: Scalar> Transforms<'_, T> {
    pub(super) fn correlate_slopes(&self, dy: &[T], x: &[T], dweight: &mut [T]) -> Result<(), Error> {
        let dweight = SharedMut::new(dweight);
        self.parts().try_for_each(|part| self.slopes_of(&part, dy, x, dweight))
    }

    /// That of some filters: sums over all tiles, in their order.
    fn slopes_of(&self, part: &Part, dy: &[T], x: &[T], dweight: SharedMut<'_, T>) -> Result<(), Error> {
        let (plan, len) = (self.plan, self.len);
        let groups = part.groups.clone();
        let (all, each, some) = (plan.groups * plan.channels, plan.channels, 0..plan.channels);
        let x = Planes { data: x, all, each, groups: groups.clone(), some, size: plan.input };
        let (all, each, some) = (plan.groups * plan.outputs, plan.outputs, part.outputs.clone());
        let dy = Planes { data: dy, all, each, groups, some, size: plan.output };
        let (channels, outputs) = (x.channels(), dy.channels());
        let at_once = self.tiles_at_once(channels + outputs);
        let mut inputs = Spectra::new::<T>(at_once * channels * len)?;
        let mut slopes = Spectra::new::<T>(at_once * outputs * len)?;
        let mut sums = Spectra::new::<T>(outputs * plan.channels * len)?;
        let panels = part.outputs.len().div_ceil(OUTPUTS);
        for tiles in self.blocks(channels + outputs) {
            self.transform_tiles(&x, plan.before, plan.size, &tiles, inputs.shared());
            self.transform_tiles(&dy, [0; 2], plan.tile(), &tiles, slopes.shared());
            let (inputs, slopes, sums) = (inputs.get::<T>(), slopes.get::<T>(), sums.shared::<T>());
            self.run(tiles.len() * outputs * plan.channels, part.groups.len() * panels, &|task| {
                let (group, panel) = (task / panels, task % panels);
                let some = panel * OUTPUTS..((panel + 1) * OUTPUTS).min(part.outputs.len());
                let output = group * part.outputs.len() + some.start;
                multiply(Products {
                    left: Factor { data: &inputs[group * plan.channels * len..], each: len, term: channels * len },
                    right: Factor { data: &slopes[output * len..], each: len, term: outputs * len },
                    count: [plan.channels, some.len()],
                    terms: tiles.len(),
                    len,
                    to: sums,
                    start: output * plan.channels * len,
                    next: [len, plan.channels * len],
                    adds: tiles.start > 0,
                });
                if tiles.end == plan.tiles() {
                    let first = (part.groups.start + group) * plan.outputs + part.outputs.start + some.start;
                    for i in 0..some.len() * plan.channels {
                        let start = (first * plan.channels + i) * plan.kernel[0] * plan.kernel[1];
                        let patch = plan.kernel.map(|taps| 0..taps);
                        let sum = (sums, output * plan.channels + i);
                        self.write(sum, T::ZERO, (start, plan.kernel[1]), patch, dweight);
                    }
                }
            });
        }
        Ok(())
    }
}
