"""Functions of x that a reader writes down, such as ``x * npx.sigmoid(x)``, without ``eval``.

The text is parsed and walked; whatever is not in `d2l_mlp.plotting.expressions` or below is refused.
Importing this module is cheap: MXNet is imported when a function is first called.
"""

# DOC(plotting.vocabulary): The functions that a reader's expression may call: elementwise, and differentiable in MXNet.

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, Callable, cast

# fmt: off
FUNCTIONS: Mapping[str, Mapping[int, tuple[str, ...]]] = {
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


MAX_LENGTH = 200
MAX_EXPONENT = 100

_OPERATORS: Mapping[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_COMPARISONS: Mapping[type, Callable] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def parse_expression(text: str) -> Callable:
    """Turn an expression in x into a function on MXNet arrays.

    Parameters
    ----------
    text : str
        Numbers, ``np.pi``, ``np.e``, ``x``, parentheses, ``+ - * / **``, the comparison of two
        parts, which is 1 where it holds and 0 elsewhere, and the functions of
        `d2l_mlp.plotting.expressions`, with their ``np.`` or ``npx.``; at most `MAX_LENGTH`
        characters. A constant exponent lies within +- `MAX_EXPONENT`.

    Returns
    -------
    callable
        Maps an `mxnet.np.ndarray` to one of the same shape, differentiably.

    Raises
    ------
    ValueError
        If the text is anything else; nothing of it has been run.

    Examples
    --------
    >>> from mxnet import np
    >>> parse("np.where(x > 0, x ** 2, 0)")(np.array([-1.0, 3.0]))
    array([0., 9.])
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"an expression has at most {MAX_LENGTH} characters, not {len(text)}")
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"{text!r} is not an expression") from None
    function = _compile(body, text.strip())
    if not callable(function) or not any(getattr(p, "id", "") == "x" for p in ast.walk(body)):
        raise ValueError(f"{text!r} does not depend on x")
    # A comparison leaves no trace for autograd; adding to zeros that do makes its derivative 0.
    return lambda x: _full(0.0, x) + function(x)


def _compile(node: ast.expr, text: str) -> float | Callable:
    """Return the number, or the function of x, that a part of the text stands for."""
    source = ast.get_source_segment(text, node) or text
    if isinstance(node, ast.Name) and node.id == "x":
        return lambda x: x
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _fold(float, [node.value], source)
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _operate(_OPERATORS[type(node.op)], [_compile(node.operand, text)], source)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        parts = [_compile(node.left, text), _compile(node.right, text)]
        return _operate(_OPERATORS[type(node.op)], parts, source)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        if len(node.ops) > 1:
            raise ValueError(f"write {source!r} as a product, such as (0 < x) * (x < 1)")
        parts = [_compile(node.left, text), _compile(node.comparators[0], text)]
        return _call(_COMPARISONS[type(node.ops[0])], parts)
    if source in CONSTANTS:
        return CONSTANTS[source]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        module, name = getattr(node.func.value, "id", ""), node.func.attr
        for count, names in FUNCTIONS.get(module, {}).items():
            if name in names:
                if len(node.args) != count:
                    raise ValueError(f"{module}.{name} takes {count} of x or numbers: {source!r}")
                options = dict(_option(name, keyword, text) for keyword in node.keywords)
                function = lookup(module, name, options)
                return _call(function, [_compile(part, text) for part in node.args])
    raise ValueError(
        f"{source!r} is not allowed in an expression; use x, numbers, np.pi, np.e, + - * / **, "
        "comparisons, "
        + " ".join(
            f"{module}.{{{','.join(sum(by_count.values(), ()))}}}"
            for module, by_count in FUNCTIONS.items()
        )
    )


def _operate(
    operation: Callable, parts: Sequence[float | Callable], source: str
) -> float | Callable:
    if operation is operator.pow and not callable(parts[1]) and abs(parts[1]) > MAX_EXPONENT:
        raise ValueError(f"the exponent in {source!r} is not within +-{MAX_EXPONENT}")
    if not any(map(callable, parts)):
        return _fold(operation, cast(Sequence[float], parts), source)
    return lambda x: operation(*(part(x) if callable(part) else part for part in parts))


def _fold(operation: Callable, numbers: Sequence[float], source: str) -> float:
    try:
        number = operation(*numbers)
    except (ArithmeticError, TypeError):
        number = None
    if not isinstance(number, float) or not math.isfinite(number):
        raise ValueError(f"{source!r} is not a finite real number")
    return number


def _call(function: Callable, parts: Sequence[float | Callable]) -> Callable:
    """Apply a function to arrays alone: MXNet's take no numbers, or not everywhere."""
    return lambda x: function(
        *(part(x) if callable(part) else _full(part, x) for part in parts)
    ).astype(x.dtype, copy=False)


def _full(number: float, x: Any) -> Any:
    from mxnet import np

    return np.full_like(x, number)


def _option(name: str, keyword: ast.keyword, text: str) -> tuple[str, Any]:
    """Read a keyword and its value."""
    options = OPTIONS.get(name, {})
    key = keyword.arg or "**"
    allowed = options.get(key, ())
    if allowed is float:
        number = _compile(keyword.value, text)
        if not callable(number):
            return key, number
    elif isinstance(keyword.value, ast.Constant) and keyword.value.value in allowed:
        return key, keyword.value.value
    choices = [
        f"{key}={'number' if names is float else '|'.join(names)}" for key, names in options.items()
    ]
    raise ValueError(f"{key}= in {text!r}: {name} takes {', '.join(choices) or 'no keyword'}")
