//! What is done to images with the channels in the lanes, besides convolution: every step is one of whole vectors.

pub mod kernel;

use kernel::{Pooling, Row};

use crate::geometry::adaptive::AdaptiveGeometry;
use crate::geometry::layout::{Images, Layout};
use crate::geometry::pool::PoolGeometry;
use crate::pool::average::Divisor;
use crate::scalar::Scalar;
use crate::simd::lanes;
use crate::strip::inside;
use crate::threads::{SharedMut, parallel_for};

/// Elements below which a step stays on its own thread, and those of a task.
const SMALL: usize = 1 << 16;

fn for_each(elements: usize, tasks: usize, body: &(dyn Fn(usize) + Sync)) {
    if elements < SMALL { (0..tasks).for_each(body) } else { parallel_for(tasks, body) }
}

/// From planes to lanes.
pub fn pack<T: Scalar>(images: Images, x: &[T], y: &mut [T]) {
    let y = SharedMut::new(y);
    for_each(x.len(), images.batch * images.blocks::<T>(), &|block| kernel::pack(images, x, block, y));
}

/// From lanes to planes.
pub fn unpack<T: Scalar>(images: Images, x: &[T], y: &mut [T]) {
    let len = y.len();
    let y = SharedMut::new(y);
    for_each(len, images.batch * images.blocks::<T>(), &|block| kernel::unpack(images, x, block, y));
}

/// The largest value of every window, or its mean; NaN wins.
pub fn pool<T: Scalar>(g: &PoolGeometry, mean: Option<Divisor>, x: &[T], y: &mut [T]) {
    let ([_, height, width], [_, y_height, y_width]) = (g.input(), g.output());
    let [from, to] = [[height, width], [y_height, y_width]].map(|[h, w]| Images::new([g.batch, g.channels, h, w]));
    let [_, down, across] = g.windows;
    let places = |axis: usize, o: usize| mean.map_or(1, |divisor| divisor.places(g, axis, o));
    let columns: Vec<_> = (0..y_width)
        .map(|o| {
            let taps = inside(&across, o);
            let first = (o * across.step() + taps.start * across.dilation).saturating_sub(across.before);
            (first, taps.len(), T::from_f64(places(2, o) as f64))
        })
        .collect();
    let pooling =
        Pooling { from, to, columns: &columns, steps: [down.dilation, across.dilation], mean: mean.is_some() };
    run(&pooling, x, y, &|o| {
        let taps = inside(&down, o);
        let first = (o * down.step() + taps.start * down.dilation).saturating_sub(down.before);
        (first, taps.len(), T::from_f64(places(1, o) as f64))
    });
}

/// The means of adaptive windows.
pub fn adaptive_mean<T: Scalar>(g: &AdaptiveGeometry, x: &[T], y: &mut [T]) {
    let [from, to] = [g.input, g.output].map(|[_, h, w]| Images::new([g.batch, g.channels, h, w]));
    let span = |axis: usize, o: usize| {
        let window = g.window(axis, o);
        (window.start, window.len(), T::from_f64(window.len() as f64))
    };
    let columns: Vec<_> = (0..to.width).map(|o| span(2, o)).collect();
    let pooling = Pooling { from, to, columns: &columns, steps: [1; 2], mean: true };
    run(&pooling, x, y, &|o| span(1, o));
}

fn run<T: Scalar>(pooling: &Pooling<T>, x: &[T], y: &mut [T], row: &(dyn Fn(usize) -> (usize, usize, T) + Sync)) {
    let (to, y) = (pooling.to, SharedMut::new(y));
    let blocks = to.batch * to.blocks::<T>();
    // A task is some rows of a block.
    let bands = (blocks * to.plane() * lanes::<T>() / SMALL).div_ceil(blocks.max(1)).clamp(1, to.height.max(1));
    let step = to.height.div_ceil(bands);
    for_each(x.len().max(to.len::<T>(Layout::Lanes)), blocks * bands, &|task| {
        let (block, band) = (task / bands, task % bands);
        for o in band * step..to.height.min((band + 1) * step) {
            let (first, taps, divisor) = row(o);
            kernel::pool(pooling, &Row { block, o, first, taps, divisor }, x, y);
        }
    });
}

/// `y = scale * x + shift` by channel, in whole vectors, then a rectifier if wanted.
pub fn affine<T: Scalar>(images: Images, x: &[T], scale: &[T], shift: &[T], relu: bool, y: &mut [T]) {
    let y = SharedMut::new(y);
    for_each(x.len(), images.batch * images.blocks::<T>(), &|block| {
        kernel::affine(images, x, (scale, shift), relu, block, y);
    });
}

/// `x + add`, element by element, then a rectifier if wanted.
pub fn add<T: Scalar>(x: &[T], add: &[T], relu: bool, y: &mut [T]) {
    let (len, y) = (x.len(), SharedMut::new(y));
    for_each(len, len.div_ceil(SMALL), &|task| kernel::add(x, add, relu, task * SMALL..len.min((task + 1) * SMALL), y));
}
