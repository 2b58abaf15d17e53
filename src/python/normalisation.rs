//! `batch_norm` and `layer_norm`.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::Call;
use super::array::{Dense, Dtype, Input, Numeric, Output};
use super::cache::{Cache, open};
use crate::geometry::{Error, tuple};
use crate::pointwise::normalisation::{
    BatchGradients, BatchMoments, BatchNorm, LayerGradients, LayerNorm, LineMoments,
};
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(batch_norm, module)?)?;
    module.add_function(wrap_pyfunction!(batch_norm_forward, module)?)?;
    module.add_function(wrap_pyfunction!(batch_norm_backward, module)?)?;
    module.add_function(wrap_pyfunction!(layer_norm, module)?)?;
    module.add_function(wrap_pyfunction!(layer_norm_forward, module)?)?;
    module.add_function(wrap_pyfunction!(layer_norm_backward, module)?)
}

/// What the statistics of a normalisation are: one kernel for each operation.
enum Kernel<T> {
    Batch(BatchNorm, BatchMoments<T>),
    Layer(LayerNorm, LineMoments<T>),
}

/// What the backward call needs.
struct Saved<T> {
    kernel: Kernel<T>,
    x: Dense<T>,
    weight: Option<Dense<T>>,
    /// Of weight and bias.
    parameter_shape: Vec<usize>,
    has_bias: bool,
}

impl<T: Scalar + Numeric> Saved<T> {
    fn nbytes(&self) -> usize {
        let moments = match &self.kernel {
            Kernel::Batch(_, moments) => size_of_val(&moments.mean[..]) + size_of_val(&moments.variance[..]),
            Kernel::Layer(_, moments) => moments.nbytes(),
        };
        self.x.nbytes() + self.weight.as_ref().map_or(0, Dense::nbytes) + moments
    }

    fn backward(&self, dy: &[T], [x, weight, bias]: [Option<&mut [T]>; 3]) {
        let (own, scale) = (self.x.as_slice(), self.weight.as_ref().map(Dense::as_slice));
        match &self.kernel {
            Kernel::Batch(norm, moments) => {
                norm.backward(dy, own, moments, scale, BatchGradients { x, weight, bias });
            }
            Kernel::Layer(norm, moments) => {
                norm.backward(dy, own, moments, scale, LayerGradients { x, weight, bias });
            }
        }
    }
}

/// The arrays that both operations take.
struct Arrays<'py> {
    x: Input<'py>,
    weight: Option<Input<'py>>,
    bias: Option<Input<'py>>,
    parameter_shape: Vec<usize>,
}

impl<'py> Arrays<'py> {
    fn new(
        call: Call<'py>,
        x: Input<'py>,
        weight: &Bound<'py, PyAny>,
        bias: &Bound<'py, PyAny>,
        parameter_shape: Vec<usize>,
    ) -> PyResult<Self> {
        let (weight, bias) = (call.optional_array("weight", weight)?, call.optional_array("bias", bias)?);
        for parameter in weight.iter().chain(&bias) {
            check_shape(call, parameter, &parameter_shape)?;
        }
        Ok(Arrays { x, weight, bias, parameter_shape })
    }

    fn dtype<'a>(&'a self, call: Call<'py>, others: impl IntoIterator<Item = &'a Input<'py>>) -> PyResult<Dtype>
    where
        'py: 'a,
    {
        call.float_dtype([&self.x].into_iter().chain(&self.weight).chain(&self.bias).chain(others))
    }

    fn saved<T: Scalar + Numeric>(self, call: Call<'py>, x: Dense<T>, kernel: Kernel<T>) -> PyResult<Saved<T>> {
        let weight = call.optional_dense(self.weight.as_ref())?;
        Ok(Saved { kernel, x, weight, parameter_shape: self.parameter_shape, has_bias: self.bias.is_some() })
    }
}

fn check_shape<'py>(call: Call<'py>, array: &Input<'py>, shape: &[usize]) -> PyResult<()> {
    if array.shape() == shape {
        return Ok(());
    }
    let (name, expected, got) = (array.name, tuple(shape), tuple(array.shape()));
    Err(call.fail(Error::value(format!("{name} must have shape {expected}, got {got}"))))
}

type Value<'py, T> = (Bound<'py, PyAny>, Saved<T>);
type WithCache<'py> = (Bound<'py, PyAny>, Bound<'py, Cache>);

fn with_cache<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    name: &'static str,
    (value, saved): Value<'py, T>,
) -> PyResult<WithCache<'py>> {
    Ok((value, Cache::create::<T, _>(call, name, saved.nbytes(), saved)?))
}

struct BatchArguments<'py> {
    arrays: Arrays<'py>,
    running: [Bound<'py, PyAny>; 2],
    training: bool,
    momentum: f64,
    eps: f64,
}

impl<'py> BatchArguments<'py> {
    fn new(
        call: Call<'py>,
        [x, running_mean, running_var, weight, bias, training, momentum, eps]: [&Bound<'py, PyAny>; 8],
    ) -> PyResult<Self> {
        let x = call.array("x", x)?;
        let &[outer, channels, ref inner @ ..] = x.shape() else {
            let got = tuple(x.shape());
            return Err(call.fail(Error::value(format!("x must have shape (N, C, ...), got {got}"))));
        };
        let count = outer * inner.iter().product::<usize>();
        let arrays = Arrays::new(call, x, weight, bias, vec![channels])?;
        let training = call.boolean("training", training)?;
        if training && count == 1 {
            let got = tuple(arrays.x.shape());
            let message = format!("x must have more than 1 value for each channel in training, got shape {got}");
            return Err(call.fail(Error::value(message)));
        }
        for (name, running) in [("running_mean", running_mean), ("running_var", running_var)] {
            if running.is_none() && !(training && running_mean.is_none() && running_var.is_none()) {
                let message = format!("{name} must be an array, unless both are None in training, got None");
                return Err(call.fail(Error::value(message)));
            }
        }
        let eps = eps_of(call, eps)?;
        let momentum = call.float("momentum", momentum)?;
        if !(0.0..=1.0).contains(&momentum) {
            return Err(call.fail(Error::value(format!("momentum must be from 0 to 1, got {momentum}"))));
        }
        let running = [running_mean.clone(), running_var.clone()];
        Ok(BatchArguments { arrays, running, training, momentum, eps })
    }

    fn running(&self, call: Call<'py>) -> PyResult<Vec<Input<'py>>> {
        let mut inputs = Vec::new();
        for (name, array) in ["running_mean", "running_var"].into_iter().zip(&self.running) {
            if let Some(input) = call.optional_array(name, array)? {
                check_shape(call, &input, &self.arrays.parameter_shape)?;
                inputs.push(input);
            }
        }
        Ok(inputs)
    }

    fn dtype(&self, call: Call<'py>) -> PyResult<Dtype> {
        self.arrays.dtype(call, &self.running(call)?)
    }
}

fn eps_of<'py>(call: Call<'py>, argument: &Bound<'py, PyAny>) -> PyResult<f64> {
    let eps = call.float("eps", argument)?;
    if eps >= 0.0 && eps.is_finite() {
        return Ok(eps);
    }
    Err(call.fail(Error::value(format!("eps must be finite and at least 0, got {eps}"))))
}

/// `running = (1 - momentum) running + momentum news`, each.
fn update<T: Scalar + Numeric>(running: &mut Output<'_, T>, news: impl Iterator<Item = f64>, momentum: f64) {
    for (running, news) in running.as_mut_slice().iter_mut().zip(news) {
        *running = T::from_f64((1.0 - momentum) * running.to_f64() + momentum * news);
    }
}

fn batch_typed<'py, T: Scalar + Numeric>(call: Call<'py>, arguments: BatchArguments<'py>) -> PyResult<Value<'py, T>> {
    let (shape, x) = (arguments.arrays.x.shape().to_vec(), call.dense::<T>(&arguments.arrays.x)?);
    let norm = BatchNorm::new(shape[0], shape[1], shape[2..].iter().product(), arguments.eps);
    let weight = call.optional_dense::<T>(arguments.arrays.weight.as_ref())?;
    let bias = call.optional_dense::<T>(arguments.arrays.bias.as_ref())?;
    let (scale, shift) = (weight.as_ref().map(Dense::as_slice), bias.as_ref().map(Dense::as_slice));
    let mut running = Vec::new();
    if arguments.training && !arguments.running[0].is_none() {
        for (name, array) in ["running_mean", "running_var"].into_iter().zip(&arguments.running) {
            running.push(call.in_place::<T>(name, array, &shape[1..2])?);
        }
    }
    let given = match arguments.training {
        true => None,
        false => {
            let inputs = arguments.running(call)?;
            let mean = call.dense::<T>(&inputs[0])?.as_slice().to_vec();
            let variance = call.dense::<T>(&inputs[1])?.as_slice().iter().map(|variance| variance.to_f64()).collect();
            Some(BatchMoments { mean, variance, of_batch: false })
        }
    };
    let mut y = call.output::<T>(&shape)?;
    let target = y.as_mut_slice();
    let moments = call.run(3 * target.len(), || {
        let moments = given.unwrap_or_else(|| norm.moments(x.as_slice()));
        norm.forward(x.as_slice(), &moments, scale, shift, target);
        moments
    });
    if let ([mean, variance], true) = (&mut running[..], norm.count() > 0) {
        let count = norm.count() as f64;
        update(mean, moments.mean.iter().map(|mean| mean.to_f64()), arguments.momentum);
        let unbiased = moments.variance.iter().map(|variance| variance * count / (count - 1.0));
        update(variance, unbiased, arguments.momentum);
    }
    Ok((y.into_array(), arguments.arrays.saved(call, x, Kernel::Batch(norm, moments))?))
}

macro_rules! batch_norm_function {
    ($name:ident -> $result:ty, |$call:ident, $arguments:ident| $body:expr) => {
        #[pyfunction]
        #[pyo3(signature = (x, running_mean, running_var, weight, bias, training, momentum, eps, /))]
        fn $name<'py>(
            py: Python<'py>,
            x: &Bound<'py, PyAny>,
            running_mean: &Bound<'py, PyAny>,
            running_var: &Bound<'py, PyAny>,
            weight: &Bound<'py, PyAny>,
            bias: &Bound<'py, PyAny>,
            training: &Bound<'py, PyAny>,
            momentum: &Bound<'py, PyAny>,
            eps: &Bound<'py, PyAny>,
        ) -> PyResult<$result> {
            let $call = Call::new(py, stringify!($name));
            let given = [x, running_mean, running_var, weight, bias, training, momentum, eps];
            let $arguments = BatchArguments::new($call, given)?;
            $body
        }
    };
}

batch_norm_function!(batch_norm -> Bound<'py, PyAny>, |call, arguments| {
    Ok(match arguments.dtype(call)? {
        Dtype::F32 => batch_typed::<f32>(call, arguments)?.0,
        Dtype::F64 => batch_typed::<f64>(call, arguments)?.0,
    })
});
batch_norm_function!(batch_norm_forward -> WithCache<'py>, |call, arguments| {
    match arguments.dtype(call)? {
        Dtype::F32 => with_cache(call, "batch_norm", batch_typed::<f32>(call, arguments)?),
        Dtype::F64 => with_cache(call, "batch_norm", batch_typed::<f64>(call, arguments)?),
    }
});

struct LayerArguments<'py> {
    arrays: Arrays<'py>,
    eps: f64,
}

impl<'py> LayerArguments<'py> {
    fn new(call: Call<'py>, [x, normalized_shape, weight, bias, eps]: [&Bound<'py, PyAny>; 5]) -> PyResult<Self> {
        let x = call.array("x", x)?;
        let sizes = match call.items(normalized_shape) {
            Some(items) => {
                items.iter().map(|item| call.size("normalized_shape", item, 0)).collect::<PyResult<Vec<_>>>()?
            }
            None => vec![call.size("normalized_shape", normalized_shape, 0)?],
        };
        if sizes.is_empty() || !x.shape().ends_with(&sizes) {
            let (shape, got) = (tuple(x.shape()), tuple(&sizes));
            let message = format!("normalized_shape must be the last axes of x, which has shape {shape}, got {got}");
            return Err(call.fail(Error::value(message)));
        }
        Ok(LayerArguments { arrays: Arrays::new(call, x, weight, bias, sizes)?, eps: eps_of(call, eps)? })
    }

    fn dtype(&self, call: Call<'py>) -> PyResult<Dtype> {
        self.arrays.dtype(call, [])
    }
}

fn layer_typed<'py, T: Scalar + Numeric>(call: Call<'py>, arguments: LayerArguments<'py>) -> PyResult<Value<'py, T>> {
    let LayerArguments { arrays, eps } = arguments;
    let x = call.dense::<T>(&arrays.x)?;
    let norm = LayerNorm::new(arrays.parameter_shape.iter().product(), eps);
    let weight = call.optional_dense::<T>(arrays.weight.as_ref())?;
    let bias = call.optional_dense::<T>(arrays.bias.as_ref())?;
    let (scale, shift) = (weight.as_ref().map(Dense::as_slice), bias.as_ref().map(Dense::as_slice));
    let mut y = call.output::<T>(x.shape())?;
    let target = y.as_mut_slice();
    let moments = call.run(3 * target.len(), || norm.forward(x.as_slice(), scale, shift, target));
    Ok((y.into_array(), arrays.saved(call, x, Kernel::Layer(norm, moments))?))
}

#[pyfunction]
#[pyo3(signature = (x, normalized_shape, weight, bias, eps, /))]
fn layer_norm<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    normalized_shape: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    bias: &Bound<'py, PyAny>,
    eps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, "layer_norm");
    let arguments = LayerArguments::new(call, [x, normalized_shape, weight, bias, eps])?;
    Ok(match arguments.dtype(call)? {
        Dtype::F32 => layer_typed::<f32>(call, arguments)?.0,
        Dtype::F64 => layer_typed::<f64>(call, arguments)?.0,
    })
}

#[pyfunction]
#[pyo3(signature = (x, normalized_shape, weight, bias, eps, /))]
fn layer_norm_forward<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    normalized_shape: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    bias: &Bound<'py, PyAny>,
    eps: &Bound<'py, PyAny>,
) -> PyResult<WithCache<'py>> {
    let call = Call::new(py, "layer_norm_forward");
    let arguments = LayerArguments::new(call, [x, normalized_shape, weight, bias, eps])?;
    match arguments.dtype(call)? {
        Dtype::F32 => with_cache(call, "layer_norm", layer_typed::<f32>(call, arguments)?),
        Dtype::F64 => with_cache(call, "layer_norm", layer_typed::<f64>(call, arguments)?),
    }
}

#[pyfunction]
#[pyo3(signature = (dy, cache, needs, /))]
fn batch_norm_backward<'py>(
    py: Python<'py>,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    backward(Call::new(py, "batch_norm_backward"), "batch_norm", [dy, cache, needs])
}

#[pyfunction]
#[pyo3(signature = (dy, cache, needs, /))]
fn layer_norm_backward<'py>(
    py: Python<'py>,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    backward(Call::new(py, "layer_norm_backward"), "layer_norm", [dy, cache, needs])
}

fn backward<'py>(call: Call<'py>, name: &'static str, given: [&Bound<'py, PyAny>; 3]) -> PyResult<Bound<'py, PyTuple>> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        name: &'static str,
        [dy, cache, needs]: [&Bound<'py, PyAny>; 3],
    ) -> PyResult<Bound<'py, PyTuple>> {
        let (saved, (dy, needs)) = open(call, cache, name, |saved: &Saved<T>| {
            Ok((call.slope::<T>("dy", dy, saved.x.shape())?, call.needs(needs, ["x", "weight", "bias"])?))
        })?;
        let wanted = [needs[0], needs[1] && saved.weight.is_some(), needs[2] && saved.has_bias];
        let shapes = [saved.x.shape(), &saved.parameter_shape, &saved.parameter_shape];
        let mut outputs = [None, None, None];
        for ((output, wanted), shape) in outputs.iter_mut().zip(wanted).zip(shapes) {
            if wanted {
                *output = Some(call.output::<T>(shape)?);
            }
        }
        let targets = outputs.each_mut().map(|output| output.as_mut().map(Output::as_mut_slice));
        call.run(4 * dy.as_slice().len(), || saved.backward(dy.as_slice(), targets));
        PyTuple::new(call.py, outputs.map(|output| output.map(Output::into_array)))
    }
    match Cache::dtype(call, given[1], name)? {
        Dtype::F32 => typed::<f32>(call, name, given),
        Dtype::F64 => typed::<f64>(call, name, given),
    }
}
