//! Maxima over big windows, by doubling: the best of 2, 4, 8 ... neighbours along a row comes from two bests of half as many,
//! and that of any number from two that overlap; then the same down the columns. A window of k x k costs about
//! 2 log2(k) comparisons instead of k^2, wherever its maximum lies.
//!
//! Van Herk's algorithm needs six comparisons for any k, but its running maxima are of one element at a time; these are of
//! whole vectors.

pub mod kernel;

use crate::geometry::pool::PoolGeometry;
use crate::geometry::window::Window;

/// Elements of a band in scratch, about, so that it stays in the first-level cache with the numbers of the taps.
const BAND: usize = 1 << 12;
/// The most elements of scratch.
const MOST_SCRATCH: usize = 1 << 20;
/// The cost of an element in one doubling, which also stores it, over that of a tap.
const STORE: usize = 2;

/// The shape of a call.
#[derive(Clone, Debug)]
pub struct Plan {
    pub planes: usize,
    pub rows: Window,
    pub columns: Window,
    /// Elements from one row in scratch to the next.
    pub pitch: usize,
    /// Rows of outputs in a band, and bands of a plane.
    pub band: usize,
    pub bands: usize,
}

impl Plan {
    /// None if taking the taps one by one is about as fast.
    pub fn new(g: &PoolGeometry) -> Option<Self> {
        let [depth, rows, columns] = g.windows;
        let flat = depth.kernel == 1 && depth.before == 0 && depth.output == depth.input;
        let reach = |w: &Window| (w.output - 1) * w.step() + w.extent();
        let steps = |w: &Window| w.kernel.next_power_of_two().ilog2() as usize;
        let doublings = (steps(&columns) * reach(&rows) + steps(&rows) * rows.output * rows.step()) * reach(&columns);
        if !flat || g.taps() == 1 || STORE * doublings >= g.taps() * rows.output * columns.output {
            return None;
        }
        let pitch = reach(&columns).next_multiple_of(16);
        let most = (BAND / pitch).max(2 * rows.extent()) - rows.extent();
        let band = (most / rows.step() + 1).min(rows.output);
        // Bands of about equal height.
        let band = rows.output.div_ceil(rows.output.div_ceil(band));
        let bands = rows.output.div_ceil(band);
        let plan = Plan { planes: g.planes() * depth.input, rows, columns, pitch, band, bands };
        (plan.scratch() <= MOST_SCRATCH).then_some(plan)
    }

    /// Input rows, padded, that some rows of outputs see.
    fn reach(&self, outputs: usize) -> usize {
        (outputs - 1) * self.rows.step() + self.rows.extent()
    }

    /// Elements of scratch, with room for what whole vectors touch behind the last row.
    fn scratch(&self) -> usize {
        self.reach(self.band) * self.pitch + self.columns.extent() + 32
    }
}

/// The distances, in taps, of the pairs whose better one is taken, one after the other, until `kernel` taps are covered.
fn pairs(kernel: usize) -> impl Iterator<Item = usize> {
    let mut covered = 1;
    std::iter::from_fn(move || {
        let distance = covered.min(kernel - covered);
        covered += distance;
        (distance > 0).then_some(distance)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn pairs_cover_the_kernel() {
        assert_eq!(super::pairs(13).collect::<Vec<_>>(), [1, 2, 4, 5]);
        assert_eq!(super::pairs(8).collect::<Vec<_>>(), [1, 2, 4]);
        assert_eq!(super::pairs(1).count(), 0);
    }
}
