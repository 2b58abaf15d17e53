"""One fused pass over a parameter for a step of an optimiser. All write in place."""

from goldfish import _core
from goldfish._typing import FloatArray


def sgd_step(
    parameter: FloatArray,
    grad: FloatArray,
    velocity: FloatArray | None,
    *,
    lr: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> None:
    """Take one step of stochastic gradient descent; the equations are those of ``torch.optim.SGD`` without dampening.

    ::

        d = grad + weight_decay * parameter
        velocity = momentum * velocity + d
        parameter -= lr * (d + momentum * velocity if nesterov else velocity)

    Parameters
    ----------
    parameter : ndarray
        float32 or float64; changed in place.
    grad : ndarray
        Of the parameter's shape and dtype.
    velocity : ndarray or None
        Of the same shape and dtype, zeros before the first step; changed in place. None for no momentum.
    lr, momentum, nesterov, weight_decay
        As in the equations.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.functional.optimiser import sgd_step
    >>> parameter = np.array([1.0, 2.0])
    >>> sgd_step(parameter, np.array([0.5, -1.0]), None, lr=0.5)
    >>> parameter.tolist()
    [0.75, 2.5]
    """
    _core.sgd_step(parameter, grad, velocity, lr, momentum, nesterov, weight_decay)


def adam_step(
    parameter: FloatArray,
    grad: FloatArray,
    first_moment: FloatArray,
    second_moment: FloatArray,
    *,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    step: int,
) -> None:
    """Take one step of Adam; the equations are those of ``torch.optim.Adam``.

    ::

        d = grad + weight_decay * parameter
        first_moment = beta1 * first_moment + (1 - beta1) * d
        second_moment = beta2 * second_moment + (1 - beta2) * d ^ 2
        parameter -= lr / (1 - beta1 ^ step) * first_moment / (sqrt(second_moment / (1 - beta2 ^ step)) + eps)

    Parameters
    ----------
    parameter : ndarray
        float32 or float64; changed in place.
    grad : ndarray
        Of the parameter's shape and dtype.
    first_moment, second_moment : ndarray
        Of the same shape and dtype, zeros before the first step; changed in place.
    lr, beta1, beta2, eps, weight_decay
        As in the equations.
    step : int
        The number of this step, from 1.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes differ, or step is less than 1.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR (2015), algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.functional.optimiser import adam_step
    >>> parameter = np.zeros(2)
    >>> adam_step(parameter, np.array([3.0, -0.2]), np.zeros(2), np.zeros(2), lr=0.1, step=1)
    >>> parameter.round(6).tolist()
    [-0.1, 0.1]
    """
    _core.adam_step(parameter, grad, first_moment, second_moment, lr, beta1, beta2, eps, weight_decay, step)


def adamw_step(
    parameter: FloatArray,
    grad: FloatArray,
    first_moment: FloatArray,
    second_moment: FloatArray,
    *,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    step: int,
) -> None:
    """Take one step of AdamW; the equations are those of ``torch.optim.AdamW``.

    ``parameter *= 1 - lr * weight_decay``, then the step of `adam_step` without weight decay.

    Parameters
    ----------
    parameter, grad, first_moment, second_moment : ndarray
        As in `adam_step`.
    lr, beta1, beta2, eps, weight_decay
        As in the equations.
    step : int
        The number of this step, from 1.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes differ, or step is less than 1.

    References
    ----------
    I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR (2019), algorithm 2.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.functional.optimiser import adamw_step
    >>> parameter = np.ones(2)
    >>> adamw_step(parameter, np.array([3.0, -0.2]), np.zeros(2), np.zeros(2), lr=0.1, weight_decay=0.5, step=1)
    >>> parameter.round(6).tolist()
    [0.85, 1.05]
    """
    _core.adamw_step(parameter, grad, first_moment, second_moment, lr, beta1, beta2, eps, weight_decay, step)


def rmsprop_step(
    parameter: FloatArray,
    grad: FloatArray,
    mean_square: FloatArray,
    velocity: FloatArray | None,
    *,
    lr: float,
    alpha: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> None:
    """Take one step of RMSprop; the equations are those of ``torch.optim.RMSprop``.

    ::

        d = grad + weight_decay * parameter
        mean_square = alpha * mean_square + (1 - alpha) * d ^ 2
        velocity = momentum * velocity + d / (sqrt(mean_square) + eps)
        parameter -= lr * velocity

    Parameters
    ----------
    parameter : ndarray
        float32 or float64; changed in place.
    grad : ndarray
        Of the parameter's shape and dtype.
    mean_square : ndarray
        Of the same shape and dtype, zeros before the first step; changed in place.
    velocity : ndarray or None
        Likewise. None for no momentum.
    lr, alpha, eps, momentum, weight_decay
        As in the equations.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes differ.

    References
    ----------
    T. Tieleman and G. Hinton, "Neural networks for machine learning", Coursera (2012), lecture 6.5.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.functional.optimiser import rmsprop_step
    >>> parameter = np.zeros(2)
    >>> rmsprop_step(parameter, np.array([3.0, -0.2]), np.zeros(2), None, lr=0.1, alpha=0.75)
    >>> parameter.round(6).tolist()
    [-0.2, 0.2]
    """
    _core.rmsprop_step(parameter, grad, mean_square, velocity, lr, alpha, eps, momentum, weight_decay)


def adagrad_step(
    parameter: FloatArray,
    grad: FloatArray,
    square_sum: FloatArray,
    *,
    lr: float,
    eps: float = 1e-10,
    weight_decay: float = 0.0,
) -> None:
    """Take one step of Adagrad; the equations are those of ``torch.optim.Adagrad``.

    ::

        d = grad + weight_decay * parameter
        square_sum += d ^ 2
        parameter -= lr * d / (sqrt(square_sum) + eps)

    Parameters
    ----------
    parameter : ndarray
        float32 or float64; changed in place.
    grad : ndarray
        Of the parameter's shape and dtype.
    square_sum : ndarray
        Of the same shape and dtype, zeros before the first step; changed in place.
    lr, eps, weight_decay
        As in the equations.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes differ.

    References
    ----------
    J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods", JMLR 12 (2011), section 1.1.

    Examples
    --------
    >>> import numpy as np
    >>> from goldfish.functional.optimiser import adagrad_step
    >>> parameter = np.zeros(2)
    >>> adagrad_step(parameter, np.array([3.0, -0.2]), np.zeros(2), lr=0.1)
    >>> parameter.round(6).tolist()
    [-0.1, 0.1]
    """
    _core.adagrad_step(parameter, grad, square_sum, lr, eps, weight_decay)
