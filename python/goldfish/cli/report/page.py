"""The page: what every model has, and what its kind has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import goldfish
from goldfish import diagnostics
from goldfish.cli import brand, trained, views
from goldfish.cli.errors import UsageError
from goldfish.cli.report import images, text
from goldfish.cli.report.parts import cards, figure, paragraph, section, table

_STYLE = """
.drawing svg { display: block; max-width: none; background: #ffffff; border-radius: 0.4rem; }
.drawing .wide { margin: 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.95rem; line-height: 1.45; margin: 0; }
figure { margin: 1rem 0; }
.confusion td, .confusion th { text-align: center; padding: 0.3rem; min-width: 2.3rem; border: 0; }
.confusion tbody th { text-align: right; }
.warning { color: var(--warm); font-weight: 600; }
"""


def page(
    model: trained.Trained,
    *,
    text: str | None = None,
    seed: int = 0,
    input_shape: tuple[int, ...] | None = None,
    say: Callable[[str], None] = lambda title: None,
) -> str:
    """Write the page.

    Parameters
    ----------
    model : Trained
        From `goldfish.cli.trained.read`.
    text : str, optional
        What a language model reads in the pictures.
    seed : int
        Of what it writes.
    input_shape : tuple of int, optional
        Of one sample, if the file does not say.
    say : callable
        Takes the title of every section as soon as it is ready.

    Returns
    -------
    str
        HTML with its style and pictures inside, well-formed as XML too. The same for the same arguments.

    Raises
    ------
    UsageError
        If a text is given and the model does not read text, or if the shape of its input is not known.
    """
    if text is not None and model.task != "text":
        raise UsageError(f"--text does not go with {model.path}, which reads no text")
    shape = input_shape or model.input_shape
    if shape is None:
        raise UsageError(f"{model.path} does not say what it takes: --input SHAPE tells it, such as 3x32x32")
    summary = diagnostics.summary(model.model, shape)
    sections = []
    for found in _sections(model, summary, shape, text, seed):
        say(found[1])
        sections.append(found)
    name = model.path.name
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>goldfish: {escape(name)}</title>
<style>
{brand.style()}{_STYLE}</style>
</head>
<body>
<header>
<div class="brand">{brand.FISH}<span>goldfish</span></div>
<h1>{escape(name)}</h1>
{_lede(model)}
{cards(_headlines(model, summary))}
<nav aria-label="Sections">{"".join(f'<a href="#{key}">{escape(title)}</a>' for key, title, _ in sections)}</nav>
</header>
<main>
{chr(10).join(section(key, title, *content) for key, title, content in sections)}
</main>
<footer><p>Written by goldfish {escape(goldfish.__version__)}.</p></footer>
</body>
</html>
"""


def _lede(model: trained.Trained) -> str:
    if model.task == "network":
        return paragraph("A network that another program saved.", "lede")
    data = model.about["data"]
    size = f"{data['characters']:,} characters" if model.task == "text" else f"{data['images']:,} images"
    kind = trained.TASKS[model.task].capitalize()
    return paragraph(f"{kind}, trained on {size} from {data['name']}.", "lede")


def _headlines(model: trained.Trained, summary: Any) -> Iterator[tuple[str, str, str]]:
    if model.task == "text":
        yield from text.headlines(model)
    elif model.task == "images":
        yield from images.headlines(model)
    heaviest = max(summary.rows, key=lambda row: row.parameters)
    yield "parameters", f"{summary.parameters:,}", f"most in {heaviest.layer.partition('(')[0]}"
    what = "per step" if model.task == "text" else "per sample"
    steps = model.about["settings"]["truncate"] if model.task == "text" else 1
    yield "multiply-adds", f"{summary.macs // steps:,}", what
    if "history" in model.about:
        yield "epochs", f"{len(model.about['history']['loss'])}", "passes over the training data"


def _sections(
    model: trained.Trained, summary: Any, shape: tuple[int, ...], read: str | None, seed: int
) -> Iterator[tuple[str, str, list[str]]]:
    """Key, title and content of each."""
    if "history" in model.about:
        yield "learning", "How it learned", [figure(views.curves(model), _curves(model))]
    if model.task == "text":
        yield from text.sections(model, read, seed)
    elif model.task == "images":
        yield from images.sections(model)
    picture = views.layers(model, input_shape=shape)
    yield "layers", "What it is made of", [figure(picture, "The shapes that the layers give."), _layers(summary)]


def _curves(model: trained.Trained) -> str:
    measured = ", ".join(f"{name} {values[-1]:.4g}" for name, values in model.about["history"].items())
    return f"Over the epochs; after the last one {measured}. What starts with val_ was measured on held-out data."


def _layers(summary: Any) -> str:
    rows = [
        [
            row.name,
            row.layer,
            " x ".join(map(str, row.shape)),
            f"{row.parameters:,}",
            f"{row.parameter_share:.1f} %",
            f"{row.macs:,}",
            f"{row.mac_share:.1f} %",
        ]
        for row in summary.rows
    ]
    head = ["", "layer", "output", "parameters", "share", "multiply-adds", "share"]
    return table(head, rows, ["", "total", "", f"{summary.parameters:,}", "", f"{summary.macs:,}", ""])
