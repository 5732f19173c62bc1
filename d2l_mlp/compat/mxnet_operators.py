"""Repair the operators of MXNet 1.9.1 whose values or derivatives are wrong without a message.

The repairs hold for arrays, and for the symbols of hybridized nets except in max and min, and
where a dtype is asked for: symbols have none, and are taken for floats. An operator whose
derivative MXNet takes for 0 is refused where a derivative may be asked for. docs/mxnet-faults.md
lists all.
"""

from __future__ import annotations

import re
from functools import cache, partial, wraps
from types import SimpleNamespace
from typing import Any, Callable

import mxnet
import numpy
from mxnet import autograd
from mxnet.base import numeric_types
from mxnet.numpy import multiarray

_WITHOUT_DERIVATIVE = {
    "ediff1d": "ediff1d", "eig": "linalg.eig", "eigh": "linalg.eigh", "eigvals": "linalg.eigvals",
    "eigvalsh": "linalg.eigvalsh", "pinv": "linalg.pinv", "pinv_scalar_rcond": "linalg.pinv",
    "percentile": "percentile, as np.quantile,", "polyval": "polyval", "unique": "unique",
}  # fmt: skip
"""The operators whose derivative MXNet takes for 0, and their names below ``np.``."""

_OPERANDS = (*numeric_types, mxnet.nd.NDArray, mxnet.sym.Symbol)
_FLOAT32 = numpy.dtype("float32")
_ROUNDING = (numpy.ceil, numpy.floor, numpy.rint, numpy.trunc)


def repair_operators() -> None:
    """Replace the operators in those modules of MXNet that look them up at each call."""
    array_functions, symbol_functions = mxnet.nd.numpy._op, mxnet.sym.numpy._symbol
    for backend, functions in ((mxnet.nd, array_functions), (mxnet.sym, symbol_functions)):
        np, npi, npx = backend.numpy, backend.numpy._internal, backend.numpy_extension
        vars(npi).update(_right_operators(backend, SimpleNamespace(**vars(npi))))
        vars(npi).update(deg2rad=npi.radians, rad2deg=npi.degrees)  # MXNet calls them and has none
        for name, public in _WITHOUT_DERIVATIVE.items():
            setattr(npi, name, partial(_unless_recording, getattr(npi, name), public))
        np.linalg.norm = _right_norm(np.linalg.norm)
        np.pad = functions.pad = _right_pad(np.pad, np)
        npx.leaky_relu = _right_leaky_relu(npx.leaky_relu, np)
        functions._ufunc_helper = _apply_to_number
    mxnet.npx.leaky_relu = mxnet.nd.numpy_extension.leaky_relu
    array_functions._unary_func_helper = _apply_to_floats(array_functions._unary_func_helper)
    for name, repair in _ARRAY_FUNCTIONS.items():
        right = repair(getattr(mxnet.np, name))
        for module in (mxnet.np, mxnet.np._op, mxnet.nd.numpy, array_functions):
            setattr(module, name, right)
        multiarray._NUMPY_ARRAY_FUNCTION_DICT[getattr(numpy, name)] = right
    for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
        for module in (mxnet.sym.numpy, mxnet.sym.numpy._op):
            setattr(module, name, partial(_unless_recording, getattr(module, name), name))
    autograd.grad = _right_gradients(autograd.grad)
    mxnet.np.ndarray.__neg__ = lambda array: mxnet.np.negative(array)  # MXNet's is -1.0 * array


def _right_operators(backend: Any, npi: Any) -> dict[str, Callable]:
    """Compose operators from others of the same backend, whose derivatives are right."""
    np, npx = backend.numpy, backend.numpy_extension

    def where_lscalar(condition: Any, x: Any, scalar: float, out: Any = None) -> Any:
        x = _able_to_hold(scalar, x)
        return npi.where(condition, np.full_like(x, scalar), x, out=out)

    def where_rscalar(condition: Any, x: Any, scalar: float, out: Any = None) -> Any:
        x = _able_to_hold(scalar, x)
        return npi.where(condition, x, np.full_like(x, scalar), out=out)

    def rarctan2_scalar(x: Any, scalar: float, is_int: bool = True, out: Any = None) -> Any:
        x = _floats(x)
        return npi.arctan2(np.full_like(x, scalar), x, out=out)

    def copysign_scalar(x: Any, scalar: float, is_int: bool = True, out: Any = None) -> Any:
        x = _floats(x)
        return npi.copysign(x, np.full_like(x, scalar), out=out)

    def rcopysign_scalar(x: Any, scalar: float, is_int: bool = True, out: Any = None) -> Any:
        x = _floats(x)
        return npi.copysign(np.full_like(x, scalar), x, out=out)

    # Where both arguments are equal, MXNet gives the whole derivative to the first in maximum and
    # in minimum: maximum(x, 0) + 0.25 * minimum(x, 0) had the slope 1.25 at 0. Here the second has
    # it in maximum, so that x has the left-hand derivative in both, as in npx.relu.
    def maximum(x: Any, y: Any, out: Any = None) -> Any:
        return npi.maximum(y, x, out=out)

    def maximum_scalar(x: Any, scalar: float, is_int: bool = True, out: Any = None) -> Any:
        if not _has_floats(x):
            return npi.maximum_scalar(x, scalar, is_int=is_int, out=out)
        if scalar == 0:
            return npx.relu(x, out=out)
        return npi.maximum(np.full_like(x, scalar), x, out=out)

    def clip(x: Any, a_min: Any, a_max: Any, out: Any = None) -> Any:
        for bound, nearest in ((a_min, np.maximum), (a_max, np.minimum)):
            x = x if bound in (-numpy.inf, numpy.inf) else nearest(x, bound)
        return np.add(x, 0, out=out)

    def rot90(x: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
        if k % 2 == 0:
            return npi.rot90(x, k=k, axes=axes)
        if k % 4 == 1:
            return np.swapaxes(np.flip(x, axes[1]), *axes)
        return np.flip(np.swapaxes(x, *axes), axes[1])

    def var(a: Any, axis: Any = None, dtype: Any = None, ddof: int = 0, keepdims: bool = False,
            out: Any = None) -> Any:  # fmt: skip
        a = _floats(a) if dtype is None else a.astype(dtype)
        deviation = a - np.mean(a, axis=axis, keepdims=True)
        n = np.sum(np.ones_like(a), axis=axis, keepdims=keepdims) - ddof
        return np.true_divide(np.sum(deviation**2, axis=axis, keepdims=keepdims), n, out=out)

    def std(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        variance = var(*args, **kwargs)
        return np.sqrt(np.where(variance == 0, 0.0, variance), out=out)  # derivative 0 there

    def matmul(a: Any, b: Any, out: Any = None) -> Any:
        arrays = all(isinstance(x, mxnet.nd.NDArray) and x.ndim > 1 for x in (a, b))
        if arrays and a.shape[:-2] != b.shape[:-2]:
            shape = numpy.broadcast(*(numpy.empty(x.shape[:-2]) for x in (a, b))).shape
            a, b = (np.broadcast_to(x, shape + x.shape[-2:]) for x in (a, b))
        return npi.matmul(a, b, out=out)

    def rint(x: Any, out: Any = None) -> Any:
        return npi.around(x, 0, out=out)  # MXNet's rint rounds halves away from 0

    def average(a: Any, *args: Any, **kwargs: Any) -> Any:
        return npi.average(_floats(a), *args, **kwargs)

    def bincount(x: Any, weights: Any = None, **kwargs: Any) -> Any:
        if weights is None:
            return npi.bincount(x, **kwargs)

        def of_weights(weights: Any) -> Any:
            return npi.bincount(x, weights=weights, **kwargs)

        return _unless_recording(of_weights, "bincount of weights", weights)

    return {
        operator.__name__: operator
        for operator in (
            where_lscalar, where_rscalar, rarctan2_scalar, copysign_scalar, rcopysign_scalar,
            maximum, maximum_scalar, clip, rot90, var, std, matmul, rint, average, bincount,
        )
    }  # fmt: skip


def _right_norm(norm: Callable) -> Callable:
    @wraps(norm)
    def right_norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
        # MXNet multiplies the derivative of a matrix norm by the incoming one twice, except in the
        # norms that it composes, and these it only composes if axis is given.
        x = _floats(x)
        ord = {numpy.inf: "inf", -numpy.inf: "-inf"}.get(ord, ord)  # the names that MXNet knows
        if ord in (None, "fro", "f", "nuc"):
            return norm(x, ord, axis, keepdims)
        if axis is None and isinstance(x, mxnet.sym.Symbol):
            raise NotImplementedError(
                f"np.linalg.norm of order {ord} needs axis in a hybridized net: MXNet 1.9.1 does "
                "not know there whether it is of a vector or of a matrix"
            )
        if axis is None and getattr(x, "ndim", 1) == 2:
            axis = (0, 1)
        if isinstance(axis, tuple) and ord not in (1, -1, "inf", "-inf"):
            return _unless_recording(norm, f"linalg.norm of order {ord}", x, ord, axis, keepdims)
        return norm(x, ord, axis, keepdims)

    return right_norm


def _right_pad(pad: Callable, np: Any) -> Callable:
    """Wrap pad, which pads with 0 whatever it is given."""

    @wraps(pad)
    def right_pad(x: Any, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Any:
        padded = pad(x, pad_width, mode, **kwargs)
        value = kwargs.get("constant_values", 0)
        if mode != "constant" or not value:
            return padded
        return np.where(pad(np.ones_like(x), pad_width) > 0, padded, value)

    return right_pad


_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. (2017)


def _right_leaky_relu(leaky_relu: Callable, np: Any) -> Callable:
    """Wrap leaky_relu, whose SELU has a wrong derivative below 0."""

    @wraps(leaky_relu)
    def right_leaky_relu(
        data: Any, gamma: Any = None, act_type: Any = "leaky", *args: Any, **kwargs: Any
    ) -> Any:
        if act_type != "selu":
            return leaky_relu(data, gamma, act_type, *args, **kwargs)
        exponential = _SELU_ALPHA * np.expm1(np.minimum(data, 0))
        return np.multiply(_SELU_SCALE, np.maximum(data, 0) + exponential, out=kwargs.get("out"))

    return right_leaky_relu


def _right_sum(function: Callable) -> Callable:
    """Wrap sum, prod or cumsum: they wrap around in an int8 or uint8, which NumPy widens."""

    @wraps(function)
    def right_sum(a: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(a, "dtype", None) in ("int8", "uint8"):
            a = a.astype(kwargs.get("dtype") or "int64")
        return function(a, *args, **kwargs)

    return right_sum


def _right_atleast(atleast: Callable) -> Callable:
    """Wrap atleast_1d, 2d or 3d, whose derivative MXNet takes for 0."""

    @wraps(atleast)
    def right_atleast(*arrays: Any) -> Any:
        shaped = [array.reshape(atleast(array).shape) for array in arrays]
        return shaped if len(arrays) > 1 else shaped[0]

    return right_atleast


def _right_extreme(extreme: Callable) -> Callable:
    """Wrap max or min: MXNet gives each of several equal extremes the whole derivative."""
    position = mxnet.np.argmax if "max" in extreme.__name__ else mxnet.np.argmin

    @wraps(extreme)
    def right_extreme(a: Any, axis: Any = None, keepdims: bool = False, out: Any = None) -> Any:
        values = extreme(a, axis=axis, keepdims=keepdims, out=out)
        if not autograd.is_recording() or out is not None or not _has_floats(a):
            return values
        if not 0 < a.size <= 2**24:  # beyond, MXNet's argmax rounds the position
            return values
        axes = numpy.arange(a.ndim)
        reduced = axes if axis is None else axes[numpy.array(axis, int, ndmin=1)]
        kept = numpy.setdiff1d(axes, reduced)
        rows = a.transpose([*kept.tolist(), *reduced.tolist()]).reshape(values.size, -1)
        first = position(rows, axis=1) + rows.shape[1] * mxnet.np.arange(len(rows), dtype="int64")
        return mxnet.np.take(rows.reshape(-1), first).reshape(values.shape)

    return right_extreme


_ARRAY_FUNCTIONS = {
    **dict.fromkeys(("atleast_1d", "atleast_2d", "atleast_3d"), _right_atleast),
    **dict.fromkeys(("max", "min", "amax", "amin"), _right_extreme),
    **dict.fromkeys(("sum", "prod", "cumsum"), _right_sum),
}


def _right_gradients(grad: Callable) -> Callable:
    """Wrap autograd.grad: it gives classic arrays, which mx.np refuses, and wrong derivatives."""

    @wraps(grad)
    def right_gradients(
        heads: Any, variables: Any, head_grads: Any = None, retain_graph: bool | None = None,
        create_graph: bool = False, train_mode: bool = True,
    ) -> list[Any]:  # fmt: skip
        if create_graph:
            for head in [heads] if isinstance(heads, mxnet.nd.NDArray) else heads:
                _check_second_derivative(head)
        variables = [variables] if isinstance(variables, mxnet.nd.NDArray) else variables
        gradients = grad(heads, variables, head_grads, retain_graph, create_graph, train_mode)
        pairs = zip(variables, gradients)
        return [g.as_np_ndarray() if isinstance(x, mxnet.np.ndarray) else g for x, g in pairs]

    return right_gradients


def _check_second_derivative(y: Any) -> None:
    """Refuse an array that was computed by a function whose second derivative is wrong."""
    wrong = re.search("arc(?:sin|cos)h|radians", autograd.get_symbol(y).tojson())
    if wrong:
        raise NotImplementedError(
            f"the second derivative of np.{wrong[0]} is wrong in MXNet 1.9.1; differentiate the "
            "closed form of the first, such as 1 / np.sqrt(x**2 + 1) of arcsinh"
        )


def _unless_recording(operator: Callable, name: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    """Call an operator, unless the derivative that it lacks may be asked for."""
    if isinstance(x, mxnet.sym.Symbol):
        raise NotImplementedError(
            f"np.{name} has no derivative in MXNet 1.9.1; do not hybridize the block that calls it"
        )
    if autograd.is_recording() and _has_floats(x):
        raise NotImplementedError(
            f"np.{name} has no derivative in MXNet 1.9.1; call it in autograd.pause()"
        )
    return operator(x, *args, **kwargs)


def _apply_to_number(
    lhs: Any, rhs: Any, fn_array: Callable, fn_scalar: numpy.ufunc, lfn_scalar: Callable,
    rfn_scalar: Callable | None = None, out: Any = None,
) -> Any:  # fmt: skip
    """Apply an operator to two arrays, an array and a number, or two numbers.

    This takes the place of MXNet's two ``_ufunc_helper``, that for arrays and that for symbols.
    They cut 3.9 to 3 where the array is of integers, and 300 to 44 where it is of uint8.
    """
    if isinstance(out, mxnet.np.ndarray):  # which would overwrite a part of itself, as in x /= x[0]
        lhs, rhs = (
            v.copy()
            if isinstance(v, mxnet.np.ndarray) and v is not out and mxnet.np.shares_memory(v, out)
            else v
            for v in (lhs, rhs)
        )
    left, right = isinstance(lhs, numeric_types), isinstance(rhs, numeric_types)
    if left and right:
        return fn_scalar(lhs, rhs, out=out)
    for operand in (lhs, rhs):
        if not isinstance(operand, _OPERANDS):
            if hasattr(operand, "__array_ufunc__"):  # of NumPy or pandas
                return fn_scalar(lhs, rhs, out=out)
            raise TypeError(f"type {type(operand)} not supported")
    whole = fn_scalar is numpy.power and _is_whole(lhs) and _is_whole(rhs)
    if whole and (numpy.asarray(rhs) < 0).any():  # MXNet's result is 0
        raise ValueError("Integers to negative integer powers are not allowed.")
    if not (left or right):
        return fn_array(lhs, rhs, out=out)
    x, number, operator = (rhs, lhs, rfn_scalar or lfn_scalar) if left else (lhs, rhs, lfn_scalar)
    is_int = _is_whole(number)
    if not is_int and not _has_type(fn_scalar, "dd->"):
        fn_scalar(1, 0.5)  # raises NumPy's TypeError
    is_int = is_int and _has_type(fn_scalar, "ll->")
    return operator(_able_to_hold(number, x), float(number), is_int=is_int, out=out)


def _apply_to_floats(apply: Callable) -> Callable:
    """Wrap MXNet's ``_unary_func_helper``, which cuts np.exp of integers, and the like."""

    @wraps(apply)
    def helper(x: Any, fn_array: Callable, fn_scalar: Callable, *args: Any, **kwargs: Any) -> Any:
        if fn_scalar not in _ROUNDING and not _has_type(fn_scalar, "l->"):
            x = _floats(x)
        return apply(x, fn_array, fn_scalar, *args, **kwargs)

    return helper


@cache
def _has_type(function: Callable, arguments: str) -> bool:
    """Return whether a function of NumPy has a version for these types of arguments."""
    versions = getattr(function, "types", [arguments])
    return any(version.startswith(arguments) for version in versions)


def _floats(x: Any) -> Any:
    """Convert an array of integers or bools to float64, as NumPy does."""
    return x if _has_floats(x) else x.astype("float64")


def _has_floats(x: Any) -> bool:
    """Return whether an array holds floats; a symbol, which has no dtype, is taken to."""
    return bool(getattr(x, "dtype", _FLOAT32).kind == "f")


def _is_whole(x: Any) -> bool:
    """Return whether an array or a number is of integers or bools; a symbol is taken for floats."""
    dtype = getattr(x, "dtype", None)
    return isinstance(x, int) if dtype is None else bool(dtype.kind in "iub")


def _able_to_hold(number: float, x: Any) -> Any:
    """Convert an array of integers or bools to one whose dtype does not cut the number."""
    if _has_floats(x):
        return x
    with numpy.errstate(invalid="ignore"):
        if numpy.asarray(number).astype(x.dtype) == number:
            return x
    return x.astype("int64" if float(number).is_integer() else "float64")
