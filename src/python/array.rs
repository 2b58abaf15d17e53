//! NumPy arrays in and out: what comes is checked and converted, what goes out is allocated from [`crate::memory`].

#![allow(unsafe_code)]

use std::ops::Range;

use numpy::npyffi::{NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_CARRAY, NPY_ARRAY_WRITEABLE, npy_intp};
use numpy::{Element, PY_ARRAY_API, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods, dtype};
use pyo3::intern;
use pyo3::prelude::*;

use super::arguments::Call;
use crate::geometry::{Error, tuple};
use crate::memory::{Block, Plain};
use crate::scalar::Scalar;

const NPY_ARRAY_FORCECAST: i32 = 0x0010;

/// Outputs up to this many bytes come from NumPy's own allocator, which is quicker for them.
const SMALL_OUTPUT: usize = 2048;

/// What an array argument holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Float32,
    Float64,
    /// Integers of any width, and bools.
    Integer,
}

/// The element type of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    F32,
    F64,
}

/// An element type that NumPy has too.
pub trait Numeric: Element + Plain {}
impl Numeric for f32 {}
impl Numeric for f64 {}
impl Numeric for i32 {}
impl Numeric for i64 {}

/// An argument as a NumPy array of some real dtype and any layout.
pub struct Input<'py> {
    pub name: &'static str,
    pub kind: Kind,
    array: Bound<'py, PyUntypedArray>,
}

impl<'py> Input<'py> {
    pub fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    pub fn array(&self) -> &Bound<'py, PyUntypedArray> {
        &self.array
    }

    /// The bytes between the array's first and last element.
    fn extent(&self) -> Range<usize> {
        let start = unsafe { (*self.array.as_array_ptr()).fields.data } as usize;
        let item = self.array.dtype().itemsize();
        let (mut low, mut high) = (start as isize, (start + item) as isize);
        for (&n, &stride) in self.array.shape().iter().zip(self.array.strides()) {
            match n {
                0 => return start..start,
                _ if stride < 0 => low += stride * (n as isize - 1),
                _ => high += stride * (n as isize - 1),
            }
        }
        low as usize..high as usize
    }

    fn is_c_contiguous_and_aligned(&self) -> bool {
        let wanted = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;
        unsafe { (*self.array.as_array_ptr()).fields.flags & wanted == wanted }
    }
}

/// Elements of type `T` in C order: the argument itself, or a copy of it where its dtype or layout differs.
///
/// Holds a reference to the array, so that it may be kept in a cache.
pub struct Dense<T> {
    shape: Vec<usize>,
    data: *const T,
    len: usize,
    owner: Py<PyUntypedArray>,
}

// SAFETY: the elements are only read, and the owner keeps them alive; the caller promises not to write them during a call.
unsafe impl<T: Send> Send for Dense<T> {}
unsafe impl<T: Sync> Sync for Dense<T> {}

impl<T> Dense<T> {
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub fn as_slice(&self) -> &[T] {
        // SAFETY: `data` points to `len` aligned elements of the array that `owner` keeps alive.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    pub fn nbytes(&self) -> usize {
        self.len * size_of::<T>()
    }

    /// The array that holds the elements.
    pub fn owner(&self) -> &Py<PyUntypedArray> {
        &self.owner
    }
}

/// Elements of type `T` with any strides; those of the last axis are adjacent where [`Call::strided`] made it.
pub struct Strided<T> {
    shape: Vec<usize>,
    strides: Vec<isize>,
    data: *const T,
    owner: Py<PyUntypedArray>,
}

// SAFETY: as for `Dense`.
unsafe impl<T: Send> Send for Strided<T> {}
unsafe impl<T: Sync> Sync for Strided<T> {}

impl<T> Strided<T> {
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Per axis, in elements.
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// All memory from the lowest to the highest element, and where in it the element at index 0 of every axis lies.
    pub fn extent(&self) -> (&[T], usize) {
        if self.shape.contains(&0) {
            return (&[], 0);
        }
        let (mut below, mut above) = (0, 0);
        for (&n, &stride) in self.shape.iter().zip(&self.strides) {
            let reach = stride.unsigned_abs() * (n - 1);
            if stride < 0 { below += reach } else { above += reach }
        }
        // SAFETY: the array that `owner` keeps alive reaches from its lowest element to its highest one; both belong to the
        // same allocation, whose bytes between them are initialised like any NumPy buffer.
        (unsafe { std::slice::from_raw_parts(self.data.sub(below), below + above + 1) }, below)
    }

    pub fn nbytes(&self) -> usize {
        self.shape.iter().product::<usize>() * size_of::<T>()
    }

    /// The array that holds the elements.
    pub fn owner(&self) -> &Py<PyUntypedArray> {
        &self.owner
    }
}

/// A new array, or the caller's `out`, to be filled.
pub struct Output<'py, T> {
    array: Bound<'py, PyUntypedArray>,
    data: *mut T,
    len: usize,
}

impl<'py, T> Output<'py, T> {
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: `data` points to `len` aligned, initialised elements, which nobody else refers to (`out` was checked
        // against the inputs).
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }

    pub fn into_array(self) -> Bound<'py, PyAny> {
        self.array.into_any()
    }
}

/// The base object of an output array: gives its memory back when the array goes.
#[pyclass(frozen, name = "_Block", module = "goldfish._core")]
struct Owner {
    _block: Block,
}

impl<'py> Call<'py> {
    /// The argument as an array: an ndarray, anything with `__array__` or `__dlpack__`, or something array-like.
    pub fn array(&self, name: &'static str, argument: &Bound<'py, PyAny>) -> PyResult<Input<'py>> {
        let array = match argument.cast::<PyUntypedArray>() {
            Ok(array) => array.clone(),
            Err(_) => self.convert(name, argument)?,
        };
        let dtype = array.dtype();
        let kind = match dtype.kind() {
            b'f' if dtype.itemsize() == 4 => Kind::Float32,
            b'f' if dtype.itemsize() == 8 => Kind::Float64,
            b'i' | b'u' | b'b' => Kind::Integer,
            _ => {
                let message =
                    format!("{name} must hold float32, float64, integers or bools, got {}", describe(&array, argument));
                return Err(self.fail(Error::type_(message)));
            }
        };
        Ok(Input { name, kind, array })
    }

    pub fn optional_array(&self, name: &'static str, argument: &Bound<'py, PyAny>) -> PyResult<Option<Input<'py>>> {
        if argument.is_none() { Ok(None) } else { self.array(name, argument).map(Some) }
    }

    fn convert(&self, name: &str, argument: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
        let numpy = self.py.import(intern!(self.py, "numpy"))?;
        let speaks_dlpack = argument.hasattr(intern!(self.py, "__dlpack__"))?;
        let converted = if speaks_dlpack && !argument.hasattr(intern!(self.py, "__array__"))? {
            numpy.call_method1(intern!(self.py, "from_dlpack"), (argument,))
        } else {
            numpy.call_method1(intern!(self.py, "asarray"), (argument,))
        };
        let type_name = argument.get_type().name()?;
        converted
            .and_then(|array| Ok(array.cast_into::<PyUntypedArray>()?))
            .map_err(|error| self.fail(Error::type_(format!("{name} must be an array, got {type_name} ({error})"))))
    }

    /// The one float dtype of all arrays of a call; float64 if none is floating.
    pub fn float_dtype<'a>(&self, inputs: impl IntoIterator<Item = &'a Input<'py>>) -> PyResult<Dtype>
    where
        'py: 'a,
    {
        let mut first: Option<&Input> = None;
        for input in inputs {
            match first {
                _ if input.kind == Kind::Integer => {}
                None => first = Some(input),
                Some(other) if other.kind == input.kind => {}
                Some(other) => {
                    let message = format!(
                        "{} must have the dtype of {}, {}, got {}",
                        input.name,
                        other.name,
                        kind_name(other.kind),
                        kind_name(input.kind)
                    );
                    return Err(self.fail(Error::type_(message)));
                }
            }
        }
        Ok(if first.is_some_and(|input| input.kind == Kind::Float32) { Dtype::F32 } else { Dtype::F64 })
    }

    /// The elements in C order as `T`; copied where dtype or layout differ.
    pub fn dense<T: Numeric>(&self, input: &Input<'py>) -> PyResult<Dense<T>> {
        let wanted = dtype::<T>(self.py);
        let array = if input.is_c_contiguous_and_aligned() && input.array.dtype().is_equiv_to(&wanted) {
            input.array.clone()
        } else {
            self.cast(input, wanted)?
        };
        let data = unsafe { (*array.as_array_ptr()).fields.data } as *const T;
        let (shape, len) = (array.shape().to_vec(), array.len());
        // An empty array may have any address.
        let data = if len == 0 { std::ptr::NonNull::dangling().as_ptr() } else { data };
        Ok(Dense { shape, data, len, owner: array.unbind() })
    }

    pub fn optional_dense<T: Numeric>(&self, input: Option<&Input<'py>>) -> PyResult<Option<Dense<T>>> {
        input.map(|input| self.dense(input)).transpose()
    }

    /// The elements as `T` in the argument's own strides; copied where dtype or alignment differ or the last axis is strided.
    pub fn strided<T: Numeric>(&self, input: &Input<'py>) -> PyResult<Strided<T>> {
        let wanted = dtype::<T>(self.py);
        let item = size_of::<T>() as isize;
        let aligned = unsafe { (*input.array.as_array_ptr()).fields.flags } & NPY_ARRAY_ALIGNED != 0;
        let usable = aligned
            && input.array.dtype().is_equiv_to(&wanted)
            && input.array.strides().iter().all(|stride| stride % item == 0)
            && (input.array.strides().last() == Some(&item) || input.shape().last() == Some(&1));
        let array = if usable { input.array.clone() } else { self.cast(input, wanted)? };
        let data = unsafe { (*array.as_array_ptr()).fields.data } as *const T;
        let data = if array.is_empty() { std::ptr::NonNull::dangling().as_ptr() } else { data };
        let shape = array.shape().to_vec();
        let strides = array.strides().iter().map(|stride| stride / item).collect();
        Ok(Strided { shape, strides, data, owner: array.unbind() })
    }

    /// The elements as they lie, whatever the strides; `None` if their dtype is another or they are not aligned.
    pub fn as_it_lies<T: Element>(&self, input: &Input<'py>) -> Option<Strided<T>> {
        let item = size_of::<T>() as isize;
        let aligned = unsafe { (*input.array.as_array_ptr()).fields.flags } & NPY_ARRAY_ALIGNED != 0;
        let whole = input.array.strides().iter().all(|stride| stride % item == 0);
        if !aligned || !whole || !input.array.dtype().is_equiv_to(&dtype::<T>(self.py)) {
            return None;
        }
        let data = unsafe { (*input.array.as_array_ptr()).fields.data } as *const T;
        let data = if input.array.is_empty() { std::ptr::NonNull::dangling().as_ptr() } else { data };
        let strides = input.array.strides().iter().map(|stride| stride / item).collect();
        Some(Strided { shape: input.shape().to_vec(), strides, data, owner: input.array.clone().unbind() })
    }

    fn cast(
        &self,
        input: &Input<'py>,
        wanted: Bound<'py, numpy::PyArrayDescr>,
    ) -> PyResult<Bound<'py, PyUntypedArray>> {
        let flags = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED | NPY_ARRAY_FORCECAST;
        // SAFETY: a live array and a live descriptor, whose reference `PyArray_FromArray` takes over.
        unsafe {
            let pointer =
                PY_ARRAY_API.PyArray_FromArray(self.py, input.array.as_array_ptr(), wanted.into_ptr().cast(), flags);
            Ok(Bound::from_owned_ptr_or_err(self.py, pointer)?.cast_into_unchecked())
        }
    }

    /// Integer elements in C order; floats are a `TypeError`.
    pub fn integers(&self, name: &'static str, argument: &Bound<'py, PyAny>) -> PyResult<Dense<i64>> {
        let input = self.array(name, argument)?;
        let empty = input.shape().contains(&0);
        if input.kind != Kind::Integer && !empty {
            let message = format!("{name} must hold integers, got {}", kind_name(input.kind));
            return Err(self.fail(Error::type_(message)));
        }
        self.dense(&input)
    }

    /// A new array of the given shape. Its elements are initialised, with anything.
    pub fn output<T: Numeric>(&self, shape: &[usize]) -> PyResult<Output<'py, T>> {
        let bytes = shape
            .iter()
            .try_fold(size_of::<T>(), |bytes, &n| bytes.checked_mul(n))
            .filter(|&bytes| isize::try_from(bytes).is_ok())
            .ok_or_else(|| self.fail(Error::Memory(format!("an output of shape {} is too large", tuple(shape)))))?;
        let len = bytes / size_of::<T>();
        let mut dims: Vec<npy_intp> = shape.iter().map(|&n| n as npy_intp).collect();
        let descr = dtype::<T>(self.py).into_ptr().cast();
        let nd = shape.len() as i32;
        // SAFETY: `dims` has `nd` entries; the calls take over the descriptor's and the owner's references; the block is at
        // least `bytes` long and lives as long as its owner, which the array keeps.
        unsafe {
            let pointer = if bytes <= SMALL_OUTPUT {
                PY_ARRAY_API.PyArray_Zeros(self.py, nd, dims.as_mut_ptr(), descr, 0)
            } else {
                let block = Block::new(bytes).map_err(|_| {
                    let message = format!("no memory for an output of shape {} ({bytes} bytes)", tuple(shape));
                    self.fail(Error::Memory(message))
                })?;
                let data = block.as_ptr();
                let owner = Bound::new(self.py, Owner { _block: block })?;
                let array_type = numpy::npyffi::get_type_object(self.py, numpy::npyffi::NpyTypes::PyArray_Type);
                let no_strides = std::ptr::null_mut();
                let none = std::ptr::null_mut();
                let pointer = PY_ARRAY_API.PyArray_NewFromDescr(
                    self.py,
                    array_type,
                    descr,
                    nd,
                    dims.as_mut_ptr(),
                    no_strides,
                    data.cast(),
                    NPY_ARRAY_CARRAY,
                    none,
                );
                if !pointer.is_null() {
                    PY_ARRAY_API.PyArray_SetBaseObject(self.py, pointer.cast(), owner.into_ptr());
                }
                pointer
            };
            let array: Bound<PyUntypedArray> = Bound::from_owned_ptr_or_err(self.py, pointer)?.cast_into_unchecked();
            let data = (*array.as_array_ptr()).fields.data as *mut T;
            let data = if len == 0 { std::ptr::NonNull::dangling().as_ptr() } else { data };
            Ok(Output { array, data, len })
        }
    }

    /// The caller's `out`, or a new array if it is `None`.
    pub fn output_or<T: Numeric + Scalar>(
        &self,
        out: &Bound<'py, PyAny>,
        shape: &[usize],
        inputs: &[&Input<'py>],
    ) -> PyResult<Output<'py, T>> {
        if out.is_none() {
            return self.output(shape);
        }
        let Ok(array) = out.cast::<PyUntypedArray>() else {
            let message = format!("out must be an array, got {}", out.get_type().name()?);
            return Err(self.fail(Error::type_(message)));
        };
        if !array.dtype().is_equiv_to(&dtype::<T>(self.py)) {
            let message = format!("out must have dtype {}, got {}", T::NAME, array.dtype());
            return Err(self.fail(Error::type_(message)));
        }
        if array.shape() != shape {
            let message = format!("out must have shape {}, got {}", tuple(shape), tuple(array.shape()));
            return Err(self.fail(Error::value(message)));
        }
        let input = Input { name: "out", kind: Kind::Integer, array: array.clone() };
        let flags = unsafe { (*array.as_array_ptr()).fields.flags };
        if flags & NPY_ARRAY_WRITEABLE == 0 {
            return Err(self.fail(Error::value("out must be writable, got a read-only array")));
        }
        if !input.is_c_contiguous_and_aligned() {
            return Err(self.fail(Error::value("out must be C-contiguous and aligned, got other strides")));
        }
        let range = input.extent();
        for other in inputs {
            let taken = other.extent();
            if range.start < taken.end && taken.start < range.end {
                return Err(self.fail(Error::value(format!("out must not overlap {}", other.name))));
            }
        }
        let data = unsafe { (*array.as_array_ptr()).fields.data } as *mut T;
        let len = array.len();
        let data = if len == 0 { std::ptr::NonNull::dangling().as_ptr() } else { data };
        Ok(Output { array: array.clone(), data, len })
    }

    /// A C-contiguous, writable array of dtype `T` and the given shape that the call changes in place.
    pub fn in_place<T: Numeric + Scalar>(
        &self,
        name: &'static str,
        argument: &Bound<'py, PyAny>,
        shape: &[usize],
    ) -> PyResult<Output<'py, T>> {
        let input = self.array(name, argument)?;
        let flags = unsafe { (*input.array.as_array_ptr()).fields.flags };
        let wanted = NPY_ARRAY_WRITEABLE | NPY_ARRAY_ALIGNED | NPY_ARRAY_C_CONTIGUOUS;
        if !input.array.dtype().is_equiv_to(&dtype::<T>(self.py)) {
            let message = format!("{name} must have dtype {}, got {}", T::NAME, input.array.dtype());
            return Err(self.fail(Error::type_(message)));
        }
        if input.shape() != shape {
            let message = format!("{name} must have shape {}, got {}", tuple(shape), tuple(input.shape()));
            return Err(self.fail(Error::value(message)));
        }
        if !argument.is(&input.array) || flags & wanted != wanted {
            return Err(self.fail(Error::value(format!("{name} must be a writable, C-contiguous array"))));
        }
        let len = input.array.len();
        let data = unsafe { (*input.array.as_array_ptr()).fields.data } as *mut T;
        let data = if len == 0 { std::ptr::NonNull::dangling().as_ptr() } else { data };
        Ok(Output { array: input.array, data, len })
    }

    /// A gradient that comes in: `expected` is the shape of what the forward call returned.
    pub fn slope<T: Numeric + Scalar>(
        &self,
        name: &'static str,
        argument: &Bound<'py, PyAny>,
        expected: &[usize],
    ) -> PyResult<Dense<T>> {
        let input = self.slope_input::<T>(name, argument, expected)?;
        self.dense(&input)
    }

    /// The checks of [`Call::slope`] without the conversion.
    pub fn slope_input<T: Scalar>(
        &self,
        name: &'static str,
        argument: &Bound<'py, PyAny>,
        expected: &[usize],
    ) -> PyResult<Input<'py>> {
        let input = self.array(name, argument)?;
        if input.kind != Kind::Integer && kind_name(input.kind) != T::NAME {
            let message = format!("{name} must have dtype {}, got {}", T::NAME, kind_name(input.kind));
            return Err(self.fail(Error::type_(message)));
        }
        if input.shape() != expected {
            let message = format!("{name} must have shape {}, got {}", tuple(expected), tuple(input.shape()));
            return Err(self.fail(Error::value(message)));
        }
        Ok(input)
    }
}

pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Float32 => "float32",
        Kind::Float64 => "float64",
        Kind::Integer => "integers",
    }
}

fn describe(array: &Bound<'_, PyUntypedArray>, argument: &Bound<'_, PyAny>) -> String {
    let type_name = argument.get_type().name().map_or_else(|_| "object".into(), |name| name.to_string());
    if argument.is(array) { format!("an array of {}", array.dtype()) } else { type_name }
}
