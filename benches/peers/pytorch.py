"""torch, eager: on the arrays that we get, on tensors already in channels_last, and in float64 as the judge."""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from peers import characters, inference, pointwise, training
from problems import Array, Arrays, Contender, Mode, Row, as_dtype

SPATIAL = {"conv1d": F.conv1d, "conv2d": F.conv2d, "conv3d": F.conv3d, "conv_transpose2d": F.conv_transpose2d}
POOLS = {"max_pool2d": F.max_pool2d, "avg_pool2d": F.avg_pool2d}
CELLS = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def contenders(row: Row, arrays: Arrays, dy: Array | None, mode: Mode, threads: int) -> list[Contender]:
    """Build torch as it comes, and the variants that it may do better in."""
    found = [_contender("torch", row, arrays, dy, mode, threads)]
    if row.kind in ("convolution", "pool", "network") and len(row.x) == 4:
        found.append(_contender("torch channels_last", row, arrays, dy, mode, threads, torch.channels_last))
    if row.kind in ("recurrent", "character", "network") and mode == "training" and threads > 1:
        found.append(_contender("torch, 1 thread", row, arrays, dy, mode, 1))
    return found


def judge(row: Row, arrays: Arrays, dy: Array | None, mode: Mode) -> Arrays:
    """Compute the row in float64."""
    wide = {name: as_dtype(name, value, "float64") for name, value in arrays.items()}
    wide_dy = None if dy is None else dy.astype("float64")
    contender = _contender("float64", row, wide, wide_dy, mode, torch.get_num_threads())
    return contender.first() if contender.first else contender.arrays(contender.run())


def _contender(
    name: str,
    row: Row,
    arrays: Arrays,
    dy: Array | None,
    mode: Mode,
    threads: int,
    layout: Any = torch.contiguous_format,
) -> Contender:
    ready = partial(torch.set_num_threads, threads)
    if row.characters:
        return characters.pytorch(name, row, arrays, mode, str(arrays["head_weight"].dtype), ready)
    if row.network and mode == "forward":
        return inference.pytorch(name, row, arrays, layout, ready)
    if row.network:
        return training.pytorch(name, row, arrays, str(arrays["x"].dtype), layout, ready)
    place = partial(_place, layout=layout, gradient=mode == "training")
    x = place(arrays["x"])
    forward, parameters = _forward(row, arrays, mode, place)
    if mode == "forward":
        return Contender(name, lambda: forward(x), lambda y: {"y": y.numpy()}, ready)
    wanted = {"x": x, **parameters}
    cotangent = _place(dy, layout, False)

    def run() -> Any:
        y = forward(x)
        return y, torch.autograd.grad(y, tuple(wanted.values()), cotangent)

    return Contender(name, run, partial(_gradients, tuple(wanted)), ready)


def _gradients(names: tuple[str, ...], result: Any) -> Arrays:
    y, gradients = result
    return {"y": y.detach().numpy(), **{name: g.numpy() for name, g in zip(names, gradients, strict=True)}}


def _place(array: Array | None, layout: Any, gradient: bool) -> Any:
    tensor = torch.from_numpy(array).clone()
    if tensor.ndim == 4:
        tensor = tensor.contiguous(memory_format=layout)
    return tensor.requires_grad_(gradient)


def _forward(row: Row, arrays: Arrays, mode: Mode, place: Any) -> tuple[Any, dict[str, Any]]:
    if row.kind == "pointwise":
        return pointwise.pytorch(row, arrays, mode, place)
    if row.kind == "pool":
        return partial(POOLS[row.op], kernel_size=row.kernel_size, stride=row.stride, padding=row.padding), {}
    if row.kind == "convolution":
        return _convolution(row, place(arrays["weight"]), place(arrays["bias"]))
    return _recurrent(row, arrays, place)


def _convolution(row: Row, weight: Any, bias: Any) -> tuple[Any, dict[str, Any]]:
    options: dict[str, Any] = {"stride": row.stride, "dilation": row.dilation, "groups": row.groups}
    operation, parameters = SPATIAL[row.op], {"weight": weight, "bias": bias}
    if row.padding == "causal":
        left = row.dilation * (row.weight[-1] - 1)
        return lambda x: operation(F.pad(x, (left, 0)), weight, bias, **options), parameters
    return lambda x: operation(x, weight, bias, padding=row.padding, **options), parameters


def _recurrent(row: Row, arrays: Arrays, place: Any) -> tuple[Any, dict[str, Any]]:
    dtype = getattr(torch, str(arrays["x"].dtype))
    network = CELLS[row.op](row.x[2], row.hidden, row.layers, bidirectional=row.bidirectional, dtype=dtype)
    suffix = "" if row.stacked else "_l0"
    names = [name for name in arrays if name.startswith(PARAMETERS)]
    network.load_state_dict({name + suffix: torch.from_numpy(arrays[name]) for name in names})
    network.requires_grad_(place.keywords["gradient"])
    parameters = {name: getattr(network, name + suffix) for name in names}
    if not row.lengths:
        return lambda x: network(x)[0], parameters
    lengths = torch.from_numpy(arrays["lengths"])

    def ragged(x: Any) -> Any:
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        return torch.nn.utils.rnn.pad_packed_sequence(network(packed)[0], total_length=row.x[0])[0]

    return ragged, parameters
