"""What every page of goldfish looks like."""

from __future__ import annotations

from importlib import resources

FISH = (
    '<svg viewBox="0 0 64 36" role="img" aria-label="A goldfish"><title>A goldfish</title>'
    '<path fill="var(--warm)" d="M44 18C38 8 28 5 20 7c-7 2-13 7-16 11 3 4 9 9 16 11 8 2 18-1 24-11z"/>'
    '<path fill="var(--warm)" opacity=".75" d="M42 18c5-8 11-13 19-14-4 6-4 22 0 28-8-1-14-6-19-14z"/>'
    '<path fill="var(--warm)" opacity=".6" d="M20 7c3-4 9-6 15-5-1 3-2 5-3 7z"/>'
    '<circle cx="14" cy="15" r="2.1" fill="var(--paper)"/></svg>'
)


def style() -> str:
    """The style sheet, for the page itself: a page needs no other file.

    Examples
    --------
    >>> "--paper" in style()
    True
    """
    return resources.files("goldfish.cli").joinpath("page.css").read_text(encoding="utf-8")
