"""rnn, lstm and gru against loops over time, one sequence at a time, and their conventions."""

import numpy as np
import pytest
from hypothesis import given, settings

import goldfish as gf
import reference
from compare import FLOAT64, error, flat, limit, same_bits
from gradcheck import Case, check
from gradient_table import GATES, recurrent_case
from strategies import DTYPES, sequences

STATES = {"rnn": ("h_0",), "lstm": ("h_0", "c_0"), "gru": ("h_0",)}
VARIANTS = {
    "rnn-tanh": ("rnn", {}),
    "rnn-relu": ("rnn", {"nonlinearity": "relu"}),
    "lstm": ("lstm", {}),
    "lstm-peepholes": ("lstm", {"with_peepholes": True}),
    "gru": ("gru", {}),
    "gru-reset-before": ("gru", {"reset_after": False}),
}
every_variant = pytest.mark.parametrize("variant", VARIANTS)


def problem(variant, rng, sizes=(5, 4, 3, 6), **options):
    operation, extra = VARIANTS[variant]
    return recurrent_case(operation, rng, sizes, **extra, **options)


def as_dtype(case, dtype):
    return Case(case.operation, {name: array.astype(dtype) for name, array in case.arrays.items()}, case.given)


def expected_outputs(case):
    """What the plain loops give for a case, in float64."""
    arguments = {**case.given, **case.arrays}
    if case.operation == "lstm":
        arguments["state"] = arguments.pop("h_0", None), arguments.pop("c_0", None)
    else:
        arguments.setdefault("h_0", None)
    return flat(getattr(reference, case.operation)(**arguments))


def draw(variant, drawn):
    """A case from what the strategy drew; categories make x an array of category numbers."""
    rng = np.random.default_rng(drawn["seed"])
    steps, batch, inputs, _ = drawn["sizes"]
    given = {"x": rng.integers(0, inputs, (steps, batch))} if drawn["categories"] else {}
    shared = {name: drawn[name] for name in ("states", "biases", "lengths", "reverse")}
    return problem(variant, rng, drawn["sizes"], given=given, **shared)


@every_variant
def test_equals_a_plain_time_loop(variant):
    @given(sequences())
    def run(drawn):
        case = draw(variant, drawn)
        expected = expected_outputs(case)
        for dtype in DTYPES:
            found = flat(as_dtype(case, dtype).run())
            assert [output.dtype for output in found] == [dtype] * len(expected)
            for output, truth in zip(found, expected, strict=True):
                assert error(output, truth, floor=0.1) <= limit(dtype)
            again = flat(as_dtype(case, dtype).run("_forward")[:-1])
            assert all(same_bits(a, b) for a, b in zip(again, found, strict=True))

    run()


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "rnn-relu"])
def test_gradients_by_central_differences(variant):
    @settings(max_examples=6)
    @given(sequences())
    def run(drawn):
        steps, batch, inputs, hidden = drawn["sizes"]
        small = {**drawn, "sizes": (min(steps, 4), min(batch, 3), min(inputs, 4), min(hidden, 5))}
        if drawn["lengths"] is not None:
            small["lengths"] = [min(length, 4) for length in drawn["lengths"][:3]]
        check(draw(variant, small), np.random.default_rng(drawn["seed"]))

    run()


@every_variant
@pytest.mark.parametrize("hidden", [1, 7, 8, 15, 16, 17, 33, 48, 65])
def test_every_remainder_of_the_registers(variant, hidden, rng):
    for batch in (1, 3, 6, 13):
        case = problem(variant, rng, (3, batch, 19, hidden))
        for dtype in DTYPES:
            for output, truth in zip(flat(as_dtype(case, dtype).run()), expected_outputs(case), strict=True):
                assert error(output, truth, floor=0.1) <= limit(dtype)


@every_variant
@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_equal_separate_calls(variant, reverse, rng):
    """Each sequence on its own, cut at its end, gives its outputs and its final state; zeros follow."""
    lengths = [5, 1, 0, 3]
    case = problem(variant, rng, lengths=lengths, reverse=reverse)
    y, *finals = flat(case.run())
    for b, length in enumerate(lengths):
        own = {
            name: array[:length, b : b + 1] if name == "x" else array[b : b + 1] if name in ("h_0", "c_0") else array
            for name, array in case.arrays.items()
        }
        assert not y[length:, b].any()
        if length == 0:
            for name, final in zip(STATES[case.operation], finals, strict=True):
                assert same_bits(final[b], case.arrays[name][b])
            continue
        alone, *own_finals = flat(Case(case.operation, own, case.given | {"lengths": None}).run())
        assert error(y[:length, b], alone[:, 0]) <= FLOAT64
        for final, own_final in zip(finals, own_finals, strict=True):
            assert error(final[b], own_final[0]) <= FLOAT64


@every_variant
def test_what_lies_past_the_end_does_not_matter(variant, rng):
    """Neither NaN in x, nor slopes of the outputs there."""
    case = problem(variant, rng, lengths=[5, 1, 0, 3])
    past = np.arange(5)[:, None] >= np.array([5, 1, 0, 3])
    x = case.arrays["x"].copy()
    x[past] = np.nan
    dirty = Case(case.operation, case.arrays | {"x": x}, case.given)
    assert all(same_bits(a, b) for a, b in zip(flat(dirty.run()), flat(case.run()), strict=True))
    slopes = case.draw_slopes(rng)
    dy = slopes["y"].copy()
    dy[past] = 1e6
    expected, found = case.backward(slopes), dirty.backward(slopes | {"y": dy})
    for name in case.arrays:
        assert error(getattr(found, name), getattr(expected, name)) <= FLOAT64, name
    assert not found.x[past].any()


@every_variant
def test_reverse_is_a_flipped_input(variant, rng):
    case = problem(variant, rng, reverse=True)
    y, *finals = flat(case.run())
    flipped = Case(case.operation, case.arrays | {"x": case.arrays["x"][::-1]}, case.given | {"reverse": False})
    other, *other_finals = flat(flipped.run())
    assert error(y, other[::-1]) <= FLOAT64
    assert all(error(a, b) <= FLOAT64 for a, b in zip(finals, other_finals, strict=True))


@every_variant
def test_a_missing_state_or_bias_is_zeros(variant, rng):
    case = problem(variant, rng)
    for name in (*STATES[case.operation], "bias_ih", "bias_hh"):
        without = Case(case.operation, {k: a for k, a in case.arrays.items() if k != name}, case.given)
        zeros = case.run(**{name: np.zeros_like(case.arrays[name])})
        for a, b in zip(flat(without.run()), flat(zeros), strict=True):
            assert error(a, b) <= FLOAT64
    arrays = {name: array for name, array in case.arrays.items() if name not in STATES[case.operation]}
    if case.operation == "lstm":
        both = gf.lstm(state=None, **arrays, **case.given)
        assert same_bits(both[0], Case("lstm", arrays, case.given).run()[0])


@every_variant
def test_two_pieces_equal_one(variant, rng):
    """The final state of one piece starts the next: what truncated backpropagation stands on."""
    case = problem(variant, rng, (8, 3, 4, 9))
    y, *finals = flat(case.run())
    first, *middle = flat(case.run(x=case.arrays["x"][:5]))
    states = dict(zip(STATES[case.operation], middle, strict=True))
    second, *last = flat(case.run(x=case.arrays["x"][5:], **states))
    assert error(np.concatenate([first, second]), y) <= FLOAT64
    assert all(error(a, b) <= FLOAT64 for a, b in zip(last, finals, strict=True))


@every_variant
def test_backward_is_the_chain_rule_over_single_steps(variant, rng):
    case = problem(variant, rng)
    slopes = case.draw_slopes(rng)
    whole = case.backward(slopes)
    steps, states = [], {name: case.arrays[name] for name in STATES[case.operation]}
    for x in case.arrays["x"]:
        step = Case(case.operation, case.arrays | states | {"x": x[None]}, case.given)
        steps.append(step)
        states = dict(zip(states, flat(step.run())[1:], strict=True))
    carried = {name: slopes[name] for name in ("h_n", "c_n") if name in slopes}
    dweight = 0
    for t, step in reversed(list(enumerate(steps))):
        grads = step.backward({"y": slopes["y"][t : t + 1], **carried})
        carried = {f"{name[0]}_n": getattr(grads, name) for name in STATES[case.operation]}
        dweight = dweight + grads.weight_hh
        assert error(grads.x[0], whole.x[t]) <= FLOAT64
    assert error(dweight, whole.weight_hh) <= FLOAT64
    for name in STATES[case.operation]:
        assert error(getattr(grads, name), getattr(whole, name)) <= FLOAT64


@every_variant
@pytest.mark.parametrize("dtype", DTYPES)
def test_category_numbers_are_their_one_hot_encoding(variant, dtype, rng):
    case = as_dtype(problem(variant, rng, (5, 4, 7, 6), lengths=[5, 1, 2, 4]), dtype)
    ids = rng.integers(0, 7, (5, 4))
    arrays = {name: array for name, array in case.arrays.items() if name != "x"}
    numbers = Case(case.operation, arrays, case.given | {"x": ids})
    encoded = Case(case.operation, arrays | {"x": reference.one_hot(ids, 7).astype(dtype)}, case.given)
    for a, b in zip(flat(numbers.run()), flat(encoded.run()), strict=True):
        assert a.dtype == dtype
        assert error(a, b) <= limit(dtype)
    slopes = numbers.draw_slopes(rng)
    found, expected = numbers.backward(slopes), encoded.backward(slopes)
    assert found.x is None
    for name in arrays:
        assert error(getattr(found, name), getattr(expected, name), floor=1) <= limit(dtype)
    for integer in (np.uint8, np.int32, np.int64):
        assert same_bits(numbers.run(x=ids.astype(integer))[0], numbers.run()[0])
    padded = ids.copy()
    padded[1:, 1] = -1
    assert same_bits(numbers.run(x=padded)[0], numbers.run()[0])


@every_variant
def test_later_inputs_do_not_reach_earlier_outputs(variant, rng):
    case = problem(variant, rng, (7, 4, 5, 17))
    y = case.run()[0]
    for k in range(7):
        x = case.arrays["x"].copy()
        x[k] += 1
        changed = case.run(x=x)[0]
        assert same_bits(changed[:k], y[:k])
        assert not same_bits(changed[k], y[k])


@every_variant
def test_nan_in_one_sequence_stays_there(variant, rng):
    case = problem(variant, rng, (4, 5, 3, 6))
    x = case.arrays["x"].copy()
    x[1, 2] = np.nan
    y, dirty = case.run()[0], case.run(x=x)[0]
    assert np.isnan(dirty[1:, 2]).all()
    assert same_bits(np.delete(dirty, 2, axis=1), np.delete(y, 2, axis=1))
    assert same_bits(dirty[0], y[0])


@pytest.mark.parametrize("operation", GATES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_saturation_does_not_overflow(operation, dtype):
    x = np.array([1e4, -1e4, 1e30, -1e30], dtype).reshape(2, 2, 1)
    rows = GATES[operation] * 3
    y = getattr(gf, operation)(x, None, np.ones((rows, 1), dtype), np.ones((rows, 3), dtype))[0]
    assert np.all(np.abs(y) <= 1)


@every_variant
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_sequences_and_no_steps(variant, dtype, rng):
    for sizes, lengths in (((3, 0, 2, 4), []), ((0, 3, 2, 4), [0, 0, 0])):
        case = as_dtype(problem(variant, rng, sizes, lengths=np.array(lengths, int)), dtype)
        y, *finals = flat(case.run())
        assert y.shape == (*sizes[:2], 4)
        for name, final in zip(STATES[case.operation], finals, strict=True):
            assert same_bits(final, case.arrays[name])
        grads = case.backward({"y": y})
        for name, array in case.arrays.items():
            assert getattr(grads, name).shape == array.shape
            assert not getattr(grads, name).any()


def test_influence_of_the_past_on_a_linear_unit():
    """One relu unit with positive inputs is linear: the first input reaches the fifth step as feedback**4."""
    for feedback, profile in ((0.1, [1e-4, 1e-3, 1e-2, 0.1, 1]), (2.0, [16, 8, 4, 2, 1]), (1.0, [1] * 5)):
        weights = np.ones((1, 1)), np.full((1, 1), feedback)
        _, _, cache = gf.rnn_forward(np.ones((5, 1, 1)), None, *weights, nonlinearity="relu")
        assert gf.rnn_backward(None, np.ones((1, 1)), cache).x.ravel() == pytest.approx(profile, rel=1e-12)
