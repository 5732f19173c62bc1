"""Let Gluon's ``Dense`` layers say in a line which features they cannot take.

MXNet's own error names an attribute of an operator. Arrays are looked at beforehand; a graph, such
as a hybridized net, is as fast as before, and only where it fails is its error looked at. What
somebody has made floats without a division, such as pixels up to 255, looks like any features here.
"""

import re
from typing import Any, Optional

import numpy
from mxnet import np
from mxnet.base import MXNetError
from mxnet.gluon import HybridBlock, nn

# MXNet takes the dtype of the first input for all of them; the next one is the layer's weight.
_OTHER_DTYPE = re.compile(
    r"Incompatible attr in node \S+ at 1-th input: expected (\w+), got (float\d+)"
)


def refuse_other_dtypes() -> None:
    """Let all ``Dense`` layers of this process do so, in nets of any make, hybridized or not."""
    original = nn.Dense.hybrid_forward

    def hybrid_forward(layer: Any, F: Any, x: Any, weight: Any, bias: Optional[Any] = None) -> Any:
        # MXNet's mixed precision (amp) casts float16 by itself.
        if isinstance(x, np.ndarray) and numpy.float16 not in (x.dtype, weight.dtype):
            check_dtype(x.dtype, weight.dtype)
        return original(layer, F, x, weight, bias)

    nn.Dense.hybrid_forward = hybrid_forward
    call = HybridBlock._call_cached_op

    def call_graph(block: Any, *args: Any) -> Any:
        try:
            return call(block, *args)
        except MXNetError as error:
            dtypes = {numpy.dtype(x.dtype).name for x in args if isinstance(x, np.ndarray)}
            found = _OTHER_DTYPE.search(str(error))
            has = found and found[1].replace("unknown", "bool")  # which has no name in MXNet
            if found is None or has not in dtypes:
                raise
            wanted = found[2]
        check_dtype(has, wanted)  # out here, so that MXNet's error is not shown as well

    HybridBlock._call_cached_op = call_graph


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
