from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias, final

import numpy as np
import numpy.typing as npt

from goldfish._typing import ArrayLike, FloatArray, IndexArray, OutputSize, Padding, PerAxis

_LSTMState: TypeAlias = tuple[ArrayLike | None, ArrayLike | None]
_Matrix: TypeAlias = npt.NDArray[Any]
_Doubles: TypeAlias = npt.NDArray[np.float64]
_Integers: TypeAlias = npt.NDArray[np.integer[Any]]
_Place: TypeAlias = tuple[int, int]

__all__ = [
    "Cache",
    "ConvNetwork",
    "RecurrentStack",
    "__version__",
    "conv",
    "conv_forward",
    "conv_backward",
    "conv_transpose",
    "conv_transpose_forward",
    "conv_transpose_backward",
    "max_pool",
    "max_pool_forward",
    "max_pool_backward",
    "avg_pool",
    "avg_pool_forward",
    "avg_pool_backward",
    "adaptive_max_pool",
    "adaptive_max_pool_forward",
    "adaptive_max_pool_backward",
    "adaptive_avg_pool",
    "adaptive_avg_pool_forward",
    "adaptive_avg_pool_backward",
    "linear",
    "linear_forward",
    "linear_backward",
    "rnn",
    "rnn_forward",
    "rnn_backward",
    "lstm",
    "lstm_forward",
    "lstm_backward",
    "gru",
    "gru_forward",
    "gru_backward",
    "embedding",
    "embedding_forward",
    "embedding_backward",
    "relu",
    "relu_forward",
    "relu_backward",
    "leaky_relu",
    "leaky_relu_forward",
    "leaky_relu_backward",
    "sigmoid",
    "sigmoid_forward",
    "sigmoid_backward",
    "tanh",
    "tanh_forward",
    "tanh_backward",
    "gelu",
    "gelu_forward",
    "gelu_backward",
    "silu",
    "silu_forward",
    "silu_backward",
    "softmax",
    "softmax_forward",
    "softmax_backward",
    "log_softmax",
    "log_softmax_forward",
    "log_softmax_backward",
    "class_moments",
    "class_sums",
    "sparse_class_sums",
    "categories",
    "category_counts",
    "add_linear_scores",
    "add_normal_scores",
    "add_category_scores",
    "likeliest",
    "simulate_heap_sampling",
    "linear_labelings",
    "table_vc_dimension",
    "read_profile",
    "batch_norm",
    "batch_norm_forward",
    "batch_norm_backward",
    "layer_norm",
    "layer_norm_forward",
    "layer_norm_backward",
    "dropout",
    "dropout_forward",
    "dropout_backward",
    "cross_entropy",
    "cross_entropy_forward",
    "cross_entropy_backward",
    "nll_loss",
    "nll_loss_forward",
    "nll_loss_backward",
    "mse_loss",
    "mse_loss_forward",
    "mse_loss_backward",
    "l1_loss",
    "l1_loss_forward",
    "l1_loss_backward",
    "huber_loss",
    "huber_loss_forward",
    "huber_loss_backward",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_forward",
    "binary_cross_entropy_with_logits_backward",
    "conv_output_size",
    "pool_output_size",
    "conv2d_algorithm",
    "set_num_threads",
    "get_num_threads",
    "set_thread_override",
    "set_float32_precision",
    "get_float32_precision",
    "release_memory",
    "config",
    "sgd_step",
    "adam_step",
    "adamw_step",
    "rmsprop_step",
    "adagrad_step",
]

__version__: str

@final
class Cache:
    @property
    def nbytes(self) -> int: ...

@final
class ConvNetwork:
    def __new__(cls, dtype: str, steps: list[tuple[Any, ...]], /) -> ConvNetwork: ...
    @property
    def nbytes(self) -> int: ...
    def prepare(self, shape: tuple[int, ...], /) -> list[int]: ...
    def __call__(self, x: ArrayLike, /) -> FloatArray: ...

@final
class RecurrentStack:
    def __new__(
        cls,
        name: str,
        option: str | bool | None,
        directions: int,
        cells: Sequence[tuple[ArrayLike | None, ...]],
        /,
    ) -> RecurrentStack: ...
    def __call__(
        self, x: ArrayLike, h_0: ArrayLike | None, c_0: ArrayLike | None, lengths: ArrayLike | None, /
    ) -> tuple[FloatArray, FloatArray, FloatArray | None]: ...
    def sample(
        self,
        table: ArrayLike | None,
        head_weight: ArrayLike,
        head_bias: ArrayLike | None,
        first: SupportsIndex,
        h_0: ArrayLike | None,
        c_0: ArrayLike | None,
        temperature: float,
        top_k: SupportsIndex | None,
        top_p: float | None,
        numbers: ArrayLike,
        /,
    ) -> tuple[npt.NDArray[np.int64], FloatArray, FloatArray, FloatArray | None]: ...
    @property
    def nbytes(self) -> int: ...

def conv(
    axes: int,
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: PerAxis,
    padding: Padding,
    dilation: PerAxis,
    groups: SupportsIndex,
    algorithm: str,
    out: FloatArray | None,
    /,
) -> FloatArray: ...
def conv_forward(
    axes: int,
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: PerAxis,
    padding: Padding,
    dilation: PerAxis,
    groups: SupportsIndex,
    algorithm: str,
    out: FloatArray | None,
    /,
) -> tuple[FloatArray, Cache]: ...
def conv_backward(
    axes: int, dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]: ...
def conv_transpose(
    axes: int,
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: PerAxis,
    padding: Padding,
    output_padding: PerAxis,
    groups: SupportsIndex,
    dilation: PerAxis,
    /,
) -> FloatArray: ...
def conv_transpose_forward(
    axes: int,
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: PerAxis,
    padding: Padding,
    output_padding: PerAxis,
    groups: SupportsIndex,
    dilation: PerAxis,
    /,
) -> tuple[FloatArray, Cache]: ...
def conv_transpose_backward(
    axes: int, dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]: ...
def max_pool(
    axes: int,
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: Padding,
    dilation: PerAxis,
    ceil_mode: bool,
    return_indices: bool,
    out: FloatArray | None,
    /,
) -> FloatArray | tuple[FloatArray, IndexArray]: ...
def max_pool_forward(
    axes: int,
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: Padding,
    dilation: PerAxis,
    ceil_mode: bool,
    return_indices: bool,
    out: FloatArray | None,
    /,
) -> tuple[FloatArray, Cache] | tuple[FloatArray, IndexArray, Cache]: ...
def max_pool_backward(
    axes: int, dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /
) -> tuple[FloatArray | None]: ...
def avg_pool(
    axes: int,
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: Padding,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: SupportsIndex | None,
    dilation: PerAxis,
    out: FloatArray | None,
    /,
) -> FloatArray: ...
def avg_pool_forward(
    axes: int,
    x: ArrayLike,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: Padding,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: SupportsIndex | None,
    dilation: PerAxis,
    out: FloatArray | None,
    /,
) -> tuple[FloatArray, Cache]: ...
def avg_pool_backward(
    axes: int, dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /
) -> tuple[FloatArray | None]: ...
def adaptive_max_pool(
    axes: int, x: ArrayLike, output_size: OutputSize, return_indices: bool, /
) -> FloatArray | tuple[FloatArray, IndexArray]: ...
def adaptive_max_pool_forward(
    axes: int, x: ArrayLike, output_size: OutputSize, return_indices: bool, /
) -> tuple[FloatArray, Cache] | tuple[FloatArray, IndexArray, Cache]: ...
def adaptive_max_pool_backward(
    axes: int, dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /
) -> tuple[FloatArray | None]: ...
def adaptive_avg_pool(axes: int, x: ArrayLike, output_size: OutputSize, /) -> FloatArray: ...
def adaptive_avg_pool_forward(axes: int, x: ArrayLike, output_size: OutputSize, /) -> tuple[FloatArray, Cache]: ...
def adaptive_avg_pool_backward(
    axes: int, dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /
) -> tuple[FloatArray | None]: ...
def linear(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None, /) -> FloatArray: ...
def linear_forward(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None, /) -> tuple[FloatArray, Cache]: ...
def linear_backward(
    dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]: ...
def rnn(
    x: ArrayLike,
    h_0: ArrayLike | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None,
    bias_hh: ArrayLike | None,
    nonlinearity: str,
    lengths: ArrayLike | None,
    reverse: bool,
    /,
) -> tuple[FloatArray, FloatArray]: ...
def rnn_forward(
    x: ArrayLike,
    h_0: ArrayLike | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None,
    bias_hh: ArrayLike | None,
    nonlinearity: str,
    lengths: ArrayLike | None,
    reverse: bool,
    /,
) -> tuple[FloatArray, FloatArray, Cache]: ...
def rnn_backward(
    dy: ArrayLike | None, dstate_n: ArrayLike | None, cache: Cache, needs: tuple[str, ...], /
) -> tuple[
    FloatArray | None, FloatArray | None, FloatArray | None, FloatArray | None, FloatArray | None, FloatArray | None
]: ...
def lstm(
    x: ArrayLike,
    state: _LSTMState | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None,
    bias_hh: ArrayLike | None,
    peepholes: ArrayLike | None,
    lengths: ArrayLike | None,
    reverse: bool,
    /,
) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]: ...
def lstm_forward(
    x: ArrayLike,
    state: _LSTMState | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None,
    bias_hh: ArrayLike | None,
    peepholes: ArrayLike | None,
    lengths: ArrayLike | None,
    reverse: bool,
    /,
) -> tuple[FloatArray, tuple[FloatArray, FloatArray], Cache]: ...
def lstm_backward(
    dy: ArrayLike | None, dstate_n: _LSTMState | None, cache: Cache, needs: tuple[str, ...], /
) -> tuple[
    FloatArray | None,
    FloatArray | None,
    FloatArray | None,
    FloatArray | None,
    FloatArray | None,
    FloatArray | None,
    FloatArray | None,
    FloatArray | None,
]: ...
def gru(
    x: ArrayLike,
    h_0: ArrayLike | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None,
    bias_hh: ArrayLike | None,
    reset_after: bool,
    lengths: ArrayLike | None,
    reverse: bool,
    /,
) -> tuple[FloatArray, FloatArray]: ...
def gru_forward(
    x: ArrayLike,
    h_0: ArrayLike | None,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None,
    bias_hh: ArrayLike | None,
    reset_after: bool,
    lengths: ArrayLike | None,
    reverse: bool,
    /,
) -> tuple[FloatArray, FloatArray, Cache]: ...
def gru_backward(
    dy: ArrayLike | None, dstate_n: ArrayLike | None, cache: Cache, needs: tuple[str, ...], /
) -> tuple[
    FloatArray | None, FloatArray | None, FloatArray | None, FloatArray | None, FloatArray | None, FloatArray | None
]: ...
def embedding(ids: ArrayLike, weight: ArrayLike, padding_idx: SupportsIndex | None, /) -> FloatArray: ...
def embedding_forward(
    ids: ArrayLike, weight: ArrayLike, padding_idx: SupportsIndex | None, /
) -> tuple[FloatArray, Cache]: ...
def embedding_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def relu(x: ArrayLike, /) -> FloatArray: ...
def relu_forward(x: ArrayLike, /) -> tuple[FloatArray, Cache]: ...
def relu_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def leaky_relu(x: ArrayLike, negative_slope: float, /) -> FloatArray: ...
def leaky_relu_forward(x: ArrayLike, negative_slope: float, /) -> tuple[FloatArray, Cache]: ...
def leaky_relu_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def gelu(x: ArrayLike, approximate: str, /) -> FloatArray: ...
def gelu_forward(x: ArrayLike, approximate: str, /) -> tuple[FloatArray, Cache]: ...
def gelu_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def silu(x: ArrayLike, /) -> FloatArray: ...
def silu_forward(x: ArrayLike, /) -> tuple[FloatArray, Cache]: ...
def silu_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def sigmoid(x: ArrayLike, /) -> FloatArray: ...
def sigmoid_forward(x: ArrayLike, /) -> tuple[FloatArray, Cache]: ...
def sigmoid_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def tanh(x: ArrayLike, /) -> FloatArray: ...
def tanh_forward(x: ArrayLike, /) -> tuple[FloatArray, Cache]: ...
def tanh_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def softmax(x: ArrayLike, axis: SupportsIndex, /) -> FloatArray: ...
def softmax_forward(x: ArrayLike, axis: SupportsIndex, /) -> tuple[FloatArray, Cache]: ...
def softmax_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def log_softmax(x: ArrayLike, axis: SupportsIndex, /) -> FloatArray: ...
def log_softmax_forward(x: ArrayLike, axis: SupportsIndex, /) -> tuple[FloatArray, Cache]: ...
def log_softmax_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def class_moments(
    matrix: _Matrix, columns: _Integers | None, codes: _Integers, weights: _Doubles | None, n_classes: int, /
) -> tuple[_Place | None, _Doubles, _Doubles, _Doubles]: ...
def class_sums(
    matrix: _Matrix,
    columns: _Integers | None,
    codes: _Integers,
    weights: _Doubles | None,
    n_classes: int,
    threshold: float | None,
    support: tuple[float, float, bool],
    /,
) -> tuple[_Place | None, _Doubles, _Doubles]: ...
def sparse_class_sums(
    data: _Matrix,
    indices: _Integers,
    indptr: _Integers,
    width: int,
    codes: _Integers,
    weights: _Doubles | None,
    n_classes: int,
    threshold: float | None,
    /,
) -> tuple[_Doubles, _Doubles | None]: ...
def categories(
    matrix: _Matrix, columns: _Integers | None, most: float, /
) -> tuple[_Place | None, npt.NDArray[np.int64], _Place | None]: ...
def category_counts(
    matrix: _Matrix,
    columns: _Integers | None,
    codes: _Integers,
    weights: _Doubles | None,
    n_classes: int,
    sizes: _Integers,
    /,
) -> _Doubles: ...
def add_linear_scores(
    matrix: _Matrix,
    columns: _Integers | None,
    threshold: float | None,
    support: tuple[float, float, bool],
    slope: _Doubles,
    constant: _Doubles,
    out: _Doubles,
    /,
) -> _Place | None: ...
def add_normal_scores(
    matrix: _Matrix,
    columns: _Integers | None,
    mean: _Doubles,
    rate: _Doubles,
    constant: _Doubles,
    out: _Doubles,
    /,
) -> _Place | None: ...
def add_category_scores(
    matrix: _Matrix, columns: _Integers | None, sizes: _Integers, table: _Doubles, out: _Doubles, /
) -> tuple[_Place | None, _Place | None]: ...
def likeliest(joint: _Doubles, /) -> tuple[npt.NDArray[np.int64], int | None]: ...
def simulate_heap_sampling(sizes: ArrayLike, rate: float, trigger: str, key: int, /) -> npt.NDArray[np.bool_]: ...
def read_profile(data: bytes, /) -> dict[str, Any]: ...
def batch_norm(
    x: ArrayLike,
    running_mean: FloatArray | None,
    running_var: FloatArray | None,
    weight: ArrayLike | None,
    bias: ArrayLike | None,
    training: bool,
    momentum: float,
    eps: float,
    /,
) -> FloatArray: ...
def batch_norm_forward(
    x: ArrayLike,
    running_mean: FloatArray | None,
    running_var: FloatArray | None,
    weight: ArrayLike | None,
    bias: ArrayLike | None,
    training: bool,
    momentum: float,
    eps: float,
    /,
) -> tuple[FloatArray, Cache]: ...
def batch_norm_backward(
    dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]: ...
def layer_norm(
    x: ArrayLike,
    normalized_shape: SupportsIndex | Sequence[SupportsIndex],
    weight: ArrayLike | None,
    bias: ArrayLike | None,
    eps: float,
    /,
) -> FloatArray: ...
def layer_norm_forward(
    x: ArrayLike,
    normalized_shape: SupportsIndex | Sequence[SupportsIndex],
    weight: ArrayLike | None,
    bias: ArrayLike | None,
    eps: float,
    /,
) -> tuple[FloatArray, Cache]: ...
def layer_norm_backward(
    dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]: ...
def dropout(x: ArrayLike, p: float, training: bool, key: int | None, /) -> FloatArray: ...
def dropout_forward(x: ArrayLike, p: float, training: bool, key: int | None, /) -> tuple[FloatArray, Cache]: ...
def dropout_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None,
    ignore_index: SupportsIndex,
    label_smoothing: float,
    axis: SupportsIndex,
    reduction: str,
    /,
) -> FloatArray: ...
def cross_entropy_forward(
    logits: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None,
    ignore_index: SupportsIndex,
    label_smoothing: float,
    axis: SupportsIndex,
    reduction: str,
    /,
) -> tuple[FloatArray, Cache]: ...
def cross_entropy_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def nll_loss(
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None,
    ignore_index: SupportsIndex,
    axis: SupportsIndex,
    reduction: str,
    /,
) -> FloatArray: ...
def nll_loss_forward(
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None,
    ignore_index: SupportsIndex,
    axis: SupportsIndex,
    reduction: str,
    /,
) -> tuple[FloatArray, Cache]: ...
def nll_loss_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def l1_loss(x: ArrayLike, target: ArrayLike, reduction: str, /) -> FloatArray: ...
def l1_loss_forward(x: ArrayLike, target: ArrayLike, reduction: str, /) -> tuple[FloatArray, Cache]: ...
def l1_loss_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def huber_loss(x: ArrayLike, target: ArrayLike, delta: float, reduction: str, /) -> FloatArray: ...
def huber_loss_forward(
    x: ArrayLike, target: ArrayLike, delta: float, reduction: str, /
) -> tuple[FloatArray, Cache]: ...
def huber_loss_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def binary_cross_entropy_with_logits(
    x: ArrayLike, target: ArrayLike, weight: ArrayLike | None, pos_weight: ArrayLike | None, reduction: str, /
) -> FloatArray: ...
def binary_cross_entropy_with_logits_forward(
    x: ArrayLike, target: ArrayLike, weight: ArrayLike | None, pos_weight: ArrayLike | None, reduction: str, /
) -> tuple[FloatArray, Cache]: ...
def binary_cross_entropy_with_logits_backward(
    dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /
) -> tuple[FloatArray | None]: ...
def mse_loss(x: ArrayLike, target: ArrayLike, reduction: str, /) -> FloatArray: ...
def mse_loss_forward(x: ArrayLike, target: ArrayLike, reduction: str, /) -> tuple[FloatArray, Cache]: ...
def mse_loss_backward(dy: ArrayLike, cache: Cache, needs: tuple[str, ...], /) -> tuple[FloatArray | None]: ...
def conv_output_size(
    size: PerAxis, kernel_size: PerAxis, stride: PerAxis, padding: Padding, dilation: PerAxis, /
) -> int | tuple[int, ...]: ...
def pool_output_size(
    size: PerAxis, kernel_size: PerAxis, stride: PerAxis | None, padding: Padding, dilation: PerAxis, ceil_mode: bool, /
) -> int | tuple[int, ...]: ...
def conv2d_algorithm(
    x_shape: Sequence[SupportsIndex],
    weight_shape: Sequence[SupportsIndex],
    stride: PerAxis,
    padding: Padding,
    dilation: PerAxis,
    groups: SupportsIndex,
    dtype: npt.DTypeLike,
    wrt: str | None,
    /,
) -> str: ...
def set_num_threads(n: SupportsIndex, /) -> None: ...
def get_num_threads() -> int: ...
def set_thread_override(n: SupportsIndex | None, /) -> int | None: ...
def set_float32_precision(level: str, /) -> None: ...
def get_float32_precision() -> str: ...
def release_memory() -> None: ...
def config() -> dict[str, Any]: ...
def sgd_step(
    parameter: FloatArray,
    grad: FloatArray,
    velocity: FloatArray | None,
    lr: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
    /,
) -> None: ...
def linear_labelings(
    vectors: Sequence[Sequence[int]], extra: Sequence[Sequence[int]], limit: int, /
) -> list[int] | None: ...
def table_vc_dimension(columns: Sequence[Sequence[int]], rows: int, max_work: int, /) -> tuple[list[int], bool]: ...
def adam_step(
    parameter: FloatArray,
    grad: FloatArray,
    first_moment: FloatArray,
    second_moment: FloatArray,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    step: int,
    /,
) -> None: ...
def adamw_step(
    parameter: FloatArray,
    grad: FloatArray,
    first_moment: FloatArray,
    second_moment: FloatArray,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    step: int,
    /,
) -> None: ...
def rmsprop_step(
    parameter: FloatArray,
    grad: FloatArray,
    mean_square: FloatArray,
    velocity: FloatArray | None,
    lr: float,
    alpha: float,
    eps: float,
    momentum: float,
    weight_decay: float,
    /,
) -> None: ...
def adagrad_step(
    parameter: FloatArray, grad: FloatArray, square_sum: FloatArray, lr: float, eps: float, weight_decay: float, /
) -> None: ...
