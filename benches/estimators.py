"""Compare whole estimators with what they replace: MLPClassifier, and loops of the same networks in torch.

    python benches/estimators.py --threads 2 --json benches/results

The network of the torch loop starts from our weights and meets the same batches in the same order; before anything is
timed, its losses must be ours. MLPClassifier has another network, of which only the hidden layer is the same; it stands
there for what the user had before. The contenders take turns in blocks (A B C A B C ...).
"""

import argparse
import calendar
import datetime
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
from goldfish.models import CharLanguageModel, ConvNetClassifier, RecurrentClassifier, Seq2Seq
from measure import Comparison, compare
from problems import Array, Contender

EPOCHS = 5
NEVER = 10**6
Batches = list[tuple[Any, ...]]


class Row(NamedTuple):
    """A call of an estimator, and those that replace it; each returns the losses of the epochs, a text, or None."""

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


class Translator(torch.nn.Module):  # type: ignore[misc]
    """`Seq2Seq`'s network in torch: a packed encoder in both directions, its states at every step of the decoder."""

    def __init__(self, start: dict[str, torch.Tensor], size: int) -> None:
        super().__init__()
        embedding, gru, linear = torch.nn.Embedding, torch.nn.GRU, torch.nn.Linear
        sources, targets = (len(start[f"{part}.embedding.weight"]) for part in ("encoder", "decoder"))
        self.encoder = torch.nn.ModuleDict(
            {"embedding": embedding(sources, 64), "recurrent": gru(64, size, batch_first=True, bidirectional=True)}
        )
        self.decoder = torch.nn.ModuleDict(
            {
                "start": torch.nn.Sequential(linear(2 * size, size), torch.nn.Tanh()),
                "embedding": embedding(targets, 64),
                "recurrent": gru(64 + 2 * size, size, batch_first=True),
                "head": torch.nn.Sequential(torch.nn.Dropout(0.0), linear(size, targets)),
            }
        )
        self.load_state_dict(start)

    def forward(self, source: Any, lengths: Any, previous: Any) -> Any:
        """Logits, the tokens on axis 1."""
        vectors = self.encoder["embedding"](source)
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        context = torch.cat(tuple(self.encoder["recurrent"](packed)[1]), dim=1)
        vectors = self.decoder["embedding"](previous)
        inputs = torch.cat([vectors, context[:, None].expand(-1, vectors.shape[1], -1)], dim=2)
        y, _ = self.decoder["recurrent"](inputs, self.decoder["start"](context)[None])
        return self.decoder["head"](y).transpose(1, 2)


def dates() -> Row:
    """Seq2Seq on 2,000 dates such as "3 May 1998", 10 to 17 characters to the 10 of ISO 8601."""
    days = np.random.default_rng(0).integers(73_000, size=2_000).tolist()
    found = [datetime.date(1900, 1, 1) + datetime.timedelta(days=day) for day in days]
    X = [f"{day.day} {calendar.month_name[day.month]} {day.year}" for day in found]
    y = [day.isoformat() for day in found]
    ours = Seq2Seq(batch_size=64, max_iter=EPOCHS, n_iter_no_change=NEVER, shuffle=False, random_state=0)
    start = initial(ours, X, y)
    number = {side: {token: at for at, token in enumerate(tokens)} for side, tokens in token_lists(ours).items()}
    sources = [torch.tensor([number["X"][character] for character in text]) for text in X]
    targets = torch.tensor([[number["y"][character] for character in text] for text in y])
    ends = torch.full((len(y), 1), len(number["y"]))
    previous, following = torch.cat([ends, targets], dim=1), torch.cat([targets, ends], dim=1)
    lengths = torch.tensor([len(text) for text in X])
    rows = [slice(at, at + 64) for at in range(0, len(X), 64)]
    batches: Batches = [
        (pad_sequence(sources[at], batch_first=True), lengths[at], previous[at], following[at]) for at in rows
    ]
    return Row(
        "dates",
        {
            "goldfish": lambda: ours.fit(X, y).loss_curve_,
            "torch, PackedSequence": lambda: loop(Translator(start, 128), batches),
        },
    )


def token_lists(estimator: Seq2Seq) -> dict[str, list[Any]]:
    """The tokens of sources and of targets."""
    return {"X": estimator.source_tokens_, "y": estimator.target_tokens_}


class Characters(torch.nn.Module):  # type: ignore[misc]
    """`CharLanguageModel`'s network in torch."""

    def __init__(self, start: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.size = len(start["head.bias"])
        self.recurrent = torch.nn.LSTM(self.size, 256, 2, batch_first=True)
        self.head = torch.nn.Linear(256, self.size)
        self.load_state_dict(start)

    def write(self, count: int, number: int, draws: Array) -> list[int]:
        """Numbers drawn one after the other, each fed back."""
        state, written = None, []
        with torch.inference_mode():
            for draw in draws[:count].tolist():
                x = torch.nn.functional.one_hot(torch.tensor([[number]]), self.size).float()
                y, state = self.recurrent(x, state)
                logits = self.head(y)[0, 0].double().numpy()
                cumulative = np.exp(logits - logits.max()).cumsum()
                number = min(int(cumulative.searchsorted(draw * cumulative[-1], side="right")), self.size - 1)
                written.append(number)
        return written


def sampling() -> Row:
    """CharLanguageModel.sample: 1,000 characters of 65 from an LSTM of 2 x 256."""
    rng = np.random.default_rng(0)
    alphabet = "".join(map(chr, range(40, 105)))
    text = "".join(alphabet[number] for number in rng.integers(65, size=3_000))
    model = CharLanguageModel(hidden_size=256, max_iter=2, learning_rate_init=4e-3, random_state=0).fit(text)
    state = {name: torch.from_numpy(value) for name, value in model.model_.state_dict().items()}
    network, draws = Characters(state), np.random.default_rng(1).random(1_000)
    return Row(
        "sample-1000",
        {
            "goldfish": lambda: model.sample(1_000, alphabet[0], random_state=1)[1:],
            "torch": lambda: "".join(alphabet[number] for number in network.write(1_000, 0, draws)),
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
        if isinstance(losses, str):
            # Later a rounding may turn one draw, and with it all that follow.
            assert losses[:100] == expected[:100], f"{row.name}: {name}"
            assert len(losses) == len(expected), f"{row.name}: {name}"
        elif losses is not None:
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
    for row in (digits(), ragged_text(), dates(), sampling()):
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
