//! Packed filters against the reference, in every way that applies.

use proptest::prelude::*;

use super::*;
use crate::conv::reference;
use crate::geometry::window::{Padding, PerAxis};
use crate::inference::lanes::{pack, unpack};
use crate::test_support::{Guarded, random, rerun_under_other_instruction_sets};

fn pair(values: [usize; 2]) -> PerAxis {
    PerAxis::Each { values: [values[0] as i64, values[1] as i64, 0], count: 2 }
}

#[derive(Clone, Debug)]
struct Case {
    x: Images,
    shape: [usize; 4],
    options: ConvOptions,
    add: bool,
    relu: bool,
    seed: u64,
}

fn axis() -> impl Strategy<Value = (usize, usize, usize, usize, i64, i64)> {
    (1usize..=5, 0usize..=25, 1usize..=3, 1usize..=2, 0i64..=3, 0i64..=3)
}

prop_compose! {
    fn cases()(
        batch in 1usize..=3,
        channels in prop_oneof![1usize..=9, 1usize..=70, (1usize..=4).prop_map(|blocks| 16 * blocks)],
        outputs in 1usize..=150,
        plain in prop_oneof![Just(true), Just(false)],
        rows in axis(),
        columns in axis(),
        add: bool,
        relu: bool,
        seed: u64,
    ) -> Case {
        let axes = [rows, columns].map(|a| if plain { (3, a.1, 1, 1, 1, 1) } else { a });
        let size = |(kernel, more, _, dilation, before, after): (usize, usize, usize, usize, i64, i64)| {
            ((kernel - 1) * dilation + 1 + more).saturating_sub((before + after) as usize).max(1)
        };
        let options = ConvOptions {
            stride: pair(axes.map(|a| a.2)),
            padding: Padding::Pairs { values: [(axes[0].4, axes[0].5), (axes[1].4, axes[1].5), (0, 0)], count: 2 },
            dilation: pair(axes.map(|a| a.3)),
            groups: 1,
        };
        let x = Images::new([batch, channels, size(axes[0]), size(axes[1])]);
        Case { x, shape: [outputs, channels, axes[0].0, axes[1].0], options, add, relu, seed }
    }
}

fn in_lanes<T: Scalar>(images: Images, planes: &[T]) -> Vec<T> {
    // What nobody may read is NaN.
    let mut lying = vec![T::from_f64(f64::NAN); images.len::<T>(Layout::Lanes)];
    pack(images, planes, &mut lying);
    if !images.channels.is_multiple_of(lanes::<T>()) {
        for (i, value) in lying.iter_mut().enumerate() {
            let block = i / (images.plane() * lanes::<T>()) % images.blocks::<T>();
            if block * lanes::<T>() + i % lanes::<T>() >= images.channels {
                *value = T::from_f64(f64::NAN);
            }
        }
    }
    lying
}

fn check<T: Scalar>(case: &Case, bound: f64) {
    let weight: Vec<T> = random(case.shape.iter().product(), case.seed);
    let bias: Vec<T> = random(case.shape[0], case.seed + 1);
    let filters = Filters::new(&weight, case.shape, Some(&bias), case.options).expect("memory");
    let g = filters.geometry(case.x).expect("it fits");
    let to = images(&g)[1];
    let x: Vec<T> = random(case.x.len::<T>(Layout::Planes), case.seed + 2);
    let add: Vec<T> = random(to.len::<T>(Layout::Planes), case.seed + 3);
    let mut expected = vec![T::ZERO; g.y_len()];
    reference::forward(&g, &x, &weight, Some(&bias), &mut expected);
    for (y, &add) in expected.iter_mut().zip(&add) {
        *y = if case.add { *y + add } else { *y };
        *y = if case.relu && *y < T::ZERO { T::ZERO } else { *y };
    }
    let terms = (g.channels * g.taps()) as f64;
    let mut ways = vec![Way::Tiles];
    if case.x.channels < lanes::<T>() {
        ways.push(Way::Bands);
    }
    for from in [Layout::Lanes, Layout::Planes] {
        ways.extend(Filters::<T>::plan(&g, from).map(Way::Winograd));
    }
    for way in ways {
        let lying = match way.layout() {
            Layout::Lanes => Guarded::new(&in_lanes(case.x, &x)),
            Layout::Planes => Guarded::new(&x),
        };
        let add = Guarded::new(&in_lanes(to, &add));
        let finish = Finish { add: case.add.then_some(add.as_slice()), relu: case.relu };
        let mut y = Guarded::new(&vec![T::from_f64(f64::NAN); to.len::<T>(Layout::Lanes)]);
        filters.forward(&g, &way, lying.as_slice(), finish, y.as_mut_slice()).expect("memory");
        let mut found = vec![T::from_f64(f64::NAN); g.y_len()];
        unpack(to, y.as_slice(), &mut found);
        for (found, expected) in found.iter().zip(&expected) {
            let error = (found.to_f64() - expected.to_f64()).abs();
            assert!(error <= bound * terms.sqrt().max(1.0), "{way:?}: {found:?} instead of {expected:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn prepared_filters_give_the_reference(case in cases()) {
        check::<f32>(&case, 2e-6);
        check::<f64>(&case, 1e-14);
    }
}

#[test]
fn prepared_filters_under_other_instruction_sets() {
    rerun_under_other_instruction_sets("prepared_filters_give_the_reference");
}

#[test]
fn weights_are_transformed_once_where_tiles_share_them() {
    let filters =
        Filters::new(&vec![1.0f32; 64 * 64 * 9], [64, 64, 3, 3], None, ConvOptions::default()).expect("memory");
    let before = filters.nbytes();
    assert!(before >= 4 * 64 * 64 * 9);
    let g = filters.geometry(Images::new([1, 64, 58, 58])).expect("it fits");
    let way = filters.way(&g, Layout::Lanes);
    assert!(matches!(way, Way::Winograd(_)));
    filters.prepare(&way).expect("memory");
    assert!(filters.nbytes() >= before + 4 * 64 * 64 * 36);
}

#[test]
fn prepared_filters_of_many_outputs_over_wide_rows_of_tiles() {
    let (x, shape) = (Images::new([1, 3, 8, 200]), [512, 3, 3, 3]);
    let options = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
    let case = Case { x, shape, options, add: false, relu: false, seed: 1 };
    check::<f32>(&case, 2e-6);
    check::<f64>(&case, 1e-14);
}
