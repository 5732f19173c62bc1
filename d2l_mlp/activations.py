"""The chapter's activation functions, and two of its later editions, with their derivatives.

Every function works elementwise on an MXNet array of any shape, is differentiable under
``autograd.record``, keeps float16, float32 and float64, and gives NaN for NaN. Integers are
promoted to MXNet's default float type; MXNet's own activations return integers for them.
Importing this module is cheap: it does not import MXNet.

The derivatives are written so that nothing cancels. Autograd computes ``s(1 - s)`` and
``1 - t * t`` from the value, which has lost every digit by the time it has rounded to 1; these
stay accurate to 4 units in the last place wherever the result is a normal number. `gelu` and
`swish`, which are products, document their own accuracy.

For a second derivative differentiate the closed form, as in ``value_and_grad(tanh_derivative, x)``.
``autograd.grad(f(x), [x], create_graph=True)`` has one of relu, sigmoid and tanh only: MXNet cannot
differentiate its own derivative of a product or of ``erf``, which the others contain.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, pi, sqrt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from mxnet import np

FLOATS = ("float16", "float32", "float64")
"""The dtypes that have a derivative."""


@dataclass(frozen=True)
class Activation:
    r"""An activation function, described once, for nets, figures and the theory.

    Attributes
    ----------
    title : str
        The chapter's name for it, such as ReLU.
    function : callable
        Maps an array, or a symbol in Gluon's graphs, to one of the same shape. It has the name of
        the activation. Arguments after the first are learnable parameters; their defaults are the
        initial values.
    derivative : callable
        The closed form of the derivative of `function`, with the same arguments, on arrays.
    formula, derivative_formula : str
        LaTeX of :math:`f(x)` and :math:`f'(x)`, without the dollar signs.
    output_range : tuple of float
        Infimum and supremum of `function`, for pReLU when alpha is positive.
    source : str
        The paper behind it.
    piecewise_linear : bool, default False
        Whether it is x for positive x and a straight line for negative x, of slope alpha if that
        is a parameter, else of slope 0.
    """

    title: str
    function: Callable[..., Any]
    derivative: Callable[..., Any]
    formula: str
    derivative_formula: str
    output_range: tuple[float, float]
    source: str
    piecewise_linear: bool = False

    @property
    def name(self) -> str:
        """The name in `d2l_mlp.activations.ACTIVATIONS`, in files and on the command line."""
        return self.function.__name__

    @property
    def parameters(self) -> dict[str, float]:
        """Learnable parameters by name, with the values that they start at."""
        _, *learnable = inspect.signature(self.function).parameters.values()
        return {parameter.name: parameter.default for parameter in learnable}


def operators(x: Any) -> tuple[Any, Any]:
    """Return a module with ``np`` and ``npx`` for an array or symbol, and the latter as floats.

    As in Gluon's ``hybrid_forward(F, x)``. Integers are promoted to MXNet's default float type.
    """
    import mxnet

    if isinstance(x, mxnet.sym.np._Symbol):
        return mxnet.sym, x
    if not isinstance(x, mxnet.np.ndarray):
        raise TypeError(
            f"an activation function takes an mxnet.np.ndarray, not {type(x).__name__}; "
            "convert it with mxnet.np.array(...)"
        )
    return mxnet, x if x.dtype.name in FLOATS else x / 1


PRELU_SLOPE = 0.25
"""Initial slope of pReLU for negative arguments, after He et al. (2015)."""


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
        If `x` is not an MXNet NumPy array. All this holds for every function of this module.
    """
    F, x = operators(x)
    return F.npx.relu(x)


def relu_derivative(x: np.ndarray) -> np.ndarray:
    """Differentiate `relu`: 0 up to the kink at 0, where autograd does the same, and 1 beyond."""
    F, x = operators(x)
    return F.np.where(F.np.isnan(x), x, (x > 0).astype(x.dtype))


def prelu(x: np.ndarray, alpha: float | np.ndarray = PRELU_SLOPE) -> np.ndarray:
    r"""Parameterized ReLU, :math:`\max(0, x) + \alpha \min(0, x)`.

    Parameters
    ----------
    x : mxnet.np.ndarray
        Of any shape and numeric dtype.
    alpha : float or mxnet.np.ndarray, default 0.25
        Slope for negative `x`, converted to the dtype of `x`: one for all, or an array that
        broadcasts to the shape of `x`, such as one slope for each unit. The function is
        differentiable in `alpha` too.

    Returns
    -------
    mxnet.np.ndarray
        Same shape as `x`. NaN for :math:`-\infty` if `alpha` is 0.
    """
    F, x = operators(x)  # not npx.leaky_relu, which computes it in float32 whatever the dtype
    return F.npx.relu(x) + _slope(alpha, x) * F.np.minimum(x, 0)


def prelu_derivative(x: np.ndarray, alpha: float | np.ndarray = PRELU_SLOPE) -> np.ndarray:
    """Differentiate `prelu` in `x`: `alpha` up to the kink at 0, as in autograd, and 1 beyond."""
    step = relu_derivative(x)
    return step + _slope(alpha, step) * (1 - step)


def _slope(alpha: Any, x: np.ndarray) -> Any:
    return alpha.astype(x.dtype, copy=False) if hasattr(alpha, "dtype") else alpha


def sigmoid(x: np.ndarray) -> np.ndarray:
    r"""Logistic sigmoid, :math:`1 / (1 + \exp(-x))`, which squashes into (0, 1).

    Parameters
    ----------
    x : mxnet.np.ndarray
        Of any shape and numeric dtype.

    Returns
    -------
    mxnet.np.ndarray
        Same shape as `x`.
    """
    F, x = operators(x)
    return F.npx.sigmoid(x)


def sigmoid_derivative(x: np.ndarray) -> np.ndarray:
    r"""Differentiate `sigmoid`, :math:`\exp(-x) / (1 + \exp(-x))^2`; at most 0.25, at 0."""
    F, x = operators(x)
    # The derivative is even: with |x| the exponential cannot overflow. Multiplying the square
    # out saves a rounding: at most 2.4 units in the last place, instead of 4.1.
    e = F.np.exp(-F.np.abs(x))
    return e / (1 + e * (2 + e))


def tanh(x: np.ndarray) -> np.ndarray:
    r"""Hyperbolic tangent, :math:`(1 - \exp(-2x)) / (1 + \exp(-2x))`, squashing into (-1, 1).

    Parameters
    ----------
    x : mxnet.np.ndarray
        Of any shape and numeric dtype.

    Returns
    -------
    mxnet.np.ndarray
        Same shape as `x`.
    """
    F, x = operators(x)
    return F.np.tanh(x)


def tanh_derivative(x: np.ndarray) -> np.ndarray:
    r"""Differentiate `tanh`, :math:`1 - \tanh^2(x)`; at most 1, at 0."""
    # By the chapter's third exercise: tanh(x) + 1 = 2 sigmoid(2x).
    return 4 * sigmoid_derivative(2 * operators(x)[1])


def gelu(x: np.ndarray) -> np.ndarray:
    r"""Gaussian error linear unit, :math:`x \Phi(x)`, of the normal distribution function.

    Parameters
    ----------
    x : mxnet.np.ndarray
        Of any shape and numeric dtype.

    Returns
    -------
    mxnet.np.ndarray
        Same shape as `x`; NaN for :math:`-\infty`. Accurate to 2 units in the last place for
        positive `x`. For negative `x` it contains a difference: the error is at most the dtype's
        epsilon, and far out the value rounds to 0.

    Notes
    -----
    In float64 too, MXNet has ``npx.leaky_relu(act_type='gelu')`` to single precision only, and
    autograd's derivative of ``erf``, and so of this, to 3e-8.
    """
    F, x = operators(x)
    return 0.5 * x * (1 + F.npx.erf(x * sqrt(0.5)))


def gelu_derivative(x: np.ndarray) -> np.ndarray:
    r"""Differentiate `gelu`, :math:`\Phi(x) + x \Phi'(x)`, to 2 epsilons; NaN at infinity."""
    F, x = operators(x)
    density = F.np.exp(-0.5 * x * x) / sqrt(2 * pi)
    return 0.5 * (1 + F.npx.erf(x * sqrt(0.5))) + x * density


def swish(x: np.ndarray) -> np.ndarray:
    r"""Swish, also called SiLU, :math:`x \, \mathrm{sigmoid}(x)`.

    Parameters
    ----------
    x : mxnet.np.ndarray
        Of any shape and numeric dtype.

    Returns
    -------
    mxnet.np.ndarray
        Same shape as `x`; NaN for :math:`-\infty`.
    """
    F, x = operators(x)
    return x * F.npx.sigmoid(x)


def swish_derivative(x: np.ndarray) -> np.ndarray:
    """Differentiate `swish`, to 2 epsilons (it crosses 0 at -1.28); NaN at infinity."""
    F, x = operators(x)
    return F.npx.sigmoid(x) * (1 + x * F.npx.sigmoid(-x))


# fmt: off
_ALL = (
    Activation(
        "ReLU", relu, relu_derivative, piecewise_linear=True, output_range=(0.0, inf),
        formula=r"\max(x, 0)", derivative_formula=r"\mathbf{1}[x > 0]",
        source="Nair and Hinton (2010), ICML",
    ),
    Activation(
        "pReLU", prelu, prelu_derivative, piecewise_linear=True, output_range=(-inf, inf),
        formula=r"\max(0, x) + \alpha \min(0, x)",
        derivative_formula=r"\mathbf{1}[x > 0] + \alpha \, \mathbf{1}[x \leq 0]",
        source="He et al. (2015), arXiv:1502.01852",
    ),
    Activation(
        "sigmoid", sigmoid, sigmoid_derivative, output_range=(0.0, 1.0),
        formula=r"\frac{1}{1 + \exp(-x)}", derivative_formula=r"\frac{\exp(-x)}{(1 + \exp(-x))^2}",
        source="Rumelhart, Hinton and Williams (1986), Nature 323",
    ),
    Activation(
        "tanh", tanh, tanh_derivative, output_range=(-1.0, 1.0),
        formula=r"\frac{1 - \exp(-2x)}{1 + \exp(-2x)}", derivative_formula=r"1 - \tanh^2(x)",
        source="LeCun, Bottou, Orr and Mueller (1998), Efficient BackProp",
    ),
    Activation(
        "GELU", gelu, gelu_derivative, output_range=(-0.16997120747990369, inf),
        formula=r"x \, \Phi(x)", derivative_formula=r"\Phi(x) + x \, \Phi'(x)",
        source="Hendrycks and Gimpel (2016), arXiv:1606.08415",
    ),
    Activation(
        "Swish", swish, swish_derivative, output_range=(-0.27846454276107380, inf),
        formula=r"\frac{x}{1 + \exp(-x)}",
        derivative_formula=r"\frac{1 + (1 + x) \exp(-x)}{(1 + \exp(-x))^2}",
        source="Ramachandran, Zoph and Le (2017), arXiv:1710.05941",
    ),
)
# fmt: on

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({a.name: a for a in _ALL})
"""Every activation by its name, read-only: the chapter's in its order, then the later ones."""
