//! The data matrix, its labels, and the parts of a sparse one, as Python passes them.

use numpy::{PyArrayDescrMethods, PyUntypedArrayMethods, dtype};
use pyo3::prelude::*;

use crate::geometry::Error;
use crate::naive_bayes::{Columns, Counters, Labels, Rows, Values};
use crate::python::arguments::Call;
use crate::python::array::{Dense, Input, Kind, Strided};

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
pub struct Data {
    elements: Elements,
    columns: Option<Dense<i64>>,
    pub width: usize,
    pub count: usize,
}

impl Data {
    pub fn new<'py>(call: Call<'py>, matrix: &Bound<'py, PyAny>, columns: &Bound<'py, PyAny>) -> PyResult<Self> {
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

    pub fn rows(&self) -> Rows<'_> {
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

    pub fn len(&self) -> usize {
        self.count * self.width
    }
}

/// The arguments codes, weights and n_classes.
pub struct Classes {
    codes: Dense<i64>,
    weights: Option<Dense<f64>>,
    classes: usize,
}

impl Classes {
    pub fn new<'py>(
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

    pub fn labels(&self) -> Labels<'_> {
        let weights = self.weights.as_ref().map(Dense::as_slice);
        Labels { codes: self.codes.as_slice(), weights, classes: self.classes }
    }
}

/// The column numbers or row ends of a sparse matrix.
pub enum Counted {
    I32(Dense<i32>),
    I64(Dense<i64>),
}

impl Counted {
    pub fn new<'py>(call: Call<'py>, name: &'static str, argument: &Bound<'py, PyAny>) -> PyResult<Self> {
        let input = call.array(name, argument)?;
        if input.kind != Kind::Integer {
            return Err(call.fail(Error::type_(format!("{name} must hold integers"))));
        }
        let narrow = input.array().dtype().is_equiv_to(&dtype::<i32>(call.py));
        Ok(if narrow { Counted::I32(call.dense(&input)?) } else { Counted::I64(call.dense(&input)?) })
    }

    pub fn counters(&self) -> Counters<'_> {
        match self {
            Counted::I32(numbers) => Counters::I32(numbers.as_slice()),
            Counted::I64(numbers) => Counters::I64(numbers.as_slice()),
        }
    }
}
