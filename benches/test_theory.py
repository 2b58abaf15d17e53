"""What exact answers about shattering cost: the core beside the plain version in Python, the same answers.

    python -m pytest benches/test_theory.py --benchmark-enable --benchmark-group-by=func

Without ``--benchmark-enable`` every call runs once, which checks the two for equality and times nothing.
"""

from typing import Any

import numpy as np
import pytest

from goldfish import theory
from goldfish.theory._points import read_points
from goldfish.theory.classes import Halfspaces, HypothesisClass, RotatedRectangles
from goldfish.theory.classes.linear import grow_labelings
from goldfish.theory.search import _distinct_columns

brute_force = pytest.importorskip("brute_force")


def points(n: int) -> Any:
    return np.random.default_rng(0).integers(-1000, 1000, (n, 2))


@pytest.mark.parametrize("numbers", ["integers", "floats"])
def test_fifteen_points_and_half_planes(benchmark: Any, numbers: str) -> None:
    """All 2^15 labelings; floats are exact fractions that need more than 128 bits, so Python's integers decide."""
    X = points(15) if numbers == "integers" else np.random.default_rng(0).standard_normal((15, 2))
    ok, failures = benchmark(theory.shatters, X, "halfspaces", return_failures=True)
    assert not ok
    assert len(failures) == 2**15 - theory.growth_function("halfspaces", 15, p=2).value


def test_fifteen_points_and_half_planes_in_python(benchmark: Any) -> None:
    vectors = Halfspaces().lift(read_points("bench", points(15)))
    masks = benchmark(grow_labelings, vectors, [], 1 << 15)
    assert len(masks) == 212


@pytest.mark.parametrize("way", ["cells", "one by one"])
def test_ten_points_and_rotated_rectangles(benchmark: Any, way: str) -> None:
    """All 2^10 labelings: ranges in one orientation of each cell, and every prefix decided by itself."""
    plane = read_points("bench", points(10))
    rectangles = RotatedRectangles()
    if way == "cells":
        masks = benchmark(rectangles.masks, plane, 1 << 10)
    else:
        masks = benchmark.pedantic(HypothesisClass.masks, (rectangles, plane, 1 << 10), rounds=1)
    assert len(set(masks)) == theory.growth_on_sample(points(10), "rotated_rectangles")


def tables() -> dict[str, Any]:
    """4096 rules and 64 points of the plane."""
    rng = np.random.default_rng(0)
    plane = rng.random((64, 2))
    low = rng.random((4096, 2))
    inside = (plane >= low[:, None]) & (plane <= (low + rng.random((4096, 2)))[:, None])
    lines = (plane - 0.5) @ rng.standard_normal((2, 4096)) + 0.3 * rng.standard_normal(4096) > 0
    return {"boxes": inside.all(axis=2), "half-planes": lines.T, "one in twelve": rng.random((4096, 64)) < 1 / 12}


@pytest.mark.parametrize("name, dimension", [("boxes", 4), ("half-planes", 3)])
@pytest.mark.parametrize("way", ["core", "Python"])
def test_a_table_of_4096_by_64(benchmark: Any, name: str, dimension: int, way: str) -> None:
    table = tables()[name]
    if way == "core":
        assert benchmark(theory.vc_dimension_finite, table).dim == dimension
        return
    columns, _, rows = _distinct_columns(table)
    found = benchmark.pedantic(brute_force.largest_shattered_set, (columns, [(1 << rows) - 1]), rounds=1)
    assert len(found) == dimension


def test_a_random_table_of_4096_by_64(benchmark: Any) -> None:
    """Coin flips that come up once in twelve. Fair coins are out of reach: see the documentation."""
    found = benchmark.pedantic(theory.vc_dimension_finite, (tables()["one in twelve"],), rounds=1)
    assert found.dim == len(found.witness)
