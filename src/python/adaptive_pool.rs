//! Adaptive max and average pooling over one to three axes.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::{Axes, Call, Triple, triple};
use super::array::{Dtype, Input, Numeric};
use super::cache::{Cache, open};
use crate::geometry::Error;
use crate::geometry::adaptive::{AdaptiveGeometry, OutputSize};
use crate::memory::Block;
use crate::pool::adaptive as kernels;
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(adaptive_max_pool, module)?)?;
    module.add_function(wrap_pyfunction!(adaptive_max_pool_forward, module)?)?;
    module.add_function(wrap_pyfunction!(adaptive_max_pool_backward, module)?)?;
    module.add_function(wrap_pyfunction!(adaptive_avg_pool, module)?)?;
    module.add_function(wrap_pyfunction!(adaptive_avg_pool_forward, module)?)?;
    module.add_function(wrap_pyfunction!(adaptive_avg_pool_backward, module)?)
}

const MAX: Triple = triple!("adaptive_max_pool");
const AVG: Triple = triple!("adaptive_avg_pool");

struct Arguments<'py> {
    x: Input<'py>,
    geometry: AdaptiveGeometry,
    dtype: Dtype,
}

impl<'py> Arguments<'py> {
    fn new(
        call: Call<'py>,
        axes: Axes,
        x: &Bound<'py, PyAny>,
        output_size: &Bound<'py, PyAny>,
    ) -> PyResult<Arguments<'py>> {
        let x = call.array("x", x)?;
        let output_size = sizes(call, output_size)?;
        let geometry = call.check(AdaptiveGeometry::new(axes.count(), x.shape(), &output_size))?;
        let dtype = call.float_dtype([&x])?;
        Ok(Arguments { x, geometry, dtype })
    }
}

/// An int, None, or a sequence of these.
fn sizes<'py>(call: Call<'py>, argument: &Bound<'py, PyAny>) -> PyResult<Vec<OutputSize>> {
    let one = |item: &Bound<'py, PyAny>| {
        if item.is_none() { Ok(None) } else { call.integer("output_size", item).map(Some) }
    };
    match call.items(argument) {
        Some(items) => items.iter().map(one).collect(),
        None => Ok(vec![one(argument)?]),
    }
}

/// Element visits of a call.
fn visits(geometry: &AdaptiveGeometry) -> usize {
    geometry.x_len().saturating_add(geometry.y_len())
}

/// What the backward call of a maximum needs.
struct SavedMax {
    geometry: AdaptiveGeometry,
    x_shape: Vec<usize>,
    places: Block,
}

/// What a call of the maximum gives.
struct MaxResult<'py> {
    y: Bound<'py, PyAny>,
    indices: Option<Bound<'py, PyAny>>,
    places: Block,
}

fn max_forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: &Arguments<'py>,
    return_indices: bool,
) -> PyResult<MaxResult<'py>> {
    let geometry = arguments.geometry;
    let shape = geometry.y_shape();
    let mut y = call.output::<T>(&shape)?;
    let mut indices = return_indices.then(|| call.output::<i64>(&shape)).transpose()?;
    let places = Block::new(geometry.y_len() * size_of::<i64>());
    let mut places = call.check(places.map_err(|error| Error::Memory(error.to_string())))?;
    let x = call.dense::<T>(&arguments.x)?;
    let target = y.as_mut_slice();
    let copy = indices.as_mut().map(|indices| indices.as_mut_slice());
    let winners = places.as_mut_slice::<i64>(geometry.y_len());
    call.run(visits(&geometry), || {
        kernels::max(&geometry, x.as_slice(), target, winners);
        if let Some(copy) = copy {
            copy.copy_from_slice(winners);
        }
    });
    Ok(MaxResult { y: y.into_array(), indices: indices.map(|indices| indices.into_array()), places })
}

#[pyfunction]
#[pyo3(signature = (axes, x, output_size, return_indices, /))]
fn adaptive_max_pool<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    output_size: &Bound<'py, PyAny>,
    return_indices: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, MAX.plain(axes));
    let arguments = Arguments::new(call, axes, x, output_size)?;
    let return_indices = call.boolean("return_indices", return_indices)?;
    let result = match arguments.dtype {
        Dtype::F32 => max_forward::<f32>(call, &arguments, return_indices)?,
        Dtype::F64 => max_forward::<f64>(call, &arguments, return_indices)?,
    };
    match result.indices {
        None => Ok(result.y),
        Some(indices) => Ok(PyTuple::new(py, [result.y, indices])?.into_any()),
    }
}

#[pyfunction]
#[pyo3(signature = (axes, x, output_size, return_indices, /))]
fn adaptive_max_pool_forward<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    output_size: &Bound<'py, PyAny>,
    return_indices: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        name: &'static str,
        arguments: &Arguments<'py>,
        return_indices: bool,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let result = max_forward::<T>(call, arguments, return_indices)?;
        let geometry = arguments.geometry;
        let saved = SavedMax { geometry, x_shape: arguments.x.shape().to_vec(), places: result.places };
        let cache = Cache::create::<T, _>(call, name, geometry.y_len() * size_of::<i64>(), saved)?;
        let mut items = vec![result.y];
        items.extend(result.indices);
        items.push(cache.into_any());
        PyTuple::new(call.py, items)
    }
    let call = Call::new(py, MAX.forward(axes));
    let arguments = Arguments::new(call, axes, x, output_size)?;
    let return_indices = call.boolean("return_indices", return_indices)?;
    match arguments.dtype {
        Dtype::F32 => typed::<f32>(call, MAX.plain(axes), &arguments, return_indices),
        Dtype::F64 => typed::<f64>(call, MAX.plain(axes), &arguments, return_indices),
    }
}

#[pyfunction]
#[pyo3(signature = (axes, dy, cache, needs, /))]
fn adaptive_max_pool_backward<'py>(
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
        let geometry = saved.geometry;
        let mut dx = wanted.then(|| call.output::<T>(&saved.x_shape)).transpose()?;
        if let Some(dx) = &mut dx {
            let (target, places) = (dx.as_mut_slice(), saved.places.as_slice::<i64>(geometry.y_len()));
            call.run(visits(&geometry), || kernels::max_backward(&geometry, dy.as_slice(), places, target));
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
    geometry: AdaptiveGeometry,
    x_shape: Vec<usize>,
}

fn average_forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: &Arguments<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let geometry = arguments.geometry;
    let mut y = call.output::<T>(&geometry.y_shape())?;
    let x = call.dense::<T>(&arguments.x)?;
    let target = y.as_mut_slice();
    call.run(visits(&geometry), || kernels::average(&geometry, x.as_slice(), target));
    Ok(y.into_array())
}

#[pyfunction]
#[pyo3(signature = (axes, x, output_size, /))]
fn adaptive_avg_pool<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    output_size: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, AVG.plain(axes));
    let arguments = Arguments::new(call, axes, x, output_size)?;
    match arguments.dtype {
        Dtype::F32 => average_forward::<f32>(call, &arguments),
        Dtype::F64 => average_forward::<f64>(call, &arguments),
    }
}

#[pyfunction]
#[pyo3(signature = (axes, x, output_size, /))]
fn adaptive_avg_pool_forward<'py>(
    py: Python<'py>,
    axes: Axes,
    x: &Bound<'py, PyAny>,
    output_size: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
    fn typed<'py, T: Scalar + Numeric>(
        call: Call<'py>,
        name: &'static str,
        arguments: &Arguments<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, Cache>)> {
        let y = average_forward::<T>(call, arguments)?;
        let saved = SavedAverage { geometry: arguments.geometry, x_shape: arguments.x.shape().to_vec() };
        Ok((y, Cache::create::<T, _>(call, name, 0, saved)?))
    }
    let call = Call::new(py, AVG.forward(axes));
    let arguments = Arguments::new(call, axes, x, output_size)?;
    match arguments.dtype {
        Dtype::F32 => typed::<f32>(call, AVG.plain(axes), &arguments),
        Dtype::F64 => typed::<f64>(call, AVG.plain(axes), &arguments),
    }
}

#[pyfunction]
#[pyo3(signature = (axes, dy, cache, needs, /))]
fn adaptive_avg_pool_backward<'py>(
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
            call.run(visits(&saved.geometry), || kernels::average_backward(&saved.geometry, dy.as_slice(), target));
        }
        PyTuple::new(call.py, [dx.map(|dx| dx.into_array())])
    }
    let call = Call::new(py, AVG.backward(axes));
    match Cache::dtype(call, cache, AVG.plain(axes))? {
        Dtype::F32 => typed::<f32>(call, AVG.plain(axes), dy, cache, needs),
        Dtype::F64 => typed::<f64>(call, AVG.plain(axes), dy, cache, needs),
    }
}
