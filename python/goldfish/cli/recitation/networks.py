"""Sizes, parameters and multiply-adds of a convolutional network, and two by two filters by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

import goldfish as gf
from goldfish import diagnostics, nn
from goldfish.cli.recitation.worked import Group, Number

_IMAGE = np.array([[1, 3, -2, 4], [0, 8, 6, 5], [2, 1, -9, 0], [4, -1, 3, 7]], float)[None, None]
_FILTER = np.array([[1, 2], [-2, -1]], float)[None, None]
_INPUT = (3, 128, 128)
_PLAIN = ((-1, -23, -11), (11, 27, 34), (-3, -18, -22))
_PADDED = ((-1, -5, -4, 0, -8), (2, -1, -23, -11, -6), (-2, 11, 27, 34, 5), (0, -3, -18, -22, -14), (8, 2, 5, 17, 7))


def network() -> nn.Sequential:
    """Shrink the image, twelve wide filters, shrink again, two dense layers."""
    return nn.Sequential(
        nn.MaxPool2d(2),
        nn.Conv2d(3, 12, 17, rng=0),
        nn.MaxPool2d(3),
        nn.Flatten(),
        nn.Linear(3072, 128, rng=0),
        nn.ReLU(),
        nn.Linear(128, 10, rng=0),
        nn.Softmax(),
    )


def _parameters() -> Any:
    return diagnostics.count_parameters(network(), _INPUT)


def _multiply_adds() -> Any:
    return diagnostics.count_macs(network(), _INPUT)


def _plane(array: Any) -> Any:
    return array[0, 0].astype(int)


def _recurrent(bias: bool) -> nn.Sequential:
    return nn.Sequential(nn.RNN(3, 4, bias=bias, rng=0), nn.Linear(4, 2, bias=bias, rng=0))


def _shapes() -> Any:
    state = _recurrent(True).state_dict()
    return [state[name].shape for name in ("0.weight_ih_l0", "0.weight_hh_l0", "1.weight")]


def _one_bias_per_equation() -> int:
    """PyTorch's layer has two biases that are only ever added; drawn on paper they are one."""
    state = _recurrent(True).state_dict()
    return sum(value.size for name, value in state.items() if not name.endswith("bias_hh_l0"))


def _dense_instead() -> int:
    """Parameters of the dense layer that would do the convolution's work; never built."""
    into, out = 3 * 64 * 64, 12 * 48 * 48
    per_output = diagnostics.count_parameters([nn.Linear(into, 1, rng=0)]).total
    return per_output * out


GROUPS = (
    Group(
        "Convolution by hand",
        "Dumoulin and Visin 2016, arXiv:1603.07285; Goodfellow, Bengio and Courville, Deep Learning, 2016, chapter 9",
        (
            Number(
                "size after a filter of 2 in steps of 2, from 128", 64, lambda: gf.conv_output_size(128, 2, stride=2)
            ),
            Number("after a filter of 17, from 64", 48, lambda: gf.conv_output_size(64, 17)),
            Number("after a filter of 3 in steps of 3, from 48", 16, lambda: gf.conv_output_size(48, 3, stride=3)),
            Number("after a filter of 2, from 4", 3, lambda: gf.conv_output_size(4, 2)),
            Number("the same with a border of zeros", 5, lambda: gf.conv_output_size(4, 2, padding=1)),
            Number("a 4 x 4 image under a 2 x 2 filter", _PLAIN, lambda: _plane(gf.conv2d(_IMAGE, _FILTER))),
            Number("its last corner", -22, lambda: int(gf.conv2d(_IMAGE, _FILTER)[0, 0, -1, -1])),
            Number("with a border of zeros", _PADDED, lambda: _plane(gf.conv2d(_IMAGE, _FILTER, padding=1))),
            Number("its last corner then", 7, lambda: int(gf.conv2d(_IMAGE, _FILTER, padding=1)[0, 0, -1, -1])),
            Number(
                "with the filter turned by 180 degrees: the negatives, because this filter changes sign then",
                tuple(tuple(-value for value in row) for row in _PLAIN),
                lambda: _plane(gf.conv2d(_IMAGE, _FILTER[..., ::-1, ::-1])),
            ),
            Number(
                "a filter that tells the two apart: (1 2, 3 5) and turned, first corner",
                (47, 22),
                lambda: [
                    int(gf.conv2d(_IMAGE, kernel)[0, 0, 0, 0])
                    for other in [np.array([[1, 2], [3, 5]], float)[None, None]]
                    for kernel in (other, other[..., ::-1, ::-1])
                ],
            ),
        ),
    ),
    Group(
        "A small network for images of 128 x 128",
        "Counted layer by layer; LeCun et al. 1998 (the kind of network)",
        (
            Number(
                "shapes, layer by layer",
                ((3, 64, 64), (12, 48, 48), (12, 16, 16), (3072,), (128,), (128,), (10,), (10,)),
                lambda: [tuple(row.shape) for row in _parameters()],
            ),
            Number("parameters of the convolution", 10416, lambda: _parameters()[1].count),
            Number("of the dense layers", 394634, lambda: _parameters()[4].count + _parameters()[6].count),
            Number("of all", 405050, lambda: _parameters().total),
            Number("share of the convolution, percent", 1041600 / 405050, lambda: _parameters()[1].share),
            Number(
                "share of the dense layers, percent",
                39463400 / 405050,
                lambda: _parameters()[4].share + _parameters()[6].share,
            ),
            Number("multiply-adds of the convolution", 23_970_816, lambda: _multiply_adds()[1].count),
            Number(
                "multiply-adds of the dense layers",
                394_496,
                lambda: _multiply_adds()[4].count + _multiply_adds()[6].count,
            ),
            Number(
                "share of the work of the convolution, percent",
                2397081600 / 24365312,
                lambda: _multiply_adds()[1].share,
            ),
            Number("parameters of a dense layer in the convolution's place", 339_766_272, _dense_instead),
        ),
    ),
    Group(
        "A small recurrent network: 3 inputs, 4 units, 2 outputs",
        "Elman 1990; Goodfellow, Bengio and Courville, Deep Learning, 2016, section 10.2",
        (
            Number("shapes of its matrices", ((4, 3), (4, 4), (2, 4)), _shapes),
            Number("weights without biases", 36, lambda: diagnostics.count_parameters(_recurrent(False)).total),
            Number("with one bias per equation", 42, _one_bias_per_equation),
            Number(
                "with the two biases of PyTorch's layer",
                46,
                lambda: diagnostics.count_parameters(_recurrent(True)).total,
            ),
        ),
    ),
)
