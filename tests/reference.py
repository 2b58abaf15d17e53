"""Every operation as plain loops in float64: the oracle that all fast paths are compared with.

One line of mathematics per line of code, and no thought of speed. T steps, B sequences, I inputs, H hidden.
`reference_windows` has convolution and pooling.
"""

import numpy as np

# Recurrent


def sigmoid(z):
    """1 / (1 + exp(-z)), without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(np.asarray(z) >= 0, 1 / (1 + small), small / (1 + small))


def rnn(x, h_0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, nonlinearity="tanh", lengths=None, reverse=False):
    """h' = f(W x + b + U h + d)."""
    activate = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}[nonlinearity]

    def step(from_x, h, from_h):
        return (activate(from_x + from_h(h)),)

    y, (h_n,) = _over_time(step, x, [h_0], weight_ih, weight_hh, bias_ih, bias_hh, lengths, reverse)
    return y, h_n


def lstm(x, state, weight_ih, weight_hh, bias_ih=None, bias_hh=None, peepholes=None, lengths=None, reverse=False):
    """Gates i, f, g, o; peepholes to i and f see the old cell, to o the new one."""
    p_i, p_f, p_o = np.zeros((3, weight_hh.shape[1])) if peepholes is None else peepholes

    def step(from_x, h, c, from_h):
        i, f, g, o = np.split(from_x + from_h(h), 4)
        i = sigmoid(i + p_i * c)
        f = sigmoid(f + p_f * c)
        c = f * c + i * np.tanh(g)
        o = sigmoid(o + p_o * c)
        return o * np.tanh(c), c

    h_0, c_0 = (None, None) if state is None else state
    y, (h_n, c_n) = _over_time(step, x, [h_0, c_0], weight_ih, weight_hh, bias_ih, bias_hh, lengths, reverse)
    return y, (h_n, c_n)


def gru(x, h_0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, reset_after=True, lengths=None, reverse=False):
    """Gates r, z, n; the reset gate acts after the product with the state's weights, or before."""

    def step(from_x, h, from_h):
        x_r, x_z, x_n = np.split(from_x, 3)
        h_r, h_z, h_n = np.split(from_h(h), 3)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = np.tanh(x_n + (r * h_n if reset_after else np.split(from_h(r * h), 3)[2]))
        return ((1 - z) * n + z * h,)

    y, (h_n,) = _over_time(step, x, [h_0], weight_ih, weight_hh, bias_ih, bias_hh, lengths, reverse)
    return y, h_n


def _over_time(step, x, states, weight_ih, weight_hh, bias_ih, bias_hh, lengths, reverse):
    """Run `step(weight_ih x + bias_ih, *state, h -> weight_hh h + bias_hh) -> state` over each sequence by itself."""
    if np.issubdtype(x.dtype, np.integer):
        x = one_hot(x, weight_ih.shape[1])
    (steps, batch, _), (rows, hidden) = x.shape, weight_hh.shape
    bias_ih = np.zeros(rows) if bias_ih is None else bias_ih
    bias_hh = np.zeros(rows) if bias_hh is None else bias_hh
    y = np.zeros((steps, batch, hidden))
    finals = [np.zeros((batch, hidden)) if state is None else np.array(state, np.float64) for state in states]
    for b in range(batch):
        state = [final[b] for final in finals]
        times = range(steps if lengths is None else int(lengths[b]))
        for t in reversed(times) if reverse else times:
            state = step(weight_ih @ x[t, b] + bias_ih, *state, lambda h: weight_hh @ h + bias_hh)
            y[t, b] = state[0]
        for final, value in zip(finals, state, strict=True):
            final[b] = value
    return y, finals


def one_hot(ids, classes):
    """The rows of a unit matrix; numbers that are no class (padding) give zeros."""
    return (np.asarray(ids)[..., None] == np.arange(classes)).astype(np.float64)


# Activations


def relu(x):
    """max(x, 0)."""
    return np.maximum(x, 0)


def tanh(x):
    """The hyperbolic tangent."""
    return np.tanh(x)


def softmax(x, axis=-1):
    """exp(x) over its sum."""
    return np.exp(log_softmax(x, axis))


def log_softmax(x, axis=-1):
    """x minus the logarithm of the sum of exp(x)."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


# Dense


def linear(x, weight, bias=None):
    """y[..., o] = bias[o] + sum over i of x[..., i] weight[o, i]."""
    y = np.zeros((*x.shape[:-1], weight.shape[0]))
    for place in np.ndindex(*y.shape):
        *leading, o = place
        y[place] = np.sum(x[tuple(leading)] * weight[o]) + (0 if bias is None else bias[o])
    return y


def embedding(ids, weight):
    """Rows of a table."""
    y = np.zeros((*ids.shape, weight.shape[1]))
    for place in np.ndindex(*ids.shape):
        y[place] = weight[ids[place]]
    return y


def embedding_gradient(dy, ids, rows, padding_idx=None):
    """The sum of dy over the places of each row."""
    dweight = np.zeros((rows, dy.shape[-1]))
    for place in np.ndindex(*ids.shape):
        if ids[place] != padding_idx:
            dweight[ids[place]] += dy[place]
    return dweight


# Losses


def cross_entropy(logits, target, weight=None, ignore_index=-100, label_smoothing=0.0, axis=1, reduction="mean"):
    """Minus the logarithm of the target's probability, weighted and smoothed, place by place."""
    log_p = np.moveaxis(log_softmax(logits, axis), axis, -1)
    classes = log_p.shape[-1]
    weight = np.ones(classes) if weight is None else weight
    numbers = np.issubdtype(target.dtype, np.integer)
    target = target if numbers else np.moveaxis(target, axis, -1)
    losses, counted = np.zeros(log_p.shape[:-1]), np.zeros(log_p.shape[:-1])
    for place in np.ndindex(*losses.shape):
        if numbers and target[place] == ignore_index:
            continue
        goal = one_hot(target[place], classes) if numbers else target[place]
        smooth = (1 - label_smoothing) * goal + label_smoothing / classes
        losses[place] = -np.sum(smooth * weight * log_p[place])
        counted[place] = weight[target[place]] if numbers else 1
    return _reduced(losses, counted.sum(), reduction)


def mse_loss(x, target, reduction="mean"):
    """(x - target)**2."""
    losses = (x - target) ** 2
    return _reduced(losses, losses.size, reduction)


def _reduced(losses, count, reduction):
    return {"none": lambda: losses, "sum": losses.sum, "mean": lambda: losses.sum() / count}[reduction]()
