"""Character models: a step of training, and sampling one character at a time, in each library.

The networks are one-hot input, recurrent layers, a linear layer, as in the character models that everybody starts with.
A step of training is forward, cross-entropy, backward, clipping to norm 5 and Adam. Sampling draws by the same numbers
in every library, so that all write the same text; each keeps its state where it likes best.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from goldfish import nn
from jobs import CLIP, RATE, layer_name, make_model
from problems import Array, Arrays, Contender, Mode, Row, parameter_shapes, trainer


def draw(logits: Array, number: float) -> int:
    """The character whose share of the distribution contains the number."""
    cumulative = np.exp(logits - logits.max()).cumsum()
    return min(int(cumulative.searchsorted(number * cumulative[-1])), len(logits) - 1)


def goldfish(row: Row, arrays: Arrays, ready: Callable[[], None]) -> Contender:
    """goldfish, sampling: the model's sampler, which draws in the core."""
    sampler = nn.Sampler(make_model(row, arrays)[0])
    return Contender("goldfish", lambda: sampler(0, arrays["draws"])[1], lambda logits: {"y": logits}, ready)


class _Network(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, row: Row, arrays: Arrays, dtype: Any) -> None:
        super().__init__()
        cell = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[row.op]
        self.classes, self.dtype = row.x[2], dtype
        self.recurrent = cell(row.x[2], row.hidden, row.layers, batch_first=True, dtype=dtype)
        self.head = torch.nn.Linear(row.hidden, row.x[2], dtype=dtype)
        self.named = {name: self.get_parameter(layer_name(name)) for name in parameter_shapes(row)}
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(torch.from_numpy(arrays[name]))

    def forward(self, ids: Any, state: Any = None) -> Any:
        """Logits and state."""
        y, state = self.recurrent(torch.nn.functional.one_hot(ids, self.classes).to(self.dtype), state)
        return self.head(y), state


def pytorch(name: str, row: Row, arrays: Arrays, mode: Mode, dtype: str, ready: Callable[[], None]) -> Contender:
    """torch, eager."""
    model = _Network(row, arrays, getattr(torch, dtype))
    if mode == "forward":

        def sample() -> Any:
            with torch.inference_mode():
                number, state, found = 0, None, []
                for u in arrays["draws"]:
                    logits, state = model(torch.tensor([[number]]), state)
                    found.append(logits[0, 0].numpy())
                    number = draw(found[-1], u)
                return found

        return Contender(name, sample, lambda found: {"y": np.array(found)}, ready)
    ids, target = (torch.from_numpy(np.ascontiguousarray(arrays[name].T)) for name in ("x", "target"))
    optimizer = torch.optim.Adam(model.parameters(), RATE)

    def step() -> Any:
        optimizer.zero_grad()
        logits, _ = model(ids)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        return float(loss.item())

    def gradients() -> Arrays:
        return {name: p.grad.numpy().copy() for name, p in model.named.items()}

    return trainer(name, step, gradients, 1, ready)


def onnx_runtime(row: Row, arrays: Arrays, operator: str, gates: tuple[int, ...], threads: int) -> Contender:
    """ONNX Runtime: one run a character, with the states as inputs and outputs."""
    constants: Arrays = {"axis": np.array([1])}
    nodes, below = [], "x"
    parts = ("h", "c") if row.op == "lstm" else ("h",)
    places = [f"{part}{layer}" for layer in range(row.layers) for part in parts]
    for layer in range(row.layers):
        found = {kind: _reorder(arrays[f"{kind}_l{layer}"], gates) for kind in ("weight_ih", "weight_hh")}
        biases = [_reorder(arrays[f"{kind}_l{layer}"], gates) for kind in ("bias_ih", "bias_hh")]
        constants |= {f"{kind}{layer}": value[None] for kind, value in found.items()}
        constants[f"bias{layer}"] = np.concatenate(biases)[None]
        states = [f"{part}{layer}" for part in parts]
        inputs = [below, f"weight_ih{layer}", f"weight_hh{layer}", f"bias{layer}", "", *states]
        outputs = [f"y{layer}", *(f"{state}_next" for state in states)]
        options = {"linear_before_reset": 1} if row.op == "gru" else {}
        nodes.append(helper.make_node(operator, inputs, outputs, hidden_size=row.hidden, **options))
        below = f"below{layer + 1}"
        nodes.append(helper.make_node("Squeeze", [f"y{layer}", "axis"], [below]))
    constants |= {"head": np.ascontiguousarray(arrays["head_weight"].T), "head_bias": arrays["head_bias"]}
    nodes.append(helper.make_node("MatMul", [below, "head"], ["product"]))
    nodes.append(helper.make_node("Add", ["product", "head_bias"], ["logits"]))

    def info(name: str, shape: list[int]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        row.name,
        [info("x", [1, 1, row.x[2]]), *(info(place, [1, 1, row.hidden]) for place in places)],
        [info("logits", [1, 1, row.x[2]]), *(info(f"{place}_next", [1, 1, row.hidden]) for place in places)],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads, settings.log_severity_level = threads, 1, 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])

    def sample() -> Any:
        number, found = 0, []
        feed = {place: np.zeros((1, 1, row.hidden), np.float32) for place in places}
        feed["x"] = x = np.zeros((1, 1, row.x[2]), np.float32)
        for u in arrays["draws"]:
            x[0, 0, number] = 1
            logits, *states = session.run(None, feed)
            x[0, 0, number] = 0
            feed.update(zip(places, states, strict=True))
            found.append(logits[0, 0])
            number = draw(found[-1], u)
        return found

    return Contender("ONNX Runtime", sample, lambda found: {"y": np.array(found)})


def _reorder(value: Array, gates: tuple[int, ...]) -> Array:
    parts = np.split(value, len(gates))
    return np.concatenate([parts[number] for number in gates])
