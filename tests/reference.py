"""Every operation as plain loops in float64: the oracle that all fast paths are compared with.

One line of mathematics per line of code, and no thought of speed. T steps, B sequences, I inputs, H hidden.
`reference_windows` has convolution and pooling.
"""

import math

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


def leaky_relu(x, negative_slope=0.01):
    """x, or a share of it below 0."""
    return np.where(x > 0, x, negative_slope * x)


def gelu(x, approximate="none"):
    """x times the normal distribution of x, or its approximation."""
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    y = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        y[place] = x[place] * 0.5 * math.erfc(-x[place] / math.sqrt(2))
    return y


def silu(x):
    """x times its sigmoid."""
    return x * sigmoid(x)


# Normalisation


def batch_norm(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """Channel by channel; also the running arrays after the call."""
    y, mean, var = np.zeros(x.shape), running_mean, running_var
    if training and running_mean is not None:
        mean, var = running_mean.copy(), running_var.copy()
    for c in range(x.shape[1]):
        values = x[:, c].ravel()
        if training:
            centre, spread = np.mean(values), np.var(values)
            if running_mean is not None:
                mean[c] += momentum * (centre - mean[c])
                var[c] += momentum * (np.var(values, ddof=1) - var[c])
        else:
            centre, spread = mean[c], var[c]
        y[:, c] = (x[:, c] - centre) / math.sqrt(spread + eps)
        y[:, c] = y[:, c] * (1 if weight is None else weight[c]) + (0 if bias is None else bias[c])
    return y, mean, var


def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Sample by sample."""
    axes = (normalized_shape,) if np.ndim(normalized_shape) == 0 else tuple(normalized_shape)
    y = np.zeros(x.shape)
    for place in np.ndindex(*x.shape[: x.ndim - len(axes)]):
        normal = (x[place] - np.mean(x[place])) / math.sqrt(np.var(x[place]) + eps)
        y[place] = normal * (1 if weight is None else weight) + (0 if bias is None else bias)
    return y


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


def nll_loss(x, target, weight=None, ignore_index=-100, axis=1, reduction="mean"):
    """Minus the log-probability of the target, weighted, place by place."""
    x = np.moveaxis(x, axis, -1)
    weight = np.ones(x.shape[-1]) if weight is None else weight
    losses, counted = np.zeros(target.shape), np.zeros(target.shape)
    for place in np.ndindex(*target.shape):
        if target[place] != ignore_index:
            counted[place] = weight[target[place]]
            losses[place] = -counted[place] * x[place][target[place]]
    return _reduced(losses, counted.sum(), reduction)


def l1_loss(x, target, reduction="mean"):
    """|x - target|."""
    losses = np.abs(x - target)
    return _reduced(losses, losses.size, reduction)


def huber_loss(x, target, delta=1.0, reduction="mean"):
    """A parabola that goes on as a line."""
    distance = np.abs(x - target)
    losses = np.where(distance <= delta, distance**2 / 2, delta * (distance - delta / 2))
    return _reduced(losses, losses.size, reduction)


def binary_cross_entropy_with_logits(x, target, weight=None, pos_weight=None, reduction="mean"):
    """Minus the log-probability of a coin that shows what the target says."""
    positive = np.logaddexp(0, -x) * (1 if pos_weight is None else pos_weight)
    losses = (target * positive + (1 - target) * np.logaddexp(0, x)) * (1 if weight is None else weight)
    return _reduced(losses, losses.size, reduction)


def _reduced(losses, count, reduction):
    return {"none": lambda: losses, "sum": losses.sum, "mean": lambda: losses.sum() / count}[reduction]()
