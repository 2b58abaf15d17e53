//! The bindings: the only folder that knows Python. Every function here does the same five things: extract the arguments,
//! check them, allocate the outputs, let go of the interpreter and run the kernel, return.

mod arguments;
mod array;
mod cache;
mod conv;
mod linear;
mod process;
mod window;

use pyo3::prelude::*;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    process::register(module)?;
    linear::register(module)?;
    conv::register(module)?;
    window::register(module)?;
    module.add_class::<cache::Cache>()?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
