"""Features made of images."""

from typing import Optional, Union

import mxnet
import numpy
from mxnet import np


def to_features(
    images: Union[numpy.ndarray, np.ndarray], device: Optional[mxnet.Context] = None
) -> np.ndarray:
    """Make the features that a net is given of images.

    Parameters
    ----------
    images : numpy.ndarray or mxnet.np.ndarray
        Grey values, uint8 of shape (n, 28, 28), or (28, 28) for one image.
    device : mxnet.Context, optional
        Where the features live; by default MXNet's current context.

    Returns
    -------
    mxnet.np.ndarray
        Divided by 255, float32 in [0, 1] of shape (n, 1, 28, 28): bit for bit those of the book's
        loaders.

    Raises
    ------
    ValueError
        If the images have another dtype or shape.
    """
    images = images.asnumpy() if isinstance(images, np.ndarray) else numpy.asarray(images)
    if images.dtype != numpy.uint8 or images.shape[-2:] != (28, 28) or images.ndim not in (2, 3):
        raise ValueError(
            f"images are {images.dtype} of shape {images.shape}; give uint8, 0 to 255, "
            "of shape (n, 28, 28)"
        )
    X = np.array(images.reshape(-1, 1, 28, 28), dtype="uint8", ctx=device).astype("float32")
    X /= 255  # not times 1/255, which rounds otherwise: the book's loaders divide
    return X
