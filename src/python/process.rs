//! The process: threads, precision, memory, and what was chosen at run time.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arguments::Call;
use crate::conv::Precision;
use crate::{memory, simd, threads};

/// More threads than this are refused: a slip of the keyboard should not start a million.
const MOST_THREADS: usize = 4096;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let call = Call::new(module.py(), "goldfish");
    call.check(simd::requested())?;
    module.add_function(wrap_pyfunction!(set_num_threads, module)?)?;
    module.add_function(wrap_pyfunction!(get_num_threads, module)?)?;
    module.add_function(wrap_pyfunction!(set_thread_override, module)?)?;
    module.add_function(wrap_pyfunction!(set_float32_precision, module)?)?;
    module.add_function(wrap_pyfunction!(get_float32_precision, module)?)?;
    module.add_function(wrap_pyfunction!(release_memory, module)?)?;
    module.add_function(wrap_pyfunction!(config, module)?)
}

fn thread_count(call: Call<'_>, n: &Bound<'_, PyAny>) -> PyResult<usize> {
    let count = Call::new(n.py(), call.name).size("n", n, 1)?;
    if count > MOST_THREADS {
        let message = format!("n must be at most {MOST_THREADS}, got {count}");
        return Err(call.fail(crate::geometry::Error::value(message)));
    }
    Ok(count)
}

#[pyfunction]
#[pyo3(signature = (n, /))]
fn set_num_threads(py: Python<'_>, n: &Bound<'_, PyAny>) -> PyResult<()> {
    threads::set_num_threads(thread_count(Call::new(py, "set_num_threads"), n)?);
    Ok(())
}

#[pyfunction]
fn get_num_threads() -> usize {
    threads::num_threads()
}

/// Sets or clears the thread count of this Python thread; returns what it replaces.
#[pyfunction]
#[pyo3(signature = (n, /))]
fn set_thread_override(py: Python<'_>, n: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    let count = if n.is_none() { None } else { Some(thread_count(Call::new(py, "threads"), n)?) };
    Ok(threads::set_override(count))
}

#[pyfunction]
#[pyo3(signature = (level, /))]
fn set_float32_precision(py: Python<'_>, level: &Bound<'_, PyAny>) -> PyResult<()> {
    let names = Precision::ALL.map(|(name, _)| name);
    let index = Call::new(py, "set_float32_precision").choice("level", level, &names)?;
    Precision::ALL[index].1.set();
    Ok(())
}

#[pyfunction]
fn get_float32_precision() -> &'static str {
    Precision::get().name()
}

#[pyfunction]
fn release_memory() {
    memory::release();
}

/// What was chosen at run time.
#[pyfunction]
fn config(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let config = PyDict::new(py);
    config.set_item("version", env!("CARGO_PKG_VERSION"))?;
    config.set_item("instruction_set", simd::isa().name())?;
    let available: Vec<_> = simd::Isa::all_available().map(simd::Isa::name).collect();
    config.set_item("available_instruction_sets", available)?;
    config.set_item("threads", threads::num_threads())?;
    config.set_item("float32_precision", get_float32_precision())?;
    config.set_item("retained_bytes", memory::retained_bytes())?;
    Ok(config)
}
