//! 100,000 random geometries of every convolution and pooling against the plain loops: `make test-slow`.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use crate::conv::{self, Wanted, reference, transposed};
use crate::geometry::adaptive::AdaptiveGeometry;
use crate::geometry::conv::{ConvGeometry, ConvOptions};
use crate::geometry::conv_transpose::{TransposedGeometry, TransposedOptions};
use crate::geometry::pool::{PoolGeometry, PoolOptions};
use crate::geometry::window::{Padding, PerAxis};
use crate::pool::average::{self, Divisor};
use crate::pool::max::{self, Winners};
use crate::pool::{adaptive, reference as pools};
use crate::scalar::Scalar;
use crate::test_support::random;

/// Geometries of each of the four families.
const CASES: u32 = 25_000;

/// One spatial axis: kernel, places beyond the least, stride, dilation, padding, output padding.
#[derive(Clone, Copy, Debug)]
struct Axis {
    kernel: usize,
    extra: usize,
    stride: i64,
    dilation: i64,
    padding: (i64, i64),
    more: i64,
}

impl Axis {
    fn extent(&self) -> usize {
        (self.kernel - 1) * self.dilation as usize + 1
    }
}

/// One to three axes; the last may be wider than a block of places.
fn axes() -> impl Strategy<Value = Vec<Axis>> {
    let often_one = |most: i64| prop_oneof![2 => Just(1), 1 => 1..=most];
    let padding = prop_oneof![4 => 0i64..=3, 1 => 0i64..=12];
    let axis = (1usize..=5, 0usize..=9, often_one(5), often_one(4), (padding.clone(), padding), 0i64..=3).prop_map(
        |(kernel, extra, stride, dilation, padding, more)| Axis { kernel, extra, stride, dilation, padding, more },
    );
    let wide = prop_oneof![6 => Just(0usize), 1 => 20usize..=90];
    (prop::collection::vec(axis, 1..=3), wide).prop_map(|(mut axes, wide)| {
        let (last, lead) = axes.split_last_mut().expect("an axis");
        last.extra += wide;
        for axis in lead.iter_mut() {
            (axis.kernel, axis.extra) = (axis.kernel.min(3), axis.extra % 5);
        }
        axes
    })
}

/// Groups, and channels and outputs of one group.
fn channels() -> impl Strategy<Value = (usize, usize, usize)> {
    prop_oneof![
        2 => (Just(1usize), 1usize..=6, 1usize..=6),
        1 => (2usize..=3, 1usize..=3, 1usize..=3),
        1 => (1usize..=9, Just(1), 1usize..=3),
        1 => (Just(1usize), prop_oneof![Just(1usize), 15usize..=18], 14usize..=34),
    ]
}

fn each(axes: &[Axis], value: impl Fn(&Axis) -> i64) -> PerAxis {
    let mut values = [1; 3];
    axes.iter().zip(&mut values).for_each(|(axis, to)| *to = value(axis));
    PerAxis::Each { values, count: axes.len() }
}

/// The pairs, or now and then a rule.
fn padding(axes: &[Axis], rule: u8, most: impl Fn(&Axis) -> i64) -> Padding {
    let mut values = [(0, 0); 3];
    for (axis, to) in axes.iter().zip(&mut values) {
        *to = (axis.padding.0.min(most(axis)), axis.padding.1.min(most(axis)));
    }
    match rule {
        0 => Padding::Same,
        1 => Padding::SameLower,
        2 if axes.len() == 1 => Padding::Causal,
        _ => Padding::Pairs { values, count: axes.len() },
    }
}

fn shape(batch: usize, channels: usize, sizes: impl Iterator<Item = usize>) -> Vec<usize> {
    [batch, channels].into_iter().chain(sizes).collect()
}

fn sweep<S: Strategy>(cases: S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    match TestRunner::new(config).run(&cases, check) {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => panic!("{reason}: {case:?}"),
        Err(error) => panic!("{error}"),
    }
}

/// Fails if a value was not written, or is further from the expected one than a sum of so many terms may be.
fn close<T: Scalar>(name: &str, fast: &[T], plain: &[T], terms: usize, limit: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(fast.len(), plain.len());
    for (i, (a, b)) in fast.iter().zip(plain).enumerate() {
        let off = (a.to_f64() - b.to_f64()).abs() / (terms.max(1) as f64).sqrt();
        prop_assert!(off <= limit, "{} at {} is {:?}, expected {:?}", name, i, a, b);
    }
    Ok(())
}

fn nan<T: Scalar>(len: usize) -> Vec<T> {
    vec![T::from_f64(f64::NAN); len]
}

fn convolve<T: Scalar>(g: &ConvGeometry, seed: u64, direct: f64, transformed: f64) -> Result<(), TestCaseError> {
    let (x, weight) = (random::<T>(g.x_len(), seed), random::<T>(g.weight_len(), seed + 1));
    let (bias, dy) = (random::<T>(g.groups * g.outputs, seed + 2), random::<T>(g.y_len(), seed + 3));
    let [mut y, mut dx, mut dweight, mut dbias] = [&dy, &x, &weight, &bias].map(|like| vec![T::ZERO; like.len()]);
    reference::forward(g, &x, &weight, Some(&bias), &mut y);
    reference::backward_x(g, &dy, &weight, &mut dx);
    reference::backward_weight(g, &dy, &x, &mut dweight);
    reference::backward_bias(g, &dy, &mut dbias);
    let places = g.batch * g.output_plane();
    for (wanted, limit) in [(Wanted::Direct, direct), (Wanted::Winograd, transformed), (Wanted::Fourier, transformed)] {
        let (mut fast_y, mut fast_dx, mut fast_dweight) = (nan(y.len()), nan(x.len()), nan(weight.len()));
        conv::forward(g, wanted, &x, &weight, Some(&bias), &mut fast_y).expect("memory");
        conv::backward_x(g, wanted, &dy, &weight, &mut fast_dx).expect("memory");
        conv::backward_weight(g, wanted, &dy, &x, &mut fast_dweight).expect("memory");
        close("y", &fast_y, &y, g.channels * g.taps() + 1, limit)?;
        close("dx", &fast_dx, &dx, g.outputs * g.taps(), limit)?;
        close("dweight", &fast_dweight, &dweight, places, limit)?;
    }
    let mut fast = nan(bias.len());
    conv::backward_bias(g, &dy, &mut fast);
    close("dbias", &fast, &dbias, places, direct)
}

#[test]
#[ignore = "minutes: make test-slow"]
fn convolutions() {
    sweep((1usize..=2, channels(), axes(), 0u8..=12, any::<u32>()), |(batch, channels, axes, rule, seed)| {
        let (groups, channels, outputs) = channels;
        let sizes = axes.iter().map(|axis| {
            let covered = if rule > 2 { (axis.padding.0 + axis.padding.1) as usize } else { 0 };
            (axis.extent() + axis.extra).saturating_sub(covered).max(1)
        });
        let x = shape(batch, groups * channels, sizes);
        let weight = shape(groups * outputs, channels, axes.iter().map(|axis| axis.kernel));
        let options = ConvOptions {
            stride: each(&axes, |axis| axis.stride),
            padding: padding(&axes, rule, |_| i64::MAX),
            dilation: each(&axes, |axis| axis.dilation),
            groups: groups as i64,
        };
        let geometry = ConvGeometry::new(axes.len(), &x, &weight, None, &options);
        let geometry = geometry.map_err(|error| TestCaseError::fail(error.to_string()))?;
        convolve::<f32>(&geometry, seed.into(), 1e-6, 1e-5)?;
        convolve::<f64>(&geometry, seed.into(), 1e-14, 1e-13)
    });
}

fn transpose<T: Scalar>(g: &TransposedGeometry, seed: u64, limit: f64) -> Result<(), TestCaseError> {
    let conv = &g.conv;
    let (x, weight) = (random::<T>(conv.y_len(), seed), random::<T>(conv.weight_len(), seed + 1));
    let (bias, dy) = (random::<T>(g.outputs(), seed + 2), random::<T>(conv.x_len(), seed + 3));
    let [mut y, mut dx, mut dweight] = [&dy, &x, &weight].map(|like| vec![T::ZERO; like.len()]);
    reference::backward_x(conv, &x, &weight, &mut y);
    reference::forward(conv, &dy, &weight, None, &mut dx);
    reference::backward_weight(conv, &x, &dy, &mut dweight);
    let mut dbias = vec![0.0; bias.len()];
    for (i, (y, slope)) in y.iter_mut().zip(&dy).enumerate() {
        let o = i / conv.input_plane() % bias.len();
        *y += bias[o];
        dbias[o] += slope.to_f64();
    }
    let dbias: Vec<T> = dbias.into_iter().map(T::from_f64).collect();
    let (mut fast_y, mut fast_dx) = (nan(y.len()), nan(x.len()));
    let (mut fast_dweight, mut fast_dbias) = (nan(weight.len()), nan(bias.len()));
    transposed::forward(g, &x, &weight, Some(&bias), &mut fast_y).expect("memory");
    transposed::backward_x(g, &dy, &weight, &mut fast_dx).expect("memory");
    transposed::backward_weight(g, &dy, &x, &mut fast_dweight).expect("memory");
    transposed::backward_bias(g, &dy, &mut fast_dbias);
    close("y", &fast_y, &y, conv.outputs * conv.taps() + 1, limit)?;
    close("dx", &fast_dx, &dx, conv.channels * conv.taps(), limit)?;
    close("dweight", &fast_dweight, &dweight, conv.batch * conv.output_plane(), limit)?;
    close("dbias", &fast_dbias, &dbias, conv.batch * conv.input_plane(), limit)
}

#[test]
#[ignore = "minutes: make test-slow"]
fn transposed_convolutions() {
    sweep((1usize..=2, channels(), axes(), 0u8..=12, any::<u32>()), |(batch, channels, axes, rule, seed)| {
        let (groups, channels, outputs) = channels;
        let x = shape(batch, groups * channels, axes.iter().map(|axis| axis.extra % 8 + 1));
        let weight = shape(groups * channels, outputs, axes.iter().map(|axis| axis.kernel));
        let full = |axis: &Axis| ((axis.extra % 8) as i64 * axis.stride) + axis.extent() as i64;
        let options = TransposedOptions {
            stride: each(&axes, |axis| axis.stride),
            padding: padding(&axes, rule, |axis| (full(axis) - 1) / 2),
            output_padding: each(&axes, |axis| axis.more.min(axis.stride.max(axis.dilation) - 1)),
            dilation: each(&axes, |axis| axis.dilation),
            groups: groups as i64,
        };
        let geometry = TransposedGeometry::new(axes.len(), &x, &weight, None, &options);
        let geometry = geometry.map_err(|error| TestCaseError::fail(error.to_string()))?;
        transpose::<f32>(&geometry, seed.into(), 1e-5)?;
        transpose::<f64>(&geometry, seed.into(), 1e-13)
    });
}

fn pool<T: Scalar>(g: &PoolGeometry, divisor: Divisor, seed: u64, few: bool, limit: f64) -> Result<(), TestCaseError> {
    let mut x: Vec<T> = random(g.x_len(), seed);
    if few {
        x.iter_mut().for_each(|x| *x = T::from_f64((x.to_f64() * 4.0).round()));
    }
    let dy = random::<T>(g.y_len(), seed + 1);
    let (mut y, mut dx, mut places) = (vec![T::ZERO; dy.len()], vec![T::ZERO; x.len()], vec![0; dy.len()]);
    pools::max(g, &x, &mut y, &mut places);
    let (mut fast, mut fast_dx, mut indices) = (nan(dy.len()), nan(x.len()), vec![-2; dy.len()]);
    let mut winners = Winners::new(g).expect("memory");
    max::forward(g, &x, &mut fast, Some(&mut winners));
    winners.indices(g, &mut indices);
    prop_assert!(
        fast == y && indices == places,
        "maxima {:?} at {:?}, expected {:?} at {:?}",
        fast,
        indices,
        y,
        places
    );
    max::backward(g, &dy, &winners, &mut fast_dx);
    pools::max_backward(g, &dy, &places, &mut dx);
    close("dx of maxima", &fast_dx, &dx, 1, 16.0 * limit)?;
    fast.fill(T::from_f64(f64::NAN));
    max::forward(g, &x, &mut fast, None);
    prop_assert!(fast == y, "maxima alone");
    average::forward(g, divisor, &x, &mut fast);
    pools::average(g, divisor, &x, &mut y);
    close("means", &fast, &y, g.taps(), limit)?;
    fast_dx.fill(T::from_f64(f64::NAN));
    average::backward(g, divisor, &dy, &mut fast_dx);
    pools::average_backward(g, divisor, &dy, &mut dx);
    close("dx of means", &fast_dx, &dx, g.taps(), limit)
}

#[test]
#[ignore = "minutes: make test-slow"]
fn poolings() {
    let options = (0u8..=12, any::<bool>(), 0i64..=3, any::<bool>());
    sweep((1usize..=3, axes(), options, any::<u32>()), |(planes, axes, (rule, ceil_mode, divisor, few), seed)| {
        let x = shape(1, planes, axes.iter().map(|axis| axis.extent() + axis.extra));
        let options = PoolOptions {
            kernel_size: each(&axes, |axis| axis.kernel as i64),
            stride: Some(each(&axes, |axis| axis.stride)),
            padding: padding(&axes, rule, |axis| (axis.kernel / 2) as i64),
            dilation: each(&axes, |axis| axis.dilation),
            ceil_mode,
        };
        let geometry = PoolGeometry::new(axes.len(), &x, &options);
        let geometry = geometry.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let divisor = match divisor {
            0 => Divisor::Inside,
            1 => Divisor::Padded,
            fixed => Divisor::Fixed(fixed),
        };
        pool::<f32>(&geometry, divisor, seed.into(), few, 1e-6)?;
        pool::<f64>(&geometry, divisor, seed.into(), few, 1e-14)
    });
}

#[test]
#[ignore = "minutes: make test-slow"]
fn adaptive_poolings() {
    let counts = prop::collection::vec(prop_oneof![4 => (1i64..=12).prop_map(Some), 1 => Just(None)], 3);
    sweep((1usize..=3, axes(), counts, any::<u32>()), |(planes, axes, counts, seed)| {
        let x = shape(1, planes, axes.iter().map(|axis| axis.kernel + axis.extra));
        let geometry = AdaptiveGeometry::new(axes.len(), &x, &counts[..axes.len()]);
        let geometry = geometry.map_err(|error| TestCaseError::fail(error.to_string()))?;
        adaptive::tests::compare::<f32>(&geometry, seed.into(), seed % 2 == 0, 1e-6);
        adaptive::tests::compare::<f64>(&geometry, seed.into(), seed % 2 == 0, 1e-14);
        Ok(())
    });
}
