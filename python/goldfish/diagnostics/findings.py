"""What is wrong with a recurrent network, in numbers, and what to do about it."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from goldfish.diagnostics._arguments import integer
from goldfish.diagnostics._gates import Units, units
from goldfish.diagnostics._scaled import Floats, log10
from goldfish.diagnostics._trajectory import Trajectory, read_sequences
from goldfish.diagnostics.gradient import LossFunction, gradient_norms, output_gradient
from goldfish.diagnostics.influence import influence_of
from goldfish.diagnostics.states import first_below
from goldfish.nn.layer import Layer
from goldfish.nn.recurrent import RNN, Recurrent

_VANISHES, _EXPLODES, _FLAT, _SATURATED, _FORGOTTEN = 1e-3, 1e3, 0.01, 0.5, 1e-3
_PROBES = 16


class Finding(NamedTuple):
    """One result of `diagnose_rnn`.

    Attributes
    ----------
    name : str
        What was looked at, with the name of the layer in parentheses where there are several.
    value, threshold : float
        What was measured, and the bound that it crosses or is to be compared with.
    advice : str
        What it means, and what helps.
    level : {"warning", "note"}
        Whether something should be changed.
    """

    name: str
    value: float
    threshold: float
    advice: str
    level: Literal["warning", "note"] = "warning"

    def __str__(self) -> str:
        return f"{self.level}: {self.name} {self.value:.3g} (threshold {self.threshold:.3g}): {self.advice}"


def diagnose_rnn(
    model: Layer,
    batch: ArrayLike,
    loss: LossFunction,
    *,
    window: int | None = None,
    clip_norm: float | None = None,
) -> list[Finding]:
    """Look for what keeps a recurrent network from learning.

    Parameters
    ----------
    model : Layer
        As in `state_jacobians`.
    batch : array_like
        Sequences (B, T, D) or one of them (T, D), or category numbers.
    loss : callable
        As in `grad_norm_by_step`.
    window : int, optional
        The window of truncated backpropagation, ``truncate`` of `nn.fit`; compared with the effective memory.
    clip_norm : float, optional
        The bound on the gradient's norm, ``clip_norm`` of `nn.fit`; compared with the gradient at the states.

    Returns
    -------
    list of Finding
        Warnings first. Medians over the batch of:

        * ``vanishing gradient``, ``exploding gradient``: the norm of dL/ds at the first step over that at the last;
          below 1e-3, above 1e3;
        * ``saturated units``: of the unit that is worst, the share of steps where the slope of its tanh is below 0.01;
          above 1/2;
        * ``dead units``: the share of relu units that are 0 at every step of the batch;
        * ``forget gate``, ``forget (update gate)``: the mean of what an LSTM or GRU keeps of its state, f, and the time
          constant 1 / (1 - f) in steps; a note, or a warning if that is less than a tenth of T;
        * ``effective memory``: the lag at which the influence on the last output falls below 1/1000; a note;
        * ``window``: if the window is shorter than the effective memory;
        * ``clipping``: if the gradient at the states exceeds ``clip_norm``, the share of the steps where it does.

    Raises
    ------
    ValueError
        If the batch does not suit the model, or a state or gradient is not finite (the message names the step).

    References
    ----------
    R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML (2013);
    R. Jozefowicz, W. Zaremba and I. Sutskever, "An empirical exploration of recurrent network architectures", ICML
    (2015), for the bias of the forget gate.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish import diagnostics, nn
    >>> unit = nn.RNN(1, 1, nonlinearity="relu", bias=False)
    >>> _ = unit.load_state_dict({"weight_ih_l0": [[1.0]], "weight_hh_l0": [[0.1]]})
    >>> last = lambda y: (y[-1, 0], lambda: np.eye(len(y))[:, -1:])
    >>> for finding in diagnostics.diagnose_rnn(unit, np.ones((6, 1)), last):
    ...     print(f"{finding.level}: {finding.name} {finding.value:.1e}")
    warning: vanishing gradient 1.0e-05
    note: effective memory 4.0e+00
    """
    if window is not None and integer("diagnose_rnn", "window", window) < 1:
        raise ValueError(f"diagnose_rnn: window must be >= 1, got {window}")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"diagnose_rnn: clip_norm must be > 0, got {clip_norm}")
    trajectory = Trajectory("diagnose_rnn", read_sequences("diagnose_rnn", model, batch, "batch"), "batch")
    gradients = log10(*gradient_norms(trajectory, output_gradient(trajectory, model, loss)))
    memory = _memory(trajectory)
    found = [*_flow(gradients), *_inside(trajectory), memory]
    if window is not None and window < memory.value:
        found.append(
            Finding(
                "window",
                float(window),
                memory.value,
                f"backpropagation is cut after {window} steps, but inputs count for {memory.value:.0f}: lengthen it",
            )
        )
    if clip_norm is not None:
        found += _clipping(gradients, clip_norm)
    return sorted(found, key=lambda finding: finding.level != "warning")


def _flow(gradients: Floats) -> list[Finding]:
    """Findings from the logarithms of the gradient's norms (B, T)."""
    reached = np.isfinite(gradients)
    if not reached.any():
        return [Finding("no gradient", 0.0, 0.0, "the loss does not depend on any state; look at the loss")]
    rows = [row[: np.flatnonzero(kept)[-1] + 1] for row, kept in zip(gradients, reached, strict=True) if kept.any()]
    steps = max(map(len, rows))
    ratio = float(np.median([row[0] - row[-1] for row in rows]))
    value = 10.0**ratio if ratio < 308 else math.inf
    if ratio < math.log10(_VANISHES):
        return [
            Finding(
                "vanishing gradient",
                value,
                _VANISHES,
                f"{10**-ratio if ratio > -308 else math.inf:.3g} times smaller {steps} steps back than at the end: "
                "the network cannot learn from its first inputs. Use an LSTM or GRU, an orthogonal recurrent matrix, "
                "or shorter sequences",
            )
        ]
    if ratio > math.log10(_EXPLODES):
        return [
            Finding(
                "exploding gradient",
                value,
                _EXPLODES,
                f"{value:.3g} times larger {steps} steps back than at the end. Clip the gradient (clip_norm), lower "
                "the learning rate, or scale the recurrent matrix to a spectral radius of 1",
            )
        ]
    return []


def _inside(trajectory: Trajectory) -> list[Finding]:
    layers = trajectory.recurrent()
    found = []
    for name, layer, x, states in layers:
        place = f" ({name})" if len(layers) > 1 else ""
        inside = units(layer, x, states)
        found += _slopes(place, layer, inside) + _gate(place, layer, inside, trajectory.T)
    return found


def _slopes(place: str, layer: Recurrent, inside: Units) -> list[Finding]:
    share = (inside.slopes < _FLAT).mean(axis=(0, 1))
    if isinstance(layer, RNN) and layer.nonlinearity == "relu":
        dead = share == 1
        if not dead.any():
            return []
        which = _listed(np.flatnonzero(dead))
        advice = f"units {which} are 0 throughout and cannot learn. Lower the learning rate or the biases' size"
        return [Finding(f"dead units{place}", float(dead.mean()), 0.0, advice)]
    worst = float(share.max())
    if worst <= _SATURATED:
        return []
    count = int((share > _SATURATED).sum())
    advice = (
        f"{count} of {len(share)} units have a slope below {_FLAT} at more than half of the steps, unit "
        f"{int(share.argmax())} most often: hardly any gradient passes. Scale the inputs, use smaller weights, or "
        "normalise"
    )
    return [Finding(f"saturated units{place}", worst, _SATURATED, advice)]


def _gate(place: str, layer: Recurrent, inside: Units, steps: int) -> list[Finding]:
    if inside.kept is None:
        return []
    mean = float(inside.kept.mean())
    constant = 1 / (1 - mean) if mean < 1 else math.inf
    short = constant < steps / 10
    name = "forget gate" if layer.parts == 2 else "forget (update gate)"
    advice = f"on average {mean:.3f} of the state is kept: a time constant of {constant:.3g} steps, of {steps}"
    if short:
        bias = "the forget gate's bias at 1 or more" if layer.parts == 2 else "the update gate's bias at 1 or more"
        advice += f". To remember longer, start with {bias}"
    return [Finding(name + place, mean, 1 - 10 / max(steps, 10), advice, "warning" if short else "note")]


def _memory(trajectory: Trajectory) -> Finding:
    # Random signs estimate the norm of a Jacobian with many rows (Hutchinson 1990) well enough for a threshold.
    many = trajectory.O > _PROBES
    signs = np.random.default_rng(0).choice(np.array([-1.0, 1.0]), (_PROBES, trajectory.O))
    probes: Floats = signs if many else np.eye(trajectory.O)
    norms = log10(*influence_of(trajectory, trajectory.T - 1, "fro", probes))[:, ::-1]
    lags = [first_below(row, row[0] + math.log10(_FORGOTTEN)) if np.isfinite(row[0]) else 0 for row in norms]
    value = float(np.median(lags))
    if value >= trajectory.T:
        advice = f"the first of {trajectory.T} inputs still counts at the end"
    else:
        advice = f"an input {value:.0f} steps back moves the last output less than 1/1000 of what the last input does"
    return Finding("effective memory", value, float(trajectory.T), advice, "note")


def _clipping(gradients: Floats, clip_norm: float) -> list[Finding]:
    share = float((gradients > math.log10(clip_norm)).mean())
    if not share:
        return []
    advice = f"the gradient at the states exceeds clip_norm = {clip_norm:g} at {100 * share:.0f} % of the steps"
    return [Finding("clipping", share, 0.0, advice, "note")]


def _listed(indices: np.ndarray[tuple[int, ...], np.dtype[np.intp]], most: int = 8) -> str:
    shown = ", ".join(str(i) for i in indices[:most])
    return shown if len(indices) <= most else f"{shown}, ... ({len(indices)})"
