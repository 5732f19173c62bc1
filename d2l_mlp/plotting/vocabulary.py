"""The functions that a reader's expression may call: elementwise, and differentiable in MXNet."""

import math
from typing import Any, Callable, Mapping, Tuple

# fmt: off
FUNCTIONS: Mapping[str, Mapping[int, Tuple[str, ...]]] = {
    "np": {
        1: (
            "abs", "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh",
            "cbrt", "ceil", "cos", "cosh", "degrees", "exp", "expm1", "fabs", "fix", "floor", "log",
            "log10", "log1p", "log2", "negative", "radians", "reciprocal", "rint", "sign", "sin",
            "sinh", "sqrt", "square", "tan", "tanh", "trunc",
        ),
        2: ("arctan2", "hypot", "maximum", "minimum", "power"),
        3: ("clip", "where"),
    },
    "npx": {
        1: (
            "activation", "erf", "erfinv", "gamma", "gammaln", "gelu", "leaky_relu", "relu",
            "sigmoid", "smooth_l1",
        ),
    },
}
# fmt: on
"""What an expression may call, by module and number of arguments: what MXNet can differentiate."""

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "activation": {"act_type": ("relu", "sigmoid", "softrelu", "softsign", "tanh")},
    "leaky_relu": {"act_type": ("elu", "gelu", "leaky", "selu"), "slope": float},
}
"""What can be told to a function by keyword: one of several names, or a number."""

CONSTANTS: Mapping[str, float] = {"np.e": math.e, "np.pi": math.pi}


def lookup(module: str, name: str, options: Mapping[str, Any]) -> Callable:
    """Give one of `FUNCTIONS`, on arrays of one shape; MXNet is imported when it is called.

    Parameters
    ----------
    module, name : str
        As in `FUNCTIONS`.
    options : mapping
        What `OPTIONS` allows.

    Returns
    -------
    callable
        MXNet's, or ours where MXNet 1.9.1 has none: ``npx.gelu``, and ``np.clip`` between arrays.
    """

    def function(*arrays: Any) -> Any:
        import mxnet

        from d2l_mlp.activations import gelu

        if name == "gelu":
            return gelu(*arrays)
        if name == "clip":
            x, lo, hi = arrays
            return mxnet.np.minimum(mxnet.np.maximum(x, lo), hi)
        return getattr(getattr(mxnet, module), name)(*arrays, **options)

    return function
