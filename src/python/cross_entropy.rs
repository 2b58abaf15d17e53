//! `cross_entropy`: softmax and negative log-likelihood in one.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::activation::axis;
use super::arguments::Call;
use super::array::{Dense, Dtype, Input, Kind, Numeric};
use super::cache::{Cache, open};
use super::loss::{Slope, reduction};
use crate::geometry::{Error, tuple};
use crate::pointwise::cross_entropy::{CrossEntropy, Statistics, Target};
use crate::pointwise::lines::Lines;
use crate::pointwise::{Reduction, Scale};
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(cross_entropy, module)?)?;
    module.add_function(wrap_pyfunction!(cross_entropy_forward, module)?)?;
    module.add_function(wrap_pyfunction!(cross_entropy_backward, module)?)
}

enum Goals<T> {
    Classes(Dense<i64>),
    Probabilities(Dense<T>),
}

/// The loss and its logits: what forward computes with, and backward again.
struct Problem<T> {
    logits: Dense<T>,
    goals: Goals<T>,
    weight: Vec<T>,
    options: Options,
}

#[derive(Clone)]
struct Options {
    axis: usize,
    ignore_index: i64,
    label_smoothing: f64,
    reduction: Reduction,
    /// That of the unreduced losses.
    shape: Vec<usize>,
}

impl Options {
    /// The shape of what the forward call returns.
    fn value_shape(&self) -> &[usize] {
        if self.reduction == Reduction::None { &self.shape } else { &[] }
    }
}

impl<T: Scalar> Problem<T> {
    fn kernel(&self) -> CrossEntropy<'_, T> {
        CrossEntropy {
            lines: Lines::new(self.logits.shape(), self.options.axis),
            target: match &self.goals {
                Goals::Classes(classes) => Target::Classes(classes.as_slice()),
                Goals::Probabilities(probabilities) => Target::Probabilities(probabilities.as_slice()),
            },
            weight: &self.weight,
            ignore_index: self.options.ignore_index,
            label_smoothing: self.options.label_smoothing,
        }
    }

    /// The losses reduced to `value`, or themselves.
    fn forward(&self, value: &mut [T]) -> Statistics<T> {
        let kernel = self.kernel();
        if self.options.reduction == Reduction::None {
            return kernel.forward(self.logits.as_slice(), value);
        }
        let (statistics, sum) = kernel.forward_summed(self.logits.as_slice());
        value[0] =
            T::from_f64(if self.options.reduction == Reduction::Mean { sum / kernel.denominator() } else { sum });
        statistics
    }

    fn backward(&self, statistics: &Statistics<T>, dy: &[T], dlogits: &mut [T]) {
        let kernel = self.kernel();
        let scale = match self.options.reduction {
            Reduction::Mean => Scale::Uniform(T::from_f64(dy[0].to_f64() / kernel.denominator())),
            Reduction::Sum => Scale::Uniform(dy[0]),
            Reduction::None => Scale::Each(dy),
        };
        kernel.backward(self.logits.as_slice(), statistics, scale, dlogits);
    }

    fn nbytes(&self) -> usize {
        let goals = match &self.goals {
            Goals::Classes(classes) => classes.nbytes(),
            Goals::Probabilities(probabilities) => probabilities.nbytes(),
        };
        self.logits.nbytes() + goals + size_of_val(&self.weight[..])
    }
}

/// What the backward call needs.
struct Saved<T> {
    problem: Problem<T>,
    statistics: Statistics<T>,
}

struct Arguments<'py> {
    logits: Input<'py>,
    target: Input<'py>,
    weight: Option<Input<'py>>,
    by_class: bool,
    options: Options,
}

impl<'py> Arguments<'py> {
    fn new(
        call: Call<'py>,
        logits: &Bound<'py, PyAny>,
        target: &Bound<'py, PyAny>,
        weight: &Bound<'py, PyAny>,
        ignore_index: &Bound<'py, PyAny>,
        label_smoothing: &Bound<'py, PyAny>,
        axis_argument: &Bound<'py, PyAny>,
        how: &Bound<'py, PyAny>,
    ) -> PyResult<Self> {
        let (logits, target) = (call.array("logits", logits)?, call.array("target", target)?);
        let weight = call.optional_array("weight", weight)?;
        let axis = axis(call, axis_argument, "logits", logits.shape())?;
        let shape = without(logits.shape(), axis);
        let empty_classes = target.shape() == shape && shape.contains(&0);
        let by_class = target.kind == Kind::Integer || empty_classes;
        let options = Options {
            axis,
            ignore_index: call.integer("ignore_index", ignore_index)?,
            label_smoothing: call.float("label_smoothing", label_smoothing)?,
            reduction: reduction(call, how)?,
            shape,
        };
        let arguments = Arguments { logits, target, weight, by_class, options };
        call.check(arguments.check())?;
        Ok(arguments)
    }

    fn check(&self) -> Result<(), Error> {
        let (logits, target, axis) = (self.logits.shape(), self.target.shape(), self.options.axis);
        if target != if self.by_class { &self.options.shape[..] } else { logits } {
            return Err(Error::value(self.mismatch()));
        }
        let classes = logits[axis];
        if classes == 0 {
            let message = format!("logits must have at least one class (axis {axis}), got shape {}", tuple(logits));
            return Err(Error::value(message));
        }
        check_weight(self.weight.as_ref(), classes)?;
        let smoothing = self.options.label_smoothing;
        if !(0.0..=1.0).contains(&smoothing) {
            return Err(Error::value(format!("label_smoothing must be from 0 to 1, got {smoothing}")));
        }
        Ok(())
    }

    /// What is wrong with the target's shape, and which axis would put it right.
    fn mismatch(&self) -> String {
        let (logits, target) = (self.logits.shape(), self.target.shape());
        if let (true, Some(message)) = (self.by_class, other_axis("logits", logits, target)) {
            return message;
        }
        let (shape, whole) = (tuple(&self.options.shape), tuple(logits));
        format!(
            "target must have shape {shape} (integers, the classes on axis {}) or {whole} (probabilities), got {} of {}",
            self.options.axis,
            tuple(target),
            if self.by_class { "integers" } else { "floats" }
        )
    }

    fn dtype(&self, call: Call<'py>) -> PyResult<Dtype> {
        let target = (!self.by_class).then_some(&self.target);
        call.float_dtype([&self.logits].into_iter().chain(target).chain(&self.weight))
    }

    fn problem<T: Scalar + Numeric>(&self, call: Call<'py>) -> PyResult<Problem<T>> {
        let classes = self.logits.shape()[self.options.axis];
        let goals = if self.by_class {
            let target = call.dense::<i64>(&self.target)?;
            call.check(check_classes(target.as_slice(), classes, self.options.ignore_index))?;
            Goals::Classes(target)
        } else {
            Goals::Probabilities(call.dense(&self.target)?)
        };
        let weight = class_weights(call, self.weight.as_ref(), classes)?;
        Ok(Problem { logits: call.dense(&self.logits)?, goals, weight, options: self.options.clone() })
    }
}

pub fn without(shape: &[usize], axis: usize) -> Vec<usize> {
    [&shape[..axis], &shape[axis + 1..]].concat()
}

/// Which axis of the classes would make a target of class numbers fit.
pub fn other_axis(name: &str, shape: &[usize], target: &[usize]) -> Option<String> {
    let axis = (0..shape.len()).rev().find(|&axis| without(shape, axis) == target)?;
    let pass = if axis + 1 == shape.len() { "-1".to_string() } else { axis.to_string() };
    let (shape, target) = (tuple(shape), tuple(target));
    Some(format!("{name} {shape} and target {target}: the classes are on axis {axis}; pass axis={pass}"))
}

pub fn check_weight(weight: Option<&Input>, classes: usize) -> Result<(), Error> {
    match weight {
        Some(weight) if weight.shape() != [classes] => {
            let got = tuple(weight.shape());
            Err(Error::value(format!("weight must have shape ({classes},), one for each class, got {got}")))
        }
        _ => Ok(()),
    }
}

/// One weight for each class: 1 if none are given.
pub fn class_weights<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    weight: Option<&Input<'py>>,
    classes: usize,
) -> PyResult<Vec<T>> {
    Ok(match weight {
        Some(weight) => call.dense::<T>(weight)?.as_slice().to_vec(),
        None => vec![T::ONE; classes],
    })
}

pub fn check_classes(target: &[i64], classes: usize, ignore_index: i64) -> Result<(), Error> {
    let known = 0..classes as i64;
    match target.iter().find(|&&class| class != ignore_index && !known.contains(&class)) {
        None => Ok(()),
        Some(wrong) => {
            let last = classes - 1;
            let message =
                format!("target must hold classes from 0 to {last}, or ignore_index ({ignore_index}), got {wrong}");
            Err(Error::value(message))
        }
    }
}

fn forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: &Arguments<'py>,
) -> PyResult<(Bound<'py, PyAny>, Saved<T>)> {
    let problem = arguments.problem::<T>(call)?;
    let mut value = call.output::<T>(problem.options.value_shape())?;
    let values = value.as_mut_slice();
    let statistics = call.run(2 * problem.logits.as_slice().len(), || problem.forward(values));
    Ok((value.into_array(), Saved { problem, statistics }))
}

#[pyfunction]
#[pyo3(signature = (logits, target, weight, ignore_index, label_smoothing, axis, reduction, /))]
fn cross_entropy<'py>(
    py: Python<'py>,
    logits: &Bound<'py, PyAny>,
    target: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    ignore_index: &Bound<'py, PyAny>,
    label_smoothing: &Bound<'py, PyAny>,
    axis: &Bound<'py, PyAny>,
    reduction: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, "cross_entropy");
    let arguments = Arguments::new(call, logits, target, weight, ignore_index, label_smoothing, axis, reduction)?;
    Ok(match arguments.dtype(call)? {
        Dtype::F32 => forward::<f32>(call, &arguments)?.0,
        Dtype::F64 => forward::<f64>(call, &arguments)?.0,
    })
}

#[pyfunction]
#[pyo3(signature = (logits, target, weight, ignore_index, label_smoothing, axis, reduction, /))]
fn cross_entropy_forward<'py>(
    py: Python<'py>,
    logits: &Bound<'py, PyAny>,
    target: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    ignore_index: &Bound<'py, PyAny>,
    label_smoothing: &Bound<'py, PyAny>,
    axis: &Bound<'py, PyAny>,
    reduction: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        arguments: &Arguments<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
        let (value, saved) = forward::<T>(call, arguments)?;
        let nbytes = saved.problem.nbytes() + saved.statistics.nbytes();
        Ok((value, Cache::create::<T, _>(call, "cross_entropy", nbytes, saved)?))
    }
    let call = Call::new(py, "cross_entropy_forward");
    let arguments = Arguments::new(call, logits, target, weight, ignore_index, label_smoothing, axis, reduction)?;
    match arguments.dtype(call)? {
        Dtype::F32 => typed::<f32>(call, &arguments),
        Dtype::F64 => typed::<f64>(call, &arguments),
    }
}

#[pyfunction]
#[pyo3(signature = (dy, cache, needs, /))]
fn cross_entropy_backward<'py>(
    py: Python<'py>,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let call = Call::new(py, "cross_entropy_backward");
    match Cache::dtype(call, cache, "cross_entropy")? {
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
    let (saved, (dy, [needed])) = open(call, cache, "cross_entropy", |saved: &Saved<T>| {
        let shape = saved.problem.options.value_shape();
        Ok((Slope::<T>::new(call, dy, shape)?, call.needs(needs, ["logits"])?))
    })?;
    if !needed {
        return PyTuple::new(call.py, [call.py.None()]);
    }
    let Saved { problem, statistics } = *saved;
    let mut dlogits = call.output::<T>(problem.logits.shape())?;
    let target = dlogits.as_mut_slice();
    call.run(2 * target.len(), || problem.backward(&statistics, dy.as_slice(), target));
    PyTuple::new(call.py, [dlogits.into_array()])
}
