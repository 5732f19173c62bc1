"""Read an image file, prepare the image like those of Fashion-MNIST, and predict its class.

The preparation follows the data set's publisher, Xiao, Rasul and Vollgraf (2017),
arXiv:1708.07747, section 2: trim the edges that are within 5 % of the corner pixels; subsample so
that the longest edge has 28 pixels; sharpen; centre on 28 x 28 pixels; negate; convert to grey.
Their photographs show one article on white.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy
from mxnet import gluon
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from d2l_mlp.data.loaders import to_features
from d2l_mlp.data.releases import CLASSES, IMAGE_SHAPE
from d2l_mlp.files import read_regular_file
from d2l_mlp.hardware.devices import device_of
from d2l_mlp.mlp import softmax

_MOST_BYTES = 2**28  # of an image file

# Modes with 8 bits a channel. Pillow clips 16 bits to 8, and shows CMYK in other colours.
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")

_SIDE = IMAGE_SHAPE[0]
_SIMILAR = 0.05 * 255  # grey values

# Sharpening as ImageMagick does it with radius and standard deviation 1: minus a Gaussian, and in
# the middle twice the sum of all weights.
_WEIGHTS = -numpy.exp(-0.5 * numpy.array([2, 1, 2, 1, 0, 1, 2, 1, 2]))
_WEIGHTS[4] = -2 * _WEIGHTS.sum()
_SHARPEN = ImageFilter.Kernel((3, 3), _WEIGHTS.tolist())


def read_image(path: Path) -> Image.Image:
    """Read an image file.

    Parameters
    ----------
    path : Path
        A file in any format that Pillow reads, except Encapsulated PostScript, which is a program.
        Of several frames, the first is read.

    Returns
    -------
    PIL.Image.Image
        RGB, turned as its camera noted, and on white where it is transparent.

    Raises
    ------
    ValueError
        If the file is missing, too large, broken, not an image, or not of 8 bits a channel in grey
        or RGB. The message continues the file's name: "is missing".
    """
    raw = read_regular_file(path, _MOST_BYTES, follow=True)
    Image.init()
    formats = [name for name in Image.ID if name != "EPS"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of broken metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(raw), formats=formats) as image:
                mode = image.mode
                rgba = ImageOps.exif_transpose(image).convert("RGBA") if mode in _MODES else None
        except UnidentifiedImageError:
            raise ValueError("is no image that Pillow reads") from None
        except Exception as error:  # each format's reader fails on a broken file in its own way
            raise ValueError(f"cannot be read as an image ({error})") from None
    if rgba is None:
        raise ValueError(f"has the mode {mode}; save it as RGB or grey with 8 bits a channel")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def prepare_image(image: Image.Image) -> numpy.ndarray:
    """Prepare a picture as the data set's publisher did: grey, negated, cropped, small, centred.

    It is negated only if its border is light. A picture of 28 x 28 pixels is not changed further.

    Parameters
    ----------
    image : PIL.Image.Image
        One article on a plain background, which is lighter or darker.

    Returns
    -------
    numpy.ndarray
        Grey values, uint8 of shape (28, 28): a light article on 0.

    Raises
    ------
    ValueError
        If nothing differs from the border. The message continues the file's name.
    """
    grey = numpy.asarray(image.convert("L"))
    background = numpy.median(numpy.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    if background > 127:
        grey, background = 255 - grey, 255 - background
    if grey.shape == IMAGE_SHAPE:
        return grey
    lowest, highest = numpy.clip([background - _SIMILAR, background + _SIMILAR], 0, 255)
    differs = (grey < lowest) | (grey > highest)
    rows, columns = (numpy.flatnonzero(differs.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise ValueError("shows nothing that differs from its border; use a plain background")
    article = Image.fromarray(grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = _SIDE / max(article.size)
    width, height = (max(1, round(side * scale)) for side in article.size)
    article = article.resize((width, height), Image.NEAREST).filter(_SHARPEN)
    canvas = Image.new("L", (_SIDE, _SIDE))
    canvas.paste(article, ((_SIDE - width) // 2, (_SIDE - height) // 2))
    return numpy.asarray(canvas)


def resize_image(image: Image.Image) -> numpy.ndarray:
    """Return a picture's grey values at 28 x 28 pixels, uint8, without further preparation."""
    return numpy.asarray(image.convert("L").resize((_SIDE, _SIDE), Image.BOX))


class Prediction(NamedTuple):
    """Predicted class of an image, and the probability of each class."""

    label: int
    probabilities: numpy.ndarray  # float32 of shape (10,)

    @property
    def name(self) -> str:
        """Name of the predicted class."""
        return CLASSES[self.label]

    def by_class(self) -> dict[str, float]:
        """Return the probabilities by class name."""
        return dict(zip(CLASSES, self.probabilities.tolist()))

    def __str__(self) -> str:
        ranked = sorted(self.by_class().items(), key=lambda item: (item[0] != self.name, -item[1]))
        return ", ".join(
            f"{name} {p:.3f}" for i, (name, p) in enumerate(ranked) if p >= 0.01 or not i
        )


def predict_image(net: gluon.Block, pixels: numpy.ndarray) -> Prediction:
    """Predict the class of an image.

    Parameters
    ----------
    net : gluon.Block
        Maps features of shape (n, 1, 28, 28) to logits of shape (n, 10).
    pixels : numpy.ndarray
        Grey values as in the data set: uint8 of shape (28, 28), a light article on dark.

    Returns
    -------
    Prediction
        Label of the largest logit, and the probabilities, float32 of shape (10,).

    Raises
    ------
    ValueError
        If the pixels have another dtype or shape.
    """
    logits = net(to_features(pixels, device_of(net)))[0]
    return Prediction(int(logits.argmax()), softmax(logits).asnumpy())
