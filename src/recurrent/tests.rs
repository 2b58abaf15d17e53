use proptest::prelude::*;

use super::reference;
use super::*;
use crate::geometry::recurrent::RecurrentGeometry;

const NETWORKS: [Network; 5] = [
    Network::Elman { relu: false },
    Network::Elman { relu: true },
    Network::Lstm,
    Network::Gru { reset_after: true },
    Network::Gru { reset_after: false },
];

/// The names of the arguments, in the order of [`Problem::arrays`].
const NAMES: [&str; 8] = ["x", "h_0", "c_0", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "peepholes"];
const X: usize = 0;

/// One call. An array without elements is an argument that is not given.
#[derive(Clone)]
struct Problem<T> {
    network: Network,
    geometry: RecurrentGeometry,
    ids: Option<Vec<i64>>,
    arrays: [Vec<T>; 8],
}

struct Outcome<T> {
    y: Vec<T>,
    h_n: Vec<T>,
    c_n: Vec<T>,
    saved: Option<Saved>,
}

/// Uniform in -1..1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 11) as f64) / ((1u64 << 52) as f64) - 1.0
    }

    fn array(&mut self, n: usize, scale: f64) -> Vec<f64> {
        (0..n).map(|_| scale * self.next()).collect()
    }
}

#[derive(Clone, Copy, Debug)]
struct Options {
    ragged: bool,
    reverse: bool,
    given: bool,
    categories: bool,
}

fn problem(network: Network, sizes: [usize; 4], options: Options, seed: u64) -> Problem<f64> {
    let [steps, batch, inputs, hidden] = sizes;
    let mut random = Random(seed.wrapping_mul(2654435761) + 1);
    random.next();
    let rows = network.gates() * hidden;
    let lengths = options.ragged.then(|| {
        (0..batch).map(|_| ((random.next() + 1.0) / 2.0 * (steps + 1) as f64) as usize).map(|n| n.min(steps)).collect()
    });
    let gates = network.gates();
    let geometry = RecurrentGeometry { steps, batch, inputs, hidden, gates, lengths, reverse: options.reverse };
    let scale = 1.0 / (hidden as f64).sqrt();
    let lstm = network == Network::Lstm;
    let optional = |present: bool, n: usize| if options.given && present { n } else { 0 };
    let arrays = [
        random.array(steps * batch * inputs, 1.0),
        random.array(optional(true, batch * hidden), 1.0),
        random.array(optional(lstm, batch * hidden), 1.0),
        random.array(rows * inputs, scale),
        random.array(rows * hidden, scale),
        random.array(optional(true, rows), scale),
        random.array(optional(true, rows), scale),
        random.array(optional(lstm, 3 * hidden), scale),
    ];
    let ids = options.categories.then(|| {
        (0..steps * batch).map(|_| ((random.next() + 1.0) / 2.0 * inputs as f64) as i64 % inputs as i64).collect()
    });
    Problem { network, geometry, ids, arrays }
}

fn some<T>(array: &[T]) -> Option<&[T]> {
    (!array.is_empty()).then_some(array)
}

fn some_mut<T>(array: &mut [T]) -> Option<&mut [T]> {
    (!array.is_empty()).then_some(array)
}

impl<T: Scalar> Problem<T> {
    fn input(&self) -> Input<'_, T> {
        match &self.ids {
            Some(ids) => Input::Categories(ids),
            None => Input::Features(Sequence::contiguous(&self.arrays[X], self.geometry.x_shape())),
        }
    }

    fn parameters(&self) -> Parameters<'_, T> {
        let [_, h_0, c_0, weight_ih, weight_hh, bias_ih, bias_hh, peepholes] = &self.arrays;
        Parameters {
            h_0: some(h_0),
            c_0: some(c_0),
            weight_ih,
            weight_hh,
            bias_ih: some(bias_ih),
            bias_hh: some(bias_hh),
            peepholes: some(peepholes),
        }
    }

    fn run(&self, isa: Isa, keep: bool) -> Outcome<T> {
        let nan = T::from_f64(f64::NAN);
        let g = &self.geometry;
        let states = g.batch * g.hidden;
        let mut y = vec![nan; g.steps * states];
        let (mut h_n, mut c_n) = (vec![nan; states], vec![nan; states]);
        let c_n_or_none = (self.network == Network::Lstm).then_some(&mut c_n[..]);
        let outputs = Outputs { y: &mut y, h_n: &mut h_n, c_n: c_n_or_none };
        let saved = forward_on(isa, self.network, g, &self.input(), &self.parameters(), outputs, keep).unwrap();
        Outcome { y, h_n, c_n, saved }
    }

    /// The gradients of `dy . y + dh_n . h_n + dc_n . c_n`, by argument; empty for those that were not given.
    fn gradients(&self, isa: Isa, slopes: &[Vec<T>; 3]) -> [Vec<T>; 8] {
        let saved = self.run(isa, true).saved.unwrap();
        let mut arrays = self.arrays.clone();
        arrays.iter_mut().for_each(|array| array.fill(T::from_f64(f64::NAN)));
        let [x, h_0, c_0, weight_ih, weight_hh, bias_ih, bias_hh, peepholes] = &mut arrays;
        let gradients = Gradients {
            x: if self.ids.is_none() { some_mut(x) } else { None },
            h_0: some_mut(h_0),
            c_0: some_mut(c_0),
            weight_ih: some_mut(weight_ih),
            weight_hh: some_mut(weight_hh),
            bias_ih: some_mut(bias_ih),
            bias_hh: some_mut(bias_hh),
            peepholes: some_mut(peepholes),
        };
        let shape = self.geometry.y_shape();
        let slopes = Slopes {
            dy: some(&slopes[0]).map(|dy| Sequence::contiguous(dy, shape)),
            dh_n: some(&slopes[1]),
            dc_n: some(&slopes[2]),
        };
        backward(self.network, &self.geometry, &self.input(), &self.parameters(), saved, &slopes, gradients);
        arrays
    }
}

impl Problem<f64> {
    fn to_f32(&self) -> Problem<f32> {
        Problem {
            network: self.network,
            geometry: self.geometry.clone(),
            ids: self.ids.clone(),
            arrays: self.arrays.clone().map(|array| array.iter().map(|&v| v as f32).collect()),
        }
    }

    fn slopes(&self, seed: u64) -> [Vec<f64>; 3] {
        let g = &self.geometry;
        let mut random = Random(seed + 77);
        let states = g.batch * g.hidden;
        let cells = if self.network == Network::Lstm { states } else { 0 };
        [random.array(g.steps * states, 1.0), random.array(states, 1.0), random.array(cells, 1.0)]
    }

    fn loss(&self, isa: Isa, slopes: &[Vec<f64>; 3]) -> f64 {
        let outcome = self.run(isa, false);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        dot(&slopes[0], &outcome.y) + dot(&slopes[1], &outcome.h_n) + dot(&slopes[2], &outcome.c_n)
    }
}

/// Maximum error over maximum of `expected`, or over 0.1.
fn error<T: Scalar>(found: &[T], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0.1f64, |m, v| m.max(v.abs()));
    found.iter().zip(expected).fold(0.0f64, |m, (a, b)| {
        let e = (a.to_f64() - b).abs();
        if e.is_nan() { f64::INFINITY } else { m.max(e) }
    }) / scale
}

fn options() -> impl Strategy<Value = Options> {
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(ragged, reverse, given, categories)| Options { ragged, reverse, given, categories })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn forward_equals_the_reference(
        sizes in [0usize..9, 0..20, 1..40, 1..70], options in options(), seed in any::<u32>()
    ) {
        for network in NETWORKS {
            let p = problem(network, sizes, options, seed.into());
            let expected = reference::forward(network, &p.geometry, &p.input(), &p.parameters());
            for isa in Isa::all_available() {
                for keep in [false, true] {
                    let found = p.run(isa, keep);
                    prop_assert!(error(&found.y, &expected.y) < 1e-13);
                    prop_assert!(error(&found.h_n, &expected.h_n) < 1e-13);
                    if network == Network::Lstm {
                        prop_assert!(error(&found.c_n, &expected.c_n) < 1e-13);
                    }
                    let found = p.to_f32().run(isa, keep);
                    prop_assert!(error(&found.y, &expected.y) < 5e-6);
                    prop_assert!(error(&found.h_n, &expected.h_n) < 5e-6);
                }
            }
        }
    }

    #[test]
    fn float32_gradients_equal_those_of_float64(
        sizes in [1usize..12, 1..20, 1..70, 1..70], options in options(), seed in any::<u32>()
    ) {
        for network in NETWORKS {
            // Rounding near the kink of relu would decide its gradient.
            if network == (Network::Elman { relu: true }) {
                continue;
            }
            let p = problem(network, sizes, options, seed.into());
            let slopes = p.slopes(seed.into());
            let expected = p.gradients(Isa::Portable, &slopes);
            let slopes_32 = slopes.clone().map(|slope| slope.iter().map(|&v| v as f32).collect::<Vec<f32>>());
            for isa in Isa::all_available() {
                let (found, exact) = (p.to_f32().gradients(isa, &slopes_32), p.gradients(isa, &slopes));
                for (i, name) in NAMES.iter().enumerate() {
                    if i == X && options.categories {
                        continue;
                    }
                    prop_assert!(error(&found[i], &expected[i]) < 1e-5, "{name} {network:?} {isa:?}");
                    prop_assert!(error(&exact[i], &expected[i]) < 1e-12, "{name} {network:?} {isa:?}");
                }
            }
        }
    }
}

/// Every argument's gradient against central differences.
#[test]
fn gradients_equal_central_differences() {
    const STEP: f64 = 1e-5;
    let sizes = [[4, 3, 2, 3], [1, 1, 1, 1], [3, 2, 1, 5]];
    for (round, network) in NETWORKS.into_iter().enumerate() {
        for flags in 0..8 {
            let (ragged, reverse, categories) = (flags & 1 > 0, flags & 2 > 0, flags & 4 > 0);
            for size in sizes {
                let options = Options { ragged, reverse, given: true, categories };
                let p = problem(network, size, options, round as u64 + 3);
                let slopes = p.slopes(round as u64);
                for isa in Isa::all_available() {
                    let gradients = p.gradients(isa, &slopes);
                    for (i, name) in NAMES.iter().enumerate() {
                        if i == X && categories {
                            continue;
                        }
                        for k in 0..p.arrays[i].len() {
                            let shifted = |by: f64| {
                                let mut shifted = p.clone();
                                shifted.arrays[i][k] += by;
                                shifted.loss(isa, &slopes)
                            };
                            let numeric = (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP);
                            let difference = (numeric - gradients[i][k]).abs();
                            assert!(difference < 1e-6 * numeric.abs().max(1.0), "{name}[{k}] {network:?} {options:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn slopes_may_be_missing() {
    let options = Options { ragged: true, reverse: false, given: true, categories: false };
    for network in NETWORKS {
        let p = problem(network, [5, 4, 3, 6], options, 5);
        let all = p.slopes(1);
        let whole = p.gradients(simd::isa(), &all);
        let mut sum = whole.clone().map(|array| vec![0.0; array.len()]);
        for part in 0..3 {
            let mut slopes = [vec![], vec![], vec![]];
            slopes[part] = all[part].clone();
            for (sum, array) in sum.iter_mut().zip(p.gradients(simd::isa(), &slopes)) {
                sum.iter_mut().zip(array).for_each(|(sum, value)| *sum += value);
            }
        }
        for (sum, array) in sum.iter().zip(&whole) {
            assert!(error(sum, array) < 1e-13, "{network:?}");
        }
    }
}

#[test]
fn what_lies_past_the_end_is_not_read() {
    let options = Options { ragged: true, reverse: true, given: true, categories: false };
    for network in NETWORKS {
        let p = problem(network, [6, 9, 5, 20], options, 11);
        let mut q = p.clone();
        let mut slopes = p.slopes(2);
        let clean = slopes.clone();
        for t in 0..6 {
            for b in 0..9 {
                if t >= p.geometry.length(b) {
                    q.arrays[X][(t * 9 + b) * 5..][..5].fill(f64::NAN);
                    slopes[0][(t * 9 + b) * 20..][..20].fill(f64::NAN);
                }
            }
        }
        assert_eq!(p.run(simd::isa(), false).y, q.run(simd::isa(), false).y);
        assert_eq!(p.gradients(simd::isa(), &clean), q.gradients(simd::isa(), &slopes));
    }
}

#[test]
fn a_sequence_keeps_to_itself() {
    let options = Options { ragged: false, reverse: false, given: true, categories: false };
    for network in NETWORKS {
        let p = problem(network, [4, 7, 3, 17], options, 4).to_f32();
        let mut q = p.clone();
        q.arrays[X][(7 + 2) * 3] = f32::NAN;
        let (clean, dirty) = (p.run(simd::isa(), false).y, q.run(simd::isa(), false).y);
        for t in 0..4 {
            for b in 0..7 {
                let row = (t * 7 + b) * 17..(t * 7 + b + 1) * 17;
                if b == 2 && t > 0 {
                    assert!(dirty[row].iter().all(|v| v.is_nan()));
                } else {
                    assert_eq!(clean[row.clone()], dirty[row]);
                }
            }
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    for network in NETWORKS {
        for ragged in [false, true] {
            let options = Options { ragged, reverse: ragged, given: true, categories: false };
            let p = problem(network, [9, 23, 30, 33], options, 6).to_f32();
            let slopes = problem(network, [9, 23, 30, 33], options, 6).slopes(3);
            let slopes = slopes.map(|slope| slope.iter().map(|&v| v as f32).collect::<Vec<f32>>());
            let mut results = vec![];
            for threads in [1, 2, 5] {
                let previous = crate::threads::set_override(Some(threads));
                results.push((p.run(simd::isa(), false).y, p.gradients(simd::isa(), &slopes)));
                crate::threads::set_override(previous);
            }
            assert!(results.iter().all(|result| *result == results[0]), "{network:?}");
        }
    }
}

/// So few sequences that the threads share the units. Whether workers come in time is open, hence the repetitions.
#[test]
fn members_of_a_team_do_not_change_a_bit() {
    for network in NETWORKS {
        for (batch, ragged) in [(1, false), (3, false), (3, true)] {
            let options = Options { ragged, reverse: ragged, given: true, categories: false };
            let sizes = [40, batch, 30, 250];
            let p = problem(network, sizes, options, 6).to_f32();
            let slopes = problem(network, sizes, options, 6).slopes(3);
            let slopes = slopes.map(|slope| slope.iter().map(|&v| v as f32).collect::<Vec<f32>>());
            let mut results = vec![];
            for threads in [1, 2, 2, 2, 3, 8] {
                let previous = crate::threads::set_override(Some(threads));
                let states = p.run(simd::isa(), false);
                results.push((states.y, states.h_n, p.gradients(simd::isa(), &slopes)));
                crate::threads::set_override(previous);
            }
            assert!(results.iter().all(|result| *result == results[0]), "{network:?} {batch} {ragged}");
        }
    }
}

/// The rows of sequence `b` of an array of shape (.., batch, width).
fn rows_of<T: Copy>(array: &[T], batch: usize, width: usize, b: usize) -> Vec<T> {
    array.chunks_exact((batch * width).max(1)).flat_map(|step| step[b * width..(b + 1) * width].to_vec()).collect()
}

impl<T: Copy> Problem<T> {
    /// The same call for sequence `b` only.
    fn alone(&self, b: usize) -> Self {
        let mut one = self.clone();
        let g = &self.geometry;
        for (array, width) in one.arrays.iter_mut().zip([g.inputs, g.hidden, g.hidden]) {
            *array = rows_of(array, g.batch, width, b);
        }
        one.geometry.batch = 1;
        one.geometry.lengths = g.lengths.as_ref().map(|lengths| vec![lengths[b]]);
        one
    }
}

/// Alone or beside others, a sequence is summed in the same order: one row runs through two panels at once, six through one.
#[test]
fn a_sequence_has_the_same_bits_alone() {
    for network in NETWORKS {
        for isa in Isa::all_available() {
            let options = Options { ragged: false, reverse: false, given: false, categories: false };
            let p = problem(network, [5, 6, 7, 90], options, 9).to_f32();
            let expected = rows_of(&p.run(isa, false).y, 6, 90, 2);
            assert_eq!(p.alone(2).run(isa, false).y, expected, "{network:?} {isa:?}");
        }
    }
}

/// Large panels of gates lie in memory otherwise than small ones, and what is far from the cores is asked for ahead.
#[test]
fn large_panels_give_what_small_ones_give() {
    let (batch, inputs, hidden) = (25, 18, 70);
    for (network, isa) in NETWORKS.into_iter().flat_map(|network| Isa::all_available().map(move |isa| (network, isa))) {
        let options = Options { ragged: true, reverse: true, given: true, categories: false };
        let p = problem(network, [260, batch, inputs, hidden], options, 3);
        let slopes = p.slopes(5);
        let found = p.gradients(isa, &slopes);
        let mut sums: [Vec<f64>; 8] = Default::default();
        for b in 0..batch {
            let one = slopes.each_ref().map(|slope| rows_of(slope, batch, hidden, b));
            let alone = p.alone(b).gradients(isa, &one);
            for (i, (array, width)) in found.iter().zip([inputs, hidden, hidden]).enumerate() {
                assert_eq!(rows_of(array, batch, width, b), alone[i], "{} {network:?} {isa:?}", NAMES[i]);
            }
            for (sum, array) in sums.iter_mut().zip(&alone).skip(3) {
                sum.resize(array.len(), 0.0);
                sum.iter_mut().zip(array).for_each(|(sum, value)| *sum += value);
            }
        }
        for i in 3..8 {
            assert!(error(&found[i], &sums[i]) < 1e-12, "{} {network:?} {isa:?}", NAMES[i]);
        }
    }
}

#[test]
fn strided_sequences_are_read_where_they_are() {
    let options = Options { ragged: false, reverse: false, given: true, categories: false };
    let p = problem(Network::Lstm, [3, 4, 5, 6], options, 8);
    let mut batch_first = vec![0.0; 60];
    for (t, b) in (0..3).flat_map(|t| (0..4).map(move |b| (t, b))) {
        batch_first[(b * 3 + t) * 5..][..5].copy_from_slice(&p.arrays[X][(t * 4 + b) * 5..][..5]);
    }
    let x = Input::Features(Sequence::new(&batch_first, 0, [5, 15], [3, 4, 5]));
    let (mut y, mut h_n, mut c_n) = (vec![f64::NAN; 72], vec![0.0; 24], vec![0.0; 24]);
    let outputs = Outputs { y: &mut y, h_n: &mut h_n, c_n: Some(&mut c_n) };
    forward(Network::Lstm, &p.geometry, &x, &p.parameters(), outputs, false).unwrap();
    assert_eq!(y, p.run(simd::isa(), false).y);
}
