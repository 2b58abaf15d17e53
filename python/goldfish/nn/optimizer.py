"""Optimisers: one fused pass over each parameter, in place."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from goldfish.functional.optimiser import adagrad_step, adam_step, adamw_step, rmsprop_step, sgd_step
from goldfish.nn.layer import Array, Layer, trainable_parameters

LearningRate = float | Callable[[int], float]


class Optimizer(ABC):
    """Changes the parameters of a model along their gradients.

    Frozen parameters, and those that no backward pass has reached since `Layer.zero_grad`, are left alone.

    Attributes
    ----------
    lr : float or callable
        The learning rate, or a function of the step, which counts from 0.
    steps : int
        Steps taken.
    state : dict
        What is kept between steps, by the names of the parameters.
    """

    def __init__(self, lr: LearningRate, weight_decay: float) -> None:
        self.lr, self.weight_decay = lr, weight_decay
        self.steps = 0
        self.state: dict[str, dict[str, Any]] = {}
        _expect(self, "lr", 0.0 if callable(lr) else lr)
        _expect(self, "weight_decay", weight_decay)

    def step(self, model: Layer) -> None:
        """Take one step."""
        lr = float(self.lr(self.steps)) if callable(self.lr) else self.lr
        _expect(self, "lr", lr)
        for name, parameter, gradient in trainable_parameters(model):
            self._update(parameter, gradient, self.state.setdefault(name, {}), lr)
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        """``{"steps": int, "state": {parameter: {name: array or int}}}``; the arrays themselves, no copies."""
        return {"steps": self.steps, "state": {name: dict(kept) for name, kept in self.state.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over copies of what `state_dict` returned.

        Raises
        ------
        ValueError
            If the keys are others.
        """
        if set(state) != {"steps", "state"}:
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: expected keys ['steps', 'state'], got {list(state)}"
            )
        self.steps = int(state["steps"])
        self.state = {
            name: {key: np.array(value) if isinstance(value, np.ndarray) else value for key, value in kept.items()}
            for name, kept in state["state"].items()
        }

    @abstractmethod
    def _update(self, parameter: Array, gradient: Array, kept: dict[str, Any], lr: float) -> None: ...


class SGD(Optimizer):
    """Stochastic gradient descent with ``torch.optim.SGD``'s equations.

    Parameters
    ----------
    lr : float or callable
        The learning rate, or a function of the step.
    momentum : float
        Part of the velocity that is kept; 0 keeps none.
    nesterov : bool
        Whether to look ahead along the velocity.
    weight_decay : float
        Added to the gradient times the parameter.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> model, optimizer = nn.Linear(2, 1, rng=0), nn.SGD(0.1, momentum=0.9)
    >>> y, backward = model.forward(np.ones((1, 2), np.float32))
    >>> before = model.params["bias"][0]
    >>> dx = backward(np.ones((1, 1), np.float32))
    >>> optimizer.step(model)
    >>> round(float(before - model.params["bias"][0]), 6)
    0.1
    """

    def __init__(
        self, lr: LearningRate = 0.01, *, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0
    ) -> None:
        super().__init__(lr, weight_decay)
        _expect(self, "momentum", momentum)
        if nesterov and not momentum:
            raise ValueError("SGD: nesterov needs momentum > 0, got 0")
        self.momentum, self.nesterov = momentum, nesterov

    def _update(self, parameter: Array, gradient: Array, kept: dict[str, Any], lr: float) -> None:
        if self.momentum and not kept:
            kept["velocity"] = np.zeros_like(parameter)
        sgd_step(
            parameter,
            gradient,
            kept.get("velocity"),
            lr=lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
        )


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015) with ``torch.optim.Adam``'s equations.

    Parameters
    ----------
    lr : float or callable
        The learning rate, or a function of the step.
    betas : pair of float
        Decay of the means of the gradient and of its square, each in [0, 1).
    eps : float
        Added to the denominator.
    weight_decay : float
        Added to the gradient times the parameter.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> model, optimizer = nn.Linear(2, 1, rng=0), nn.Adam(lambda step: 0.1 / (1 + step))
    >>> y, backward = model.forward(np.ones((1, 2), np.float32))
    >>> before = model.params["bias"][0]
    >>> dx = backward(np.ones((1, 1), np.float32))
    >>> optimizer.step(model)
    >>> round(float(before - model.params["bias"][0]), 4)
    0.1
    """

    _advance: ClassVar[Callable[..., None]] = staticmethod(adam_step)

    def __init__(
        self,
        lr: LearningRate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(lr, weight_decay)
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"Adam: betas expected two numbers in [0, 1), got {betas}")
        _expect(self, "eps", eps)
        self.betas, self.eps = betas, eps

    def _update(self, parameter: Array, gradient: Array, kept: dict[str, Any], lr: float) -> None:
        if not kept:
            kept.update(step=0, first_moment=np.zeros_like(parameter), second_moment=np.zeros_like(parameter))
        self._advance(
            parameter,
            gradient,
            kept["first_moment"],
            kept["second_moment"],
            lr=lr,
            beta1=self.betas[0],
            beta2=self.betas[1],
            eps=self.eps,
            weight_decay=self.weight_decay,
            step=kept["step"] + 1,
        )
        kept["step"] += 1


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters directly (Loshchilov and Hutter 2019), as ``torch.optim.AdamW``.

    Parameters
    ----------
    lr, betas, eps
        As in `Adam`.
    weight_decay : float
        Each step multiplies the parameters by 1 - lr * weight_decay before Adam's own step.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> model, optimizer = nn.Linear(1, 1, bias=False, rng=0), nn.AdamW(0.1, weight_decay=0.5)
    >>> model.params["weight"][...] = 1
    >>> y, backward = model.forward(np.ones((1, 1), np.float32))
    >>> dx = backward(np.ones((1, 1), np.float32))
    >>> optimizer.step(model)
    >>> round(float(model.params["weight"][0, 0]), 4)  # 1 * (1 - 0.1 * 0.5) - 0.1
    0.85
    """

    _advance = staticmethod(adamw_step)

    def __init__(
        self,
        lr: LearningRate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(lr, betas=betas, eps=eps, weight_decay=weight_decay)


class RMSprop(Optimizer):
    """Gradients divided by the root of a moving mean of their squares, with ``torch.optim.RMSprop``'s equations.

    ::

        mean_square = alpha * mean_square + (1 - alpha) * d^2,  d = grad + weight_decay * parameter
        velocity = momentum * velocity + d / (sqrt(mean_square) + eps)
        parameter -= lr * velocity

    Parameters
    ----------
    lr : float or callable
        The learning rate, or a function of the step.
    alpha : float
        Decay of the mean of the square, in [0, 1).
    eps : float
        Added to the denominator.
    weight_decay, momentum : float
        As in `SGD`.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> model, optimizer = nn.Linear(2, 1, rng=0), nn.RMSprop(0.1, alpha=0.75)
    >>> y, backward = model.forward(np.ones((1, 2), np.float32))
    >>> before = model.params["bias"][0]
    >>> dx = backward(np.ones((1, 1), np.float32))
    >>> optimizer.step(model)
    >>> round(float(before - model.params["bias"][0]), 4)  # 0.1 / sqrt(0.25)
    0.2
    """

    def __init__(
        self,
        lr: LearningRate = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        super().__init__(lr, weight_decay)
        if not 0 <= alpha < 1:
            raise ValueError(f"RMSprop: alpha expected a number in [0, 1), got {alpha}")
        _expect(self, "eps", eps)
        _expect(self, "momentum", momentum)
        self.alpha, self.eps, self.momentum = alpha, eps, momentum

    def _update(self, parameter: Array, gradient: Array, kept: dict[str, Any], lr: float) -> None:
        if not kept:
            kept["mean_square"] = np.zeros_like(parameter)
            if self.momentum:
                kept["velocity"] = np.zeros_like(parameter)
        rmsprop_step(
            parameter,
            gradient,
            kept["mean_square"],
            kept.get("velocity"),
            lr=lr,
            alpha=self.alpha,
            eps=self.eps,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
        )


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of their squares so far, with ``torch.optim.Adagrad``'s equations.

    ::

        square_sum += d^2,  d = grad + weight_decay * parameter
        parameter -= lr * d / (sqrt(square_sum) + eps)

    Duchi, Hazan and Singer, JMLR 12 (2011), section 1.1.

    Parameters
    ----------
    lr : float or callable
        The learning rate, or a function of the step.
    eps : float
        Added to the denominator.
    weight_decay : float
        Added to the gradient times the parameter.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> model, optimizer = nn.Linear(2, 1, rng=0), nn.Adagrad(0.1)
    >>> y, backward = model.forward(np.ones((1, 2), np.float32))
    >>> before = model.params["bias"][0]
    >>> dx = backward(np.full((1, 1), 4, np.float32))
    >>> optimizer.step(model)
    >>> round(float(before - model.params["bias"][0]), 4)
    0.1
    """

    def __init__(self, lr: LearningRate = 0.01, *, eps: float = 1e-10, weight_decay: float = 0.0) -> None:
        super().__init__(lr, weight_decay)
        _expect(self, "eps", eps)
        self.eps = eps

    def _update(self, parameter: Array, gradient: Array, kept: dict[str, Any], lr: float) -> None:
        if not kept:
            kept["square_sum"] = np.zeros_like(parameter)
        adagrad_step(parameter, gradient, kept["square_sum"], lr=lr, eps=self.eps, weight_decay=self.weight_decay)


def _expect(optimizer: Optimizer, name: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(f"{type(optimizer).__name__}: {name} expected a finite number >= 0, got {value}")
