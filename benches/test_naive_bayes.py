"""What a scikit-learn user gains: fit and predict_log_proba of 100,000 rows, 100 features, 10 classes.

    python -m pytest benches/test_naive_bayes.py --benchmark-enable --benchmark-group-by=param:row
    python benches/test_naive_bayes.py      # both in turn, block by block: times and their ratios

Without ``--benchmark-enable`` every call runs once, which checks the two for equality and times nothing.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.naive_bayes

import goldfish.naive_bayes

ROWS = {
    "gaussian": ("GaussianNB", np.float64),
    "multinomial": ("MultinomialNB", np.float64),
    "multinomial-int": ("MultinomialNB", np.int64),
    "categorical": ("CategoricalNB", np.int64),
}
PEERS = {"goldfish": goldfish.naive_bayes, "scikit-learn": sklearn.naive_bayes}


def data(row: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 100_000)
    name, dtype = ROWS[row]
    if name == "GaussianNB":
        return rng.normal(0.1 * y[:, None], 1.0, (len(y), 100)), y
    return rng.integers(0, 8, (len(y), 100)).astype(dtype), y


def check(row: str, X: Any, y: Any) -> None:
    """The two predict the same."""
    ours, theirs = (getattr(module, ROWS[row][0])().fit(X, y).predict_log_proba(X) for module in PEERS.values())
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("part", ["fit", "predict_log_proba"])
def test_naive_bayes(benchmark: Any, row: str, peer: str, part: str) -> None:
    X, y = data(row)
    if peer == "goldfish" and part == "fit":
        check(row, X, y)
    clf = getattr(PEERS[peer], ROWS[row][0])().fit(X, y)
    if part == "fit":
        benchmark(clf.fit, X, y)
    else:
        benchmark(clf.predict_log_proba, X)


def seconds(call: Callable[..., Any], *arguments: Any) -> float:
    """How long a call takes when the threads of the one before have gone to sleep: BLAS's spin for a while."""
    time.sleep(0.1)
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def main(blocks: int = 7) -> None:
    print("row              part                  ours   scikit-learn / ours: median  least")
    for row, (name, _) in ROWS.items():
        X, y = data(row)
        check(row, X, y)
        taken: dict[tuple[str, str], list[float]] = {}
        for _ in range(blocks):
            for peer, module in PEERS.items():
                clf = getattr(module, name)()
                taken.setdefault((peer, "fit"), []).append(seconds(clf.fit, X, y))
                taken.setdefault((peer, "predict_log_proba"), []).append(seconds(clf.predict_log_proba, X))
        for part in ("fit", "predict_log_proba"):
            ours, theirs = (taken[peer, part] for peer in PEERS)
            ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
            least, median = min(ratios), statistics.median(ratios)
            print(f"{row:16} {part:18} {1e3 * statistics.median(ours):7.1f} ms {median:28.1f} {least:6.1f}", flush=True)


if __name__ == "__main__":
    main()
