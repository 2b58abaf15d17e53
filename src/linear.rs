//! `y = x weight^T + bias` over the last axis of x: three matrix products.

use crate::gemm::{Epilogue, Matrix, Target, gemm};
use crate::scalar::Scalar;
use crate::threads::parallel_chunks_mut;

/// x is (rows, inputs), weight (outputs, inputs), bias (outputs,), y (rows, outputs).
pub fn forward<T: Scalar>(x: &[T], weight: &[T], bias: Option<&[T]>, outputs: usize, y: &mut [T]) {
    let (rows, inputs) = sizes(y, weight, outputs);
    let epilogue = Epilogue { column_bias: bias, ..Epilogue::NONE };
    let weight = Matrix::new(weight, outputs, inputs).transposed();
    gemm(Matrix::new(x, rows, inputs), weight, Target::new(y, outputs), epilogue);
}

/// Where the gradients go; `None` is not computed.
pub struct Gradients<'a, T> {
    pub x: Option<&'a mut [T]>,
    pub weight: Option<&'a mut [T]>,
    pub bias: Option<&'a mut [T]>,
}

/// `dx = dy weight`, `dweight = dy^T x`, `dbias` = the sum of the rows of dy.
pub fn backward<T: Scalar>(dy: &[T], x: &[T], weight: &[T], outputs: usize, gradients: Gradients<T>) {
    let (rows, inputs) = sizes(dy, weight, outputs);
    let slope = Matrix::new(dy, rows, outputs);
    if let Some(dx) = gradients.x {
        gemm(slope, Matrix::new(weight, outputs, inputs), Target::new(dx, inputs), Epilogue::NONE);
    }
    if let Some(dweight) = gradients.weight {
        gemm(slope.transposed(), Matrix::new(x, rows, inputs), Target::new(dweight, inputs), Epilogue::NONE);
    }
    if let Some(dbias) = gradients.bias {
        sum_rows(dy, dbias);
    }
}

/// Adds up the rows of a matrix as long as `sums`, each column in ascending order of rows.
pub fn sum_rows<T: Scalar>(matrix: &[T], sums: &mut [T]) {
    const COLUMNS: usize = 256;
    let width = sums.len();
    parallel_chunks_mut(sums, COLUMNS, &|chunk, sums| {
        sums.fill(T::ZERO);
        let first = chunk * COLUMNS;
        for row in matrix.chunks_exact(width) {
            for (sum, &value) in sums.iter_mut().zip(&row[first..]) {
                *sum += value;
            }
        }
    });
}

fn sizes<T>(y: &[T], weight: &[T], outputs: usize) -> (usize, usize) {
    (y.len().checked_div(outputs).unwrap_or(0), weight.len().checked_div(outputs).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers() {
        let (x, weight) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 1.0, 1.0, 2.0, -1.0]);
        let mut y = [f64::NAN; 6];
        forward(&x, &weight, Some(&[0.5, 0.0, 0.0]), 3, &mut y);
        assert_eq!(y, [1.5, 3.0, 0.0, 3.5, 7.0, 2.0]);
        let (mut dx, mut dweight, mut dbias) = ([f64::NAN; 4], [f64::NAN; 6], [f64::NAN; 3]);
        let dy = [1.0, 0.0, 0.0, 0.0, 1.0, 2.0];
        let gradients = Gradients { x: Some(&mut dx), weight: Some(&mut dweight), bias: Some(&mut dbias) };
        backward(&dy, &x, &weight, 3, gradients);
        assert_eq!(dx, [1.0, 0.0, 5.0, -1.0]);
        assert_eq!(dweight, [1.0, 2.0, 3.0, 4.0, 6.0, 8.0]);
        assert_eq!(dbias, [1.0, 1.0, 2.0]);
    }

    #[test]
    fn no_rows_give_zero_gradients() {
        let (mut dweight, mut dbias) = ([f32::NAN; 6], [f32::NAN; 3]);
        let gradients = Gradients { x: None, weight: Some(&mut dweight), bias: Some(&mut dbias) };
        backward(&[], &[], &[1.0f32; 6], 3, gradients);
        assert_eq!((dweight, dbias), ([0.0; 6], [0.0; 3]));
    }
}
