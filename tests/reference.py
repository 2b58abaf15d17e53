"""Every operation as plain loops in float64: the oracle that all fast paths are compared with.

One line of mathematics per line of code, and no thought of speed. N batch, C channels, H W spatial, O output channels,
K kernel; T steps, B sequences, I inputs, H hidden.
"""

import math

import numpy as np

# Geometry


def per_axis(value):
    """(rows, columns) of an option that may be one number."""
    return (int(value), int(value)) if np.ndim(value) == 0 else tuple(int(v) for v in value)


def borders(padding, size, kernel, stride, dilation):
    """Zeros (before, after) each axis, for every form of `padding`."""
    if padding == "valid":
        return [(0, 0), (0, 0)]
    if padding in ("same", "same_lower"):
        pairs = []
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
            outputs = math.ceil(n / s)
            total = max((outputs - 1) * s + d * (k - 1) + 1 - n, 0)
            half, rest = total // 2, total - total // 2
            pairs.append((half, rest) if padding == "same" else (rest, half))
        return pairs
    if np.ndim(padding) == 2:
        return [(int(before), int(after)) for before, after in padding]
    return [(p, p) for p in per_axis(padding)]


def window_count(n, k, stride, pair, dilation, ceil_mode=False):
    """How many windows fit along one axis."""
    before, after = pair
    room = n + before + after - dilation * (k - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = math.ceil(room / stride) + 1
    last_start = (count - 1) * stride
    return count - 1 if last_start >= n + before else count


def pool_geometry(x, kernel_size, stride, padding, dilation, ceil_mode):
    """(kernel, stride, borders, dilation, output size) of a pooling, each per axis."""
    kernel, dilation = per_axis(kernel_size), per_axis(dilation)
    stride = kernel if stride is None else per_axis(stride)
    pads = borders(padding, x.shape[2:], kernel, stride, dilation)
    counts = tuple(
        window_count(n, k, s, pair, d, ceil_mode)
        for n, k, s, pair, d in zip(x.shape[2:], kernel, stride, pads, dilation, strict=True)
    )
    return kernel, stride, pads, dilation, counts


# Convolution


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """y[n, o, i, j] = bias[o] + the sum of a window of x times the o-th filter."""
    y, _, _, _ = _conv2d(x, weight, bias, stride, padding, dilation, groups)
    return y


def conv2d_gradients(dy, x, weight, stride=1, padding=0, dilation=1, groups=1):
    """Gradients of sum(dy * y) with respect to x, weight and bias."""
    _, dx, dweight, dbias = _conv2d(x, weight, None, stride, padding, dilation, groups, dy)
    return dx, dweight, dbias


def _conv2d(x, weight, bias, stride, padding, dilation, groups, dy=None):
    x, weight = np.asarray(x, np.float64), np.asarray(weight, np.float64)
    (outputs, per_group, kh, kw), (batch, _, height, width) = weight.shape, x.shape
    (sh, sw), (dh, dw) = per_axis(stride), per_axis(dilation)
    rows, columns = borders(padding, (height, width), (kh, kw), (sh, sw), (dh, dw))
    padded = np.pad(x, ((0, 0), (0, 0), rows, columns))
    count_h, count_w = window_count(height, kh, sh, rows, dh), window_count(width, kw, sw, columns, dw)
    y = np.zeros((batch, outputs, count_h, count_w))
    dpadded, dweight, dbias = np.zeros_like(padded), np.zeros_like(weight), np.zeros(outputs)
    for n, o, i, j in np.ndindex(y.shape):
        group = o // (outputs // groups)
        channels = slice(group * per_group, (group + 1) * per_group)
        window_h = slice(i * sh, i * sh + dh * (kh - 1) + 1, dh)
        window_w = slice(j * sw, j * sw + dw * (kw - 1) + 1, dw)
        window = (n, channels, window_h, window_w)
        y[n, o, i, j] = np.sum(padded[window] * weight[o]) + (0 if bias is None else bias[o])
        if dy is not None:
            dpadded[window] += dy[n, o, i, j] * weight[o]
            dweight[o] += dy[n, o, i, j] * padded[window]
            dbias[o] += dy[n, o, i, j]
    dx = dpadded[:, :, rows[0] : rows[0] + height, columns[0] : columns[0] + width]
    return y, dx, dweight, dbias


# Pooling


def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Maxima and their flat places in the plane; padding never wins, NaN does, ties go to the first place."""
    kernel, stride, pads, dilation, counts = pool_geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    y = np.zeros((*x.shape[:2], *counts))
    indices = np.zeros(y.shape, np.int64)
    for n, c, i, j in np.ndindex(y.shape):
        best, place = None, None
        for row, column in _inside(i, j, x.shape[2:], kernel, stride, pads, dilation):
            value = float(x[n, c, row, column])
            if best is None or value > best or (math.isnan(value) and not math.isnan(best)):
                best, place = value, row * x.shape[3] + column
        y[n, c, i, j], indices[n, c, i, j] = best, place
    return y, indices


def max_pool2d_gradient(dy, indices, shape):
    """Each dy goes to the place that won."""
    dx = np.zeros(shape)
    for n, c, i, j in np.ndindex(dy.shape):
        dx[n, c, indices[n, c, i, j] // shape[3], indices[n, c, i, j] % shape[3]] += dy[n, c, i, j]
    return dx


def avg_pool2d(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None, dilation=1
):
    """Means over windows; places past the padding, which `ceil_mode` can reach, never count in the divisor."""
    geometry = pool_geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    y = np.zeros((*x.shape[:2], *geometry[-1]))
    for n, c, i, j in np.ndindex(y.shape):
        places, divisor = _averaged(i, j, x.shape[2:], geometry, count_include_pad, divisor_override)
        y[n, c, i, j] = sum(float(x[n, c, row, column]) for row, column in places) / divisor
    return y


def avg_pool2d_gradient(
    dy,
    x,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
    dilation=1,
):
    """Each dy is shared out evenly over its window."""
    geometry = pool_geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(dy.shape):
        places, divisor = _averaged(i, j, x.shape[2:], geometry, count_include_pad, divisor_override)
        for row, column in places:
            dx[n, c, row, column] += dy[n, c, i, j] / divisor
    return dx


def _places(i, j, kernel, stride, pads, dilation):
    """The places of window (i, j) in x's coordinates, in row order, also those outside x."""
    for k, m in np.ndindex(*kernel):
        yield i * stride[0] + k * dilation[0] - pads[0][0], j * stride[1] + m * dilation[1] - pads[1][0]


def _inside(i, j, size, kernel, stride, pads, dilation):
    return [
        (row, column)
        for row, column in _places(i, j, kernel, stride, pads, dilation)
        if 0 <= row < size[0] and 0 <= column < size[1]
    ]


def _averaged(i, j, size, geometry, count_include_pad, divisor_override):
    """The places inside x that window (i, j) averages, and its divisor."""
    kernel, stride, pads, dilation, _ = geometry
    inside = _inside(i, j, size, kernel, stride, pads, dilation)
    in_padding = [
        (row, column)
        for row, column in _places(i, j, kernel, stride, pads, dilation)
        if row < size[0] + pads[0][1] and column < size[1] + pads[1][1]
    ]
    return inside, divisor_override or len(in_padding if count_include_pad else inside)


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
