"""The passes of the core over a data matrix against plain NumPy: shapes, dtypes, strides, columns, weights and gaps."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import goldfish as gf
from goldfish import _core
from goldfish.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MultinomialNB

often = settings(max_examples=4 * settings.default.max_examples)
FLOATS = ["float32", "float64"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def spread(X):
    """Every second element of every second row."""
    wide = np.full((2 * X.shape[0], 2 * X.shape[1]), 99, X.dtype)
    wide[::2, ::2] = X
    return wide[::2, ::2]


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "reversed": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "spread": spread,
    "part": lambda X: np.pad(X, 2)[2:-2, 2:-2],
    "repeated": lambda X: np.broadcast_to(X[:1], X.shape),
}


@st.composite
def problems(draw):
    """A matrix in some layout, its columns that are meant, codes, weights; and a plain copy of those columns."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.one_of(st.integers(1, 30), st.integers(60, 70), st.just(700)))
    p = draw(st.one_of(st.integers(1, 20), st.integers(125, 135)))
    k = draw(st.integers(1, 9))
    dtype = draw(st.sampled_from(FLOATS * 4 + INTEGERS))
    X = rng.integers(0, 7, (n, p)).astype(dtype)
    if dtype in FLOATS and draw(st.booleans()):
        X = (X + rng.normal(0, 1, X.shape)).astype(dtype)
    if dtype in FLOATS and draw(st.booleans()):
        X[rng.random(X.shape) < 0.2] = np.nan
    X = LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))](X)
    columns = rng.permutation(p)[: rng.integers(1, p + 1)] if draw(st.booleans()) else None
    codes = rng.integers(0, k, n)
    weights = rng.uniform(0.5, 2, n) if draw(st.booleans()) else None
    plain = np.array(X if columns is None else X[:, columns], np.float64)
    return X, columns, codes, weights, k, plain


def by_class(codes, weights, k, values):
    """The weighted sums of each class's rows, and the weights of those that are not NaN."""
    weights = np.ones(len(codes)) if weights is None else weights
    sums = np.zeros((2, k, values.shape[1]))
    np.add.at(sums[0], codes, np.where(np.isnan(values), 0, values) * weights[:, None])
    np.add.at(sums[1], codes, ~np.isnan(values) * weights[:, None])
    return sums


@often
@given(problems())
def test_sums(problem):
    X, columns, codes, weights, k, plain = problem
    everything = (-math.inf, math.inf, False)
    place, total, weight = _core.class_sums(X, columns, codes, weights, k, None, everything)
    expected = by_class(codes, weights, k, plain)
    assert place is None
    np.testing.assert_allclose([total, weight], expected, rtol=1e-12, atol=1e-12)
    _, above, _ = _core.class_sums(X, columns, codes, weights, k, 2.5, everything)
    ones = np.where(np.isnan(plain), np.nan, plain > 2.5)
    np.testing.assert_allclose(above, by_class(codes, weights, k, ones)[0], rtol=1e-12)


@often
@given(problems())
def test_moments(problem):
    X, columns, codes, weights, k, plain = problem
    place, weight, mean, m2 = _core.class_moments(X, columns, codes, weights, k)
    total, expected = by_class(codes, weights, k, plain)
    assert place is None
    np.testing.assert_allclose(weight, expected, rtol=1e-12)
    centre = np.divide(total, expected, out=np.zeros_like(total), where=expected > 0)
    np.testing.assert_allclose(mean, centre, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(m2, by_class(codes, weights, k, (plain - centre[codes]) ** 2)[0], rtol=1e-10, atol=1e-10)


@often
@given(problems(), st.integers(0, 2**32 - 1))
def test_scores(problem, seed):
    X, columns, _, _, k, plain = problem
    mean, rate, constant = np.random.default_rng(seed).uniform(0.5, 3, (3, k, plain.shape[1]))
    present = (~np.isnan(plain)).astype(float)
    x = np.where(np.isnan(plain), 0, plain)
    everything = (-math.inf, math.inf, False)
    expected = {
        "linear": x @ mean.T + present @ constant.T,
        "step": ((x > 2.5) * present) @ mean.T + present @ constant.T,
        "normal": present @ constant.T - np.einsum("nj,nkj,kj->nk", present, (x[:, None] - mean) ** 2, rate),
    }
    for kind, wanted in expected.items():
        results = []
        for threads in (1, 2):
            out = np.full((len(X), k), 0.25)
            with gf.threads(threads):
                if kind == "normal":
                    place = _core.add_normal_scores(X, columns, mean, rate, constant, out)
                else:
                    threshold = 2.5 if kind == "step" else None
                    place = _core.add_linear_scores(X, columns, threshold, everything, mean, constant, out)
            assert place is None
            results.append(out)
        np.testing.assert_allclose(results[0] - 0.25, wanted, rtol=1e-11, atol=1e-10, err_msg=kind)
        assert results[0].tobytes() == results[1].tobytes()


@often
@given(problems(), st.integers(0, 2**32 - 1))
def test_categories(problem, seed):
    X, columns, codes, weights, k, plain = problem
    if np.nanmin(plain, initial=0) < 0:
        X, plain = np.abs(X), np.abs(plain)
    place, sizes, fraction = _core.categories(X, columns, 1000.0)
    values = np.floor(plain)
    np.testing.assert_array_equal(sizes, np.where(np.isnan(values), -1, values).max(axis=0) + 1)
    fractional = np.argwhere(~np.isnan(plain) & (plain != values))
    assert place is None
    assert fraction == (tuple(fractional[0]) if len(fractional) else None)
    table = _core.category_counts(X, columns, codes, weights, k, sizes)
    first = np.cumsum(sizes) - sizes
    for v in range(int(sizes.max())):
        ones = by_class(codes, weights, k, np.where(values == v, 1.0, np.nan))[1]
        held = sizes > v
        np.testing.assert_allclose(table[:, (first + v)[held]], ones[:, held], rtol=1e-12)
    logs = np.random.default_rng(seed).normal(0, 1, (sizes.sum() + 9, k))
    logs[sizes.sum() :] = 0
    out = np.zeros((len(X), k))
    place, cut = _core.add_category_scores(X, columns, sizes, logs, out)
    assert place is None
    assert cut == fraction
    places = np.where(np.isnan(values), sizes.sum(), np.nan_to_num(values) + first).astype(int)
    np.testing.assert_allclose(out, logs[places].sum(axis=1), rtol=1e-11, atol=1e-11)


@often
@given(problems(), st.data())
def test_the_first_bad_value_is_named(problem, data):
    X, columns, codes, weights, k, plain = problem
    X = np.array(X, np.float64)
    bad = data.draw(st.sampled_from([math.inf, -math.inf, -2.0, 8e15, 1e300]))
    row, place = data.draw(st.integers(0, len(X) - 1)), data.draw(st.integers(0, plain.shape[1] - 1))
    X = np.abs(X)
    X[row, place if columns is None else columns[place]] = bad
    support = (0.0, 1e15, False)
    found, _, _ = _core.class_sums(X, columns, codes, weights, k, None, support)
    assert found == (row, place)
    zeros = np.zeros((k, plain.shape[1]))
    assert _core.add_linear_scores(X, columns, None, support, zeros, zeros, np.zeros((len(X), k))) == (row, place)
    assert _core.categories(X, columns, 1e15)[0] == (row, place)
    sizes = np.full(plain.shape[1], 20)
    table = np.zeros((sizes.sum() + 9, k))
    assert _core.add_category_scores(X, columns, sizes, table, np.zeros((len(X), k)))[0] == (row, place)
    with pytest.raises(ValueError, match=f"row {row}, column {place} does not"):
        _core.category_counts(X, columns, codes, weights, k, sizes)
    finite = None if math.isfinite(bad) else (row, place)
    assert _core.class_moments(X, columns, codes, weights, k)[0] == finite


@often
@given(problems(), st.sampled_from([np.int32, np.int64]))
def test_sparse_sums(problem, index):
    _, _, codes, weights, k, plain = problem
    plain = np.where(plain < 3, 0, plain)
    X = sp.csr_array(plain)
    matrix = X.data, X.indices.astype(index), X.indptr.astype(index), X.shape[1]
    for threshold in (None, 4.5):
        total, gone = _core.sparse_class_sums(*matrix, codes, weights, k, threshold)
        ones = plain if threshold is None else np.where(np.isnan(plain), np.nan, plain > threshold)
        np.testing.assert_allclose(total, by_class(codes, weights, k, ones)[0], rtol=1e-12)
        missing = by_class(codes, weights, k, np.where(np.isnan(plain), 1.0, np.nan))[1]
        assert (gone is None) == (not np.isnan(plain).any())
        np.testing.assert_allclose(np.zeros_like(missing) if gone is None else gone, missing, rtol=1e-12)


def test_sparse_parts_that_do_not_fit_are_refused():
    data, indices, indptr, codes = np.ones(3), np.array([0, 2, 1]), np.array([0, 2, 3]), np.array([0, 1])
    _core.sparse_class_sums(data, indices, indptr, 3, codes, None, 2, None)
    for wrong in [
        (data, np.array([0, 3, 1]), indptr, 3, codes, None, 2, None),
        (data, np.array([0, -1, 1]), indptr, 3, codes, None, 2, None),
        (data, indices, np.array([0, 5, 3]), 3, codes, None, 2, None),
        (data, indices, np.array([0, 3]), 3, codes, None, 2, None),
        (data, indices[:2], indptr, 3, codes, None, 2, None),
        (data, indices, indptr, 3, codes, np.ones(3), 2, None),
        (data, indices, indptr, 3, codes, None, 1, None),
        (data, indices.astype(float), indptr, 3, codes, None, 2, None),
    ]:
        with pytest.raises((ValueError, TypeError), match="sparse_class_sums: "):
            _core.sparse_class_sums(*wrong)


def test_what_the_core_cannot_read_is_converted_in_pieces():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 5000)
    X = rng.integers(0, 4, (5000, 300)).astype(float)
    packed = np.zeros(5000, dtype=[("flag", "u1"), ("row", "f8", 300)])
    packed["row"] = X
    others = {
        "big-endian": X.astype(">f8"),
        "float16": X.astype(np.float16),
        "unaligned": packed["row"],
        "long double": X.astype(np.longdouble),
    }
    assert not packed["row"].flags.aligned
    for cls in (GaussianNB, MultinomialNB, BernoulliNB, CategoricalNB):
        clf = cls().fit(X, y)
        expected = clf.predict_joint_log_proba(X)
        for name, other in others.items():
            again = cls().fit(other, y)
            np.testing.assert_allclose(again.predict_joint_log_proba(other), expected, rtol=1e-9, err_msg=name)
    ones = X > 1
    clf = BernoulliNB().fit(ones, y)
    np.testing.assert_array_equal(clf.feature_count_, BernoulliNB().fit(ones.astype(float), y).feature_count_)


@pytest.mark.parametrize("function", ["class_moments", "class_sums", "category_counts"])
def test_arguments_that_do_not_fit_are_refused(function):
    X, codes = np.ones((4, 3)), np.array([0, 1, 0, 1])
    more = {"class_moments": (), "class_sums": (None, (0.0, 1.0, False)), "category_counts": (np.array([2, 2, 2]),)}
    call = getattr(_core, function)
    call(X, None, codes, None, 2, *more[function])
    for wrong in [
        (X, np.array([0, 3]), codes, None, 2),
        (X, np.array([-1]), codes, None, 2),
        (X, None, codes[:3], None, 2),
        (X, None, codes, np.ones(5), 2),
        (X, None, codes, None, 1),
        (X, None, codes - 1, None, 2),
        (X[0], None, codes, None, 2),
        (X.astype(complex), None, codes, None, 2),
        (X.astype(">f8"), None, codes, None, 2),
    ]:
        with pytest.raises((ValueError, TypeError), match=f"{function}: "):
            call(*wrong, *more[function])


def test_tables_that_no_memory_holds_are_an_error():
    X, codes, sizes = np.ones((4, 3)), np.zeros(4, np.intp), np.full(3, 2**40)
    with pytest.raises(MemoryError, match="category_counts: "):
        _core.category_counts(X, None, codes, None, 1, sizes)
    with pytest.raises(MemoryError, match="add_category_scores: "):
        _core.add_category_scores(X, None, sizes, np.zeros((9, 1)), np.zeros((4, 1)))


def test_scores_refuse_what_does_not_fit():
    X, numbers = np.ones((4, 3)), np.ones((2, 3))
    everything = (-math.inf, math.inf, False)
    for out in [np.zeros((4, 3)), np.zeros((3, 2)), np.zeros((4, 2), np.float32), np.zeros((4, 4))[:, :2], np.zeros(4)]:
        with pytest.raises((ValueError, TypeError), match="add_normal_scores: "):
            _core.add_normal_scores(X, None, numbers, numbers, numbers, out)
        with pytest.raises((ValueError, TypeError), match="add_linear_scores: "):
            _core.add_linear_scores(X, None, None, everything, numbers, numbers, out)
    with pytest.raises(ValueError, match="add_category_scores: table must hold 22 numbers"):
        _core.add_category_scores(X, None, np.array([2, 2, 2]), np.zeros((10, 2)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="add_category_scores: sizes"):
        _core.add_category_scores(X, None, np.array([2, 2]), np.zeros((30, 2)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="likeliest: joint"):
        _core.likeliest(np.zeros((3, 0)))
