"""What a net makes of an image, with the probability of each class."""

# DOC(use.image_files): Read image files that anybody may have made, or say in half a line why not.

# DOC(use.preparation): Make of any picture what the data set's publisher made of its shop's photographs.
#
# DOC(use.preparation): Xiao, Rasul and Vollgraf (2017), arXiv:1708.07747, section 2: trim edges that are within 5 % of the
# DOC(use.preparation): corner pixels; subsample so that the longest edge has 28 pixels; sharpen; put the object into the
# DOC(use.preparation): middle of 28 x 28 pixels; negate; make it grey. Their photographs show one article on white.

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
from d2l_mlp.training.metrics import predict_labels

MOST_PIXELS = 50_000_000
"""Of an image; a small file may hold many more, and would fill the memory."""

_MOST_BYTES = 4 * MOST_PIXELS

# With 8 bits a channel. Of 16 bits nobody says which the image uses, and inks are no light.
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")


def read_image(path: Path) -> Image.Image:
    """Read an image.

    Parameters
    ----------
    path : Path
        Of a file in any format that Pillow reads, but for Encapsulated PostScript, which is a
        program; links are followed.

    Returns
    -------
    PIL.Image.Image
        RGB, upright by what its camera noted, on white where it is transparent.

    Raises
    ------
    ValueError
        If it is missing, broken, animated, too large, no image, or not of 8 bits a channel in grey
        or RGB; the message, "is animated" for instance, goes on after the file's name.
    """
    raw = read_regular_file(path, _MOST_BYTES, follow=True)
    Image.init()
    formats = [name for name in Image.ID if name != "EPS"]
    too_large = f"has more than {MOST_PIXELS:,} pixels; make it smaller"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of metadata that are broken
        try:
            with Image.open(io.BytesIO(raw), formats=formats) as image:
                problem = _problem(image)
                if image.width * image.height > MOST_PIXELS:
                    problem = too_large
                if not problem:
                    rgba = ImageOps.exif_transpose(image).convert("RGBA")
        except UnidentifiedImageError:
            problem = "is no image that Pillow reads"
        except Image.DecompressionBombError:
            problem = too_large
        except Exception as error:  # a damaged file makes each format's reader fail in its own way
            problem = f"is a broken image ({error})"
    if problem:
        raise ValueError(problem)
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def _problem(image: Image.Image) -> str:
    """Say what an image is that cannot be used, or nothing."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # a camera's, whose other pictures are previews
        return f"is animated, or has pages ({frames}); save one of them as a file of its own"
    if image.mode not in _MODES:
        return f"has the mode {image.mode}; save it as RGB or grey with 8 bits a channel"
    return ""


_SIDE = IMAGE_SHAPE[0]
_CLOSE = 0.05 * 255


def prepare_image(image: Image.Image) -> numpy.ndarray:
    """Make a picture grey, invert it if its border is light, and then crop, resize and centre it.

    One of 28 x 28 pixels is only made grey, and inverted if its border is light.

    Parameters
    ----------
    image : PIL.Image.Image
        Of one article, on a plain ground, lighter or darker than it.

    Returns
    -------
    numpy.ndarray
        Grey values, uint8 of shape (28, 28): the article light, on 0.

    Raises
    ------
    ValueError
        If nothing differs from the border; the message goes on after the file's name.
    """
    grey = numpy.asarray(image.convert("L"))
    ground = numpy.median(numpy.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    if ground > 127:
        grey, ground = 255 - grey, 255 - ground
    if grey.shape == IMAGE_SHAPE:
        return grey
    lowest, highest = numpy.clip([ground - _CLOSE, ground + _CLOSE], 0, 255)
    differs = (grey < lowest) | (grey > highest)
    rows, columns = (numpy.flatnonzero(differs.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise ValueError("shows nothing that differs from its border; give it a plain ground")
    article = Image.fromarray(grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = _SIDE / max(article.size)
    width, height = (max(1, round(side * scale)) for side in article.size)
    article = article.resize((width, height), Image.NEAREST).filter(_SHARPEN)
    canvas = Image.new("L", (_SIDE, _SIDE))
    canvas.paste(article, ((_SIDE - width) // 2, (_SIDE - height) // 2))
    return numpy.asarray(canvas)


def squeeze(image: Image.Image) -> numpy.ndarray:
    """Make a picture grey and 28 x 28, uint8, and nothing else: parameters are those of `prepare`.

    Returns
    -------
    numpy.ndarray
        Of the same shape and dtype.
    """
    return numpy.asarray(image.convert("L").resize((_SIDE, _SIDE), Image.BOX))


# A Gaussian of radius and standard deviation 1 taken away from the pixel, as ImageMagick does.
_WEIGHTS = -numpy.exp(-0.5 * numpy.array([2, 1, 2, 1, 0, 1, 2, 1, 2]))
_WEIGHTS[4] = -2 * _WEIGHTS.sum()
_SHARPEN = ImageFilter.Kernel((3, 3), _WEIGHTS.tolist())


class Prediction(NamedTuple):
    """The outcome for one image."""

    label: int
    """Of the largest logit."""
    probabilities: numpy.ndarray
    """Of the classes: float32 of shape (10,)."""

    @property
    def name(self) -> str:
        """The predicted class."""
        return CLASSES[self.label]

    def by_class(self) -> dict[str, float]:
        """Give the probabilities by the names of the classes."""
        return dict(zip(CLASSES, self.probabilities.tolist()))

    def __str__(self) -> str:
        others = sorted(self.by_class().items(), key=lambda item: (item[0] != self.name, -item[1]))
        said = [f"{name} {p:.3f}" for i, (name, p) in enumerate(others) if p >= 0.01 or not i]
        return ", ".join(said)


def predict_image(net: gluon.Block, pixels: numpy.ndarray) -> Prediction:
    """Predict what an image shows.

    Parameters
    ----------
    net : gluon.Block
        Maps features (n, 1, 28, 28) to logits (n, 10).
    pixels : numpy.ndarray
        Grey values as in the data set: uint8 of shape (28, 28), the article light on dark.

    Returns
    -------
    Prediction
        Label and probabilities.
    """
    X = to_features(pixels, device_of(net))
    (label,) = predict_labels(net, X)
    return Prediction(int(label), softmax(net(X))[0].asnumpy())
