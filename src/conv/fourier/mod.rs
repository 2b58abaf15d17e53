//! Convolution by Fourier transforms, for large kernels: a product for each frequency of a tile instead of one for each tap.
//!
//! The cyclic cross-correlation of a tile of n x n inputs and a kernel of k x k taps has n - k + 1 rows and columns that nothing
//! has wrapped into (overlap-save: Oppenheim and Schafer, Discrete-Time Signal Processing, 8.7); that its transform is the
//! product of one transform and the other's conjugate is the convolution theorem. Every input and output tile is transformed
//! once, for all channels that it meets; vectors run along the frequencies, so that one channel is as good as sixteen.
//!
//! A value that is not finite reaches all results of its tile, and rounding is relative to the largest ones of it.

mod columns;
mod correlate;
mod lines;
pub mod plan;
mod product;
mod slopes;
mod spectrum;

use std::ops::Range;

use super::SMALL;
use crate::geometry::Error;
use crate::memory::Block;
use crate::scalar::Scalar;
use crate::threads::{SharedMut, parallel_ranges};
use lines::Tables;
use plan::Plan;
use spectrum::kernel::{Patch, forward as spectrum_of, inverse as tile_of};

/// Bytes that transformed filters may take at a time, and transformed tiles.
const FILTER_BYTES: usize = 8 << 20;
const TILES_BYTES: usize = 8 << 20;
/// Output channels of a task.
const OUTPUTS: usize = 4;
/// What an element of a spectrum costs at least, in multiply-adds, for the decision whether to wake other threads.
const WORK: usize = 20;

/// y = x * weight + bias, for a plan of [`Plan::forward`].
///
/// # Errors
/// [`Error::Memory`].
pub fn forward<T: Scalar>(plan: &Plan, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) -> Result<(), Error> {
    let order = |group, output, channel| (group * plan.outputs + output) * plan.channels + channel;
    Transforms::<T>::new(plan).correlate(x, weight, &order, bias, y)
}

/// The gradient with respect to x, for a plan of [`Plan::backward_x`].
///
/// # Errors
/// [`Error::Memory`].
pub fn backward_x<T: Scalar>(plan: &Plan, dy: &[T], weight: &[T], dx: &mut [T]) -> Result<(), Error> {
    let mut turned = weight.to_vec();
    turned.chunks_exact_mut(plan.kernel[0] * plan.kernel[1]).for_each(<[T]>::reverse);
    let order = |group, output, channel| (group * plan.channels + channel) * plan.outputs + output;
    Transforms::<T>::new(plan).correlate(dy, &turned, &order, None, dx)
}

/// The gradient with respect to the weight, for a plan of [`Plan::forward`].
///
/// # Errors
/// [`Error::Memory`].
pub fn backward_weight<T: Scalar>(plan: &Plan, dy: &[T], x: &[T], dweight: &mut [T]) -> Result<(), Error> {
    Transforms::<T>::new(plan).correlate_slopes(dy, x, dweight)
}

/// The number of a filter in the weight: of a group, a channel of results, and one that is summed.
type Order<'a> = dyn Fn(usize, usize, usize) -> usize + Sync + 'a;

/// A plan with its tables.
struct Transforms<'a, T> {
    plan: &'a Plan,
    tables: Tables<T>,
    /// Elements of a spectrum.
    len: usize,
}

/// Output channels whose filters are in memory at the same time: those of several groups, or some of one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    groups: Range<usize>,
    outputs: Range<usize>,
}

/// Planes of all images: so many channels in each group, of which some are meant.
#[derive(Clone)]
struct Planes<'a, T> {
    data: &'a [T],
    /// Channels of an image.
    all: usize,
    /// Channels of a group.
    each: usize,
    groups: Range<usize>,
    some: Range<usize>,
    size: [usize; 2],
}

impl<T> Planes<'_, T> {
    /// Channels that are meant.
    fn channels(&self) -> usize {
        self.groups.len() * self.some.len()
    }

    /// The plane of one of them.
    fn get(&self, image: usize, channel: usize) -> &[T] {
        let (group, channel) = (self.groups.start + channel / self.some.len(), channel % self.some.len());
        let (number, len) =
            (image * self.all + group * self.each + self.some.start + channel, self.size[0] * self.size[1]);
        &self.data[number * len..(number + 1) * len]
    }
}

/// Spectra in memory.
struct Spectra {
    block: Block,
    len: usize,
}

impl Spectra {
    fn new<T>(len: usize) -> Result<Self, Error> {
        let block = Block::new(len.saturating_mul(size_of::<T>())).map_err(|error| Error::Memory(error.to_string()))?;
        Ok(Spectra { block, len })
    }

    fn get<T: Scalar>(&self) -> &[T] {
        self.block.as_slice(self.len)
    }

    fn shared<T: Scalar>(&mut self) -> SharedMut<'_, T> {
        SharedMut::new(self.block.as_mut_slice(self.len))
    }
}

impl<'a, T: Scalar> Transforms<'a, T> {
    fn new(plan: &'a Plan) -> Self {
        Transforms { plan, tables: Tables::new(plan.size), len: spectrum::len::<T>(plan.size) }
    }

    /// All output channels, as many at a time as their filters find room for.
    fn parts(&self) -> impl Iterator<Item = Part> {
        let (groups, outputs) = (self.plan.groups, self.plan.outputs);
        let most = (FILTER_BYTES / (self.plan.channels * self.len * size_of::<T>())).max(1);
        let at_once = (most / outputs).clamp(1, groups);
        let step = if most >= outputs { outputs } else { (most / OUTPUTS * OUTPUTS).max(most.min(OUTPUTS)) };
        (0..groups).step_by(at_once).flat_map(move |group| {
            (0..outputs).step_by(step).map(move |output| Part {
                groups: group..(group + at_once).min(groups),
                outputs: output..(output + step).min(outputs),
            })
        })
    }

    /// All tiles, as many at a time as `spectra` spectra of each find room for.
    fn blocks(&self, spectra: usize) -> impl Iterator<Item = Range<usize>> + use<T> {
        let (tiles, at_once) = (self.plan.tiles(), self.tiles_at_once(spectra));
        (0..tiles).step_by(at_once).map(move |first| first..(first + at_once).min(tiles))
    }

    fn tiles_at_once(&self, spectra: usize) -> usize {
        (TILES_BYTES / (spectra * self.len * size_of::<T>())).clamp(1, self.plan.tiles())
    }

    /// The part of a plane that a tile of `extent` places covers which begins at `start`, in its coordinates.
    fn patch(start: [i64; 2], extent: [usize; 2], size: [usize; 2]) -> [Range<usize>; 2] {
        [0, 1].map(|axis| {
            let inside = |place: i64| (place - start[axis]).clamp(0, extent[axis] as i64) as usize;
            inside(0)..inside(size[axis] as i64)
        })
    }

    /// The image of a tile, and its first row and column of results.
    fn place(&self, tile: usize) -> (usize, [usize; 2]) {
        let ([rows, columns], size) = (self.plan.grid(), self.plan.tile());
        (tile / (rows * columns), [tile / columns % rows * size[0], tile % columns * size[1]])
    }

    /// Transforms the `extent` places of a plane from `start` on to spectrum `number`.
    fn transform(
        &self,
        plane: &[T],
        size: [usize; 2],
        start: [i64; 2],
        extent: [usize; 2],
        (to, number): (SharedMut<'_, T>, usize),
    ) {
        assert_eq!(plane.len(), size[0] * size[1]);
        let [rows, columns] = Self::patch(start, extent, size);
        let first = start[0] as isize * size[1] as isize + start[1] as isize;
        spectrum_of(&self.tables, plane, &Patch { start: first, next: size[1], rows, columns }, to, number);
    }

    /// Transforms all channels of some tiles, which begin so much before their results.
    fn transform_tiles(
        &self,
        planes: &Planes<'_, T>,
        before: [i64; 2],
        extent: [usize; 2],
        tiles: &Range<usize>,
        to: SharedMut<'_, T>,
    ) {
        let channels = planes.channels();
        self.run(tiles.len() * channels, tiles.len() * channels, &|task| {
            let (image, place) = self.place(tiles.start + task / channels);
            let start = [0, 1].map(|axis| place[axis] as i64 - before[axis]);
            self.transform(planes.get(image, task % channels), planes.size, start, extent, (to, task));
        });
    }

    /// Writes the tile of spectrum `number`, without the factors that transforms leave.
    fn write(
        &self,
        (spectra, number): (SharedMut<'_, T>, usize),
        bias: T,
        (start, next): (usize, usize),
        [rows, columns]: [Range<usize>; 2],
        to: SharedMut<'_, T>,
    ) {
        let scale = T::from_f64(1.0 / (4 * self.plan.size[0] * self.plan.size[1]) as f64);
        let patch = Patch { start: start as isize, next, rows, columns };
        tile_of(&self.tables, spectra, number, [scale, bias], &patch, to);
    }

    /// Runs the tasks, or here if so many spectra are little work: filters and their products on the same thread, as far as
    /// possible, since what another core has written is slow to read.
    fn run(&self, spectra: usize, tasks: usize, body: &(dyn Fn(usize) + Sync)) {
        if spectra * self.len * WORK < SMALL { (0..tasks).for_each(body) } else { parallel_ranges(tasks, body) }
    }
}
