"""Read an image file, prepare the image like those of Fashion-MNIST, and predict its class.

The preparation follows the data set's publisher, Xiao, Rasul and Vollgraf (2017),
arXiv:1708.07747, section 2: trim the edges that are within 5 % of the corner pixels; subsample so
that the longest edge has 28 pixels; sharpen; centre on 28 x 28 pixels; negate; convert to grey.
Their photographs show one article on white. Others have noise, specks and uneven light, so the
background is estimated first.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy
from mxnet import autograd, gluon
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from d2l_mlp.data.loaders import to_features
from d2l_mlp.data.releases import CLASSES, IMAGE_SHAPE
from d2l_mlp.files import read_regular_file
from d2l_mlp.hardware.devices import device_of
from d2l_mlp.mlp import softmax
from d2l_mlp.training.metrics import check_finite

_MOST_BYTES = 2**28  # of an image file

# Modes with 8 bits a channel. Pillow clips 16 bits to 8, and shows CMYK in other colours.
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")

_SIDE = IMAGE_SHAPE[0]
_MOST_PIXELS = 400  # of the longer side of a picture that is prepared
_SIMILAR = 0.05 * 255  # grey values
_CLUTTERED = 0.2 * 255  # grey values: a background that deviates more from a smooth one
_SPECK = 0.02  # share of the article's largest part: a smaller one is none of it

# Sharpening as ImageMagick does it with radius and standard deviation 1: minus a Gaussian, and in
# the middle twice the sum of all weights.
_WEIGHTS = -numpy.exp(-0.5 * numpy.array([2, 1, 2, 1, 0, 1, 2, 1, 2]))
_WEIGHTS[4] = -2 * _WEIGHTS.sum()
_SHARPEN = ImageFilter.Kernel((3, 3), _WEIGHTS.tolist())


def read_image(path: Path) -> Image.Image:
    """Read the first frame of an image file: RGB, or RGBA if any pixel is transparent.

    A ValueError's message continues the file's name: "is missing".
    """
    raw = read_regular_file(path, _MOST_BYTES, follow=True)
    Image.init()
    with contextlib.suppress(ImportError):
        from pillow_heif import register_heif_opener  # which need not be installed

        register_heif_opener()
    formats = [name for name in Image.ID if name != "EPS"]  # PostScript is a program
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of broken metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(raw), formats=formats) as image:
                mode = image.mode
                rgba = ImageOps.exif_transpose(image).convert("RGBA") if mode in _MODES else None
        except UnidentifiedImageError:
            if raw[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1"):
                raise ValueError("is HEIC; to read it: pip install pillow-heif") from None
            raise ValueError("is no image that Pillow reads") from None
        except Exception as error:  # each format's reader fails on a broken file in its own way
            raise ValueError(f"cannot be read as an image ({error})") from None
    if rgba is None:
        raise ValueError(f"has the mode {mode}; save it as RGB or grey with 8 bits a channel")
    return rgba if rgba.getextrema()[3][0] < 255 else rgba.convert("RGB")


def prepare_image(image: Image.Image) -> numpy.ndarray:
    """Prepare a picture as the data set's publisher did: grey, negated, cropped, small, centred.

    The background, which may be light or dark, noisy, and unevenly lit, becomes 0: a quadratic
    surface is fitted to the picture's border. Specks count for little. Of a picture with
    transparency, the opaque part is the article. A picture of 28 x 28 pixels is only made grey,
    and negated if its border is light. A ValueError's message continues the file's name.
    """
    image = image.copy()
    image.thumbnail((_MOST_PIXELS, _MOST_PIXELS), Image.BOX)
    if image.mode == "RGBA" and image.getextrema()[3][0] <= 127:
        grey, outline = _cut_out(image)
    else:
        grey, outline = _separate(_grey_on_white(image))
    if grey.shape == IMAGE_SHAPE:
        return grey
    if not outline.any():
        raise ValueError("shows nothing that differs from its border; use a plain background")
    rows, columns = (_extent(outline.sum(axis=axis)) for axis in (1, 0))
    article = Image.fromarray(numpy.where(outline, grey, 0)[rows, columns])
    scale = _SIDE / max(article.size)
    width, height = (max(1, round(side * scale)) for side in article.size)
    article = article.resize((width, height), Image.NEAREST).filter(_SHARPEN)
    canvas = Image.new("L", (_SIDE, _SIDE))
    canvas.paste(article, ((_SIDE - width) // 2, (_SIDE - height) // 2))
    return numpy.asarray(canvas)


def _cut_out(image: Image.Image) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return the grey values of a picture's opaque part, made light on 0, and where that is.

    It is negated if its edge is lighter than its inside, as it is if it was cut out of a light
    background. In 99 % of the test images, the edge is the darker one. A silhouette has no edge:
    it is negated if it is dark.
    """
    mask = image.getchannel("A").point(lambda alpha: 255 * (alpha > 127))
    opaque, inside = (numpy.asarray(m) > 0 for m in (mask, mask.filter(ImageFilter.MinFilter(3))))
    grey = numpy.asarray(image.convert("RGB").convert("L"))
    if inside.any():
        lighter = grey[inside].mean() - grey[opaque & ~inside].mean()
        if lighter < -1 or (lighter <= 1 and grey[inside].mean() <= 127):
            grey = 255 - grey
    return numpy.where(opaque, grey, 0).astype("uint8"), opaque


def _separate(image: Image.Image) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return a picture's grey values, light on a background of 0, and where they differ from it."""
    grey = numpy.asarray(image, "float64")
    y, x = numpy.meshgrid(*(numpy.linspace(-1, 1, side) for side in grey.shape), indexing="ij")
    terms = numpy.stack([numpy.ones_like(x), x, y, x * x, x * y, y * y])
    on_border = numpy.maximum(abs(x), abs(y)) == 1
    border, X = grey[on_border], terms[:, on_border]
    if numpy.median(border) > 127:
        grey, border = 255 - grey, 255 - border
    if grey.shape == IMAGE_SHAPE:
        return grey.astype("uint8"), on_border
    # Least absolute deviations, by reweighted least squares: the article may touch the border.
    weights = numpy.ones_like(border)
    for _ in range(20):
        # Of a picture of one or two rows, the surface is not determined.
        coefficients = numpy.linalg.lstsq(X * weights @ X.T, X * weights @ border, rcond=None)[0]
        deviations = abs(border - coefficients @ X)
        weights = 1 / numpy.maximum(deviations, 1)
    background = numpy.tensordot(coefficients, terms, 1)
    threshold = max(_SIMILAR, 4 * 1.4826 * numpy.median(deviations))  # 4 standard deviations
    if threshold > _CLUTTERED:
        raise ValueError("is not clear enough; photograph the article on a plain background")
    # As light falls on background and article alike, this is right in the shade too.
    grey = 255 * (grey - background) / numpy.maximum(255 - background, 1)
    return numpy.clip(grey.round(), 0, 255).astype("uint8"), abs(grey) > threshold


def _extent(counts: numpy.ndarray) -> slice:
    """Return from where to where pixels of the article are, given their number in each line."""
    edges = numpy.flatnonzero(numpy.diff(counts > 0, prepend=False, append=False))
    pixels = numpy.array([counts[start:stop].sum() for start, stop in edges.reshape(-1, 2)])
    large = edges.reshape(-1, 2)[pixels >= _SPECK * pixels.max()]
    return slice(large[0, 0], large[-1, 1])


def resize_image(image: Image.Image) -> numpy.ndarray:
    """Return a picture's grey values at 28 x 28 pixels, on white, without further preparation."""
    return numpy.asarray(_grey_on_white(image).resize((_SIDE, _SIDE), Image.BOX))


def _grey_on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), rgba).convert("L")


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
        return ", ".join(f"{name} {p:.3f}" for name, p in ranked if p >= 0.01)


def predict_image(net: gluon.Block, image: str | Path | numpy.ndarray) -> Prediction:
    """Predict the class of an image.

    Parameters
    ----------
    net : gluon.Block
        Maps features of shape (n, 1, 28, 28) to logits of shape (n, 10).
    image : str, Path or numpy.ndarray
        A file, which is prepared as the command ``predict`` does. Or grey values as in the data
        set: uint8 of shape (28, 28), a light article on dark.

    Returns
    -------
    Prediction
        Label of the largest logit, and the probabilities, float32 of shape (10,).

    Raises
    ------
    ValueError
        If the file is missing or no image, its article cannot be told from the background, or the
        grey values have another dtype or shape.
    ArithmeticError
        If a logit is NaN or infinite.
    """
    if isinstance(image, (str, Path)):
        try:
            image = prepare_image(read_image(Path(image)))
        except ValueError as error:
            raise ValueError(f"{image} {error}") from None
    X = to_features(image, device_of(net))
    with autograd.pause():  # the caller may be recording, where dropout drops
        logits = net(X)[0]
    check_finite(logits.asnumpy())
    return Prediction(int(logits.argmax()), softmax(logits).asnumpy())
