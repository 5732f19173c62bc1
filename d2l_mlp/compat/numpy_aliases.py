"""Restore the names that MXNet 1.9.1 reads and NumPy has removed, for MXNet alone.

Its modules read most of them when they are imported, some when they are called. NumPy itself has
the names only while MXNet is imported. Afterwards `d2l_mlp.compat.mxnet_repairs` gives MXNet's
modules a copy of NumPy's namespace that keeps them; all other libraries see NumPy unchanged.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy

_FINANCIAL = ("mirr", "npv", "pmt", "ppmt", "pv", "rate")


def _financial(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("NumPy 1.20 removed this function; pip install numpy-financial has it")


def missing_names() -> dict[str, Any]:
    """Return the names that MXNet reads and this NumPy lacks, with their former values."""
    names = {
        "PZERO": 0.0, "NZERO": -0.0, "PINF": numpy.inf, "NINF": -numpy.inf, "Inf": numpy.inf,
        "NAN": numpy.nan, "NaN": numpy.nan,
        # The builtins, as they were before 1.24: mxnet.numpy takes no numpy.bool_ for a bool.
        # NumPy 2 has a bool of its own, and that stays.
        "bool": bool, "int": int,
        "alltrue": numpy.all, "sometrue": numpy.any,
        "product": numpy.prod, "cumproduct": numpy.cumprod,
        "round_": numpy.round, "row_stack": numpy.vstack,
        "msort": lambda a: numpy.sort(a, axis=0),
        "in1d": lambda *args, **kwargs: numpy.isin(*args, **kwargs).reshape(-1),
        "trapz": getattr(numpy, "trapezoid", None),  # came before trapz went
        "compat": SimpleNamespace(basestring=str),
        "core": getattr(numpy, "_core", None),  # whose old name warns
        **dict.fromkeys(_FINANCIAL, _financial),
    }  # fmt: skip
    # Not hasattr(): NumPy 1.20 to 1.26 answer some of them, but with a warning each time.
    return {name: value for name, value in names.items() if name not in vars(numpy)}


@contextmanager
def numpy_names_while_importing() -> Iterator[None]:
    """Add the missing names to NumPy within the ``with`` block."""
    names = missing_names()
    vars(numpy).update(names)
    try:
        yield
    finally:
        for name in names:
            delattr(numpy, name)


def as_text(value: Any) -> str:
    """Format an operator's argument for MXNet, which cannot parse NumPy 2's (np.int64(3), 2)."""
    return str(_plain(value) if isinstance(value, (list, tuple)) else value)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)([_plain(item) for item in value])
    return value.item() if isinstance(value, numpy.generic) else value


class _Bytes(numpy.ndarray):
    tostring = numpy.ndarray.tobytes  # NumPy's own is gone since 2.3


def restore_functions(mxnet: Any) -> None:
    """Replace what fails in MXNet, or misleads, on today's NumPy and SciPy."""
    recordio = mxnet.recordio
    recordio.np = SimpleNamespace(**vars(numpy))
    recordio.np.asarray = lambda *args, **kwargs: numpy.asarray(*args, **kwargs).view(_Bytes)

    def call(function: Any, *args: Any, interpolation: str = "linear", **kwargs: Any) -> Any:
        return function(*args, **{"method": interpolation, **kwargs})

    if "method" in inspect.signature(numpy.nanquantile).parameters:  # its name since NumPy 1.22
        mxnet.np.nanpercentile = partial(call, numpy.nanpercentile)
        mxnet.np.nanquantile = partial(call, numpy.nanquantile)

    classic_array = mxnet.nd.utils._array

    def array(source_array: Any, *args: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if not hasattr(source_array, "shape"):
            try:
                source_array = numpy.array(
                    source_array, dtype="float32" if dtype is None else dtype
                )
            except (OverflowError, TypeError, ValueError) as error:  # which MXNet does not repeat
                raise TypeError(f"source_array must be array like: {error}") from None
        return classic_array(source_array, *args, dtype=dtype, **kwargs)

    mxnet.nd.utils._array = array
    sparse = mxnet.nd.utils.spsp  # SciPy's, or None
    if sparse:
        shown = SimpleNamespace(**{**vars(sparse), "csr": sparse})  # whose name csr warns
        mxnet.nd.utils.spsp = mxnet.nd.sparse.spsp = shown
    # They import distutils, to see whether NumPy is older than 1.17.
    dispatch = mxnet.numpy_dispatch_protocol
    dispatch.with_array_function_protocol = dispatch.with_array_ufunc_protocol = lambda f: f
