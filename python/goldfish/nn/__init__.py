"""Layers, losses, optimisers and the training loop, for those who know PyTorch.

A layer keeps ``params`` and ``grads`` by PyTorch's names; ``layer(x)`` is inference, ``layer.forward(x)`` returns the
output and its backward pass. Every layer puts the batch first.

>>> import numpy as np
>>> from goldfish import nn
>>> rng = np.random.default_rng(0)
>>> model = nn.Sequential(onehot=nn.OneHot(5), lstm=nn.LSTM(5, 16, rng=rng), head=nn.Linear(16, 5, rng=rng))
>>> optimizer, loss, state = nn.Adam(0.02), nn.CrossEntropyLoss(axis=-1), None
>>> ids = np.arange(33) % 5
>>> for _ in range(100):
...     logits, state, backward = model.forward(ids[None, :-1], state, return_state=True)
...     value, dlogits = loss.forward(logits, ids[None, 1:])
...     model.zero_grad()
...     dx, dstate = backward(dlogits())
...     norm = nn.clip_grad_norm(model, 5.0)
...     optimizer.step(model)
>>> bool(value < 0.1)
True

`fit` is this loop with batches, validation, early stopping, checkpoints and a progress bar.
"""

from goldfish.nn import init
from goldfish.nn.activation import GELU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Tanh
from goldfish.nn.checkpoint import CheckpointError
from goldfish.nn.clip import NonFiniteError, clip_grad_norm, clip_grad_value
from goldfish.nn.container import Sequential
from goldfish.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from goldfish.nn.dense import Dropout, Embedding, Flatten, Linear, OneHot
from goldfish.nn.fit import Epoch, fit
from goldfish.nn.graph import Graph
from goldfish.nn.history import History
from goldfish.nn.join import Concat, Residual, TimeDistributed
from goldfish.nn.layer import Backward, Layer
from goldfish.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, HuberLoss, L1Loss, Loss, MSELoss
from goldfish.nn.normalisation import BatchNorm1d, BatchNorm2d, BatchNorm3d, LayerNorm
from goldfish.nn.optimizer import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from goldfish.nn.pool import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from goldfish.nn.prepared import Prepared
from goldfish.nn.recurrent import GRU, LSTM, RNN
from goldfish.nn.sampler import Sampler
from goldfish.nn.schedule import cosine, step_decay, warmup
from goldfish.nn.summary import Summary

__all__ = [
    "Layer",
    "Backward",
    "Prepared",
    "Sequential",
    "Residual",
    "Concat",
    "TimeDistributed",
    "Graph",
    "Sampler",
    "Summary",
    "Linear",
    "Embedding",
    "OneHot",
    "Flatten",
    "Dropout",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "LayerNorm",
    "ReLU",
    "LeakyReLU",
    "Sigmoid",
    "Tanh",
    "GELU",
    "SiLU",
    "Softmax",
    "LogSoftmax",
    "RNN",
    "LSTM",
    "GRU",
    "Loss",
    "CrossEntropyLoss",
    "MSELoss",
    "L1Loss",
    "HuberLoss",
    "BCEWithLogitsLoss",
    "Optimizer",
    "SGD",
    "Adam",
    "AdamW",
    "RMSprop",
    "Adagrad",
    "cosine",
    "warmup",
    "step_decay",
    "clip_grad_norm",
    "clip_grad_value",
    "fit",
    "Epoch",
    "History",
    "CheckpointError",
    "NonFiniteError",
    "init",
]
