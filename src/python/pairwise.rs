//! The losses of predictions and targets, element by element: `mse_loss`, `l1_loss`, `huber_loss` and
//! `binary_cross_entropy_with_logits`.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyTuple};

use super::arguments::Call;
use super::array::{Dense, Dtype, Input, Numeric};
use super::cache::{Cache, open};
use super::loss::{Slope, reduction};
use crate::geometry::{Error, tuple};
use crate::pointwise::{Reduction, pairwise};
use crate::scalar::Scalar;

#[derive(Clone, Copy)]
enum Loss {
    Squared,
    Absolute,
    /// With delta.
    Huber(f64),
    Logistic,
}

/// What forward computes with, and backward again.
struct Problem<T> {
    loss: Loss,
    x: Dense<T>,
    target: Dense<T>,
    /// Of each element, and of its positive share.
    weights: Option<[Dense<T>; 2]>,
    reduction: Reduction,
}

/// Calls `$function(loss, ..., operands, ...)` with the loss and the operands of a problem.
macro_rules! dispatch {
    ($problem:ident, |$loss:ident, $operands:ident| $call:expr) => {{
        let pair = [$problem.x.as_slice(), $problem.target.as_slice()];
        match ($problem.loss, &$problem.weights) {
            (Loss::Squared, _) => {
                let ($loss, $operands) = (pairwise::Squared, pair);
                $call
            }
            (Loss::Absolute, _) => {
                let ($loss, $operands) = (pairwise::Absolute, pair);
                $call
            }
            (Loss::Huber(delta), _) => {
                let ($loss, $operands) = (pairwise::Huber(T::from_f64(delta)), pair);
                $call
            }
            (Loss::Logistic, None) => {
                let ($loss, $operands) = (pairwise::Logistic, pair);
                $call
            }
            (Loss::Logistic, Some([weight, positive])) => {
                let operands = [pair[0], pair[1], weight.as_slice(), positive.as_slice()];
                let ($loss, $operands) = (pairwise::WeightedLogistic, operands);
                $call
            }
        }
    }};
}

impl<T: Scalar> Problem<T> {
    /// The shape of what the forward call returns.
    fn value_shape(&self) -> &[usize] {
        if self.reduction == Reduction::None { self.x.shape() } else { &[] }
    }

    fn forward(&self, value: &mut [T]) {
        dispatch!(self, |loss, operands| pairwise::forward(loss, operands, self.reduction, value));
    }

    fn backward(&self, dy: &[T], dx: &mut [T]) {
        dispatch!(self, |loss, operands| pairwise::backward(loss, dy, operands, self.reduction, dx));
    }

    fn nbytes(&self) -> usize {
        let weights = self.weights.iter().flatten().map(Dense::nbytes).sum::<usize>();
        self.x.nbytes() + self.target.nbytes() + weights
    }
}

struct Arguments<'py> {
    loss: Loss,
    x: Input<'py>,
    target: Input<'py>,
    weights: Option<[Input<'py>; 2]>,
    reduction: Reduction,
}

impl<'py> Arguments<'py> {
    fn new(
        call: Call<'py>,
        loss: Loss,
        [x, target, how]: [&Bound<'py, PyAny>; 3],
        weights: Option<[&Bound<'py, PyAny>; 2]>,
    ) -> PyResult<Self> {
        let (x, target) = (call.array("x", x)?, call.array("target", target)?);
        if x.shape() != target.shape() {
            let message =
                format!("target must have the shape of x, {}, got {}", tuple(x.shape()), tuple(target.shape()));
            return Err(call.fail(Error::value(message)));
        }
        let weights = match weights {
            Some([weight, positive]) if !(weight.is_none() && positive.is_none()) => {
                let dtype = call.float_dtype([&x, &target])?;
                let both = [("weight", weight), ("pos_weight", positive)];
                let [weight, positive] = both.map(|(name, argument)| stretched(call, name, argument, &x, dtype));
                Some([weight?, positive?])
            }
            _ => None,
        };
        Ok(Arguments { loss, x, target, weights, reduction: reduction(call, how)? })
    }

    fn dtype(&self, call: Call<'py>) -> PyResult<Dtype> {
        call.float_dtype([&self.x, &self.target].into_iter().chain(self.weights.iter().flatten()))
    }

    fn problem<T: Scalar + Numeric>(&self, call: Call<'py>) -> PyResult<Problem<T>> {
        let weights = match &self.weights {
            Some([weight, positive]) => Some([call.dense::<T>(weight)?, call.dense::<T>(positive)?]),
            None => None,
        };
        let (x, target) = (call.dense::<T>(&self.x)?, call.dense::<T>(&self.target)?);
        Ok(Problem { loss: self.loss, x, target, weights, reduction: self.reduction })
    }
}

/// The weights stretched to the shape of x; ones if there are none. Python's own numbers take the dtype of the call.
fn stretched<'py>(
    call: Call<'py>,
    name: &'static str,
    argument: &Bound<'py, PyAny>,
    x: &Input<'py>,
    dtype: Dtype,
) -> PyResult<Input<'py>> {
    let numpy = call.py.import(intern!(call.py, "numpy"))?;
    let shape = PyTuple::new(call.py, x.shape())?;
    if argument.is_none() {
        let Ok(one) = 1.into_pyobject(call.py);
        return call.array(name, &numpy.call_method1(intern!(call.py, "broadcast_to"), (one, shape))?);
    }
    // What is no array is refused under its own name.
    let number = argument.is_exact_instance_of::<PyFloat>();
    let own = match dtype {
        Dtype::F32 if number => numpy.call_method1(intern!(call.py, "float32"), (argument,))?,
        _ => argument.clone(),
    };
    let given = call.array(name, &own)?;
    let stretched = numpy.call_method1(intern!(call.py, "broadcast_to"), (given.array(), shape)).map_err(|_| {
        let (own, wanted) = (tuple(given.shape()), tuple(x.shape()));
        call.fail(Error::value(format!("{name} must stretch to the shape of x, {wanted}, got {own}")))
    })?;
    call.array(name, &stretched)
}

fn plain<'py>(call: Call<'py>, arguments: PyResult<Arguments<'py>>) -> PyResult<Bound<'py, PyAny>> {
    let arguments = arguments?;
    Ok(match arguments.dtype(call)? {
        Dtype::F32 => run::<f32>(call, &arguments)?.0,
        Dtype::F64 => run::<f64>(call, &arguments)?.0,
    })
}

fn run<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: &Arguments<'py>,
) -> PyResult<(Bound<'py, PyAny>, Problem<T>)> {
    let problem = arguments.problem::<T>(call)?;
    let mut value = call.output::<T>(problem.value_shape())?;
    let values = value.as_mut_slice();
    call.run(problem.x.as_slice().len(), || problem.forward(values));
    Ok((value.into_array(), problem))
}

type WithCache<'py> = (Bound<'py, PyAny>, Bound<'py, Cache>);

fn forward<'py>(call: Call<'py>, name: &'static str, arguments: PyResult<Arguments<'py>>) -> PyResult<WithCache<'py>> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        name: &'static str,
        arguments: &Arguments<'py>,
    ) -> PyResult<WithCache<'py>> {
        let (value, problem) = run::<T>(call, arguments)?;
        Ok((value, Cache::create::<T, _>(call, name, problem.nbytes(), problem)?))
    }
    let arguments = arguments?;
    match arguments.dtype(call)? {
        Dtype::F32 => typed::<f32>(call, name, &arguments),
        Dtype::F64 => typed::<f64>(call, name, &arguments),
    }
}

fn backward<'py>(
    call: Call<'py>,
    name: &'static str,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        name: &'static str,
        dy: &Bound<'py, PyAny>,
        cache: &Bound<'py, PyAny>,
        needs: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let (problem, (dy, [needed])) = open(call, cache, name, |problem: &Problem<T>| {
            Ok((Slope::<T>::new(call, dy, problem.value_shape())?, call.needs(needs, ["x"])?))
        })?;
        if !needed {
            return PyTuple::new(call.py, [call.py.None()]);
        }
        let mut dx = call.output::<T>(problem.x.shape())?;
        let target = dx.as_mut_slice();
        call.run(target.len(), || problem.backward(dy.as_slice(), target));
        PyTuple::new(call.py, [dx.into_array()])
    }
    match Cache::dtype(call, cache, name)? {
        Dtype::F32 => typed::<f32>(call, name, dy, cache, needs),
        Dtype::F64 => typed::<f64>(call, name, dy, cache, needs),
    }
}

macro_rules! loss {
    ($name:ident, $forward:ident, $backward:ident, [$($option:ident),*], |$call:ident| $loss:expr, $weights:expr) => {
        #[pyfunction]
        #[pyo3(signature = (x, target, $($option,)* reduction, /))]
        fn $name<'py>(
            py: Python<'py>,
            x: &Bound<'py, PyAny>,
            target: &Bound<'py, PyAny>,
            $($option: &Bound<'py, PyAny>,)*
            reduction: &Bound<'py, PyAny>,
        ) -> PyResult<Bound<'py, PyAny>> {
            let $call = Call::new(py, stringify!($name));
            plain($call, Arguments::new($call, $loss, [x, target, reduction], $weights))
        }

        #[pyfunction]
        #[pyo3(signature = (x, target, $($option,)* reduction, /))]
        fn $forward<'py>(
            py: Python<'py>,
            x: &Bound<'py, PyAny>,
            target: &Bound<'py, PyAny>,
            $($option: &Bound<'py, PyAny>,)*
            reduction: &Bound<'py, PyAny>,
        ) -> PyResult<WithCache<'py>> {
            let $call = Call::new(py, stringify!($forward));
            forward($call, stringify!($name), Arguments::new($call, $loss, [x, target, reduction], $weights))
        }

        #[pyfunction]
        #[pyo3(signature = (dy, cache, needs, /))]
        fn $backward<'py>(
            py: Python<'py>,
            dy: &Bound<'py, PyAny>,
            cache: &Bound<'py, PyAny>,
            needs: &Bound<'py, PyAny>,
        ) -> PyResult<Bound<'py, PyTuple>> {
            backward(Call::new(py, stringify!($backward)), stringify!($name), dy, cache, needs)
        }
    };
}

fn delta_of<'py>(call: Call<'py>, argument: &Bound<'py, PyAny>) -> PyResult<f64> {
    let delta = call.float("delta", argument)?;
    if delta > 0.0 && delta.is_finite() {
        return Ok(delta);
    }
    Err(call.fail(Error::value(format!("delta must be positive and finite, got {delta}"))))
}

loss!(mse_loss, mse_loss_forward, mse_loss_backward, [], |call| Loss::Squared, None);
loss!(l1_loss, l1_loss_forward, l1_loss_backward, [], |call| Loss::Absolute, None);
loss!(huber_loss, huber_loss_forward, huber_loss_backward, [delta], |call| Loss::Huber(delta_of(call, delta)?), None);
loss!(
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_forward,
    binary_cross_entropy_with_logits_backward,
    [weight, pos_weight],
    |call| Loss::Logistic,
    Some([weight, pos_weight])
);

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(mse_loss, module)?)?;
    module.add_function(wrap_pyfunction!(mse_loss_forward, module)?)?;
    module.add_function(wrap_pyfunction!(mse_loss_backward, module)?)?;
    module.add_function(wrap_pyfunction!(l1_loss, module)?)?;
    module.add_function(wrap_pyfunction!(l1_loss_forward, module)?)?;
    module.add_function(wrap_pyfunction!(l1_loss_backward, module)?)?;
    module.add_function(wrap_pyfunction!(huber_loss, module)?)?;
    module.add_function(wrap_pyfunction!(huber_loss_forward, module)?)?;
    module.add_function(wrap_pyfunction!(huber_loss_backward, module)?)?;
    module.add_function(wrap_pyfunction!(binary_cross_entropy_with_logits, module)?)?;
    module.add_function(wrap_pyfunction!(binary_cross_entropy_with_logits_forward, module)?)?;
    module.add_function(wrap_pyfunction!(binary_cross_entropy_with_logits_backward, module)?)
}
