//! Max and average pooling over one to three axes.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::{Axes, Call, Triple, triple};
use super::array::{Dtype, Input, Numeric};
use super::cache::{Cache, open};
use super::window::{optional_per_axis, padding as parse_padding, per_axis};
use crate::geometry::pool::{PoolGeometry, PoolOptions};
use crate::pool::average::{self, Divisor};
use crate::pool::max::{self, Winners};
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(max_pool, module)?)?;
    module.add_function(wrap_pyfunction!(max_pool_forward, module)?)?;
    module.add_function(wrap_pyfunction!(max_pool_backward, module)?)?;
    module.add_function(wrap_pyfunction!(avg_pool, module)?)?;
    module.add_function(wrap_pyfunction!(avg_pool_forward, module)?)?;
    module.add_function(wrap_pyfunction!(avg_pool_backward, module)?)
}

const MAX: Triple = triple!("max_pool");
const AVG: Triple = triple!("avg_pool");

struct Arguments<'py> {
    x: Input<'py>,
    geometry: PoolGeometry,
    dtype: Dtype,
}

/// The options as they came.
struct Options<'a, 'py> {
    kernel_size: &'a Bound<'py, PyAny>,
    stride: &'a Bound<'py, PyAny>,
    padding: &'a Bound<'py, PyAny>,
    dilation: &'a Bound<'py, PyAny>,
    ceil_mode: &'a Bound<'py, PyAny>,
}

impl<'py> Arguments<'py> {
    fn new(call: Call<'py>, axes: Axes, x: &Bound<'py, PyAny>, options: &Options<'_, 'py>) -> PyResult<Self> {
        let x = call.array("x", x)?;
        let options = PoolOptions {
            kernel_size: per_axis(call, "kernel_size", options.kernel_size)?,
            stride: optional_per_axis(call, "stride", options.stride)?,
            padding: parse_padding(call, options.padding)?,
            dilation: per_axis(call, "dilation", options.dilation)?,
            ceil_mode: call.boolean("ceil_mode", options.ceil_mode)?,
        };
        let geometry = call.check(PoolGeometry::new(axes.count(), x.shape(), &options))?;
        let dtype = call.float_dtype([&x])?;
        Ok(Arguments { x, geometry, dtype })
    }

    fn x_shape(&self) -> &[usize] {
        self.x.shape()
    }
}

/// Element visits of a call.
fn visits(geometry: &PoolGeometry) -> usize {
    geometry.y_len().saturating_mul(geometry.taps())
}

/// What the backward call of a maximum needs.
struct SavedMax {
    geometry: PoolGeometry,
    x_shape: Vec<usize>,
    winners: Winners,
}

/// What a call of the maximum gives.
struct MaxResult<'py> {
    y: Bound<'py, PyAny>,
    indices: Option<Bound<'py, PyAny>>,
    winners: Option<Winners>,
}

fn max_forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: &Arguments<'py>,
    (return_indices, keep): (bool, bool),
    out: &Bound<'py, PyAny>,
) -> PyResult<MaxResult<'py>> {
    let geometry = arguments.geometry;
    let shape = geometry.y_shape();
    let mut y = call.output_or::<T>(out, &shape, &[&arguments.x])?;
    let x = call.dense::<T>(&arguments.x)?;
    let mut winners = (return_indices || keep).then(|| call.check(Winners::new(&geometry))).transpose()?;
    let mut indices = return_indices.then(|| call.output::<i64>(&shape)).transpose()?;
    let (target, places) = (y.as_mut_slice(), indices.as_mut().map(|indices| indices.as_mut_slice()));
    let kept = winners.as_mut();
    call.run(visits(&geometry), || match kept {
        None => max::forward(&geometry, x.as_slice(), target, None),
        Some(winners) => {
            max::forward(&geometry, x.as_slice(), target, Some(winners));
            if let Some(places) = places {
                winners.indices(&geometry, places);
            }
        }
    });
    Ok(MaxResult { y: y.into_array(), indices: indices.map(|indices| indices.into_array()), winners })
}

#[pyfunction]
#[pyo3(signature = (axes, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out, /))]
fn max_pool<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    kernel_size: &Bound<'py, PyAny>,
    stride: &Bound<'py, PyAny>,
    padding: &Bound<'py, PyAny>,
    dilation: &Bound<'py, PyAny>,
    ceil_mode: &Bound<'py, PyAny>,
    return_indices: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, MAX.plain(axes));
    let options = Options { kernel_size, stride, padding, dilation, ceil_mode };
    let arguments = Arguments::new(call, axes, x, &options)?;
    let wants = (call.boolean("return_indices", return_indices)?, false);
    let result = match arguments.dtype {
        Dtype::F32 => max_forward::<f32>(call, &arguments, wants, out)?,
        Dtype::F64 => max_forward::<f64>(call, &arguments, wants, out)?,
    };
    match result.indices {
        None => Ok(result.y),
        Some(indices) => Ok(PyTuple::new(py, [result.y, indices])?.into_any()),
    }
}

#[pyfunction]
#[pyo3(signature = (axes, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices, out, /))]
fn max_pool_forward<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    kernel_size: &Bound<'py, PyAny>,
    stride: &Bound<'py, PyAny>,
    padding: &Bound<'py, PyAny>,
    dilation: &Bound<'py, PyAny>,
    ceil_mode: &Bound<'py, PyAny>,
    return_indices: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        name: &'static str,
        arguments: &Arguments<'py>,
        return_indices: bool,
        out: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let result = max_forward::<T>(call, arguments, (return_indices, true), out)?;
        let mut items = vec![result.y];
        items.extend(result.indices);
        if let Some(winners) = result.winners {
            let nbytes = winners.nbytes();
            let saved = SavedMax { geometry: arguments.geometry, x_shape: arguments.x_shape().to_vec(), winners };
            items.push(Cache::create::<T, _>(call, name, nbytes, saved)?.into_any());
        }
        PyTuple::new(call.py, items)
    }
    let call = Call::new(py, MAX.forward(axes));
    let options = Options { kernel_size, stride, padding, dilation, ceil_mode };
    let arguments = Arguments::new(call, axes, x, &options)?;
    let return_indices = call.boolean("return_indices", return_indices)?;
    match arguments.dtype {
        Dtype::F32 => typed::<f32>(call, MAX.plain(axes), &arguments, return_indices, out),
        Dtype::F64 => typed::<f64>(call, MAX.plain(axes), &arguments, return_indices, out),
    }
}

#[pyfunction]
#[pyo3(signature = (axes, dy, cache, needs, /))]
fn max_pool_backward<'py>(
    py: Python<'py>,
    axes: Axes,
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
        let (saved, (dy, [wanted])) = open(call, cache, name, |saved: &SavedMax| {
            let needs = call.needs(needs, ["x"])?;
            Ok((call.slope::<T>("dy", dy, &saved.geometry.y_shape())?, needs))
        })?;
        let mut dx = wanted.then(|| call.output::<T>(&saved.x_shape)).transpose()?;
        if let Some(dx) = &mut dx {
            let target = dx.as_mut_slice();
            call.run(visits(&saved.geometry), || {
                max::backward(&saved.geometry, dy.as_slice(), &saved.winners, target);
            });
        }
        PyTuple::new(call.py, [dx.map(|dx| dx.into_array())])
    }
    let call = Call::new(py, MAX.backward(axes));
    match Cache::dtype(call, cache, MAX.plain(axes))? {
        Dtype::F32 => typed::<f32>(call, MAX.plain(axes), dy, cache, needs),
        Dtype::F64 => typed::<f64>(call, MAX.plain(axes), dy, cache, needs),
    }
}

/// What the backward call of an average needs.
struct SavedAverage {
    geometry: PoolGeometry,
    x_shape: Vec<usize>,
    divisor: Divisor,
}

fn parse_divisor<'py>(
    call: Call<'py>,
    count_include_pad: &Bound<'py, PyAny>,
    divisor_override: &Bound<'py, PyAny>,
) -> PyResult<Divisor> {
    let padded = call.boolean("count_include_pad", count_include_pad)?;
    if divisor_override.is_none() {
        return Ok(if padded { Divisor::Padded } else { Divisor::Inside });
    }
    call.size("divisor_override", divisor_override, 1).map(|divisor| Divisor::Fixed(divisor as i64))
}

fn average_forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: &Arguments<'py>,
    divisor: Divisor,
    out: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let geometry = arguments.geometry;
    let mut y = call.output_or::<T>(out, &geometry.y_shape(), &[&arguments.x])?;
    let x = call.dense::<T>(&arguments.x)?;
    let target = y.as_mut_slice();
    call.run(visits(&geometry), || average::forward(&geometry, divisor, x.as_slice(), target));
    Ok(y.into_array())
}

#[pyfunction]
#[pyo3(signature = (axes, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, out, /))]
fn avg_pool<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    kernel_size: &Bound<'py, PyAny>,
    stride: &Bound<'py, PyAny>,
    padding: &Bound<'py, PyAny>,
    ceil_mode: &Bound<'py, PyAny>,
    count_include_pad: &Bound<'py, PyAny>,
    divisor_override: &Bound<'py, PyAny>,
    dilation: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, AVG.plain(axes));
    let options = Options { kernel_size, stride, padding, dilation, ceil_mode };
    let arguments = Arguments::new(call, axes, x, &options)?;
    let divisor = parse_divisor(call, count_include_pad, divisor_override)?;
    match arguments.dtype {
        Dtype::F32 => average_forward::<f32>(call, &arguments, divisor, out),
        Dtype::F64 => average_forward::<f64>(call, &arguments, divisor, out),
    }
}

#[pyfunction]
#[pyo3(signature = (axes, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation, out, /))]
fn avg_pool_forward<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    kernel_size: &Bound<'py, PyAny>,
    stride: &Bound<'py, PyAny>,
    padding: &Bound<'py, PyAny>,
    ceil_mode: &Bound<'py, PyAny>,
    count_include_pad: &Bound<'py, PyAny>,
    divisor_override: &Bound<'py, PyAny>,
    dilation: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        name: &'static str,
        arguments: &Arguments<'py>,
        divisor: Divisor,
        out: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
        let y = average_forward::<T>(call, arguments, divisor, out)?;
        let saved = SavedAverage { geometry: arguments.geometry, x_shape: arguments.x_shape().to_vec(), divisor };
        Ok((y, Cache::create::<T, _>(call, name, 0, saved)?))
    }
    let call = Call::new(py, AVG.forward(axes));
    let options = Options { kernel_size, stride, padding, dilation, ceil_mode };
    let arguments = Arguments::new(call, axes, x, &options)?;
    let divisor = parse_divisor(call, count_include_pad, divisor_override)?;
    match arguments.dtype {
        Dtype::F32 => typed::<f32>(call, AVG.plain(axes), &arguments, divisor, out),
        Dtype::F64 => typed::<f64>(call, AVG.plain(axes), &arguments, divisor, out),
    }
}

#[pyfunction]
#[pyo3(signature = (axes, dy, cache, needs, /))]
fn avg_pool_backward<'py>(
    py: Python<'py>,
    axes: Axes,
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
        let (saved, (dy, [wanted])) = open(call, cache, name, |saved: &SavedAverage| {
            let needs = call.needs(needs, ["x"])?;
            Ok((call.slope::<T>("dy", dy, &saved.geometry.y_shape())?, needs))
        })?;
        let mut dx = wanted.then(|| call.output::<T>(&saved.x_shape)).transpose()?;
        if let Some(dx) = &mut dx {
            let target = dx.as_mut_slice();
            call.run(visits(&saved.geometry), || {
                average::backward(&saved.geometry, saved.divisor, dy.as_slice(), target);
            });
        }
        PyTuple::new(call.py, [dx.map(|dx| dx.into_array())])
    }
    let call = Call::new(py, AVG.backward(axes));
    match Cache::dtype(call, cache, AVG.plain(axes))? {
        Dtype::F32 => typed::<f32>(call, AVG.plain(axes), dy, cache, needs),
        Dtype::F64 => typed::<f64>(call, AVG.plain(axes), dy, cache, needs),
    }
}
