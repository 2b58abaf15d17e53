//! The two element types of every kernel: `f32` and `f64`.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use crate::math::Constants;
use crate::memory::Plain;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Portable, Simd};

/// A floating-point element type, with its vector type for each instruction set.
pub trait Scalar:
    Plain
    + Constants
    + Copy
    + Default
    + Debug
    + PartialEq
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + Send
    + Sync
    + 'static
{
    #[cfg(target_arch = "x86_64")]
    type Avx512: Simd<T = Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx2: Simd<T = Self>;
    type Portable: Simd<T = Self>;

    const ZERO: Self;
    const ONE: Self;
    const NEG_INFINITY: Self;
    /// NumPy's name of the type.
    const NAME: &'static str;

    /// The nearest value of this type.
    fn from_f64(x: f64) -> Self;
    fn to_f64(self) -> f64;
    fn is_nan(self) -> bool;
}

macro_rules! scalar {
    ($t:ident, $name:literal) => {
        impl Scalar for $t {
            #[cfg(target_arch = "x86_64")]
            type Avx512 = Avx512<$t>;
            #[cfg(target_arch = "x86_64")]
            type Avx2 = Avx2<$t>;
            type Portable = Portable<$t>;

            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NEG_INFINITY: Self = $t::NEG_INFINITY;
            const NAME: &'static str = $name;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn is_nan(self) -> bool {
                self != self
            }
        }
    };
}

scalar!(f32, "float32");
scalar!(f64, "float64");
