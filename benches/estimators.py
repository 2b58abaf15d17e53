"""Compare `fit` of whole estimators with what it replaces: MLPClassifier, and a loop of the same network in torch.

    python benches/estimators.py --threads 2 --json benches/results

The network of the torch loop starts from our weights and meets the same batches in the same order; before anything is
timed, its losses must be ours. MLPClassifier has another network, of which only the hidden layer is the same; it stands
there for what the user had before. The contenders take turns in blocks (A B C A B C ...).
"""

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

import goldfish as gf
from goldfish.models import ConvNetClassifier, RecurrentClassifier
from measure import Comparison, compare
from problems import Array, Contender

EPOCHS = 5
NEVER = 10**6
Batches = list[tuple[Any, ...]]


class Row(NamedTuple):
    """An estimator's fit, and the calls that replace it; each returns the losses of the epochs, or None."""

    name: str
    peers: dict[str, Callable[[], Any]]


def digits() -> Row:
    """ConvNetClassifier on scikit-learn's 1,797 digits of 8 x 8 pixels."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    options: dict[str, Any] = {
        "image_shape": (1, 8, 8),
        "batch_size": 64,
        "max_iter": EPOCHS,
        "n_iter_no_change": NEVER,
    }
    ours = ConvNetClassifier(shuffle=False, random_state=0, **options)
    perceptron = MLPClassifier((128,), batch_size=64, max_iter=EPOCHS, n_iter_no_change=NEVER, tol=0, random_state=0)
    start = initial(ours, X, y)
    images, labels = torch.from_numpy(X.reshape(-1, 1, 8, 8)), torch.from_numpy(y)
    batches: Batches = [(images[at : at + 64], labels[at : at + 64]) for at in range(0, len(y), 64)]

    def network() -> torch.nn.Module:
        conv, linear = torch.nn.Conv2d, torch.nn.Linear
        layers = [conv(1, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        layers += [conv(32, 64, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        model = torch.nn.Sequential(*layers, torch.nn.Flatten(), linear(256, 128), torch.nn.ReLU(), linear(128, 10))
        model.load_state_dict(start)
        return model

    return Row(
        "digits",
        {
            "goldfish": lambda: ours.fit(X, y).loss_curve_,
            "torch": lambda: loop(network(), batches),
            "MLPClassifier": lambda: silent(perceptron, X, y),
        },
    )


class Reader(torch.nn.Module):  # type: ignore[misc]
    """Embedding, LSTM over a packed batch, dense layer on the last states."""

    def __init__(self, tokens: int, start: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(tokens, 64, padding_idx=0)
        self.recurrent = torch.nn.LSTM(64, 128, batch_first=True)
        self.head = torch.nn.Linear(128, 2)
        self.load_state_dict(start)

    def forward(self, batch: Any, lengths: Any) -> Any:
        """Logits."""
        packed = pack_padded_sequence(self.embedding(batch), lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.recurrent(packed)
        return self.head(h[-1])


def ragged_text() -> Row:
    """RecurrentClassifier on 2,000 texts of 3 to 60 words out of 2,000, of Zipf's frequencies."""
    rng = np.random.default_rng(0)
    frequencies = 1 / np.arange(1, 2001)
    words = 2 + rng.choice(2000, size=(2000, 60), p=frequencies / frequencies.sum())
    X = [row[:length] for row, length in zip(words, rng.integers(3, 61, size=2000), strict=True)]
    y = np.array([(row == 2).sum() % 2 for row in X])
    ours = RecurrentClassifier(
        hidden_size=128,
        embedding_dim=64,
        batch_size=64,
        max_iter=EPOCHS,
        n_iter_no_change=NEVER,
        shuffle=False,
        random_state=0,
    )
    start = initial(ours, X, y)
    numbers = [torch.from_numpy(np.searchsorted(ours.tokens_, row) + 1) for row in X]
    lengths, labels = torch.tensor([len(row) for row in X]), torch.from_numpy(y)
    rows = [slice(at, at + 64) for at in range(0, len(X), 64)]
    batches: Batches = [(pad_sequence(numbers[at], batch_first=True), lengths[at], labels[at]) for at in rows]
    return Row(
        "ragged-text",
        {
            "goldfish": lambda: ours.fit(X, y).loss_curve_,
            "torch, PackedSequence": lambda: loop(Reader(len(start["embedding.weight"]), start), batches),
        },
    )


def initial(estimator: Any, X: Any, y: Any) -> dict[str, torch.Tensor]:
    """The weights from which `fit` starts: those after an epoch whose steps are too small to change a float32."""
    steps = estimator.get_params()
    estimator.set_params(learning_rate_init=1e-30, max_iter=1).fit(X, y)
    state = {name: torch.from_numpy(value.copy()) for name, value in estimator.model_.state_dict().items()}
    estimator.set_params(learning_rate_init=steps["learning_rate_init"], max_iter=steps["max_iter"])
    return state


def loop(model: torch.nn.Module, batches: Batches) -> list[float]:
    """The usual loop; the mean loss of each epoch."""
    optimizer, losses = torch.optim.Adam(model.parameters()), []
    for _ in range(EPOCHS):
        total, count = 0.0, 0
        for *inputs, labels in batches:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(*inputs), labels)
            loss.backward()
            optimizer.step()
            total, count = total + float(loss.item()) * len(labels), count + len(labels)
        losses.append(total / count)
    return losses


def silent(estimator: Any, X: Array, y: Array) -> None:
    """Fit without the warning that more epochs would do better."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(X, y)


def check(row: Row) -> None:
    """The same network learns the same in torch."""
    expected = row.peers["goldfish"]()
    for name, run in row.peers.items():
        losses = run()
        if losses is not None:
            # Rounding grows from step to step.
            np.testing.assert_allclose(losses[0], expected[0], rtol=1e-4, err_msg=f"{row.name}: {name}, first epoch")
            np.testing.assert_allclose(losses, expected, rtol=2e-2, err_msg=f"{row.name}: {name}")


def measure(row: Row, blocks: int) -> Comparison:
    """Time all contenders in turn."""
    return compare([Contender(name, run, lambda result: {}) for name, run in row.peers.items()], blocks)


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="thread counts (default: 1 2)")
    parser.add_argument("--blocks", type=int, default=5, help="blocks per contender (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FOLDER", help="keep the figures in FOLDER/estimators.json")
    arguments = parser.parse_args(argv)
    kept = []
    for row in (digits(), ragged_text()):
        check(row)
        for threads in arguments.threads:
            torch.set_num_threads(threads)
            with gf.threads(threads):
                timings = measure(row, arguments.blocks)
            ours = timings.timings["goldfish"].blocks
            for name, timing in timings.timings.items():
                ratios = sorted(theirs / mine for theirs, mine in zip(timing.blocks, ours, strict=True))
                middle = ratios[len(ratios) // 2]
                print(
                    f"{row.name:12} {threads} threads  {name:22} {1e3 * timing.median:8.1f} ms   "
                    f"{middle:5.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}]   others {timings.foreign_share:.0%}"
                )
                kept.append(
                    {"row": row.name, "threads": threads, "contender": name, "seconds": timing.blocks, "ratio": middle}
                )
    if arguments.json:
        (arguments.json / "estimators.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
