//! Categories: the largest, their places in a table, and the rows of the table added up.

#![allow(unsafe_code)]

use crate::naive_bayes::LANES;
use crate::naive_bayes::rows::Block;
use crate::simd::{Kernel, Simd, run};

/// Raises `maxima` to the largest value of each column; NaN is left out.
///
/// # Panics
/// If the maxima are not whole vectors that hold a row.
pub fn raise(block: Block, maxima: &mut [f64]) {
    assert!(maxima.len() >= block.width && maxima.len().is_multiple_of(LANES), "maxima that hold whole vectors");
    // SAFETY: just checked.
    unsafe { run(Raise { block, maxima }) }
}

struct Raise<'a> {
    block: Block<'a>,
    maxima: &'a mut [f64],
}

impl Kernel<f64> for Raise<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) {
        for i in 0..self.block.rows {
            let mut j = 0;
            while j < self.block.width {
                // SAFETY: whole vectors of maxima; what is behind the row's end is raised to 0 at most.
                unsafe {
                    let x =
                        S::load_up_to(self.block.values.as_ptr().add(i * self.block.stride + j), self.block.width - j);
                    let to = self.maxima.as_mut_ptr().add(j);
                    S::store(to, S::max(x, S::load(to)));
                }
                j += S::LANES;
            }
        }
    }
}

/// Where the categories of some columns lie in a table, as float64.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    pub starts: &'a [f64],
    pub sizes: &'a [f64],
    /// The place of a missing value.
    pub missing: u32,
}

/// Writes the place of every value of a block, row by row; whether each of them is missing or a whole category.
///
/// # Panics
/// If the lengths do not fit.
pub fn find(block: Block, directory: Directory, places: &mut [u32]) -> bool {
    let Directory { starts, sizes, .. } = directory;
    assert!(
        starts.len() >= block.width && sizes.len() >= block.width && places.len() == block.rows * block.width,
        "a place for every value"
    );
    // SAFETY: there are no pointers.
    unsafe { run(Find { block, directory, places }) }
}

struct Find<'a> {
    block: Block<'a>,
    directory: Directory<'a>,
    places: &'a mut [u32],
}

impl Kernel<f64> for Find<'_> {
    type Output = bool;

    // Plain loops, which the compiler vectorises with the entry's instruction set.
    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(self) -> bool {
        /// Added to a whole number below 2^32, it leaves that number in the low half of the sum's bits.
        const SHIFT: f64 = (1u64 << 52) as f64;
        let mut known = true;
        for i in 0..self.block.rows {
            let row = self.block.row(i);
            let width = row.len();
            let places = &mut self.places[i * width..][..width];
            let (starts, sizes) = (&self.directory.starts[..width], &self.directory.sizes[..width]);
            for j in 0..width {
                let (x, missing) = (row[j], row[j].is_nan());
                let place = starts[j] + x;
                let shifted = place + SHIFT;
                known &= missing | ((x >= 0.0) & (x < sizes[j]) & (shifted - SHIFT == place));
                places[j] = if missing { self.directory.missing } else { shifted.to_bits() as u32 };
            }
        }
        known
    }
}

/// Adds to `out`, (rows, classes), the rows of `table` at the places of each row. Rows of the table are `classes` long, and
/// behind the last one that is named there are [`LANES`] numbers more.
///
/// # Panics
/// If a place is not in the table.
pub fn gather(table: &[f64], places: &[u32], classes: usize, out: &mut [f64]) {
    let highest = places.iter().copied().max().unwrap_or(0) as usize;
    assert!((highest + 1) * classes + LANES <= table.len() && out.len().is_multiple_of(classes), "rows of the table");
    let width = places.len() / (out.len() / classes).max(1);
    // SAFETY: just checked.
    unsafe { run(Gather { table: table.as_ptr(), places, classes, width, out }) }
}

struct Gather<'a> {
    table: *const f64,
    places: &'a [u32],
    classes: usize,
    width: usize,
    out: &'a mut [f64],
}

impl Gather<'_> {
    /// Adds up `VECTORS` vectors of a row, the first of which begins at `first`.
    #[inline(always)]
    unsafe fn tile<S: Simd<T = f64>, const VECTORS: usize>(&mut self, row: usize, first: usize) {
        /// Sums that do not wait for one another.
        const CHAINS: usize = 2;
        let Gather { table, classes, width, .. } = *self;
        // SAFETY: the last vector reaches at most LANES numbers behind its row; of it only what is a class's is kept.
        unsafe {
            let places = self.places.as_ptr().add(row * width);
            let mut sums = [[S::zero(); VECTORS]; CHAINS];
            let mut at = 0;
            while at + CHAINS <= width {
                for chain in 0..CHAINS {
                    let from = table.add(*places.add(at + chain) as usize * classes + first);
                    for v in 0..VECTORS {
                        sums[chain][v] = S::add(sums[chain][v], S::load(from.add(v * S::LANES)));
                    }
                }
                at += CHAINS;
            }
            if at < width {
                let from = table.add(*places.add(at) as usize * classes + first);
                for v in 0..VECTORS {
                    sums[0][v] = S::add(sums[0][v], S::load(from.add(v * S::LANES)));
                }
            }
            let out = self.out.as_mut_ptr().add(row * classes);
            for v in 0..VECTORS {
                let start = first + v * S::LANES;
                let (to, n) = (out.add(start), classes - start);
                S::store_up_to(to, n, S::add(S::load_up_to(to, n), S::add(sums[0][v], sums[1][v])));
            }
        }
    }
}

impl Kernel<f64> for Gather<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = f64>>(mut self) {
        let vectors = self.classes.div_ceil(S::LANES);
        for row in 0..self.out.len() / self.classes {
            let mut done = 0;
            while done < vectors {
                let first = done * S::LANES;
                // SAFETY: the tiles together have as many vectors as a row.
                unsafe {
                    match vectors - done {
                        1 => self.tile::<S, 1>(row, first),
                        2 => self.tile::<S, 2>(row, first),
                        3 => self.tile::<S, 3>(row, first),
                        _ => self.tile::<S, 4>(row, first),
                    }
                }
                done += 4.min(vectors - done);
            }
        }
    }
}
