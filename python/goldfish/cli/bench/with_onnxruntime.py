"""The cases in ONNX Runtime, which has no gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from goldfish.cli.bench.cases import Array, Case, Run

# Which of our gates stands at each place of ONNX's order: i o f c and z r h.
_GATES = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 3, 1, 2)}
_NODES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
# The oldest versions that have these operations as they are used here, so that any runtime reads them.
_OPSET, _IR = 14, 8


def build(case: Case, threads: int) -> Run | None:
    """The case as a call, or None if it asks for gradients.

    Parameters
    ----------
    case : Case
        What to compute.
    threads : int
        For ONNX Runtime too.

    Returns
    -------
    callable or None
    """
    import onnx
    import onnxruntime

    if "dy" in case.arrays:
        return None
    node, constants = _node(case)
    graph = onnx.helper.make_graph(
        [node],
        case.name,
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, case.arrays["x"].shape)],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [onnx.helper.make_opsetid("", _OPSET)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    recurrent = case.kind in _NODES

    def run() -> tuple[Any, ...]:
        y = session.run(None, {"x": case.arrays["x"]})[0]
        return (y[:, 0] if recurrent else y,)  # an axis of directions

    return run


def _node(case: Case) -> tuple[Any, dict[str, Array]]:
    from onnx.helper import make_node as make

    if case.kind == "max_pool2d":
        return make("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2]), {}
    if case.kind == "conv2d":
        constants = {name: case.arrays[name] for name in ("weight", "bias")}
        return make("Conv", ["x", "weight", "bias"], ["y"], pads=[1, 1, 1, 1]), constants
    hidden = case.arrays["weight_hh"].shape[1]
    ordered = {
        name: np.concatenate([np.split(case.arrays[name], len(_GATES[case.kind]))[gate] for gate in _GATES[case.kind]])
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    constants = {
        "weight_ih": ordered["weight_ih"][None],
        "weight_hh": ordered["weight_hh"][None],
        "bias": np.concatenate([ordered["bias_ih"], ordered["bias_hh"]])[None],
    }
    # Reset after the product, as in PyTorch.
    more = {"linear_before_reset": 1} if case.kind == "gru" else {}
    return make(_NODES[case.kind], ["x", *constants], ["y"], hidden_size=hidden, **more), constants
