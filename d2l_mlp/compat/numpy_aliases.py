"""What MXNet 1.9.1 needs of NumPy and no longer finds there.

Its modules read names that NumPy has since taken away, most of them as they are imported, some
whenever they are called. NumPy has these names only while MXNet is imported. Then
`d2l_mlp.compat.importer` shows MXNet's modules a copy of NumPy's namespace that keeps them, and for
every other library of the process NumPy is again as its makers left it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Callable

import numpy

_FINANCIAL = ("mirr", "npv", "pmt", "ppmt", "pv", "rate")


def _financial(name: str) -> Callable:
    def removed(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            f"NumPy 1.20 removed {name}; take that of numpy-financial: pip install numpy-financial"
        )

    return removed


def missing_names() -> dict[str, Any]:
    """Give every name that MXNet reads and this NumPy lacks, with what it meant."""
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
        **{name: _financial(name) for name in _FINANCIAL},
    }  # fmt: skip
    # Not hasattr(): NumPy 1.20 to 1.26 answer some of them, but with a warning each time.
    return {name: value for name, value in names.items() if name not in vars(numpy)}


@contextmanager
def numpy_names_while_importing() -> Iterator[None]:
    """Give NumPy the missing names, and take them away again."""
    names = missing_names()
    vars(numpy).update(names)
    try:
        yield
    finally:
        for name in names:
            delattr(numpy, name)


def as_text(value: Any) -> str:
    """Write an operator's argument as MXNet reads it."""
    # NumPy 2 writes (np.int64(3), 2) for what was (3, 2) before.
    return str(_plain(value) if isinstance(value, (list, tuple)) else value)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)([_plain(item) for item in value])
    return value.item() if isinstance(value, numpy.generic) else value


def as_array(array: Any, dtype: Any | None = None, copy: bool | None = None) -> numpy.ndarray:
    """Convert an ``mxnet.np.ndarray`` to NumPy; the ``__array__`` that MXNet never gave it.

    Parameters
    ----------
    array : mxnet.np.ndarray
        Of any shape, on any device.
    dtype : data-type, optional
        By default the array's own.
    copy : bool, optional
        As in `numpy.asarray`. MXNet's memory is its own, so that the result is always a copy.

    Returns
    -------
    numpy.ndarray
        A new array of the same shape.

    Raises
    ------
    TypeError
        If `dtype` is none that NumPy knows.
    ValueError
        If `copy` is False.
    """
    if copy is False:
        raise ValueError(
            "copy is False, but an array of MXNet cannot become one of NumPy without a copy; "
            "use numpy.asarray(x), which allows it"
        )
    host = array.asnumpy()
    return host if dtype is None else host.astype(dtype, copy=False)
