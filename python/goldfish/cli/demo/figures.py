"""The report's pictures as inline SVG whose colours follow the page, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullFormatter
from numpy.typing import NDArray

from goldfish.cli.demo.digits import Misread

# Stand-ins that matplotlib accepts; `_svg` turns each into the page's variable of that name.
_COLOURS = {"ink": "#010203", "muted": "#040506", "grid": "#070809", "warm": "#0a0b0c", "cool": "#0d0e0f"}
INK, MUTED, GRID, WARM, COOL = _COLOURS.values()
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 11,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "lines.linewidth": 2.2,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
}
_FILTERS = LinearSegmentedColormap.from_list("filters", ["#12708a", "#7fbccb", "#f6f3ee", "#f2a277", "#d2501e"])
_PAPER = LinearSegmentedColormap.from_list("paper", ["#fbf8f3", "#26221e"])


def filters(weights: NDArray[np.float32]) -> str:
    """The first layer's filters side by side, orange for positive and blue for negative weights.

    Parameters
    ----------
    weights : ndarray of shape (O, K, K)
        Each drawn against its own largest magnitude.

    Returns
    -------
    str
        SVG.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 0.6 * -(-len(weights) // 8)))
        for axes, weight in zip(_tiles(figure, len(weights), columns=8), weights, strict=True):
            limit = float(np.abs(weight).max()) or 1.0
            axes.imshow(weight, cmap=_FILTERS, vmin=-limit, vmax=limit, interpolation="none")
        return _svg(
            figure, "filters", f"The {len(weights)} learned filters of the first convolution, {weights.shape[1:]}"
        )


def misread(mistakes: Sequence[Misread], limit: int = 8) -> str:
    """Images with the wrong label, what was read and what was meant.

    Parameters
    ----------
    mistakes : sequence of Misread
        The first ``limit`` are drawn.
    limit : int
        At most so many.

    Returns
    -------
    str
        SVG.
    """
    shown = mistakes[:limit]
    words = "; ".join(f"a {mistake.truth} read as {mistake.guess}" for mistake in shown)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 1.42 * -(-len(shown) // 4)))
        for axes, mistake in zip(_tiles(figure, len(shown), columns=4), shown, strict=True):
            axes.imshow(mistake.image, cmap=_PAPER, vmin=0, vmax=1, interpolation="none")
            axes.set_title(f"{mistake.truth} read as {mistake.guess}", fontsize=11, pad=4)
        return _svg(figure, "misread", f"Test images that were misread: {words}")


def images(examples: Sequence[tuple[NDArray[np.float32], int]]) -> str:
    """Coloured images with their classes.

    Parameters
    ----------
    examples : sequence of (image, class)
        Images (3, H, W); each is drawn from its own darkest to its own brightest value.

    Returns
    -------
    str
        SVG.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 1.42))
        for axes, (image, label) in zip(_tiles(figure, len(examples), columns=4), examples, strict=True):
            axes.imshow(((image - image.min()) / np.ptp(image)).transpose(1, 2, 0), interpolation="none")
            axes.set_title(f"class {label}", fontsize=11, pad=4)
        labels = ", ".join(str(label) for _, label in examples)
        return _svg(figure, "images", f"Noisy coloured stripes in different directions, of the classes {labels}")


def confusion(counts: NDArray[np.int64]) -> str:
    """The confusion matrix: right answers in blue, mistakes in orange, each count written in its cell.

    Parameters
    ----------
    counts : ndarray of shape (K, K)
        By truth (rows) and guess (columns).

    Returns
    -------
    str
        SVG.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 4.4), layout="constrained")
        axes = figure.add_subplot()
        most, classes = int(counts.max()), range(len(counts))
        for truth, guess in np.argwhere(counts > 0):
            right, share = truth == guess, counts[truth, guess] / most
            axes.add_patch(
                Rectangle(
                    (guess - 0.46, truth - 0.46),
                    0.92,
                    0.92,
                    facecolor=COOL if right else WARM,
                    alpha=0.12 + 0.38 * share if right else 0.45,
                )
            )
            axes.text(guess, truth, str(counts[truth, guess]), ha="center", va="center", fontsize=11)
        axes.set(xlim=(-0.5, len(counts) - 0.5), ylim=(len(counts) - 0.5, -0.5), aspect="equal")
        axes.set(xticks=classes, yticks=classes, xlabel="read as", ylabel="written")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        right = int(np.trace(counts))
        return _svg(figure, "confusion", f"Confusion matrix: {right} of {counts.sum()} test digits on the diagonal")


def curves(
    name: str,
    description: str,
    lines: Sequence[tuple[str, Sequence[float]]],
    *,
    xlabel: str,
    ylabel: str,
    level: tuple[str, float] | None = None,
    log: bool = False,
) -> str:
    """One or two curves over epochs or steps, each named at its end, and perhaps a level to be beaten.

    Parameters
    ----------
    name, description : str
        For ids within the page, and for readers who do not see the picture.
    lines : sequence of (label, values)
        Drawn over 1, 2, 3, ...
    xlabel, ylabel : str
        Of the axes.
    level : (label, value), optional
        A dashed horizontal line.
    log : bool
        Logarithmic values.

    Returns
    -------
    str
        SVG.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 3.1), layout="constrained")
        axes = figure.add_subplot()
        for colour, (label, values) in zip((WARM, COOL), lines, strict=False):
            axes.plot(range(1, len(values) + 1), values, color=colour, label=label)
        if level is not None:
            axes.axhline(level[1], color=INK, linestyle=(0, (4, 3)), linewidth=1.4, label=level[0])
        axes.set(xlabel=xlabel, ylabel=ylabel)
        if log:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.tick_params(length=0)
        axes.grid(visible=False, axis="x")
        if len(lines) + (level is not None) > 1:
            axes.legend(frameon=False, loc="best", handlelength=1.6, borderaxespad=0.2)
        return _svg(figure, name, description)


def bars(name: str, description: str, values: Sequence[tuple[str, float]], *, best: str, unit: str) -> str:
    """Horizontal bars with their values written at the end, one of them in the warm colour.

    Parameters
    ----------
    name, description : str
        As in `curves`.
    values : sequence of (label, value)
        From top to bottom.
    best : str
        The label of the bar that stands out.
    unit : str
        Written below.

    Returns
    -------
    str
        SVG.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.6, 0.46 * len(values) + 0.75), layout="constrained")
        axes = figure.add_subplot()
        labels, lengths = zip(*values, strict=True)
        drawn = axes.barh(labels, lengths, height=0.62, color=[WARM if label == best else COOL for label in labels])
        for patch, label in zip(drawn, labels, strict=True):
            patch.set_alpha(1.0 if label == best else 0.55)
        axes.bar_label(drawn, labels=[f"{value:.2f}" for value in lengths], padding=5)
        axes.set(xlabel=unit, xticks=[], xlim=(0, max(lengths) * 1.14))
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.tick_params(length=0, labelcolor=INK)
        axes.spines[:].set_visible(False)
        return _svg(figure, name, description)


def _tiles(figure: Figure, count: int, columns: int) -> list[Axes]:
    """Square axes without ticks, ``columns`` to a row."""
    rows = -(-count // columns)
    figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.06)
    tiles = [figure.add_subplot(rows, columns, index + 1) for index in range(count)]
    for axes in tiles:
        axes.set(xticks=[], yticks=[], aspect="equal")
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    return tiles


def _svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an element of a page: named for readers, its ids its own, its colours the page's."""
    buffer = io.StringIO()
    metadata: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata=metadata)  # type: ignore[no-untyped-call]
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r"font: (?:[^;\"]*? )?([\d.]+px)[^;\"]*", r"font-size: \1", text)
    text = re.sub(r" ?font-family: [^;\"]*;?", "", text)
    for variable, colour in _COLOURS.items():
        text = text.replace(colour, f"var(--{variable})")
    width, height = figure.get_size_inches() * 72
    opening = (
        f'<svg class="figure" role="img" aria-label="{escape(description)}" viewBox="0 0 {width:g} {height:g}" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f"<title>{escape(description)}</title>"
    )
    return opening + text[text.index(">") + 1 :].strip()
