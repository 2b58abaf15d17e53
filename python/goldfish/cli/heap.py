"""``goldfish heap``: a heap profile as a table with error bars."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldfish.sampling import Difference, HeapProfile, Row

_NARROWEST = 24


def add_parser(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command to a parser.

    Parameters
    ----------
    commands : argparse sub-parsers
        Where to add it.
    parents : list of ArgumentParser
        Options that all commands share.
    """
    parser = commands.add_parser(
        "heap",
        parents=parents,
        help="print a sampled heap profile with error bars",
        description="Print a heap profile (Go, tcmalloc or jemalloc) as a table that tells how sure it is. Memory is "
        "estimated from samples: the error is one standard error, the interval holds the truth with 95 % confidence.",
    )
    parser.add_argument("profile", type=Path, metavar="PROFILE", help="the file, gzipped or not")
    parser.add_argument(
        "--by", choices=["function", "line", "package", "stack"], default="function", help="what a row is"
    )
    parser.add_argument("--metric", default="inuse_space", metavar="NAME", help="a sample type; default: %(default)s")
    parser.add_argument(
        "--cumulative", action="store_true", help="count memory for callers too, not only where it is allocated"
    )
    parser.add_argument("--compare", type=Path, metavar="OTHER", help="print PROFILE minus OTHER")
    parser.add_argument(
        "--calibrated", action="store_true", help="scale allocations to the exact totals of Go's text format"
    )
    parser.add_argument("--top", type=_positive, default=20, metavar="N", help="rows to print; default: %(default)s")
    parser.add_argument("--rate", type=float, metavar="BYTES", help="mean bytes between samples, if the file is wrong")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write PROFILE's table as a page")
    parser.add_argument("--folded", type=Path, metavar="FILE", help="also write PROFILE's stacks for flame graph tools")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Run the command.

    Parameters
    ----------
    arguments : Namespace
        As `add_parser` describes them.
    """
    from goldfish.sampling import SamplingWarning

    with warnings.catch_warnings():
        # What a warning says is among the profile's notes, which are printed.
        warnings.simplefilter("ignore", SamplingWarning)
        profile = _read(arguments.profile, arguments)
        other = _read(arguments.compare, arguments) if arguments.compare else None
    chosen = {"by": arguments.by, "metric": arguments.metric, "cumulative": arguments.cumulative}
    if other is None:
        rows = profile.table(**chosen)
        _print(f"{arguments.by}", *_table(rows[: arguments.top], arguments.metric))
        _say(_summary(profile, arguments.metric, len(rows), arguments.top))
    else:
        changes = profile.compare(other, **chosen)
        _print(f"{arguments.by}", *_comparison(changes[: arguments.top], arguments.metric))
        _say(_verdict(changes, arguments.top))
    _say(profile.notes)
    if arguments.html:
        title = f"Heap profile {arguments.profile.name}"
        profile.to_html(arguments.html, **chosen, top=max(arguments.top, 100), title=title)
        _say([f"wrote {arguments.html}"])
    if arguments.folded:
        profile.to_folded(arguments.folded, metric=arguments.metric)
        _say([f"wrote {arguments.folded}"])


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def _read(path: Path, arguments: argparse.Namespace) -> HeapProfile:
    from goldfish.sampling import read_heap_profile

    profile = read_heap_profile(path, rate=arguments.rate)
    return profile.calibrated() if arguments.calibrated else profile


def _table(rows: Sequence[Row], metric: str) -> tuple[list[str], list[list[str]], list[float]]:
    """Headings, cells, and the length of each row's bar as a share of the longest."""
    from goldfish.sampling.heap.units import amount, label, percent

    headings = ["estimate", "± error", "95 % interval", "samples", "share"]
    cells = [
        [
            label(row.key),
            amount(row.estimate, metric),
            amount(row.se, metric),
            f"{amount(row.lo, metric)} – {amount(row.hi, metric)}",
            f"{row.raw_samples}",
            f"{percent(row.share)} ± {percent(row.share_se)}",
        ]
        for row in rows
    ]
    return headings, cells, [row.estimate / rows[0].estimate for row in rows]


def _comparison(changes: Sequence[Difference], metric: str) -> tuple[list[str], list[list[str]], list[float]]:
    from goldfish.sampling.heap.units import amount, label

    headings = ["change", "± error", "95 % interval", "before", "after", "samples"]
    cells = [
        [
            label(change.key),
            f"{'+' if change.estimate > 0 else ''}{amount(change.estimate, metric)}{'' if _is_noise(change) else ' *'}",
            amount(change.se, metric),
            f"{amount(change.lo, metric)} – {amount(change.hi, metric)}",
            amount(change.before, metric),
            amount(change.after, metric),
            f"{change.raw_before} → {change.raw_after}",
        ]
        for change in changes
    ]
    return headings, cells, []


def _is_noise(change: Difference) -> bool:
    return change.lo <= 0 <= change.hi


def _summary(profile: HeapProfile, metric: str, rows: int, top: int) -> list[str]:
    from goldfish.sampling.heap.units import amount

    total = profile.total(metric)
    low, high = total.interval()
    lines = [
        f"total {metric} {amount(total.value, metric)} ± {amount(total.se, metric)} "
        f"(95 %: {amount(low, metric)} – {amount(high, metric)}), a sample every {amount(profile.rate, 'space')}",
        f"not seen: up to {amount(profile.detection_limit(), 'space')} of small objects in any one place",
    ]
    if rows > top:
        lines.append(f"{rows - top} more rows; --top shows them")
    if profile.memstats and "alloc_space" in profile.sample_types and not profile.exact:
        check = profile.check()
        lines.append(
            f"against the exact totals: allocated bytes {check.z_bytes:+.1f}, objects {check.z_objects:+.1f} "
            "standard errors"
        )
    return lines


def _verdict(changes: Sequence[Difference], top: int) -> list[str]:
    clear = sum(not _is_noise(change) for change in changes)
    lines = [f"{clear} of {len(changes)} changes are beyond their error (*, 95 %)"]
    if len(changes) > top:
        lines.append(f"{len(changes) - top} more rows; --top shows them")
    return lines


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        print(line)


def _print(first: str, headings: list[str], cells: list[list[str]], bars: list[float]) -> None:
    """A table: for eyes in a terminal, for programs (complete and without colours) in a pipe."""
    if sys.stdout.isatty():
        try:
            from rich.console import Console
        except ImportError:
            pass
        else:
            return _print_rich(Console(markup=False, highlight=False), first, headings, cells, bars)
    rows = [[first, *headings], *cells]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        numbers = (text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))
        print("  ".join([row[0].ljust(widths[0]), *numbers]))
    return None


def _print_rich(console: Any, first: str, headings: list[str], cells: list[list[str]], bars: list[float]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(first, overflow="fold", min_width=_NARROWEST)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    if bars:
        table.add_column("", min_width=12)
    for i, row in enumerate(cells):
        bar = [Text("━" * max(1, round(12 * bars[i])), style="cyan")] if bars else []
        strong = "bold" if bars or row[1].endswith("*") else ""
        table.add_row(Text(row[0], style=strong), *map(Text, row[1:]), *bar)
    console.print(table)
