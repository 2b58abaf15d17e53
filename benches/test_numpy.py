"""What a NumPy user gains: each row beside im2col and a product, reduced windows, or a loop over time.

    python -m pytest benches/test_numpy.py --benchmark-enable --benchmark-group-by=param:row

Without ``--benchmark-enable`` every call runs once, which checks the two for equality and times nothing.
"""

from typing import Any

import numpy as np
import pytest

from peers import ours, plain_numpy
from problems import Row, make_arrays, read_rows

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}

# NumPy needs seconds for the others.
LARGEST_INPUT = 2_000_000


def rows() -> list[Row]:
    candidates = [row for row in read_rows() if np.prod(row.x) <= LARGEST_INPUT]
    return [row for row in candidates if plain_numpy.supports(row) and ours.missing(row) is None]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
@pytest.mark.parametrize("module", [ours, plain_numpy], ids=["goldfish", "numpy"])
def test_forward(benchmark: Any, row: Row, module: Any) -> None:
    arrays = make_arrays(row)
    contender, expected = (
        candidate.contenders(row, arrays, None, "forward", 2)[0] for candidate in (module, plain_numpy)
    )
    contender.ready()
    result = benchmark(contender.run)
    y, truth = contender.arrays(result)["y"], expected.arrays(expected.run())["y"]
    assert np.abs(y - truth).max() <= TOLERANCE[row.dtype] * np.abs(truth).max()
