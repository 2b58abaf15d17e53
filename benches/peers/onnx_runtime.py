"""ONNX Runtime: forward passes as graphs of one operator with constant weights."""

from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from peers import characters, inference, pointwise
from problems import Array, Arrays, Contender, Mode, Row

OPERATORS = {
    "conv1d": "Conv",
    "conv2d": "Conv",
    "conv3d": "Conv",
    "conv_transpose2d": "ConvTranspose",
    "max_pool2d": "MaxPool",
    "avg_pool2d": "AveragePool",
    "rnn": "RNN",
    "lstm": "LSTM",
    "gru": "GRU",
    **pointwise.OPERATORS,
}
# Our gate order is torch's: i f g o and r z n; ONNX has i o f c and z r h.
GATES = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
OPSET = 17


def contenders(row: Row, arrays: Arrays, dy: Array | None, mode: Mode, threads: int) -> list[Contender]:
    """Build a session, or nothing where ONNX Runtime has no such kernel or no gradient."""
    if row.characters and mode == "forward":
        return [characters.onnx_runtime(row, arrays, OPERATORS[row.op], GATES[row.op], threads)]
    if row.network and mode == "forward":
        return [inference.onnx_runtime(row, arrays, threads, OPSET)]
    if mode != "forward" or row.stacked or row.network or row.op not in OPERATORS:
        return []
    try:
        session = _session(row, arrays, threads)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        return []
    feed = {"x": arrays["x"]}
    recurrent = row.kind == "recurrent"
    return [Contender("ONNX Runtime", lambda: session.run(["y"], feed), lambda out: {"y": _output(out[0], recurrent)})]


def _output(y: Array, recurrent: bool) -> Array:
    return y[:, 0] if recurrent else y


def _session(row: Row, arrays: Arrays, threads: int) -> Any:
    describe = {"recurrent": _recurrent, "pointwise": pointwise.onnx}.get(row.kind, _spatial)
    constants, attributes = describe(row, arrays)
    inputs = ["x", *constants]
    node = helper.make_node(OPERATORS[row.op], inputs, ["y"], **attributes)
    element = TensorProto.DOUBLE if row.dtype == "float64" else TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        row.name,
        [helper.make_tensor_value_info("x", element, row.x)],
        [helper.make_tensor_value_info("y", element, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _spatial(row: Row, arrays: Arrays) -> tuple[Arrays, dict[str, Any]]:
    axes = len(row.x) - 2
    kernel = row.weight[2:] or (row.kernel_size,) * axes
    pads = [row.dilation * (kernel[0] - 1), 0] if row.padding == "causal" else [int(row.padding)] * (2 * axes)
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": [row.stride] * axes, "pads": pads}
    if row.kind == "pool":
        return {}, attributes
    attributes |= {"dilations": [row.dilation] * axes, "group": row.groups}
    return {"weight": arrays["weight"], "bias": arrays["bias"]}, attributes


def _recurrent(row: Row, arrays: Arrays) -> tuple[Arrays, dict[str, Any]]:
    def reorder(name: str) -> Array:
        gates = np.split(arrays[name], len(GATES[row.op]))
        return np.concatenate([gates[number] for number in GATES[row.op]])

    constants = {
        "weight_ih": reorder("weight_ih")[None],
        "weight_hh": reorder("weight_hh")[None],
        "bias": np.concatenate([reorder("bias_ih"), reorder("bias_hh")])[None],
    }
    if row.lengths:
        constants["lengths"] = arrays["lengths"].astype(np.int32)
    attributes: dict[str, Any] = {"hidden_size": row.hidden}
    if row.op == "gru":
        attributes["linear_before_reset"] = 1
    return constants, attributes
