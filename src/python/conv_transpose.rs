//! `conv_transpose1d`, `conv_transpose2d` and `conv_transpose3d`: arguments, caches and gradients.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::{Axes, Call, Triple, triple};
use super::array::{Dense, Dtype, Input, Numeric};
use super::cache::{Cache, open};
use super::window::{padding as parse_padding, per_axis};
use crate::conv::transposed as kernels;
use crate::geometry::conv_transpose::{TransposedGeometry, TransposedOptions};
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(conv_transpose, module)?)?;
    module.add_function(wrap_pyfunction!(conv_transpose_forward, module)?)?;
    module.add_function(wrap_pyfunction!(conv_transpose_backward, module)?)
}

const NAMES: Triple = triple!("conv_transpose");

/// What the backward call needs.
struct Saved<T> {
    geometry: TransposedGeometry,
    x: Dense<T>,
    weight: Dense<T>,
    has_bias: bool,
}

struct Arguments<'py> {
    x: Input<'py>,
    weight: Input<'py>,
    bias: Option<Input<'py>>,
    geometry: TransposedGeometry,
    dtype: Dtype,
}

/// The options as they came.
struct Options<'a, 'py> {
    stride: &'a Bound<'py, PyAny>,
    padding: &'a Bound<'py, PyAny>,
    output_padding: &'a Bound<'py, PyAny>,
    groups: &'a Bound<'py, PyAny>,
    dilation: &'a Bound<'py, PyAny>,
}

impl<'py> Options<'_, 'py> {
    fn parse(&self, call: Call<'py>) -> PyResult<TransposedOptions> {
        Ok(TransposedOptions {
            stride: per_axis(call, "stride", self.stride)?,
            padding: parse_padding(call, self.padding)?,
            output_padding: per_axis(call, "output_padding", self.output_padding)?,
            groups: call.integer("groups", self.groups)?,
            dilation: per_axis(call, "dilation", self.dilation)?,
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
    ) -> PyResult<Self> {
        let x = call.array("x", x)?;
        let weight = call.array("weight", weight)?;
        let bias = call.optional_array("bias", bias)?;
        let options = options.parse(call)?;
        let bias_shape = bias.as_ref().map(Input::shape);
        let geometry =
            call.check(TransposedGeometry::new(axes.count(), x.shape(), weight.shape(), bias_shape, &options))?;
        let dtype = call.float_dtype([&x, &weight].into_iter().chain(&bias))?;
        Ok(Arguments { x, weight, bias, geometry, dtype })
    }
}

fn forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: &Arguments<'py>,
) -> PyResult<(Bound<'py, PyAny>, Saved<T>)> {
    let geometry = arguments.geometry;
    let mut y = call.output::<T>(&geometry.y_shape())?;
    let (x, weight) = (call.dense::<T>(&arguments.x)?, call.dense::<T>(&arguments.weight)?);
    let bias = call.optional_dense::<T>(arguments.bias.as_ref())?;
    let target = y.as_mut_slice();
    let bias_slice = bias.as_ref().map(Dense::as_slice);
    let done = call
        .run(geometry.conv.work(), || kernels::forward(&geometry, x.as_slice(), weight.as_slice(), bias_slice, target));
    call.check(done)?;
    Ok((y.into_array(), Saved { geometry, x, weight, has_bias: bias.is_some() }))
}

#[pyfunction]
#[pyo3(signature = (axes, x, weight, bias, stride, padding, output_padding, groups, dilation, /))]
fn conv_transpose<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    bias: &Bound<'py, PyAny>,
    stride: &Bound<'py, PyAny>,
    padding: &Bound<'py, PyAny>,
    output_padding: &Bound<'py, PyAny>,
    groups: &Bound<'py, PyAny>,
    dilation: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, NAMES.plain(axes));
    let options = Options { stride, padding, output_padding, groups, dilation };
    let arguments = Arguments::new(call, axes, x, weight, bias, &options)?;
    Ok(match arguments.dtype {
        Dtype::F32 => forward::<f32>(call, &arguments)?.0,
        Dtype::F64 => forward::<f64>(call, &arguments)?.0,
    })
}

#[pyfunction]
#[pyo3(signature = (axes, x, weight, bias, stride, padding, output_padding, groups, dilation, /))]
fn conv_transpose_forward<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    bias: &Bound<'py, PyAny>,
    stride: &Bound<'py, PyAny>,
    padding: &Bound<'py, PyAny>,
    output_padding: &Bound<'py, PyAny>,
    groups: &Bound<'py, PyAny>,
    dilation: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        name: &'static str,
        arguments: &Arguments<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
        let (y, saved) = forward::<T>(call, arguments)?;
        let nbytes = saved.x.nbytes() + saved.weight.nbytes();
        Ok((y, Cache::create::<T, _>(call, name, nbytes, saved)?))
    }
    let call = Call::new(py, NAMES.forward(axes));
    let options = Options { stride, padding, output_padding, groups, dilation };
    let arguments = Arguments::new(call, axes, x, weight, bias, &options)?;
    match arguments.dtype {
        Dtype::F32 => typed::<f32>(call, NAMES.plain(axes), &arguments),
        Dtype::F64 => typed::<f64>(call, NAMES.plain(axes), &arguments),
    }
}

#[pyfunction]
#[pyo3(signature = (axes, dy, cache, needs, /))]
fn conv_transpose_backward<'py>(
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
    let geometry = saved.geometry;
    let mut dx = needs[0].then(|| call.output::<T>(saved.x.shape())).transpose()?;
    let mut dweight = needs[1].then(|| call.output::<T>(saved.weight.shape())).transpose()?;
    let mut dbias = (needs[2] && saved.has_bias).then(|| call.output::<T>(&[geometry.outputs()])).transpose()?;
    let slices = [&mut dx, &mut dweight, &mut dbias].map(|output| output.as_mut().map(|output| output.as_mut_slice()));
    let done = call.run(2 * geometry.conv.work(), || {
        let [dx, dweight, dbias] = slices;
        if let Some(dx) = dx {
            kernels::backward_x(&geometry, dy.as_slice(), saved.weight.as_slice(), dx)?;
        }
        if let Some(dweight) = dweight {
            kernels::backward_weight(&geometry, dy.as_slice(), saved.x.as_slice(), dweight)?;
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
