//! relu, leaky_relu, sigmoid, tanh, gelu, silu, softmax and log_softmax.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::Call;
use super::array::{Dense, Dtype, Input, Numeric};
use super::cache::{Cache, open};
use crate::geometry::{Error, tuple};
use crate::pointwise::lines::Lines;
use crate::pointwise::{activation as elementwise, softmax as over_lines};
use crate::scalar::Scalar;

#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Relu,
    /// With the slope below 0.
    LeakyRelu(f64),
    Sigmoid,
    Tanh,
    /// Whether by the approximation with a hyperbolic tangent.
    Gelu(bool),
    Silu,
    Softmax(Lines),
    LogSoftmax(Lines),
}

impl Operation {
    fn forward<T: Scalar>(self, x: &[T], y: &mut [T]) {
        match self {
            Operation::Relu => elementwise::relu(x, y),
            Operation::LeakyRelu(slope) => elementwise::leaky_relu(x, T::from_f64(slope), y),
            Operation::Gelu(approximate) => elementwise::gelu(x, approximate, y),
            Operation::Silu => elementwise::silu(x, y),
            Operation::Sigmoid => elementwise::sigmoid(x, y),
            Operation::Tanh => elementwise::tanh(x, y),
            Operation::Softmax(lines) => over_lines::softmax(x, lines, y),
            Operation::LogSoftmax(lines) => over_lines::log_softmax(x, lines, y),
        }
    }

    /// Whether the gradient comes from x rather than from y.
    fn keeps_x(self) -> bool {
        matches!(self, Operation::Relu | Operation::LeakyRelu(_) | Operation::Gelu(_) | Operation::Silu)
    }

    /// `kept` is x or y, as [`Operation::keeps_x`] says.
    fn backward<T: Scalar>(self, dy: &[T], kept: &[T], dx: &mut [T]) {
        match self {
            Operation::Relu => elementwise::relu_backward(dy, kept, dx),
            Operation::LeakyRelu(slope) => elementwise::leaky_relu_backward(dy, kept, T::from_f64(slope), dx),
            Operation::Gelu(approximate) => elementwise::gelu_backward(dy, kept, approximate, dx),
            Operation::Silu => elementwise::silu_backward(dy, kept, dx),
            Operation::Sigmoid => elementwise::sigmoid_backward(dy, kept, dx),
            Operation::Tanh => elementwise::tanh_backward(dy, kept, dx),
            Operation::Softmax(lines) => over_lines::softmax_backward(dy, kept, lines, dx),
            Operation::LogSoftmax(lines) => over_lines::log_softmax_backward(dy, kept, lines, dx),
        }
    }
}

/// What the backward call needs.
struct Saved<T> {
    operation: Operation,
    kept: Dense<T>,
}

/// The number of an axis of an array of the given name and shape, counted from the front.
pub fn axis<'py>(call: Call<'py>, argument: &Bound<'py, PyAny>, of: &str, shape: &[usize]) -> PyResult<usize> {
    let value = call.integer("axis", argument)?;
    let axes = shape.len() as i64;
    if axes == 0 {
        return Err(call.fail(Error::value(format!("{of} must have at least one axis, got shape ()"))));
    }
    if !(-axes..axes).contains(&value) {
        let (last, shape) = (axes - 1, tuple(shape));
        let message = format!("axis must be from -{axes} to {last}, as {of} has shape {shape}, got {value}");
        return Err(call.fail(Error::value(message)));
    }
    Ok(value.rem_euclid(axes) as usize)
}

fn lines<'py>(call: Call<'py>, x: &Input<'py>, argument: &Bound<'py, PyAny>) -> PyResult<Lines> {
    Ok(Lines::new(x.shape(), axis(call, argument, "x", x.shape())?))
}

fn run<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    operation: Operation,
    x: &Input<'py>,
) -> PyResult<(Bound<'py, PyAny>, Dense<T>)> {
    let x = call.dense::<T>(x)?;
    let mut y = call.output::<T>(x.shape())?;
    let target = y.as_mut_slice();
    call.run(target.len(), || operation.forward(x.as_slice(), target));
    Ok((y.into_array(), x))
}

fn plain<'py>(call: Call<'py>, operation: Operation, x: &Input<'py>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match call.float_dtype([x])? {
        Dtype::F32 => run::<f32>(call, operation, x)?.0,
        Dtype::F64 => run::<f64>(call, operation, x)?.0,
    })
}

type WithCache<'py> = (Bound<'py, PyAny>, Bound<'py, Cache>);

fn forward<'py>(call: Call<'py>, name: &'static str, operation: Operation, x: &Input<'py>) -> PyResult<WithCache<'py>> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        name: &'static str,
        operation: Operation,
        x: &Input<'py>,
    ) -> PyResult<WithCache<'py>> {
        let (y, x) = run::<T>(call, operation, x)?;
        let kept = if operation.keeps_x() { x } else { call.dense(&call.array("y", &y)?)? };
        let nbytes = kept.nbytes();
        Ok((y, Cache::create::<T, _>(call, name, nbytes, Saved { operation, kept })?))
    }
    match call.float_dtype([x])? {
        Dtype::F32 => typed::<f32>(call, name, operation, x),
        Dtype::F64 => typed::<f64>(call, name, operation, x),
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
        let (saved, (dy, [needed])) = open(call, cache, name, |saved: &Saved<T>| {
            Ok((call.slope::<T>("dy", dy, saved.kept.shape())?, call.needs(needs, ["x"])?))
        })?;
        if !needed {
            return PyTuple::new(call.py, [call.py.None()]);
        }
        let mut dx = call.output::<T>(saved.kept.shape())?;
        let target = dx.as_mut_slice();
        call.run(target.len(), || saved.operation.backward(dy.as_slice(), saved.kept.as_slice(), target));
        PyTuple::new(call.py, [dx.into_array()])
    }
    match Cache::dtype(call, cache, name)? {
        Dtype::F32 => typed::<f32>(call, name, dy, cache, needs),
        Dtype::F64 => typed::<f64>(call, name, dy, cache, needs),
    }
}

macro_rules! backward_function {
    ($name:ident of $operation:ident) => {
        #[pyfunction]
        #[pyo3(signature = (dy, cache, needs, /))]
        fn $name<'py>(
            py: Python<'py>,
            dy: &Bound<'py, PyAny>,
            cache: &Bound<'py, PyAny>,
            needs: &Bound<'py, PyAny>,
        ) -> PyResult<Bound<'py, PyTuple>> {
            backward(Call::new(py, stringify!($name)), stringify!($operation), dy, cache, needs)
        }
    };
}

macro_rules! elementwise {
    ($name:ident, $forward:ident, $backward:ident, $operation:ident) => {
        #[pyfunction]
        #[pyo3(signature = (x, /))]
        fn $name<'py>(py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
            let call = Call::new(py, stringify!($name));
            plain(call, Operation::$operation, &call.array("x", x)?)
        }

        #[pyfunction]
        #[pyo3(signature = (x, /))]
        fn $forward<'py>(py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<WithCache<'py>> {
            let call = Call::new(py, stringify!($forward));
            forward(call, stringify!($name), Operation::$operation, &call.array("x", x)?)
        }

        backward_function!($backward of $name);
    };
}

macro_rules! with_option {
    ($name:ident, $forward:ident, $backward:ident, $option:ident, |$call:ident, $x:ident| $operation:expr) => {
        #[pyfunction]
        #[pyo3(signature = (x, $option, /))]
        fn $name<'py>(
            py: Python<'py>,
            x: &Bound<'py, PyAny>,
            $option: &Bound<'py, PyAny>,
        ) -> PyResult<Bound<'py, PyAny>> {
            let $call = Call::new(py, stringify!($name));
            let $x = &$call.array("x", x)?;
            plain($call, $operation, $x)
        }

        #[pyfunction]
        #[pyo3(signature = (x, $option, /))]
        fn $forward<'py>(
            py: Python<'py>,
            x: &Bound<'py, PyAny>,
            $option: &Bound<'py, PyAny>,
        ) -> PyResult<WithCache<'py>> {
            let $call = Call::new(py, stringify!($forward));
            let $x = &$call.array("x", x)?;
            forward($call, stringify!($name), $operation, $x)
        }

        backward_function!($backward of $name);
    };
}

elementwise!(relu, relu_forward, relu_backward, Relu);
elementwise!(sigmoid, sigmoid_forward, sigmoid_backward, Sigmoid);
elementwise!(tanh, tanh_forward, tanh_backward, Tanh);
elementwise!(silu, silu_forward, silu_backward, Silu);
with_option!(leaky_relu, leaky_relu_forward, leaky_relu_backward, negative_slope, |call, x| {
    Operation::LeakyRelu(call.float("negative_slope", negative_slope)?)
});
with_option!(gelu, gelu_forward, gelu_backward, approximate, |call, x| {
    Operation::Gelu(call.choice("approximate", approximate, &["none", "tanh"])? == 1)
});
with_option!(softmax, softmax_forward, softmax_backward, axis, |call, x| Operation::Softmax(lines(call, x, axis)?));
with_option!(log_softmax, log_softmax_forward, log_softmax_backward, axis, |call, x| {
    Operation::LogSoftmax(lines(call, x, axis)?)
});

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(relu, module)?)?;
    module.add_function(wrap_pyfunction!(relu_forward, module)?)?;
    module.add_function(wrap_pyfunction!(relu_backward, module)?)?;
    module.add_function(wrap_pyfunction!(leaky_relu, module)?)?;
    module.add_function(wrap_pyfunction!(leaky_relu_forward, module)?)?;
    module.add_function(wrap_pyfunction!(leaky_relu_backward, module)?)?;
    module.add_function(wrap_pyfunction!(gelu, module)?)?;
    module.add_function(wrap_pyfunction!(gelu_forward, module)?)?;
    module.add_function(wrap_pyfunction!(gelu_backward, module)?)?;
    module.add_function(wrap_pyfunction!(silu, module)?)?;
    module.add_function(wrap_pyfunction!(silu_forward, module)?)?;
    module.add_function(wrap_pyfunction!(silu_backward, module)?)?;
    module.add_function(wrap_pyfunction!(sigmoid, module)?)?;
    module.add_function(wrap_pyfunction!(sigmoid_forward, module)?)?;
    module.add_function(wrap_pyfunction!(sigmoid_backward, module)?)?;
    module.add_function(wrap_pyfunction!(tanh, module)?)?;
    module.add_function(wrap_pyfunction!(tanh_forward, module)?)?;
    module.add_function(wrap_pyfunction!(tanh_backward, module)?)?;
    module.add_function(wrap_pyfunction!(softmax, module)?)?;
    module.add_function(wrap_pyfunction!(softmax_forward, module)?)?;
    module.add_function(wrap_pyfunction!(softmax_backward, module)?)?;
    module.add_function(wrap_pyfunction!(log_softmax, module)?)?;
    module.add_function(wrap_pyfunction!(log_softmax_forward, module)?)?;
    module.add_function(wrap_pyfunction!(log_softmax_backward, module)?)
}
