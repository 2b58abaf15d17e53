"""The rows of shapes.toml as objects, and the random arrays that a row's contenders all receive."""

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = dict[str, Array]
Mode = Literal["forward", "training"]
MODES: tuple[Mode, ...] = ("forward", "training")

# Characters that a character model samples.
DRAWS = 64

SHAPES = Path(__file__).with_name("shapes.toml")


@dataclass(frozen=True)
class Target:
    """What a ratio is held against; ``None`` where nothing is asked."""

    floor: float | None = None
    goal: float | None = None
    faults: float | None = None
    prepared: float | None = None


@dataclass(frozen=True)
class Row:
    """One problem size; the fields that its kind does not use keep their defaults."""

    kind: Literal["convolution", "pool", "recurrent", "pointwise", "character", "network"]
    name: str
    op: str
    x: tuple[int, ...]
    weight: tuple[int, ...] = ()
    kernel_size: int = 0
    stride: int = 1
    padding: int | str = 0
    dilation: int = 1
    groups: int = 1
    axis: int = 1
    hidden: int = 0
    layers: int = 1
    bidirectional: bool = False
    samples: int = 0
    steps: int = 1
    lengths: tuple[int, ...] = ()
    dtype: str = "float32"
    targets: dict[Mode, Target] = field(default_factory=dict)

    @property
    def stacked(self) -> bool:
        """Whether the row is a network of several layers or directions rather than one kernel call."""
        return self.layers > 1 or self.bidirectional

    @property
    def characters(self) -> bool:
        """Whether the row is a character model; ``forward`` is sampling and ``training`` a step of the optimiser."""
        return self.kind == "character"

    @property
    def network(self) -> bool:
        """Whether the row is a convolutional network.

        ``forward`` is inference on one batch by what `prepare` gives, ``training`` ``steps`` steps on the batches of
        ``samples``.
        """
        return self.kind == "network"

    @property
    def trains(self) -> bool:
        """Whether the row is a network or character model with a step of the optimiser."""
        return (self.network or self.characters) and "training" in self.targets

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The passes that have a target."""
        return tuple(mode for mode in MODES if mode in self.targets)


@dataclass(frozen=True)
class Contender:
    """One implementation of a row: what is timed, and how its result becomes named arrays.

    ``run`` returns whatever the library returns; ``arrays`` turns that into ``{"y": ..., "x": ..., "weight": ...}``,
    the output and the gradients by the argument's name, and is never timed. ``ready`` is called before each block.
    What trains also has ``first``, which takes one step and returns its loss as ``y`` and its gradients, and
    ``losses``, which takes so many steps more and returns their losses.
    """

    name: str
    run: Callable[[], Any]
    arrays: Callable[[Any], Arrays]
    ready: Callable[[], None] = lambda: None
    first: Callable[[], Arrays] | None = None
    losses: Callable[[int], Array] | None = None


def trainer(
    name: str, step: Callable[[], float], gradients: Callable[[], Arrays], steps: int, ready: Callable[[], None]
) -> Contender:
    """Make a contender of a step of training, of which one timed call takes so many."""

    def losses(count: int) -> Array:
        return np.array([step() for _ in range(count)])

    def first() -> Arrays:
        return {"y": losses(1)} | gradients()

    def run() -> Array:
        return losses(steps)

    return Contender(name, run, lambda values: {"y": values}, ready, first, losses)


def read_rows(path: Path = SHAPES) -> list[Row]:
    """Read every row in the file's order."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return [_row(kind, entry) for kind, entries in tables.items() for entry in entries]


def _row(kind: Any, entry: dict[str, Any]) -> Row:
    targets: dict[Mode, Target] = {mode: Target(**entry.pop(mode)) for mode in MODES if mode in entry}
    for name in ("x", "weight", "lengths"):
        if name in entry:
            entry[name] = tuple(entry[name])
    return Row(kind=kind, targets=targets, **entry)


def parameter_shapes(row: Row) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the row's learned arrays under the names of the functional interface."""
    if row.kind == "convolution":
        outputs = row.weight[1] * row.groups if row.op.startswith("conv_transpose") else row.weight[0]
        return {"weight": row.weight, "bias": (outputs,)}
    if row.kind == "pool":
        return {}
    if row.kind == "pointwise":
        features = (row.x[row.axis],)
        return {"weight": features, "bias": features} if row.op.endswith("_norm") else {}
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[row.op] * row.hidden
    shapes = dict(_recurrent_shapes(row, gates))
    return shapes | {"head_weight": (row.x[2], row.hidden), "head_bias": (row.x[2],)} if row.characters else shapes


def _recurrent_shapes(row: Row, gates: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    directions = ("", "_reverse") if row.bidirectional else ("",)
    for layer in range(row.layers):
        inputs = row.x[2] if layer == 0 else row.hidden * len(directions)
        for direction in directions:
            suffix = f"_l{layer}{direction}" if row.stacked or row.characters else ""
            yield f"weight_ih{suffix}", (gates, inputs)
            yield f"weight_hh{suffix}", (gates, row.hidden)
            yield f"bias_ih{suffix}", (gates,)
            yield f"bias_hh{suffix}", (gates,)


def make_arrays(row: Row, seed: int = 0) -> Arrays:
    """Draw x and the parameters: x is N(0, 1), weights have the spread that keeps activations of that size."""
    rng = np.random.default_rng(seed)
    arrays: Arrays = {"x": rng.standard_normal(row.x)}
    if row.characters:
        # A character and the one behind it, and the numbers that decide which one is drawn.
        arrays = {name: rng.integers(0, row.x[2], row.x[:2]) for name in ("x", "target")} | {"draws": rng.random(DRAWS)}
    for name, shape in parameter_shapes(row).items():
        fan_in = row.hidden or int(np.prod(row.weight[1:]))
        arrays[name] = rng.uniform(-1, 1, shape) / np.sqrt(fan_in)
    if row.op == "cross_entropy":
        arrays["target"] = rng.integers(0, row.x[row.axis], (*row.x[: row.axis], *row.x[row.axis + 1 :]))
    if row.lengths:
        arrays["lengths"] = rng.integers(row.lengths[0], row.lengths[1] + 1, row.x[1])
        arrays["lengths"][0] = row.lengths[1]
    return {name: as_dtype(name, value, row.dtype) for name, value in arrays.items()}


def as_dtype(name: str, value: Array, dtype: str) -> Array:
    """Convert what a row computes with; numbers of characters and lengths stay integers."""
    return value if value.dtype.kind == "i" or name == "draws" else value.astype(dtype)


def make_cotangent(row: Row, y: Array, seed: int = 1) -> Array:
    """Draw the gradient of the output; zero past the end of a ragged sequence only through y's own mask."""
    return np.random.default_rng(seed).standard_normal(y.shape).astype(row.dtype)
