"""What the page says about an image classifier: what it confuses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from goldfish.cli import views
from goldfish.cli.report.parts import figure, paragraph, table
from goldfish.cli.trained import Trained

_WIDEST, _MOST = 20, 10


def headlines(model: Trained) -> Iterator[tuple[str, str, str]]:
    """The numbers to see first."""
    history = model.about["history"]
    name = "val_accuracy" if "val_accuracy" in history else "accuracy"
    where = "held-out" if name == "val_accuracy" else "training"
    yield "told right", f"{history[name][-1]:.1%}", f"of the {where} images"
    yield (
        "classes",
        f"{len(model.about['classes'])}",
        "of " + " x ".join(map(str, model.about["image_shape"])) + " images",
    )


def sections(model: Trained) -> Iterator[tuple[str, str, list[str]]]:
    """Key, title and content of each section."""
    if any(value.ndim == 4 for value in model.model.parameters().values()):
        picture = figure(views.filters(model), "The filters of the first convolution: orange adds, blue takes away.")
        yield "filters", "What it looks for", [picture]
    confusion, classes = model.about.get("confusion"), model.about["classes"]
    if confusion is None:
        return
    content = [_matrix(classes, confusion)] if len(classes) <= _WIDEST else []
    pairs = [(n, a, b) for a, row in enumerate(confusion) for b, n in enumerate(row) if a != b and n]
    if not pairs:
        content.append(paragraph("It confused nothing."))
    else:
        worst = sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))[:_MOST]
        rows = [[classes[a], classes[b], f"{n}", f"{n / sum(confusion[a]):.1%}"] for n, a, b in worst]
        content.append(table(["is", "taken for", "images", "of its class"], rows))
    yield "confusion", "What it confuses", content


def _matrix(classes: list[str], confusion: list[list[int]]) -> str:
    """Truth down, guess across; darker is more of the row."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in classes)
    body = []
    for truth, (name, row) in enumerate(zip(classes, confusion, strict=True)):
        cells = []
        for guess, count in enumerate(row):
            # By the root, so that rare confusions are seen too.
            share = round(70 * math.sqrt(count / max(1, sum(row))))
            colour = "cool" if truth == guess else "warm"
            shade = f' style="background:color-mix(in srgb, var(--{colour}) {share}%, transparent)"' if count else ""
            cells.append(f"<td{shade}>{count or ''}</td>")
        body.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    caption = "Held-out images by what they are (rows) and what they were taken for (columns)."
    return (
        f'<figure><div class="wide"><table class="confusion"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div><figcaption>{caption}</figcaption></figure>"
    )
