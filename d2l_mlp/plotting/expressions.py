"""Functions of x that a reader writes down, such as ``x * npx.sigmoid(x)``, without ``eval``.

The text is parsed and walked; whatever is not in the short lists below is refused. Importing this
module is cheap: MXNet is imported when a function is first called.
"""

import ast
import math
import operator
from typing import Any, Callable, Mapping, Sequence, Union

# fmt: off
FUNCTIONS = {
    "np": (
        "abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "cos", "cosh",
        "exp", "expm1", "log", "log10", "log1p", "log2", "maximum", "minimum", "sign", "sin",
        "sinh", "sqrt", "square", "tan", "tanh",
    ),
    "npx": ("erf", "relu", "sigmoid"),
}
# fmt: on
"""What an expression may call, by module."""

MAX_LENGTH = 200
MAX_EXPONENT = 100

_BINARY_FUNCTIONS = ("maximum", "minimum")
_OPERATORS: Mapping[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


def parse(text: str) -> Callable:
    """Turn an expression in x into a function on MXNet arrays.

    Parameters
    ----------
    text : str
        Numbers, ``x``, parentheses, ``+ - * / **``, and the functions of `FUNCTIONS`, with their
        ``np.`` or ``npx.``; at most `MAX_LENGTH` characters. Functions are applied to x, not to
        numbers alone. A constant exponent lies within +- `MAX_EXPONENT`.

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
    >>> parse("np.maximum(x, 0) ** 2")(np.array([-1.0, 3.0]))
    array([0., 9.])
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"an expression has at most {MAX_LENGTH} characters, not {len(text)}")
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"{text!r} is not an expression") from None
    function = _compile(body, text.strip())
    if not callable(function):
        raise ValueError(f"{text!r} does not depend on x")
    return function


def _compile(node: ast.expr, text: str) -> Union[float, Callable]:
    """Return the number, or the function of x, that a part of the text stands for."""
    if isinstance(node, ast.Name) and node.id == "x":
        return lambda x: x
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _fold(float, [node.value], _source(node, text))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _apply(_OPERATORS[type(node.op)], [node.operand], node, text)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _apply(_OPERATORS[type(node.op)], [node.left, node.right], node, text)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
        module, name = node.func.value, node.func.attr
        if isinstance(module, ast.Name) and name in FUNCTIONS.get(module.id, ()):
            if len(node.args) != 1 + (name in _BINARY_FUNCTIONS):
                raise ValueError(f"wrong number of arguments in {_source(node, text)!r}")
            if not any(getattr(part, "id", "") == "x" for part in ast.walk(node)):
                raise ValueError(f"write {_source(node, text)!r} as a number: x is not in it")
            return _apply(_mxnet_function(module.id, name), node.args, node, text)
    raise ValueError(
        f"{_source(node, text)!r} is not allowed in an expression; use x, numbers, + - * / ** and "
        + " ".join(f"{module}.{{{','.join(names)}}}" for module, names in FUNCTIONS.items())
    )


def _apply(
    operation: Callable, operands: Sequence[ast.expr], node: ast.expr, text: str
) -> Union[float, Callable]:
    source = _source(node, text)
    parts = [_compile(operand, text) for operand in operands]
    if operation is operator.pow and not callable(parts[1]) and abs(parts[1]) > MAX_EXPONENT:
        raise ValueError(f"the exponent in {source!r} is not within +-{MAX_EXPONENT}")
    if not any(map(callable, parts)):
        return _fold(operation, parts, source)
    return lambda x: operation(*(part(x) if callable(part) else part for part in parts))


def _fold(operation: Callable, numbers: Sequence[Any], source: str) -> float:
    try:
        number = operation(*numbers)
    except (ArithmeticError, TypeError):
        number = None
    if not isinstance(number, float) or not math.isfinite(number):
        raise ValueError(f"{source!r} is not a finite real number")
    return number


def _mxnet_function(module: str, name: str) -> Callable:
    def function(*args: Any) -> Any:
        import mxnet

        return getattr(getattr(mxnet, module), name)(*args)

    return function


def _source(node: ast.expr, text: str) -> str:
    return ast.get_source_segment(text, node) or text
