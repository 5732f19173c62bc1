"""Let Gluon's ``Dense`` layers say in a line which features they cannot take.

MXNet's own error names an attribute of an operator. Only arrays are looked at: a graph, such as a
hybridized net, is as fast as before, and has MXNet's own error. What somebody has made floats
without a division, such as pixels up to 255, looks like any features here.
"""

from typing import Any, Optional

import numpy
from mxnet import np
from mxnet.gluon import nn


def refuse_other_dtypes() -> None:
    """Let all ``Dense`` layers of this process do so, also those of the chapter's own nets."""
    original = nn.Dense.hybrid_forward

    def hybrid_forward(layer: Any, F: Any, x: Any, weight: Any, bias: Optional[Any] = None) -> Any:
        # MXNet's mixed precision (amp) casts float16 by itself.
        if isinstance(x, np.ndarray) and numpy.float16 not in (x.dtype, weight.dtype):
            check_dtype(x.dtype, weight.dtype)
        return original(layer, F, x, weight, bias)

    nn.Dense.hybrid_forward = hybrid_forward


def check_dtype(has: Any, wanted: Any) -> None:
    """Raise a ValueError if features of one dtype are for a net of another."""
    check_float(has)
    has, wanted = numpy.dtype(has), numpy.dtype(wanted)
    if has != wanted:
        raise ValueError(f"features are {has}, but the net is {wanted}; give X.astype('{wanted}')")


def check_float(dtype: Any) -> None:
    """Raise a ValueError if features are of a dtype that no net takes."""
    dtype = numpy.dtype(dtype)
    if dtype.kind != "f":
        raise ValueError(
            f"features are {dtype}; give floats: of images to_features(images), of others "
            "X.astype('float32')"
        )
