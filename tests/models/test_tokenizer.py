"""Tokenizer: numbers, order, reserved numbers, unknown tokens, kinds of collections, and errors."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from goldfish.models import Tokenizer

TEXTS = ["A good film.", "Not a GOOD film!", "", "  \n"]


def test_numbers_follow_frequency_then_the_alphabet():
    tokenizer = Tokenizer().fit(["b b a", "c a d"])
    assert tokenizer.tokens_ == ["", "<unk>", "a", "b", "c", "d"]
    assert tokenizer.vocabulary_ == {"a": 2, "b": 3, "c": 4, "d": 5}
    assert tokenizer.counts_.tolist() == [0, 0, 2, 2, 1, 1]
    assert [row.tolist() for row in tokenizer.transform(["d c b a", "z a"])] == [[5, 4, 3, 2], [1, 2]]


def test_what_a_word_is():
    tokenizer = Tokenizer().fit(["Don't STOP, it's l’été -- 3.5 naïve_x!"])
    assert set(tokenizer.vocabulary_) == {"don't", "stop", ",", "it's", "l’été", "-", "3", ".", "5", "naïve_x", "!"}
    assert "STOP" in Tokenizer(lowercase=False).fit(["Don't STOP"]).vocabulary_


def test_texts_without_tokens_are_empty_arrays():
    rows = Tokenizer().fit(TEXTS).transform(TEXTS)
    assert [len(row) for row in rows] == [4, 5, 0, 0]
    assert all(row.dtype == np.int64 and row.ndim == 1 for row in rows)
    assert Tokenizer().fit(TEXTS).inverse_transform(rows)[2:] == ["", ""]


def test_characters():
    tokenizer = Tokenizer("char").fit(["Hello world"])
    assert tokenizer.inverse_transform(tokenizer.transform(["hello zorld", ""])) == ["hello \ufffdorld", ""]
    assert tokenizer.tokens_[2] == "l"
    assert " " in tokenizer.vocabulary_


def test_max_tokens_keeps_the_most_frequent():
    tokenizer = Tokenizer(max_tokens=2).fit(["a a a b b c d d"])
    assert tokenizer.tokens_ == ["", "<unk>", "a", "b"]
    assert tokenizer.counts_.tolist() == [0, 3, 3, 2]
    assert Tokenizer(max_tokens=99).fit(["a b"]).counts_.tolist() == [0, 0, 1, 1]


def test_padding_is_left_out_of_texts():
    tokenizer = Tokenizer().fit(["a b"])
    assert tokenizer.inverse_transform(np.array([[2, 3, 0, 0], [3, 1, 2, 0]])) == ["a b", "b <unk> a"]


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda texts: np.array(texts, object), iter])
def test_collections_of_texts(kind):
    expected = Tokenizer().fit(TEXTS)
    tokenizer = Tokenizer().fit(kind(TEXTS))
    assert tokenizer.vocabulary_ == expected.vocabulary_
    for row, other in zip(tokenizer.transform(kind(TEXTS)), expected.transform(TEXTS), strict=True):
        assert np.array_equal(row, other)


def test_pandas():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series(TEXTS, index=[7, 3, 1, 0])
    assert Tokenizer().fit(series).vocabulary_ == Tokenizer().fit(TEXTS).vocabulary_
    with pytest.raises(TypeError, match=r"texts\[1\] must be a string, got float"):
        Tokenizer().fit(pandas.Series(["a", float("nan")]))


def test_scikit_learns_contracts():
    tokenizer = Tokenizer("char", max_tokens=5, lowercase=False)
    assert clone(tokenizer).get_params() == tokenizer.get_params()
    assert vars(tokenizer) == tokenizer.get_params()
    assert not tokenizer.__sklearn_is_fitted__()
    for method in (tokenizer.transform, tokenizer.inverse_transform):
        with pytest.raises(NotFittedError):
            method(TEXTS)
    again = pickle.loads(pickle.dumps(tokenizer.fit(TEXTS)))
    assert [row.tolist() for row in again.transform(TEXTS)] == [row.tolist() for row in tokenizer.transform(TEXTS)]
    assert tokenizer.fit(["xyz"]).tokens_[2:] == ["x", "y", "z"]
    with config_context(transform_output="pandas"):
        assert isinstance(Tokenizer().fit_transform(TEXTS), list)
    pipeline = make_pipeline(FunctionTransformer(lambda texts: [text.strip() for text in texts]), Tokenizer())
    assert [len(row) for row in pipeline.fit(TEXTS).transform(TEXTS)] == [4, 5, 0, 0]


@pytest.mark.parametrize(
    "texts, error, message",
    [
        ("a text", ValueError, "fit: texts must be an iterable of strings, got one str"),
        (["a", 3], TypeError, r"fit: texts\[1\] must be a string, got int"),
        (["a", None], TypeError, r"fit: texts\[1\] must be a string, got NoneType"),
        ([b"a"], TypeError, r"fit: texts\[0\] must be a string, got bytes"),
        ([], ValueError, "at least one token"),
        (["", " "], ValueError, "at least one token"),
        (np.array([["a"]]), ValueError, r"texts must be one-dimensional, got shape \(1, 1\)"),
        (5, ValueError, "texts must be one-dimensional, got int"),
    ],
)
def test_wrong_texts(texts, error, message):
    with pytest.raises(error, match=message):
        Tokenizer().fit(texts)


def test_wrong_numbers_and_parameters():
    tokenizer = Tokenizer().fit(["a b"])
    with pytest.raises(ValueError, match=r"X\[1\] must hold numbers in 0..3, got 2..4"):
        tokenizer.inverse_transform([[2], [2, 4]])
    with pytest.raises(TypeError, match=r"X\[0\] must be a one-dimensional array of integers, got float64"):
        tokenizer.inverse_transform([[0.5]])
    for options in ({"level": "line"}, {"max_tokens": 0}, {"lowercase": "yes"}):
        with pytest.raises(ValueError, match="parameter of Tokenizer must be"):
            Tokenizer(**options).fit(["a"])
