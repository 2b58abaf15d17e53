//! `conv1d`, `conv2d` and `conv3d`: arguments, caches and gradients.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::arguments::{Axes, Call, Triple, shown, triple};
use super::array::{Dense, Dtype, Input, Numeric};
use super::cache::{Cache, open};
use super::window::{padding as parse_padding, per_axis};
use crate::conv::{self as kernels, Algorithm, Product, Wanted};
use crate::geometry::Error;
use crate::geometry::conv::{ConvGeometry, ConvOptions};
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(conv, module)?)?;
    module.add_function(wrap_pyfunction!(conv_forward, module)?)?;
    module.add_function(wrap_pyfunction!(conv_backward, module)?)?;
    module.add_function(wrap_pyfunction!(conv2d_algorithm, module)?)
}

const NAMES: Triple = triple!("conv");

/// What the backward call needs.
struct Saved<T> {
    geometry: ConvGeometry,
    wanted: Wanted,
    x: Dense<T>,
    weight: Dense<T>,
    has_bias: bool,
}

struct Arguments<'py> {
    x: Input<'py>,
    weight: Input<'py>,
    bias: Option<Input<'py>>,
    geometry: ConvGeometry,
    wanted: Wanted,
    dtype: Dtype,
}

/// The options as they came.
struct Options<'a, 'py> {
    stride: &'a Bound<'py, PyAny>,
    padding: &'a Bound<'py, PyAny>,
    dilation: &'a Bound<'py, PyAny>,
    groups: &'a Bound<'py, PyAny>,
}

impl<'py> Options<'_, 'py> {
    fn parse(&self, call: Call<'py>) -> PyResult<ConvOptions> {
        Ok(ConvOptions {
            stride: per_axis(call, "stride", self.stride)?,
            padding: parse_padding(call, self.padding)?,
            dilation: per_axis(call, "dilation", self.dilation)?,
            groups: call.integer("groups", self.groups)?,
        })
    }
}

impl<'py> Arguments<'py> {
    fn new(
        call: Call<'py>,
        axes: Axes,
        x: &Bound<'py, PyAny>,
        weight: &Bound<'py, PyAny>,
        bias: &Bound<'py, PyAny>,
        options: &Options<'_, 'py>,
        algorithm: &Bound<'py, PyAny>,
    ) -> PyResult<Self> {
        let x = call.array("x", x)?;
        let weight = call.array("weight", weight)?;
        let bias = call.optional_array("bias", bias)?;
        let options = options.parse(call)?;
        let bias_shape = bias.as_ref().map(Input::shape);
        let geometry = call.check(ConvGeometry::new(axes.count(), x.shape(), weight.shape(), bias_shape, &options))?;
        let dtype = call.float_dtype([&x, &weight].into_iter().chain(&bias))?;
        let wanted = wanted(call, algorithm, &geometry)?;
        Ok(Arguments { x, weight, bias, geometry, wanted, dtype })
    }
}

fn wanted<'py>(call: Call<'py>, algorithm: &Bound<'py, PyAny>, geometry: &ConvGeometry) -> PyResult<Wanted> {
    let Ok(name) = algorithm.cast::<PyString>() else {
        let message = format!("algorithm must be 'auto', 'direct', 'winograd' or 'fourier', got {}", shown(algorithm));
        return Err(call.fail(Error::type_(message)));
    };
    call.check(Wanted::parse(&name.to_cow()?, geometry))
}

fn forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: &Arguments<'py>,
    out: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Saved<T>)> {
    let (geometry, wanted) = (arguments.geometry, arguments.wanted);
    let inputs = [Some(&arguments.x), Some(&arguments.weight), arguments.bias.as_ref()];
    let inputs: Vec<&Input> = inputs.into_iter().flatten().collect();
    let mut y = call.output_or::<T>(out, &geometry.y_shape(), &inputs)?;
    let (x, weight) = (call.dense::<T>(&arguments.x)?, call.dense::<T>(&arguments.weight)?);
    let bias = call.optional_dense::<T>(arguments.bias.as_ref())?;
    let target = y.as_mut_slice();
    let bias_slice = bias.as_ref().map(Dense::as_slice);
    let done = call.run(geometry.work(), || {
        kernels::forward(&geometry, wanted, x.as_slice(), weight.as_slice(), bias_slice, target)
    });
    call.check(done)?;
    Ok((y.into_array(), Saved { geometry, wanted, x, weight, has_bias: bias.is_some() }))
}

#[pyfunction]
#[pyo3(signature = (axes, x, weight, bias, stride, padding, dilation, groups, algorithm, out, /))]
fn conv<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    bias: &Bound<'py, PyAny>,
    stride: &Bound<'py, PyAny>,
    padding: &Bound<'py, PyAny>,
    dilation: &Bound<'py, PyAny>,
    groups: &Bound<'py, PyAny>,
    algorithm: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, NAMES.plain(axes));
    let options = Options { stride, padding, dilation, groups };
    let arguments = Arguments::new(call, axes, x, weight, bias, &options, algorithm)?;
    Ok(match arguments.dtype {
        Dtype::F32 => forward::<f32>(call, &arguments, out)?.0,
        Dtype::F64 => forward::<f64>(call, &arguments, out)?.0,
    })
}

#[pyfunction]
#[pyo3(signature = (axes, x, weight, bias, stride, padding, dilation, groups, algorithm, out, /))]
fn conv_forward<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    bias: &Bound<'py, PyAny>,
    stride: &Bound<'py, PyAny>,
    padding: &Bound<'py, PyAny>,
    dilation: &Bound<'py, PyAny>,
    groups: &Bound<'py, PyAny>,
    algorithm: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        name: &'static str,
        arguments: &Arguments<'py>,
        out: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
        let (y, saved) = forward::<T>(call, arguments, out)?;
        let nbytes = saved.x.nbytes() + saved.weight.nbytes();
        Ok((y, Cache::create::<T, _>(call, name, nbytes, saved)?))
    }
    let call = Call::new(py, NAMES.forward(axes));
    let options = Options { stride, padding, dilation, groups };
    let arguments = Arguments::new(call, axes, x, weight, bias, &options, algorithm)?;
    match arguments.dtype {
        Dtype::F32 => typed::<f32>(call, NAMES.plain(axes), &arguments, out),
        Dtype::F64 => typed::<f64>(call, NAMES.plain(axes), &arguments, out),
    }
}

#[pyfunction]
#[pyo3(signature = (axes, dy, cache, needs, /))]
fn conv_backward<'py>(
    py: Python<'py>,
    axes: Axes,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let call = Call::new(py, NAMES.backward(axes));
    match Cache::dtype(call, cache, NAMES.plain(axes))? {
        Dtype::F32 => backward::<f32>(call, NAMES.plain(axes), dy, cache, needs),
        Dtype::F64 => backward::<f64>(call, NAMES.plain(axes), dy, cache, needs),
    }
}

fn backward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    name: &'static str,
    dy: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let (saved, (dy, needs)) = open(call, cache, name, |saved: &Saved<T>| {
        let needs = call.needs(needs, ["x", "weight", "bias"])?;
        Ok((call.slope::<T>("dy", dy, &saved.geometry.y_shape())?, needs))
    })?;
    let (geometry, wanted) = (saved.geometry, saved.wanted);
    let outputs = geometry.groups * geometry.outputs;
    let mut dx = needs[0].then(|| call.output::<T>(saved.x.shape())).transpose()?;
    let mut dweight = needs[1].then(|| call.output::<T>(saved.weight.shape())).transpose()?;
    let mut dbias = (needs[2] && saved.has_bias).then(|| call.output::<T>(&[outputs])).transpose()?;
    let slices = [&mut dx, &mut dweight, &mut dbias].map(|output| output.as_mut().map(|output| output.as_mut_slice()));
    let done = call.run(2 * geometry.work(), || {
        let [dx, dweight, dbias] = slices;
        if let Some(dx) = dx {
            kernels::backward_x(&geometry, wanted, dy.as_slice(), saved.weight.as_slice(), dx)?;
        }
        if let Some(dweight) = dweight {
            kernels::backward_weight(&geometry, wanted, dy.as_slice(), saved.x.as_slice(), dweight)?;
        }
        if let Some(dbias) = dbias {
            kernels::backward_bias(&geometry, dy.as_slice(), dbias);
        }
        Ok(())
    });
    call.check(done)?;
    let arrays = [dx, dweight, dbias].map(|output| output.map(|output| output.into_array()));
    PyTuple::new(call.py, arrays)
}

#[pyfunction]
#[pyo3(signature = (x_shape, weight_shape, stride, padding, dilation, groups, dtype, wrt, /))]
fn conv2d_algorithm<'py>(
    py: Python<'py>,
    x_shape: &Bound<'py, PyAny>,
    weight_shape: &Bound<'py, PyAny>,
    stride: &Bound<'py, PyAny>,
    padding: &Bound<'py, PyAny>,
    dilation: &Bound<'py, PyAny>,
    groups: &Bound<'py, PyAny>,
    dtype: &Bound<'py, PyAny>,
    wrt: &Bound<'py, PyAny>,
) -> PyResult<&'static str> {
    let call = Call::new(py, "conv2d_algorithm");
    let options = Options { stride, padding, dilation, groups }.parse(call)?;
    let (x, weight) = (shape(call, "x_shape", x_shape)?, shape(call, "weight_shape", weight_shape)?);
    let geometry = call.check(ConvGeometry::new(2, &x, &weight, None, &options))?;
    let name = py.import("numpy")?.call_method1("dtype", (dtype,));
    let name = name.and_then(|dtype| dtype.getattr("name")?.extract::<String>());
    if !name.as_ref().is_ok_and(|name| name == f32::NAME || name == f64::NAME) {
        let message = format!("dtype must be float32 or float64, got {}", shown(dtype));
        return Err(call.fail(Error::type_(message)));
    }
    let product = match wrt.is_none() {
        true => Product::Forward,
        false => [Product::BackwardX, Product::BackwardWeight][call.choice("wrt", wrt, &["x", "weight"])?],
    };
    let choose =
        if name.is_ok_and(|name| name == f32::NAME) { Algorithm::choose::<f32> } else { Algorithm::choose::<f64> };
    Ok(choose(&geometry, product, Wanted::Auto).name())
}

fn shape<'py>(call: Call<'py>, name: &str, argument: &Bound<'py, PyAny>) -> PyResult<Vec<usize>> {
    let Some(items) = call.items(argument) else {
        let message = format!("{name} must be a sequence of ints, got {}", shown(argument));
        return Err(call.fail(Error::type_(message)));
    };
    items.iter().map(|item| call.size(name, item, 0)).collect()
}
