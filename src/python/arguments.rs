//! What a binding needs of its call: its name in messages, small arguments, and when to let go of the interpreter.

use pyo3::exceptions::{PyMemoryError, PyOverflowError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString, PyTuple};

use crate::geometry::Error;

/// Multiply-adds, or visits of elements, that take some 10 microseconds: below, letting go of the interpreter costs more
/// than other threads gain.
const DETACH_ABOVE: usize = 100_000;

/// The number of spatial axes of a call: 1, 2 or 3.
#[derive(Clone, Copy)]
pub struct Axes(usize);

impl Axes {
    pub fn count(self) -> usize {
        self.0
    }
}

impl<'py> FromPyObject<'_, 'py> for Axes {
    type Error = PyErr;

    fn extract(argument: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match argument.extract::<usize>()? {
            axes @ 1..=3 => Ok(Axes(axes)),
            axes => Err(PyValueError::new_err(format!("axes must be 1, 2 or 3, got {axes}"))),
        }
    }
}

/// The names of an operation's functions, for each number of spatial axes.
pub struct Triple(pub [[&'static str; 3]; 3]);

impl Triple {
    pub fn plain(&self, axes: Axes) -> &'static str {
        self.0[0][axes.0 - 1]
    }

    pub fn forward(&self, axes: Axes) -> &'static str {
        self.0[1][axes.0 - 1]
    }

    pub fn backward(&self, axes: Axes) -> &'static str {
        self.0[2][axes.0 - 1]
    }
}

/// The names `conv1d`, `conv2d`, `conv3d`, `conv1d_forward` and so on, from `"conv"`.
macro_rules! triple {
    ($name:literal) => {
        $crate::python::arguments::Triple([
            [concat!($name, "1d"), concat!($name, "2d"), concat!($name, "3d")],
            [concat!($name, "1d_forward"), concat!($name, "2d_forward"), concat!($name, "3d_forward")],
            [concat!($name, "1d_backward"), concat!($name, "2d_backward"), concat!($name, "3d_backward")],
        ])
    };
}
pub(super) use triple;

/// One call from Python.
#[derive(Clone, Copy)]
pub struct Call<'py> {
    pub py: Python<'py>,
    /// The name of the function that the user called.
    pub name: &'static str,
}

impl<'py> Call<'py> {
    pub fn new(py: Python<'py>, name: &'static str) -> Self {
        Call { py, name }
    }

    /// The Python exception for `error`, with the name of the function in front.
    pub fn fail(&self, error: Error) -> PyErr {
        match error.context(self.name) {
            Error::Value(message) => PyValueError::new_err(message),
            Error::Type(message) => PyTypeError::new_err(message),
            Error::State(message) => PyRuntimeError::new_err(message),
            Error::Memory(message) => PyMemoryError::new_err(message),
        }
    }

    pub fn check<R>(&self, result: Result<R, Error>) -> PyResult<R> {
        result.map_err(|error| self.fail(error))
    }

    /// Runs `body`, without the interpreter's lock if it is long.
    pub fn run<R: Send>(&self, operations: usize, body: impl FnOnce() -> R + Send) -> R {
        if operations > DETACH_ABOVE { self.py.detach(body) } else { body() }
    }

    /// An integer, also a NumPy one.
    pub fn integer(&self, name: &str, argument: &Bound<'py, PyAny>) -> PyResult<i64> {
        argument.extract::<i64>().map_err(|error| {
            let shown = shown(argument);
            if error.is_instance_of::<PyOverflowError>(self.py) {
                self.fail(Error::value(format!("{name} is out of range: {shown}")))
            } else {
                self.fail(Error::type_(format!("{name} must be an int, got {shown}")))
            }
        })
    }

    /// An integer of at least `minimum`.
    pub fn size(&self, name: &str, argument: &Bound<'py, PyAny>, minimum: usize) -> PyResult<usize> {
        let value = self.integer(name, argument)?;
        match usize::try_from(value) {
            Ok(size) if size >= minimum => Ok(size),
            _ => Err(self.fail(Error::value(format!("{name} must be at least {minimum}, got {value}")))),
        }
    }

    /// One int for all axes, or one int per axis.
    pub fn per_axis<const N: usize>(
        &self,
        name: &str,
        argument: &Bound<'py, PyAny>,
        minimum: usize,
    ) -> PyResult<[usize; N]> {
        if let Ok(value) = argument.extract::<i64>() {
            return match usize::try_from(value) {
                Ok(size) if size >= minimum => Ok([size; N]),
                _ => Err(self.fail(Error::value(format!("{name} must be at least {minimum}, got {value}")))),
            };
        }
        let Some(items) = self.items(argument) else {
            // An int that does not fit, or no int at all.
            let size = self.size(name, argument, minimum)?;
            return Ok([size; N]);
        };
        if items.len() != N {
            let message = format!("{name} must be an int or {N} ints, one per axis, got {}", shown(argument));
            return Err(self.fail(Error::value(message)));
        }
        let mut sizes = [0; N];
        for (size, item) in sizes.iter_mut().zip(&items) {
            *size = self.size(name, item, minimum)?;
        }
        Ok(sizes)
    }

    /// The items of a tuple, list, array or other iterable that is not a string.
    pub fn items(&self, argument: &Bound<'py, PyAny>) -> Option<Vec<Bound<'py, PyAny>>> {
        if argument.is_instance_of::<PyString>() {
            return None;
        }
        argument.try_iter().ok()?.collect::<PyResult<Vec<_>>>().ok()
    }

    pub fn boolean(&self, name: &str, argument: &Bound<'py, PyAny>) -> PyResult<bool> {
        if let Ok(value) = argument.cast::<PyBool>() {
            return Ok(value.is_true());
        }
        argument
            .extract::<bool>()
            .map_err(|_| self.fail(Error::type_(format!("{name} must be a bool, got {}", shown(argument)))))
    }

    pub fn float(&self, name: &str, argument: &Bound<'py, PyAny>) -> PyResult<f64> {
        argument
            .extract::<f64>()
            .map_err(|_| self.fail(Error::type_(format!("{name} must be a number, got {}", shown(argument)))))
    }

    /// One of the given words; the index of the one that came.
    pub fn choice(&self, name: &str, argument: &Bound<'py, PyAny>, words: &[&str]) -> PyResult<usize> {
        let Ok(text) = argument.cast::<PyString>() else {
            let message = format!("{name} must be one of {}, got {}", quoted(words), shown(argument));
            return Err(self.fail(Error::type_(message)));
        };
        let text = text.to_cow()?;
        words.iter().position(|word| *word == text).ok_or_else(|| {
            self.fail(Error::value(format!("{name} must be one of {}, got {}", quoted(words), shown(argument))))
        })
    }

    /// Which gradients are asked for: a tuple of their names.
    pub fn needs<const N: usize>(&self, argument: &Bound<'py, PyAny>, names: [&str; N]) -> PyResult<[bool; N]> {
        let mut wanted = [false; N];
        let wrong =
            |got: String| self.fail(Error::value(format!("needs takes names among {}, got {got}", quoted(&names))));
        if let Ok(all) = argument.cast::<PyTuple>()
            && all.len() == N
            && all.iter().zip(names).all(|(item, name)| item.cast::<PyString>().is_ok_and(|item| item == name))
        {
            return Ok([true; N]);
        }
        let items = self.items(argument).ok_or_else(|| wrong(shown(argument)))?;
        for item in &items {
            let text: String = item.extract().map_err(|_| wrong(shown(item)))?;
            let index = names.iter().position(|name| *name == text).ok_or_else(|| wrong(shown(item)))?;
            wanted[index] = true;
        }
        Ok(wanted)
    }
}

/// The argument as Python would print it, cut short.
pub fn shown(argument: &Bound<'_, PyAny>) -> String {
    let text = argument.repr().map_or_else(|_| "an object".to_string(), |text| text.to_string());
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ")
}
