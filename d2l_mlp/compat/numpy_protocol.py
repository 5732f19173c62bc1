"""Let NumPy's functions, and pandas and matplotlib through them, take MXNet's arrays.

MXNet answers for the functions that it has, if all arrays are its own. Otherwise NumPy computes on
copies: arrays of MXNet give arrays of MXNet, and a mixture gives arrays of NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

import mxnet
import numpy
from mxnet import autograd
from mxnet.ndarray import NDArray
from mxnet.ndarray.ndarray import _DTYPE_NP_TO_MX
from mxnet.numpy.multiarray import _NUMPY_ARRAY_FUNCTION_DICT, _NUMPY_ARRAY_UFUNC_DICT

_WRITING = (
    numpy.copyto, numpy.fill_diagonal, numpy.place, numpy.put, numpy.put_along_axis, numpy.putmask,
)  # fmt: skip
"""Functions of NumPy that change their first argument, which a copy would hide."""


def add_numpy_protocol() -> None:
    """Add or replace the methods of MXNet's arrays that NumPy calls."""
    NDArray.__array__ = _as_array
    NDArray.__iter__ = _iterate  # pandas takes an array without it for a single value
    mxnet.np.ndarray.__array_function__ = _array_function
    mxnet.np.ndarray.__array_ufunc__ = _array_ufunc
    mxnet.np.ndarray.ravel = mxnet.np.ravel  # matplotlib's quiver calls it
    _NUMPY_ARRAY_UFUNC_DICT["divide"] = mxnet.np.true_divide  # NumPy 2's name of true_divide


def _as_array(array: Any, dtype: Any | None = None, copy: bool | None = None) -> numpy.ndarray:
    """Copy an array of MXNet to NumPy: the ``__array__`` that MXNet lacks."""
    if copy is False:
        raise ValueError(
            "an MXNet array cannot become a NumPy array without a copy, and copy is False; "
            "use numpy.asarray(x)"
        )
    host = array.asnumpy()
    return host if dtype is None else host.astype(dtype, copy=False)


def _iterate(array: Any) -> Iterator[Any]:
    if array.ndim == 0:
        raise TypeError("iteration over a 0-d array")  # len of mx.nd's is an IndexError
    return (array[i] for i in range(len(array)))


def _array_function(self: Any, function: Callable, types: Any, args: Any, kwargs: Any) -> Any:
    own = all(issubclass(t, NDArray) for t in types)
    if own and function in _NUMPY_ARRAY_FUNCTION_DICT:
        try:
            return _NUMPY_ARRAY_FUNCTION_DICT[function](*args, **kwargs)
        except (AttributeError, TypeError):  # MXNet's takes fewer kinds of arguments
            if autograd.is_recording():
                raise
    if function in _WRITING and isinstance(args[0], NDArray):
        return NotImplemented
    return _compute_in_numpy(function, own, args, kwargs)


def _array_ufunc(self: Any, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    outputs = kwargs.get("out", ())
    own = not any(_is_foreign(array) for array in (*args, *outputs))
    if own and method == "__call__" and ufunc.__name__ in _NUMPY_ARRAY_UFUNC_DICT:
        if outputs:
            (kwargs["out"],) = outputs
        return _NUMPY_ARRAY_UFUNC_DICT[ufunc.__name__](*args, **kwargs)
    if method == "at" and isinstance(args[0], NDArray):
        return NotImplemented
    return _compute_in_numpy(getattr(ufunc, method), own, args, kwargs)


def _compute_in_numpy(function: Callable, own: bool, args: Any, kwargs: dict[str, Any]) -> Any:
    if autograd.is_recording():
        name = getattr(function, "__self__", function).__name__  # add, of add.reduce
        raise ValueError(
            f"numpy.{name} of MXNet's arrays has no derivative; call it in autograd.pause()"
        )
    outputs = kwargs.get("out")
    if any(isinstance(out, NDArray) for out in (outputs if type(outputs) is tuple else [outputs])):
        raise TypeError("out is an MXNet array, which NumPy cannot write to; copy the result to it")
    result = function(*_convert(args, _to_numpy), **_convert(kwargs, _to_numpy))
    return _convert(result, _to_mxnet) if own else result


def _is_foreign(value: Any) -> bool:
    """Return whether a value is an array of NumPy, or one that answers for it, as pandas' do."""
    return hasattr(value, "__array_ufunc__") and not isinstance(value, NDArray)


def _convert(value: Any, convert: Callable[[Any], Any]) -> Any:
    """Convert the arrays in nested lists, tuples, named tuples and dicts."""
    if isinstance(value, dict):
        return {key: _convert(item, convert) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_convert(item, convert) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return convert(value)


def _to_numpy(value: Any) -> Any:
    return value.asnumpy() if isinstance(value, NDArray) else value


def _to_mxnet(value: Any) -> Any:
    if isinstance(value, numpy.ndarray) and value.dtype.type in _DTYPE_NP_TO_MX:
        return mxnet.np.array(value)
    return value
