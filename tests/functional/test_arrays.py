"""What every operation promises about arrays: memory layouts, dtypes, foreign arrays, `out` and caches."""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import goldfish as gf
from compare import FLOAT64, error, flat, same_bits
from gradient_table import GRADIENTS
from strategies import DTYPES

# Operations as functions of one array (2, 3, 8, 9), with fixed other arguments that do not float.
CALLS = {
    "conv2d": lambda x, **options: gf.conv2d(x, np.arange(-40, 41).reshape(1, 3, 3, 9), padding=(0, 4), **options),
    "max_pool2d": lambda x, **options: gf.max_pool2d(x, 3, 2, 1, **options),
    "avg_pool2d": lambda x, **options: gf.avg_pool2d(x, 3, 2, 1, **options),
    "conv1d": lambda x, **options: gf.conv1d(x[:, :, 0], np.arange(-7, 8).reshape(1, 3, 5), padding=2, **options),
    "conv3d": lambda x, **options: gf.conv3d(x[:, :, None], np.arange(-13, 14).reshape(1, 3, 1, 3, 3), **options),
    "conv_transpose1d": lambda x: gf.conv_transpose1d(x[:, :, 0], np.arange(-7, 8).reshape(3, 1, 5), None, 2),
    "conv_transpose2d": lambda x: gf.conv_transpose2d(x, np.arange(-13, 14).reshape(3, 1, 3, 3), None, 2, 1),
    "conv_transpose3d": lambda x: gf.conv_transpose3d(x[:, :, None], np.arange(-3, 3).reshape(3, 2, 1, 1, 1)),
    "max_pool1d": lambda x, **options: gf.max_pool1d(x[:, :, 0], 3, 2, 1, **options),
    "max_pool3d": lambda x, **options: gf.max_pool3d(x[:, :, None], 3, 2, 1, **options),
    "avg_pool1d": lambda x, **options: gf.avg_pool1d(x[:, :, 0], 3, 2, 1, **options),
    "avg_pool3d": lambda x, **options: gf.avg_pool3d(x[:, :, None], 3, 2, 1, **options),
    "adaptive_avg_pool2d": lambda x: gf.adaptive_avg_pool2d(x, (3, None)),
    "adaptive_max_pool2d": lambda x: gf.adaptive_max_pool2d(x, (None, 4)),
    "adaptive_avg_pool3d": lambda x: gf.adaptive_avg_pool3d(x[:, :, None], 1),
    "adaptive_max_pool1d": lambda x: gf.adaptive_max_pool1d(x[:, :, 0], 4),
    "relu": gf.relu,
    "leaky_relu": gf.leaky_relu,
    "gelu": gf.gelu,
    "silu": gf.silu,
    "sigmoid": gf.sigmoid,
    "tanh": gf.tanh,
    "softmax": gf.softmax,
    "log_softmax": lambda x: gf.log_softmax(x, 1),
    "batch_norm": lambda x: gf.batch_norm(x, np.arange(3), np.ones(3, int), np.arange(3)),
    "layer_norm": lambda x: gf.layer_norm(x, (8, 9), bias=np.arange(72).reshape(8, 9)),
    "linear": lambda x: gf.linear(x, np.arange(-20, 25).reshape(5, 9)),
    "dropout": lambda x: gf.dropout(x, 0.4, True, rng=3),
    "cross_entropy": lambda x: gf.cross_entropy(x, np.ones((2, 8, 9), int)),
    "mse_loss": lambda x: gf.mse_loss(x, np.zeros((2, 3, 8, 9), int)),
    "nll_loss": lambda x: gf.nll_loss(x, np.ones((2, 8, 9), int)),
    "l1_loss": lambda x: gf.l1_loss(x, np.zeros((2, 3, 8, 9), int)),
    "huber_loss": lambda x: gf.huber_loss(x, np.zeros((2, 3, 8, 9), int)),
    "binary_cross_entropy_with_logits": lambda x: gf.binary_cross_entropy_with_logits(
        x, np.ones((2, 3, 8, 9), int), pos_weight=np.arange(9)
    ),
    "rnn": lambda x: gf.rnn(x[:, 0], None, np.eye(2, 9, dtype=int), np.eye(2, dtype=int))[0],
    "lstm": lambda x: gf.lstm(x[:, 0], None, np.eye(8, 9, dtype=int), np.eye(8, 2, dtype=int))[0],
    "gru": lambda x: gf.gru(x[:, 0], None, np.eye(6, 9, dtype=int), np.eye(6, 2, dtype=int))[0],
}
WITH_OUT = [f"{name}{n}d" for name in ("conv", "max_pool", "avg_pool") for n in (1, 2, 3)]
LOSSES = ("cross_entropy", "nll_loss", "mse_loss", "l1_loss", "huber_loss", "binary_cross_entropy_with_logits")
FIXED_BATCH = (*LOSSES, "rnn", "lstm", "gru")
every_call = pytest.mark.parametrize("name", CALLS)


def image(rng):
    return rng.standard_normal((2, 3, 8, 9))


def layouts(array):
    """The same values in every kind of memory."""
    last = array.ndim - 1
    sliced = np.zeros([2 * n for n in array.shape], array.dtype)[tuple(slice(None, None, 2) for _ in array.shape)]
    misaligned = np.frombuffer(bytearray(array.nbytes + 1), np.uint8)[1:].view(array.dtype).reshape(array.shape)
    read_only = array.copy()
    for copy in (sliced, misaligned):
        copy[...] = array
    read_only.setflags(write=False)
    return {
        "fortran": np.asfortranarray(array),
        "sliced": sliced,
        "misaligned": misaligned,
        "read-only": read_only,
        "backwards": np.ascontiguousarray(array[..., ::-1])[..., ::-1],
        "reversed first axis": np.ascontiguousarray(array[::-1])[::-1],
        "first axis last": np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 0, last)), last, 0),
        "foreign byte order": array.astype(array.dtype.newbyteorder()),
    }


@every_call
def test_any_memory_layout(name, rng):
    x = image(rng)
    expected = CALLS[name](x)
    for layout, same in layouts(x).items():
        before = same.copy()
        assert error(CALLS[name](same), expected) <= FLOAT64, layout
        assert same_bits(same, before), layout
    broadcast = np.broadcast_to(x[:1, :1], x.shape)
    assert error(CALLS[name](broadcast), CALLS[name](broadcast.copy())) <= FLOAT64


@pytest.mark.parametrize("operation", GRADIENTS)
def test_any_memory_layout_of_every_argument_and_slope(operation, rng):
    """Forward and backward; inputs and slopes stay as they were."""
    case = max(GRADIENTS[operation], key=lambda case: (len(case.arrays), sum(a.size for a in case.arrays.values())))
    slopes = case.draw_slopes(rng)
    expected, expected_grads = flat(case.run()), case.backward(slopes)
    arrays = {name: array for name, array in case.arrays.items() if array.ndim}
    for layout in layouts(np.zeros((1, 1))):
        changed = {name: layouts(array)[layout] for name, array in arrays.items()}
        other = type(case)(operation, case.arrays | changed, case.given, case.slopes)
        other_slopes = {name: layouts(dy)[layout] if np.ndim(dy) else dy for name, dy in slopes.items()}
        assert all(error(a, b) <= FLOAT64 for a, b in zip(flat(other.run()), expected, strict=True)), layout
        grads = other.backward(other_slopes)
        for name in case.arrays:
            assert error(getattr(grads, name), getattr(expected_grads, name)) <= FLOAT64, (layout, name)
        for name, array in arrays.items():
            assert np.array_equal(changed[name], array), f"{name} was written to"
        for name, dy in slopes.items():
            assert np.array_equal(other_slopes[name], dy), f"the slope of {name} was written to"


@every_call
def test_integers_and_bools_become_float64_where_nothing_floats(name, rng):
    x = rng.integers(0, 2, (2, 3, 8, 9))
    expected = CALLS[name](x.astype(np.float64))
    assert expected.dtype == np.float64
    for dtype in (np.int64, np.int32, np.int8, np.uint8, np.uint16, np.bool_):
        assert same_bits(CALLS[name](x.astype(dtype)), expected), dtype


@every_call
def test_float32_stays(name, rng):
    assert CALLS[name](image(rng).astype(np.float32)).dtype == np.float32


def test_integers_take_the_dtype_of_what_floats(rng):
    """A uint8 image meets float32 weights."""
    picture, weight = rng.integers(0, 256, (2, 3, 8, 9), np.uint8), rng.standard_normal((4, 3, 3, 3)).astype("f")
    y, cache = gf.conv2d_forward(picture, weight, np.array([1, 0, -1, 2]))
    assert same_bits(y, gf.conv2d(picture.astype("f"), weight, np.array([1, 0, -1, 2], "f")))
    assert gf.conv2d_backward(y, cache).x.dtype == np.float32
    assert gf.linear(np.eye(4, dtype=bool), weight.reshape(-1, 4)).dtype == np.float32
    assert gf.mse_loss(np.ones(3, "f"), [0, 0, 0]).dtype == np.float32


class WithArray:
    """What NumPy can convert."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def __getitem__(self, key):
        return WithArray(self.array[key])

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


class WithDLPack:
    """What speaks DLPack on the CPU."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def __getitem__(self, key):
        return WithDLPack(self.array[key])

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@every_call
@pytest.mark.parametrize("wrap", [WithArray, WithDLPack])
def test_foreign_arrays(name, wrap, rng):
    x = image(rng)
    y = CALLS[name](wrap(x))
    assert isinstance(y, np.ndarray | np.generic)
    assert same_bits(y, CALLS[name](x))


def test_array_likes():
    assert gf.relu([[-1.5, 2.5]]).tolist() == [[0, 2.5]]
    assert gf.conv2d([[[[1, 2, 3]]]], [[[[1, -1]]]]).tolist() == [[[[-1, -1]]]]
    value, cache = gf.mse_loss_forward([1.0, 2.0], [0.0, 0.0])
    assert float(value) == 2.5
    assert gf.mse_loss_backward(1.0, cache).x.tolist() == [1, 2]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in CALLS if name not in FIXED_BATCH])
def test_empty_batch(name, dtype):
    y = CALLS[name](np.zeros((0, 3, 8, 9), dtype))
    assert y.shape[0] == 0
    assert y.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
def test_empty_batch_has_zero_weight_gradients(dtype):
    y, cache = gf.conv2d_forward(np.zeros((0, 3, 8, 9), dtype), np.ones((5, 3, 3, 3), dtype), np.ones(5, dtype))
    grads = gf.conv2d_backward(y, cache)
    assert grads.x.shape == (0, 3, 8, 9)
    assert not grads.weight.any()
    assert grads.bias.tolist() == [0] * 5
    y, cache = gf.linear_forward(np.zeros((0, 4), dtype), np.ones((5, 4), dtype), np.ones(5, dtype))
    grads = gf.linear_backward(y, cache)
    assert y.shape == (0, 5)
    assert not grads.weight.any()
    assert grads.bias.tolist() == [0] * 5


class TestOutputs:
    """Memory that is recycled between calls never shows."""

    def test_are_ordinary_arrays(self, rng):
        for n in (1, 7, 100_000):
            y = gf.relu(rng.standard_normal(n))
            assert type(y) is np.ndarray
            assert y.flags.c_contiguous
            assert y.flags.writeable
            y[:] = 3
            assert gf.tanh(y).shape == (n,)

    def test_live_on_through_views(self, rng):
        x = rng.standard_normal((64, 3000))
        kept = [gf.relu(x)[i::7] for i in range(7)]
        for _ in range(20):
            gf.tanh(x)
            gf.release_memory()
        assert all(np.array_equal(view, np.maximum(x, 0)[i::7]) for i, view in enumerate(kept))

    def test_do_not_share_memory(self, rng):
        x = rng.standard_normal((64, 3000))
        outputs = [gf.relu(x) for _ in range(5)]
        assert not any(np.shares_memory(a, b) for i, a in enumerate(outputs) for b in [x, *outputs[:i]])


class TestOut:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("name", WITH_OUT)
    def test_is_written_and_returned(self, name, dtype, rng):
        x = image(rng).astype(dtype)
        expected = CALLS[name](x)
        out = np.full_like(expected, np.nan)
        assert CALLS[name](x, out=out) is out
        assert same_bits(out, expected)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_forward_writes_it_too(self, dtype, rng):
        x, weight = image(rng).astype(dtype), rng.standard_normal((4, 3, 3, 3)).astype(dtype)
        for name, second in (("conv2d", weight), ("max_pool2d", 2), ("avg_pool2d", 2)):
            expected = getattr(gf, name)(x, second)
            out = np.full_like(expected, np.nan)
            y, cache = getattr(gf, f"{name}_forward")(x, second, out=out)
            assert y is out
            assert same_bits(out, expected)
            assert getattr(gf, f"{name}_backward")(y, cache).x.shape == x.shape

    @pytest.mark.parametrize("name", WITH_OUT)
    def test_must_fit_exactly(self, name, rng):
        x = image(rng)
        y = CALLS[name](x)
        read_only = y.copy()
        read_only.setflags(write=False)
        for out, exception in (
            (np.zeros((1, *y.shape[1:])), ValueError),
            (np.zeros(y.size), ValueError),
            (y.astype(np.float32), TypeError),
            (read_only, ValueError),
            (y.tolist(), TypeError),
        ):
            with pytest.raises(exception, match=rf"^{name}: .*\bout\b"):
                CALLS[name](x, out=out)
        assert same_bits(read_only, y)

    @pytest.mark.parametrize("name", WITH_OUT)
    def test_must_be_contiguous(self, name, rng):
        x = image(rng)
        y = CALLS[name](x)
        wide = np.full((*y.shape[:-1], 2 * y.shape[-1]), 7.0)
        with pytest.raises(ValueError, match=rf"^{name}: out must be C-contiguous"):
            CALLS[name](x, out=wide[..., ::2])
        assert np.all(wide == 7)

    def test_must_not_overlap_an_input(self):
        x = np.ones((1, 2, 4, 4))
        weight = np.ones((2, 2, 1, 1))
        for call in (
            lambda: gf.conv2d(x, weight, out=x),
            lambda: gf.conv2d(x, weight, out=x[:, :, ::-1]),
            lambda: gf.conv2d(np.zeros((1, 2, 1, 1)), weight, out=weight[:1, :, :, :]),
            lambda: gf.max_pool2d(x, 1, out=x),
            lambda: gf.avg_pool2d(x, 2, out=x[:, :, :2, :2]),
        ):
            with pytest.raises(ValueError, match=r"\bout\b"):
                call()
        assert np.all(x == 1)


class TestCache:
    @pytest.mark.parametrize("operation", GRADIENTS)
    def test_is_used_up_by_its_first_backward(self, operation, rng):
        case = GRADIENTS[operation][0]
        backward = getattr(gf, f"{operation}_backward")
        slopes = case.draw_slopes(rng)
        middle = [None] if operation in ("rnn", "lstm", "gru") else []
        cache = case.run("_forward")[-1]
        assert isinstance(cache.nbytes, int)
        backward(slopes["y"], *middle, cache)
        with pytest.raises(RuntimeError, match=rf"^{operation}_backward: .*\bcache\b"):
            backward(slopes["y"], *middle, cache)

    @pytest.mark.parametrize("operation", GRADIENTS)
    def test_survives_a_call_that_fails(self, operation, rng):
        case = GRADIENTS[operation][0]
        backward = getattr(gf, f"{operation}_backward")
        slopes = case.draw_slopes(rng)
        middle = [None] if operation in ("rnn", "lstm", "gru") else []
        cache = case.run("_forward")[-1]
        with pytest.raises(ValueError, match=rf"^{operation}_backward: .*\bdy\b"):
            backward(np.zeros((7, 7, 7, 7, 7)), *middle, cache)
        with pytest.raises(ValueError, match=rf"^{operation}_backward: .*\bneeds\b"):
            backward(slopes["y"], *middle, cache, needs=("wrong",))
        if slopes["y"].ndim:
            with pytest.raises(TypeError, match=rf"^{operation}_backward: .*\bdy\b"):
                backward(slopes["y"].astype(np.float32), *middle, cache)
        expected = case.backward({"y": slopes["y"]})
        for a, b in zip(flat(backward(slopes["y"], *middle, cache)), flat(expected), strict=True):
            assert same_bits(a, b)

    def test_serves_one_of_many_threads(self, rng):
        x, dy = rng.standard_normal((2, 8, 20, 20)), rng.standard_normal((2, 4, 18, 18))
        _, cache = gf.conv2d_forward(x, rng.standard_normal((4, 8, 3, 3)))

        def backward(_):
            try:
                return gf.conv2d_backward(dy, cache)
            except RuntimeError:
                return None

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(backward, range(8)))
        assert sum(grads is not None for grads in results) == 1

    def test_does_not_pickle(self):
        _, cache = gf.relu_forward(np.ones(3))
        with pytest.raises((TypeError, pickle.PicklingError)):
            pickle.dumps(cache)

    def test_tells_its_size(self):
        small, large = (gf.conv2d_forward(np.ones((n, 3, 16, 16), "f"), np.ones((4, 3, 3, 3), "f"))[1] for n in (1, 8))
        assert 0 < small.nbytes < large.nbytes <= 8 * 2 * (3 * 16 * 16 + 4 * 14 * 14) * 4

    def test_keeps_its_arrays_until_it_is_used(self, rng):
        x, weight = image(rng), rng.standard_normal((4, 3, 3, 3))
        before = sys.getrefcount(x), sys.getrefcount(weight)
        y, cache = gf.conv2d_forward(x, weight)
        assert sys.getrefcount(x) > before[0]
        gf.conv2d_backward(y, cache)
        assert (sys.getrefcount(x), sys.getrefcount(weight)) == before
        _, cache = gf.conv2d_forward(x, weight)
        del cache
        assert (sys.getrefcount(x), sys.getrefcount(weight)) == before
