"""Inference of a convolutional network in each library, at its best settings and with the same weights."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

import goldfish as gf
from networks import BUILDERS
from problems import Array, Arrays, Contender, Row


def goldfish(row: Row, arrays: Arrays, ready: Callable[[], None]) -> Contender:
    """goldfish: the prepared model."""
    prepared, x = _model(row, arrays).prepare(row.x), arrays["x"]
    return Contender("goldfish", lambda: prepared(x), lambda y: {"y": y}, ready)


def _model(row: Row, arrays: Arrays) -> Any:
    model = BUILDERS[row.op](gf.nn)
    model.load_state_dict({name: value for name, value in arrays.items() if name != "x"})
    return model


class _Residual(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, layer: Any, shortcut: Any = None) -> None:
        super().__init__()
        self.layer, self.shortcut = layer, shortcut

    def forward(self, x: Any) -> Any:
        """The sum of both ways."""
        return self.layer(x) + (x if self.shortcut is None else self.shortcut(x))


_LAYERS = SimpleNamespace(**{**vars(torch.nn), "Residual": _Residual})


def pytorch(name: str, row: Row, arrays: Arrays, layout: Any, ready: Callable[[], None]) -> Contender:
    """torch, eager, in inference mode; in channels_last the weights and the images lie so beforehand."""
    model = BUILDERS[row.op](_LAYERS)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items() if name != "x"})
    x = torch.from_numpy(arrays["x"]).contiguous(memory_format=layout)
    model = model.to(dtype=x.dtype, memory_format=layout).eval()

    def run() -> Any:
        with torch.inference_mode():
            return model(x)

    return Contender(name, run, lambda y: {"y": y.numpy()}, ready)


def onnx_runtime(row: Row, arrays: Arrays, threads: int, opset: int) -> Contender:
    """ONNX Runtime: the whole network as one graph, with every optimisation."""
    graph = _Graph()
    y = graph.add(_model(row, arrays), "x")
    model = helper.make_graph(
        graph.nodes,
        row.name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, row.x)],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)],
        graph.constants,
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    proto = helper.make_model(model, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"x": arrays["x"]}
    return Contender("ONNX Runtime", lambda: session.run([y], feed), lambda found: {"y": found[0]})


class _Graph:
    """ONNX nodes of layers; every value has the number of its node as name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, layer: Any, x: str) -> str:
        """Add what a layer does to x; return the name of its output."""
        kind = type(layer).__name__
        children = layer.children
        if kind == "Sequential":
            for child in children.values():
                x = self.add(child, x)
            return x
        if kind == "Residual":
            shortcut = self.add(children["shortcut"], x) if "shortcut" in children else x
            return self._node("Add", self.add(children["layer"], x), shortcut)
        y: str = getattr(self, f"_{kind.lower()}")(layer, x)
        return y

    def _node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def _constant(self, value: Array) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _conv2d(self, layer: Any, x: str) -> str:
        values = [self._constant(value) for value in layer.params.values()]
        return self._node("Conv", x, *values, strides=[layer.stride] * 2, pads=[layer.padding] * 4)

    def _batchnorm2d(self, layer: Any, x: str) -> str:
        moments = (layer.buffers["running_mean"], layer.buffers["running_var"])
        values = [self._constant(value) for value in (*layer.params.values(), *moments)]
        return self._node("BatchNormalization", x, *values, epsilon=layer.eps)

    def _relu(self, _: Any, x: str) -> str:
        return self._node("Relu", x)

    def _maxpool2d(self, layer: Any, x: str) -> str:
        size = [layer.kernel_size] * 2
        stride = [layer.stride or layer.kernel_size] * 2
        return self._node("MaxPool", x, kernel_shape=size, strides=stride, pads=[layer.padding] * 4)

    def _adaptiveavgpool2d(self, _: Any, x: str) -> str:
        return self._node("GlobalAveragePool", x)

    def _flatten(self, _: Any, x: str) -> str:
        return self._node("Flatten", x)

    def _linear(self, layer: Any, x: str) -> str:
        values = [self._constant(value) for value in layer.params.values()]
        return self._node("Gemm", x, *values, transB=1)
