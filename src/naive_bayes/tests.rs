//! Every pass against plain loops, on the instruction set of the process (the suite runs once for each), over random shapes,
//! types, strides, columns, weights and gaps. Matrices of float64 lie against a guard page.

use proptest::prelude::*;

use super::*;
use crate::test_support::{Guarded, random, rerun_under_other_instruction_sets};

/// A matrix and the labels of its rows, and how they are laid out.
#[derive(Clone, Debug)]
struct Case {
    rows: usize,
    width: usize,
    classes: usize,
    layout: usize,
    chosen: bool,
    weighted: bool,
    gaps: bool,
    /// The values are integers from 0 to 6.
    whole: bool,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let rows = prop_oneof![3 => 1usize..40, 2 => 60usize..70, 1 => 500usize..1200];
    let width = prop_oneof![3 => 1usize..20, 1 => 120usize..140, 1 => 500usize..530];
    (rows, width, 1usize..12, 0usize..5, any::<[bool; 4]>(), any::<u64>()).prop_map(
        |(rows, width, classes, layout, [chosen, weighted, gaps, whole], seed)| {
            // Long and wide at once takes long.
            let width = if rows > 100 { width.min(20) } else { width };
            Case { rows, width, classes, layout, chosen, weighted, gaps, whole, seed }
        },
    )
}

/// A case's data, and the same as a plain matrix.
struct Made {
    values: Guarded<f64>,
    origin: usize,
    strides: [isize; 2],
    chosen: Option<Vec<i64>>,
    codes: Vec<i64>,
    weights: Option<Vec<f64>>,
    plain: Vec<Vec<f64>>,
}

impl Made {
    fn new(case: &Case) -> Self {
        let Case { rows, width: all, classes, seed, .. } = *case;
        let mut drawn: Vec<f64> = random(rows * all, seed);
        for (i, x) in drawn.iter_mut().enumerate() {
            *x = if case.whole { ((*x + 0.5) * 7.0).floor() } else { *x * 4.0 + 3.0 };
            if case.gaps && i % 5 == (seed % 5) as usize {
                *x = f64::NAN;
            }
        }
        // Row by row, with room between the rows, column by column, bottom up, and with every second element.
        let (len, origin, strides) = match case.layout {
            0 => (rows * all, 0, [all, 1].map(|n| n as isize)),
            1 => ((rows - 1) * (all + 3) + all, 0, [all + 3, 1].map(|n| n as isize)),
            2 => (rows * all, 0, [1, rows].map(|n| n as isize)),
            3 => (rows * all, (rows - 1) * all, [-(all as isize), 1]),
            _ => (2 * rows * all - 1, 0, [2 * all, 2].map(|n| n as isize)),
        };
        let mut values = vec![f64::INFINITY; len];
        for i in 0..rows {
            for j in 0..all {
                let at = origin as isize + i as isize * strides[0] + j as isize * strides[1];
                values[at as usize] = drawn[i * all + j];
            }
        }
        let chosen = case.chosen.then(|| (0..all as i64).rev().step_by(2).collect::<Vec<_>>());
        let places = chosen.clone().unwrap_or_else(|| (0..all as i64).collect());
        let plain = (0..rows).map(|i| places.iter().map(|&j| drawn[i * all + j as usize]).collect()).collect();
        let codes = random::<f64>(rows, seed ^ 1).iter().map(|x| ((x + 0.5) * classes as f64) as i64).collect();
        let weights = case.weighted.then(|| random::<f64>(rows, seed ^ 2).iter().map(|x| x + 0.75).collect());
        Made { values: Guarded::new(&values), origin, strides, chosen, codes, weights, plain }
    }

    fn rows(&self, case: &Case) -> Rows<'_> {
        let columns = self.chosen.as_ref().map_or(Columns::All(case.width), |chosen| Columns::Chosen(chosen));
        Rows::new(Values::F64(self.values.as_slice()), self.origin, self.strides, case.rows, columns)
    }

    fn labels(&self, case: &Case) -> Labels<'_> {
        Labels { codes: &self.codes, weights: self.weights.as_deref(), classes: case.classes }
    }

    fn width(&self) -> usize {
        self.plain[0].len()
    }

    /// (weight, value) of a class's rows in which a column is not missing.
    fn observed(&self, class: usize, column: usize) -> Vec<(f64, f64)> {
        let rows = (0..self.plain.len()).filter(|&i| self.codes[i] as usize == class);
        let pairs = rows.map(|i| (self.weights.as_ref().map_or(1.0, |weights| weights[i]), self.plain[i][column]));
        pairs.filter(|(_, x)| !x.is_nan()).collect()
    }
}

fn close(what: &str, got: f64, expected: f64) -> Result<(), TestCaseError> {
    let same = got == expected || (got - expected).abs() <= 1e-12 * (1.0 + expected.abs());
    prop_assert!(same, "{} is {}, expected {}", what, got, expected);
    Ok(())
}

fn check_sums(case: &Case) -> Result<(), TestCaseError> {
    let made = Made::new(case);
    let (rows, labels) = (made.rows(case), made.labels(case));
    let moments = moments(&rows, &labels).expect("all finite");
    let plain = sums(&rows, &labels, Statistic::Itself, Support::REAL).expect("all finite");
    let above = sums(&rows, &labels, Statistic::Above(3.0), Support::REAL).expect("all finite");
    for class in 0..case.classes {
        for j in 0..made.width() {
            let (at, seen) = (class * made.width() + j, made.observed(class, j));
            let weight: f64 = seen.iter().map(|(w, _)| w).sum();
            let total: f64 = seen.iter().map(|(w, x)| w * x).sum();
            let mean = if weight > 0.0 { total / weight } else { 0.0 };
            close("weight", moments.weight[at], weight)?;
            close("weight", plain.weight[at], weight)?;
            close("weight", above.weight[at], weight)?;
            close("mean", moments.mean[at], mean)?;
            close("m2", moments.m2[at], seen.iter().map(|(w, x)| w * (x - mean).powi(2)).sum())?;
            close("total", plain.total[at], total)?;
            close("above", above.total[at], seen.iter().filter(|(_, x)| *x > 3.0).map(|(w, _)| w).sum())?;
        }
    }
    Ok(())
}

fn check_scores(case: &Case) -> Result<(), TestCaseError> {
    let made = Made::new(case);
    let (rows, cells) = (made.rows(case), case.classes * made.width());
    let [a, b, c] = [3, 4, 5].map(|seed| random::<f64>(cells, case.seed ^ seed));
    let (slope, constant, rate) = (&a[..], &b[..], &c.iter().map(|x| x + 0.6).collect::<Vec<_>>()[..]);
    let forms = [
        Form::Straight { slope, constant },
        Form::Step { above: 3.0, slope, constant },
        Form::Bell { mean: slope, rate, constant },
    ];
    for form in forms {
        let mut out = Guarded::new(&vec![0.5; case.rows * case.classes]);
        scores(&rows, form, Support::REAL, case.classes, out.as_mut_slice()).expect("all finite");
        for (i, row) in made.plain.iter().enumerate() {
            for class in 0..case.classes {
                let term = |(j, x): (usize, &f64)| {
                    let at = class * made.width() + j;
                    match form {
                        _ if x.is_nan() => 0.0,
                        Form::Straight { .. } => slope[at] * x + constant[at],
                        Form::Step { .. } => f64::from(u8::from(*x > 3.0)) * slope[at] + constant[at],
                        Form::Bell { .. } => -rate[at] * (x - slope[at]).powi(2) + constant[at],
                    }
                };
                let expected = 0.5 + row.iter().enumerate().map(term).sum::<f64>();
                let scale = row.iter().map(|x| if x.is_nan() { 0.0 } else { x * x + 1.0 }).sum::<f64>();
                let got = out.as_slice()[i * case.classes + class];
                prop_assert!(
                    (got - expected).abs() <= 1e-13 * (1.0 + scale),
                    "{} is {}, expected {}",
                    i,
                    got,
                    expected
                );
            }
        }
    }
    Ok(())
}

fn check_categories(case: &Case) -> Result<(), TestCaseError> {
    let case = Case { whole: true, ..case.clone() };
    let made = Made::new(&case);
    let (rows, labels, width) = (made.rows(&case), made.labels(&case), made.width());
    let found = categories(&rows, 100.0).expect("categories");
    prop_assert_eq!(found.fraction, None);
    let largest = |j: usize| made.plain.iter().map(|row| row[j]).filter(|x| !x.is_nan()).fold(-1.0, f64::max);
    prop_assert_eq!(&found.sizes, &(0..width).map(|j| (largest(j) + 1.0) as usize).collect::<Vec<_>>());
    let sizes: Vec<usize> = found.sizes.iter().enumerate().map(|(j, size)| size + j % 3).collect();
    let (starts, total) = (categories::starts(&sizes), sizes.iter().sum::<usize>());
    let table = counts(&rows, &labels, &sizes).expect("categories");
    let logs: Vec<f64> = random((total + 1 + SPARE) * case.classes, case.seed ^ 7);
    let logs = Guarded::new(&logs[..(total + 1) * case.classes + SPARE]);
    let mut out = Guarded::new(&vec![0.0; case.rows * case.classes]);
    let fraction = category_scores(&rows, &sizes, logs.as_slice(), case.classes, out.as_mut_slice());
    prop_assert_eq!(fraction, Ok(None));
    for class in 0..case.classes {
        for j in 0..width {
            let seen = made.observed(class, j);
            for v in 0..sizes[j] {
                let expected = seen.iter().filter(|(_, x)| *x == v as f64).map(|(w, _)| w).sum();
                close("count", table[class * total + starts[j] + v], expected)?;
            }
        }
        for (i, row) in made.plain.iter().enumerate() {
            let place = |(j, x): (usize, &f64)| if x.is_nan() { total } else { starts[j] + *x as usize };
            let logs = row.iter().enumerate().map(place).map(|place| logs.as_slice()[place * case.classes + class]);
            close("score", out.as_slice()[i * case.classes + class], logs.sum())?;
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn sums_by_class(case in cases()) {
        check_sums(&case)?;
    }

    #[test]
    fn scores_by_class(case in cases()) {
        check_scores(&case)?;
    }

    #[test]
    fn categories_by_class(case in cases()) {
        check_categories(&case)?;
    }

    #[test]
    fn the_first_bad_value_is_found(case in cases(), at in any::<prop::sample::Index>(), infinite: bool) {
        let case = Case { layout: 0, chosen: false, weighted: false, ..case };
        let mut made = Made::new(&case);
        let (place, classes) = (at.index(case.rows * case.width), case.classes);
        let bad = if infinite { f64::NEG_INFINITY } else { -1.0 };
        made.values.as_mut_slice()[place] = bad;
        if let Some(later) = made.values.as_mut_slice()[place + 1..].last_mut() {
            *later = f64::INFINITY;
        }
        let fault = Fault { row: place / case.width, column: place % case.width };
        let (rows, labels) = (made.rows(&case), made.labels(&case));
        let support = Support { least: 0.0, ..Support::REAL };
        prop_assert_eq!(sums(&rows, &labels, Statistic::Itself, support).err(), Some(fault));
        prop_assert_eq!(categories(&rows, 100.0).err(), Some(fault));
        let zeros = vec![0.0; classes * case.width];
        let form = Form::Straight { slope: &zeros, constant: &zeros };
        let mut out = vec![0.0; case.rows * classes];
        prop_assert_eq!(scores(&rows, form, support, classes, &mut out).err(), Some(fault));
        let sizes = vec![9; case.width];
        let table = vec![0.0; (9 * case.width + 1) * classes + SPARE];
        prop_assert_eq!(category_scores(&rows, &sizes, &table, classes, &mut out).err(), Some(fault));
        prop_assert_eq!(counts(&rows, &labels, &sizes).err(), Some(fault));
        if infinite {
            prop_assert_eq!(moments(&rows, &labels).err(), Some(fault));
        }
    }
}

#[test]
fn sparse_sums_are_those_of_the_full_matrix() {
    for (rows, width, classes, gaps) in [(1, 1, 1, false), (40, 7, 3, true), (3000, 5, 2, true), (500, 90, 4, false)] {
        let drawn: Vec<f64> = random(rows * width, rows as u64);
        let sparse = |x: f64| if x < 0.2 { 0.0 } else { (x * 30.0).floor() };
        let mut full: Vec<f64> = drawn.into_iter().map(sparse).collect();
        if gaps {
            full.iter_mut().filter(|x| **x == 7.0).for_each(|x| *x = f64::NAN);
        }
        let codes: Vec<i64> = (0..rows).map(|i| (i * i % classes) as i64).collect();
        let weights: Vec<f64> = random::<f64>(rows, 9).iter().map(|x| x + 0.75).collect();
        let labels = Labels { codes: &codes, weights: Some(&weights), classes };
        let (mut values, mut columns, mut starts) = (Vec::new(), Vec::new(), vec![0i64]);
        for row in full.chunks_exact(width) {
            for (j, &x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                values.push(x);
                columns.push(j as i32);
            }
            starts.push(values.len() as i64);
        }
        let (counters, ends) = (Counters::I32(&columns), Counters::I64(&starts));
        let matrix = SparseRows { values: &values, columns: counters, starts: ends, count: rows, width };
        let dense = Rows::new(Values::F64(&full), 0, [width as isize, 1], rows, Columns::All(width));
        for statistic in [Statistic::Itself, Statistic::Above(8.5)] {
            let expected = sums(&dense, &labels, statistic, Support::REAL).expect("all finite");
            let made = sparse_sums(&matrix, &labels, statistic).expect("all inside");
            assert_eq!(made.gone.is_empty(), !full.iter().any(|x| x.is_nan()));
            for at in 0..classes * width {
                assert!((made.total[at] - expected.total[at]).abs() < 1e-10);
                let members = codes.iter().zip(&weights).filter(|(code, _)| **code as usize == at / width);
                let all: f64 = members.map(|(_, weight)| weight).sum();
                let gone = made.gone.get(at).copied().unwrap_or(0.0);
                assert!((all - gone - expected.weight[at]).abs() < 1e-10);
            }
        }
        let narrow = SparseRows { width: width - 1, ..matrix };
        assert!(values.is_empty() || sparse_sums(&narrow, &labels, Statistic::Itself).is_none());
        let long = SparseRows { count: rows + 1, ..matrix };
        let more = [&codes[..], &[0]].concat();
        let labels = Labels { codes: &more, weights: None, classes };
        assert!(sparse_sums(&long, &labels, Statistic::Itself).is_none());
    }
}

#[test]
fn every_type_is_read_as_its_nearest_float64() {
    let wide: Vec<f64> = (0..600).map(|i| f64::from(i % 100)).collect();
    macro_rules! check {
        ($($kind:ident $t:ident)*) => {$(
            let values: Vec<$t> = wide.iter().map(|&x| x as $t).collect();
            for strides in [[6, 1], [1, 100]] {
                let rows = Rows::new(Values::$kind(&values), 0, strides, 100, Columns::All(6));
                let mut copy = vec![0.0; 800];
                rows.copy([0, 0], [100, 6], &mut copy, 8);
                for i in 0..100 {
                    for j in 0..6 {
                        let at = i * strides[0] as usize + j * strides[1] as usize;
                        assert_eq!(copy[i * 8 + j], wide[at], "{}", stringify!($t));
                    }
                }
            }
        )*};
    }
    check!(F32 f32 F64 f64 I8 i8 I16 i16 I32 i32 I64 i64 U8 u8 U16 u16 U32 u32 U64 u64);
}

#[test]
fn large_numbers_keep_their_variance() {
    let noise: Vec<f64> = random(30_000, 5);
    let far: Vec<f64> = noise.iter().map(|x| x + 1e8).collect();
    let codes: Vec<i64> = (0..10_000).map(|i| i % 2).collect();
    let labels = Labels { codes: &codes, weights: None, classes: 2 };
    let of = |values| moments(&Rows::new(Values::F64(values), 0, [3, 1], 10_000, Columns::All(3)), &labels);
    let (near, far) = (of(&noise).expect("finite"), of(&far).expect("finite"));
    for (near, far) in near.m2.iter().zip(&far.m2) {
        assert!((near / far - 1.0).abs() < 1e-7, "{near} {far}");
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let (rows, width, classes) = (9000, 30, 5);
    let mut values: Vec<f64> = random(rows * width, 3);
    (0..values.len()).step_by(977).for_each(|i| values[i] = f64::NAN);
    let codes: Vec<i64> = (0..rows as i64).map(|i| i * i % 5).collect();
    let weights: Vec<f64> = random::<f64>(rows, 4).iter().map(|x| x + 1.0).collect();
    let data = Rows::new(Values::F64(&values), 0, [width as isize, 1], rows, Columns::All(width));
    let labels = Labels { codes: &codes, weights: Some(&weights), classes };
    let compute = || {
        let moments = moments(&data, &labels).expect("finite");
        let sums = sums(&data, &labels, Statistic::Itself, Support::REAL).expect("finite");
        let form = Form::Bell { mean: &moments.mean, rate: &moments.weight, constant: &moments.m2 };
        let mut out = vec![0.0; rows * classes];
        scores(&data, form, Support::REAL, classes, &mut out).expect("finite");
        let all = [moments.weight, moments.mean.clone(), moments.m2, sums.total, sums.weight, out].concat();
        all.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    let previous = crate::threads::set_override(Some(1));
    let expected = compute();
    for threads in [2, 3, 5] {
        crate::threads::set_override(Some(threads));
        assert!(compute() == expected, "{threads} threads");
    }
    crate::threads::set_override(previous);
}

#[test]
fn the_likeliest_class_and_the_first_row_without_one() {
    let joint = [1.0, 3.0, 3.0, 0.0, f64::NEG_INFINITY, -1.0];
    let mut best = [9; 2];
    assert_eq!((likeliest(&joint, 3, &mut best), best), (None, [1, 0]));
    let mut joint = vec![0.0; 5000];
    (joint[4242], joint[2400], joint[2401]) = (f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    let mut best = vec![9; 2500];
    assert_eq!(likeliest(&joint, 2, &mut best), Some(1200));
    assert_eq!((best[1200], best[2121]), (0, 0));
}

#[test]
fn no_rows_give_zeros() {
    let rows = Rows::new(Values::F64(&[]), 0, [3, 1], 0, Columns::All(3));
    let labels = Labels { codes: &[], weights: None, classes: 2 };
    assert_eq!(moments(&rows, &labels).expect("nothing").m2, [0.0; 6]);
    assert_eq!(sums(&rows, &labels, Statistic::Itself, Support::REAL).expect("nothing").total, [0.0; 6]);
    assert_eq!(counts(&rows, &labels, &[1, 0, 2]).expect("nothing"), [0.0; 6]);
}

#[test]
fn under_every_instruction_set() {
    if std::env::var_os("GOLDFISH_SIMD").is_none() {
        rerun_under_other_instruction_sets("naive_bayes::tests");
    }
}
