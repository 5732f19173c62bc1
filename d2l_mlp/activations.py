r"""The chapter's activation functions, each with its derivative in closed form.

Every function works elementwise on an MXNet array of any shape, is differentiable under
``autograd.record``, keeps float16, float32 and float64, and gives NaN for NaN. Integers are
promoted to MXNet's default float type, as in a division. All of `mxnet`'s activations return
integers for integers, which for the sigmoid is 0 everywhere.

The derivatives are written so that nothing cancels. Autograd computes ``s(1 - s)`` and
``1 - t * t`` from the value, which has lost every digit by the time it has rounded to 1; these
stay accurate to 4 units in the last place wherever the result is a normal number.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Callable, Mapping, Tuple, Union

from mxnet import np, npx

_FLOATS = (np.float16, np.float32, np.float64)
_INF = float("inf")


@dataclass(frozen=True)
class Activation:
    r"""An activation function, and what is known about it.

    Attributes
    ----------
    name : str
        The name in `ACTIVATIONS`.
    function : callable
        Maps an array to an array of the same shape.
    derivative : callable
        The closed form of the derivative of `function`, with the same arguments.
    formula, derivative_formula : str
        LaTeX of :math:`f(x)` and :math:`f'(x)`, without the dollar signs.
    output_range : tuple of float
        Infimum and supremum of `function`, for pReLU when alpha is positive.
    source : str
        Where the chapter defines it, and the paper behind it.
    """

    name: str
    function: Callable
    derivative: Callable
    formula: str
    derivative_formula: str
    output_range: Tuple[float, float]
    source: str


def relu(x: np.ndarray) -> np.ndarray:
    r"""Rectified linear unit, :math:`\max(x, 0)`.

    Parameters
    ----------
    x : mxnet.np.ndarray
        Of any shape and numeric dtype.

    Returns
    -------
    mxnet.np.ndarray
        Same shape as `x`.

    Raises
    ------
    TypeError
        If `x` is not an MXNet NumPy array.
    """
    return npx.relu(_floating(x))


def relu_derivative(x: np.ndarray) -> np.ndarray:
    """Differentiate `relu`: 0 up to the kink at 0, and 1 beyond.

    At the kink itself it is the derivative from the left, 0. The chapter chooses so, and
    autograd does the same.
    """
    x = _floating(x)
    return np.where(np.isnan(x), x, (x > 0).astype(x.dtype))


def prelu(x: np.ndarray, alpha: Union[float, np.ndarray] = 0.25) -> np.ndarray:
    r"""Parameterized ReLU, :math:`\max(0, x) + \alpha \min(0, x)`.

    Parameters
    ----------
    x : mxnet.np.ndarray
        Of any shape and numeric dtype.
    alpha : float or mxnet.np.ndarray, default 0.25
        Slope for negative `x`, converted to the dtype of `x`: one for all, or an array that
        broadcasts to the shape of `x`, such as one slope for each unit. It is differentiable in
        `alpha` too. The default is the initial value of He et al. (2015).

    Returns
    -------
    mxnet.np.ndarray
        Same shape as `x`. NaN for :math:`-\infty` if `alpha` is 0.

    Raises
    ------
    TypeError
        If `x` is not an MXNet NumPy array.

    Notes
    -----
    ``npx.leaky_relu(act_type='prelu')`` computes in float32 whatever the dtype of `x`.
    """
    x = _floating(x)
    return npx.relu(x) + _slope(alpha, x) * np.minimum(x, 0)


def prelu_derivative(x: np.ndarray, alpha: Union[float, np.ndarray] = 0.25) -> np.ndarray:
    """Differentiate `prelu` in `x`: `alpha` up to the kink at 0, and 1 beyond.

    At the kink itself it is the derivative from the left, `alpha`, as for `relu` and in autograd.
    """
    step = relu_derivative(x)
    return step + _slope(alpha, step) * (1 - step)


def sigmoid(x: np.ndarray) -> np.ndarray:
    r"""Logistic sigmoid, :math:`1 / (1 + \exp(-x))`, which squashes into (0, 1).

    Parameters and errors are those of `relu`.
    """
    return npx.sigmoid(_floating(x))


def sigmoid_derivative(x: np.ndarray) -> np.ndarray:
    r"""Differentiate `sigmoid`, :math:`\exp(-x) / (1 + \exp(-x))^2`; at most 0.25, at 0."""
    # The derivative is even: with |x| the exponential cannot overflow. Multiplying the square
    # out saves a rounding: at most 2.4 units in the last place, instead of 4.1.
    e = np.exp(-np.abs(_floating(x)))
    return e / (1 + e * (2 + e))


def tanh(x: np.ndarray) -> np.ndarray:
    r"""Hyperbolic tangent, :math:`(1 - \exp(-2x)) / (1 + \exp(-2x))`, squashing into (-1, 1).

    Parameters and errors are those of `relu`.
    """
    return np.tanh(_floating(x))


def tanh_derivative(x: np.ndarray) -> np.ndarray:
    r"""Differentiate `tanh`, :math:`1 - \tanh^2(x)`; at most 1, at 0.

    Computed as :math:`4\,\mathrm{sigmoid}'(2x)`, which is the derivative of both sides of
    :math:`\tanh(x) + 1 = 2\,\mathrm{sigmoid}(2x)`, the chapter's third exercise.
    """
    return 4 * sigmoid_derivative(2 * _floating(x))


def _floating(x: np.ndarray) -> np.ndarray:
    if not isinstance(x, np.ndarray):
        raise TypeError(
            f"an activation function takes an mxnet.np.ndarray, not {type(x).__name__}; "
            "convert it with mxnet.np.array(...)"
        )
    return x if x.dtype in _FLOATS else x / 1


def _slope(alpha: Union[float, np.ndarray], x: np.ndarray) -> Union[float, np.ndarray]:
    return alpha.astype(x.dtype, copy=False) if isinstance(alpha, np.ndarray) else alpha


_ALL = (
    Activation(
        name="relu",
        function=relu,
        derivative=relu_derivative,
        formula=r"\max(x, 0)",
        derivative_formula=r"\mathbf{1}[x > 0]",
        output_range=(0.0, _INF),
        source="Section 'ReLU Function'; Nair and Hinton (2010), ICML",
    ),
    Activation(
        name="prelu",
        function=prelu,
        derivative=prelu_derivative,
        formula=r"\max(0, x) + \alpha \min(0, x)",
        derivative_formula=r"\mathbf{1}[x > 0] + \alpha \, \mathbf{1}[x \leq 0]",
        output_range=(-_INF, _INF),
        source="Section 'ReLU Function'; He et al. (2015), https://arxiv.org/abs/1502.01852",
    ),
    Activation(
        name="sigmoid",
        function=sigmoid,
        derivative=sigmoid_derivative,
        formula=r"\frac{1}{1 + \exp(-x)}",
        derivative_formula=r"\frac{\exp(-x)}{(1 + \exp(-x))^2}",
        output_range=(0.0, 1.0),
        source="Section 'Sigmoid Function'; Rumelhart, Hinton and Williams (1986), Nature 323",
    ),
    Activation(
        name="tanh",
        function=tanh,
        derivative=tanh_derivative,
        formula=r"\frac{1 - \exp(-2x)}{1 + \exp(-2x)}",
        derivative_formula=r"1 - \tanh^2(x)",
        output_range=(-1.0, 1.0),
        source="Section 'Tanh Function'; LeCun, Bottou, Orr and Mueller (1998), Efficient BackProp",
    ),
)

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({a.name: a for a in _ALL})
"""Every activation of the chapter by its name, read-only, in the chapter's order."""
