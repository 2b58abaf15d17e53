//! Networks of convolutions with packed weights.

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyList, PyTuple};

use super::arguments::{Call, shown};
use super::array::{Dense, Dtype, Numeric};
use super::window::{optional_per_axis, padding, per_axis};
use crate::conv::prepared::Filters;
use crate::geometry::conv::ConvOptions;
use crate::geometry::pool::PoolOptions;
use crate::geometry::{Error, tuple};
use crate::inference::{Activation, Network, Step};
use crate::pool::average::Divisor;
use crate::scalar::Scalar;
use crate::simd::lanes;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ConvNetwork>()
}

/// A network of two-dimensional convolutions, ready for inference.
#[pyclass(frozen, module = "goldfish._core")]
pub struct ConvNetwork {
    network: Typed,
}

enum Typed {
    F32(Network<f32>),
    F64(Network<f64>),
}

const KINDS: [&str; 8] =
    ["conv", "max_pool", "avg_pool", "adaptive_avg_pool", "activation", "affine", "add", "flatten"];
const LINEAR: &str = "linear";
const ACTIVATIONS: [&str; 6] = ["relu", "leaky_relu", "sigmoid", "tanh", "silu", "gelu"];

#[pymethods]
impl ConvNetwork {
    /// `steps` are tuples (kind, x, ...), x being the number of a value: 0 is the input, step i makes value i + 1.
    #[new]
    #[pyo3(signature = (dtype, steps, /))]
    fn new(py: Python<'_>, dtype: &Bound<'_, PyAny>, steps: &Bound<'_, PyList>) -> PyResult<Self> {
        let call = Call::new(py, "prepare");
        let network = match call.choice("dtype", dtype, &["float32", "float64"])? {
            0 => Typed::F32(build(call, steps)?),
            _ => Typed::F64(build(call, steps)?),
        };
        Ok(ConvNetwork { network })
    }

    /// Bytes of the packed weights.
    #[getter]
    fn nbytes(&self) -> usize {
        match &self.network {
            Typed::F32(network) => network.nbytes(),
            Typed::F64(network) => network.nbytes(),
        }
    }

    /// Packs what inputs of a shape need; returns the shape of the output.
    #[pyo3(signature = (shape, /))]
    fn prepare(&self, py: Python<'_>, shape: [usize; 4]) -> PyResult<Vec<usize>> {
        let call = Call::new(py, "prepare");
        let schedule = match &self.network {
            Typed::F32(network) => py.detach(|| network.schedule(shape)),
            Typed::F64(network) => py.detach(|| network.schedule(shape)),
        };
        Ok(call.check(schedule)?.output().to_vec())
    }

    /// y of x (N, C, H, W).
    #[pyo3(signature = (x, /))]
    fn __call__<'py>(&self, py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match &self.network {
            Typed::F32(network) => run(py, network, Dtype::F32, x),
            Typed::F64(network) => run(py, network, Dtype::F64, x),
        }
    }
}

fn run<'py, T: Scalar + Numeric>(
    py: Python<'py>,
    network: &Network<T>,
    dtype: Dtype,
    x: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, "prepared");
    let x = call.array("x", x)?;
    if call.float_dtype([&x])? != dtype {
        return Err(call.fail(Error::type_(format!("x must have the dtype of the weights, {}", T::NAME))));
    }
    let Ok(shape) = <[usize; 4]>::try_from(x.shape()) else {
        return Err(call.fail(Error::value(format!("x must have 4 axes (N, C, H, W), got {}", tuple(x.shape())))));
    };
    let x = call.dense::<T>(&x)?;
    let schedule = match network.known(shape) {
        Some(schedule) => schedule,
        // Weights are packed: other threads may go on meanwhile.
        None => call.check(py.detach(|| network.schedule(shape)))?,
    };
    let mut y = call.output::<T>(schedule.output())?;
    let to = y.as_mut_slice();
    call.check(call.run(schedule.work(), || network.run(&schedule, x.as_slice(), to)))?;
    Ok(y.into_array())
}

fn build<'py, T: Scalar + Numeric>(call: Call<'py>, steps: &Bound<'py, PyList>) -> PyResult<Network<T>> {
    let mut built = Vec::with_capacity(steps.len());
    for (number, step) in steps.iter().enumerate() {
        let step = Arguments { call, number, items: step.cast_into::<PyTuple>().map_err(PyErr::from)? };
        built.push(step.parse()?);
    }
    if built.is_empty() {
        return Err(call.fail(Error::value("steps must not be empty")));
    }
    Ok(Network::new(built))
}

/// The tuple of one step.
struct Arguments<'py> {
    call: Call<'py>,
    number: usize,
    items: Bound<'py, PyTuple>,
}

impl<'py> Arguments<'py> {
    fn item(&self, at: usize) -> PyResult<Bound<'py, PyAny>> {
        self.items.get_item(at)
    }

    /// The number of a value that is there already.
    fn value(&self, at: usize) -> PyResult<usize> {
        let item = self.item(at)?;
        let value = self.call.size("x", &item, 0)?;
        if value > self.number {
            let message = format!("step {} must read a value up to {}, got {value}", self.number, self.number);
            return Err(self.call.fail(Error::value(message)));
        }
        Ok(value)
    }

    fn optional_value(&self, at: usize) -> PyResult<Option<usize>> {
        if self.item(at)?.is_none() { Ok(None) } else { self.value(at).map(Some) }
    }

    fn boolean(&self, name: &str, at: usize) -> PyResult<bool> {
        self.call.boolean(name, &self.item(at)?)
    }

    fn array<T: Scalar + Numeric>(&self, name: &'static str, at: usize) -> PyResult<Dense<T>> {
        let array = self.call.array(name, &self.item(at)?)?;
        self.call.dense(&array)
    }

    fn optional_array<T: Scalar + Numeric>(&self, name: &'static str, at: usize) -> PyResult<Option<Dense<T>>> {
        let array = self.call.optional_array(name, &self.item(at)?)?;
        self.call.optional_dense(array.as_ref())
    }

    /// The number of channels, and a value for each of them, in whole vectors.
    fn by_channel<T: Scalar + Numeric>(&self, name: &'static str, at: usize) -> PyResult<(usize, Vec<T>)> {
        let array = self.array::<T>(name, at)?;
        let mut values = array.as_slice().to_vec();
        values.resize(values.len().next_multiple_of(lanes::<T>()), T::ZERO);
        Ok((array.as_slice().len(), values))
    }

    fn parse<T: Scalar + Numeric>(&self) -> PyResult<Step<T>> {
        let kind = self.item(0)?;
        if kind.eq(LINEAR)? {
            return self.linear();
        }
        let x = self.value(1)?;
        Ok(match self.call.choice("kind", &kind, &KINDS)? {
            0 => self.convolve(x)?,
            1 => Step::Pool { x, options: self.pool_options(Some(5), 6)?, mean: None },
            2 => {
                let padded = self.boolean("count_include_pad", 6)?;
                let mean = Some(if padded { Divisor::Padded } else { Divisor::Inside });
                Step::Pool { x, options: self.pool_options(None, 5)?, mean }
            }
            3 => Step::AdaptiveMean { x, output_size: self.output_size()? },
            4 => Step::Activate { x, activation: self.activation()? },
            5 => {
                let ((channels, scale), (others, shift)) = (self.by_channel("scale", 2)?, self.by_channel("shift", 3)?);
                if channels != others {
                    let message = format!("shift must have {channels} values, got {others}");
                    return Err(self.call.fail(Error::value(message)));
                }
                Step::Affine { x, channels, scale, shift, relu: self.boolean("relu", 4)? }
            }
            6 => Step::Add { x, add: self.value(2)?, relu: self.boolean("relu", 3)? },
            _ => Step::Flatten { x },
        })
    }

    fn convolve<T: Scalar + Numeric>(&self, x: usize) -> PyResult<Step<T>> {
        let call = self.call;
        let (weight, bias) = (self.array::<T>("weight", 2)?, self.optional_array::<T>("bias", 3)?);
        let Ok(shape) = <[usize; 4]>::try_from(weight.shape()) else {
            let message = format!("weight must have 4 axes (O, C, KH, KW), got shape {}", tuple(weight.shape()));
            return Err(call.fail(Error::value(message)));
        };
        let bias_fits = bias.as_ref().is_none_or(|bias| bias.shape() == [shape[0]]);
        if shape.contains(&0) || !bias_fits {
            return Err(call.fail(Error::value(format!("weight and bias must fit, got {}", tuple(&shape)))));
        }
        let options = ConvOptions {
            stride: per_axis(call, "stride", &self.item(4)?)?,
            padding: padding(call, &self.item(5)?)?,
            dilation: per_axis(call, "dilation", &self.item(6)?)?,
            groups: 1,
        };
        let bias = bias.as_ref().map(Dense::as_slice);
        let filters = Filters::new(weight.as_slice(), shape, bias, options);
        let filters = filters.map_err(|error| call.fail(Error::Memory(error.to_string())))?;
        Ok(Step::Convolve { x, filters, add: self.optional_value(7)?, relu: self.boolean("relu", 8)? })
    }

    fn pool_options(&self, dilation: Option<usize>, ceil_mode: usize) -> PyResult<PoolOptions> {
        let call = self.call;
        let one = crate::geometry::window::PerAxis::One(1);
        Ok(PoolOptions {
            kernel_size: per_axis(call, "kernel_size", &self.item(2)?)?,
            stride: optional_per_axis(call, "stride", &self.item(3)?)?,
            padding: padding(call, &self.item(4)?)?,
            dilation: dilation.map_or(Ok(one), |at| per_axis(call, "dilation", &self.item(at)?))?,
            ceil_mode: self.boolean("ceil_mode", ceil_mode)?,
        })
    }

    fn output_size(&self) -> PyResult<Vec<Option<i64>>> {
        let sizes = self.item(2)?;
        let size = |item: &Bound<'py, PyAny>| {
            if item.is_none() { Ok(None) } else { self.call.integer("output_size", item).map(Some) }
        };
        match self.call.items(&sizes) {
            Some(items) => items.iter().map(size).collect(),
            None => Ok(vec![size(&sizes)?]),
        }
    }

    fn activation(&self) -> PyResult<Activation> {
        let option = self.item(3)?;
        Ok(match self.call.choice("activation", &self.item(2)?, &ACTIVATIONS)? {
            0 => Activation::Relu,
            1 => Activation::LeakyRelu(self.call.float("negative_slope", &option)?),
            2 => Activation::Sigmoid,
            3 => Activation::Tanh,
            4 => Activation::Silu,
            _ => Activation::Gelu { approximate: self.boolean("approximate", 3)? },
        })
    }

    fn linear<T: Scalar + Numeric>(&self) -> PyResult<Step<T>> {
        let (weight, bias) = (self.array::<T>("weight", 2)?, self.optional_array::<T>("bias", 3)?);
        let &[outputs, inputs] = weight.shape() else {
            let message = format!("weight must have 2 axes, got {}", shown(&self.item(2)?));
            return Err(self.call.fail(Error::value(message)));
        };
        if outputs == 0 || inputs == 0 || bias.as_ref().is_some_and(|bias| bias.shape() != [outputs]) {
            return Err(self
                .call
                .fail(Error::value(format!("weight and bias must fit, got {}", tuple(weight.shape())))));
        }
        let bias = bias.map(|bias| bias.as_slice().to_vec());
        let weight = weight.as_slice().to_vec();
        Ok(Step::Linear { x: self.value(1)?, weight, bias, outputs, relu: self.boolean("relu", 4)? })
    }
}
