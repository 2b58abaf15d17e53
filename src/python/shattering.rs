//! `linear_labelings` and `table_vc_dimension`, for `goldfish.theory`, which checks their arguments.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::shattering::labelings::{MOST_VECTORS, labelings};
use crate::shattering::table::vc_dimension;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(linear_labelings, module)?)?;
    module.add_function(wrap_pyfunction!(table_vc_dimension, module)?)
}

fn widened(function: &str, name: &str, vectors: Vec<Vec<i64>>, length: Option<usize>) -> PyResult<Vec<Vec<i128>>> {
    let length = length.or_else(|| vectors.first().map(Vec::len));
    match vectors.iter().position(|z| Some(z.len()) != length) {
        None => Ok(vectors.into_iter().map(|z| z.into_iter().map(i128::from).collect()).collect()),
        Some(i) => {
            Err(PyValueError::new_err(format!("{function}: {name} must be vectors of equal length, not so at {i}")))
        }
    }
}

/// All labelings by linear rules as masks; None if 128 bits do not suffice; more than `limit` if it stopped early.
#[pyfunction]
#[pyo3(signature = (vectors, extra, limit, /))]
fn linear_labelings(
    py: Python<'_>,
    vectors: Vec<Vec<i64>>,
    extra: Vec<Vec<i64>>,
    limit: usize,
) -> PyResult<Option<Vec<u64>>> {
    if vectors.len() > MOST_VECTORS {
        let message = format!("linear_labelings: vectors must be at most {MOST_VECTORS}, got {}", vectors.len());
        return Err(PyValueError::new_err(message));
    }
    let length = vectors.first().map(Vec::len);
    let vectors = widened("linear_labelings", "vectors", vectors, length)?;
    let extra = widened("linear_labelings", "extra", extra, length)?;
    Ok(py.detach(|| labelings(&vectors, &extra, limit)))
}

/// A largest shattered set of columns, given as 64-bit words over the rows, and whether the search was complete.
#[pyfunction]
#[pyo3(signature = (columns, rows, max_work, /))]
fn table_vc_dimension(
    py: Python<'_>,
    columns: Vec<Vec<u64>>,
    rows: usize,
    max_work: u64,
) -> PyResult<(Vec<usize>, bool)> {
    if let Some(j) = columns.iter().position(|column| column.len() != rows.div_ceil(64)) {
        return Err(PyValueError::new_err(format!(
            "table_vc_dimension: columns must have {} words, got {} at {j}",
            rows.div_ceil(64),
            columns[j].len()
        )));
    }
    let found = py.detach(|| vc_dimension(&columns, rows, max_work));
    Ok((found.columns, found.complete))
}
