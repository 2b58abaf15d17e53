//! Between real tiles and their spectra.
//!
//! A spectrum holds what a real tile's transform does not repeat: for half of the vertical frequencies, in the lanes, all
//! horizontal ones. A vector of real parts is followed by one of imaginary parts. The columns of vertical frequency 0 and of the
//! highest one are real before the second transform, so they share a lane there; afterwards each is left with half of its
//! frequencies, and those that are real follow in a pair of vectors of their own. So a product of spectra is a complex product
//! of all their elements.

pub mod kernel;

use crate::scalar::Scalar;
use crate::simd::lanes;

/// Elements of a spectrum.
pub fn len<T: Scalar>([rows, columns]: [usize; 2]) -> usize {
    rows * columns + 2 * lanes::<T>()
}
