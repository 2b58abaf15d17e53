//! What a forward call keeps for its backward call.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use super::arguments::{Call, shown};
use super::array::Dtype;
use crate::geometry::Error;
use crate::scalar::Scalar;

/// The arrays that a forward call keeps for one backward call.
///
/// Inputs are kept by reference: they must not be written between forward and backward.
#[pyclass(frozen, module = "goldfish._core")]
pub struct Cache {
    operation: &'static str,
    dtype: Dtype,
    #[pyo3(get)]
    nbytes: usize,
    saved: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Cache {
    /// `operation` is the name without suffix, such as `conv2d`; `nbytes` counts the arrays that are kept alive; `T` is the
    /// dtype of the call.
    pub fn create<'py, T: Scalar, S: Any + Send>(
        call: Call<'py>,
        operation: &'static str,
        nbytes: usize,
        saved: S,
    ) -> PyResult<Bound<'py, Cache>> {
        let dtype = if T::NAME == f32::NAME { Dtype::F32 } else { Dtype::F64 };
        Bound::new(call.py, Cache { operation, dtype, nbytes, saved: Mutex::new(Some(Box::new(saved))) })
    }

    /// The dtype of the forward call.
    ///
    /// # Errors
    /// `TypeError` if the argument is not a cache of `operation`.
    pub fn dtype<'py>(call: Call<'py>, argument: &Bound<'py, PyAny>, operation: &'static str) -> PyResult<Dtype> {
        let got = match argument.cast::<Cache>() {
            Ok(cache) if cache.get().operation == operation => return Ok(cache.get().dtype),
            Ok(cache) => format!("one of {}_forward", cache.get().operation),
            Err(_) => shown(argument),
        };
        Err(call.fail(Error::type_(format!("cache must come from {operation}_forward, got {got}"))))
    }
}

#[pymethods]
impl Cache {
    fn __repr__(&self) -> String {
        format!("<cache of {}_forward, {} bytes>", self.operation, self.nbytes)
    }
}

/// The content of a cache, which is used up, and what `check` made of it; if `check` fails, the cache stays as it was.
///
/// # Errors
/// `TypeError` if the argument is not a cache of `operation`, `RuntimeError` if it was used before, and those of `check`.
pub fn open<'py, S: Any + Send, C>(
    call: Call<'py>,
    argument: &Bound<'py, PyAny>,
    operation: &'static str,
    check: impl FnOnce(&S) -> PyResult<C>,
) -> PyResult<(Box<S>, C)> {
    Cache::dtype(call, argument, operation)?;
    let cache = argument.cast::<Cache>()?.get();
    let content = cache.saved.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(content) = content else {
        let message = "cache was used by an earlier backward call; run the forward call again";
        return Err(call.fail(Error::State(message.into())));
    };
    let (restored, error) = match content.downcast::<S>() {
        Err(content) => {
            let message = format!("cache must come from a {operation}_forward of this kind");
            (content, call.fail(Error::type_(message)))
        }
        Ok(saved) => match check(&saved) {
            Ok(checked) => return Ok((saved, checked)),
            Err(error) => (saved as Box<dyn Any + Send>, error),
        },
    };
    *cache.saved.lock().unwrap_or_else(PoisonError::into_inner) = Some(restored);
    Err(error)
}
