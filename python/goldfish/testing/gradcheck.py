"""Gradients against central differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldfish._typing import Rng
from goldfish.nn.layer import Layer, walk

Array = NDArray[Any]


class GradientError(AssertionError):
    """A gradient is wrong, missing, or of the wrong shape."""


class GradcheckReport(NamedTuple):
    """What `gradcheck` found.

    Attributes
    ----------
    errors : dict of str to float
        For each argument, the largest difference over the largest derivative, or over 1 if that is smaller.
    worst : float
        The largest of them.
    """

    errors: dict[str, float]
    worst: float


def central_differences(function: Callable[[Array], float], x: ArrayLike, step: float = 1e-3) -> Array:
    """The derivative of a scalar function with respect to every element of x, by differences.

    The five-point rule (8 (f(x + h) - f(x - h)) - (f(x + 2 h) - f(x - 2 h))) / (12 h), whose error is of the order h^4
    (Abramowitz and Stegun 1964, 25.3.6).

    Parameters
    ----------
    function : callable
        ``function(x) -> float`` for arrays shaped like x; called four times for each element.
    x : array_like
        Where; float64.
    step : float
        h.

    Returns
    -------
    ndarray
        Of the shape of x.

    Raises
    ------
    ValueError
        If the step is not greater than 0.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.testing import central_differences
    >>> central_differences(lambda x: float((x**3).sum()), np.array([1.0, 2.0])).round(9).tolist()
    [3.0, 12.0]
    """
    if not 0 < step < math.inf:
        raise ValueError(f"central_differences: step expected a finite number > 0, got {step}")
    centre = np.array(x, np.float64)
    gradient, probe = np.zeros_like(centre), centre.copy()

    def at(index: tuple[int, ...], offset: float) -> float:
        probe[index] = centre[index] + offset
        value = float(function(probe))
        probe[index] = centre[index]
        return value

    for index in np.ndindex(*centre.shape):
        near = at(index, step) - at(index, -step)
        far = at(index, 2 * step) - at(index, -2 * step)
        gradient[index] = (8 * near - far) / (12 * step)
    return gradient


def gradcheck(
    function: Layer | Callable[..., tuple[Any, Callable[[Any], Any]]],
    *arrays: ArrayLike,
    state: Any = None,
    lengths: ArrayLike | None = None,
    step: float = 1e-3,
    tolerance: float = 1e-6,
    rng: Rng = 0,
) -> GradcheckReport:
    """Compare every gradient of a layer or function with central differences, in float64.

    For a random slope dy, the backward pass must give the derivatives of sum(dy * y).

    Parameters
    ----------
    function : Layer or callable
        A layer with float64 parameters: its input, parameters, and initial and final states are checked. Or a callable
        ``function(*arrays) -> (y, backward)``, where ``backward(dy)`` returns the gradient of each array in order, as a
        tuple or, for a single array, by itself; None where there is none to check.
    *arrays : array_like of float64 or integers
        Where to check; a layer takes one. Integers have no gradient. Keep away from kinks: a difference across one is
        no derivative.
    state : optional
        The initial state of a recurrent layer; its gradient is checked too.
    lengths : array_like, optional
        Passed on to a layer.
    step : float
        Of the differences.
    tolerance : float
        What the largest difference may be, over the largest derivative or 1.
    rng : int, Generator or None
        Source of dy, and the seed of a layer's dropout.

    Returns
    -------
    GradcheckReport
        The error of each argument: "x", "state" and the names of the parameters for a layer, else "0", "1", ...

    Raises
    ------
    GradientError
        If a gradient is off by more than the tolerance, missing, or of another shape; the message names it and the
        place of the largest difference.
    TypeError
        If a floating array or parameter is not float64, in which differences drown in rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.testing import gradcheck
    >>> def square(x):
    ...     return x * x, lambda dy: 2 * x * dy
    >>> gradcheck(square, np.array([1.0, -2.0])).worst < 1e-9
    True
    >>> gradcheck(lambda x: (x * x, lambda dy: x * dy), np.array([1.0, -2.0]))
    Traceback (most recent call last):
    goldfish.testing.gradcheck.GradientError: gradcheck: the gradient of 0 is off by ...
    """
    rng = np.random.default_rng(rng)
    given = [_checked(array, str(i)) for i, array in enumerate(arrays)]
    if isinstance(function, Layer):
        if len(given) != 1:
            raise ValueError(f"gradcheck: a layer expected one array, got {len(given)}")
        problem: _Problem = _of_layer(function, given[0], state, lengths, int(rng.integers(2**31)), rng)
    else:
        problem = _of_function(function, given, rng)
    errors = {}
    for name, (array, found, value) in problem.items():
        expected = central_differences(value, array, step)
        errors[name] = _error(name, found, expected, tolerance)
    return GradcheckReport(errors, max(errors.values(), default=0.0))


# By name: the argument, its gradient, and the scalar as a function of the argument.
_Problem = dict[str, tuple[Array, Any, Callable[[Array], float]]]


def _of_function(function: Callable[..., Any], arrays: list[Array], rng: np.random.Generator) -> _Problem:
    y, backward = function(*arrays)
    dy = rng.standard_normal(np.shape(y))
    found = backward(dy)
    gradients = found if isinstance(found, tuple) else (found,)
    if len(gradients) != len(arrays):
        raise GradientError(f"gradcheck: backward expected to return {len(arrays)} gradients, got {len(gradients)}")

    def at(place: int) -> Callable[[Array], float]:
        return lambda probe: float(np.sum(dy * function(*arrays[:place], probe, *arrays[place + 1 :])[0]))

    return {
        str(i): (array, gradient, at(i))
        for i, (array, gradient) in enumerate(zip(arrays, gradients, strict=True))
        if array.dtype.kind == "f" and gradient is not None
    }


def _of_layer(layer: Layer, x: Array, state: Any, lengths: Any, seed: int, rng: np.random.Generator) -> _Problem:
    buffers = {prefix + name: value.copy() for prefix, part in walk(layer) for name, value in part.buffers.items()}

    def run(x: Array, state: Any) -> tuple[Any, list[Array], Any]:
        options: dict[str, Any] = {"lengths": lengths, "rng": seed}
        if layer.stateful:
            y, state_n, backward = layer.forward(x, state, return_state=True, **options)
        else:
            (y, backward), state_n = layer.forward(x, **options), None
        for prefix, part in walk(layer):
            for name, value in part.buffers.items():
                np.copyto(value, buffers[prefix + name])
        return y, _parts(state_n), (backward, state_n)

    for name, parameter in layer.parameters().items():
        _checked(parameter, name)
    layer.zero_grad()
    y, finals, (backward, state_n) = run(x, state)
    dy = rng.standard_normal(y.shape)
    slopes = [rng.standard_normal(final.shape) for final in finals]
    dx, dstate = backward(dy, _like(state_n, iter(slopes))) if layer.stateful else (backward(dy), None)

    def value(x: Array, state: Any) -> float:
        y, finals, _ = run(x, state)
        return float(np.sum(dy * y)) + sum(float(np.sum(d * f)) for d, f in zip(slopes, finals, strict=True))

    problem: _Problem = {}
    if x.dtype.kind == "f":
        problem["x"] = x, dx, lambda probe: value(probe, state)
    starts = [_checked(part, "state") for part in _parts(state)]
    for i, (start, found) in enumerate(zip(starts, _parts(dstate) if starts else [], strict=True)):
        name = "state" if len(starts) == 1 else f"state {i}"
        others = starts[:i], starts[i + 1 :]
        problem[name] = (
            start,
            found,
            _at_state(value, x, state, others),
        )
    for prefix, part in walk(layer):
        for name, parameter in part.params.items() if not part.frozen else ():
            problem[prefix + name] = parameter, part.grads[name], _with(parameter, lambda: value(x, state))
    return problem


def _at_state(
    value: Callable[[Array, Any], float], x: Array, state: Any, others: tuple[list[Array], list[Array]]
) -> Callable[[Array], float]:
    return lambda probe: value(x, _like(state, iter([*others[0], probe, *others[1]])))


def _with(parameter: Array, value: Callable[[], float]) -> Callable[[Array], float]:
    """The scalar as a function of a parameter, which is put back."""

    def at(probe: Array) -> float:
        kept = parameter.copy()
        parameter[...] = probe
        try:
            return value()
        finally:
            parameter[...] = kept

    return at


def _parts(state: Any) -> list[Any]:
    """The arrays of a state, in order."""
    if state is None:
        return []
    if isinstance(state, Mapping):
        return [part for value in state.values() for part in _parts(value)]
    return list(state) if isinstance(state, tuple) else [state]


def _like(state: Any, arrays: Any) -> Any:
    """A state built as another one, of other arrays."""
    if isinstance(state, Mapping):
        return {name: _like(value, arrays) for name, value in state.items()}
    if isinstance(state, tuple):
        return tuple(next(arrays) for _ in state)
    return None if state is None else next(arrays)


def _checked(array: ArrayLike, name: str) -> Array:
    found = np.asarray(array)
    if found.dtype.kind == "f" and found.dtype != np.float64:
        raise TypeError(f"gradcheck: {name} expected float64, got {found.dtype}")
    return found


def _error(name: str, found: Any, expected: Array, tolerance: float) -> float:
    if found is None:
        raise GradientError(f"gradcheck: the gradient of {name} is None")
    if np.shape(found) != expected.shape:
        raise GradientError(f"gradcheck: the gradient of {name} expected shape {expected.shape}, got {np.shape(found)}")
    difference = np.abs(np.asarray(found) - expected)
    if not difference.size:
        return 0.0
    worst = float(np.max(difference)) / max(1.0, float(np.max(np.abs(expected))))
    if not worst <= tolerance:
        place: Sequence[Any] = tuple(int(i) for i in np.unravel_index(np.argmax(difference), expected.shape))
        got = float(np.asarray(found)[tuple(place)])
        raise GradientError(
            f"gradcheck: the gradient of {name} is off by {worst:.1e} at {place}: got {got:.6g}, "
            f"differences give {float(expected[tuple(place)]):.6g}"
        )
    return worst
