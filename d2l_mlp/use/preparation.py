"""Make of any picture what the data set's publisher made of its shop's photographs.

Xiao, Rasul and Vollgraf (2017), arXiv:1708.07747, section 2: trim edges that are within 5 % of the
corner pixels; subsample so that the longest edge has 28 pixels; sharpen; put the object into the
middle of 28 x 28 pixels; negate; make it grey. Their photographs show one article on white.
"""

import numpy
from PIL import Image, ImageFilter

from d2l_mlp.data.canonical import IMAGE_SHAPE

_SIDE = IMAGE_SHAPE[0]
_CLOSE = 0.05 * 255


def prepare(image: Image.Image) -> numpy.ndarray:
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
