"""CharLanguageModel: real English, its baselines, sampling, and scikit-learn's contracts."""

import inspect
import math
import pickle
from collections import Counter
from pydoc_data import topics

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from goldfish import nn
from goldfish.models import CharLanguageModel

ENGLISH = "\n".join(topics.topics[name] for name in sorted(topics.topics))
TRAIN, TEST = ENGLISH[:30_000], ENGLISH[30_000:33_000]
ABC = "abcdefgh" * 40


def _small(**options):
    options = {
        "hidden_size": 16,
        "num_layers": 1,
        "truncate": 16,
        "batch_size": 8,
        "max_iter": 3,
        "random_state": 0,
        **options,
    }
    return CharLanguageModel(**options)


@pytest.fixture(scope="module")
def abc():
    return _small(max_iter=60, learning_rate_init=0.03).fit(ABC)


@pytest.fixture(scope="module")
def english():
    return _small(
        cell="gru", hidden_size=64, truncate=32, batch_size=16, max_iter=6, learning_rate_init=0.01, vocabulary=ENGLISH
    ).fit(TRAIN)


def test_beats_the_frequencies_of_characters(english):
    """A smoothed unigram model knows no context; a quarter fewer bits shows that context is used."""
    counts, size = Counter(TRAIN), len(set(ENGLISH))
    unigram = -sum(math.log2((counts[c] + 1) / (len(TRAIN) + size)) for c in TEST) / len(TEST)
    assert english.bits_per_character(TEST) < 0.75 * unigram


def test_bits_and_perplexity_by_hand(abc):
    text = "abcdabcd" * 3
    ids = np.array([abc.vocabulary_.index(character) for character in text])
    logits = abc.model_(ids[None, :-1])[0].astype(np.float64)
    log_probability = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -log_probability[np.arange(23), ids[1:]].mean() / math.log(2)
    assert abc.bits_per_character(text) == pytest.approx(expected, rel=1e-5)
    assert abc.perplexity(text) == pytest.approx(2**expected, rel=1e-5)


def test_bits_do_not_depend_on_the_windows(abc, monkeypatch):
    whole = abc.bits_per_character(ABC)
    monkeypatch.setattr("goldfish.models.language._STEPS", 7)
    assert abc.bits_per_character(ABC) == pytest.approx(whole, rel=1e-4)


def test_learns_an_order(abc):
    assert abc.bits_per_character(ABC) < 0.2
    assert abc.sample(8, prompt="abcdef", temperature=0.1, random_state=0) == "abcdefghabcdef"
    assert abc.loss_curve_[-1] < 0.1 * abc.loss_curve_[0]
    assert abc.vocabulary_ == "abcdefgh"
    assert abc.character_counts_.tolist() == [40] * 8


def test_sampling_is_a_function_of_random_state(english):
    texts = [english.sample(60, prompt="The ", random_state=seed) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]
    assert all(text.startswith("The ") and len(text) == 64 for text in texts)
    assert english.sample(20, random_state=np.random.RandomState(0)) == english.sample(
        20, random_state=np.random.RandomState(0)
    )
    assert english.sample(0, prompt="x") == "x"
    assert len(english.sample(5)) == 5


def test_sampling_feeds_its_characters_back(english):
    """A long sample equals the greedy continuation computed anew from each prefix."""
    text = "The "
    for _ in range(8):
        ids = np.array([english.vocabulary_.index(character) for character in text])
        text += english.vocabulary_[int(english.model_(ids[None])[0, -1].argmax())]
    assert english.sample(8, prompt="The ", top_k=1, random_state=0) == text
    assert english.sample(8, prompt="The ", temperature=1e-4, random_state=0) == text
    assert english.sample(8, prompt="The ", top_p=1e-9, random_state=0) == text


def test_sampled_characters_have_their_probabilities(english):
    rng = np.random.RandomState(0)
    ids = np.array([english.vocabulary_.index(character) for character in "The "])
    logits = english.model_(ids[None])[0, -1].astype(np.float64)
    for temperature in (1.0, 2.0):
        probability = np.exp(logits / temperature) / np.exp(logits / temperature).sum()
        drawn = Counter(english.sample(1, "The ", temperature, random_state=rng)[-1] for _ in range(600))
        best = int(probability.argmax())
        share, deviation = drawn[english.vocabulary_[best]] / 600, math.sqrt(probability[best] / 600)
        assert abs(share - probability[best]) < 4 * deviation


def test_top_k_and_top_p_restrict(english):
    ids = np.array([english.vocabulary_.index(character) for character in "The "])
    order = np.argsort(-english.model_(ids[None])[0, -1])
    likeliest = {english.vocabulary_[index] for index in order[:2]}
    rng = np.random.RandomState(0)
    assert {english.sample(1, "The ", 5.0, top_k=2, random_state=rng)[-1] for _ in range(60)} == likeliest


def test_unknown_characters_of_a_prompt_can_be_skipped(english):
    assert english.sample(9, "The ü\u2603 ", random_state=0, unknown="skip") == "The ü\u2603 " + english.sample(
        9, "The  ", random_state=0
    ).removeprefix("The  ")
    with pytest.raises(ValueError, match=r"sample: characters that are not in the vocabulary: \['ü', '\u2603'\]"):
        english.sample(9, "The ü\u2603 ")
    assert len(english.sample(3, "ü", unknown="skip")) == 4


def test_without_a_prompt_the_first_character_follows_the_text():
    model = _small(max_iter=1).fit("aab" * 100)
    rng = np.random.RandomState(0)
    share = Counter(model.sample(1, random_state=rng) for _ in range(300))["a"] / 300
    assert abs(share - 2 / 3) < 0.11


@pytest.mark.parametrize(
    "options", [{"cell": "rnn"}, {"cell": "gru", "num_layers": 2}, {"embedding_dim": 5}, {"dropout": 0.2}]
)
def test_variants_learn(options):
    model = _small(max_iter=40, learning_rate_init=0.03, **options).fit(ABC)
    assert model.bits_per_character(ABC) < 1.5


def test_streams_are_read_in_windows_with_the_state_carried():
    """The estimator trains as `fit` does on streams cut by hand."""
    model = _small(shuffle=False).fit(ABC)
    ids = np.array([model.vocabulary_.index(character) for character in ABC])
    length = (len(ids) - 1) // 8
    x, y = ids[: 8 * length].reshape(8, length), ids[1 : 8 * length + 1].reshape(8, length)
    other = _small(shuffle=False)
    other.vocabulary_ = model.vocabulary_
    rng = other._generator()
    network = other._build(rng)
    loss = nn.CrossEntropyLoss(axis=-1)
    nn.fit(
        network, (x, y), loss, nn.Adam(), epochs=3, batch_size=8, shuffle=False, truncate=16, progress=False, rng=rng
    )
    for name, value in network.state_dict().items():
        assert np.array_equal(value, model.model_.state_dict()[name])


def test_validation_text_and_early_stopping():
    watched = _small().fit(ABC, ABC[:50])
    assert len(watched.validation_scores_) == 3
    assert watched.validation_scores_[0] == pytest.approx(-watched.history_["val_loss"][0] / math.log(2))
    stopped = _small(early_stopping=True, max_iter=60, n_iter_no_change=2, learning_rate_init=1e-9).fit(ABC)
    assert stopped.n_iter_ == 3
    assert _small().fit(ABC).validation_scores_ is None


def test_fit_is_deterministic_and_warm_start_goes_on():
    model = _small(dropout=0.2)
    first = model.fit(ABC).bits_per_character(ABC)
    assert model.fit(ABC).bits_per_character(ABC) == first
    assert clone(model).fit(ABC).bits_per_character(ABC) == first
    assert clone(model).set_params(random_state=3).fit(ABC).bits_per_character(ABC) != first
    warm = _small(warm_start=True).fit(ABC)
    last = warm.loss_curve_[-1]
    assert warm.fit(ABC[:100]).loss_curve_[0] < last + 0.1


def test_scikit_learns_contracts(abc):
    model = CharLanguageModel(hidden_size=7)
    assert model.get_params()["hidden_size"] == 7
    assert set(model.get_params()) == set(inspect.signature(CharLanguageModel).parameters)
    assert vars(clone(model)) == vars(model)
    assert all(getattr(model, name) == value for name, value in model.get_params().items())
    again = pickle.loads(pickle.dumps(abc))
    assert again.sample(20, random_state=0) == abc.sample(20, random_state=0)
    for call in (lambda: model.sample(3), lambda: model.bits_per_character("ab"), lambda: model.perplexity("ab")):
        with pytest.raises(NotFittedError):
            call()


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda model: model.sample(3, prompt="xyz"),
            r"sample: characters that are not in the vocabulary: \['x', 'y', 'z'\]",
        ),
        (lambda model: model.bits_per_character("abz"), r"bits_per_character: characters that are not in .*\['z'\]"),
        (
            lambda model: model.bits_per_character("a"),
            "bits_per_character: text expected two characters or more, got 1",
        ),
        (lambda model: model.sample(-1), "sample: length expected >= 0, got -1"),
        (lambda model: model.sample(1, temperature=0), "sample: temperature must be a finite number > 0, got 0"),
        (lambda model: model.sample(1, top_k=0), "sample: top_k must be >= 1, got 0"),
        (lambda model: model.sample(1, unknown="drop"), "sample: unknown expected 'error' or 'skip', got 'drop'"),
        (lambda model: model.sample(1, top_p=1.5), r"sample: top_p must be in \(0, 1\], got 1.5"),
        (lambda model: clone(model).fit(""), "fit: text expected two characters or more, got 0"),
        (lambda model: clone(model).fit(ABC, "abz"), r"fit: characters that are not in the vocabulary: \['z'\]"),
        (
            lambda model: clone(model).set_params(vocabulary=["ab"]).fit(ABC),
            "fit: vocabulary expected single characters, got 'ab'",
        ),
        (
            lambda model: clone(model).set_params(cell="mamba").fit(ABC),
            "The 'cell' parameter of CharLanguageModel must be",
        ),
        (
            lambda model: clone(model).set_params(vocabulary="ab").fit(ABC),
            "fit: characters that are not in the vocabulary",
        ),
    ],
)
def test_wrong_values(abc, call, message):
    with pytest.raises(ValueError, match=message):
        call(abc)


def test_wrong_types(abc):
    with pytest.raises(TypeError, match=r"CharLanguageModel\.fit: text expected a string, got list"):
        clone(abc).fit(["a", "b"])
    with pytest.raises(TypeError, match=r"CharLanguageModel\.sample: prompt expected a string, got int"):
        abc.sample(3, prompt=7)
    for options, message in [
        ({"length": 2.5}, "length expected an int, got float"),
        ({"length": "2"}, "length expected an int, got str"),
        ({"temperature": None}, "temperature must be a number, got NoneType"),
        ({"top_k": 1.5}, "top_k must be an int or None, got float"),
        ({"top_p": "all"}, "top_p must be a number or None, got str"),
    ]:
        with pytest.raises(TypeError, match=r"CharLanguageModel\.sample: " + message):
            abc.sample(**{"length": 2, **options})
    with pytest.raises(ValueError, match="'x' cannot be used to seed"):
        abc.sample(2, random_state="x")


def test_characters_beyond_the_first_plane():
    text = "añ😀ß" * 50
    model = _small(max_iter=40, learning_rate_init=0.03).fit(text)
    assert model.vocabulary_ == "".join(sorted("añ😀ß"))
    assert model.sample(4, prompt="añ😀ß", temperature=0.1, random_state=0) == "añ😀ßañ😀ß"
