"""The answers of ``goldfish bound``, each from one function of `goldfish.theory`."""

from __future__ import annotations

import argparse
import contextlib
import math
from typing import Any

from goldfish import theory
from goldfish.cli.errors import UsageError

Answer = dict[str, Any]


def examples(arguments: argparse.Namespace) -> Answer:
    """How many examples suffice, or are needed."""
    eps, delta, realizable = arguments.eps, arguments.delta, not arguments.agnostic
    size, dimension = _class(arguments)
    if arguments.needed:
        if dimension is None:
            raise UsageError("--needed takes --vc or --class: what is necessary depends on the VC dimension")
        return _answer(theory.sample_complexity_lower(dimension, eps, delta, realizable=realizable))
    found = []
    if size is not None:
        found.append(theory.sample_complexity_finite(eps, delta, **size, realizable=realizable, tight=arguments.tight))
    elif arguments.tight:
        raise UsageError("--tight is for finite classes; this one is known by its VC dimension")
    if dimension is not None:
        found.append(theory.sample_complexity_vc(dimension, eps, delta, realizable=realizable))
    return _best(found)


def risk(arguments: argparse.Namespace) -> Answer:
    """How large the true error can be."""
    n, delta, error = arguments.examples, arguments.delta, arguments.train_error
    realizable = error is None
    size, dimension = _class(arguments)
    found = []
    if size is not None:
        found.append(theory.risk_bound_finite(n, delta, **size, train_error=error or 0.0, realizable=realizable))
    if dimension is not None:
        found.append(theory.risk_bound_vc(dimension, n, delta, train_error=error or 0.0, realizable=realizable))
    return _best(found)


def hoeffding(arguments: argparse.Namespace) -> Answer:
    """How far a mean is off: uniform convergence of a class of one."""
    one: Any = {"h": 1, "realizable": False}
    source, conditions = "Hoeffding 1963, Theorem 2", ("the values are independent", "they keep to the range")
    if arguments.eps is not None:
        bound = theory.sample_complexity_finite(arguments.eps, arguments.delta, **one)
        statement = (
            f"the mean of {bound.value} values is within {arguments.eps * arguments.range:g} of the truth with "
            f"probability at least {1 - arguments.delta:g}"
        )
        return {"value": bound.value, "statement": statement, "conditions": conditions, "source": source}
    deviation = (
        theory.risk_bound_finite(arguments.examples, arguments.delta, **one, two_sided=True).value * arguments.range
    )
    statement = (
        f"the mean of {arguments.examples} values is within {deviation:.6g} of the truth with probability at least "
        f"{1 - arguments.delta:g}"
    )
    return {"value": deviation, "statement": statement, "conditions": conditions, "source": source}


def test_set(arguments: argparse.Namespace) -> Answer:
    """One hypothesis and a test set that it has not seen."""
    _check_errors(arguments)
    return _answer(theory.test_set_bound(arguments.errors, arguments.examples, arguments.delta, side=arguments.side))


def occam(arguments: argparse.Namespace) -> Answer:
    """A hypothesis that its training errors and its length recommend."""
    _check_errors(arguments)
    log_prior = arguments.log_prior if arguments.bits is None else -arguments.bits * math.log(2)
    return _answer(theory.occam_bound(arguments.errors, arguments.examples, arguments.delta, log_prior=log_prior))


def compression(arguments: argparse.Namespace) -> Answer:
    """A rule that some of its examples define."""
    return _answer(theory.compression_bound(arguments.examples, arguments.kept, arguments.errors, arguments.delta))


def pac_bayes(arguments: argparse.Namespace) -> Answer:
    """A random hypothesis."""
    return _answer(theory.pac_bayes(arguments.train_error, arguments.kl, arguments.examples, arguments.delta))


def dimension(arguments: argparse.Namespace) -> Answer:
    """The VC dimension of a known class."""
    name, parameters = _known(arguments.known)
    found = theory.vc_dimension(name, **parameters)
    note = "" if found.exact else "an upper bound"
    return {"value": found.value, "note": note, "source": found.source}


def count(arguments: argparse.Namespace) -> Answer:
    """The number of hypotheses of a known class."""
    name, parameters = _known(arguments.known)
    return {"value": theory.hypothesis_count(name, **parameters)}


def growth(arguments: argparse.Namespace) -> Answer:
    """The largest number of labelings of so many points."""
    name, parameters = _known(arguments.known)
    return _answer(theory.growth_function(name, arguments.points, **parameters))


def _answer(bound: theory.Bound) -> Answer:
    note = "it says nothing: every error is at most 1" if bound.vacuous else ""
    return {
        "value": bound.value,
        "kind": bound.kind,
        "statement": bound.statement,
        "note": note,
        "conditions": bound.conditions,
        "source": bound.source,
    }


def _best(found: list[theory.Bound]) -> Answer:
    best = min(found, key=lambda bound: bound.value)
    answer = _answer(best)
    if len(found) > 1:
        other = next(bound for bound in found if bound is not best)
        answer["note"] = (
            f"by {'its size' if best is found[0] else 'its VC dimension'}; the other way gives {other.value:.6g}"
        )
    return answer


def _class(arguments: argparse.Namespace) -> tuple[Any, Any]:
    """What is known of the class: its size as keywords of `theory`, and its VC dimension."""
    if arguments.hypotheses is not None:
        return {"h": arguments.hypotheses}, None
    if arguments.log_hypotheses is not None:
        return {"log_h": arguments.log_hypotheses}, None
    if arguments.vc is not None:
        return None, arguments.vc
    name, parameters = _known(arguments.known)
    size = vc = None
    # Perhaps it is no finite class; what is wrong in both ways is told by the second.
    with contextlib.suppress(ValueError, TypeError):
        size = {"h": theory.hypothesis_count(name, **parameters)}
    try:
        vc = theory.vc_dimension(name, **parameters).value
    except (ValueError, TypeError):
        if size is None:
            raise
    return size, vc


def _known(words: list[str]) -> tuple[str, dict[str, Any]]:
    """A class's name and its parameters."""
    name, *pairs = words
    parameters: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"expected a parameter such as p=2, got {pair!r}")
        if value in ("True", "False", "true", "false"):
            parameters[key] = value.lower() == "true"
            continue
        try:
            parameters[key] = int(value)
        except ValueError:
            try:
                parameters[key] = float(value)
            except ValueError:
                raise UsageError(f"expected a number for {key}, got {value!r}") from None
    return name, parameters


def _check_errors(arguments: argparse.Namespace) -> None:
    if arguments.errors > arguments.examples:
        raise UsageError(f"--errors {arguments.errors} is more than --examples {arguments.examples}")
