//! `goldfish.sampling`: the trigger of a profiler, and profiles from bytes.

use numpy::{Element, PyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::arguments::Call;
use crate::sampling::profile::{self, Profile};
use crate::sampling::trigger::{Trigger, simulate};

const TRIGGERS: [(&str, Trigger); 2] = [("exponential", Trigger::Exponential), ("uniform", Trigger::Uniform)];

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(simulate_heap_sampling, module)?)?;
    module.add_function(wrap_pyfunction!(read_profile, module)?)
}

#[pyfunction]
#[pyo3(signature = (sizes, rate, trigger, key, /))]
fn simulate_heap_sampling<'py>(
    py: Python<'py>,
    sizes: &Bound<'py, PyAny>,
    rate: f64,
    trigger: &Bound<'py, PyAny>,
    key: u64,
) -> PyResult<Bound<'py, PyArray1<bool>>> {
    let call = Call::new(py, "simulate_heap_sampling");
    let sizes = call.dense::<f64>(&call.array("sizes", sizes)?)?;
    let trigger = TRIGGERS[call.choice("trigger", trigger, &TRIGGERS.map(|(name, _)| name))?].1;
    let mut sampled = vec![false; sizes.as_slice().len()];
    call.run(4 * sampled.len(), || simulate(sizes.as_slice(), rate, trigger, key, &mut sampled));
    Ok(PyArray1::from_vec(py, sampled))
}

/// The columns of a profile. Malformed bytes are a `ValueError` with three arguments: message, offset, field.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn read_profile<'py>(py: Python<'py>, data: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyDict>> {
    let bytes = data.as_bytes();
    let read = Call::new(py, "read_heap_profile").run(64 * bytes.len(), || profile::read(bytes));
    match read {
        Ok(profile) => columns(py, profile),
        Err(error) => Err(PyValueError::new_err((error.message, error.offset, error.field))),
    }
}

fn columns(py: Python<'_>, profile: Profile) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("strings", profile.strings)?;
    dict.set_item("sample_types", profile.sample_types)?;
    dict.set_item("comments", profile.comments)?;
    dict.set_item("time_nanos", profile.time_nanos)?;
    dict.set_item("duration_nanos", profile.duration_nanos)?;
    dict.set_item("period_type", profile.period_type)?;
    dict.set_item("period", profile.period)?;
    dict.set_item("period_offset", profile.period_offset)?;
    dict.set_item("default_sample_type", profile.default_sample_type)?;
    set(&dict, "sample_offset", profile.samples.offset)?;
    set(&dict, "stack_end", profile.samples.end)?;
    set(&dict, "stack", profile.samples.stack)?;
    set(&dict, "values", profile.samples.values)?;
    set(&dict, "block", profile.samples.block)?;
    set(&dict, "mapping_start", profile.mappings.start)?;
    set(&dict, "mapping_limit", profile.mappings.limit)?;
    set(&dict, "mapping_offset", profile.mappings.file_offset)?;
    set(&dict, "mapping_filename", profile.mappings.filename)?;
    set(&dict, "mapping_build_id", profile.mappings.build_id)?;
    set(&dict, "location_mapping", profile.locations.mapping)?;
    set(&dict, "location_address", profile.locations.address)?;
    set(&dict, "line_end", profile.locations.end)?;
    set(&dict, "line_function", profile.locations.line_function)?;
    set(&dict, "line_number", profile.locations.line_number)?;
    set(&dict, "function_name", profile.functions.name)?;
    set(&dict, "function_system_name", profile.functions.system_name)?;
    set(&dict, "function_filename", profile.functions.filename)?;
    set(&dict, "function_start_line", profile.functions.start_line)?;
    Ok(dict)
}

fn set<T: Element>(dict: &Bound<'_, PyDict>, name: &str, column: Vec<T>) -> PyResult<()> {
    dict.set_item(name, PyArray1::from_vec(dict.py(), column))
}
