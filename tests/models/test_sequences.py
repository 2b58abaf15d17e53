"""Reading, checking, numbering and padding ragged sequences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldfish.models.sequences import Numbering, batches_of_like_length, is_list_of_sequences, padded, read_sequences


@pytest.mark.parametrize(
    "X, kind, dtypes, shapes",
    [
        ([[1, 2], [3]], "tokens", "int64", [(2,), (1,)]),
        ([np.array([1, 2], np.uint8), np.array([], np.float64)], "tokens", "int64", [(2,), (0,)]),
        ([[], [3]], "tokens", "int64", [(0,), (1,)]),
        ([[0.5], [1.0, 2.0]], "vectors", "float64", [(1, 1), (2, 1)]),
        ([np.zeros((2, 3), np.float32), np.zeros((0, 3))], "vectors", "float32", [(2, 3), (0, 3)]),
        ([np.zeros((2, 3), np.int8)], "vectors", "float32", [(2, 3)]),
        ([np.zeros(2, np.float16)], "vectors", "float32", [(2, 1)]),
        ([np.array([True, False])], "vectors", "float32", [(2, 1)]),
        ([[], []], "vectors", "float32", [(0, 1), (0, 1)]),
        (np.zeros((2, 4, 3)), "vectors", "float64", [(4, 3), (4, 3)]),
    ],
)
def test_what_sequences_are(X, kind, dtypes, shapes):
    read = read_sequences(X)
    assert read.kind == kind
    assert [row.shape for row in read.rows] == shapes
    assert {str(row.dtype) for row in read.rows} == {dtypes}
    assert read.size == (shapes[0][1] if kind == "vectors" else 1)


def test_vectors_on_demand_take_integers_and_floats():
    read = read_sequences([[1, 2], [0.5]], kind="vectors")
    assert [row.tolist() for row in read.rows] == [[[1.0], [2.0]], [[0.5]]]


@pytest.mark.parametrize(
    "X, options, error, message",
    [
        ([], {}, ValueError, "X must have at least one sequence, got none"),
        (["ab"], {}, TypeError, r"X\[0\] must be an array of numbers, got str; Tokenizer turns texts into numbers"),
        ([[1], [None]], {}, TypeError, r"X\[1\] must be an array of numbers, got list"),
        ([[1], 2], {}, TypeError, r"X\[1\] must be an array of numbers, got int"),
        ([[1], [[1, 2], [3]]], {}, ValueError, r"X\[1\] must be an array, got a list of unequal lengths"),
        ([np.zeros((2, 2, 2))], {}, ValueError, r"X\[0\] must have shape \(T,\) or \(T, I\), got \(2, 2, 2\)"),
        ([[1], [], [2.0]], {}, ValueError, r"X\[2\] must hold integers as X\[0\] does, got float64"),
        ([[], [2.0], [1]], {}, ValueError, r"X\[2\] must hold floats as X\[1\] does, got int64"),
        ([[1], [2, -3]], {}, ValueError, r"X\[1\] must hold token numbers >= 0, got -3"),
        (
            [[1], [0.5]],
            {"kind": "tokens"},
            ValueError,
            r"X\[1\] must be a one-dimensional array of integers, got float64",
        ),
        ([[[1]]], {"kind": "tokens"}, ValueError, r"X\[0\] must be a one-dimensional array of integers"),
        ([np.zeros((1, 2)), np.zeros((1, 3))], {}, ValueError, r"X\[1\] must have shape \(T, 2\) as X\[0\] does"),
        ([np.zeros((1, 2)), np.zeros(2)], {}, ValueError, r"X\[1\] must have shape \(T, 2\) as X\[0\] does"),
        (
            [np.zeros(2), np.zeros(2, np.float32)],
            {"kind": "vectors"},
            ValueError,
            r"X\[1\] must be float64 as X\[0\] is, got float32",
        ),
        ([[1.0], [2.0, np.nan]], {}, ValueError, r"Input X\[1\] contains NaN"),
        (
            [[1.0], [np.inf]],
            {},
            ValueError,
            r"Input X\[1\] contains infinity or a value too large for dtype\('float64'\)",
        ),
        ([[1, 2], [1, 2, 3]], {"max_length": 2}, ValueError, r"X\[1\] must have at most 2 steps \(max_length\), got 3"),
        ([[-1]], {"name": "source"}, ValueError, r"source\[0\] must hold token numbers"),
    ],
)
def test_what_sequences_are_not(X, options, error, message):
    with pytest.raises(error, match=message):
        read_sequences(X, **options)


def test_lists_and_tables():
    ragged = np.empty(2, object)
    ragged[:] = [[1], [2, 3]]
    assert all(
        map(is_list_of_sequences, ([[1, 2], [3, 4]], [[0.5], [0.5, 1.0]], [np.zeros(2), np.zeros(2)], ragged, []))
    )
    assert not any(map(is_list_of_sequences, (np.zeros((2, 2)), [[0.5, 1.0], [1.5, 2.0]], np.zeros((2, 2), object))))


rows = st.lists(st.lists(st.integers(0, 30), max_size=6), min_size=1, max_size=8)


@given(seen=rows, asked=rows)
def test_numbering(seen, asked):
    numbering = Numbering([np.array(row, np.int64) for row in seen])
    known = sorted({token for row in seen for token in row})
    assert len(numbering) == len(known) + 1
    expected = [[known.index(token) + 1 if token in known else 0 for token in row] for row in asked]
    assert [row.tolist() for row in numbering([np.array(row, np.int64) for row in asked])] == expected


@given(rows=rows, size=st.integers(1, 4))
def test_padding_and_batches(rows, size):
    arrays = [np.array(row, np.int64) for row in rows]
    batches = list(batches_of_like_length(arrays, size))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(rows)))
    for places in batches:
        batch, lengths = padded([arrays[place] for place in places])
        assert batch.shape == (len(places), max(lengths))
        for place, row, length in zip(places, batch, lengths, strict=True):
            assert row[:length].tolist() == rows[place]
            assert not row[length:].any()
