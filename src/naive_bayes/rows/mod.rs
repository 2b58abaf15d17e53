//! Rows of numbers of any type and any strides, read a block at a time.

mod kernel;

use kernel::Number;
pub use kernel::{Block, survey};

/// Elements of one type: all memory from the lowest to the highest of an array.
#[derive(Clone, Copy)]
pub enum Values<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
}

/// Which columns are meant, in which order.
#[derive(Clone, Copy)]
pub enum Columns<'a> {
    All(usize),
    Chosen(&'a [i64]),
}

impl Columns<'_> {
    pub fn count(self) -> usize {
        match self {
            Columns::All(count) => count,
            Columns::Chosen(places) => places.len(),
        }
    }

    fn place(self, column: usize) -> usize {
        match self {
            Columns::All(_) => column,
            Columns::Chosen(places) => places[column] as usize,
        }
    }
}

/// A matrix. NaN stands for a missing value.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    values: Values<'a>,
    origin: usize,
    strides: [isize; 2],
    pub count: usize,
    columns: Columns<'a>,
}

/// Calls `$body` with the slice of elements, whatever their type.
macro_rules! typed {
    ($values:expr, |$slice:ident| $body:expr) => {
        match $values {
            Values::F32($slice) => $body,
            Values::F64($slice) => $body,
            Values::I8($slice) => $body,
            Values::I16($slice) => $body,
            Values::I32($slice) => $body,
            Values::I64($slice) => $body,
            Values::U8($slice) => $body,
            Values::U16($slice) => $body,
            Values::U32($slice) => $body,
            Values::U64($slice) => $body,
        }
    };
}

macro_rules! number {
    ($($t:ident)*) => {$(
        impl Number for $t {
            #[inline(always)]
            fn wide(self) -> f64 {
                self as f64
            }
        }
    )*};
}
number!(f32 f64 i8 i16 i32 i64 u8 u16 u32 u64);

impl<'a> Rows<'a> {
    /// `origin` is the place of the first element of the first row; the strides are those of rows and columns, in elements.
    ///
    /// # Panics
    /// If the strides lead outside the values.
    pub fn new(values: Values<'a>, origin: usize, strides: [isize; 2], count: usize, columns: Columns<'a>) -> Self {
        let rows = Rows { values, origin, strides, count, columns };
        let len = typed!(values, |slice| slice.len()) as isize;
        let last = match columns {
            Columns::All(columns) => columns.saturating_sub(1),
            Columns::Chosen(places) => {
                assert!(places.iter().all(|&place| place >= 0), "columns counted from 0");
                places.iter().copied().max().unwrap_or(0) as usize
            }
        };
        if count > 0 && columns.count() > 0 {
            for row in [0, count - 1] {
                for column in [0, last] {
                    let at = origin as isize + row as isize * strides[0] + column as isize * strides[1];
                    assert!((0..len).contains(&at), "strides inside the values");
                }
            }
        }
        rows
    }

    /// How many columns are meant.
    pub fn width(&self) -> usize {
        self.columns.count()
    }

    fn at(&self, row: usize, column: usize) -> usize {
        (self.origin as isize + row as isize * self.strides[0] + self.columns.place(column) as isize * self.strides[1])
            as usize
    }

    /// The elements of `rows` consecutive rows and `width` consecutive columns as float64: where they lie if they may be
    /// read there, else a copy in `scratch`, which has room for them.
    pub fn block<'b>(&self, from: [usize; 2], [rows, width]: [usize; 2], scratch: &'b mut [f64]) -> Block<'b>
    where
        'a: 'b,
    {
        if let (Values::F64(values), Columns::All(_), 1) = (self.values, self.columns, self.strides[1])
            && self.strides[0] >= width as isize
            && rows > 0
        {
            let (start, stride) = (self.at(from[0], from[1]), self.strides[0] as usize);
            return Block::new(&values[start..start + (rows - 1) * stride + width], stride, rows, width);
        }
        self.copy(from, [rows, width], scratch, width);
        Block::new(scratch, width, rows, width)
    }

    /// Copies a block as float64 to rows that are `stride` apart.
    pub fn copy(&self, from: [usize; 2], [rows, width]: [usize; 2], to: &mut [f64], stride: usize) {
        if rows > 0 && width > 0 {
            typed!(self.values, |values| self.copy_typed(values, from, [rows, width], to, stride));
        }
    }

    fn copy_typed<T: Number>(
        &self,
        values: &[T],
        [row, column]: [usize; 2],
        [rows, width]: [usize; 2],
        to: &mut [f64],
        stride: usize,
    ) {
        if matches!(self.columns, Columns::All(_)) && self.strides[1] == 1 {
            for i in 0..rows {
                let start = self.at(row + i, column);
                kernel::widen(&values[start..start + width], &mut to[i * stride..i * stride + width]);
            }
        } else if self.strides[0].unsigned_abs() < self.strides[1].unsigned_abs() {
            // Columns lie together: each is read from top to bottom.
            for j in 0..width {
                let mut at = self.at(row, column + j) as isize;
                for i in 0..rows {
                    to[i * stride + j] = values[at as usize].wide();
                    at += self.strides[0];
                }
            }
        } else {
            for i in 0..rows {
                for j in 0..width {
                    to[i * stride + j] = values[self.at(row + i, column + j)].wide();
                }
            }
        }
    }
}
