"""What is known about an activation function, and what it computes on: arrays, or a graph.

Importing this module is cheap: MXNet is imported when something is computed.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Callable

FLOATS = ("float16", "float32", "float64")
"""The dtypes that have a derivative."""


@dataclass(frozen=True)
class Activation:
    r"""An activation function, described once: nets, figures and the theory read it here.

    Attributes
    ----------
    title : str
        What the chapter calls it, such as ReLU.
    function : callable
        Maps an array, or Gluon's symbol of one, to one of the same shape. Its name is that of the
        activation. Arguments after the first are learnable parameters; their defaults are the
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
        Whether it is x to the right of 0 and a straight line to the left, of the slope alpha if
        that is a parameter, and else 0.
    """

    title: str
    function: Callable
    derivative: Callable
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
    """Give the operators that compute on something, and that something as floats.

    Parameters
    ----------
    x : mxnet.np.ndarray or mxnet.sym.np._Symbol
        An array of any numeric dtype, or what stands for one in Gluon's graphs.

    Returns
    -------
    F : module
        With ``F.np`` and ``F.npx``, as in Gluon's ``hybrid_forward(F, x)``.
    x : mxnet.np.ndarray or mxnet.sym.np._Symbol
        The same; integers promoted to MXNet's default float type, as in a division.

    Raises
    ------
    TypeError
        If it is anything else.
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
