//! Max and average pooling over one to three spatial axes, and their gradients.
//!
//! All arrays are contiguous: x (N, C, ...), y (N, C, ...); a plane is one channel of one image, and planes are
//! independent. [`reference`](mod@reference) states what is computed. Small windows without padding come straight from the
//! input ([`direct`]), big ones have their maximum by [`doubling`]. For all others, bands of a plane are copied into scratch, padded and with the columns sorted by their
//! phase ([`crate::strip`]).

pub mod adaptive;
pub mod average;
mod direct;
mod doubling;
mod kernel;
pub mod max;
pub mod reference;
#[cfg(test)]
mod tests;

use crate::geometry::pool::PoolGeometry;
use crate::threads::parallel_ranges;

/// Elements of a task, so that its overhead does not count.
const TASK: usize = 1 << 14;
/// Elements below which a call stays on its own thread.
const SMALL: usize = 1 << 17;

/// Calls `body` with each of the `units`, several to a task; a unit reads or writes some `elements`.
fn for_units(units: usize, elements: usize, body: &(dyn Fn(usize) + Sync)) {
    let elements = elements.max(1);
    if units.saturating_mul(elements) < SMALL {
        (0..units).for_each(body);
        return;
    }
    let per_task = (TASK / elements).max(1);
    parallel_ranges(units.div_ceil(per_task), &|task| {
        for unit in task * per_task..units.min((task + 1) * per_task) {
            body(unit);
        }
    });
}

/// What a unit of the backward call costs, in elements.
fn plane_cost(g: &PoolGeometry) -> usize {
    g.input_plane() + g.output_plane()
}
