"""Pieces of HTML: sections, figures, tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def section(key: str, title: str, *content: str) -> str:
    """A section of the page with its heading."""
    return f'<section id="{key}"><h2>{escape(title)}</h2>\n' + "\n".join(content) + "</section>"


def paragraph(text: str, class_: str = "") -> str:
    """A paragraph of plain text."""
    attribute = f' class="{class_}"' if class_ else ""
    return f"<p{attribute}>{escape(text)}</p>"


def figure(svg: str, caption: str) -> str:
    """A drawing, which may be wider than the page, and what it shows."""
    return (
        '<figure class="drawing"><div class="wide" tabindex="0" role="group" '
        f'aria-label="A drawing that may be wider than the page">{svg}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], foot: Sequence[str] = ()) -> str:
    """A table of text; every column but the first two holds numbers."""

    def line(cells: Sequence[str], tag: str) -> str:
        opening = [f"<{tag}>" if i < 2 else f'<{tag} class="number">' for i in range(len(cells))]
        return "<tr>" + "".join(f"{o}{escape(cell)}</{tag}>" for o, cell in zip(opening, cells, strict=True)) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    end = f"<tfoot>{line(foot, 'td')}</tfoot>" if foot else ""
    return f'<div class="wide"><table><thead>{line(head, "th")}</thead><tbody>{body}</tbody>{end}</table></div>'


def cards(values: Iterable[tuple[str, str, str]]) -> str:
    """Numbers to see first: name, value, note."""
    shown = "".join(
        f'<div class="card"><dt>{escape(name)}</dt><dd class="value">{escape(value)}</dd>'
        f'<dd class="note">{escape(note)}</dd></div>'
        for name, value, note in values
    )
    return f'<dl class="cards">{shown}</dl>'
