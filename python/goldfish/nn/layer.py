"""The abstract layer: named parameters, explicit gradients, PyTorch's state dicts."""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldfish._typing import Rng
from goldfish.nn.prepared import Prepared

if TYPE_CHECKING:
    from goldfish.nn.summary import Summary

Array = NDArray[Any]
State = Any


class Mismatch(NamedTuple):
    """The keys that a state dict and a layer do not share."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Backward:
    """The single-use backward pass of one ``forward`` call.

    Calling it with the gradient of the output adds to the ``grads`` of the layers that took part and returns the
    gradient of the input; after a ``forward`` with ``return_state=True`` it also takes the gradient of the final state
    and returns the pair ``dx, dstate``. Memory kept for it is freed while it runs.

    Parameters
    ----------
    layer : Layer
        The layer that ran forward; errors name it.
    shape : tuple of int or None
        Shape of the output, hence of ``dy``; None for several outputs, whose gradients are passed on as they come.
    run : callable
        ``run(dy, dstate, needs_x) -> (dx, dstate_0)``.
    pair : bool
        Whether to return ``dx, dstate`` instead of ``dx``.
    """

    __slots__ = ("_layer", "_pair", "_run", "_shape")

    def __init__(
        self,
        layer: Layer,
        shape: tuple[int, ...] | None,
        run: Callable[[Array | None, State, bool], tuple[Array | None, State]],
        *,
        pair: bool,
    ) -> None:
        self._layer, self._shape, self._pair = layer, shape, pair
        self._run: Callable[[Array | None, State, bool], tuple[Array | None, State]] | None = run

    def __call__(self, dy: ArrayLike | None, dstate: State = None, *, needs_x: bool = True) -> Any:
        """Run backward once.

        Parameters
        ----------
        dy : array_like or None
            Gradient of the output; None stands for zeros where ``dstate`` is given.
        dstate : optional
            Gradient of the final state, built like the state; None cuts the gradient there.
        needs_x : bool
            False skips the gradient of the input, which is then None.

        Raises
        ------
        RuntimeError
            At the second call.
        ValueError
            If ``dy`` has another shape than the output.
        """
        if self._run is None:
            raise RuntimeError(f"{self._layer!r}: backward has already run; call forward again")
        slope: Any = dy
        if self._shape is not None and dy is not None:
            slope = np.asarray(dy)
            if slope.shape != self._shape:
                raise ValueError(f"{self._layer!r}: backward expected dy of shape {self._shape}, got {slope.shape}")
        run, self._run = self._run, None
        dx, dstate_0 = run(slope, dstate, needs_x)
        return (dx, dstate_0) if self._pair else dx

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self._layer!r}: a backward pass cannot be pickled; pickle the layer")


class Layer(ABC):
    """A differentiable function with named parameters.

    ``layer(x)`` is inference and writes nothing. ``layer.forward(x)`` is training: it returns the output and a
    single-use `Backward` that adds to ``grads``. Recurrent state is passed in and returned, never stored.

    Attributes
    ----------
    params, grads, buffers : dict of str to ndarray
        This layer's own arrays by PyTorch's names; ``grads`` are shaped like ``params``. After `zero_grad` they are
        read-only zeros that cost no memory, until a backward pass arrives.
    children : dict of str to Layer
        The layers inside this one.
    frozen : bool
        A frozen layer gets no gradients and no optimiser touches it.
    stateful : bool
        Whether the layer takes and returns a recurrent state.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import nn
    >>> layer = nn.Linear(3, 2, rng=0)
    >>> y, backward = layer.forward(np.ones((4, 3), np.float32))
    >>> backward(np.ones_like(y)).shape, layer.grads["bias"].tolist()
    ((4, 3), [4.0, 4.0])
    """

    stateful: bool = False

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}
        self.buffers: dict[str, Array] = {}
        self.children: dict[str, Layer] = {}
        self.frozen = False

    @abstractmethod
    def __call__(
        self, x: ArrayLike, state: State = None, *, lengths: ArrayLike | None = None, return_state: bool = False
    ) -> Any:
        """The output ``y``, or ``y, state`` with ``return_state``."""

    @abstractmethod
    def forward(
        self,
        x: ArrayLike,
        state: State = None,
        *,
        lengths: ArrayLike | None = None,
        return_state: bool = False,
        rng: Rng = None,
    ) -> tuple[Any, ...]:
        """``(y, backward)``, or ``(y, state, backward)`` with ``return_state``."""

    @property
    def trainable(self) -> bool:
        """Whether this layer, or one inside it, has a parameter that is not frozen."""
        return any(layer.params and not layer.frozen for _, layer in walk(self))

    def parameters(self) -> dict[str, Array]:
        """The parameters of this layer and the layers inside it, by dotted names; the arrays themselves, no copies."""
        return {prefix + name: value for prefix, layer in walk(self) for name, value in layer.params.items()}

    def zero_grad(self) -> None:
        """Set every gradient to zero."""
        for _, layer in walk(self):
            for name, value in layer.params.items():
                layer.grads[name] = _zeros(value.shape, value.dtype)

    def freeze(self, frozen: bool = True) -> Self:
        """Exclude every parameter from training, or include it again; returns the layer itself."""
        for _, layer in walk(self):
            layer.frozen = frozen
        return self

    def state_dict(self) -> dict[str, Array]:
        """Parameters and buffers by PyTorch's names and in its layouts; the arrays themselves, no copies.

        Examples
        --------
        >>> from goldfish import nn
        >>> {name: value.shape for name, value in nn.Sequential(nn.Linear(3, 2), nn.ReLU()).state_dict().items()}
        {'0.weight': (2, 3), '0.bias': (2,)}
        """
        return {
            prefix + name: value
            for prefix, layer in walk(self, shared=True)
            for name, value in (*layer.params.items(), *layer.buffers.items())
        }

    def prepare(self, input_shape: tuple[int, ...] | None = None) -> Prepared:
        """Make the layer ready for inference: weights are packed once, not at each call.

        Parameters
        ----------
        input_shape : tuple of int, optional
            Shape of the inputs to come, for layers that choose their kernels by it; others do not look at it.

        Returns
        -------
        Prepared
            Called as the layer is, returns what the layer returns, to the last bit or to rounding; thread-safe.

        Examples
        --------
        >>> import numpy as np
        >>> from goldfish import nn
        >>> lstm = nn.LSTM(65, 32, 2, rng=0)
        >>> step, state = lstm.prepare(), None
        >>> for number in (7, 3, 11):
        ...     y, state = step(np.array([[number]]), state, return_state=True)
        >>> bool(np.array_equal(y[:, -1], lstm(np.array([[7, 3, 11]]))[:, -1]))
        True
        """
        from goldfish.nn.inference import prepare_layer

        prepared = prepare_layer(self)
        if input_shape is not None:
            prepared.warm_up(input_shape)
        return prepared

    def load_state_dict(self, state: Mapping[str, ArrayLike], *, strict: bool = True) -> Mismatch:
        """Copy parameters and buffers in; everything is checked before anything is written.

        Parameters
        ----------
        state : mapping of str to array_like
            Values by the names of `state_dict`; converted to the dtype of the layer.
        strict : bool
            Whether missing and unexpected keys are an error. Wrong shapes always are.

        Returns
        -------
        Mismatch
            ``missing_keys`` and ``unexpected_keys``, both empty if ``strict``.

        Raises
        ------
        ValueError
            Listing every missing key, unexpected key and wrong shape.
        TypeError
            If a value is not an array of real numbers.
        """
        own = self.state_dict()
        missing = [name for name in own if name not in state]
        unexpected = [name for name in state if name not in own]
        values = {name: np.asarray(state[name]) for name in own if name in state}
        where = f"{type(self).__name__}.load_state_dict"
        for name, value in values.items():
            if value.dtype.kind not in "fiub":
                raise TypeError(f"{where}: {name!r} expected real numbers, got dtype {value.dtype}")
        problems = [
            f"{name!r} expected shape {own[name].shape}, got {value.shape}"
            for name, value in values.items()
            if value.shape != own[name].shape
        ]
        if strict and unexpected:
            problems.insert(0, f"unexpected keys {unexpected}")
        if strict and missing:
            problems.insert(0, f"missing keys {missing}")
        if problems:
            raise ValueError(f"{where}: " + "; ".join(problems))
        for name, value in values.items():
            np.copyto(own[name], value, casting="unsafe")
        return Mismatch(missing, unexpected)

    def summary(self, input_shape: tuple[int, ...]) -> Summary:
        """Output shapes and parameters of every layer, for inputs of a shape.

        Parameters
        ----------
        input_shape : tuple of int
            Of one sample, without the batch axis. Models that read category numbers get zeros of that kind.

        Returns
        -------
        Summary
            ``rows``, ``total`` and ``trainable``; printed as a table.

        Examples
        --------
        >>> from goldfish import nn
        >>> print(nn.Sequential(nn.Linear(3, 2), nn.ReLU()).summary((3,)))
        layer             output  parameters
        0 Linear(3, 2)    (2,)             8
        1 ReLU()          (2,)             0
        total                              8
        """
        from goldfish.nn.summary import summarise

        return summarise(self, input_shape)

    def accumulate(self, name: str, gradient: Array) -> None:
        """Add to the gradient of one of this layer's parameters; the first after `zero_grad` is kept without a copy.

        Parameters
        ----------
        name : str
            A key of ``params``.
        gradient : ndarray
            Shaped like the parameter; the layer owns it from here on.
        """
        if gradient.shape != self.params[name].shape:
            raise ValueError(
                f"{self!r}: the gradient of {name!r} expected shape {self.params[name].shape}, got {gradient.shape}"
            )
        held = self.grads[name]
        if held.flags.writeable:
            held += gradient
        else:
            self.grads[name] = gradient

    def __repr__(self) -> str:
        shown = []
        for name, parameter in inspect.signature(type(self)).parameters.items():
            if not hasattr(self, name):
                continue
            value = getattr(self, name)
            if parameter.default is parameter.empty:
                shown.append(repr(value))
            elif value != parameter.default:
                shown.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "grads"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.grads = {name: _zeros(value.shape, value.dtype) for name, value in self.params.items()}

    def _add(self, name: str, value: Array) -> None:
        self.params[name] = value
        self.grads[name] = _zeros(value.shape, value.dtype)

    def _needs(self, needs_x: bool) -> tuple[str, ...]:
        own = () if self.frozen else tuple(self.params)
        return ("x", *own) if needs_x else own

    def _collect(self, gradients: tuple[Array | None, ...]) -> None:
        if not self.frozen:
            for name in self.params:
                self.accumulate(name, getattr(gradients, name))


class Stateless(Layer):
    """A layer without recurrent state: subclasses give `_apply` for inference and `_differentiate` for training.

    ``rowwise`` layers treat every index of the leading axes alike. They run a batch-first view of time-major memory,
    which is what recurrent layers return, in the order of memory and so without a copy.
    """

    rowwise: bool = False

    @abstractmethod
    def _apply(self, x: Array) -> Array: ...

    @abstractmethod
    def _differentiate(self, x: Array, rng: Rng) -> tuple[Array, Callable[[Array, bool], Array | None]]: ...

    def __call__(
        self, x: ArrayLike, state: State = None, *, lengths: ArrayLike | None = None, return_state: bool = False
    ) -> Any:
        """The output ``y``, or ``y, state`` with ``return_state``."""
        self._refuse(state)
        x = np.asarray(x)
        y = turn(self._apply(turn(x))) if self.rowwise and is_turned(x) else self._apply(x)
        return (y, None) if return_state else y

    def forward(
        self,
        x: ArrayLike,
        state: State = None,
        *,
        lengths: ArrayLike | None = None,
        return_state: bool = False,
        rng: Rng = None,
    ) -> tuple[Any, ...]:
        """``(y, backward)``, or ``(y, None, backward)`` with ``return_state``; ``rng`` serves dropout."""
        self._refuse(state)
        x = np.asarray(x)
        turned = self.rowwise and is_turned(x)
        y, differentiate = self._differentiate(turn(x) if turned else x, rng)

        def run(dy: Array | None, dstate: State, needs_x: bool) -> tuple[Array | None, State]:
            if dy is None:
                return None, None
            dx = differentiate(turn(dy) if turned else dy, needs_x)
            return (turn(dx) if turned and dx is not None else dx), None

        y = turn(y) if turned else y
        backward = Backward(self, y.shape, run, pair=return_state)
        return (y, None, backward) if return_state else (y, backward)

    def _refuse(self, state: State) -> None:
        if state is not None:
            raise ValueError(f"{self!r}: expected no state, got {type(state).__name__}")


def walk(layer: Layer, prefix: str = "", *, shared: bool = False) -> Iterator[tuple[str, Layer]]:
    """Every layer of a tree with the prefix of its names; one in several places comes once or each time."""
    seen: set[int] = set()
    pending = [(prefix, layer)]
    while pending:
        prefix, layer = pending.pop()
        if shared or id(layer) not in seen:
            seen.add(id(layer))
            yield prefix, layer
            pending += [(f"{prefix}{name}.", child) for name, child in reversed(layer.children.items())]


def trainable_parameters(model: Layer) -> Iterator[tuple[str, Array, Array]]:
    """Name, parameter and gradient of whatever is not frozen and got a gradient since `Layer.zero_grad`."""
    for prefix, layer in walk(model):
        if not layer.frozen:
            for name, value in layer.params.items():
                if layer.grads[name].flags.writeable:
                    yield prefix + name, value, layer.grads[name]


def turn(x: Array) -> Array:
    """Exchange the batch axis and the time axis; a view."""
    return x.swapaxes(0, 1)


def is_turned(x: Array) -> bool:
    """Whether x is a batch-first view of time-major memory, or the other way round."""
    return x.ndim > 2 and not x.flags.c_contiguous and turn(x).flags.c_contiguous


@functools.lru_cache(maxsize=1024)
def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return np.broadcast_to(np.zeros((), dtype), shape)
