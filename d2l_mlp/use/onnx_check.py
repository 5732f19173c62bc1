"""Whether an ONNX model is one, and computes what the net computes that it was made of."""

from typing import NamedTuple, Optional

import mxnet
import numpy
import onnx
from mxnet import gluon, np

from d2l_mlp.mlp import softmax

TOLERANCE = 1e-5
"""By how much a probability may differ, and a logit, as a share of the largest."""


class Comparison(NamedTuple):
    """What onnxruntime computed, beside MXNet."""

    version: str
    """Of onnxruntime."""
    num_images: int
    difference: float
    """Of the probabilities, at most."""


def check(model: onnx.ModelProto, net: gluon.Block, X: np.ndarray) -> Optional[Comparison]:
    """Check a model, and compare it with its net.

    Parameters
    ----------
    model : onnx.ModelProto
        As `d2l_mlp.use.onnx_model.to_onnx` makes it.
    net : gluon.Block
        What it was made of.
    X : mxnet.np.ndarray
        Features of shape (n, 1, 28, 28), on the device of the net.

    Returns
    -------
    Comparison or None
        None if onnxruntime is not installed.

    Raises
    ------
    ValueError
        If the model is not right, or differs by more than `TOLERANCE`, or in the class of an image,
        unless two classes are as close as that.
    """
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ValueError(f"the ONNX model is not valid ({error})") from None
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    logits, probabilities = session.run(["logits", "probabilities"], {"image": X.asnumpy()})
    own = net(X)
    expected, own = softmax(own).asnumpy(), own.asnumpy()
    difference = float(numpy.abs(probabilities - expected).max())
    shift = numpy.abs(logits - own).max() / max(numpy.abs(own).max(), 1)
    chosen = numpy.take_along_axis(expected, probabilities.argmax(axis=1)[:, None], axis=1)[:, 0]
    near = difference < TOLERANCE and shift < TOLERANCE  # no NaN is
    if not near or (chosen < expected.max(axis=1) - TOLERANCE).any():
        raise ValueError(
            f"onnxruntime {onnxruntime.__version__} and MXNet {mxnet.__version__} differ by "
            f"{difference:.1g} in the probabilities of {len(X):,} images, and by {shift:.1g} times "
            "the largest in the logits; the model is not written"
        )
    return Comparison(onnxruntime.__version__, len(X), difference)
