//! `dropout`: elements set to zero at random.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::{Call, shown};
use super::array::{Dtype, Input, Numeric};
use super::cache::{Cache, open};
use crate::geometry::Error;
use crate::pointwise::dropout::Mask;
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(dropout, module)?)?;
    module.add_function(wrap_pyfunction!(dropout_forward, module)?)?;
    module.add_function(wrap_pyfunction!(dropout_backward, module)?)
}

/// What the backward call needs.
struct Saved {
    shape: Vec<usize>,
    mask: Mask,
}

/// The mask; outside training one that keeps everything.
fn mask<'py>(
    call: Call<'py>,
    p: &Bound<'py, PyAny>,
    training: &Bound<'py, PyAny>,
    key: &Bound<'py, PyAny>,
) -> PyResult<Mask> {
    let p = call.float("p", p)?;
    if !(0.0..=1.0).contains(&p) {
        return Err(call.fail(Error::value(format!("p must be from 0 to 1, got {p}"))));
    }
    if !call.boolean("training", training)? {
        return Ok(Mask::new(0, 0.0));
    }
    let key = key.extract::<u64>().map_err(|_| {
        call.fail(Error::value(format!("key must be an int from 0 up to 2**64 (exclusive), got {}", shown(key))))
    })?;
    Ok(Mask::new(key, p))
}

fn run<'py, T: Scalar + Numeric>(call: Call<'py>, x: &Input<'py>, mask: Mask) -> PyResult<Bound<'py, PyAny>> {
    let x = call.dense::<T>(x)?;
    let mut y = call.output::<T>(x.shape())?;
    let target = y.as_mut_slice();
    call.run(2 * target.len(), || mask.apply(x.as_slice(), target));
    Ok(y.into_array())
}

#[pyfunction]
#[pyo3(signature = (x, p, training, key, /))]
fn dropout<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    p: &Bound<'py, PyAny>,
    training: &Bound<'py, PyAny>,
    key: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, "dropout");
    let x = call.array("x", x)?;
    let mask = mask(call, p, training, key)?;
    match call.float_dtype([&x])? {
        Dtype::F32 => run::<f32>(call, &x, mask),
        Dtype::F64 => run::<f64>(call, &x, mask),
    }
}

#[pyfunction]
#[pyo3(signature = (x, p, training, key, /))]
fn dropout_forward<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    p: &Bound<'py, PyAny>,
    training: &Bound<'py, PyAny>,
    key: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
    let call = Call::new(py, "dropout_forward");
    let x = call.array("x", x)?;
    let mask = mask(call, p, training, key)?;
    let saved = Saved { shape: x.shape().to_vec(), mask };
    Ok(match call.float_dtype([&x])? {
        Dtype::F32 => (run::<f32>(call, &x, mask)?, Cache::create::<f32, _>(call, "dropout", 0, saved)?),
        Dtype::F64 => (run::<f64>(call, &x, mask)?, Cache::create::<f64, _>(call, "dropout", 0, saved)?),
    })
}

#[pyfunction]
#[pyo3(signature = (dy, cache, needs, /))]
fn dropout_backward<'py>(
    py: Python<'py>,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let call = Call::new(py, "dropout_backward");
    match Cache::dtype(call, cache, "dropout")? {
        Dtype::F32 => backward::<f32>(call, dy, cache, needs),
        Dtype::F64 => backward::<f64>(call, dy, cache, needs),
    }
}

fn backward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let (saved, (dy, [needed])) = open(call, cache, "dropout", |saved: &Saved| {
        Ok((call.slope_input::<T>("dy", dy, &saved.shape)?, call.needs(needs, ["x"])?))
    })?;
    if !needed {
        return PyTuple::new(call.py, [call.py.None()]);
    }
    PyTuple::new(call.py, [run::<T>(call, &dy, saved.mask)?])
}
