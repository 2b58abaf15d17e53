"""``goldfish bound``: the theorems of learning theory as a pocket calculator."""

from __future__ import annotations

import argparse
import json
import math
import textwrap
from collections.abc import Callable
from typing import Any

from goldfish.cli.options import above_zero, fraction, natural, positive

__all__ = ["add_parser", "run"]

_CLASS = (
    "The class of hypotheses is one of\n"
    "  --hypotheses N      its number of members, such as 59049 or 3**10\n"
    "  --log-hypotheses X  the natural logarithm of that number\n"
    "  --vc D              its VC dimension\n"
    "  --class NAME        a known class, with its parameters behind it: --class halfspaces p=2; what is known of it,\n"
    "                      number or VC dimension, is used, and the better of both if both are known"
)


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
        "bound",
        help="how many examples suffice, how large the error can be",
        description="How many examples suffice, and how large the true error can be: a number, the theorem it comes "
        "from, and what has to hold for it.",
    )
    kinds = parser.add_subparsers(dest="bound", metavar="question", required=True)
    output = argparse.ArgumentParser(add_help=False)
    output.add_argument("--json", action="store_true", help="print the answer as JSON")
    common = [*parents, output]
    _add_examples(kinds, common)
    _add_risk(kinds, common)
    _add_hoeffding(kinds, common)
    _add_tests(kinds, common)
    _add_classes(kinds, common)


def run(arguments: argparse.Namespace) -> None:
    """Run the command.

    Parameters
    ----------
    arguments : Namespace
        As `add_parser` describes them.
    """
    answer: dict[str, Any] = arguments.answer(arguments)
    if arguments.json:
        value = answer["value"]
        print(json.dumps({**answer, "value": value if math.isfinite(value) else str(value)}, indent=2))
        return
    value = answer.pop("value")
    print(f"{value:.6g}" if isinstance(value, float) and math.isfinite(value) else value)
    for name in ("statement", "note", "conditions", "source"):
        text = answer.get(name)
        for part in text if isinstance(text, tuple | list) else [text] if text else []:
            label = "holds if" if name == "conditions" else name
            print(textwrap.fill(f"{label}: {part}", 100, initial_indent="  ", subsequent_indent="    "))


def _add(kinds: Any, parents: Any, name: str, answer: str, help: str, description: str | None = None) -> Any:
    parser = kinds.add_parser(
        name,
        parents=parents,
        help=help,
        description=description or help[0].upper() + help[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run, answer=_later(answer))
    return parser


def _later(name: str) -> Callable[[argparse.Namespace], dict[str, Any]]:
    """The function that answers, imported when it is called: SciPy takes its time."""

    def answer(arguments: argparse.Namespace) -> dict[str, Any]:
        from goldfish.cli.bound import answers

        found: dict[str, Any] = getattr(answers, name)(arguments)
        return found

    return answer


def _add_class(parser: Any) -> None:
    which = parser.add_argument_group("class of hypotheses, one of").add_mutually_exclusive_group(required=True)
    which.add_argument("--hypotheses", type=_size, metavar="N", help="a finite class: how many; 3**10 is understood")
    which.add_argument("--log-hypotheses", type=float, metavar="X", help="the natural logarithm of how many")
    which.add_argument("--vc", type=_dimension, metavar="D", help="VC dimension; inf is allowed")
    which.add_argument(
        "--class", nargs="+", dest="known", metavar=("NAME", "p=2"), help="a known class and its parameters"
    )


def _add_confidence(parser: Any) -> None:
    parser.add_argument(
        "--delta", type=_rate, default=0.05, metavar="P", help="chance of failure; default: %(default)s"
    )


def _add_examples(kinds: Any, parents: Any) -> None:
    parser = _add(kinds, parents, "examples", "examples", "how many examples suffice to learn a class", _CLASS)
    parser.add_argument("--eps", type=_rate, required=True, metavar="P", help="largest error")
    _add_confidence(parser)
    parser.add_argument("--agnostic", action="store_true", help="no hypothesis need be right")
    parser.add_argument("--tight", action="store_true", help="the sharper form for finite classes")
    parser.add_argument("--needed", action="store_true", help="how many are necessary instead (with --vc or --class)")
    _add_class(parser)


def _add_risk(kinds: Any, parents: Any) -> None:
    parser = _add(kinds, parents, "risk", "risk", "how large the true error can be after training", _CLASS)
    parser.add_argument("--examples", type=positive, required=True, metavar="N", help="training examples")
    _add_confidence(parser)
    parser.add_argument(
        "--train-error", type=fraction, metavar="P", help="error on them; without it, 0 and some hypothesis is right"
    )
    _add_class(parser)


def _add_hoeffding(kinds: Any, parents: Any) -> None:
    parser = _add(kinds, parents, "hoeffding", "hoeffding", "how far a mean of bounded values can be from the truth")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--examples", type=positive, metavar="N", help="values: how far, then")
    which.add_argument("--eps", type=_rate, metavar="P", help="how far, as a share of the range: how many values, then")
    _add_confidence(parser)
    parser.add_argument(
        "--range", type=above_zero, default=1.0, metavar="X", help="largest minus smallest value; default: 1"
    )


def _add_tests(kinds: Any, parents: Any) -> None:
    parser = _add(kinds, parents, "test-set", "test_set", "the true error of one hypothesis, from errors on a test set")
    _add_errors(parser)
    parser.add_argument("--side", choices=["upper", "lower"], default="upper", help="default: %(default)s")
    parser = _add(
        kinds, parents, "occam", "occam", "the true error of a hypothesis that was chosen by its errors and its length"
    )
    _add_errors(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--bits", type=above_zero, metavar="X", help="length of its description")
    which.add_argument("--log-prior", type=float, metavar="X", help="ln of its prior probability, below 0")
    parser = _add(
        kinds, parents, "compression", "compression", "the true error of a rule that some of its examples define"
    )
    parser.add_argument("--examples", type=positive, required=True, metavar="N", help="all examples")
    parser.add_argument("--kept", type=natural, required=True, metavar="K", help="examples that define the rule")
    parser.add_argument("--errors", type=natural, default=0, metavar="E", help="errors on the others; default: 0")
    _add_confidence(parser)
    parser = _add(kinds, parents, "pac-bayes", "pac_bayes", "the true error of a random hypothesis")
    parser.add_argument("--train-error", type=fraction, required=True, metavar="P", help="its mean error in training")
    parser.add_argument("--kl", type=float, required=True, metavar="X", help="nats from prior to posterior")
    parser.add_argument("--examples", type=positive, required=True, metavar="N", help="training examples")
    _add_confidence(parser)


def _add_errors(parser: Any) -> None:
    parser.add_argument("--errors", type=natural, required=True, metavar="K", help="errors")
    parser.add_argument("--examples", type=positive, required=True, metavar="N", help="out of so many")
    _add_confidence(parser)


def _add_classes(kinds: Any, parents: Any) -> None:
    for name, answer, what in (
        ("dimension", "dimension", "the VC dimension of a known class"),
        ("count", "count", "the number of hypotheses of a known finite class"),
    ):
        parser = _add(kinds, parents, name, answer, what)
        parser.add_argument("known", nargs="+", metavar="NAME", help="the class, and its parameters: halfspaces p=2")
    parser = _add(kinds, parents, "growth", "growth", "the largest number of labelings of so many points")
    parser.add_argument("points", type=natural, metavar="M", help="points")
    parser.add_argument("known", nargs="+", metavar="NAME", help="the class, and its parameters: halfspaces p=2")


def _rate(text: str) -> float:
    number = above_zero(text)
    if number >= 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, got {text}")
    return number


def _size(text: str) -> int:
    """A whole number, perhaps as a power.

    Examples
    --------
    >>> _size("3**10"), _size("1_000")
    (59049, 1000)
    """
    base, *power = text.replace("^", "**").split("**")
    if len(power) > 1:
        raise argparse.ArgumentTypeError(f"expected a number such as 59049 or 3**10, got {text!r}")
    exponent = positive(power[0]) if power else 1
    if exponent > 1_000_000:
        raise argparse.ArgumentTypeError("expected a power of at most 1000000; --log-hypotheses takes more")
    return int(positive(base) ** exponent)


def _dimension(text: str) -> int | float:
    return math.inf if text == "inf" else natural(text)
