//! The options of sliding windows, and the sizes that come out.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::arguments::{Call, shown};
use crate::geometry::Error;
use crate::geometry::conv::conv_output_size as conv_sizes;
use crate::geometry::pool::{PoolOptions, pool_output_size as pool_sizes};
use crate::geometry::window::{Padding, PerAxis};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(conv_output_size, module)?)?;
    module.add_function(wrap_pyfunction!(pool_output_size, module)?)
}

/// An int, or ints in any iterable. How many there must be is for the geometry to say.
pub fn per_axis<'py>(call: Call<'py>, name: &str, argument: &Bound<'py, PyAny>) -> PyResult<PerAxis> {
    if let Ok(value) = argument.extract::<i64>() {
        return Ok(PerAxis::One(value));
    }
    let Some(items) = call.items(argument) else {
        return call.integer(name, argument).map(PerAxis::One);
    };
    let mut values = [0; 3];
    for (value, item) in values.iter_mut().zip(&items) {
        *value = call.integer(name, item)?;
    }
    Ok(PerAxis::Each { values, count: items.len() })
}

/// A stride that defaults to the kernel's size.
pub fn optional_per_axis<'py>(call: Call<'py>, name: &str, argument: &Bound<'py, PyAny>) -> PyResult<Option<PerAxis>> {
    if argument.is_none() { Ok(None) } else { per_axis(call, name, argument).map(Some) }
}

/// A number, numbers, pairs or a word.
pub fn padding<'py>(call: Call<'py>, argument: &Bound<'py, PyAny>) -> PyResult<Padding> {
    const WORDS: [(&str, Padding); 4] = [
        ("valid", Padding::Valid),
        ("same", Padding::Same),
        ("same_lower", Padding::SameLower),
        ("causal", Padding::Causal),
    ];
    if let Ok(value) = argument.extract::<i64>() {
        return Ok(Padding::Numbers(PerAxis::One(value)));
    }
    if let Ok(word) = argument.cast::<PyString>() {
        let word = word.to_cow()?;
        let known = WORDS.iter().find(|(name, _)| *name == word).map(|(_, padding)| *padding);
        return known.ok_or_else(|| {
            let names = "'valid', 'same', 'same_lower' or, over one axis, 'causal'";
            call.fail(Error::value(format!("padding must be numbers, {names}, got '{word}'")))
        });
    }
    match call.items(argument) {
        Some(items) if items.first().is_some_and(|item| call.items(item).is_some()) => pairs(call, &items),
        _ => per_axis(call, "padding", argument).map(Padding::Numbers),
    }
}

fn pairs<'py>(call: Call<'py>, items: &[Bound<'py, PyAny>]) -> PyResult<Padding> {
    let mut values = [(0, 0); 3];
    for (value, item) in values.iter_mut().zip(items) {
        let pair = call.items(item).filter(|pair| pair.len() == 2);
        let Some([before, after]) = pair.as_deref() else {
            let message = format!("padding must have (before, after) pairs, got {}", shown(item));
            return Err(call.fail(Error::value(message)));
        };
        *value = (call.integer("padding", before)?, call.integer("padding", after)?);
    }
    Ok(Padding::Pairs { values, count: items.len() })
}

/// The sizes of one to three axes, and whether they came as a plain int.
fn sizes<'py>(call: Call<'py>, argument: &Bound<'py, PyAny>) -> PyResult<(Vec<usize>, bool)> {
    if argument.extract::<i64>().is_ok() {
        return Ok((vec![call.size("size", argument, 0)?], true));
    }
    let Some(items) = call.items(argument) else {
        return Ok((vec![call.size("size", argument, 0)?], true));
    };
    if !(1..=3).contains(&items.len()) {
        let message = format!("size must be an int or one to three ints, got {}", shown(argument));
        return Err(call.fail(Error::value(message)));
    }
    let sizes = items.iter().map(|item| call.size("size", item, 0)).collect::<PyResult<Vec<_>>>()?;
    Ok((sizes, false))
}

fn wrap<'py>(call: Call<'py>, sizes: &[usize], plain: bool) -> PyResult<Bound<'py, PyAny>> {
    match sizes {
        [size] if plain => Ok(size.into_pyobject(call.py)?.into_any()),
        sizes => Ok(PyTuple::new(call.py, sizes)?.into_any()),
    }
}

#[pyfunction]
#[pyo3(signature = (size, kernel_size, stride, padding, dilation, /))]
fn conv_output_size<'py>(
    py: Python<'py>,
    size: &Bound<'py, PyAny>,
    kernel_size: &Bound<'py, PyAny>,
    stride: &Bound<'py, PyAny>,
    padding: &Bound<'py, PyAny>,
    dilation: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, "conv_output_size");
    let (size, plain) = sizes(call, size)?;
    let kernel = per_axis(call, "kernel_size", kernel_size)?;
    let stride = per_axis(call, "stride", stride)?;
    let padding = self::padding(call, padding)?;
    let dilation = per_axis(call, "dilation", dilation)?;
    let outputs = call.check(conv_sizes(&size, kernel, stride, padding, dilation))?;
    wrap(call, &outputs, plain)
}

#[pyfunction]
#[pyo3(signature = (size, kernel_size, stride, padding, dilation, ceil_mode, /))]
fn pool_output_size<'py>(
    py: Python<'py>,
    size: &Bound<'py, PyAny>,
    kernel_size: &Bound<'py, PyAny>,
    stride: &Bound<'py, PyAny>,
    padding: &Bound<'py, PyAny>,
    dilation: &Bound<'py, PyAny>,
    ceil_mode: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = Call::new(py, "pool_output_size");
    let (size, plain) = sizes(call, size)?;
    let options = PoolOptions {
        kernel_size: per_axis(call, "kernel_size", kernel_size)?,
        stride: optional_per_axis(call, "stride", stride)?,
        padding: self::padding(call, padding)?,
        dilation: per_axis(call, "dilation", dilation)?,
        ceil_mode: call.boolean("ceil_mode", ceil_mode)?,
    };
    let outputs = call.check(pool_sizes(&size, &options))?;
    wrap(call, &outputs, plain)
}
