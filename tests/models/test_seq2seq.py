"""Seq2Seq: what it learns, what it does with odd input, scikit-learn's contracts."""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score

from goldfish import nn
from goldfish.models import Seq2Seq
from goldfish.models.pairs import Pairs

WORDS = [a + b + c for a in "abcd" for b in "abcd" for c in "abcd"]
SHIFTED = [word.translate(str.maketrans("abcd", "1234")) for word in WORDS]
ORDER = np.random.default_rng(0).permutation(64).tolist()
KNOWN, UNSEEN = ORDER[8:], ORDER[:8]
RAGGED = [word[: 1 + index % 3] for index, word in enumerate(WORDS)]


def _small(**options):
    options = {
        "hidden_size": 16,
        "embedding_dim": 8,
        "batch_size": 16,
        "max_iter": 3,
        "learning_rate_init": 0.02,
        "random_state": 0,
        **options,
    }
    return Seq2Seq(**options)


@pytest.fixture(scope="module")
def shifted():
    return _small(hidden_size=32, max_iter=25).fit(
        [WORDS[index] for index in KNOWN] + ["ab", ""], [SHIFTED[index] for index in KNOWN] + ["12", ""]
    )


def _same(first, second):
    own, other = first.model_.state_dict(), second.model_.state_dict()
    return all(np.array_equal(value, other[name]) for name, value in own.items())


def test_learns_to_write_what_it_has_not_seen(shifted):
    assert shifted.score([WORDS[index] for index in UNSEEN], [SHIFTED[index] for index in UNSEEN]) >= 7 / 8
    assert shifted.predict(["ab", ""]) == ["12", ""]
    assert sorted(shifted.source_tokens_) == list("abcd")
    assert sorted(shifted.target_tokens_) == list("1234")
    assert shifted.max_length_ == 3
    assert shifted.loss_curve_[-1] < 0.1 * shifted.loss_curve_[0]


@pytest.mark.parametrize("options", [{"cell": "lstm"}, {"cell": "rnn"}, {"num_layers": 2, "dropout": 0.1}])
def test_variants_learn(options):
    model = _small(hidden_size=32, max_iter=30, clip_norm=1.0, **options).fit(WORDS, SHIFTED)
    assert model.score(WORDS, SHIFTED) > 0.6


def test_trains_as_fit_does_on_batches_by_hand():
    model = _small(shuffle=False).fit(RAGGED, SHIFTED)
    other = _small(shuffle=False)
    sources, targets = (model._sources.encode("f", "X", RAGGED), model._targets.encode("f", "y", SHIFTED))
    rng = other._generator()
    other._sources, other._targets = model._sources, model._targets
    network = other._build(sources, rng)
    batches = []
    for start in range(0, 64, 16):
        rows = range(start, start + 16)
        x = np.zeros((16, max(len(sources[row]) for row in rows)), int)
        for place, row in enumerate(rows):
            x[place, : len(sources[row])] = sources[row]
        y = np.array([[*targets[row], 4] for row in rows])
        previous = np.array([[4, *targets[row]] for row in rows])
        batches.append(
            ({"x": x, "lengths": [len(sources[row]) for row in rows], "previous": previous}, y, np.ones(y.shape))
        )
    loss = nn.CrossEntropyLoss(axis=-1)
    history = nn.fit(network, batches, loss, nn.Adam(0.02), epochs=3, progress=False, rng=rng)
    for name, value in network.state_dict().items():
        assert np.array_equal(value, model.model_.state_dict()[name])
    assert history["loss"] == model.loss_curve_


def test_batches_hold_like_lengths_and_every_sample_once():
    rng = np.random.default_rng(0)
    sources = [np.zeros(length, int) for length in rng.integers(0, 30, 200)]
    targets = [np.full(1 + len(source) // 2, index) for index, source in enumerate(sources)]
    pairs = Pairs(sources, targets, 999, 8, np.ones(200), rng)
    seen, slack = [], []
    for x, y, weight in pairs:
        seen += y[:, 0].tolist()
        slack += (x["lengths"].max() - x["lengths"]).tolist()
        assert (x["previous"][:, 0] == 999).all()
        assert (y == 999).sum() == len(y)
        assert weight.sum() == (x["previous"] != 999).sum() + len(y)
    assert sorted(seen) == list(range(200))
    assert len(pairs) == 25
    assert np.mean(slack) < 2
    assert seen != [int(y) for _, batch, _ in pairs for y in batch[:, 0]]


def test_words_and_lists_of_tokens_come_back_as_they_went_in():
    X = ["red  box", "blue box", "red hat", "blue hat"] * 8
    words = _small(level="word", max_iter=25).fit(X, [text.upper() for text in X])
    assert words.predict(["blue hat", "red box"]) == ["BLUE HAT", "RED BOX"]
    assert words.score(X, [text.upper() for text in X]) == 1.0
    lists = _small(max_iter=25).fit([text.split() for text in X], [[1, (2, 3)], [4, (2, 3)], [1, "x"], [4, "x"]] * 8)
    assert lists.predict([("blue", "box"), np.array(["red", "hat"])]) == [[4, (2, 3)], [1, "x"]]
    numbers = _small().fit([np.array([1, 2]), np.array([3])], [[5], [6, 6]])
    assert numbers.source_tokens_ == [1, 2, 3]
    assert type(numbers.source_tokens_[0]) is int


def test_unknown_source_tokens_are_all_the_same_unknown_one(shifted):
    assert shifted.predict(["a?b"]) == shifted.predict(["a!b"])
    unknown = shifted.model_.encoder["embedding"].params["weight"][4]
    assert not unknown.any()


def test_max_length_is_for_sources_targets_and_predictions(shifted):
    short = clone(shifted).set_params(max_length=3, max_iter=1).fit(WORDS, SHIFTED)
    assert all(len(written) <= 3 for written in short.predict(WORDS))
    for call, message in [
        (lambda: short.predict(["abc", "abcd"]), r"predict: X\[1\] must have at most max_length=3 tokens, got 4"),
        (lambda: short.fit(["a", "abcd"], ["1", "1"]), r"fit: X\[1\] must have at most max_length=3 tokens, got 4"),
        (lambda: short.fit(["a", "b"], ["1", "11111"]), r"fit: y\[1\] must have at most max_length=3 tokens, got 5"),
        (lambda: short.sample(["abcda"]), r"sample: X\[0\] must have at most max_length=3 tokens, got 5"),
    ]:
        with pytest.raises(ValueError, match=r"Seq2Seq\." + message):
            call()


def test_a_beam_is_no_worse_than_greedy_in_probability(shifted):
    """And takes effect without another fit."""
    weak = clone(shifted).set_params(max_iter=4).fit(WORDS, SHIFTED)

    def log_probability(written):
        sources, targets = weak._sources.encode("f", "X", WORDS), weak._targets.encode("f", "y", written)
        total = 0.0
        for x, y, _ in Pairs(sources, targets, 4, 1, np.ones(64)):
            logits = weak.model_(x)[0].astype("f8")
            total += sum(row[token] - np.log(np.exp(row).sum()) for row, token in zip(logits, y[0], strict=True))
        return total

    greedy = log_probability(weak.predict(WORDS))
    beam = log_probability(weak.set_params(beam_size=8).predict(WORDS))
    assert beam > greedy


def test_order_and_company_do_not_matter(shifted):
    whole = shifted.predict(RAGGED)
    assert shifted.predict(RAGGED[::-1])[::-1] == whole
    assert [shifted.predict([source])[0] for source in RAGGED[:6]] == whole[:6]


def test_sampling_is_a_function_of_random_state_and_temperature(shifted):
    weak = clone(shifted).set_params(max_iter=2).fit(WORDS, SHIFTED)
    first, again, other = (weak.sample(WORDS, random_state=seed) for seed in (0, 0, 1))
    assert first == again != other
    state = np.random.RandomState(0)
    assert weak.sample(WORDS, random_state=state) != weak.sample(WORDS, random_state=state)
    assert weak.sample(WORDS, temperature=1e-6, random_state=0) == weak.predict(WORDS)
    with pytest.raises(ValueError, match=r"Seq2Seq\.sample: temperature must be a finite number > 0, got 0"):
        weak.sample(["a"], temperature=0)


def test_weights_of_samples():
    """Weights of zero leave samples out of the loss; equal weights are none."""
    X, y = WORDS[:16] + WORDS[:16], SHIFTED[:16] + SHIFTED[16:32]
    options = {"shuffle": False, "batch_size": 32, "max_iter": 15}
    weight = np.r_[np.ones(16), np.zeros(16)]
    weighted = _small(**options).fit(X, y, sample_weight=weight)
    alone = _small(**{**options, "batch_size": 16}).fit(X[:16], y[:16])
    assert weighted.loss_curve_ == pytest.approx(alone.loss_curve_, rel=0.1)
    even = _small(**options).fit(X, y, sample_weight=np.full(32, 0.7))
    assert even.loss_curve_ == pytest.approx(_small(**options).fit(X, y).loss_curve_, rel=1e-4)
    assert weighted.score(X, y, sample_weight=weight) == weighted.score(X[:16], y[:16])


def test_early_stopping_keeps_the_best_epoch():
    model = _small(early_stopping=True, max_iter=8, validation_fraction=0.25).fit(WORDS, SHIFTED)
    assert len(model.validation_scores_) == model.n_iter_
    assert model.validation_scores_ == [-value for value in model.history_["val_loss"]]
    stopped = _small(early_stopping=True, n_iter_no_change=2, learning_rate_init=1e-9, max_iter=30)
    assert stopped.fit(WORDS, SHIFTED).n_iter_ == 3
    with pytest.raises(ValueError, match=r"early_stopping expected two samples or more.*n_samples=1"):
        stopped.fit(["a"], ["1"])


def test_fit_is_idempotent_and_warm_start_goes_on(shifted):
    model = _small(dropout=0.2)
    first = pickle.loads(pickle.dumps(model.fit(WORDS, SHIFTED)))
    assert _same(model.fit(WORDS, SHIFTED), first)
    assert _same(clone(model).fit(WORDS, SHIFTED), first)
    warm = _small(warm_start=True).fit(WORDS, SHIFTED)
    last = warm.loss_curve_[-1]
    assert warm.fit(["ab", "a?"], ["12", "1"]).loss_curve_[0] < last + 0.5
    assert warm.target_tokens_ == list("1234")
    assert warm.max_length_ == 3
    with pytest.raises(ValueError, match=r"Seq2Seq\.fit: y\[1\] must have tokens of the previous fit alone, got '9'"):
        warm.fit(["a", "b"], ["1", "9"])


def test_scikit_learns_contracts(shifted):
    model = Seq2Seq(hidden_size=7)
    assert set(model.get_params()) == set(inspect.signature(Seq2Seq).parameters)
    assert vars(clone(model)) == vars(model) == model.get_params()
    again = pickle.loads(pickle.dumps(shifted))
    assert again.predict(WORDS) == shifted.predict(WORDS)
    for call in (lambda: model.predict(["a"]), lambda: model.sample(["a"]), lambda: model.score(["a"], ["1"])):
        with pytest.raises(NotFittedError):
            call()
    scores = cross_val_score(_small(), WORDS, SHIFTED, cv=2)
    assert scores.shape == (2,)
    search = GridSearchCV(_small(), {"beam_size": [1, 2]}, cv=2).fit(WORDS, SHIFTED)
    assert len(search.predict(["abc"])) == 1


def test_a_failed_fit_changes_nothing(shifted):
    model = pickle.loads(pickle.dumps(shifted))
    with pytest.raises(TypeError):
        model.fit(["x"], [3])
    assert model.predict(WORDS[:4]) == shifted.predict(WORDS[:4])
    assert sorted(model.source_tokens_) == list("abcd")


@pytest.mark.parametrize(
    "X, y, error, message",
    [
        ("abc", ["1"], TypeError, r"fit: X must be a list of strings or of lists of tokens, got a string"),
        ({"a": 1}, ["1"], TypeError, r"fit: X must be a list of strings or of lists of tokens, got dict"),
        ({"a"}, ["1"], TypeError, r"fit: X must be a list of strings or of lists of tokens, got set"),
        (["a"], "1", TypeError, r"fit: y must be a list of strings or of lists of tokens, got a string"),
        (["a", ["b"]], ["1", "2"], TypeError, r"fit: X\[1\] must be a string, got list"),
        ([["a"], "b"], ["1", "2"], TypeError, r"fit: X\[1\] must be a list of tokens, got a string"),
        (["a", None], ["1", "2"], TypeError, r"fit: X\[1\] must be a string, got NoneType"),
        ([[["a"]]], ["1"], TypeError, r"fit: X\[0\]\[0\] must be hashable, got list"),
        ([np.ones((2, 2))], ["1"], ValueError, r"fit: X\[0\] must have one axis, got shape \(2, 2\)"),
        ([1, 2], ["1", "2"], TypeError, r"fit: X\[0\] must be a list of tokens, got int"),
        (["a", "b"], ["1"], ValueError, "Found input variables with inconsistent numbers of samples"),
        ([], [], ValueError, r"fit: X must have at least one sample, got none"),
        (["a", "b"], ["", ""], ValueError, r"fit: y must have at least one token between them, got none"),
    ],
)
def test_wrong_samples(X, y, error, message):
    with pytest.raises(error, match=message):
        _small().fit(X, y)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"cell": "mamba"}, "The 'cell' parameter of Seq2Seq must be"),
        ({"level": "byte"}, "The 'level' parameter of Seq2Seq must be"),
        ({"beam_size": 0}, "The 'beam_size' parameter of Seq2Seq must be"),
        ({"max_length": 0}, "The 'max_length' parameter of Seq2Seq must be"),
        ({"dropout": 1.0}, "The 'dropout' parameter of Seq2Seq must be"),
        ({"length_penalty": -1.0}, "The 'length_penalty' parameter of Seq2Seq must be"),
    ],
)
def test_wrong_parameters(options, message, shifted):
    with pytest.raises(ValueError, match=message):
        _small(**options).fit(WORDS, SHIFTED)
    fitted = pickle.loads(pickle.dumps(shifted)).set_params(**options)
    with pytest.raises(ValueError, match=message):
        fitted.predict(["a"])
