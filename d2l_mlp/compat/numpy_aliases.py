"""Restore the names that MXNet 1.9.1 reads and NumPy has removed, for MXNet alone.

Its modules read most of them when they are imported, some when they are called. NumPy itself has
the names only while MXNet is imported. Afterwards `d2l_mlp.compat.mxnet_repairs` gives MXNet's
modules a copy of NumPy's namespace that keeps them; all other libraries see NumPy unchanged.
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
        **{name: _financial(name) for name in _FINANCIAL},
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


def as_array(array: Any, dtype: Any | None = None, copy: bool | None = None) -> numpy.ndarray:
    """Copy an ``mxnet.np.ndarray`` to NumPy: the ``__array__`` that MXNet lacks."""
    if copy is False:
        raise ValueError(
            "an MXNet array cannot become a NumPy array without a copy, and copy is False; "
            "use numpy.asarray(x)"
        )
    host = array.asnumpy()
    return host if dtype is None else host.astype(dtype, copy=False)
