//! `linear`: `y = x weight^T + bias` over the last axis.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::Call;
use super::array::{Dense, Dtype, Input, Numeric};
use super::cache::{Cache, open};
use crate::geometry::{Error, tuple};
use crate::linear as kernels;
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(linear, module)?)?;
    module.add_function(wrap_pyfunction!(linear_forward, module)?)?;
    module.add_function(wrap_pyfunction!(linear_backward, module)?)
}

/// What the backward call needs.
struct Saved<T> {
    x: Dense<T>,
    weight: Dense<T>,
    has_bias: bool,
}

struct Arguments<'py> {
    x: Input<'py>,
    weight: Input<'py>,
    bias: Option<Input<'py>>,
}

impl<'py> Arguments<'py> {
    fn new(
        call: Call<'py>,
        x: &Bound<'py, PyAny>,
        weight: &Bound<'py, PyAny>,
        bias: &Bound<'py, PyAny>,
    ) -> PyResult<Self> {
        let arguments = Arguments {
            x: call.array("x", x)?,
            weight: call.array("weight", weight)?,
            bias: call.optional_array("bias", bias)?,
        };
        call.check(arguments.check_shapes())?;
        Ok(arguments)
    }

    fn dtype(&self, call: Call<'py>) -> PyResult<Dtype> {
        call.float_dtype([&self.x, &self.weight].into_iter().chain(&self.bias))
    }

    fn check_shapes(&self) -> Result<(), Error> {
        let (x, weight) = (self.x.shape(), self.weight.shape());
        let &[outputs, inputs] = weight else {
            return Err(Error::value(format!("weight must have shape (outputs, inputs), got {}", tuple(weight))));
        };
        match x.last() {
            Some(&last) if last == inputs => {}
            Some(&last) => {
                let weight = tuple(weight);
                return Err(Error::value(format!(
                    "weight has shape {weight}, so x must have {inputs} features (last axis), got {last}"
                )));
            }
            None => return Err(Error::value("x must have at least one axis, got shape ()")),
        }
        match &self.bias {
            Some(bias) if bias.shape() != [outputs] => {
                Err(Error::value(format!("bias must have shape ({outputs},), got {}", tuple(bias.shape()))))
            }
            _ => Ok(()),
        }
    }
}

fn forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: &Arguments<'py>,
) -> PyResult<(Bound<'py, PyAny>, Saved<T>)> {
    let (x, weight) = (call.dense::<T>(&arguments.x)?, call.dense::<T>(&arguments.weight)?);
    let bias = call.optional_dense::<T>(arguments.bias.as_ref())?;
    let outputs = weight.shape()[0];
    let mut shape = x.shape().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    let mut y = call.output::<T>(&shape)?;
    let target = y.as_mut_slice();
    let bias_slice = bias.as_ref().map(Dense::as_slice);
    call.run(x.as_slice().len() * outputs, || {
        kernels::forward(x.as_slice(), weight.as_slice(), bias_slice, outputs, target);
    });
    Ok((y.into_array(), Saved { x, weight, has_bias: bias.is_some() }))
}

#[pyfunction]
#[pyo3(signature = (x, weight, bias, /))]
fn linear<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    bias: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, "linear");
    let arguments = Arguments::new(call, x, weight, bias)?;
    Ok(match arguments.dtype(call)? {
        Dtype::F32 => forward::<f32>(call, &arguments)?.0,
        Dtype::F64 => forward::<f64>(call, &arguments)?.0,
    })
}

#[pyfunction]
#[pyo3(signature = (x, weight, bias, /))]
fn linear_forward<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    bias: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        arguments: &Arguments<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
        let (y, saved) = forward::<T>(call, arguments)?;
        let nbytes = saved.x.nbytes() + saved.weight.nbytes();
        Ok((y, Cache::create::<T, _>(call, "linear", nbytes, saved)?))
    }
    let call = Call::new(py, "linear_forward");
    let arguments = Arguments::new(call, x, weight, bias)?;
    match arguments.dtype(call)? {
        Dtype::F32 => typed::<f32>(call, &arguments),
        Dtype::F64 => typed::<f64>(call, &arguments),
    }
}

#[pyfunction]
#[pyo3(signature = (dy, cache, needs, /))]
fn linear_backward<'py>(
    py: Python<'py>,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let call = Call::new(py, "linear_backward");
    match Cache::dtype(call, cache, "linear")? {
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
    let (saved, (dy, needs)) = open(call, cache, "linear", |saved: &Saved<T>| {
        let mut shape = saved.x.shape().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = saved.weight.shape()[0];
        }
        Ok((call.slope::<T>("dy", dy, &shape)?, call.needs(needs, ["x", "weight", "bias"])?))
    })?;
    let outputs = saved.weight.shape()[0];
    let mut dx = needs[0].then(|| call.output::<T>(saved.x.shape())).transpose()?;
    let mut dweight = needs[1].then(|| call.output::<T>(saved.weight.shape())).transpose()?;
    let mut dbias = (needs[2] && saved.has_bias).then(|| call.output::<T>(&[outputs])).transpose()?;
    let gradients = kernels::Gradients {
        x: dx.as_mut().map(|output| output.as_mut_slice()),
        weight: dweight.as_mut().map(|output| output.as_mut_slice()),
        bias: dbias.as_mut().map(|output| output.as_mut_slice()),
    };
    call.run(2 * saved.x.as_slice().len() * outputs, || {
        kernels::backward(dy.as_slice(), saved.x.as_slice(), saved.weight.as_slice(), outputs, gradients);
    });
    let arrays = [dx, dweight, dbias].map(|output| output.map(|output| output.into_array()));
    PyTuple::new(call.py, arrays)
}
