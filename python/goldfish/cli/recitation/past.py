"""What a recurrent network is, and how much the past weighs in it."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

import goldfish as gf
from goldfish import diagnostics, drawing, nn
from goldfish.cli.recitation.worked import Group, Number

_NON_NORMAL = np.array([[0.9, 5.0], [0.0, 0.9]])
_FORGETFUL = 9.785334952496471e-61


def _unit(weight: float, nonlinearity: str = "relu") -> nn.RNN:
    """One unit with this feedback; a positive relu unit is linear."""
    unit = nn.RNN(1, 1, nonlinearity=nonlinearity, dtype="float64", rng=0)  # type: ignore[arg-type]
    weights = {"weight_ih_l0": [[1.0]], "weight_hh_l0": [[weight]], "bias_ih_l0": [0.0], "bias_hh_l0": [0.0]}
    unit.load_state_dict({name: np.array(value) for name, value in weights.items()})
    return unit


def _influence(weight: float) -> Any:
    return diagnostics.influence(_unit(weight), np.ones((5, 1)))


def _share(weight: float) -> Any:
    return diagnostics.influence_share(_unit(weight), np.ones((5, 1)))


def _trend(weight: float) -> str:
    """Which of the inputs weigh more in the last output."""
    steps = np.diff(_influence(weight))
    return (
        "newer" if (steps > 0).all() else "older" if (steps < 0).all() else "all alike" if not steps.any() else "mixed"
    )


def _saturating() -> tuple[nn.RNN, Any]:
    return _unit(2.0, "tanh"), np.full((50, 1), 0.5)


def _drawn(view: Any, steps: int, hidden: int = 2) -> list[int]:
    """Cells, recurrent edges, input edges and output edges of a picture."""
    picture = drawing.draw_rnn(view=view, T=steps, hidden=hidden)
    classes = [set(found.split()) for found in re.findall(r'class="([^"]*)"', picture)]
    wanted = ({"node", "cell"}, {"edge", "recurrent"}, {"edge", "input"}, {"edge", "output"})
    return [sum(kind <= found for found in classes) for kind in wanted]


def _causal() -> bool:
    """Whether a change of the input of a step leaves every earlier output as it was, bit by bit."""
    unit, x = nn.RNN(3, 4, rng=0), np.random.default_rng(0).standard_normal((1, 9, 3)).astype(np.float32)
    before = unit(x)
    same = []
    for step in range(9):
        changed = x.copy()
        changed[0, step] += 1
        after = unit(changed)
        same.append(
            np.array_equal(after[0, :step], before[0, :step]) and not np.array_equal(after[0, step], before[0, step])
        )
    return all(same)


def _scores() -> tuple[tuple[int, ...], bool]:
    model = nn.Sequential(nn.RNN(3, 4, rng=0), nn.Linear(4, 1, rng=0), nn.Sigmoid())
    y = model(np.random.default_rng(0).standard_normal((1, 9, 3)).astype(np.float32))
    return y.shape, bool(((y > 0) & (y < 1)).all())


def _sizes_of_any_length() -> Any:
    model = nn.Sequential(nn.RNN(3, 4, rng=0), nn.Linear(4, 2, rng=0))
    return [diagnostics.count_parameters(model, (steps, 3)).total for steps in (1, 9, 1000)]


def _clipped(gradient: tuple[float, float], most: float) -> tuple[float, ...]:
    """The norm before clipping, and the gradient after it."""
    layer = nn.Linear(2, 1, bias=False, dtype="float64", rng=0)
    layer.grads["weight"] = kept = np.array([gradient], dtype=float)
    norm = nn.clip_grad_norm(layer, most)
    return (float(norm), *kept[0].tolist())


def _power(weight: float) -> float:
    return float(diagnostics.recurrent_report([[weight]], activation="linear", K=1000).power_norms[1000])


def _wiring(kind: Any, into: int, out: int | None = None) -> str:
    """Steps that read and steps that answer."""
    found = diagnostics.wiring(kind, into, out)
    return " ".join("".join("1" if step else "0" for step in mask) for mask in (found.inputs, found.outputs))


def _look_up() -> bool:
    weight = np.random.default_rng(0).standard_normal((4, 6))
    hot = nn.OneHot(6)(np.arange(6)).astype(float)
    return all(np.array_equal(weight @ hot[i], weight[:, i]) for i in range(6))


def _one_hot_layer() -> bool:
    """Whether numbers of categories do in a recurrent layer exactly what their one-hot rows do."""
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 6, (5, 2))
    weights = rng.standard_normal((4, 6)), rng.standard_normal((4, 4))
    return bool(np.array_equal(gf.rnn(ids, None, *weights)[0], gf.rnn(np.eye(6)[ids], None, *weights)[0]))


def _fed_back() -> tuple[bool, bool]:
    """Whether a sampled text repeats with its number, and whether a bold one has no chance left in it."""
    from goldfish.models import CharLanguageModel

    settings: dict[str, Any] = {"hidden_size": 16, "num_layers": 1, "truncate": 8, "max_iter": 3, "random_state": 0}
    model = CharLanguageModel(**settings).fit("abcab cabba " * 20)
    repeats = model.sample(40, random_state=3) == model.sample(40, random_state=3)
    bold = {model.sample(20, prompt="a", top_k=1, random_state=number) for number in range(5)}
    return repeats, len(bold) == 1


def _chain_rule() -> bool:
    """Backpropagation through time against central differences of every weight, to seven digits."""
    rng = np.random.default_rng(0)
    x, pull = rng.standard_normal((6, 2, 3)), rng.standard_normal((6, 2, 4))
    weights = [rng.standard_normal(shape) / 2 for shape in ((4, 3), (4, 4), (4,), (4,))]

    def value() -> float:
        return float((gf.rnn(x, None, *weights)[0] * pull).sum())

    _, _, cache = gf.rnn_forward(x, None, *weights)
    grads = gf.rnn_backward(pull, None, cache)
    for weight, grad in zip(weights, map(np.asarray, grads[2:]), strict=True):
        for place in np.ndindex(weight.shape):
            kept = weight[place]
            weight[place] = kept + 1e-6
            up = value()
            weight[place] = kept - 1e-6
            down = value()
            weight[place] = kept
            if not math.isclose((up - down) / 2e-6, grad[place], rel_tol=1e-7, abs_tol=1e-7):
                return False
    return True


GROUPS = (
    Group(
        "What a recurrent network is",
        "Elman 1990; Goodfellow, Bengio and Courville, Deep Learning, 2016, chapter 10",
        (
            Number(
                "a sentence of nine words unrolls to: cells, recurrent, input and output edges",
                (9, 8, 9, 9),
                lambda: _drawn("unrolled", 9),
            ),
            Number("parameters for 1, 9 and 1000 steps", (46, 46, 46), _sizes_of_any_length),
            Number("a score for each of nine steps, every one between 0 and 1", ((1, 9, 1), True), _scores),
            Number("no output knows of a later input", True, _causal),
            Number(
                "two hidden units, five steps, every unit drawn: cells and edges",
                (10, 16, 10, 10),
                lambda: _drawn("projection", 5),
            ),
            Number("backpropagation through time is the chain rule", True, _chain_rule),
        ),
    ),
    Group(
        "The weight of the past",
        "Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013",
        (
            Number(
                "feedback 0.1: weight of five inputs in the last output",
                (1e-4, 1e-3, 1e-2, 0.1, 1.0),
                lambda: _influence(0.1),
            ),
            Number("their sum", 1.1111, lambda: _influence(0.1).sum()),
            Number("share of the first", 1e-4 / 1.1111, lambda: _share(0.1)[0]),
            Number("feedback 2: weights", (16.0, 8.0, 4.0, 2.0, 1.0), lambda: _influence(2)),
            Number("their sum at feedback 2", 31.0, lambda: _influence(2).sum()),
            Number("shares", (0.516129, 0.258065, 0.129032, 0.064516, 0.032258), lambda: _share(2), rel=2e-5),
            Number("feedback 1: weights", (1.0,) * 5, lambda: _influence(1)),
            Number(
                "what weighs more at feedback 0.3, 1 and 3",
                ("newer", "all alike", "older"),
                lambda: [_trend(w) for w in (0.3, 1, 3)],
            ),
            Number(
                "a saturating unit of feedback 2, fifty steps: slope of its last state by its first",
                _FORGETFUL,
                lambda: np.prod(diagnostics.state_jacobians(*_saturating())),
            ),
            Number(
                "and by its first input: forgotten, although 2 is more than 1",
                _FORGETFUL / 2,
                lambda: diagnostics.influence(*_saturating())[0],
            ),
            Number(
                "feedback (0.9 5, 0 0.9): spectral radius",
                0.9,
                lambda: diagnostics.recurrent_report(_NON_NORMAL, activation="linear").spectral_radius,
            ),
            Number(
                "norms of its powers 1, 2, 5, 10, 20, 50, 100: up first, then to nothing",
                (
                    5.157066051117,
                    9.072318886517,
                    16.423730161277,
                    19.377298629746,
                    13.509611278006,
                    1.431622777606,
                    0.0147563805257,
                ),
                lambda: [
                    diagnostics.recurrent_report(_NON_NORMAL, activation="linear").power_norms[k]
                    for k in (1, 2, 5, 10, 20, 50, 100)
                ],
            ),
            Number(
                "0.9 and 1.1, a thousand times",
                (1.747871251723e-46, 2.469932918006e41),
                lambda: (_power(0.9), _power(1.1)),
            ),
        ),
    ),
    Group(
        "Wiring, clipping, sampling",
        "Karpathy, The unreasonable effectiveness of recurrent neural networks, 2015; Pascanu, Mikolov and Bengio 2013",
        (
            Number(
                "one to many, four steps: who reads, who answers", "1000 1111", lambda: _wiring("one-to-many", 1, 4)
            ),
            Number("many to one", "1111 0001", lambda: _wiring("many-to-one", 4)),
            Number("many to many", "111 111", lambda: _wiring("many-to-many", 3)),
            Number("many to many, answered after reading", "11100 00011", lambda: _wiring("seq2seq", 3, 2)),
            Number(
                "gradient (3, 4) clipped to 1: norm before, gradient after",
                (5.0, 0.6, 0.8),
                lambda: _clipped((3, 4), 1),
            ),
            Number("clipped to 5", (5.0, 3.0, 4.0), lambda: _clipped((3, 4), 5)),
            Number("clipped to 10", (5.0, 3.0, 4.0), lambda: _clipped((3, 4), 10)),
            Number("gradient (0, 0) clipped to 1", (0.0, 0.0, 0.0), lambda: _clipped((0, 0), 1)),
            Number("a matrix times a one-hot vector is its column", True, _look_up),
            Number("a recurrent layer reads category numbers as one-hot rows", True, _one_hot_layer),
            Number(
                "a text drawn letter by letter repeats with its number; the likeliest letters need no number",
                (True, True),
                _fed_back,
            ),
        ),
    ),
)
