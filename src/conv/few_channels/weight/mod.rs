//! The gradient with respect to the weight where channels are few, with places in the lanes.
//!
//! A register tile is some output channels times some taps along the last axis: the inputs of neighbouring taps are loads that
//! overlap, so nothing is gathered or transposed, and each load serves several multiply-adds.

mod kernel;

use super::super::run_tasks;
use crate::geometry::Error;
use crate::geometry::conv::ConvGeometry;
use crate::memory::Block;
use crate::scalar::Scalar;
use crate::threads::SharedMut;
use kernel::Operands;

/// Channels up to which gathering costs more than it saves.
const MOST_CHANNELS: usize = 4;
/// Least output channels: those of a register tile.
pub const LEAST_OUTPUTS: usize = 4;
/// Tasks that are enough to keep the threads busy, and the most parts of a sum over images.
const PARTS: usize = 16;

/// Whether this is a convolution for these kernels.
pub fn applies(g: &ConvGeometry) -> bool {
    let last = &g.windows[2];
    // Lanes behind a row's end are wasted.
    let full = 10 * last.output >= 7 * last.output.next_multiple_of(16);
    let few = g.groups == 1 && g.channels <= MOST_CHANNELS && g.outputs >= LEAST_OUTPUTS;
    few && full && last.stride == 1 && last.kernel > 1 && g.x_len() > 0 && g.y_len() > 0
}

/// The gradient with respect to the weight.
///
/// # Errors
/// [`Error::Memory`].
pub fn backward_weight<T: Scalar>(g: &ConvGeometry, dy: &[T], x: &[T], dweight: &mut [T]) -> Result<(), Error> {
    let padded = g.windows.map(|w| w.before + w.input + w.after);
    let mut block;
    let x = if padded == g.input() {
        x
    } else {
        let len = g.batch * g.channels * padded.iter().product::<usize>();
        block = allocate::<T>(len)?;
        let to = block.as_mut_slice::<T>(len);
        pad(g, padded, x, to);
        &*to
    };
    let operands = Operands { g, padded, dy, x };
    let [depth, height, _] = g.kernel();
    let parts = PARTS.div_ceil(g.channels * depth * height).min(g.batch);
    if parts == 1 {
        sum_parts(&operands, parts, SharedMut::new(dweight));
        return Ok(());
    }
    let mut block = allocate::<T>(parts * dweight.len())?;
    let sums = block.as_mut_slice::<T>(parts * dweight.len());
    sum_parts(&operands, parts, SharedMut::new(sums));
    for (i, total) in dweight.iter_mut().enumerate() {
        *total = sums[i];
        for part in sums.chunks_exact(g.weight_len()).skip(1) {
            *total += part[i];
        }
    }
    Ok(())
}

/// The gradients of some images for each part, one weight behind the other.
fn sum_parts<T: Scalar>(operands: &Operands<T>, parts: usize, to: SharedMut<T>) {
    let g = operands.g;
    let units = g.weight_len() / (g.outputs * g.windows[2].kernel);
    run_tasks(g.work(), parts * units, &|task| {
        let (part, unit) = (task / units, task % units);
        let images = part * g.batch / parts..(part + 1) * g.batch / parts;
        kernel::sum_images(operands, images, unit, to, part * g.weight_len());
    });
}

fn allocate<T>(len: usize) -> Result<Block, Error> {
    Block::new(len * size_of::<T>()).map_err(|error| Error::Memory(error.to_string()))
}

/// The input between zeros, as wide as the paddings.
fn pad<T: Scalar>(g: &ConvGeometry, padded: [usize; 3], x: &[T], to: &mut [T]) {
    let (len, before) = (g.input_plane(), g.windows.map(|w| w.before));
    let to = SharedMut::new(to);
    run_tasks(g.work(), g.batch * g.channels, &|plane| {
        kernel::pad_plane(&x[plane * len..][..len], g.input(), before, padded, to, plane);
    });
}
