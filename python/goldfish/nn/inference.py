"""Convolutional networks as programs of the core: layers become steps, and steps that follow one another become one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from goldfish.functional.prepared import ConvNetwork
from goldfish.nn.layer import Array, Layer, State, Stateless, walk
from goldfish.nn.prepared import Prepared

if TYPE_CHECKING:
    from goldfish.nn.normalisation import BatchNorm2d


class UnsupportedError(Exception):
    """A layer that the core's networks do not have."""


@dataclass
class Step:
    """One step: what it does, the values that it reads, what the core wants to know besides.

    ``flat`` says whether its value is (N, F) rather than images.
    """

    kind: str
    inputs: list[int]
    options: dict[str, Any] = field(default_factory=dict)
    flat: bool = False


class Program:
    """Steps over numbered values: 0 is the input, step i makes value i + 1.

    Parameters
    ----------
    dtype : dtype
        Of all parameters: float32 or float64.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.steps: list[Step] = []

    def add(self, layer: Layer, x: int) -> int:
        """Append what a layer does to a value; returns the number of its output.

        Raises
        ------
        UnsupportedError
            If the core has no such step; some steps may have been appended.
        """
        kind = type(layer).__name__
        if not type(layer).__module__.startswith("goldfish.nn.") or kind not in _ADD:
            raise UnsupportedError(kind)
        return _ADD[kind](self, layer, x)

    def push(self, kind: str, *inputs: int, flat: bool | None = None, **options: Any) -> int:
        """Append a step; its value lies as its first input does, unless said otherwise."""
        flat = self.is_flat(inputs[0]) if flat is None else flat
        self.steps.append(Step(kind, list(inputs), options, flat))
        return len(self.steps)

    def is_flat(self, value: int) -> bool:
        """Whether a value is (N, F)."""
        return value > 0 and self.steps[value - 1].flat

    def images(self, value: int) -> int:
        """The value, which must be images."""
        if self.is_flat(value):
            raise UnsupportedError("images expected")
        return value

    def parameter(self, value: Array) -> Array:
        """A parameter, which must have the dtype of all."""
        if value.dtype != self.dtype:
            raise UnsupportedError(f"dtype {value.dtype}")
        return value

    def build(self) -> ConvNetwork:
        """Join steps, and pack the weights."""
        return ConvNetwork(self.dtype.name, [_encode(step) for step in joined(self.steps)])


def joined(steps: Sequence[Step]) -> list[Step]:
    """The same program with normalisations folded into convolutions, and sums and rectifiers done as their last act."""
    kept: list[Step] = []
    place = [0]
    readers = [0] * (len(steps) + 1)
    for step in steps:
        for value in step.inputs:
            readers[value] += 1

    for step in steps:
        inputs = [place[value] for value in step.inputs]
        # What made an input, if nobody else reads it: that step may go on with this one.
        makers = [
            kept[now - 1] if now > 0 and readers[value] == 1 else None
            for value, now in zip(step.inputs, inputs, strict=True)
        ]
        last = _join(step, inputs, makers, len(kept))
        if last:
            place.append(last)
            continue
        kept.append(Step(step.kind, inputs, dict(step.options), step.flat))
        place.append(len(kept))
    return kept


def _join(step: Step, inputs: list[int], makers: list[Step | None], count: int) -> int:
    """Let an earlier step do this one too; the number of its value, or 0."""
    maker = makers[0]
    if step.kind == "affine" and maker and maker.kind == "conv" and _is_open(maker):
        scale, shift = step.options["scale"], step.options["shift"]
        if len(scale) == len(maker.options["weight"]):
            _fold(maker, scale, shift)
            return inputs[0]
    rectifies = step.kind == "activation" and step.options["name"] == "relu"
    if rectifies and maker and maker.options.get("relu") is False:
        maker.options["relu"] = True
        return inputs[0]
    if step.kind == "add":
        for this, other in ((0, 1), (1, 0)):
            maker = makers[this]
            # The other one must be there when the convolution runs.
            if maker and maker.kind == "conv" and _is_open(maker) and inputs[this] == count > inputs[other]:
                maker.options["add"] = inputs[other]
                return count
    return 0


def _is_open(conv: Step) -> bool:
    """Whether nothing but products and a bias has been done yet."""
    return conv.options["add"] is None and not conv.options["relu"]


def _fold(conv: Step, scale: Array, shift: Array) -> None:
    """Fold scale * y + shift into the weights (the moments of inference are constants)."""
    weight, bias = conv.options["weight"], conv.options["bias"]
    conv.options["weight"] = (weight * scale[:, None, None, None]).astype(weight.dtype)
    conv.options["bias"] = ((0 if bias is None else bias) * scale + shift).astype(weight.dtype)


_ORDER = {
    "conv": ("weight", "bias", "stride", "padding", "dilation", "add", "relu"),
    "max_pool": ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "avg_pool": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
    "adaptive_avg_pool": ("output_size",),
    "activation": ("name", "option"),
    "affine": ("scale", "shift", "relu"),
    "add": ("relu",),
    "flatten": (),
    "linear": ("weight", "bias", "relu"),
}


def _encode(step: Step) -> tuple[Any, ...]:
    return (step.kind, *step.inputs, *(step.options[name] for name in _ORDER[step.kind]))


def _add_sequential(program: Program, layer: Any, x: int) -> int:
    for child in layer:
        x = program.add(child, x)
    return x


def _add_residual(program: Program, layer: Any, x: int) -> int:
    children = layer.children
    shortcut = program.add(children["shortcut"], x) if "shortcut" in children else x
    return _push_sum(program, program.add(children["layer"], x), shortcut)


def _push_sum(program: Program, a: int, b: int) -> int:
    return program.push("add", program.images(a), program.images(b), relu=False)


def _add_graph(program: Program, layer: Any, x: int) -> int:
    if not isinstance(layer.inputs, str) or not isinstance(layer.outputs, str):
        raise UnsupportedError("several inputs or outputs")
    values = {layer.inputs: x}
    for name in layer.order:
        node, *sources = layer.nodes[name]
        found = [values[source] for source in sources]
        if isinstance(node, Layer):
            values[name] = program.add(node, found[0])
        elif node == "add":
            total = found[0]
            for value in found[1:]:
                total = _push_sum(program, total, value)
            values[name] = total
        else:
            raise UnsupportedError(node)
    return values[layer.outputs]


def _add_conv(program: Program, layer: Any, x: int) -> int:
    if layer.groups != 1 or layer.algorithm != "auto":
        raise UnsupportedError("groups or a chosen algorithm")
    weight, bias = program.parameter(layer.params["weight"]), layer.params.get("bias")
    if weight.size == 0:
        raise UnsupportedError("no weights")
    window = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    return program.push("conv", program.images(x), weight=weight, bias=bias, **window, add=None, relu=False)


def _add_batch_norm(program: Program, layer: BatchNorm2d, x: int) -> int:
    buffers, params = layer.buffers, layer.params
    program.parameter(buffers["running_mean"])
    scale = 1 / np.sqrt(buffers["running_var"].astype(np.float64) + layer.eps)
    if layer.affine:
        scale = scale * params["weight"]
    shift = (params["bias"] if layer.affine else 0) - buffers["running_mean"] * scale
    return program.push("affine", program.images(x), scale=scale, shift=shift, relu=False)


def _add_max_pool(program: Program, layer: Any, x: int) -> int:
    window = {"kernel_size": layer.kernel_size, "stride": layer.stride, "padding": layer.padding}
    return program.push("max_pool", program.images(x), **window, dilation=layer.dilation, ceil_mode=layer.ceil_mode)


def _add_avg_pool(program: Program, layer: Any, x: int) -> int:
    window = {"kernel_size": layer.kernel_size, "stride": layer.stride, "padding": layer.padding}
    counting = {"ceil_mode": layer.ceil_mode, "count_include_pad": layer.count_include_pad}
    return program.push("avg_pool", program.images(x), **window, **counting)


def _add_adaptive(program: Program, layer: Any, x: int) -> int:
    return program.push("adaptive_avg_pool", program.images(x), output_size=layer.output_size)


def _add_activation(name: str, option: str | None = None) -> Callable[[Program, Any, int], int]:
    def add(program: Program, layer: Any, x: int) -> int:
        value = None if option is None else getattr(layer, option)
        return program.push("activation", x, name=name, option=value == "tanh" if name == "gelu" else value)

    return add


def _add_flatten(program: Program, layer: Any, x: int) -> int:
    if layer.start_axis != 1 or x == 0:
        raise UnsupportedError("a flattening of other axes, or of the input")
    return program.push("flatten", program.images(x), flat=True)


def _add_linear(program: Program, layer: Any, x: int) -> int:
    weight = program.parameter(layer.params["weight"])
    if not program.is_flat(x) or weight.size == 0:
        raise UnsupportedError("rows expected")
    return program.push("linear", x, weight=weight, bias=layer.params.get("bias"), relu=False)


def _add_nothing(program: Program, layer: Any, x: int) -> int:
    return x


_ADD: dict[str, Callable[[Program, Any, int], int]] = {
    "Sequential": _add_sequential,
    "Residual": _add_residual,
    "Graph": _add_graph,
    "Conv2d": _add_conv,
    "BatchNorm2d": _add_batch_norm,
    "MaxPool2d": _add_max_pool,
    "AvgPool2d": _add_avg_pool,
    "AdaptiveAvgPool2d": _add_adaptive,
    "ReLU": _add_activation("relu"),
    "LeakyReLU": _add_activation("leaky_relu", "negative_slope"),
    "Sigmoid": _add_activation("sigmoid"),
    "Tanh": _add_activation("tanh"),
    "SiLU": _add_activation("silu"),
    "GELU": _add_activation("gelu", "approximate"),
    "Flatten": _add_flatten,
    "Linear": _add_linear,
    "Dropout": _add_nothing,
}


# Output channels that fill vectors, and elements of a first activation up to which calls and passes are what costs.
_WIDE = 16
_MOST_FIRST = 400
_SMALL = 1 << 20
# Taps beyond which a dense convolution takes Fourier transforms.
_MOST_TAPS = 25


def pays(program: Program) -> bool:
    """Whether a program is faster than its layers on some inputs: the lanes are full, and windows overlap."""
    weights = [step.options["weight"] for step in program.steps if step.kind == "conv"]
    windows = sum(weight.shape[2:] != (1, 1) for weight in weights)
    # Planes of few channels with very many filters are not for the core's programs.
    first = any(len(weight) > _MOST_FIRST and weight.shape[1] < _WIDE for weight in weights)
    return windows > 1 and all(len(weight) >= _WIDE for weight in weights) and not first and not _has_large(program)


def _has_large(program: Program) -> bool:
    """Whether a convolution is one for Fourier transforms, which the core's programs do not have."""
    options = [step.options for step in program.steps if step.kind == "conv"]
    dense = (o for o in options if {*np.ravel(o["stride"]), *np.ravel(o["dilation"])} == {1})
    return any(int(np.prod(o["weight"].shape[2:])) > _MOST_TAPS for o in dense)


def pays_for(program: Program, shape: tuple[int, ...]) -> bool:
    """Whether it is on inputs of a shape: always with normalisations, which layers do in passes of their own."""
    if len(shape) != 4 or _normalises(program):
        return True
    first = next(step.options for step in program.steps if step.kind == "conv")
    places = shape[0] * shape[2] * shape[3] // int(np.prod(np.broadcast_to(first["stride"], 2)))
    return places * len(first["weight"]) <= _SMALL


def _normalises(program: Program) -> bool:
    return any(step.kind == "affine" for step in program.steps)


class ConvolutionalPart:
    """Adjacent layers that the core runs as one network, or as they are where that is faster.

    Parameters
    ----------
    program : Program
        What the layers do.
    model : Layer
        The layers as one; copied where it may be used, so that its weights are those of the moment.
    run : callable
        The layers themselves: they say what is wrong with an input that the core refuses.
    """

    def __init__(self, program: Program, model: Layer, run: Callable[[Any], Any]) -> None:
        self._program, self._network, self._dtype, self._run = program, program.build(), program.dtype, run
        self._model = None if _normalises(program) else copy.deepcopy(model)

    def __call__(self, x: ArrayLike) -> Any:
        """The output of the last layer."""
        x = np.asarray(x)
        if x.dtype.kind in "iub":
            x = x.astype(self._dtype)
        try:
            if self._model is not None and not pays_for(self._program, x.shape):
                return self._model(x)
            return self._network(x)
        except (ValueError, TypeError):
            return self._run(x)

    def warm_up(self, input_shape: tuple[int, ...]) -> None:
        """Pack what inputs of a shape need."""
        if not pays_for(self._program, input_shape):
            return
        try:
            self._network.prepare(tuple(input_shape))
        except (ValueError, TypeError):
            self._run(np.zeros(input_shape, self._dtype))

    @property
    def nbytes(self) -> int:
        """Bytes of the packed weights, and of the copied ones."""
        copied = 0 if self._model is None else sum(value.nbytes for value in self._model.parameters().values())
        return self._network.nbytes + copied


class PreparedConvolutional(Prepared):
    """A layer that is a convolutional network altogether, as `Layer.prepare` gives it.

    Parameters
    ----------
    layer : Layer
        What to prepare.
    part : ConvolutionalPart
        Its network.
    """

    def __init__(self, layer: Layer, part: ConvolutionalPart) -> None:
        super().__init__(layer)
        self._part = part

    def __call__(
        self, x: ArrayLike, state: State = None, *, lengths: ArrayLike | None = None, return_state: bool = False
    ) -> Any:
        """The output ``y``, or ``y, state`` with ``return_state``."""
        if state is not None:
            return self.layer(x, state, lengths=lengths, return_state=return_state)
        y = self._part(x)
        return (y, None if isinstance(self.layer, Stateless) else {}) if return_state else y

    def warm_up(self, input_shape: tuple[int, ...]) -> None:
        """Pack what inputs of a shape need."""
        self._part.warm_up(input_shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the packed weights."""
        return self._part.nbytes


def longest_part(layers: Sequence[Layer]) -> tuple[Program, int] | None:
    """The program of as many of the first layers as the core has, and their number.

    None unless that `pays`, and the first layer has a convolution.
    """
    if not layers or not has_convolution(layers[0]):
        return None
    weight = next(layer.params["weight"] for _, layer in walk(layers[0]) if type(layer).__name__ == "Conv2d")
    if weight.dtype not in (np.float32, np.float64):
        return None
    program, count, x = Program(weight.dtype), 0, 0
    for layer in layers:
        before = len(program.steps)
        try:
            x = program.add(layer, x)
        except UnsupportedError:
            del program.steps[before:]
            break
        count += 1
    if x != len(program.steps) or not pays(program):
        return None
    return program, count


def has_convolution(layer: Layer) -> bool:
    """Whether there is a two-dimensional convolution in a layer."""
    return any(type(inner).__name__ == "Conv2d" for _, inner in walk(layer))


def prepare_layer(layer: Layer) -> Prepared:
    """What the core makes of one layer, or the layer as it is."""
    found = None if layer.stateful else longest_part([layer])
    return Prepared(layer) if found is None else PreparedConvolutional(layer, ConvolutionalPart(found[0], layer, layer))
