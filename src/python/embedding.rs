//! `embedding`: rows of a table, by number.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::Call;
use super::array::{Dense, Dtype, Input, Numeric};
use super::cache::{Cache, open};
use crate::geometry::{Error, tuple};
use crate::pointwise::embedding as kernels;
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(embedding, module)?)?;
    module.add_function(wrap_pyfunction!(embedding_forward, module)?)?;
    module.add_function(wrap_pyfunction!(embedding_backward, module)?)
}

/// What the backward call needs.
struct Saved {
    ids: Dense<i64>,
    rows: usize,
    width: usize,
    padding: Option<usize>,
}

impl Saved {
    fn output_shape(&self) -> Vec<usize> {
        [self.ids.shape(), &[self.width]].concat()
    }
}

/// Checks the arguments; the table comes with them.
fn arguments<'py>(
    call: Call<'py>,
    ids: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    padding_idx: &Bound<'py, PyAny>,
) -> PyResult<(Saved, Input<'py>)> {
    let ids = call.integers("ids", ids)?;
    let weight = call.array("weight", weight)?;
    let &[rows, width] = weight.shape() else {
        let message = format!("weight must have shape (rows, width), got {}", tuple(weight.shape()));
        return Err(call.fail(Error::value(message)));
    };
    let known = 0..rows as i64;
    if let Some(wrong) = ids.as_slice().iter().find(|id| !known.contains(id)) {
        let message = format!("ids must number the rows of weight, from 0 up to {rows} (exclusive), got {wrong}");
        return Err(call.fail(Error::value(message)));
    }
    let padding = if padding_idx.is_none() { None } else { Some(row(call, padding_idx, rows)?) };
    Ok((Saved { ids, rows, width, padding }, weight))
}

/// A row number, which may count from the end.
fn row<'py>(call: Call<'py>, padding_idx: &Bound<'py, PyAny>, rows: usize) -> PyResult<usize> {
    let value = call.integer("padding_idx", padding_idx)?;
    let rows = rows as i64;
    if !(-rows..rows).contains(&value) {
        let message = format!("padding_idx must number one of the {rows} rows of weight, got {value}");
        return Err(call.fail(Error::value(message)));
    }
    Ok(value.rem_euclid(rows) as usize)
}

fn forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    saved: &Saved,
    weight: &Input<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let weight = call.dense::<T>(weight)?;
    let mut y = call.output::<T>(&saved.output_shape())?;
    let target = y.as_mut_slice();
    call.run(target.len(), || kernels::forward(saved.ids.as_slice(), weight.as_slice(), saved.width, target));
    Ok(y.into_array())
}

#[pyfunction]
#[pyo3(signature = (ids, weight, padding_idx, /))]
fn embedding<'py>(
    py: Python<'py>,
    ids: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    padding_idx: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, "embedding");
    let (saved, weight) = arguments(call, ids, weight, padding_idx)?;
    match call.float_dtype([&weight])? {
        Dtype::F32 => forward::<f32>(call, &saved, &weight),
        Dtype::F64 => forward::<f64>(call, &saved, &weight),
    }
}

#[pyfunction]
#[pyo3(signature = (ids, weight, padding_idx, /))]
fn embedding_forward<'py>(
    py: Python<'py>,
    ids: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    padding_idx: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
    let call = Call::new(py, "embedding_forward");
    let (saved, weight) = arguments(call, ids, weight, padding_idx)?;
    let nbytes = saved.ids.nbytes();
    Ok(match call.float_dtype([&weight])? {
        Dtype::F32 => {
            let y = forward::<f32>(call, &saved, &weight)?;
            (y, Cache::create::<f32, _>(call, "embedding", nbytes, saved)?)
        }
        Dtype::F64 => {
            let y = forward::<f64>(call, &saved, &weight)?;
            (y, Cache::create::<f64, _>(call, "embedding", nbytes, saved)?)
        }
    })
}

#[pyfunction]
#[pyo3(signature = (dy, cache, needs, /))]
fn embedding_backward<'py>(
    py: Python<'py>,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let call = Call::new(py, "embedding_backward");
    match Cache::dtype(call, cache, "embedding")? {
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
    let (saved, (dy, [needed])) = open(call, cache, "embedding", |saved: &Saved| {
        Ok((call.slope::<T>("dy", dy, &saved.output_shape())?, call.needs(needs, ["weight"])?))
    })?;
    if !needed {
        return PyTuple::new(call.py, [call.py.None()]);
    }
    let mut dweight = call.output::<T>(&[saved.rows, saved.width])?;
    let target = dweight.as_mut_slice();
    call.run(dy.as_slice().len() + target.len(), || {
        kernels::backward(dy.as_slice(), saved.ids.as_slice(), saved.width, saved.padding, target);
    });
    PyTuple::new(call.py, [dweight.into_array()])
}
