"""The cases in PyTorch, eager, on tensors that share our arrays' memory."""

from __future__ import annotations

from typing import Any

from goldfish.cli.bench.cases import Case, Run

_CELLS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}


def build(case: Case, threads: int) -> Run | None:
    """The case as a call, or None if PyTorch has no such operation.

    Parameters
    ----------
    case : Case
        What to compute.
    threads : int
        For PyTorch too.

    Returns
    -------
    callable or None
    """
    import torch

    torch.set_num_threads(threads)
    tensors = {name: torch.from_numpy(array) for name, array in case.arrays.items()}
    x, dy = tensors["x"], tensors.get("dy")
    forward, wanted = _operation(case.kind, tensors)
    if dy is None:

        def run() -> tuple[Any, ...]:
            with torch.no_grad():
                return (forward(x).numpy(),)

        return run
    asked = [x.detach().clone().requires_grad_(), *wanted]

    def train() -> tuple[Any, ...]:
        y = forward(asked[0])
        return tuple(value.detach().numpy() for value in (y, *torch.autograd.grad(y, asked, dy)))

    return train


def _operation(kind: str, tensors: dict[str, Any]) -> tuple[Any, list[Any]]:
    """The forward call, and the weights whose gradients are asked for."""
    import torch

    if kind == "max_pool2d":
        return lambda x: torch.nn.functional.max_pool2d(x, 2), []
    if kind == "conv2d":
        weight, bias = (tensors[name].clone().requires_grad_() for name in ("weight", "bias"))
        return lambda x: torch.nn.functional.conv2d(x, weight, bias, padding=1), [weight, bias]
    hidden = tensors["weight_hh"].shape[1]
    cell = getattr(torch.nn, _CELLS[kind])(tensors["x"].shape[2], hidden)
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(cell, f"{name}_l0").copy_(tensors[name])
    return lambda x: cell(x)[0], [cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0]
