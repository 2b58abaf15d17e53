//! The product against plain loops, on the instruction set of the process (the suite runs once for each).

use proptest::prelude::*;

use super::*;
use crate::test_support::{Guarded, random};

#[derive(Debug, Clone)]
struct Case {
    rows: usize,
    columns: usize,
    k: usize,
    a_transposed: bool,
    b_transposed: bool,
    accumulate: bool,
    row_bias: bool,
    column_bias: bool,
    relu: bool,
    gap: usize,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let sizes = (1usize..120, 1usize..500, 0usize..600);
    let flags = (any::<[bool; 6]>(), 0usize..4, any::<u64>());
    (sizes, flags).prop_map(|((rows, columns, k), (flags, gap, seed))| {
        let [a_transposed, b_transposed, accumulate, row_bias, column_bias, relu] = flags;
        // Half of the cases have few rows, where B is not packed.
        let rows = if seed % 2 == 0 { rows % 20 + 1 } else { rows };
        Case { rows, columns, k, a_transposed, b_transposed, accumulate, row_bias, column_bias, relu, gap, seed }
    })
}

fn matrix<T>(data: &[T], rows: usize, columns: usize, gap: usize, transposed: bool) -> Matrix<'_, T> {
    let (row, column) = if transposed { (1, rows + gap) } else { (columns + gap, 1) };
    Matrix::strided(data, rows, columns, row, column)
}

fn check<T: Scalar>(case: &Case, tolerance: f64) {
    let Case { rows, columns, k, gap, .. } = *case;
    // No element behind the last one that counts: a guard page follows.
    let elements = |rows: usize, columns: usize, transposed: bool| {
        let (outer, inner) = if transposed { (columns, rows) } else { (rows, columns) };
        if outer == 0 { 0 } else { (outer - 1) * (inner + gap) + inner }
    };
    let a_data = Guarded::new(&random::<T>(elements(rows, k, case.a_transposed), case.seed));
    let b_data = Guarded::new(&random::<T>(elements(k, columns, case.b_transposed), case.seed ^ 1));
    let (a_data, b_data) = (a_data.as_slice(), b_data.as_slice());
    let a = matrix(a_data, rows, k, gap, case.a_transposed);
    let b = matrix(b_data, k, columns, gap, case.b_transposed);
    let (row_bias, column_bias) = (random::<T>(rows, 3), random::<T>(columns, 4));
    let row_stride = columns + gap;
    let elements = (rows - 1) * row_stride + columns;
    let before = if case.accumulate { random::<T>(elements, 5) } else { vec![T::from_f64(f64::NAN); elements] };
    let mut guarded = Guarded::new(&before);
    let target = Target { data: guarded.as_mut_slice(), row_stride, accumulate: case.accumulate };
    let epilogue = Epilogue {
        row_bias: case.row_bias.then_some(&row_bias[..]),
        column_bias: case.column_bias.then_some(&column_bias[..]),
        relu: case.relu,
    };
    gemm(a, b, target, epilogue);
    let c = guarded.as_slice();
    for row in 0..rows {
        for column in 0..row_stride.min(c.len() - row * row_stride) {
            let found = c[row * row_stride + column].to_f64();
            let old = before[row * row_stride + column].to_f64();
            if column >= columns {
                assert!(found == old || (found.is_nan() && old.is_nan()), "wrote behind row {row} of {case:?}");
                continue;
            }
            let mut expected = if case.accumulate { old } else { 0.0 };
            for step in 0..k {
                let x = a_data[row * a.row_stride + step * a.column_stride].to_f64();
                expected += x * b_data[step * b.row_stride + column * b.column_stride].to_f64();
            }
            expected += if case.row_bias { row_bias[row].to_f64() } else { 0.0 };
            expected += if case.column_bias { column_bias[column].to_f64() } else { 0.0 };
            expected = if case.relu { expected.max(0.0) } else { expected };
            assert!((found - expected).abs() <= tolerance, "({row}, {column}): {found}, expected {expected}, {case:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_plain_loops_in_float32(case in cases()) {
        check::<f32>(&case, 1e-4);
    }

    #[test]
    fn equals_plain_loops_in_float64(case in cases()) {
        check::<f64>(&case, 1e-12);
    }
}

#[test]
fn blocks_of_k_and_of_columns_meet() {
    let mut case = Case {
        rows: 101,
        columns: BLOCK_COLUMNS + 70,
        k: BLOCK_K + 3,
        a_transposed: false,
        b_transposed: true,
        accumulate: false,
        row_bias: true,
        column_bias: true,
        relu: true,
        gap: 1,
        seed: 1,
    };
    check::<f32>(&case, 1e-4);
    case.rows = 5;
    check::<f64>(&case, 1e-12);
}

#[test]
fn nan_passes_the_activation() {
    let a = [f32::NAN, 1.0];
    let mut c = [0.0f32; 2];
    let epilogue = Epilogue { relu: true, ..Epilogue::NONE };
    gemm(Matrix::new(&a, 2, 1), Matrix::new(&[-1.0f32], 1, 1), Target::new(&mut c, 1), epilogue);
    assert!(c[0].is_nan());
    assert_eq!(c[1], 0.0);
}
