"""Optimisers and gradient clipping."""

import math

import numpy as np
import pytest

from goldfish import nn

OPTIMIZERS = [
    lambda: nn.SGD(0.1),
    lambda: nn.SGD(0.1, momentum=0.9, weight_decay=0.01),
    lambda: nn.SGD(0.1, momentum=0.9, nesterov=True),
    lambda: nn.Adam(0.1),
    lambda: nn.Adam(0.1, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1),
    lambda: nn.AdamW(0.1, weight_decay=0.1),
    lambda: nn.RMSprop(0.1, alpha=0.9, eps=1e-3, weight_decay=0.1),
    lambda: nn.RMSprop(0.1, alpha=0.9, momentum=0.5),
    lambda: nn.Adagrad(0.1, eps=1e-3, weight_decay=0.1),
]


def _step(model, optimizer, gradient):
    model.zero_grad()
    model.accumulate("weight", np.full_like(model.params["weight"], gradient))
    optimizer.step(model)


def _by_the_book(optimizer, parameter, gradients):
    """The equations of the docstrings, in plain NumPy."""
    velocity = first = second = 0.0
    for step, gradient in enumerate(gradients, 1):
        if isinstance(optimizer, nn.AdamW):
            parameter, d = parameter * (1 - optimizer.lr * optimizer.weight_decay), gradient
        else:
            d = gradient + optimizer.weight_decay * parameter
        if isinstance(optimizer, nn.SGD):
            velocity = optimizer.momentum * velocity + d
            parameter = parameter - optimizer.lr * (
                d + optimizer.momentum * velocity if optimizer.nesterov else velocity
            )
        elif isinstance(optimizer, nn.RMSprop):
            second = optimizer.alpha * second + (1 - optimizer.alpha) * d * d
            velocity = optimizer.momentum * velocity + d / (np.sqrt(second) + optimizer.eps)
            parameter = parameter - optimizer.lr * velocity
        elif isinstance(optimizer, nn.Adagrad):
            second = second + d * d
            parameter = parameter - optimizer.lr * d / (np.sqrt(second) + optimizer.eps)
        else:
            one, two = optimizer.betas
            first, second = one * first + (1 - one) * d, two * second + (1 - two) * d * d
            corrected = np.sqrt(second / (1 - two**step)) + optimizer.eps
            parameter = parameter - optimizer.lr / (1 - one**step) * first / corrected
    return parameter


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_follow_the_equations(make, dtype):
    model, optimizer = nn.Linear(3, 50, bias=False, dtype=dtype, rng=0), make()
    start, gradients = model.params["weight"].astype(np.float64), [0.5, -0.2, 0.1, 2.0]
    for gradient in gradients:
        _step(model, optimizer, gradient)
    expected = _by_the_book(optimizer, start, gradients)
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(model.params["weight"], expected, rtol=tolerance, atol=tolerance / 10)
    assert optimizer.steps == 4


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_state_dict_continues_to_the_same_bits(make):
    first, second = (nn.Linear(3, 5, bias=False, rng=0) for _ in range(2))
    optimizer, other = make(), make()
    for gradient in (0.5, -0.2):
        _step(first, optimizer, gradient)
    other.load_state_dict(optimizer.state_dict())
    second.load_state_dict(first.state_dict())
    for gradient in (1.0, 0.3):
        _step(first, optimizer, gradient)
        _step(second, other, gradient)
    assert np.array_equal(first.params["weight"], second.params["weight"])
    assert other.steps == 4


def test_the_learning_rate_is_a_function_of_the_step():
    seen = []
    optimizer = nn.SGD(lambda step: seen.append(step) or 0.5**step)
    model = nn.Linear(1, 1, bias=False, rng=0)
    start = model.params["weight"].copy()
    for _ in range(3):
        _step(model, optimizer, 1.0)
    assert seen == [0, 1, 2]
    np.testing.assert_allclose(start - model.params["weight"], 1.75, rtol=1e-6)


def test_parameters_without_a_gradient_are_left_alone():
    model, optimizer = nn.Linear(3, 2, rng=0), nn.Adam(0.1, weight_decay=0.5)
    bias = model.params["bias"].copy()
    _step(model, optimizer, 1.0)
    assert np.array_equal(model.params["bias"], bias)
    assert list(optimizer.state_dict()["state"]) == ["weight"]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nn.SGD(-0.1), "SGD: lr expected a finite number >= 0, got -0.1"),
        (lambda: nn.SGD(0.1, nesterov=True), "SGD: nesterov needs momentum > 0, got 0"),
        (lambda: nn.Adam(betas=(0.9, 1.0)), r"Adam: betas expected two numbers in \[0, 1\), got \(0.9, 1.0\)"),
        (lambda: nn.Adam(weight_decay=math.nan), "Adam: weight_decay expected a finite number >= 0, got nan"),
        (lambda: nn.Adam(lambda step: math.inf).step(nn.ReLU()), "Adam: lr expected a finite number >= 0, got inf"),
        (lambda: nn.Adam().load_state_dict({}), r"Adam.load_state_dict: expected keys \['steps', 'state'\], got \[\]"),
        (lambda: nn.clip_grad_norm(nn.ReLU(), 0), "clip_grad_norm: max_norm expected > 0, got 0"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("shape", [(3, 4), (70, 130), (1, 4096)])
def test_clip_grad_norm(shape):
    model = nn.Sequential(nn.Linear(shape[1], shape[0], rng=0), nn.Linear(2, 2))
    rng = np.random.default_rng(0)
    gradients = {
        name: rng.standard_normal(model[0].params[name].shape).astype(np.float32) for name in ("weight", "bias")
    }
    for name, gradient in gradients.items():
        model[0].accumulate(name, gradient.copy())
    norm = math.sqrt(sum(float(np.sum(np.square(gradient, dtype=np.float64))) for gradient in gradients.values()))
    assert nn.clip_grad_norm(model, 2 * norm) == pytest.approx(norm, rel=1e-6)
    assert np.array_equal(model[0].grads["weight"], gradients["weight"])
    assert nn.clip_grad_norm(model, norm / 4) == pytest.approx(norm, rel=1e-6)
    np.testing.assert_allclose(model[0].grads["bias"], gradients["bias"] / 4, rtol=1e-5)
    assert nn.clip_grad_norm(model, norm) == pytest.approx(norm / 4, rel=1e-5)


def test_clip_grad_norm_of_huge_gradients_does_not_overflow():
    layer = nn.Linear(100, 100)
    layer.accumulate("weight", np.full((100, 100), 1e30, np.float32))
    assert nn.clip_grad_norm(layer, 1.0) == pytest.approx(1e32, rel=1e-5)
    assert np.isfinite(layer.grads["weight"]).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_clip_grad_norm_names_a_gradient_that_is_not_finite(bad):
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    model[0].accumulate("weight", np.ones((2, 3), np.float32))
    model[1].accumulate("bias", np.array([1, bad], np.float32))
    with pytest.raises(nn.NonFiniteError, match=r"the gradient of '1\.bias' has the norm"):
        nn.clip_grad_norm(model, 0.1)
    assert (model[0].grads["weight"] == 1).all()


@pytest.mark.parametrize("make", [nn.AdamW, nn.RMSprop, nn.Adagrad, lambda: nn.RMSprop(momentum=0.9)])
def test_kept_state_continues_to_the_same_bits(make):
    first, second = (nn.Linear(3, 5, bias=False, rng=0) for _ in range(2))
    optimizer, other = make(), make()
    for gradient in (0.5, -0.2):
        _step(first, optimizer, gradient)
        _step(second, other, gradient)
    again = make()
    again.load_state_dict(other.state_dict())
    _step(first, optimizer, 0.7)
    _step(second, again, 0.7)
    assert np.array_equal(first.params["weight"], second.params["weight"])
    assert first.params["weight"].dtype == np.float32


def test_schedules_drive_an_optimizer():
    rates = []
    schedule = nn.warmup(nn.cosine(1.0, 10, minimum=0.1), 3)
    model, optimizer = (
        nn.Linear(1, 1, bias=False, rng=0),
        nn.SGD(lambda step: rates.append(schedule(step)) or rates[-1]),
    )
    for _ in range(12):
        _step(model, optimizer, 0.0)
    assert rates[0] == pytest.approx(1 / 3)
    assert max(rates) == pytest.approx(schedule(2))
    assert rates[10:] == pytest.approx([0.1, 0.1])
    assert [nn.step_decay(0.8, 2, factor=0.5)(step) for step in range(5)] == [0.8, 0.8, 0.4, 0.4, 0.2]
    for wrong in (lambda: nn.cosine(-1.0, 5), lambda: nn.warmup(0.1, 0), lambda: nn.step_decay(0.1, 0)):
        with pytest.raises(ValueError, match="expected a finite number"):
            wrong()


def test_clip_grad_value():
    model = nn.Linear(1, 3, bias=False, dtype="float64", rng=0)
    model.zero_grad()
    model.accumulate("weight", np.array([[-7.0], [0.5], [np.nan]]))
    nn.clip_grad_value(model, 2.0)
    np.testing.assert_array_equal(model.grads["weight"], [[-2.0], [0.5], [np.nan]])
    with pytest.raises(ValueError, match="clip_value expected > 0, got 0"):
        nn.clip_grad_value(model, 0)
