//! The fast paths against the reference, and the gradients against the forward pass.

use proptest::prelude::*;

use super::average::Divisor;
use super::max::Winners;
use super::*;
use crate::geometry::pool::PoolOptions;
use crate::geometry::window::{Padding, PerAxis};
use crate::scalar::Scalar;
use crate::test_support::{Guarded, random, rerun_under_other_instruction_sets};

#[derive(Clone, Debug)]
struct Case {
    geometry: PoolGeometry,
    divisor: Divisor,
    /// What x holds besides noise.
    special: Special,
    seed: u64,
}

#[derive(Clone, Copy, Debug)]
enum Special {
    Nothing,
    Ties,
    LeastValues,
    NaN,
}

/// Kernel, extra size, stride, dilation, and the numbers that padding is drawn from.
fn axis(most: i64) -> impl Strategy<Value = (i64, usize, i64, i64, (i64, i64))> {
    (1..=most, 0usize..=20, 1i64..=4, 1i64..=3, (0..=most / 2, 0..=most / 2))
}

prop_compose! {
    /// Pooling of every kind, with kernels of up to `most` places along an axis.
    fn cases(most: i64)(
        planes in (1usize..=2, 1usize..=3),
        depth in prop_oneof![3 => Just((1, 0, 1, 1, (0, 0))), 1 => axis(5).prop_map(|a| (a.0.min(3), a.1 % 4, a.2, a.3, a.4))],
        height in axis(most),
        width in axis(most),
        more in prop_oneof![3 => Just(0usize), 1 => 40usize..=150],
        same in prop_oneof![4 => Just(None), 1 => Just(Some(Padding::Same)), 1 => Just(Some(Padding::SameLower))],
        ceil_mode: bool,
        plain: bool,
        divisor in prop_oneof![Just(Divisor::Inside), Just(Divisor::Padded), (1i64..=9).prop_map(Divisor::Fixed)],
        special in prop_oneof![
            2 => Just(Special::Nothing), 1 => Just(Special::Ties), 1 => Just(Special::LeastValues), 1 => Just(Special::NaN),
        ],
        seed: u64,
    ) -> Case {
        let mut axes = [depth, height, (width.0, width.1 + more, width.2, width.3, width.4)];
        let same = if plain { None } else { same };
        for axis in axes.iter_mut().filter(|_| plain) {
            (axis.3, axis.4) = (1, (0, 0));
        }
        let mut x = vec![planes.0, planes.1];
        for (kernel, extra, _, dilation, _) in axes {
            x.push((kernel - 1) as usize * dilation as usize + 1 + extra);
        }
        let each = |values: [i64; 3]| PerAxis::Each { values, count: 3 };
        let half = axes.map(|a| (a.4.0.min(a.0 / 2), a.4.1.min(a.0 / 2)));
        let options = PoolOptions {
            kernel_size: each(axes.map(|a| a.0)),
            stride: Some(each(axes.map(|a| a.2))),
            padding: same.unwrap_or(Padding::Pairs { values: half, count: 3 }),
            dilation: each(axes.map(|a| a.3)),
            ceil_mode: ceil_mode && !plain,
        };
        Case { geometry: PoolGeometry::new(3, &x, &options).expect("it fits"), divisor, special, seed }
    }
}

impl Case {
    fn x<T: Scalar>(&self) -> Guarded<T> {
        let mut x: Vec<T> = random(self.geometry.x_len(), self.seed);
        for (i, value) in x.iter_mut().enumerate() {
            *value = match self.special {
                Special::Ties => T::from_f64((value.to_f64() * 4.0).round()),
                Special::LeastValues if i % 50 != 0 => T::NEG_INFINITY,
                Special::NaN if i % 37 == 5 => T::from_f64(f64::NAN),
                _ => *value,
            };
        }
        Guarded::new(&x)
    }

    fn dy<T: Scalar>(&self) -> Guarded<T> {
        Guarded::new(&random(self.geometry.y_len(), self.seed ^ 1))
    }
}

fn nan<T: Scalar>(len: usize) -> Guarded<T> {
    Guarded::new(&vec![T::from_f64(f64::NAN); len])
}

fn close<T: Scalar>(fast: &[T], plain: &[T], limit: f64) -> bool {
    fast.iter().zip(plain).all(|(a, b)| (a.to_f64() - b.to_f64()).abs() <= limit || a.is_nan() && b.is_nan() || a == b)
}

fn compare_max<T: Scalar>(case: &Case, limit: f64) {
    let g = &case.geometry;
    let (x, dy) = (case.x::<T>(), case.dy::<T>());
    let (mut y, mut alone, mut dx) = (nan::<T>(g.y_len()), nan::<T>(g.y_len()), nan::<T>(g.x_len()));
    let mut winners = Winners::new(g).expect("memory");
    max::forward(g, x.as_slice(), y.as_mut_slice(), Some(&mut winners));
    max::forward(g, x.as_slice(), alone.as_mut_slice(), None);
    max::backward(g, dy.as_slice(), &winners, dx.as_mut_slice());
    let mut indices = vec![-7; g.y_len()];
    winners.indices(g, &mut indices);

    let (mut expected, mut places) = (vec![T::ZERO; g.y_len()], vec![0; g.y_len()]);
    reference::max(g, x.as_slice(), &mut expected, &mut places);
    assert_eq!(indices, places, "{case:?}");
    assert!(close(y.as_slice(), &expected, 0.0) && close(alone.as_slice(), &expected, 0.0), "{case:?}");
    let mut slopes = vec![T::ZERO; g.x_len()];
    reference::max_backward(g, dy.as_slice(), &places, &mut slopes);
    assert!(close(dx.as_slice(), &slopes, limit), "{case:?}");
}

fn compare_average<T: Scalar>(case: &Case, limit: f64) {
    let g = &case.geometry;
    let (x, dy) = (Guarded::new(&random::<T>(g.x_len(), case.seed)), case.dy::<T>());
    let (mut y, mut dx) = (nan::<T>(g.y_len()), nan::<T>(g.x_len()));
    average::forward(g, case.divisor, x.as_slice(), y.as_mut_slice());
    average::backward(g, case.divisor, dy.as_slice(), dx.as_mut_slice());
    let (mut expected, mut slopes) = (vec![T::ZERO; g.y_len()], vec![T::ZERO; g.x_len()]);
    reference::average(g, case.divisor, x.as_slice(), &mut expected);
    reference::average_backward(g, case.divisor, dy.as_slice(), &mut slopes);
    assert!(close(y.as_slice(), &expected, limit), "{case:?}");
    assert!(close(dx.as_slice(), &slopes, limit), "{case:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fast_max_equals_reference(case in prop_oneof![cases(5), cases(17)]) {
        compare_max::<f32>(&case, 1e-5);
        compare_max::<f64>(&case, 1e-13);
    }

    #[test]
    fn fast_average_equals_reference(case in cases(5)) {
        compare_average::<f32>(&case, 1e-5);
        compare_average::<f64>(&case, 1e-13);
    }
}

#[test]
fn fast_paths_under_every_instruction_set() {
    if std::env::var_os("GOLDFISH_SIMD").is_none() {
        rerun_under_other_instruction_sets("pool::tests::fast_max");
        rerun_under_other_instruction_sets("pool::tests::fast_average");
    }
}

fn square(x: &[usize], kernel: i64, stride: i64, padding: i64, dilation: i64) -> PoolGeometry {
    let options = PoolOptions {
        kernel_size: PerAxis::One(kernel),
        stride: Some(PerAxis::One(stride)),
        padding: Padding::Numbers(PerAxis::One(padding)),
        dilation: PerAxis::One(dilation),
        ceil_mode: false,
    };
    PoolGeometry::new(x.len() - 2, x, &options).expect("it fits")
}

#[test]
fn fast_max_of_more_taps_than_a_byte_counts() {
    let geometry = square(&[1, 2, 30, 40], 17, 3, 8, 1);
    for special in [Special::Nothing, Special::Ties, Special::NaN] {
        let case = Case { geometry, divisor: Divisor::Padded, special, seed: 3 };
        compare_max::<f32>(&case, 1e-5);
        compare_average::<f32>(&case, 1e-5);
    }
}

#[test]
fn windows_in_the_padding_altogether_have_no_winner() {
    let geometry = square(&[1, 1, 1, 1], 2, 1, 1, 2);
    assert_eq!(geometry.output(), [1, 1, 1]);
    let mut winners = Winners::new(&geometry).expect("memory");
    let (mut y, mut indices, mut dx) = ([0.0f32], [0], [7.0]);
    max::forward(&geometry, &[3.0], &mut y, Some(&mut winners));
    winners.indices(&geometry, &mut indices);
    max::backward(&geometry, &[5.0], &winners, &mut dx);
    assert_eq!((y, indices, dx), ([f32::NEG_INFINITY], [-1], [0.0]));
    average::forward(&geometry, Divisor::Inside, &[3.0], &mut y);
    average::backward(&geometry, Divisor::Inside, &[5.0], &mut dx);
    assert_eq!((y, dx), ([0.0], [0.0]));
}

#[test]
fn a_lone_window_leaves_the_rest_of_its_row_without_slope() {
    let geometry = square(&[1, 1, 3, 500], 3, 1000, 0, 1);
    let case = Case { geometry, divisor: Divisor::Padded, special: Special::Nothing, seed: 5 };
    compare_max::<f32>(&case, 0.0);
    compare_average::<f64>(&case, 1e-15);
}

#[test]
fn planes_of_several_bands_and_a_lone_nan() {
    for (kernel, stride) in [(2, 1), (2, 2), (3, 1), (3, 2), (3, 3)] {
        let geometry = square(&[1, 2, 201, 203], kernel, stride, 0, 1);
        for special in [Special::Nothing, Special::Ties, Special::NaN] {
            let case = Case { geometry, divisor: Divisor::Padded, special, seed: 9 };
            compare_max::<f32>(&case, 1e-5);
            compare_average::<f64>(&case, 1e-13);
        }
        let mut x = random::<f32>(geometry.x_len(), 1);
        for place in [0, 202, 150 * 203 + 77, geometry.x_len() - 3 * 203 - 4] {
            x[place] = f32::NAN;
            let (mut y, mut expected) = (vec![0.0; geometry.y_len()], vec![0.0; geometry.y_len()]);
            max::forward(&geometry, &x, &mut y, None);
            reference::max(&geometry, &x, &mut expected, &mut vec![0; geometry.y_len()]);
            assert!(close(&y, &expected, 0.0), "{kernel} / {stride}: NaN at {place}");
            x[place] = 0.0;
        }
    }
}

#[test]
fn arrays_that_are_written_past_the_caches() {
    let geometry = square(&[4, 4, 512, 515], 2, 1, 0, 1);
    let case = Case { geometry, divisor: Divisor::Padded, special: Special::Nothing, seed: 11 };
    compare_max::<f32>(&case, 1e-5);
    compare_average::<f32>(&case, 1e-5);
}

#[test]
fn average_gradient_is_adjoint() {
    let geometry = square(&[2, 3, 13, 70], 3, 2, 1, 1);
    let (x, dy) = (random::<f64>(geometry.x_len(), 1), random::<f64>(geometry.y_len(), 2));
    let (mut y, mut dx) = (vec![0.0; geometry.y_len()], vec![0.0; geometry.x_len()]);
    average::forward(&geometry, Divisor::Inside, &x, &mut y);
    average::backward(&geometry, Divisor::Inside, &dy, &mut dx);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    assert!((dot(&x, &dx) - dot(&y, &dy)).abs() < 1e-12);
}

#[test]
fn what_is_not_finite_stays_in_its_windows() {
    let geometry = square(&[1, 1, 20, 90], 7, 1, 0, 1);
    let mut x = random::<f32>(geometry.x_len(), 1);
    x[9 * 90 + 10] = f32::INFINITY;
    let mut y = vec![0.0; geometry.y_len()];
    average::forward(&geometry, Divisor::Padded, &x, &mut y);
    for (i, y) in y.iter().enumerate() {
        assert_eq!(y.is_finite(), !((3..10).contains(&(i / 84)) && (4..11).contains(&(i % 84))));
    }
}
