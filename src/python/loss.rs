//! What the losses share: reductions, and the gradients that come in.

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use super::arguments::Call;
use super::array::{Dense, Numeric};
use crate::pointwise::Reduction;
use crate::scalar::Scalar;

pub fn reduction<'py>(call: Call<'py>, argument: &Bound<'py, PyAny>) -> PyResult<Reduction> {
    const ALL: [Reduction; 3] = [Reduction::Mean, Reduction::Sum, Reduction::None];
    Ok(ALL[call.choice("reduction", argument, &["mean", "sum", "none"])?])
}

/// The gradient of a loss: one number, or one for each place.
pub enum Slope<T> {
    One(T),
    Array(Dense<T>),
}

impl<T: Numeric + Scalar> Slope<T> {
    /// `expected` is the shape of the loss. Python's own numbers have no dtype, so they fit any single loss.
    pub fn new<'py>(call: Call<'py>, dy: &Bound<'py, PyAny>, expected: &[usize]) -> PyResult<Self> {
        let number = dy.is_exact_instance_of::<PyFloat>() || dy.is_exact_instance_of::<PyInt>();
        if expected.is_empty() && number {
            return Ok(Slope::One(T::from_f64(call.float("dy", dy)?)));
        }
        Ok(Slope::Array(call.slope("dy", dy, expected)?))
    }

    pub fn as_slice(&self) -> &[T] {
        match self {
            Slope::One(one) => std::slice::from_ref(one),
            Slope::Array(array) => array.as_slice(),
        }
    }
}
