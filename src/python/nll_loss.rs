//! `nll_loss`: the negative log-likelihood of classes, from log-probabilities.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::activation::axis;
use super::arguments::Call;
use super::array::{Dense, Dtype, Input, Numeric};
use super::cache::{Cache, open};
use super::cross_entropy::{check_classes, check_weight, class_weights, other_axis, without};
use super::loss::{Slope, reduction};
use crate::geometry::{Error, tuple};
use crate::pointwise::lines::Lines;
use crate::pointwise::nll::NegativeLogLikelihood;
use crate::pointwise::{Reduction, Scale};
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(nll_loss, module)?)?;
    module.add_function(wrap_pyfunction!(nll_loss_forward, module)?)?;
    module.add_function(wrap_pyfunction!(nll_loss_backward, module)?)
}

#[derive(Clone, Copy)]
struct Options {
    axis: usize,
    ignore_index: i64,
    reduction: Reduction,
}

/// What the backward call needs: everything but the log-probabilities.
struct Saved<T> {
    shape: Vec<usize>,
    target: Dense<i64>,
    weight: Vec<T>,
    options: Options,
}

impl<T: Scalar> Saved<T> {
    fn kernel(&self) -> NegativeLogLikelihood<'_, T> {
        NegativeLogLikelihood {
            lines: Lines::new(&self.shape, self.options.axis),
            target: self.target.as_slice(),
            weight: &self.weight,
            ignore_index: self.options.ignore_index,
        }
    }

    /// The shape of what the forward call returns.
    fn value_shape(&self) -> &[usize] {
        if self.options.reduction == Reduction::None { self.target.shape() } else { &[] }
    }

    fn forward(&self, x: &[T], value: &mut [T]) {
        let kernel = self.kernel();
        if self.options.reduction == Reduction::None {
            return kernel.forward(x, value);
        }
        let mut losses = vec![T::ZERO; kernel.lines.positions()];
        kernel.forward(x, &mut losses);
        let sum: f64 = losses.iter().map(|loss| loss.to_f64()).sum();
        let mean = self.options.reduction == Reduction::Mean;
        value[0] = T::from_f64(if mean { sum / kernel.denominator() } else { sum });
    }

    fn backward(&self, dy: &[T], dx: &mut [T]) {
        let kernel = self.kernel();
        let scale = match self.options.reduction {
            Reduction::Mean => Scale::Uniform(T::from_f64(dy[0].to_f64() / kernel.denominator())),
            Reduction::Sum => Scale::Uniform(dy[0]),
            Reduction::None => Scale::Each(dy),
        };
        kernel.backward(scale, dx);
    }

    fn nbytes(&self) -> usize {
        self.target.nbytes() + size_of_val(&self.weight[..])
    }
}

struct Arguments<'py> {
    x: Input<'py>,
    target: Dense<i64>,
    weight: Option<Input<'py>>,
    options: Options,
}

impl<'py> Arguments<'py> {
    fn new(call: Call<'py>, [x, target, weight, ignore, axis_of, how]: [&Bound<'py, PyAny>; 6]) -> PyResult<Self> {
        let x = call.array("x", x)?;
        let options = Options {
            axis: axis(call, axis_of, "x", x.shape())?,
            ignore_index: call.integer("ignore_index", ignore)?,
            reduction: reduction(call, how)?,
        };
        let target = call.integers("target", target)?;
        let arguments = Arguments { x, target, weight: call.optional_array("weight", weight)?, options };
        call.check(arguments.check())?;
        Ok(arguments)
    }

    fn check(&self) -> Result<(), Error> {
        let (shape, target, axis) = (self.x.shape(), self.target.shape(), self.options.axis);
        let expected = without(shape, axis);
        if target != expected {
            return Err(Error::value(other_axis("x", shape, target).unwrap_or_else(|| {
                let (expected, got) = (tuple(&expected), tuple(target));
                format!("target must have shape {expected} (the classes on axis {axis}), got {got}")
            })));
        }
        if shape[axis] == 0 {
            let shape = tuple(shape);
            return Err(Error::value(format!("x must have at least one class (axis {axis}), got shape {shape}")));
        }
        check_weight(self.weight.as_ref(), shape[axis])?;
        check_classes(self.target.as_slice(), shape[axis], self.options.ignore_index)
    }

    fn dtype(&self, call: Call<'py>) -> PyResult<Dtype> {
        call.float_dtype([&self.x].into_iter().chain(&self.weight))
    }
}

fn forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: Arguments<'py>,
) -> PyResult<(Bound<'py, PyAny>, Saved<T>)> {
    let Arguments { x, target, weight, options } = arguments;
    let weight = class_weights(call, weight.as_ref(), x.shape()[options.axis])?;
    let saved = Saved { shape: x.shape().to_vec(), target, weight, options };
    let x = call.dense::<T>(&x)?;
    let mut value = call.output::<T>(saved.value_shape())?;
    let values = value.as_mut_slice();
    call.run(saved.target.as_slice().len(), || saved.forward(x.as_slice(), values));
    Ok((value.into_array(), saved))
}

#[pyfunction]
#[pyo3(signature = (x, target, weight, ignore_index, axis, reduction, /))]
fn nll_loss<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    target: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    ignore_index: &Bound<'py, PyAny>,
    axis: &Bound<'py, PyAny>,
    reduction: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, "nll_loss");
    let arguments = Arguments::new(call, [x, target, weight, ignore_index, axis, reduction])?;
    Ok(match arguments.dtype(call)? {
        Dtype::F32 => forward::<f32>(call, arguments)?.0,
        Dtype::F64 => forward::<f64>(call, arguments)?.0,
    })
}

#[pyfunction]
#[pyo3(signature = (x, target, weight, ignore_index, axis, reduction, /))]
fn nll_loss_forward<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    target: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    ignore_index: &Bound<'py, PyAny>,
    axis: &Bound<'py, PyAny>,
    reduction: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        arguments: Arguments<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
        let (value, saved) = forward::<T>(call, arguments)?;
        Ok((value, Cache::create::<T, _>(call, "nll_loss", saved.nbytes(), saved)?))
    }
    let call = Call::new(py, "nll_loss_forward");
    let arguments = Arguments::new(call, [x, target, weight, ignore_index, axis, reduction])?;
    match arguments.dtype(call)? {
        Dtype::F32 => typed::<f32>(call, arguments),
        Dtype::F64 => typed::<f64>(call, arguments),
    }
}

#[pyfunction]
#[pyo3(signature = (dy, cache, needs, /))]
fn nll_loss_backward<'py>(
    py: Python<'py>,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let call = Call::new(py, "nll_loss_backward");
    match Cache::dtype(call, cache, "nll_loss")? {
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
    let (saved, (dy, [needed])) = open(call, cache, "nll_loss", |saved: &Saved<T>| {
        Ok((Slope::<T>::new(call, dy, saved.value_shape())?, call.needs(needs, ["x"])?))
    })?;
    if !needed {
        return PyTuple::new(call.py, [call.py.None()]);
    }
    let mut dx = call.output::<T>(&saved.shape)?;
    let target = dx.as_mut_slice();
    call.run(target.len(), || saved.backward(dy.as_slice(), target));
    PyTuple::new(call.py, [dx.into_array()])
}
