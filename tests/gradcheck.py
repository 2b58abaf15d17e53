"""Central differences: what every gradient is compared with.

For a call with outputs y, random slopes dy and the scalar <dy, y>, the backward pass must give the derivative of that
scalar with respect to each element of each argument.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import goldfish as gf
from compare import flat
from goldfish.testing import central_differences

RECURRENT = ("rnn", "lstm", "gru")


@dataclass(frozen=True)
class Case:
    """One differentiable call.

    `arrays` holds the arguments that have a gradient, by the names of its fields; `given` all other arguments. `slopes`
    names the outputs whose slope is not None.
    """

    operation: str
    arrays: dict[str, np.ndarray]
    given: dict[str, Any] = field(default_factory=dict)
    slopes: tuple[str, ...] = ("y", "h_n", "c_n")
    tolerance: float = 1e-8

    def __str__(self):
        said = [f"{name}={_brief(value)}" for name, value in self.given.items()]
        shapes = [f"{name}{array.shape}".replace(" ", "") for name, array in self.arrays.items()]
        return "-".join([self.operation, *shapes, *said])

    def run(self, suffix="", **changed):
        """What the operation returns, with some arrays replaced."""
        arguments = {**self.given, **self.arrays, **changed}
        if self.operation == "lstm":
            arguments["state"] = arguments.pop("h_0", None), arguments.pop("c_0", None)
        elif self.operation in RECURRENT:
            arguments.setdefault("h_0", None)
        return getattr(gf, self.operation + suffix)(**arguments)

    def outputs(self, **changed):
        """The differentiable outputs by name."""
        found = [output for output in flat(self.run(**changed)) if output.dtype.kind == "f"]
        return dict(zip(("y", "h_n", "c_n"), found, strict=False))

    def backward(self, slopes, **options):
        """The gradients of a fresh forward call, for slopes by the names of the outputs."""
        cache = self.run("_forward")[-1]
        function = getattr(gf, f"{self.operation}_backward")
        if self.operation not in RECURRENT:
            return function(slopes["y"], cache, **options)
        dh, dc = slopes.get("h_n"), slopes.get("c_n")
        dstate = (dh, dc) if self.operation == "lstm" else dh
        return function(slopes.get("y"), None if dh is None and dc is None else dstate, cache, **options)

    def draw_slopes(self, rng):
        """Random slopes for the outputs that have one."""
        return {
            name: rng.standard_normal(y.shape).astype(y.dtype)
            for name, y in self.outputs().items()
            if name in self.slopes
        }


def check(case, rng):
    """Compare every gradient of a case with central differences, and return the gradients."""
    slopes = case.draw_slopes(rng)
    grads = case.backward(slopes)

    def loss(**changed):
        outputs = case.outputs(**changed)
        return sum(float(np.sum(dy * outputs[name])) for name, dy in slopes.items())

    for name, array in case.arrays.items():
        expected = central_differences(lambda probe, name=name: loss(**{name: probe}), array)
        found = getattr(grads, name)
        assert found is not None, f"{case}: the gradient of {name} is None"
        assert found.shape == array.shape, f"{case}: the gradient of {name} has shape {found.shape}"
        assert found.dtype == np.float64, f"{case}: the gradient of {name} has dtype {found.dtype}"
        worst = np.max(np.abs(found - expected), initial=0) / max(1, np.max(np.abs(expected), initial=0))
        assert worst <= case.tolerance, f"{case}: the gradient of {name} is off by {worst:.1e}"
    for name in set(grads._fields) - set(case.arrays):
        assert getattr(grads, name) is None, f"{case}: {name} was not given, but has a gradient"
    return grads


def _brief(value):
    return str(value).replace(" ", "") if np.ndim(value) == 0 or np.size(value) < 6 else "..."
