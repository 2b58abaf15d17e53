//! `goldfish.naive_bayes`: passes over the rows of a data matrix.
//!
//! Every function takes the matrix, the columns that are meant (`None` for all), and returns the place of the first value that
//! may not be there, `None` if there is none, before its results. The package makes the messages.

mod data;

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;

use super::arguments::Call;
use super::array::{Dense, Output};
use crate::geometry::Error;
use crate::naive_bayes::{self as passes, Fault, Form, SparseRows, Statistic, Support};
use data::{Classes, Counted, Data};

type Matrix<'py> = Bound<'py, PyArray2<f64>>;
/// Row and column.
type Place = Option<(usize, usize)>;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(class_moments, module)?)?;
    module.add_function(wrap_pyfunction!(class_sums, module)?)?;
    module.add_function(wrap_pyfunction!(sparse_class_sums, module)?)?;
    module.add_function(wrap_pyfunction!(categories, module)?)?;
    module.add_function(wrap_pyfunction!(category_counts, module)?)?;
    module.add_function(wrap_pyfunction!(add_linear_scores, module)?)?;
    module.add_function(wrap_pyfunction!(add_normal_scores, module)?)?;
    module.add_function(wrap_pyfunction!(add_category_scores, module)?)?;
    module.add_function(wrap_pyfunction!(likeliest, module)?)
}

fn place(fault: Fault) -> Place {
    Some((fault.row, fault.column))
}

/// An array of shape (classes, columns).
fn by_class<'py>(
    call: Call<'py>,
    name: &'static str,
    argument: &Bound<'py, PyAny>,
    shape: [usize; 2],
) -> PyResult<Dense<f64>> {
    let dense = call.dense::<f64>(&call.array(name, argument)?)?;
    if dense.shape() != shape {
        let message = format!("{name} must have shape ({}, {}), got {:?}", shape[0], shape[1], dense.shape());
        return Err(call.fail(Error::value(message)));
    }
    Ok(dense)
}

fn matrix<'py>(py: Python<'py>, values: Vec<f64>, rows: usize) -> PyResult<Matrix<'py>> {
    let columns = values.len().checked_div(rows).unwrap_or(0);
    values.into_pyarray(py).reshape([rows, columns])
}

/// The array that scores are added to, and how many classes it has.
fn scored<'py>(call: Call<'py>, out: &Bound<'py, PyAny>, data: &Data) -> PyResult<(Output<'py, f64>, usize)> {
    let shape = call.array("out", out)?.shape().to_vec();
    let classes = shape.get(1).copied().unwrap_or(0);
    Ok((call.in_place::<f64>("out", out, &[data.count, classes])?, classes))
}

#[pyfunction]
#[pyo3(signature = (matrix, columns, codes, weights, n_classes, /))]
fn class_moments<'py>(
    py: Python<'py>,
    matrix: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    codes: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    n_classes: usize,
) -> PyResult<(Place, Matrix<'py>, Matrix<'py>, Matrix<'py>)> {
    let call = Call::new(py, "class_moments");
    let data = Data::new(call, matrix, columns)?;
    let classes = Classes::new(call, data.count, codes, weights, n_classes)?;
    let made = call.run(data.len(), || passes::moments(&data.rows(), &classes.labels()));
    let fault = made.as_ref().err().copied().and_then(place);
    let made = made.unwrap_or_default();
    let [weight, mean, m2] = [made.weight, made.mean, made.m2].map(|values| self::matrix(py, values, n_classes));
    Ok((fault, weight?, mean?, m2?))
}

#[pyfunction]
#[pyo3(signature = (matrix, columns, codes, weights, n_classes, threshold, support, /))]
fn class_sums<'py>(
    py: Python<'py>,
    matrix: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    codes: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    n_classes: usize,
    threshold: Option<f64>,
    support: (f64, f64, bool),
) -> PyResult<(Place, Matrix<'py>, Matrix<'py>)> {
    let call = Call::new(py, "class_sums");
    let data = Data::new(call, matrix, columns)?;
    let classes = Classes::new(call, data.count, codes, weights, n_classes)?;
    let statistic = threshold.map_or(Statistic::Itself, Statistic::Above);
    let made = call.run(data.len(), || passes::sums(&data.rows(), &classes.labels(), statistic, given(support)));
    let fault = made.as_ref().err().copied().and_then(place);
    let made = made.unwrap_or_default();
    Ok((fault, self::matrix(py, made.total, n_classes)?, self::matrix(py, made.weight, n_classes)?))
}

fn given((least, most, whole): (f64, f64, bool)) -> Support {
    Support { least, most, whole }
}

/// The parts of a sparse matrix of compressed rows, and its number of columns; the sums, and the weights of what is missing.
#[pyfunction]
#[pyo3(signature = (data, indices, indptr, width, codes, weights, n_classes, threshold, /))]
fn sparse_class_sums<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    indices: &Bound<'py, PyAny>,
    indptr: &Bound<'py, PyAny>,
    width: usize,
    codes: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    n_classes: usize,
    threshold: Option<f64>,
) -> PyResult<(Matrix<'py>, Option<Matrix<'py>>)> {
    let call = Call::new(py, "sparse_class_sums");
    let values = call.dense::<f64>(&call.array("data", data)?)?;
    let (columns, starts) = (Counted::new(call, "indices", indices)?, Counted::new(call, "indptr", indptr)?);
    let count = call.array("codes", codes)?.shape().iter().product();
    let classes = Classes::new(call, count, codes, weights, n_classes)?;
    let rows =
        SparseRows { values: values.as_slice(), columns: columns.counters(), starts: starts.counters(), count, width };
    let statistic = threshold.map_or(Statistic::Itself, Statistic::Above);
    let made = call.run(values.as_slice().len(), || passes::sparse_sums(&rows, &classes.labels(), statistic));
    let made = made.ok_or_else(|| call.fail(Error::value("indices and indptr must stay inside the matrix")))?;
    let gone = if made.gone.is_empty() { None } else { Some(self::matrix(py, made.gone, n_classes)?) };
    Ok((self::matrix(py, made.total, n_classes)?, gone))
}

#[pyfunction]
#[pyo3(signature = (matrix, columns, most, /))]
fn categories<'py>(
    py: Python<'py>,
    matrix: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    most: f64,
) -> PyResult<(Place, Bound<'py, PyArray1<i64>>, Place)> {
    let call = Call::new(py, "categories");
    let data = Data::new(call, matrix, columns)?;
    Ok(match call.run(data.len(), || passes::categories(&data.rows(), most)) {
        Ok(made) => {
            let sizes: Vec<i64> = made.sizes.iter().map(|&size| size as i64).collect();
            (None, sizes.into_pyarray(py), made.fraction.and_then(place))
        }
        Err(fault) => (place(fault), Vec::new().into_pyarray(py), None),
    })
}

/// The number of categories of each column.
fn sizes_of<'py>(call: Call<'py>, sizes: &Bound<'py, PyAny>, data: &Data) -> PyResult<Vec<usize>> {
    let sizes = call.integers("sizes", sizes)?;
    let sizes: Result<Vec<usize>, _> = sizes.as_slice().iter().map(|&size| usize::try_from(size)).collect();
    sizes.ok().filter(|sizes| sizes.len() == data.width).ok_or_else(|| {
        call.fail(Error::value(format!("sizes must have a number of at least 0 for each of {} columns", data.width)))
    })
}

#[pyfunction]
#[pyo3(signature = (matrix, columns, codes, weights, n_classes, sizes, /))]
fn category_counts<'py>(
    py: Python<'py>,
    matrix: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    codes: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    n_classes: usize,
    sizes: &Bound<'py, PyAny>,
) -> PyResult<Matrix<'py>> {
    let call = Call::new(py, "category_counts");
    let data = Data::new(call, matrix, columns)?;
    let classes = Classes::new(call, data.count, codes, weights, n_classes)?;
    let sizes = sizes_of(call, sizes, &data)?;
    let total = sizes.iter().fold(0, |sum: usize, &size| sum.saturating_add(size));
    // The table, and that of a task. Such an allocation must not end the process.
    let numbers = total.saturating_mul(2 * n_classes);
    if total >= u32::MAX as usize || Vec::<f64>::new().try_reserve_exact(numbers).is_err() {
        let message = format!("no memory for tables of {total} categories in {n_classes} classes");
        return Err(call.fail(Error::Memory(message)));
    }
    let made = call.run(data.len(), || passes::counts(&data.rows(), &classes.labels(), &sizes));
    let fault = made.as_ref().err();
    if let Some(Fault { row, column }) = fault {
        let message = format!("X must hold categories below the sizes, row {row}, column {column} does not");
        return Err(call.fail(Error::value(message)));
    }
    self::matrix(py, made.unwrap_or_default(), n_classes)
}

#[pyfunction]
#[pyo3(signature = (matrix, columns, threshold, support, slope, constant, out, /))]
fn add_linear_scores<'py>(
    py: Python<'py>,
    matrix: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    threshold: Option<f64>,
    support: (f64, f64, bool),
    slope: &Bound<'py, PyAny>,
    constant: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
) -> PyResult<Place> {
    let call = Call::new(py, "add_linear_scores");
    let data = Data::new(call, matrix, columns)?;
    let (mut out, classes) = scored(call, out, &data)?;
    let shape = [classes, data.width];
    let (slope, constant) = (by_class(call, "slope", slope, shape)?, by_class(call, "constant", constant, shape)?);
    let (slope, constant) = (slope.as_slice(), constant.as_slice());
    let form = match threshold {
        None => Form::Straight { slope, constant },
        Some(above) => Form::Step { above, slope, constant },
    };
    let totals = out.as_mut_slice();
    let made = call.run(classes * data.len(), || passes::scores(&data.rows(), form, given(support), classes, totals));
    Ok(made.err().and_then(place))
}

#[pyfunction]
#[pyo3(signature = (matrix, columns, mean, rate, constant, out, /))]
fn add_normal_scores<'py>(
    py: Python<'py>,
    matrix: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    mean: &Bound<'py, PyAny>,
    rate: &Bound<'py, PyAny>,
    constant: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
) -> PyResult<Place> {
    let call = Call::new(py, "add_normal_scores");
    let data = Data::new(call, matrix, columns)?;
    let (mut out, classes) = scored(call, out, &data)?;
    let shape = [classes, data.width];
    let (mean, rate) = (by_class(call, "mean", mean, shape)?, by_class(call, "rate", rate, shape)?);
    let constant = by_class(call, "constant", constant, shape)?;
    let form = Form::Bell { mean: mean.as_slice(), rate: rate.as_slice(), constant: constant.as_slice() };
    let totals = out.as_mut_slice();
    let made = call.run(classes * data.len(), || passes::scores(&data.rows(), form, Support::REAL, classes, totals));
    Ok(made.err().and_then(place))
}

#[pyfunction]
#[pyo3(signature = (matrix, columns, sizes, table, out, /))]
fn add_category_scores<'py>(
    py: Python<'py>,
    matrix: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    sizes: &Bound<'py, PyAny>,
    table: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
) -> PyResult<(Place, Place)> {
    let call = Call::new(py, "add_category_scores");
    let data = Data::new(call, matrix, columns)?;
    let sizes = sizes_of(call, sizes, &data)?;
    let table = call.dense::<f64>(&call.array("table", table)?)?;
    let (mut out, classes) = scored(call, out, &data)?;
    let total = sizes.iter().fold(0, |sum: usize, &size| sum.saturating_add(size));
    if total >= u32::MAX as usize {
        return Err(call.fail(Error::Memory(format!("no memory for a table of {total} categories"))));
    }
    let least = (total + 1).saturating_mul(classes).saturating_add(passes::SPARE);
    if table.as_slice().len() < least {
        let message = format!("table must hold {least} numbers at least, got {}", table.as_slice().len());
        return Err(call.fail(Error::value(message)));
    }
    let (values, totals) = (table.as_slice(), out.as_mut_slice());
    let made =
        call.run(classes * data.len(), || passes::category_scores(&data.rows(), &sizes, values, classes, totals));
    Ok(match made {
        Ok(fraction) => (None, fraction.and_then(place)),
        Err(fault) => (place(fault), None),
    })
}

/// The class of the largest number in each row of joint, and the first row whose largest is not finite.
#[pyfunction]
#[pyo3(signature = (joint, /))]
fn likeliest<'py>(py: Python<'py>, joint: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Option<usize>)> {
    let call = Call::new(py, "likeliest");
    let joint = call.dense::<f64>(&call.array("joint", joint)?)?;
    let &[rows, classes @ 1..=usize::MAX] = joint.shape() else {
        return Err(call.fail(Error::value(format!("joint must have rows and classes, got shape {:?}", joint.shape()))));
    };
    let mut best = call.output::<i64>(&[rows])?;
    let (values, places) = (joint.as_slice(), best.as_mut_slice());
    let undecided = call.run(values.len(), || passes::likeliest(values, classes, places));
    Ok((best.into_array(), undecided))
}
