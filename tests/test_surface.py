"""The public surface: triples with equal signatures, complete docstrings, names that are exported once."""

import inspect
import re

import numpy as np
import pytest

import goldfish as gf
import goldfish.functional
from gradient_table import GRADIENTS

OPERATIONS = list(GRADIENTS)
FUNCTIONS = [name for name in gf.__all__ if callable(getattr(gf, name))]

CONV = "x weight bias=None stride=1 padding=0 dilation=1 groups=1"
CONV_TRANSPOSE = "x weight bias=None stride=1 padding=0 output_padding=0 groups=1 dilation=1"
MAX_POOL = "x kernel_size stride=None padding=0 dilation=1"
AVG_POOL = "x kernel_size stride=None padding=0"
AVERAGE = "ceil_mode=False count_include_pad=True divisor_override=None dilation=1 out=None"
CELL = "weight_ih weight_hh bias_ih=None bias_hh=None"
# Positional parameters with their defaults, then keyword-only ones.
SIGNATURES = {
    **{f"conv{n}d": (CONV, "algorithm='auto' out=None") for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": (CONV_TRANSPOSE, "") for n in (1, 2, 3)},
    **{f"max_pool{n}d": (MAX_POOL, "ceil_mode=False return_indices=False out=None") for n in (1, 2, 3)},
    **{f"avg_pool{n}d": (AVG_POOL, AVERAGE) for n in (1, 2, 3)},
    **{f"adaptive_avg_pool{n}d": ("x output_size", "") for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": ("x output_size", "return_indices=False") for n in (1, 2, 3)},
    "rnn": (f"x h_0 {CELL}", "nonlinearity='tanh' lengths=None reverse=False"),
    "lstm": (f"x state {CELL}", "peepholes=None lengths=None reverse=False"),
    "gru": (f"x h_0 {CELL}", "reset_after=True lengths=None reverse=False"),
    "relu": ("x", ""),
    "leaky_relu": ("x negative_slope=0.01", ""),
    "gelu": ("x", "approximate='none'"),
    "silu": ("x", ""),
    "sigmoid": ("x", ""),
    "tanh": ("x", ""),
    "softmax": ("x axis=-1", ""),
    "log_softmax": ("x axis=-1", ""),
    "batch_norm": (
        "x running_mean running_var weight=None bias=None training=False momentum=0.1 eps=1e-05",
        "",
    ),
    "layer_norm": ("x normalized_shape weight=None bias=None eps=1e-05", ""),
    "linear": ("x weight bias=None", ""),
    "embedding": ("ids weight padding_idx=None", ""),
    "dropout": ("x p=0.5 training=False", "rng=None"),
    "cross_entropy": (
        "logits target",
        "weight=None ignore_index=-100 label_smoothing=0.0 axis=1 reduction='mean'",
    ),
    "nll_loss": ("x target", "weight=None ignore_index=-100 axis=1 reduction='mean'"),
    "mse_loss": ("x target", "reduction='mean'"),
    "l1_loss": ("x target", "reduction='mean'"),
    "huber_loss": ("x target", "delta=1.0 reduction='mean'"),
    "binary_cross_entropy_with_logits": ("x target", "weight=None pos_weight=None reduction='mean'"),
    "conv_output_size": ("size kernel_size stride=1 padding=0 dilation=1", ""),
    "pool_output_size": ("size kernel_size stride=None padding=0 dilation=1", "ceil_mode=False"),
    "conv2d_algorithm": (
        "x_shape weight_shape stride=1 padding=0 dilation=1 groups=1",
        "dtype='float32' wrt=None",
    ),
}


def described(function):
    """(positional, keyword-only) parameters as the table writes them."""
    found = {inspect.Parameter.POSITIONAL_OR_KEYWORD: [], inspect.Parameter.KEYWORD_ONLY: []}
    for parameter in inspect.signature(function).parameters.values():
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        found[parameter.kind].append(parameter.name + default)
    return tuple(" ".join(names) for names in found.values())


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    assert described(getattr(gf, name)) == SIGNATURES[name]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_forward_takes_the_same_parameters(operation):
    positional, keywords = described(getattr(gf, f"{operation}_forward"))
    assert (positional.replace("training=True", "training=False"), keywords) == SIGNATURES[operation]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_backward_parameters(operation, rng):
    backward = getattr(gf, f"{operation}_backward")
    positional, _ = described(backward)
    assert positional == ("dy dstate_n cache" if operation in ("rnn", "lstm", "gru") else "dy cache")
    case = GRADIENTS[operation][0]
    fields = case.backward(case.draw_slopes(rng))._fields
    assert inspect.signature(backward).parameters["needs"].default == fields


def test_every_operation_is_a_triple():
    names = {name.removesuffix("_backward") for name in gf.__all__ if name.endswith("_backward")}
    assert names == set(OPERATIONS)
    assert names == {name.removesuffix("_forward") for name in gf.__all__ if name.endswith("_forward")}
    assert names <= set(gf.__all__)


def test_functional_holds_the_same_functions():
    for name in set(gf.__all__) - {"functional", "__version__"}:
        assert getattr(goldfish.functional, name) is getattr(gf, name)
    assert len(gf.__all__) == len(set(gf.__all__))
    assert all(hasattr(goldfish.functional, name) for name in goldfish.functional.__all__)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_are_complete(name):
    """Numpydoc sections for every parameter, result and error, and an example that runs as a doctest."""
    function = getattr(gf, name)
    text = inspect.getdoc(function)
    parameters = [p for p in inspect.signature(function).parameters if p != "self"]
    if parameters:
        section = re.search(r"Parameters\n-+\n(.*?)(\n\n|\Z)", text, re.DOTALL)[1]
        documented = re.findall(r"^(\w[\w, ]*?)(?: : .*)?$", section, re.MULTILINE)
        assert [p for line in documented for p in line.split(", ")] == parameters
        assert "Raises\n------" in text
    if inspect.isfunction(function) and inspect.signature(function).return_annotation is not None:
        assert "Returns\n-------" in text
    assert "Examples\n--------" in text
    assert ">>> " in text


@pytest.mark.parametrize("operation", OPERATIONS)
def test_gradients_are_named_tuples(operation, rng):
    case = GRADIENTS[operation][0]
    grads = case.backward(case.draw_slopes(rng))
    assert isinstance(grads, tuple)
    assert type(grads).__name__ in goldfish.functional.__all__
    assert all(getattr(grads, field) is value for field, value in zip(grads._fields, grads, strict=True))


def test_grads_unpack_and_work_alone():
    y, cache = gf.conv2d_forward(np.ones((1, 2, 5, 5)), np.ones((3, 2, 3, 3)), np.ones(3))
    dx, dw, db = gf.conv2d_backward(y, cache)
    assert (dx.shape, dw.shape, db.shape) == ((1, 2, 5, 5), (3, 2, 3, 3), (3,))
