"""Every wrong call: the exception, and a message that names function, argument, what was expected and what came."""

import re

import numpy as np
import pytest

import goldfish as gf

X, WEIGHT, BIAS = np.ones((2, 4, 6, 6), np.float32), np.ones((8, 4, 3, 3), np.float32), np.ones(8, np.float32)
FILTERS_1D, SPREAD = np.ones((1, 6, 3), np.float32), np.ones((4, 5, 3, 3), np.float32)
TABLE, LOGITS, TARGET = np.ones((8, 3), np.float32), np.ones((3, 4)), np.array([0, 1, 2])
ZEROS = np.zeros(4, np.float32)


def recurrent(function, gates, **changed):
    """A call of a recurrent layer with T = 4, B = 2, I = 5, H = 3 and some arguments replaced."""
    states = {"h_0": np.ones((2, 3))} if "lstm" not in function else {"state": (np.ones((2, 3)), np.ones((2, 3)))}
    arguments = {
        "x": np.ones((4, 2, 5)),
        **states,
        "weight_ih": np.ones((gates * 3, 5)),
        "weight_hh": np.ones((gates * 3, 3)),
    }
    return lambda: getattr(gf, function)(**{**arguments, **changed})


def rnn(**changed):
    return recurrent("rnn", 1, **changed)


def lstm(**changed):
    return recurrent("lstm", 4, **changed)


def gru(**changed):
    return recurrent("gru", 3, **changed)


def conv_back(dy, **options):
    return lambda: gf.conv2d_backward(dy, gf.conv2d_forward(X, WEIGHT, BIAS)[1], **options)


def rnn_back(*arguments, **options):
    return lambda: gf.rnn_backward(*arguments, recurrent("rnn_forward", 1)()[-1], **options)


def lstm_back(*arguments):
    return lambda: gf.lstm_backward(*arguments, recurrent("lstm_forward", 4)()[-1])


def spread(*options, x=X, weight=SPREAD, **named):
    return lambda: gf.conv_transpose2d(x, weight, *options, **named)


def conv_cache():
    return gf.conv2d_forward(X, WEIGHT)[1]


def pool_cache():
    return gf.max_pool2d_forward(X, 2)[1]


def entropy(target=TARGET, **options):
    return lambda: gf.cross_entropy(LOGITS, target, **options)


def algorithm(x_shape=X.shape, **options):
    return lambda: gf.conv2d_algorithm(x_shape, WEIGHT.shape, **options)


# The function and the argument that the message names, the exception, what the message must also hold, the call.
ERRORS = [
    ("conv2d", "x", ValueError, "4 channels.*got 3", lambda: gf.conv2d(X[:, :3], WEIGHT)),
    ("conv2d", "x", ValueError, r"\(4, 6, 6\)", lambda: gf.conv2d(X[0], WEIGHT)),
    ("conv2d", "weight", ValueError, r"\(8, 4, 3\)", lambda: gf.conv2d(X, WEIGHT[..., 0])),
    ("conv2d", "weight", ValueError, r"\(8, 4, 0, 3\)", lambda: gf.conv2d(X, WEIGHT[:, :, :0])),
    ("conv2d", "x|weight", ValueError, "2", lambda: gf.conv2d(X[:, :, :2], WEIGHT)),
    ("conv2d", "bias", ValueError, r"\(8,\).*\(7,\)", lambda: gf.conv2d(X, WEIGHT, BIAS[:7])),
    ("conv2d", "bias", ValueError, r"\(8,\).*\(8, 1\)", lambda: gf.conv2d(X, WEIGHT, BIAS[:, None])),
    ("conv2d", "stride", ValueError, "at least 1, got 0", lambda: gf.conv2d(X, WEIGHT, stride=0)),
    ("conv2d", "stride", ValueError, "2 ints, got 3", lambda: gf.conv2d(X, WEIGHT, stride=(1, 1, 1))),
    ("conv2d", "stride", ValueError, r"\(1, -2\)|-2", lambda: gf.conv2d(X, WEIGHT, stride=(1, -2))),
    ("conv2d", "stride", TypeError, "int.*1.5", lambda: gf.conv2d(X, WEIGHT, stride=1.5)),
    ("conv2d", "stride", TypeError, "int.*None", lambda: gf.conv2d(X, WEIGHT, stride=None)),
    ("conv2d", "padding", ValueError, "-1", lambda: gf.conv2d(X, WEIGHT, padding=-1)),
    ("conv2d", "padding", ValueError, "'valid'.*'sane'", lambda: gf.conv2d(X, WEIGHT, padding="sane")),
    ("conv2d", "padding", ValueError, "causal", lambda: gf.conv2d(X, WEIGHT, padding="causal")),
    ("conv2d", "padding", ValueError, "2 .*pairs, got 1", lambda: gf.conv2d(X, WEIGHT, padding=((1, 1),))),
    ("conv2d", "padding", TypeError, "0.5", lambda: gf.conv2d(X, WEIGHT, padding=0.5)),
    ("conv2d", "dilation", ValueError, "at least 1, got 0", lambda: gf.conv2d(X, WEIGHT, dilation=0)),
    ("conv2d", "groups", ValueError, "at least 1, got 0", lambda: gf.conv2d(X, WEIGHT, groups=0)),
    ("conv2d", "groups", ValueError, "3", lambda: gf.conv2d(X, WEIGHT, groups=3)),
    ("conv2d", "algorithm", ValueError, "'direct'.*'fourier'", lambda: gf.conv2d(X, WEIGHT, algorithm="fastest")),
    ("conv2d", "algorithm", ValueError, "winograd", lambda: gf.conv2d(X, WEIGHT[:, :, :1, :1], algorithm="winograd")),
    ("conv2d", "weight", TypeError, "float32.*float64", lambda: gf.conv2d(X, WEIGHT.astype(float))),
    ("conv2d", "bias", TypeError, "float32.*float64", lambda: gf.conv2d(X, WEIGHT, BIAS.astype(float))),
    ("conv2d", "x", TypeError, "complex64", lambda: gf.conv2d(X.astype(np.complex64), WEIGHT)),
    ("conv2d", "x", TypeError, "float16", lambda: gf.conv2d(X.astype(np.float16), WEIGHT)),
    ("conv2d", "x", TypeError, "object", lambda: gf.conv2d(X.astype(object), WEIGHT)),
    ("conv2d", "x", TypeError, "array|dtype|str", lambda: gf.conv2d("picture", WEIGHT)),
    ("conv2d", "x", TypeError, "datetime64|timedelta|M8", lambda: gf.conv2d(np.zeros((1, 4, 3, 3), "M8[s]"), WEIGHT)),
    ("conv2d", "weight", TypeError, "None", lambda: gf.conv2d(X, None)),
    ("conv2d", "out", TypeError, "list", lambda: gf.conv2d(X, WEIGHT, out=[])),
    ("conv2d", "out", ValueError, r"\(2, 8, 4, 4\).*\(2, 4, 6, 6\)", lambda: gf.conv2d(X, WEIGHT, out=np.ones_like(X))),
    ("conv2d_forward", "x", ValueError, "4 channels.*got 3", lambda: gf.conv2d_forward(X[:, :3], WEIGHT)),
    ("conv2d_backward", "dy", ValueError, r"\(2, 8, 4, 4\).*\(2, 8, 3, 4\)", conv_back(np.ones((2, 8, 3, 4), "f"))),
    ("conv2d_backward", "dy", TypeError, "float32.*float64", conv_back(np.ones((2, 8, 4, 4)))),
    ("conv2d_backward", "dy", TypeError, "None", conv_back(None)),
    ("conv2d_backward", "needs", ValueError, "'weight'.*'y'", conv_back(np.ones((2, 8, 4, 4), "f"), needs=("y",))),
    ("conv2d_backward", "cache", TypeError, "max_pool2d", lambda: gf.conv2d_backward(X, pool_cache())),
    ("conv2d_backward", "cache", TypeError, "None", lambda: gf.conv2d_backward(X, None)),
    ("max_pool2d", "kernel_size", ValueError, "at least 1, got 0", lambda: gf.max_pool2d(X, 0)),
    ("max_pool2d", "kernel_size", ValueError, "2 ints, got 3", lambda: gf.max_pool2d(X, (2, 2, 2))),
    ("max_pool2d", "kernel_size", TypeError, "two", lambda: gf.max_pool2d(X, "two")),
    ("max_pool2d", "stride", ValueError, "at least 1, got 0", lambda: gf.max_pool2d(X, 2, 0)),
    ("max_pool2d", "padding", ValueError, "half.*2", lambda: gf.max_pool2d(X, 2, 2, 2)),
    ("max_pool2d", "x|kernel_size", ValueError, "7", lambda: gf.max_pool2d(X, 7)),
    ("max_pool2d", "x", ValueError, r"\(4, 6, 6\)", lambda: gf.max_pool2d(X[0], 2)),
    ("max_pool2d", "x", TypeError, "float16", lambda: gf.max_pool2d(X.astype(np.float16), 2)),
    ("max_pool2d_backward", "dy", ValueError, r"\(2, 4, 3, 3\)", lambda: gf.max_pool2d_backward(X, pool_cache())),
    ("avg_pool2d", "dilation", ValueError, "at least 1, got 0", lambda: gf.avg_pool2d(X, 2, dilation=0)),
    ("avg_pool2d", "divisor_override", ValueError, "1, got 0", lambda: gf.avg_pool2d(X, 2, divisor_override=0)),
    ("avg_pool2d", "divisor_override", TypeError, "1.5", lambda: gf.avg_pool2d(X, 2, divisor_override=1.5)),
    ("conv1d", "padding", ValueError, "1 ints, got 3|1 int", lambda: gf.conv1d(X[0], FILTERS_1D, padding=(1, 1, 1))),
    ("conv1d", "x", ValueError, r"3 axes.*\(2, 4, 6, 6\)", lambda: gf.conv1d(X, FILTERS_1D)),
    ("conv3d", "x", ValueError, r"5 axes.*\(2, 4, 6, 6\)", lambda: gf.conv3d(X, np.ones((1, 4, 3, 3, 3), "f"))),
    ("conv3d", "padding", ValueError, "causal", lambda: gf.conv3d(X[None], WEIGHT[None, :2], padding="causal")),
    ("conv1d_backward", "cache", TypeError, "conv2d", lambda: gf.conv1d_backward(X, conv_cache())),
    ("conv_transpose2d", "x", ValueError, "3 channels.*got 4", spread(weight=SPREAD[:3])),
    ("conv_transpose2d", "x", ValueError, "empty", spread(x=X[:, :, :0])),
    ("conv_transpose2d", "weight", ValueError, r"\(4, 5, 3\)", spread(weight=SPREAD[..., 0])),
    ("conv_transpose2d", "bias", ValueError, r"\(5,\).*\(4,\)", spread(np.ones(4, "f"))),
    ("conv_transpose2d", "output_padding", ValueError, "stride 2.*got 2", spread(None, 2, 0, 2)),
    ("conv_transpose2d", "output_padding", ValueError, "0, got -1", spread(None, 2, 0, -1)),
    ("conv_transpose2d", "padding", ValueError, r"\(5, 5\).*8 places", spread(None, 1, 5)),
    ("conv_transpose2d", "padding", ValueError, "causal", spread(None, 1, "causal")),
    ("conv_transpose2d", "groups", ValueError, "4 input channels.*got 3", spread(groups=3)),
    ("conv_transpose2d", "groups", ValueError, "1, got 0", spread(groups=0)),
    ("max_pool1d", "x", ValueError, r"3 axes", lambda: gf.max_pool1d(X, 2)),
    ("avg_pool3d", "kernel_size", ValueError, "3 ints, got 2", lambda: gf.avg_pool3d(X[None], (2, 2))),
    ("adaptive_avg_pool2d", "output_size", ValueError, "2 ints, got 3", lambda: gf.adaptive_avg_pool2d(X, (2, 2, 2))),
    ("adaptive_avg_pool2d", "output_size", TypeError, "1.5", lambda: gf.adaptive_avg_pool2d(X, 1.5)),
    ("adaptive_max_pool2d", "output_size", ValueError, "1, got 0", lambda: gf.adaptive_max_pool2d(X, (None, 0))),
    ("adaptive_max_pool1d", "x", ValueError, "3 axes", lambda: gf.adaptive_max_pool1d(X, 2)),
    ("adaptive_max_pool3d", "x", ValueError, "empty", lambda: gf.adaptive_max_pool3d(X[None, :, :, :0], 2)),
    ("rnn", "x", ValueError, r"\(4, 5\)", rnn(x=np.ones((4, 5)))),
    ("rnn", "x|weight_ih", ValueError, "6", rnn(x=np.ones((4, 2, 6)))),
    ("rnn", "x", TypeError, "complex128", rnn(x=np.ones((4, 2, 5), complex))),
    ("rnn", "x", ValueError, "5|4", rnn(x=np.full((4, 2), 5))),
    ("rnn", "x", ValueError, "-1", rnn(x=np.full((4, 2), -1))),
    ("rnn", "h_0", ValueError, r"\(2, 3\).*\(1, 3\)", rnn(h_0=np.ones((1, 3)))),
    ("rnn", "h_0", ValueError, r"\(2, 3\).*\(1, 2, 3\)", rnn(h_0=np.ones((1, 2, 3)))),
    ("rnn", "h_0", TypeError, "float32", rnn(h_0=np.ones((2, 3), "f"))),
    ("rnn", "weight_ih", ValueError, "3.*got 4", rnn(weight_ih=np.ones((4, 5)))),
    ("rnn", "weight_ih", ValueError, r"\(5,\)", rnn(weight_ih=np.ones(5))),
    ("rnn", "weight_hh", ValueError, r"\(3, 4\)", rnn(weight_hh=np.ones((3, 4)))),
    ("rnn", "bias_ih", ValueError, r"\(3,\).*\(4,\)", rnn(bias_ih=np.ones(4))),
    ("rnn", "bias_hh", ValueError, r"\(3,\).*\(3, 1\)", rnn(bias_hh=np.ones((3, 1)))),
    ("rnn", "nonlinearity", ValueError, "'relu'.*'sigmoid'", rnn(nonlinearity="sigmoid")),
    ("rnn", "lengths", ValueError, r"\(2,\).*\(3,\)", rnn(lengths=[4, 4, 4])),
    ("rnn", "lengths", ValueError, "4.*5", rnn(lengths=[4, 5])),
    ("rnn", "lengths", ValueError, "-1", rnn(lengths=[4, -1])),
    ("rnn", "lengths", TypeError, "int.*float64", rnn(lengths=[4.0, 1.5])),
    ("rnn_forward", "lengths", ValueError, "5", recurrent("rnn_forward", 1, lengths=[4, 5])),
    ("rnn_backward", "dy", ValueError, r"\(4, 2, 3\)", rnn_back(np.ones((3, 2, 3)), None)),
    ("rnn_backward", "dstate_n", ValueError, r"\(2, 3\).*\(2, 4\)", rnn_back(None, np.ones((2, 4)))),
    ("rnn_backward", "needs", ValueError, "'h_0'.*'c_0'", rnn_back(None, np.ones((2, 3)), needs=("c_0",))),
    ("lstm", "weight_hh", ValueError, r"\(9, 3\)", lstm(weight_hh=np.ones((9, 3)))),
    ("lstm", "c_0", ValueError, r"\(2, 3\).*\(3, 3\)", lstm(state=(None, np.ones((3, 3))))),
    ("lstm", "c_0", TypeError, "float32", lstm(state=(None, np.ones((2, 3), "f")))),
    ("lstm", "state", TypeError, "pair", lstm(state=np.ones((2, 3)))),
    ("lstm", "state", (TypeError, ValueError), "pair.*3", lstm(state=(None, None, None))),
    ("lstm", "peepholes", ValueError, r"\(3, 3\).*\(3, 4\)", lstm(peepholes=np.ones((3, 4)))),
    ("lstm_backward", "dh_n|dstate_n", ValueError, r"\(2, 3\).*\(2, 4\)", lstm_back(None, (np.ones((2, 4)), None))),
    ("lstm_backward", "dc_n|dstate_n", ValueError, r"\(2, 3\).*\(2, 4\)", lstm_back(None, (None, np.ones((2, 4))))),
    ("gru", "weight_ih", ValueError, "9.*got 12", gru(weight_ih=np.ones((12, 5)))),
    ("gru", "bias_hh", ValueError, r"\(9,\).*\(12,\)", gru(bias_hh=np.ones(12))),
    ("softmax", "axis", ValueError, "4", lambda: gf.softmax(X, 4)),
    ("log_softmax", "axis", ValueError, "-5", lambda: gf.log_softmax(X, -5)),
    ("softmax", "axis", TypeError, "1.0", lambda: gf.softmax(X, 1.0)),
    ("relu", "x", TypeError, "complex128", lambda: gf.relu(np.ones(3, complex))),
    ("tanh_backward", "dy", ValueError, "2.*3", lambda: gf.tanh_backward(np.ones(3), gf.tanh_forward(np.ones(2))[1])),
    ("linear", "x|weight", ValueError, "5.*6|6.*5", lambda: gf.linear(X, np.ones((3, 5), "f"))),
    ("linear", "weight", ValueError, r"\(6,\)", lambda: gf.linear(X, np.ones(6, "f"))),
    ("linear", "bias", ValueError, r"\(3,\).*\(2,\)", lambda: gf.linear(X, np.ones((3, 6), "f"), np.ones(2, "f"))),
    ("linear", "x", ValueError, r"\(\)", lambda: gf.linear(np.float32(1), np.ones((3, 1), "f"))),
    ("embedding", "ids", ValueError, "9", lambda: gf.embedding(np.array([0, 9]), TABLE)),
    ("embedding", "ids", ValueError, "-1", lambda: gf.embedding(np.array([0, -1]), TABLE)),
    ("embedding", "ids", TypeError, "int.*float64", lambda: gf.embedding(np.array([0.5]), TABLE)),
    ("embedding", "weight", ValueError, r"\(8,\)", lambda: gf.embedding(np.array([0]), TABLE[:, 0])),
    ("embedding", "padding_idx", ValueError, "8", lambda: gf.embedding(np.array([0]), TABLE, 8)),
    ("dropout", "p", ValueError, "1.5", lambda: gf.dropout(X, 1.5)),
    ("dropout", "p", ValueError, "nan|NaN", lambda: gf.dropout(X, float("nan"))),
    ("dropout", "p", TypeError, "half", lambda: gf.dropout(X, "half")),
    ("dropout", "rng", TypeError, "str", lambda: gf.dropout(X, 0.5, True, rng="seed")),
    ("dropout_forward", "rng", ValueError, "-1", lambda: gf.dropout_forward(X, 0.5, rng=-1)),
    ("cross_entropy", "target", ValueError, "4", entropy(np.array([0, 1, 4]))),
    ("cross_entropy", "target", ValueError, "-1", entropy(np.array([0, 1, -1]))),
    ("cross_entropy", "target", ValueError, r"\(2,\)", entropy(np.array([0, 1]))),
    ("cross_entropy", "weight", ValueError, r"\(4,\).*\(3,\)", entropy(weight=np.ones(3))),
    ("cross_entropy", "weight", TypeError, "float32", entropy(weight=np.ones(4, "f"))),
    ("cross_entropy", "label_smoothing", ValueError, "1.5", entropy(label_smoothing=1.5)),
    ("cross_entropy", "reduction", ValueError, "'mean'.*'average'", entropy(reduction="average")),
    ("cross_entropy", "axis", ValueError, "2", entropy(axis=2)),
    ("mse_loss", "target", ValueError, r"\(3, 4\).*\(3, 5\)", lambda: gf.mse_loss(LOGITS, np.ones((3, 5)))),
    ("mse_loss", "target", TypeError, "float64.*float32", lambda: gf.mse_loss(LOGITS, np.ones((3, 4), "f"))),
    ("mse_loss", "reduction", ValueError, "'sum'.*'all'", lambda: gf.mse_loss(LOGITS, LOGITS, reduction="all")),
    ("leaky_relu", "negative_slope", TypeError, "steep", lambda: gf.leaky_relu(X, "steep")),
    ("gelu", "approximate", ValueError, "'tanh'.*'erf'", lambda: gf.gelu(X, approximate="erf")),
    ("batch_norm", "x", ValueError, r"\(N, C, ...\).*\(3,\)", lambda: gf.batch_norm(np.ones(3), None, None)),
    ("batch_norm", "running_mean", ValueError, "None", lambda: gf.batch_norm(X, None, None)),
    ("batch_norm", "running_var", ValueError, "None", lambda: gf.batch_norm(X, ZEROS, None, training=True)),
    ("batch_norm", "running_mean", ValueError, r"\(4,\).*\(3,\)", lambda: gf.batch_norm(X, np.ones(3, "f"), ZEROS)),
    ("batch_norm", "weight", ValueError, r"\(4,\).*\(3,\)", lambda: gf.batch_norm(X, ZEROS, ZEROS, np.ones(3, "f"))),
    ("batch_norm", "running_var", TypeError, "float32", lambda: gf.batch_norm(X, ZEROS, np.ones(4))),
    ("batch_norm", "momentum", ValueError, "1.5", lambda: gf.batch_norm(X, ZEROS, ZEROS, momentum=1.5)),
    ("batch_norm", "eps", ValueError, "-1", lambda: gf.batch_norm(X, ZEROS, ZEROS, eps=-1)),
    ("batch_norm", "x", ValueError, "more than 1", lambda: gf.batch_norm(np.ones((1, 2)), None, None, training=True)),
    ("layer_norm", "normalized_shape", ValueError, r"\(5,\)", lambda: gf.layer_norm(X, (5,))),
    ("layer_norm", "normalized_shape", ValueError, r"\(\)", lambda: gf.layer_norm(X, ())),
    ("layer_norm", "normalized_shape", TypeError, "wide", lambda: gf.layer_norm(X, "wide")),
    ("layer_norm", "bias", ValueError, r"\(6,\).*\(5,\)", lambda: gf.layer_norm(X, 6, bias=np.ones(5, "f"))),
    ("nll_loss", "target", ValueError, "4", lambda: gf.nll_loss(LOGITS, np.array([0, 1, 4]))),
    ("nll_loss", "target", TypeError, "float64", lambda: gf.nll_loss(LOGITS, np.array([0.0, 1, 3]))),
    ("nll_loss", "axis", ValueError, "axis=-1", lambda: gf.nll_loss(np.ones((3, 2, 4)), np.zeros((3, 2), int))),
    ("nll_loss", "weight", ValueError, r"\(4,\).*\(3,\)", lambda: gf.nll_loss(LOGITS, TARGET, weight=np.ones(3))),
    ("l1_loss", "target", ValueError, r"\(3, 4\).*\(3, 5\)", lambda: gf.l1_loss(LOGITS, np.ones((3, 5)))),
    ("huber_loss", "delta", ValueError, "0", lambda: gf.huber_loss(LOGITS, LOGITS, delta=0.0)),
    ("huber_loss", "delta", TypeError, "much", lambda: gf.huber_loss(LOGITS, LOGITS, delta="much")),
    (
        "binary_cross_entropy_with_logits",
        "pos_weight",
        ValueError,
        r"\(3, 4\).*\(3,\)",
        lambda: gf.binary_cross_entropy_with_logits(LOGITS, LOGITS, pos_weight=np.ones(3)),
    ),
    ("set_num_threads", "n", ValueError, "at least 1, got 0", lambda: gf.set_num_threads(0)),
    ("set_num_threads", "n", TypeError, "two", lambda: gf.set_num_threads("two")),
    ("threads", "n", ValueError, "at least 1, got 0", lambda: gf.threads(0).__enter__()),
    ("threads", "n", TypeError, "2.5", lambda: gf.threads(2.5).__enter__()),
    ("set_float32_precision", "level", ValueError, "'medium'.*'low'", lambda: gf.set_float32_precision("low")),
    ("conv_output_size", "stride", ValueError, "at least 1, got 0", lambda: gf.conv_output_size(5, 2, 0)),
    ("conv_output_size", "kernel_size|size", ValueError, "5", lambda: gf.conv_output_size(2, 5)),
    ("conv_output_size", "kernel_size", ValueError, "2 ints, got 3", lambda: gf.conv_output_size((5, 5), (1, 2, 3))),
    ("pool_output_size", "kernel_size|size", ValueError, "5", lambda: gf.pool_output_size(2, 5)),
    ("pool_output_size", "size", TypeError, "2.5", lambda: gf.pool_output_size(2.5, 2)),
    ("conv2d_algorithm", "dtype", TypeError, "int64", algorithm(dtype="int64")),
    ("conv2d_algorithm", "wrt", ValueError, "'bias'", algorithm(wrt="bias")),
    ("conv2d_algorithm", "x", ValueError, "3", algorithm((1, 3, 6, 6))),
]  # fmt: skip


@pytest.mark.parametrize("row", ERRORS, ids=[f"{row[0]}-{row[1]}-{i}" for i, row in enumerate(ERRORS)])
def test_message(row):
    function, argument, exception, more, call = row
    with pytest.raises(exception) as caught:
        call()
    message = str(caught.value)
    assert message.startswith(f"{function}: "), message
    assert re.search(rf"\b({argument})\b", message), message
    assert re.search(more, message), message


def test_the_message_of_wrong_channels():
    with pytest.raises(ValueError) as caught:
        gf.conv2d(np.ones((2, 3, 6, 6)), np.ones((8, 4, 3, 3)))
    assert str(caught.value) == "conv2d: weight has shape (8, 4, 3, 3), so x must have 4 channels (axis 1), got 3"


def test_cross_entropy_says_which_axis_holds_the_classes():
    with pytest.raises(ValueError) as caught:
        gf.cross_entropy(np.zeros((32, 64, 65)), np.zeros((32, 64), int))
    help_ = "logits (32, 64, 65) and target (32, 64): the classes are on axis 2; pass axis=-1"
    assert str(caught.value) == f"cross_entropy: {help_}"


def test_a_failed_call_changes_nothing():
    x, weight = np.ones((2, 3, 6, 6)), np.ones((8, 4, 3, 3))
    threads = gf.get_num_threads()
    for call in (
        lambda: gf.conv2d(x, weight, out=np.zeros((2, 8, 4, 4))),
        lambda: gf.conv2d(x, weight[:, :3], np.ones(9)),
        lambda: gf.set_num_threads(-1),
        lambda: gf.threads(-1).__enter__(),
        lambda: gf.set_float32_precision("lowest"),
    ):
        with pytest.raises(ValueError):
            call()
    assert np.all(x == 1)
    assert np.all(weight == 1)
    assert gf.get_num_threads() == threads


@pytest.mark.parametrize("huge", [2**31, 2**62, 2**63 - 1, 2**70])
def test_absurd_sizes_are_errors(huge):
    x, weight = np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2))
    for call in (
        lambda: gf.conv2d(x, weight, padding=huge),
        lambda: gf.conv2d(x, weight, dilation=huge),
        lambda: gf.max_pool2d(x, huge),
        lambda: gf.avg_pool2d(x, 2, dilation=huge),
        lambda: gf.conv_transpose2d(x, weight, stride=huge),
        lambda: gf.conv_transpose2d(x, weight, padding=huge),
        lambda: gf.conv_transpose2d(x, weight, dilation=huge),
        lambda: gf.adaptive_avg_pool2d(x, huge),
        lambda: gf.adaptive_max_pool2d(x, huge),
        lambda: gf.conv_output_size(4, huge),
    ):
        with pytest.raises((ValueError, MemoryError)):
            call()


@pytest.mark.parametrize("huge", [2**31, 2**62])
def test_an_absurd_stride_leaves_one_output(huge):
    x, weight = np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2))
    assert gf.conv2d(x, weight, stride=huge).tolist() == [[[[4]]]]
    assert gf.max_pool2d(x, 2, huge).tolist() == [[[[1]]]]
