//! `mse_loss`: the squared error.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::Call;
use super::array::{Dense, Dtype, Input, Numeric};
use super::cache::{Cache, open};
use super::loss::{Slope, reduction};
use crate::geometry::{Error, tuple};
use crate::pointwise::{Reduction, mean_squared_error as kernels};
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(mse_loss, module)?)?;
    module.add_function(wrap_pyfunction!(mse_loss_forward, module)?)?;
    module.add_function(wrap_pyfunction!(mse_loss_backward, module)?)
}

/// What the backward call needs.
struct Saved<T> {
    x: Dense<T>,
    target: Dense<T>,
    reduction: Reduction,
}

struct Arguments<'py> {
    x: Input<'py>,
    target: Input<'py>,
    reduction: Reduction,
}

impl<'py> Arguments<'py> {
    fn new(
        call: Call<'py>,
        x: &Bound<'py, PyAny>,
        target: &Bound<'py, PyAny>,
        how: &Bound<'py, PyAny>,
    ) -> PyResult<Self> {
        let (x, target) = (call.array("x", x)?, call.array("target", target)?);
        if x.shape() != target.shape() {
            let message =
                format!("target must have the shape of x, {}, got {}", tuple(x.shape()), tuple(target.shape()));
            return Err(call.fail(Error::value(message)));
        }
        Ok(Arguments { x, target, reduction: reduction(call, how)? })
    }

    fn dtype(&self, call: Call<'py>) -> PyResult<Dtype> {
        call.float_dtype([&self.x, &self.target])
    }
}

fn forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: &Arguments<'py>,
) -> PyResult<(Bound<'py, PyAny>, Saved<T>)> {
    let (x, target) = (call.dense::<T>(&arguments.x)?, call.dense::<T>(&arguments.target)?);
    let reduction = arguments.reduction;
    let mut value = call.output::<T>(if reduction == Reduction::None { x.shape() } else { &[] })?;
    let values = value.as_mut_slice();
    call.run(x.as_slice().len(), || {
        let (x, target) = (x.as_slice(), target.as_slice());
        match reduction {
            Reduction::Mean => values[0] = T::from_f64(kernels::sum(x, target) / x.len() as f64),
            Reduction::Sum => values[0] = T::from_f64(kernels::sum(x, target)),
            Reduction::None => kernels::forward_each(x, target, values),
        }
    });
    Ok((value.into_array(), Saved { x, target, reduction }))
}

#[pyfunction]
#[pyo3(signature = (x, target, reduction, /))]
fn mse_loss<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    target: &Bound<'py, PyAny>,
    reduction: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, "mse_loss");
    let arguments = Arguments::new(call, x, target, reduction)?;
    Ok(match arguments.dtype(call)? {
        Dtype::F32 => forward::<f32>(call, &arguments)?.0,
        Dtype::F64 => forward::<f64>(call, &arguments)?.0,
    })
}

#[pyfunction]
#[pyo3(signature = (x, target, reduction, /))]
fn mse_loss_forward<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    target: &Bound<'py, PyAny>,
    reduction: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        arguments: &Arguments<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
        let (value, saved) = forward::<T>(call, arguments)?;
        let nbytes = saved.x.nbytes() + saved.target.nbytes();
        Ok((value, Cache::create::<T, _>(call, "mse_loss", nbytes, saved)?))
    }
    let call = Call::new(py, "mse_loss_forward");
    let arguments = Arguments::new(call, x, target, reduction)?;
    match arguments.dtype(call)? {
        Dtype::F32 => typed::<f32>(call, &arguments),
        Dtype::F64 => typed::<f64>(call, &arguments),
    }
}

#[pyfunction]
#[pyo3(signature = (dy, cache, needs, /))]
fn mse_loss_backward<'py>(
    py: Python<'py>,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let call = Call::new(py, "mse_loss_backward");
    match Cache::dtype(call, cache, "mse_loss")? {
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
    let (saved, (dy, [needed])) = open(call, cache, "mse_loss", |saved: &Saved<T>| {
        let shape = if saved.reduction == Reduction::None { saved.x.shape() } else { &[] };
        Ok((Slope::<T>::new(call, dy, shape)?, call.needs(needs, ["x"])?))
    })?;
    if !needed {
        return PyTuple::new(call.py, [call.py.None()]);
    }
    let mut dx = call.output::<T>(saved.x.shape())?;
    let target = dx.as_mut_slice();
    call.run(target.len(), || {
        kernels::backward(dy.as_slice(), saved.x.as_slice(), saved.target.as_slice(), saved.reduction, target);
    });
    PyTuple::new(call.py, [dx.into_array()])
}
