"""Repair the indexing and the casts of MXNet's arrays, which go wrong without a message.

A negative position in a list is right when MXNet reads a value, but its derivative and what is
written go to memory outside of the array. A mask of Python or NumPy is taken for the numbers 0 and
1, unless it is the only index and elements are read. A cast to integers, which has the derivative
0, gets one out of memory that nobody has written.
"""

from __future__ import annotations

from functools import wraps
from typing import Any, Callable

import mxnet
import numpy
from mxnet import autograd


def repair_arrays() -> None:
    """Replace the methods that go wrong."""
    classic, array = mxnet.nd.NDArray, mxnet.np.ndarray
    classic._advanced_index_to_array = staticmethod(_counted(classic._advanced_index_to_array))
    array._set_np_advanced_indexing = _within_bounds(array._set_np_advanced_indexing)
    array.__getitem__ = _with_masks(array.__getitem__)
    array.__setitem__ = _with_masks(array.__setitem__)
    array.astype = _cast(array.astype)


def _counted(to_array: Callable) -> Callable:
    """Count negative positions from the front; those outside of the axis stay, and are refused."""

    @wraps(to_array)
    def counted(index: Any, length: int, device: mxnet.Context) -> Any:
        positions = to_array(index, length, device)
        with autograd.pause():
            negative = (positions < 0) * (positions >= -length)
            return positions + negative.astype(positions.dtype) * length

    return counted


def _within_bounds(assign: Callable) -> Callable:
    """Read what is to be overwritten: that raises an IndexError, which the writing does not."""

    @wraps(assign)
    def within_bounds(array: Any, key: Any, value: Any) -> None:
        with autograd.pause():
            array._get_np_advanced_indexing(key).wait_to_read()
        assign(array, key, value)

    return within_bounds


def _with_masks(access: Callable) -> Callable:
    """Take lists and NumPy's arrays of bools for masks."""

    @wraps(access)
    def with_masks(array: Any, key: Any, *value: Any) -> Any:
        if isinstance(key, tuple):
            key = _without_ellipsis(tuple(_as_mask(index, array) for index in key), array)
        return access(array, _as_mask(key, array), *value)

    return with_masks


def _without_ellipsis(key: tuple, array: Any) -> tuple:
    """Replace an ellipsis by slices; MXNet counts one axis for a mask that covers several."""
    places = [i for i, index in enumerate(key) if index is Ellipsis]
    if len(places) != 1:
        return key
    (place,) = places
    axes = (i.ndim if getattr(i, "dtype", None) == "bool" else 1 for i in key if i is not None)
    missing = array.ndim - sum(axes) + 1
    return (*key[:place], *[slice(None)] * missing, *key[place + 1 :])


def _as_mask(index: Any, array: Any) -> Any:
    if isinstance(index, (list, numpy.ndarray)) and numpy.asarray(index).dtype == bool:
        return mxnet.np.array(index, dtype="bool", ctx=array.ctx)
    return index


def _cast(astype: Callable) -> Callable:
    """Leave casts to integers and bools out of the derivative, where it is 0."""

    @wraps(astype)
    def cast(array: Any, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        if numpy.dtype(dtype).kind not in "iub":
            return astype(array, dtype, *args, **kwargs)
        with autograd.pause():
            return astype(array, dtype, *args, **kwargs)

    return cast
