"""The encoder-decoder: gradients of the whole graph, its equations by hand, and writing against enumeration."""

import itertools

import numpy as np
import pytest

from goldfish import nn
from goldfish.models.drawing import draw_each
from goldfish.models.encoder_decoder import Decoder, EncoderDecoder
from goldfish.models.recurrent_input import CELLS
from goldfish.models.writing import Writer, beam_search, penalty, write
from goldfish.nn.layer import walk
from goldfish.testing import gradcheck

SOURCE = {"x": np.array([[0, 1, 3], [2, 0, 0], [0, 0, 0]]), "lengths": np.array([3, 1, 0])}
PREVIOUS = np.array([[4, 1, 0], [4, 3, 3], [4, 0, 0]])


def _model(cell, layers, **options):
    encoder = nn.Sequential(
        nn.Embedding(5, 3, padding_idx=4, dtype="f8", rng=0),
        CELLS[cell](3, 4, layers, bidirectional=True, output="last", dtype="f8", rng=1),
    )
    return EncoderDecoder(encoder, Decoder(4, 8, cell, 5, layers, 3, dtype="f8", rng=2, **options))


def _gradients(model):
    return {prefix + name: layer.grads[name] for prefix, layer in walk(model) for name in layer.params}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers, dropout", [(1, 0.0), (2, 0.4)])
def test_every_gradient_of_the_whole_graph(cell, layers, dropout):
    """Ragged sources, an empty one among them; every parameter of both networks, with dropout's mask held."""
    model = _model(cell, layers, dropout=dropout)
    parameters = model.parameters()

    def run(*values):
        for parameter, value in zip(parameters.values(), values, strict=True):
            parameter[...] = value
        model.zero_grad()
        logits, backward = model.forward({**SOURCE, "previous": PREVIOUS}, rng=7)

        def gradients(dlogits):
            backward(dlogits, needs_x=False)
            return tuple(np.array(gradient) for gradient in _gradients(model).values())

        return logits, gradients

    assert list(_gradients(model)) == list(parameters)
    report = gradcheck(run, *(value.copy() for value in parameters.values()), tolerance=1e-8)
    assert len(report.errors) == len(parameters)


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_of_a_vector(cell):
    """One-to-many: the gradient of what the encoder read."""
    encoder = nn.Sequential(nn.Linear(5, 6, dtype="f8", rng=0), nn.Tanh())
    model = EncoderDecoder(encoder, Decoder(4, 6, cell, 5, 2, 3, dtype="f8", rng=2))

    def run(vectors):
        logits, backward = model.forward({"x": vectors, "previous": PREVIOUS})
        return logits, lambda dlogits: backward(dlogits)["x"]

    gradcheck(run, np.random.default_rng(0).standard_normal((3, 5)), tolerance=1e-8)


def test_gradient_of_the_final_state():
    decoder = Decoder(4, 6, "lstm", 5, 2, 3, dtype="f8", rng=2)

    def run(context):
        _, state, backward = decoder.forward({"context": context, "previous": PREVIOUS}, return_state=True)

        def gradients(dstate):
            return backward(None, tuple(dstate))[0]["context"]

        return np.stack(state), gradients

    gradcheck(run, np.random.default_rng(0).standard_normal((3, 6)), tolerance=1e-8)


def test_the_equations_by_hand():
    """s_0 = tanh(V c + b), s_t = tanh(W [e(y_(t-1)); c] + U s_(t-1)), logits = O s_t + d, for Elman's cell."""
    decoder = Decoder(4, 6, "rnn", 5, 1, 3, dtype="f8", rng=2)
    own = decoder.parameters()
    context = np.random.default_rng(0).standard_normal((3, 6))
    logits = decoder({"context": context, "previous": PREVIOUS})
    for row, c in enumerate(context):
        state = np.tanh(own["start.0.weight"] @ c + own["start.0.bias"])
        for step, token in enumerate(PREVIOUS[row]):
            x = np.concatenate([own["embedding.weight"][token], c])
            z = own["recurrent.weight_ih_l0"] @ x + own["recurrent.weight_hh_l0"] @ state
            state = np.tanh(z + own["recurrent.bias_ih_l0"] + own["recurrent.bias_hh_l0"])
            assert np.allclose(logits[row, step], own["head.1.weight"] @ state + own["head.1.bias"], atol=1e-12)


def test_training_and_inference_agree_and_padding_does_not_matter():
    model = _model("gru", 2)
    x = {**SOURCE, "previous": PREVIOUS}
    logits = model(x)
    assert np.array_equal(model.forward(x)[0], logits)
    alone = model({"x": SOURCE["x"][1:2, :1], "previous": PREVIOUS[1:2, :2]})
    assert np.allclose(alone, logits[1:2, :2], atol=1e-12)


@pytest.mark.parametrize("options", [{"state": np.zeros((1, 3, 5))}, {"lengths": [1, 1, 1]}])
def test_states_and_lengths_are_refused_rather_than_ignored(options):
    model, x = _model("gru", 1), {**SOURCE, "previous": PREVIOUS}
    context = {"context": np.zeros((3, 8)), "previous": PREVIOUS}
    for call in (model, model.forward):
        with pytest.raises(ValueError, match=f"EncoderDecoder: expected x alone, got {next(iter(options))} too"):
            call(x, **options)
    for call in (model.decoder, model.decoder.forward):
        with pytest.raises(ValueError, match=f"Decoder: expected x alone, got {next(iter(options))} too"):
            call(context, **options)


def test_frozen_encoders_are_left_alone():
    model = _model("gru", 1)
    model.encoder.freeze()
    model.zero_grad()
    logits, backward = model.forward({**SOURCE, "previous": PREVIOUS})
    assert backward(np.ones_like(logits), needs_x=False) is None
    for name, gradient in _gradients(model).items():
        assert gradient.any() == name.startswith("decoder"), name


def _decoder(seed):
    """Random, with weights large enough that sequences differ much in probability."""
    decoder = Decoder(3, 4, list(CELLS)[seed % 3], 6, 1 + seed % 2, 3, rng=seed)
    for parameter in decoder.parameters().values():
        parameter *= 3
    return decoder, np.random.default_rng(seed).standard_normal((3, 4)).astype(np.float32)


def _log_probability(decoder, context, tokens):
    """Of a sequence and its end, by teacher forcing."""
    logits = decoder({"context": context[None], "previous": np.array([[3, *tokens]])})[0].astype(np.float64)
    log_probability = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return log_probability[np.arange(len(tokens) + 1), [*tokens, 3]].sum()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("exponent", [0.0, 0.7, 1.5])
def test_a_wide_beam_finds_the_best_of_all_sequences(seed, exponent):
    decoder, contexts = _decoder(seed)
    found = beam_search(Writer(decoder, contexts), 4, 3**4, exponent)
    for context, written in zip(contexts, found, strict=True):
        every = [list(tokens) for length in range(5) for tokens in itertools.product(range(3), repeat=length)]
        scores = [_log_probability(decoder, context, tokens) / penalty(len(tokens) + 1, exponent) for tokens in every]
        assert written.tokens == every[int(np.argmax(scores))]
        assert written.score == pytest.approx(max(scores), abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_narrow_beam_by_plain_lists(seed, width):
    """The same search, one hypothesis at a time and without stopping early."""
    decoder, contexts = _decoder(seed)
    found = beam_search(Writer(decoder, contexts), 5, width, 0.6)
    for context, written in zip(contexts, found, strict=True):
        hypotheses, finished = [([], 0.0)], []
        for length in range(6):
            grown = []
            for tokens, total in hypotheses:
                logits = decoder({"context": context[None], "previous": np.array([[3, *tokens]])})[0, -1].astype("f8")
                scores = total + logits - np.log(np.exp(logits).sum())
                finished.append((scores[3] / penalty(length + 1, 0.6), tokens))
                grown += [([*tokens, token], scores[token]) for token in range(3)]
            hypotheses = sorted(grown, key=lambda item: -item[1])[:width]
        best = max(finished, key=lambda item: item[0])
        assert written.tokens == best[1]
        assert written.score == pytest.approx(best[0], abs=1e-5)


def test_a_penalty_of_length_lengthens():
    lengths = []
    for exponent in (0.0, 2.0):
        found = [beam_search(Writer(*_decoder(seed)), 6, 8, exponent) for seed in range(6)]
        lengths.append(sum(len(written.tokens) for batch in found for written in batch))
    assert lengths[0] < lengths[1]


@pytest.mark.parametrize("seed", range(6))
def test_greedy_takes_the_likeliest_token_each_time(seed):
    decoder, contexts = _decoder(seed)
    for context, written in zip(contexts, write(Writer(decoder, contexts), 6), strict=True):
        tokens = []
        while len(tokens) < 6:
            token = int(decoder({"context": context[None], "previous": np.array([[3, *tokens]])})[0, -1].argmax())
            if token == 3:
                break
            tokens.append(token)
        assert written == tokens


def test_drawn_sequences_have_their_probabilities():
    decoder, contexts = _decoder(4)
    many = 4000
    for temperature in (1.0, 2.0):
        drawn = write(Writer(decoder, np.repeat(contexts[:1], many, axis=0)), 1, np.random.default_rng(0), temperature)
        logits = decoder({"context": contexts[:1], "previous": np.array([[3]])})[0, 0].astype("f8") / temperature
        probability = np.exp(logits) / np.exp(logits).sum()
        for token in range(4):
            share = np.mean([tokens == ([] if token == 3 else [token]) for tokens in drawn])
            assert abs(share - probability[token]) < 4 * np.sqrt(probability[token] / many)


def test_draws_of_certain_and_tiny_probabilities():
    scores = np.array([[-np.inf, 0.0, -np.inf], [0.0, -1000.0, -1000.0]])
    for temperature in (1e-9, 1.0):
        assert draw_each(scores, temperature, np.random.default_rng(0)).tolist() == [1, 0]
