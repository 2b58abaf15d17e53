"""``goldfish recitation``: every worked number of the course, expected and computed."""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from goldfish.cli.errors import UsageError

if TYPE_CHECKING:
    from goldfish.cli.recitation.worked import Check, Group

__all__ = ["add_parser", "groups", "run"]

_SUBJECTS = {
    "past": "recurrent networks and the weight of the past",
    "networks": "convolution, shapes, parameters, multiply-adds",
    "estimation": "maximum likelihood and priors",
    "cars": "naive Bayes",
    "learning": "how many examples, and what a class of rules can realise",
    "sweets": "skewed samples",
    "heap": "heap profiles",
}
_NARROW = 22


def add_parser(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command to a parser.

    Parameters
    ----------
    commands : argparse sub-parsers
        Where to add it.
    parents : list of ArgumentParser
        Options that all commands share.
    """
    subjects = "\n".join(f"  {name:12}{what}" for name, what in _SUBJECTS.items())
    parser = commands.add_parser(
        "recitation",
        parents=parents,
        help="compute every worked number of the course and compare",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Compute every worked number of the course - recurrent and convolutional networks,\n"
        "estimation, naive Bayes, learning theory, sampling - and print what is expected, what came\n"
        "out, and whether they agree.",
        epilog=f"subjects:\n{subjects}\n\nexit code: 0 if every number agrees, 1 if one does not",
    )
    parser.add_argument("subject", nargs="*", metavar="SUBJECT", help="print these only; see below", default=[])
    parser.add_argument("--failures", action="store_true", help="print only the numbers that do not agree")
    parser.set_defaults(run=run)


def groups(*subjects: str) -> list[Group]:
    """The worked numbers.

    Parameters
    ----------
    *subjects : str
        Which; all by default.

    Returns
    -------
    list of Group

    Raises
    ------
    UsageError
        For an unknown subject.
    ImportError
        If an extra is missing; the message has the command that installs it.

    Examples
    --------
    >>> [group.title for group in groups("cars")]
    ['Nine cars: naive Bayes']
    """
    for subject in subjects:
        if subject not in _SUBJECTS:
            raise UsageError(f"SUBJECT must be one of {', '.join(_SUBJECTS)}, got {subject!r}")
    found: list[Group] = []
    for subject in subjects or _SUBJECTS:
        found += importlib.import_module(f"goldfish.cli.recitation.{subject}").GROUPS
    return found


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : Namespace
        As `add_parser` describes them.

    Returns
    -------
    int
        0 if every number agrees, else 1.
    """
    from goldfish.cli.recitation.worked import check

    width = max(60, min(140, shutil.get_terminal_size((120, 24)).columns))
    count = wrong = 0
    for group in groups(*arguments.subject):
        if not arguments.failures:
            print(f"\n{group.title}" if count else group.title)
            print(textwrap.fill(group.source, width, initial_indent="  ", subsequent_indent="  "))
        for number in group.numbers:
            found = check(number)
            count += 1
            wrong += not found.agrees
            if not (arguments.failures and found.agrees):
                print("\n".join(_lines(found, width)))
        sys.stdout.flush()
    print(f"\n{count} worked numbers: {count - wrong} agree, {wrong} do not")
    return 1 if wrong else 0


def _lines(found: Check, width: int) -> Iterator[str]:
    """The mark, the name, what is expected and what came out; long values under the name."""
    from goldfish.cli.recitation.worked import text

    expected, computed = text(found.number.expected_value), text(found.computed)
    mark = "ok   " if found.agrees else "WRONG"
    room = width - 2 * (_NARROW + 2) - 8
    name, *more = textwrap.wrap(found.number.name, room)
    if max(len(expected), len(computed)) <= _NARROW:
        yield f"  {mark} {name:{room}}  {expected:>{_NARROW}}  {computed:>{_NARROW}}"
        yield from (f"{'':8}{line}" for line in more)
        return
    yield from (f"{f'  {mark} ' if i == 0 else '':8}{line}" for i, line in enumerate([name, *more]))
    for label, value in (("expected", expected), ("computed", computed)):
        yield from textwrap.wrap(value, width, initial_indent=f"{'':10}{label} ", subsequent_indent=f"{'':19}")
