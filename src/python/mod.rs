//! The bindings: the only folder that knows Python. Every function here does the same five things: extract the arguments,
//! check them, allocate the outputs, let go of the interpreter and run the kernel, return.

mod activation;
mod adaptive_pool;
mod arguments;
mod array;
mod cache;
mod conv;
mod conv_transpose;
mod cross_entropy;
mod dropout;
mod embedding;
mod inference;
mod linear;
mod loss;
mod naive_bayes;
mod nll_loss;
mod normalisation;
mod optimiser;
mod pairwise;
mod pool;
mod prepared;
mod process;
mod recurrent;
mod sampling;
mod shattering;
mod window;

use pyo3::prelude::*;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    process::register(module)?;
    recurrent::register(module)?;
    prepared::register(module)?;
    inference::register(module)?;
    linear::register(module)?;
    conv::register(module)?;
    conv_transpose::register(module)?;
    pairwise::register(module)?;
    pool::register(module)?;
    adaptive_pool::register(module)?;
    window::register(module)?;
    activation::register(module)?;
    cross_entropy::register(module)?;
    dropout::register(module)?;
    embedding::register(module)?;
    nll_loss::register(module)?;
    normalisation::register(module)?;
    optimiser::register(module)?;
    naive_bayes::register(module)?;
    sampling::register(module)?;
    shattering::register(module)?;
    module.add_class::<cache::Cache>()?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
