"""Pictures of a trained model, for ``goldfish draw`` and ``goldfish report``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from goldfish import diagnostics, drawing
from goldfish.cli.errors import UsageError

if TYPE_CHECKING:
    from goldfish.cli.trained import Trained

# What of a text is drawn: more steps than this cannot be told apart.
_MOST_STEPS, _MOST_LETTERS = 72, 44
# The cost of exact norms grows with the cube of the state's size.
_SMALL, _DIRECTIONS = 64, 16


def layers(model: Trained, ax: Any = None, *, input_shape: tuple[int, ...] | None = None) -> Any:
    """The shapes that the layers give.

    Raises
    ------
    UsageError
        If the model does not know its input's shape, and nobody tells it.
    """
    shape = input_shape or model.input_shape
    if shape is None:
        raise UsageError(f"{model.path} does not say what it takes: --input SHAPE tells it, such as 3x32x32")
    rows = diagnostics.summary(model.model, shape).rows
    return drawing.draw_cnn([("input", shape), *((row.layer.partition("(")[0], row.shape) for row in rows)], ax=ax)


def influence(model: Trained, ax: Any = None, *, text: str | None = None) -> Any:
    """How much of every character of a text is in the guess of the next one."""
    ids, shown = (part[:_MOST_LETTERS] for part in _read(model, text))
    return drawing.plot_influence(diagnostics.influence(model.model, ids, log10=True), labels=shown, log10=True, ax=ax)


def lags(model: Trained, ax: Any = None, *, text: str | None = None) -> Any:
    """What the states keep of the earlier ones."""
    ids, _ = _read(model, text)
    norms = diagnostics.lag_norms(model.model, ids, log10=True, directions=None if exact(model) else _DIRECTIONS)
    return drawing.plot_lag_heatmap(norms, log10=True, ax=ax)


def exact(model: Trained) -> bool:
    """Whether the state is small enough for the norms of all Jacobians: else some directions stand for all."""
    settings = model.about["settings"]
    return bool(settings["hidden"] * settings["layers"] * (2 if settings["cell"] == "lstm" else 1) <= _SMALL)


def reading(model: Trained, ax: Any = None, *, text: str | None = None) -> Any:
    """A text, darker where it still counts in the guess of what follows it."""
    ids, _ = _read(model, text)
    shown = (model.about["excerpt"] if text is None else text)[: len(ids)]
    values = diagnostics.influence(model.model, ids, log10=True)
    return drawing.color_text(shown, values, log10=True, target=len(ids) - 1, ax=ax)


def filters(model: Trained, ax: Any = None) -> Any:
    """The filters of the first convolution over two axes.

    Raises
    ------
    UsageError
        If there is none.
    """
    weights = [value for value in model.model.parameters().values() if value.ndim == 4]
    if not weights:
        raise UsageError(f"{model.path} has no filters: it has no convolution")
    first = weights[0] if weights[0].shape[1] in (1, 3) else weights[0][:, :1]
    return drawing.plot_filters(first, ax=ax)


def curves(model: Trained, ax: Any = None) -> Any:
    """What training recorded.

    Raises
    ------
    UsageError
        If the file has no history.
    """
    if "history" not in model.about:
        raise UsageError(f"{model.path} has no history: it is a network that another program saved")
    return drawing.plot_learning_curves(model.about["history"], ax=ax)


VIEWS: dict[str, Callable[..., Any]] = {
    "layers": layers,
    "influence": influence,
    "reading": reading,
    "lags": lags,
    "filters": filters,
    "curves": curves,
}


def _read(model: Trained, text: str | None) -> tuple[Any, list[str]]:
    """Character numbers, and what to write below them."""
    from goldfish.cli.train.text import encode

    if model.task != "text":
        raise UsageError(f"{model.path} reads no text: draw its layers or its curves")
    read = (model.about["excerpt"] if text is None else text)[:_MOST_STEPS]
    unknown = sorted(set(read) - set(model.about["vocabulary"]))
    if unknown or not read:
        raise UsageError(
            f"--text has {f'the character {unknown[0]!r}, which' if unknown else 'nothing that'} {model.path} never met"
        )
    return np.asarray(encode(read, model.about["vocabulary"])), [_visible(character) for character in read]


def _visible(character: str) -> str:
    return {"\n": "↵", "\t": "⇥", " ": "␣"}.get(character, character)
