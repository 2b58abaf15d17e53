"""Losses: values, gradients, weights."""

import numpy as np
import pytest

from goldfish import nn
from gradcheck import central_differences

RNG = np.random.default_rng(0)
LOGITS, CLASSES = RNG.standard_normal((6, 4)), np.array([0, 3, 1, 1, 2, 0])
SEQUENCE, STEPS = RNG.standard_normal((3, 5, 4)), RNG.integers(0, 4, (3, 5))
WEIGHT = np.array([1.0, 0.0, 2.0, 0.5, 3.0, 1.0])
CLASS_WEIGHT = np.array([1.0, 2.0, 0.5, 3.0])
STEPS_WITH_GAPS = np.where(RNG.random((3, 5)) < 0.3, -1, STEPS)


def _check(loss, prediction, target, weight=None, dvalue=None):
    value, backward = loss.forward(prediction, target, weight)
    slope = np.ones_like(value) if dvalue is None else dvalue
    found = backward() if dvalue is None else backward(dvalue)
    expected = central_differences(
        lambda probe: float(np.sum(slope * loss.forward(probe, target, weight)[0])), prediction
    )
    assert found.shape == prediction.shape
    np.testing.assert_allclose(found, expected, atol=1e-8)
    np.testing.assert_allclose(loss(prediction, target, weight), value)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_gradients(reduction, weight):
    _check(nn.CrossEntropyLoss(reduction=reduction), LOGITS, CLASSES, weight)
    _check(nn.CrossEntropyLoss(CLASS_WEIGHT, label_smoothing=0.1, reduction=reduction), LOGITS, CLASSES, weight)
    _check(nn.CrossEntropyLoss(reduction=reduction), LOGITS, np.abs(LOGITS) / np.abs(LOGITS).sum(1)[:, None], weight)
    _check(nn.MSELoss(reduction=reduction), LOGITS, LOGITS[::-1].copy(), weight)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("weight", [None, WEIGHT[:3], RNG.random((3, 5))])
@pytest.mark.parametrize("memory", ["batch", "time"])
def test_gradients_over_sequences(memory, weight, reduction):
    prediction = SEQUENCE if memory == "batch" else SEQUENCE.swapaxes(0, 1).copy().swapaxes(0, 1)
    _check(nn.CrossEntropyLoss(axis=-1, ignore_index=-1, reduction=reduction), prediction, STEPS_WITH_GAPS, weight)


def test_gradients_scale():
    _check(nn.CrossEntropyLoss(), LOGITS, CLASSES, dvalue=np.float64(3.0))
    _check(nn.CrossEntropyLoss(reduction="none"), LOGITS, CLASSES, WEIGHT, dvalue=RNG.random(6))


def test_the_order_of_memory_does_not_matter():
    loss = nn.CrossEntropyLoss(axis=-1)
    value, backward = loss.forward(SEQUENCE, STEPS)
    turned = SEQUENCE.swapaxes(0, 1).copy().swapaxes(0, 1)
    value_turned, backward_turned = loss.forward(turned, STEPS)
    gradient = backward_turned()
    np.testing.assert_allclose(value_turned, value, rtol=1e-12)
    np.testing.assert_allclose(gradient, backward(), rtol=1e-12)
    assert gradient.swapaxes(0, 1).flags.c_contiguous


def test_weights_are_repetitions():
    """A sample of weight 2 counts as two samples, one of weight 0 not at all."""
    counts = np.array([1, 0, 2, 1, 3, 1])
    rows = np.repeat(np.arange(6), counts)
    for loss in (nn.CrossEntropyLoss(CLASS_WEIGHT), nn.MSELoss()):
        target = CLASSES if isinstance(loss, nn.CrossEntropyLoss) else LOGITS[::-1]
        weighted = loss(LOGITS, target, counts)
        np.testing.assert_allclose(weighted, loss(LOGITS[rows], target[rows]), rtol=1e-12)


def test_equal_weights_change_nothing():
    for target in (CLASSES, np.abs(LOGITS) / np.abs(LOGITS).sum(1)[:, None]):
        loss = nn.CrossEntropyLoss()
        np.testing.assert_allclose(loss(LOGITS, target, np.full(6, 2.5)), loss(LOGITS, target), rtol=1e-12)


def test_float32_stays():
    value, backward = nn.CrossEntropyLoss(CLASS_WEIGHT).forward(LOGITS.astype(np.float32), CLASSES, WEIGHT)
    assert value.dtype == backward().dtype == np.float32


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nn.MSELoss(reduction="max"), "MSELoss: reduction expected 'mean', 'sum' or 'none', got 'max'"),
        (
            lambda: nn.MSELoss()(LOGITS, LOGITS, np.ones(5)),
            r"MSELoss: sample_weight expected shape \(6,\) or \(6, 4\), got \(5,\)",
        ),
        (
            lambda: nn.CrossEntropyLoss()(LOGITS, CLASSES, np.zeros(6)),
            "CrossEntropyLoss: the sum of sample_weight expected > 0, got 0.0",
        ),
        (lambda: nn.CrossEntropyLoss()(LOGITS, CLASSES[:4]), "cross_entropy"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
