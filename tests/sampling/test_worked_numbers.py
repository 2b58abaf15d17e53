"""The numbers that can be worked out by hand: ten bags of sweets, and two programs under a profiler.

Nine bags hold 500 sweets each, none of them special; the tenth holds 37, of which 9 are special.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

from goldfish import sampling

LARGE = sampling.selection_probability([(1, 10), (1, 500)])
SMALL = sampling.selection_probability([(1, 10), (1, 37)])
SWEETS = 9 * 500 + 37
TRUTH = Fraction(9, SWEETS)
RATE = 524288


def draws(hits):
    """A hundred from each bag, with so many special ones."""
    y = np.zeros(1000)
    y[900:] = np.r_[np.ones(hits), np.zeros(100 - hits)] if isinstance(hits, int) else float(hits) / 100
    return y, np.repeat([float(LARGE), float(SMALL)], [900, 100])


def strata(hits=24):
    return [np.zeros(100)] * 9 + [np.r_[np.ones(hits), np.zeros(100 - hits)]]


SIZES = [500] * 9 + [37]
# Variance of one draw's y/p in the random-bag design: E[(y/p)^2] - T^2 = 370 * 9 - 81.
ONE_DRAW = 370 * 9 - 81


def test_chance_of_a_sweet_in_a_large_bag() -> None:
    assert Fraction(1, 5000) == LARGE


def test_chance_of_a_sweet_in_the_small_bag() -> None:
    assert Fraction(1, 370) == SMALL


def test_the_naive_estimate_expects_ten_times_the_truth() -> None:
    assert Fraction(9, 370) == 9 * SMALL
    assert float(9 * SMALL) == pytest.approx(0.0243243, abs=5e-8)
    assert float(TRUTH) == pytest.approx(0.00198369, abs=5e-9)


def test_weight_of_a_sweet_in_the_small_bag() -> None:
    assert Fraction(37, 500) == LARGE / SMALL
    weights = sampling.weights_from_selection([float(LARGE), float(SMALL)], normalise="first")
    np.testing.assert_allclose(weights, [1, 0.074], rtol=1e-12)


def test_unweighted_and_weighted_estimates() -> None:
    y, p = draws(24)
    assert y.mean() == 0.024
    expected = Fraction(222, 113425)
    assert float(expected) == pytest.approx(0.00195724, abs=5e-9)
    for estimate in (sampling.hajek(y, p), sampling.ratio_estimate(y, p), sampling.stratified_mean(strata(), SIZES)):
        assert estimate.value == pytest.approx(float(expected), rel=1e-12)


def test_the_weighted_estimate_is_the_truth_at_the_expected_count() -> None:
    weight = Fraction(37, 500)
    assert Fraction(900, 37) * weight / (900 + 100 * weight) == TRUTH
    y, p = draws(Fraction(900, 37))
    assert sampling.hajek(y, p).value == pytest.approx(float(TRUTH), rel=1e-12)


def test_error_of_the_stratified_estimate() -> None:
    exact = Fraction(37, SWEETS) * 10**6 * Fraction(9 * 28, 37 * 37 * 100) ** Fraction(1, 2) / 10**6
    assert exact == pytest.approx(0.000349890, abs=5e-10)
    rng = np.random.default_rng(0)
    errors = [sampling.stratified_mean(strata(int(rng.binomial(100, 9 / 37))), SIZES).se for _ in range(2000)]
    assert math.sqrt(np.mean(np.square(errors))) == pytest.approx(float(exact), rel=0.01)


@pytest.fixture(scope="module")
def random_bags():
    """Two thousand samples of a thousand draws, bag first: naive, Hansen-Hurwitz and ratio estimates."""
    rng = np.random.default_rng(42)
    found = []
    for _ in range(2000):
        small = rng.binomial(1000, 0.1)
        y = (np.arange(1000) < rng.binomial(small, 9 / 37)).astype(float)
        p = np.where(np.arange(1000) < small, float(SMALL), float(LARGE))
        found.append((y.mean(), sampling.hansen_hurwitz(y, p, N=SWEETS), sampling.ratio_estimate(y, p)))
    return found


def test_hansen_hurwitz_in_the_random_bag_design(random_bags) -> None:
    exact = math.sqrt(ONE_DRAW / 1000) / SWEETS
    assert exact == pytest.approx(0.000397289, abs=5e-10)
    values = np.array([found[1].value for found in random_bags])
    errors = np.array([found[1].se for found in random_bags])
    assert abs(values.mean() - float(TRUTH)) < 4 * exact / math.sqrt(len(values))
    assert values.std() == pytest.approx(exact, rel=0.07)
    assert math.sqrt((errors**2).mean()) == pytest.approx(exact, rel=0.02)


def test_ratio_in_the_random_bag_design(random_bags) -> None:
    values = np.array([found[2].value for found in random_bags])
    errors = np.array([found[2].se for found in random_bags])
    assert values.mean() == pytest.approx(0.001986, rel=0.02)
    assert values.std() == pytest.approx(0.000408, rel=0.07)
    assert errors.mean() == pytest.approx(0.000405, rel=0.02)
    assert np.mean(np.abs(values - float(TRUTH)) <= 1.96 * errors) == pytest.approx(0.940, abs=0.02)


def test_naive_estimate_in_the_random_bag_design(random_bags) -> None:
    values = np.array([found[0] for found in random_bags])
    assert values.mean() == pytest.approx(0.024327, rel=0.02)
    assert values.std() == pytest.approx(0.00488, rel=0.07)


def test_design_effects_against_simple_random_sampling() -> None:
    simple = math.sqrt(float(TRUTH * (1 - TRUTH)) / 1000)
    assert simple == pytest.approx(0.001407038, abs=5e-10)
    population = np.repeat([1.0, 0.0], [9, SWEETS - 9])
    aligned = sampling.design_effect(simple**2, population, np.ones(SWEETS), 1000)
    stratified = sampling.design_effect(0.00034988996840**2, population, np.ones(SWEETS), 1000)
    random_bag = sampling.design_effect(ONE_DRAW / 1000 / SWEETS**2, population, np.ones(SWEETS), 1000)
    assert aligned == pytest.approx(1)
    assert stratified == pytest.approx(0.06184, abs=5e-6)
    assert random_bag == pytest.approx(0.07973, abs=5e-6)


def test_kish_points_the_wrong_way_here() -> None:
    size = sampling.kish_effective_size([1.0] * 900 + [0.074] * 100)
    assert size == pytest.approx(914.3045, abs=5e-5)
    assert 1000 / size == pytest.approx(1.093727, abs=5e-7)
    assert "nothing to do with" in " ".join(sampling.kish_effective_size.__doc__.split())


def test_zero_hits_in_the_large_bags_do_not_mean_zero() -> None:
    estimate = sampling.stratified_mean(strata(), SIZES)
    _, high = estimate.interval()
    hidden = 4500 / SWEETS * -math.log(0.025) / 900
    assert high > estimate.value + hidden
    assert sampling.stratified_mean(strata(), SIZES, interval="wald").interval()[1] < 0.5 * high


@pytest.mark.parametrize("rate, mean", [(500_000, 500_000), (512 * 1024, 524_288)])
def test_mean_of_the_uniform_trigger(rate, mean) -> None:
    sampled = sampling.simulate_heap_sampling(np.full(4_000_000, 64), rate=rate, trigger="uniform", rng=2)
    # Each interval ends at an object's boundary, on average half an object late.
    assert 4_000_000 * 64 / sampled.sum() == pytest.approx(mean, rel=0.09)


@pytest.mark.parametrize("ratio, expected", [(0.05, 2 / 21), (0.25, 0.4), (0.5, 2 / 3), (0.75, 0.8), (1, 1), (1.5, 1)])
def test_equal_sizes_under_a_uniform_trigger(ratio, expected) -> None:
    size = ratio * 2 * RATE
    p = float(sampling.inclusion_probability(size, rate=RATE, trigger="uniform-equal"))
    assert p == pytest.approx(expected, rel=1e-12)
    assert sampling.inclusion_probability_stream([size], max_trigger=2 * RATE)[0] == pytest.approx(p, rel=1e-12)
    simulated = sampling.simulate_heap_sampling(np.full(200_000, size), rate=RATE, trigger="uniform", rng=3).mean()
    assert simulated == pytest.approx(p, rel=0.02)


@pytest.mark.parametrize("ratio, expected", [(0.25, 0.4375), (0.5, 0.75), (0.75, 0.9375)])
def test_one_large_object_among_small_ones_under_a_uniform_trigger(ratio, expected) -> None:
    bound = 1000
    p = float(sampling.inclusion_probability(ratio * bound, rate=bound / 2, trigger="uniform-sparse"))
    assert p == pytest.approx(expected, rel=1e-12)
    # The formula is the limit of a stream with one such object in very many very small ones.
    stream = [ratio * bound] + [1.0] * 20_000
    exact = sampling.inclusion_probability_stream(stream, max_trigger=bound)
    assert exact[0] == pytest.approx(p, abs=0.002)


def test_exponential_trigger() -> None:
    p = float(sampling.inclusion_probability(RATE, rate=RATE))
    assert p == pytest.approx(0.6321206, abs=5e-8)
    sampled = sampling.simulate_heap_sampling(np.full(100_000, RATE), rate=RATE, rng=1)
    assert sampled.mean() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 100_000))


SMALL_OBJECTS, LARGE_OBJECTS = (10**6, 16), (20, 10**6)


def test_shares_of_a_program_with_two_functions() -> None:
    """A allocates a million objects of 16 bytes, B twenty of a million bytes; one sample per 512 KiB."""
    counts, sizes = np.array([SMALL_OBJECTS, LARGE_OBJECTS]).T.astype(float)
    share = counts * sizes / (counts * sizes).sum()
    assert share[0] == pytest.approx(4 / 9)
    samples = counts * sampling.inclusion_probability(sizes, rate=RATE)
    np.testing.assert_allclose(samples, [30.51711, 17.03053], atol=5e-6)
    assert samples[0] / samples.sum() == pytest.approx(0.641822, abs=5e-7)
    assert (samples * sizes)[0] / (samples * sizes).sum() == pytest.approx(2.867e-5, abs=5e-9)
    objects, total = sampling.unsample(samples, samples * sizes, rate=RATE)
    assert total[0] / total.sum() == pytest.approx(4 / 9, rel=1e-12)
    assert objects[0] / objects.sum() == pytest.approx(10**6 / (10**6 + 20), rel=1e-12)
    assert objects[0] / objects.sum() == pytest.approx(0.99998000, abs=5e-9)


PERIODIC = [262144, 1024, 262144, 512, 262144, 256, 262144, 16]


def test_a_periodic_program_under_a_uniform_trigger() -> None:
    """Small objects between large ones are missed; un-sampling by size alone does not bring them back."""
    p = sampling.inclusion_probability_stream(PERIODIC, max_trigger=1 << 20)
    factor = p / sampling.inclusion_probability(PERIODIC, rate=RATE)
    np.testing.assert_allclose(factor[::2], 1.0166, atol=5e-5)
    np.testing.assert_allclose(factor[1::2], 0.8014, atol=5e-5)


def test_an_alternating_program_under_a_uniform_trigger() -> None:
    p = sampling.inclusion_probability_stream([600_000, 16], max_trigger=1 << 20)
    factor = p / sampling.inclusion_probability([600_000, 16], rate=RATE)
    np.testing.assert_allclose(factor, [1.0276, 0.7004], atol=5e-5)
