"""A character language model on the help texts of Python, beside a 5-gram counted on the same text."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from goldfish.cli.demo.ngram import NGram
from goldfish.cli.demo.text import Corpus, load_corpus
from goldfish.models import CharLanguageModel

_PROMPT = "The "
_TEMPERATURE = 0.7


@dataclass(frozen=True)
class Language:
    """What the training led to. All bits are per character of the test text, which no model has seen.

    Attributes
    ----------
    train_characters, test_characters, alphabet, parameters, hidden_size, epochs, truncate : int
        Sizes; ``truncate`` is the length of the windows that gradients flow through.
    lstm_bits, ngram_bits, unigram_bits, uniform_bits : float
        Of the network, the smoothed 5-gram, single characters by frequency, and the bare alphabet.
    seconds, ngram_seconds : float
        Time of the network's ``fit`` and of counting the 5-gram.
    loss, validation : list of float
        Bits per character after each epoch: on the training text (a mean over the epoch) and on the validation text.
    ngram_validation_bits : float
        The 5-gram on the validation text.
    temperature : float
        Of both samples.
    sample, ngram_sample : str
        Text drawn from the network and from the 5-gram; both begin with the same prompt.
    """

    train_characters: int
    test_characters: int
    alphabet: int
    parameters: int
    hidden_size: int
    epochs: int
    truncate: int
    lstm_bits: float
    ngram_bits: float
    unigram_bits: float
    uniform_bits: float
    seconds: float
    ngram_seconds: float
    loss: list[float]
    validation: list[float]
    ngram_validation_bits: float
    temperature: float
    sample: str
    ngram_sample: str

    def summary(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return asdict(self)


def run(say: Callable[[str], None], *, quick: bool = False) -> Language:
    """Train the network, count the 5-gram, compare them on topics that neither has seen, and sample.

    Parameters
    ----------
    say : callable
        Takes one line of progress.
    quick : bool
        A small network, little text and few epochs.

    Returns
    -------
    Language
        The same for every run on one machine and build, but for the times. The numbers depend on the version of Python,
        whose help texts change.
    """
    corpus = load_corpus(limit=12 if quick else None)
    start = time.perf_counter()
    ngram = NGram(order=5).fit(corpus.train)
    ngram_seconds = time.perf_counter() - start
    model = CharLanguageModel(
        cell="lstm",
        hidden_size=32 if quick else 256,
        num_layers=1,
        dropout=0.3,
        truncate=64,
        batch_size=16,
        clip_norm=5.0,
        warm_start=True,
        verbose=True,
        random_state=0,
    )
    say(f"language: training an LSTM on {len(corpus.train):,} characters of Python's help texts")
    start = time.perf_counter()
    loss, validation = _train(model, corpus, [(1e-2, 2)] if quick else [(4e-3, 11), (8e-4, 3)])
    seconds = time.perf_counter() - start
    length = 100 if quick else 600
    result = Language(
        train_characters=len(corpus.train),
        test_characters=len(corpus.test),
        alphabet=len(ngram.alphabet_),
        parameters=sum(value.size for value in model.model_.parameters().values()),
        hidden_size=model.hidden_size,
        epochs=len(loss),
        truncate=model.truncate,
        lstm_bits=model.bits_per_character(corpus.test),
        ngram_bits=ngram.bits_per_character(corpus.test),
        unigram_bits=NGram(order=1).fit(corpus.train).bits_per_character(corpus.test),
        uniform_bits=math.log2(len(ngram.alphabet_)),
        seconds=seconds,
        ngram_seconds=ngram_seconds,
        loss=loss,
        validation=validation,
        ngram_validation_bits=ngram.bits_per_character(corpus.validation),
        temperature=_TEMPERATURE,
        sample=model.sample(length, prompt=_PROMPT, temperature=_TEMPERATURE, random_state=0),
        ngram_sample=ngram.sample(length, prompt=_PROMPT, temperature=_TEMPERATURE, rng=0),
    )
    say(
        f"language: {result.lstm_bits:.3f} bits per character on unseen topics after {seconds:.0f} s, "
        f"the 5-gram {result.ngram_bits:.3f}"
    )
    return result


def _train(
    model: CharLanguageModel, corpus: Corpus, phases: Sequence[tuple[float, int]]
) -> tuple[list[float], list[float]]:
    """Fit in phases of (learning rate, epochs); bits per character of training and validation text after each epoch."""
    loss: list[float] = []
    validation: list[float] = []
    for rate, epochs in phases:
        model.set_params(learning_rate_init=rate, max_iter=epochs)
        model.fit(corpus.train, validation_text=corpus.validation)
        loss += [nats / math.log(2) for nats in model.loss_curve_]
        validation += [-score for score in model.validation_scores_ or ()]
    return loss, validation
