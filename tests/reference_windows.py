"""Convolution and pooling as plain loops in float64, over any number of axes: the oracle of the fast paths.

One line of mathematics per line of code, and no thought of speed. N batch, C channels, O output channels, K kernel.
"""

import itertools
import math

import numpy as np

# Geometry


def per_axis(value, axes):
    """One number for each axis, of an option that may be one number for all."""
    return (int(value),) * axes if np.ndim(value) == 0 else tuple(int(v) for v in value)


def borders(padding, size, kernel, stride, dilation):
    """Zeros (before, after) each axis, for every form of `padding`."""
    if padding == "valid":
        return [(0, 0)] * len(size)
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if padding == "causal":
        return [(extent - 1, 0) for extent in extents]
    if padding in ("same", "same_lower"):
        pairs = []
        for n, extent, s in zip(size, extents, stride, strict=True):
            total = max((math.ceil(n / s) - 1) * s + extent - n, 0)
            half, rest = total // 2, total - total // 2
            pairs.append((half, rest) if padding == "same" else (rest, half))
        return pairs
    if np.ndim(padding) == 2:
        return [(int(before), int(after)) for before, after in padding]
    return [(p, p) for p in per_axis(padding, len(size))]


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
    axes = x.ndim - 2
    kernel, dilation = per_axis(kernel_size, axes), per_axis(dilation, axes)
    stride = kernel if stride is None else per_axis(stride, axes)
    pads = borders(padding, x.shape[2:], kernel, stride, dilation)
    counts = tuple(
        window_count(n, k, s, pair, d, ceil_mode)
        for n, k, s, pair, d in zip(x.shape[2:], kernel, stride, pads, dilation, strict=True)
    )
    return kernel, stride, pads, dilation, counts


# Convolution


def conv(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """y[n, o, place] = bias[o] + the sum of a window of x times the o-th filter."""
    y, _, _, _ = _conv(x, weight, bias, stride, padding, dilation, groups)
    return y


def conv_gradients(dy, x, weight, stride=1, padding=0, dilation=1, groups=1):
    """Gradients of sum(dy * y) with respect to x, weight and bias."""
    _, dx, dweight, dbias = _conv(x, weight, None, stride, padding, dilation, groups, dy)
    return dx, dweight, dbias


def _conv(x, weight, bias, stride, padding, dilation, groups, dy=None):
    x, weight = np.asarray(x, np.float64), np.asarray(weight, np.float64)
    size, (outputs, per_group, *kernel) = x.shape[2:], weight.shape
    stride, dilation = per_axis(stride, len(size)), per_axis(dilation, len(size))
    pads = borders(padding, size, kernel, stride, dilation)
    padded = np.pad(x, ((0, 0), (0, 0), *pads))
    counts = [window_count(*axis) for axis in zip(size, kernel, stride, pads, dilation, strict=True)]
    y = np.zeros((x.shape[0], outputs, *counts))
    dpadded, dweight, dbias = np.zeros_like(padded), np.zeros_like(weight), np.zeros(outputs)
    for n, o, *place in np.ndindex(y.shape):
        group = o // (outputs // groups)
        channels = slice(group * per_group, (group + 1) * per_group)
        window = (n, channels, *_window(place, kernel, stride, dilation))
        y[n, o, *place] = np.sum(padded[window] * weight[o]) + (0 if bias is None else bias[o])
        if dy is not None:
            dpadded[window] += dy[n, o, *place] * weight[o]
            dweight[o] += dy[n, o, *place] * padded[window]
            dbias[o] += dy[n, o, *place]
    inside = tuple(slice(before, before + n) for (before, _), n in zip(pads, size, strict=True))
    return y, dpadded[(..., *inside)], dweight, dbias


def _window(place, kernel, stride, dilation):
    """The slices of a padded array that one window covers."""
    return tuple(
        slice(i * s, i * s + d * (k - 1) + 1, d) for i, k, s, d in zip(place, kernel, stride, dilation, strict=True)
    )


def conv_transpose(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Every place of x adds its multiples of the filters to the window of y that it stands for."""
    y, _, _, _ = _conv_transpose(x, weight, bias, stride, padding, output_padding, groups, dilation)
    return y


def conv_transpose_gradients(dy, x, weight, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Gradients of sum(dy * y) with respect to x, weight and bias."""
    _, dx, dweight, dbias = _conv_transpose(x, weight, None, stride, padding, output_padding, groups, dilation, dy)
    return dx, dweight, dbias


def _conv_transpose(x, weight, bias, stride, padding, output_padding, groups, dilation, dy=None):
    x, weight = np.asarray(x, np.float64), np.asarray(weight, np.float64)
    size, (channels, per_group, *kernel) = x.shape[2:], weight.shape
    axes = len(size)
    stride, dilation, more = per_axis(stride, axes), per_axis(dilation, axes), per_axis(output_padding, axes)
    spans = [((n - 1) * s + d * (k - 1) + 1, n * s) for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)]
    crops = [_crop(padding, axis, *span) for axis, span in enumerate(spans)]
    cropped = tuple(
        slice(before, full - after + extra)
        for (before, after), (full, _), extra in zip(crops, spans, more, strict=True)
    )
    room = [max(full, cut.stop) for (full, _), cut in zip(spans, cropped, strict=True)]
    whole = np.zeros((x.shape[0], groups * per_group, *room))
    slopes, dx, dweight = np.zeros_like(whole), np.zeros_like(x), np.zeros_like(weight)
    if dy is not None:
        slopes[(..., *cropped)] = dy
    for n, c, *place in np.ndindex(x.shape):
        group = c // (channels // groups)
        outputs = slice(group * per_group, (group + 1) * per_group)
        window = (n, outputs, *_window(place, kernel, stride, dilation))
        whole[window] += x[n, c, *place] * weight[c]
        dx[n, c, *place] = np.sum(slopes[window] * weight[c])
        dweight[c] += x[n, c, *place] * slopes[window]
    y = whole[(..., *cropped)]
    y = y if bias is None else y + np.reshape(bias, (-1,) + (1,) * axes)
    return y, dx, dweight, slopes.sum(axis=(0, *range(2, axes + 2)))


def _crop(padding, axis, full, same):
    """Places cut off (before, after); negative where places are added."""
    if padding == "causal":
        return 0, full - same
    if padding in ("same", "same_lower"):
        total = max(full - same, 0)
        before = total // 2 if padding == "same" else total - total // 2
        return before, full - same - before
    if padding == "valid":
        return 0, 0
    side = padding if np.ndim(padding) == 0 else padding[axis]
    return (int(side), int(side)) if np.ndim(side) == 0 else (int(side[0]), int(side[1]))


# Pooling


def max_pool(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Maxima and their flat places in the plane; padding never wins, NaN does, ties go to the first place."""
    geometry = pool_geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    return _maxima(x, geometry[-1], lambda place: _inside(place, x.shape[2:], geometry))


def max_pool_gradient(dy, indices, shape):
    """Each dy goes to the place that won."""
    dx = np.zeros(shape)
    for n, c, *place in np.ndindex(dy.shape):
        dx[n, c].flat[indices[n, c, *place]] += dy[n, c, *place]
    return dx


def avg_pool(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None, dilation=1
):
    """Means over windows; places past the padding, which `ceil_mode` can reach, never count in the divisor."""
    geometry = pool_geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    return _means(x, geometry[-1], _averaged(x, geometry, count_include_pad, divisor_override))


def avg_pool_gradient(
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
    return _shares(dy, x, _averaged(x, geometry, count_include_pad, divisor_override))


def adaptive_max_pool(x, output_size):
    """Maxima of windows that divide x as evenly as they can, and their flat places in the plane."""
    counts = adaptive_counts(x.shape[2:], output_size)
    return _maxima(x, counts, lambda place: _adaptive_window(place, x.shape[2:], counts))


def adaptive_avg_pool(x, output_size):
    """Means of the windows of `adaptive_max_pool`."""
    counts = adaptive_counts(x.shape[2:], output_size)
    return _means(x, counts, _adaptive_averaged(x.shape[2:], counts))


def adaptive_avg_pool_gradient(dy, x):
    """Each dy is shared out evenly over its window."""
    return _shares(dy, x, _adaptive_averaged(x.shape[2:], dy.shape[2:]))


def adaptive_counts(size, output_size):
    """Windows per axis; None keeps an axis."""
    wanted = (output_size,) * len(size) if np.ndim(output_size) == 0 else output_size
    return tuple(n if m is None else int(m) for n, m in zip(size, wanted, strict=True))


def _adaptive_window(place, size, counts):
    ranges = (range(i * n // m, math.ceil((i + 1) * n / m)) for i, n, m in zip(place, size, counts, strict=True))
    return list(itertools.product(*ranges))


def _adaptive_averaged(size, counts):
    def averaged(place):
        inside = _adaptive_window(place, size, counts)
        return inside, len(inside)

    return averaged


def _maxima(x, counts, places):
    y = np.zeros((*x.shape[:2], *counts))
    indices = np.zeros(y.shape, np.int64)
    for n, c, *place in np.ndindex(y.shape):
        best, index = None, None
        for inside in places(place):
            value = float(x[n, c, *inside])
            if best is None or value > best or (math.isnan(value) and not math.isnan(best)):
                best, index = value, np.ravel_multi_index(inside, x.shape[2:])
        y[n, c, *place], indices[n, c, *place] = best, index
    return y, indices


def _means(x, counts, averaged):
    y = np.zeros((*x.shape[:2], *counts))
    for n, c, *place in np.ndindex(y.shape):
        places, divisor = averaged(place)
        y[n, c, *place] = sum(float(x[n, c, *inside]) for inside in places) / divisor
    return y


def _shares(dy, x, averaged):
    dx = np.zeros(x.shape)
    for n, c, *place in np.ndindex(dy.shape):
        places, divisor = averaged(place)
        for inside in places:
            dx[n, c, *inside] += dy[n, c, *place] / divisor
    return dx


def _taps(place, geometry):
    """The places of one window in x's coordinates, in row order, also those outside x."""
    kernel, stride, pads, dilation, _ = geometry
    starts = [i * s - before for i, s, (before, _) in zip(place, stride, pads, strict=True)]
    columns = ([a + d * j for j in range(k)] for a, d, k in zip(starts, dilation, kernel, strict=True))
    return itertools.product(*columns)


def _inside(place, size, geometry):
    return [tap for tap in _taps(place, geometry) if all(0 <= t < n for t, n in zip(tap, size, strict=True))]


def _averaged(x, geometry, count_include_pad, divisor_override):
    """A function from a window to its places inside x and its divisor."""
    size, pads = x.shape[2:], geometry[2]
    ends = [n + after for n, (_, after) in zip(size, pads, strict=True)]

    def averaged(place):
        inside = _inside(place, size, geometry)
        padded = [tap for tap in _taps(place, geometry) if all(t < end for t, end in zip(tap, ends, strict=True))]
        return inside, divisor_override or len(padded if count_include_pad else inside)

    return averaged
