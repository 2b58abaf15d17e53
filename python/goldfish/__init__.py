"""Convolution, pooling and recurrent networks on plain NumPy arrays, at the speed of the processor.

A short tour. Every kernel is a function of arrays:

>>> import numpy as np, goldfish as gf
>>> rng = np.random.default_rng(0)
>>> images, filters = rng.standard_normal((8, 3, 32, 32)), rng.standard_normal((16, 3, 5, 5))
>>> gf.max_pool2d(gf.relu(gf.conv2d(images, filters, padding="same")), 2).shape
(8, 16, 16, 16)

For training, ``op_forward`` also returns a cache, from which ``op_backward`` computes the gradients:

>>> y, cache = gf.conv2d_forward(images, filters)
>>> grads = gf.conv2d_backward(np.ones_like(y), cache)
>>> grads.x.shape, grads.weight.shape
((8, 3, 32, 32), (16, 3, 5, 5))

Sequences run through `rnn`, `lstm` and `gru`, time first:

>>> x, weight_ih, weight_hh = (rng.standard_normal(shape) for shape in ((20, 4, 10), (128, 10), (128, 32)))
>>> y, (h_n, c_n) = gf.lstm(x, None, weight_ih, weight_hh)
>>> y.shape, h_n.shape
((20, 4, 32), (4, 32))

``goldfish.nn`` builds layers, optimisers and a training loop on these kernels, ``goldfish.models`` scikit-learn
estimators on the layers. Both load when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from goldfish import functional
from goldfish._core import __version__
from goldfish.functional import (
    adaptive_avg_pool1d,
    adaptive_avg_pool1d_backward,
    adaptive_avg_pool1d_forward,
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_backward,
    adaptive_avg_pool2d_forward,
    adaptive_avg_pool3d,
    adaptive_avg_pool3d_backward,
    adaptive_avg_pool3d_forward,
    adaptive_max_pool1d,
    adaptive_max_pool1d_backward,
    adaptive_max_pool1d_forward,
    adaptive_max_pool2d,
    adaptive_max_pool2d_backward,
    adaptive_max_pool2d_forward,
    adaptive_max_pool3d,
    adaptive_max_pool3d_backward,
    adaptive_max_pool3d_forward,
    avg_pool1d,
    avg_pool1d_backward,
    avg_pool1d_forward,
    avg_pool2d,
    avg_pool2d_backward,
    avg_pool2d_forward,
    avg_pool3d,
    avg_pool3d_backward,
    avg_pool3d_forward,
    conv1d,
    conv1d_backward,
    conv1d_forward,
    conv2d,
    conv2d_algorithm,
    conv2d_backward,
    conv2d_forward,
    conv3d,
    conv3d_backward,
    conv3d_forward,
    conv_output_size,
    conv_transpose1d,
    conv_transpose1d_backward,
    conv_transpose1d_forward,
    conv_transpose2d,
    conv_transpose2d_backward,
    conv_transpose2d_forward,
    conv_transpose3d,
    conv_transpose3d_backward,
    conv_transpose3d_forward,
    cross_entropy,
    cross_entropy_backward,
    cross_entropy_forward,
    dropout,
    dropout_backward,
    dropout_forward,
    embedding,
    embedding_backward,
    embedding_forward,
    get_num_threads,
    gru,
    gru_backward,
    gru_forward,
    linear,
    linear_backward,
    linear_forward,
    log_softmax,
    log_softmax_backward,
    log_softmax_forward,
    lstm,
    lstm_backward,
    lstm_forward,
    max_pool1d,
    max_pool1d_backward,
    max_pool1d_forward,
    max_pool2d,
    max_pool2d_backward,
    max_pool2d_forward,
    max_pool3d,
    max_pool3d_backward,
    max_pool3d_forward,
    mse_loss,
    mse_loss_backward,
    mse_loss_forward,
    pool_output_size,
    release_memory,
    relu,
    relu_backward,
    relu_forward,
    rnn,
    rnn_backward,
    rnn_forward,
    set_float32_precision,
    set_num_threads,
    show_config,
    sigmoid,
    sigmoid_backward,
    sigmoid_forward,
    softmax,
    softmax_backward,
    softmax_forward,
    tanh,
    tanh_backward,
    tanh_forward,
    threads,
)

if TYPE_CHECKING:
    from goldfish import models as models
    from goldfish import naive_bayes as naive_bayes
    from goldfish import nn as nn
    from goldfish import probability as probability
    from goldfish import sampling as sampling
    from goldfish import theory as theory

__all__ = [
    "conv1d",
    "conv1d_forward",
    "conv1d_backward",
    "conv2d",
    "conv2d_forward",
    "conv2d_backward",
    "conv3d",
    "conv3d_forward",
    "conv3d_backward",
    "conv_transpose1d",
    "conv_transpose1d_forward",
    "conv_transpose1d_backward",
    "conv_transpose2d",
    "conv_transpose2d_forward",
    "conv_transpose2d_backward",
    "conv_transpose3d",
    "conv_transpose3d_forward",
    "conv_transpose3d_backward",
    "max_pool1d",
    "max_pool1d_forward",
    "max_pool1d_backward",
    "max_pool2d",
    "max_pool2d_forward",
    "max_pool2d_backward",
    "max_pool3d",
    "max_pool3d_forward",
    "max_pool3d_backward",
    "avg_pool1d",
    "avg_pool1d_forward",
    "avg_pool1d_backward",
    "avg_pool2d",
    "avg_pool2d_forward",
    "avg_pool2d_backward",
    "avg_pool3d",
    "avg_pool3d_forward",
    "avg_pool3d_backward",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool1d_forward",
    "adaptive_avg_pool1d_backward",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_forward",
    "adaptive_avg_pool2d_backward",
    "adaptive_avg_pool3d",
    "adaptive_avg_pool3d_forward",
    "adaptive_avg_pool3d_backward",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_forward",
    "adaptive_max_pool1d_backward",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_forward",
    "adaptive_max_pool2d_backward",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_forward",
    "adaptive_max_pool3d_backward",
    "rnn",
    "rnn_forward",
    "rnn_backward",
    "lstm",
    "lstm_forward",
    "lstm_backward",
    "gru",
    "gru_forward",
    "gru_backward",
    "relu",
    "relu_forward",
    "relu_backward",
    "sigmoid",
    "sigmoid_forward",
    "sigmoid_backward",
    "tanh",
    "tanh_forward",
    "tanh_backward",
    "softmax",
    "softmax_forward",
    "softmax_backward",
    "log_softmax",
    "log_softmax_forward",
    "log_softmax_backward",
    "linear",
    "linear_forward",
    "linear_backward",
    "embedding",
    "embedding_forward",
    "embedding_backward",
    "dropout",
    "dropout_forward",
    "dropout_backward",
    "cross_entropy",
    "cross_entropy_forward",
    "cross_entropy_backward",
    "mse_loss",
    "mse_loss_forward",
    "mse_loss_backward",
    "conv_output_size",
    "pool_output_size",
    "conv2d_algorithm",
    "set_num_threads",
    "get_num_threads",
    "threads",
    "set_float32_precision",
    "release_memory",
    "show_config",
    "functional",
    "__version__",
]

_LAZY = ("cli", "models", "naive_bayes", "nn", "probability", "sampling", "theory")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"goldfish.{name}")
    raise AttributeError(f"module 'goldfish' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
