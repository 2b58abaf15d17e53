//! `goldfish.naive_bayes`: passes over the rows of a data matrix.
//!
//! Every function takes the matrix, the columns that are meant (`None` for all), and returns the place of the first value that
//! may not be there, `None` if there is none, before its results. The package makes the messages.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayDescrMethods, PyArrayMethods, PyUntypedArrayMethods, dtype};
use pyo3::prelude::*;

use super::arguments::Call;
use super::array::{Dense, Input, Kind, Output, Strided};
use crate::geometry::Error;
use crate::naive_bayes::{
    self as passes, Columns, Counters, Fault, Form, Labels, Rows, SparseRows, Statistic, Support, Values,
};

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

enum Elements {
    F32(Strided<f32>),
    F64(Strided<f64>),
    I8(Strided<i8>),
    I16(Strided<i16>),
    I32(Strided<i32>),
    I64(Strided<i64>),
    U8(Strided<u8>),
    U16(Strided<u16>),
    U32(Strided<u32>),
    U64(Strided<u64>),
}

impl Elements {
    fn new<'py>(call: Call<'py>, input: &Input<'py>) -> Option<Self> {
        macro_rules! first {
            ($($kind:ident)*) => {$(
                if let Some(elements) = call.as_it_lies(input) {
                    return Some(Elements::$kind(elements));
                }
            )*};
        }
        first!(F64 F32 I64 I32 U8 I8 I16 U16 U32 U64);
        None
    }
}

/// The arguments X and columns.
struct Data {
    elements: Elements,
    columns: Option<Dense<i64>>,
    width: usize,
    count: usize,
}

impl Data {
    fn new<'py>(call: Call<'py>, matrix: &Bound<'py, PyAny>, columns: &Bound<'py, PyAny>) -> PyResult<Self> {
        let input = call.array("X", matrix)?;
        let &[count, all] = input.shape() else {
            return Err(call.fail(Error::value(format!("X must have two axes, got {}", input.shape().len()))));
        };
        let columns = if columns.is_none() { None } else { Some(call.integers("columns", columns)?) };
        let known = |columns: &Dense<i64>| columns.as_slice().iter().all(|&j| (0..all as i64).contains(&j));
        if !columns.as_ref().is_none_or(known) {
            return Err(call.fail(Error::value(format!("columns must be from 0 to {}", all as i64 - 1))));
        }
        let width = columns.as_ref().map_or(all, |columns| columns.as_slice().len());
        let elements = Elements::new(call, &input);
        let elements = elements.ok_or_else(|| {
            call.fail(Error::type_(
                "X must be aligned, in native byte order, of float32, float64 or 8 to 64 bit integers",
            ))
        })?;
        Ok(Data { elements, columns, width, count })
    }

    fn rows(&self) -> Rows<'_> {
        let columns =
            self.columns.as_ref().map_or(Columns::All(self.width), |places| Columns::Chosen(places.as_slice()));
        macro_rules! made {
            ($($kind:ident)*) => {
                match &self.elements {
                    $(Elements::$kind(elements) => {
                        let (values, origin) = elements.extent();
                        let strides = [elements.strides()[0], elements.strides()[1]];
                        Rows::new(Values::$kind(values), origin, strides, self.count, columns)
                    })*
                }
            };
        }
        made!(F64 F32 I64 I32 U8 I8 I16 U16 U32 U64)
    }

    fn len(&self) -> usize {
        self.count * self.width
    }
}

/// The arguments codes, weights and n_classes.
struct Classes {
    codes: Dense<i64>,
    weights: Option<Dense<f64>>,
    classes: usize,
}

impl Classes {
    fn new<'py>(
        call: Call<'py>,
        count: usize,
        codes: &Bound<'py, PyAny>,
        weights: &Bound<'py, PyAny>,
        classes: usize,
    ) -> PyResult<Self> {
        let codes = call.integers("codes", codes)?;
        let weights = call.optional_array("weights", weights)?;
        let weights = call.optional_dense::<f64>(weights.as_ref())?;
        let lengths = [Some(codes.as_slice().len()), weights.as_ref().map(|weights| weights.as_slice().len())];
        if lengths.into_iter().flatten().any(|len| len != count) {
            return Err(call.fail(Error::value(format!("codes and weights must have one number for {count} rows"))));
        }
        if !codes.as_slice().iter().all(|&code| (0..classes as i64).contains(&code)) {
            return Err(call.fail(Error::value(format!("codes must be from 0 to {}", classes as i64 - 1))));
        }
        Ok(Classes { codes, weights, classes })
    }

    fn labels(&self) -> Labels<'_> {
        let weights = self.weights.as_ref().map(Dense::as_slice);
        Labels { codes: self.codes.as_slice(), weights, classes: self.classes }
    }
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

/// The column numbers or row ends of a sparse matrix.
enum Counted {
    I32(Dense<i32>),
    I64(Dense<i64>),
}

impl Counted {
    fn new<'py>(call: Call<'py>, name: &'static str, argument: &Bound<'py, PyAny>) -> PyResult<Self> {
        let input = call.array(name, argument)?;
        if input.kind != Kind::Integer {
            return Err(call.fail(Error::type_(format!("{name} must hold integers"))));
        }
        let narrow = input.array().dtype().is_equiv_to(&dtype::<i32>(call.py));
        Ok(if narrow { Counted::I32(call.dense(&input)?) } else { Counted::I64(call.dense(&input)?) })
    }

    fn counters(&self) -> Counters<'_> {
        match self {
            Counted::I32(numbers) => Counters::I32(numbers.as_slice()),
            Counted::I64(numbers) => Counters::I64(numbers.as_slice()),
        }
    }
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
