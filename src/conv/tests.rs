//! The fast paths against the reference, and the gradients against the forward product.

use proptest::prelude::*;

use super::winograd::plan::Plan;
use super::*;
use crate::geometry::conv::ConvOptions;
use crate::geometry::window::{Padding, PerAxis};
use crate::test_support::{Guarded, random, rerun_under_other_instruction_sets};

fn each(values: [i64; 3]) -> PerAxis {
    PerAxis::Each { values, count: 3 }
}

#[derive(Clone, Debug)]
struct Case {
    geometry: ConvGeometry,
    bias: bool,
    seed: u64,
}

fn axis() -> impl Strategy<Value = (usize, usize, i64, i64, (i64, i64))> {
    (1usize..=5, 0usize..=12, 1i64..=3, 1i64..=3, (0i64..=4, 0i64..=4))
}

prop_compose! {
    /// Convolutions of every kind; `wide` ones have widths beyond a block of places.
    fn cases(wide: bool)(
        batch in 1usize..=3,
        (groups, channels, outputs) in prop_oneof![
            (Just(1usize), 1usize..=9, 1usize..=40), (2usize..=3, 1usize..=4, 1usize..=10), (1usize..=20, Just(1), 1usize..=5),
        ],
        depth in prop_oneof![3 => Just((1, 0, 1, 1, (0, 0))), 1 => axis().prop_map(|a| (a.0.min(2), a.1 % 3, a.2, a.3, a.4))],
        height in prop_oneof![1 => Just((1, 0, 1, 1, (0, 0))), 3 => axis()],
        width in axis(),
        more in if wide { 60usize..=150 } else { 0usize..=20 },
        bias: bool,
        seed: u64,
    ) -> Case {
        let axes = [depth, height, (width.0, width.1 + more, width.2, width.3, width.4)];
        let mut x = vec![batch, groups * channels];
        let mut weight = vec![groups * outputs, channels];
        for (kernel, extra, _, dilation, (before, after)) in axes {
            let extent = (kernel - 1) * dilation as usize + 1;
            x.push((extent + extra).saturating_sub((before + after) as usize).max(1));
            weight.push(kernel);
        }
        let options = ConvOptions {
            stride: each(axes.map(|a| a.2)),
            padding: Padding::Pairs { values: axes.map(|a| a.4), count: 3 },
            dilation: each(axes.map(|a| a.3)),
            groups: groups as i64,
        };
        Case { geometry: ConvGeometry::new(3, &x, &weight, None, &options).expect("it fits"), bias, seed }
    }
}

prop_compose! {
    /// Convolutions of every channel by a filter of its own that steps by one, over one axis or two.
    fn filters()(
        batch in 1usize..=2,
        groups in 1usize..=4,
        depth in 1usize..=2,
        height in 1usize..=20,
        width in prop_oneof![1usize..=20, 30usize..=150],
        pads in [(0i64..=2, 0i64..=2), (0i64..=2, 0i64..=2)],
        bias: bool,
        seed: u64,
    ) -> Case {
        let size = |size: usize, pads: (i64, i64)| size.max(3 - (pads.0 + pads.1).min(2) as usize);
        let x = [batch, groups, depth, size(height, pads[0]), size(width, pads[1])];
        let options = ConvOptions {
            padding: Padding::Pairs { values: [(0, 0), pads[0], pads[1]], count: 3 },
            groups: groups as i64,
            ..ConvOptions::default()
        };
        let geometry = ConvGeometry::new(3, &x, &[groups, 1, 1, 3, 3], None, &options).expect("it fits");
        Case { geometry, bias, seed }
    }
}

/// Everything that a convolution computes.
struct Results<T> {
    y: Vec<T>,
    dx: Vec<T>,
    dweight: Vec<T>,
    dbias: Vec<T>,
}

struct Operands<T> {
    x: Guarded<T>,
    weight: Guarded<T>,
    bias: Guarded<T>,
    dy: Guarded<T>,
}

impl<T: Scalar> Operands<T> {
    fn new(case: &Case) -> Self {
        let g = &case.geometry;
        let array = |len: usize, seed: u64| Guarded::new(&random::<T>(len, case.seed.wrapping_add(seed)));
        Operands {
            x: array(g.x_len(), 1),
            weight: array(g.weight_len(), 2),
            bias: array(g.groups * g.outputs, 3),
            dy: array(g.y_len(), 4),
        }
    }

    fn fast(&self, case: &Case) -> Results<T> {
        let g = &case.geometry;
        let nan = |len: usize| Guarded::new(&vec![T::from_f64(f64::NAN); len]);
        let (mut y, mut dx) = (nan(g.y_len()), nan(g.x_len()));
        let (mut dweight, mut dbias) = (nan(g.weight_len()), nan(g.groups * g.outputs));
        forward(
            g,
            Wanted::Direct,
            self.x.as_slice(),
            self.weight.as_slice(),
            case.bias.then_some(self.bias.as_slice()),
            y.as_mut_slice(),
        )
        .expect("memory");
        backward_x(g, Wanted::Direct, self.dy.as_slice(), self.weight.as_slice(), dx.as_mut_slice()).expect("memory");
        backward_weight(g, Wanted::Direct, self.dy.as_slice(), self.x.as_slice(), dweight.as_mut_slice())
            .expect("memory");
        backward_bias(g, self.dy.as_slice(), dbias.as_mut_slice());
        Results {
            y: y.as_slice().to_vec(),
            dx: dx.as_slice().to_vec(),
            dweight: dweight.as_slice().to_vec(),
            dbias: dbias.as_slice().to_vec(),
        }
    }

    fn plain(&self, case: &Case) -> Results<T> {
        let g = &case.geometry;
        let zeros = |len: usize| vec![T::ZERO; len];
        let mut results = Results {
            y: zeros(g.y_len()),
            dx: zeros(g.x_len()),
            dweight: zeros(g.weight_len()),
            dbias: zeros(g.groups * g.outputs),
        };
        let bias = case.bias.then_some(self.bias.as_slice());
        reference::forward(g, self.x.as_slice(), self.weight.as_slice(), bias, &mut results.y);
        reference::backward_x(g, self.dy.as_slice(), self.weight.as_slice(), &mut results.dx);
        reference::backward_weight(g, self.dy.as_slice(), self.x.as_slice(), &mut results.dweight);
        reference::backward_bias(g, self.dy.as_slice(), &mut results.dbias);
        results
    }
}

/// The largest difference, in units of the root of the number of terms.
fn difference<T: Scalar>(fast: &[T], plain: &[T], terms: usize) -> f64 {
    assert_eq!(fast.len(), plain.len());
    let mut worst: f64 = 0.0;
    for (a, b) in fast.iter().zip(plain) {
        assert!(!a.is_nan(), "a place was not written");
        worst = worst.max((a.to_f64() - b.to_f64()).abs());
    }
    worst / (terms as f64).sqrt()
}

fn compare<T: Scalar>(case: &Case, limit: f64) {
    let g = &case.geometry;
    let operands = Operands::<T>::new(case);
    let (fast, plain) = (operands.fast(case), operands.plain(case));
    let places = g.batch * g.output_plane();
    for (name, fast, plain, terms) in [
        ("y", &fast.y, &plain.y, g.channels * g.taps() + 1),
        ("dx", &fast.dx, &plain.dx, g.outputs * g.taps()),
        ("dweight", &fast.dweight, &plain.dweight, places),
        ("dbias", &fast.dbias, &plain.dbias, places),
    ] {
        let worst = difference(fast, plain, terms);
        assert!(worst <= limit, "{name} is off by {worst:e}: {case:?}");
    }
}

/// The paths that `backward_x` and the others choose between, whatever they would choose.
fn compare_paths<T: Scalar>(case: &Case, limit: f64) {
    let g = &case.geometry;
    let operands = Operands::<T>::new(case);
    let plain = operands.plain(case);
    let (x, weight, dy) = (operands.x.as_slice(), operands.weight.as_slice(), operands.dy.as_slice());
    let nan = |len: usize| Guarded::new(&vec![T::from_f64(f64::NAN); len]);
    let (mut y, mut dweight) = (nan(g.y_len()), nan(g.weight_len()));
    let (mut phases, mut scattered) = (nan(g.x_len()), nan(g.x_len()));
    implicit_gemm::forward(g, x, weight, case.bias.then_some(operands.bias.as_slice()), y.as_mut_slice());
    implicit_gemm::backward_weight(g, dy, x, dweight.as_mut_slice()).expect("memory");
    implicit_gemm::backward_phases(g, dy, weight, phases.as_mut_slice()).expect("memory");
    implicit_gemm::scatter::backward_x(g, dy, weight, scattered.as_mut_slice());
    for (name, fast, plain, terms) in [
        ("y", &y, &plain.y, g.channels * g.taps() + 1),
        ("dweight", &dweight, &plain.dweight, g.batch * g.output_plane()),
        ("dx by phases", &phases, &plain.dx, g.outputs * g.taps()),
        ("dx by scattering", &scattered, &plain.dx, g.outputs * g.taps()),
    ] {
        let worst = difference(fast.as_slice(), plain, terms);
        assert!(worst <= limit, "{name} is off by {worst:e}: {case:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fast_path_equals_reference(case in cases(false)) {
        compare::<f32>(&case, 1e-6);
        compare::<f64>(&case, 1e-14);
    }

    #[test]
    fn fast_path_of_every_kind_equals_reference(case in prop_oneof![cases(false), cases(true)]) {
        compare_paths::<f32>(&case, 1e-6);
        compare_paths::<f64>(&case, 1e-14);
    }

    #[test]
    fn fast_path_equals_reference_over_several_blocks(case in cases(true)) {
        compare::<f32>(&case, 1e-6);
        compare::<f64>(&case, 1e-14);
    }

    /// `<dy, y> = <dx, x> = <dweight, weight>` without a bias: the gradients are adjoint to the forward product.
    #[test]
    fn fast_path_of_sliding_filters_equals_reference(case in filters()) {
        compare::<f32>(&case, 2e-6);
        compare::<f64>(&case, 1e-14);
    }

    #[test]
    fn fast_path_gradients_are_adjoint(case in cases(false)) {
        let case = Case { bias: false, ..case };
        let operands = Operands::<f64>::new(&case);
        let results = operands.fast(&case);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let expected = dot(operands.dy.as_slice(), &results.y);
        let scale = 1e-13 * (case.geometry.work() as f64).sqrt().max(1.0);
        prop_assert!((dot(&results.dx, operands.x.as_slice()) - expected).abs() <= scale);
        prop_assert!((dot(&results.dweight, operands.weight.as_slice()) - expected).abs() <= scale);
    }
}

#[test]
fn fast_path_under_every_instruction_set() {
    if std::env::var_os("GOLDFISH_SIMD").is_none() {
        rerun_under_other_instruction_sets("conv::tests::fast_path_");
    }
}

#[test]
fn gradients_are_central_differences() {
    let options = ConvOptions { stride: each([1, 2, 1]), padding: Padding::Same, dilation: each([1, 1, 2]), groups: 2 };
    let geometry = ConvGeometry::new(3, &[2, 4, 1, 5, 6], &[6, 2, 1, 3, 2], None, &options).expect("it fits");
    let case = Case { geometry, bias: true, seed: 7 };
    let operands = Operands::<f64>::new(&case);
    let results = operands.fast(&case);
    let loss = |x: &[f64], weight: &[f64], bias: &[f64]| {
        let mut y = vec![0.0; geometry.y_len()];
        forward(&geometry, Wanted::Direct, x, weight, Some(bias), &mut y).expect("memory");
        y.iter().zip(operands.dy.as_slice()).map(|(y, dy)| y * dy).sum::<f64>()
    };
    let arrays = [operands.x.as_slice(), operands.weight.as_slice(), operands.bias.as_slice()];
    for (number, gradient) in [&results.dx, &results.dweight, &results.dbias].into_iter().enumerate() {
        for i in 0..gradient.len() {
            let moved = |step: f64| {
                let mut arrays = arrays.map(<[f64]>::to_vec);
                arrays[number][i] += step;
                loss(&arrays[0], &arrays[1], &arrays[2])
            };
            let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((slope - gradient[i]).abs() < 1e-8, "argument {number}, element {i}: {slope}, {}", gradient[i]);
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_threads() {
    let options = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
    for (x, weight) in [([3, 20, 34, 33], [37, 20, 3, 3]), ([1, 64, 20, 20], [96, 64, 1, 1])] {
        let geometry = ConvGeometry::new(2, &x, &weight, None, &options).expect("it fits");
        let case = Case { geometry, bias: true, seed: 3 };
        let operands = Operands::<f32>::new(&case);
        let mut all = Vec::new();
        for threads in [1, 2, 5] {
            let before = crate::threads::set_override(Some(threads));
            let results = operands.fast(&case);
            crate::threads::set_override(before);
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            all.push([bits(&results.y), bits(&results.dx), bits(&results.dweight), bits(&results.dbias)]);
        }
        assert!(all.iter().all(|one| *one == all[0]));
    }
}

#[test]
fn what_is_not_finite_stays_in_its_windows() {
    let geometry =
        ConvGeometry::new(2, &[1, 2, 12, 70], &[3, 2, 3, 3], None, &ConvOptions::default()).expect("it fits");
    let (mut x, weight) = (random::<f32>(geometry.x_len(), 1), random::<f32>(geometry.weight_len(), 2));
    x[(12 + 6) * 70 + 7] = f32::INFINITY;
    let mut y = vec![0.0; geometry.y_len()];
    forward(&geometry, Wanted::Auto, &x, &weight, None, &mut y).expect("memory");
    for (i, y) in y.iter().enumerate() {
        let (row, column) = (i / 68 % 10, i % 68);
        assert_eq!(y.is_finite(), !((4..7).contains(&row) && (5..8).contains(&column)), "{row}, {column}");
    }
}

#[test]
fn few_channels_in_bands_equal_the_reference() {
    let strided = ConvOptions { stride: PerAxis::One(2), padding: Padding::Same, ..ConvOptions::default() };
    let dilated = ConvOptions { dilation: PerAxis::One(3), padding: Padding::Same, ..ConvOptions::default() };
    for (x, weight, options) in [
        ([1, 3, 200, 37], [7, 3, 5, 3], ConvOptions::default()),
        ([2, 4, 90, 100], [6, 4, 7, 7], strided),
        ([1, 2, 70, 26], [9, 2, 4, 3], dilated),
        ([3, 1, 28, 28], [12, 1, 11, 11], ConvOptions::default()),
    ] {
        let geometry = ConvGeometry::new(2, &x, &weight, None, &options).expect("it fits");
        let case = Case { geometry, bias: true, seed: 7 };
        assert!(few_channels::layout::<f32>(&case.geometry).is_some());
        compare::<f32>(&case, 1e-6);
        compare::<f64>(&case, 1e-14);
    }
}

#[test]
fn an_empty_batch_has_zero_gradients() {
    let geometry = ConvGeometry::new(2, &[0, 3, 5, 5], &[4, 3, 3, 3], None, &ConvOptions::default()).expect("it fits");
    let (weight, mut dweight, mut dbias) = (random::<f64>(108, 1), vec![1.0; 108], vec![1.0; 4]);
    forward(&geometry, Wanted::Auto, &[], &weight, None, &mut []).expect("memory");
    backward_x(&geometry, Wanted::Auto, &[], &weight, &mut []).expect("memory");
    backward_weight(&geometry, Wanted::Auto, &[], &[], &mut dweight).expect("memory");
    backward_bias(&geometry, &[], &mut dbias);
    assert!(dweight.iter().chain(&dbias).all(|&v| v == 0.0));
}

prop_compose! {
    /// Convolutions that Winograd's transforms may apply to.
    fn winograd_cases()(
        batch in 1usize..=3,
        (groups, channels, outputs) in prop_oneof![
            3 => (Just(1usize), 1usize..=40, 1usize..=70), 1 => (2usize..=3, 1usize..=18, 1usize..=20),
        ],
        kernel in prop_oneof![(2usize..=7, 2usize..=7), (Just(1), 2usize..=7), (2usize..=7, Just(1))],
        step in prop_oneof![4 => Just((1i64, 1i64)), 1 => (1i64..=3, 1i64..=3)],
        dilated: bool,
        more in (0usize..=20, 0usize..=30),
        pad in ((0i64..=4, 0i64..=4), (0i64..=4, 0i64..=4)),
        depth in prop_oneof![
            3 => Just(None), 1 => (1usize..=3, 0usize..=3, 1i64..=2, 1i64..=2, (0i64..=2, 0i64..=2)).prop_map(Some),
        ],
        bias: bool,
        seed: u64,
    ) -> Case {
        let stride = |step: i64| if dilated { 1 } else { step };
        let dilation = |step: i64| if dilated { step } else { 1 };
        let mut axes = vec![];
        axes.extend(depth);
        axes.push((kernel.0, more.0, stride(step.0), dilation(step.0), pad.0));
        axes.push((kernel.1, more.1, stride(step.1), dilation(step.1), pad.1));
        let (mut x, mut weight) = (vec![batch, groups * channels], vec![groups * outputs, channels]);
        let (mut strides, mut dilations, mut pads) = ([1; 3], [1; 3], [(0, 0); 3]);
        for (i, &(kernel, more, stride, dilation, pad)) in axes.iter().enumerate() {
            let extent = (kernel - 1) * dilation as usize + 1;
            x.push((extent + more).saturating_sub((pad.0 + pad.1) as usize).max(1));
            weight.push(kernel);
            (strides[i], dilations[i], pads[i]) = (stride, dilation, pad);
        }
        let count = axes.len();
        let options = ConvOptions {
            stride: PerAxis::Each { values: strides, count },
            padding: Padding::Pairs { values: pads, count },
            dilation: PerAxis::Each { values: dilations, count },
            groups: groups as i64,
        };
        Case { geometry: ConvGeometry::new(count, &x, &weight, None, &options).expect("it fits"), bias, seed }
    }
}

/// Returns whether it applies.
fn compare_winograd<T: Scalar>(case: &Case, points: usize, limit: f64) -> bool {
    let g = &case.geometry;
    let (Some(plan), Some(back)) = (Plan::forward(g, points), Plan::backward_x(g, points)) else { return false };
    let operands = Operands::<T>::new(case);
    let (x, weight, dy) = (operands.x.as_slice(), operands.weight.as_slice(), operands.dy.as_slice());
    let plain = operands.plain(case);
    let nan = |len: usize| Guarded::new(&vec![T::from_f64(f64::NAN); len]);
    let (mut y, mut dx, mut dweight) = (nan(g.y_len()), nan(g.x_len()), nan(g.weight_len()));
    let bias = case.bias.then_some(operands.bias.as_slice());
    winograd::forward(g, &plan, x, weight, bias, y.as_mut_slice()).expect("memory");
    winograd::backward_x(g, &back, dy, weight, dx.as_mut_slice()).expect("memory");
    winograd::backward_weight(g, &plan, dy, x, dweight.as_mut_slice()).expect("memory");
    for (name, fast, plain, terms) in [
        ("y", &y, &plain.y, g.channels * g.taps() + 1),
        ("dx", &dx, &plain.dx, g.outputs * g.taps()),
        ("dweight", &dweight, &plain.dweight, g.batch * g.output_plane()),
    ] {
        let worst = difference(fast.as_slice(), plain, terms);
        assert!(worst <= limit, "{name} with {points} points is off by {worst:e}: {case:?}");
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fast_path_winograd_equals_reference(case in winograd_cases()) {
        let applies = [
            compare_winograd::<f32>(&case, 6, 3e-6),
            compare_winograd::<f32>(&case, 8, 3e-5),
            compare_winograd::<f64>(&case, 6, 1e-14),
            compare_winograd::<f64>(&case, 8, 1e-13),
        ];
        prop_assume!(applies.contains(&true));
    }
}

prop_compose! {
    /// Convolutions that Fourier transforms apply to.
    fn fourier_cases()(
        batch in 1usize..=3,
        (groups, channels, outputs) in prop_oneof![
            3 => (Just(1usize), 1usize..=5, 1usize..=9), 1 => (2usize..=3, 1usize..=3, 1usize..=5),
        ],
        kernel in prop_oneof![3 => (1usize..=9, 1usize..=9), 1 => (9usize..=20, 9usize..=40)],
        more in prop_oneof![4 => (0usize..=20, 0usize..=30), 1 => (0usize..=20, 100usize..=200)],
        pad in ((0i64..=9, 0i64..=9), (0i64..=9, 0i64..=9)),
        bias: bool,
        seed: u64,
    ) -> Case {
        let size = |kernel: usize, more: usize, pad: (i64, i64)| (kernel + more).saturating_sub((pad.0 + pad.1) as usize).max(1);
        let x = [batch, groups * channels, size(kernel.0, more.0, pad.0), size(kernel.1, more.1, pad.1)];
        let options = ConvOptions {
            padding: Padding::Pairs { values: [pad.0, pad.1, (0, 0)], count: 2 },
            groups: groups as i64,
            ..ConvOptions::default()
        };
        let weight = [groups * outputs, channels, kernel.0, kernel.1];
        Case { geometry: ConvGeometry::new(2, &x, &weight, None, &options).expect("it fits"), bias, seed }
    }
}

fn compare_fourier<T: Scalar>(case: &Case, limit: f64) {
    let g = &case.geometry;
    let (plan, back) =
        (fourier::plan::Plan::forward::<T>(g).expect("it applies"), fourier::plan::Plan::backward_x::<T>(g));
    let operands = Operands::<T>::new(case);
    let (x, weight, dy) = (operands.x.as_slice(), operands.weight.as_slice(), operands.dy.as_slice());
    let plain = operands.plain(case);
    let nan = |len: usize| Guarded::new(&vec![T::from_f64(f64::NAN); len]);
    let (mut y, mut dx, mut dweight) = (nan(g.y_len()), nan(g.x_len()), nan(g.weight_len()));
    fourier::forward(&plan, x, weight, case.bias.then_some(operands.bias.as_slice()), y.as_mut_slice())
        .expect("memory");
    fourier::backward_x(&back.expect("it applies"), dy, weight, dx.as_mut_slice()).expect("memory");
    fourier::backward_weight(&plan, dy, x, dweight.as_mut_slice()).expect("memory");
    for (name, fast, plain, terms) in [
        ("y", &y, &plain.y, g.channels * g.taps() + 1),
        ("dx", &dx, &plain.dx, g.outputs * g.taps()),
        ("dweight", &dweight, &plain.dweight, g.batch * g.output_plane()),
    ] {
        let worst = difference(fast.as_slice(), plain, terms);
        assert!(worst <= limit, "{name} is off by {worst:e}: {case:?}, {plan:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fast_path_fourier_equals_reference(case in fourier_cases()) {
        compare_fourier::<f32>(&case, 2e-6);
        compare_fourier::<f64>(&case, 5e-15);
    }
}

#[test]
fn fast_path_winograd_with_many_channels_equals_reference() {
    let dilated = ConvOptions { dilation: PerAxis::One(2), groups: 2, ..ConvOptions::default() };
    let strided = ConvOptions { stride: PerAxis::One(2), ..ConvOptions::default() };
    for (x, weight, options) in [
        ([1, 100, 9, 10], [130, 100, 3, 3], ConvOptions::default()),
        ([2, 130, 7, 7], [200, 65, 3, 3], dilated),
        ([3, 80, 11, 9], [70, 80, 5, 4], strided),
        ([2, 70, 13, 18], [90, 70, 3, 3], strided),
        ([1, 100, 6, 90], [130, 100, 3, 3], ConvOptions::default()),
        ([1, 96, 6, 130], [130, 96, 3, 3], strided),
        ([2, 136, 12, 7], [40, 34, 5, 3], ConvOptions { groups: 4, ..strided }),
    ] {
        let geometry = ConvGeometry::new(2, &x, &weight, None, &options).expect("it fits");
        let case = Case { geometry, bias: true, seed: 5 };
        assert!(compare_winograd::<f32>(&case, 6, 3e-6) && compare_winograd::<f64>(&case, 6, 1e-14));
    }
}
