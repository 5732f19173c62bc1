"""Draw the pictures of a page: images as data URIs, and curves in the colours of the page."""

from __future__ import annotations

import base64
import io
import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy
from matplotlib import colormaps
from PIL import Image

from d2l_mlp.data.releases import IMAGE_SHAPE
from d2l_mlp.plotting.style import to_svg

if TYPE_CHECKING:
    from d2l_mlp.plotting.picture import Picture

SIDE = IMAGE_SHAPE[0]  # pixels
_MOST_UNITS = 64  # in a picture of weights


class Weights(NamedTuple):
    """Weights of a layer's units as one picture."""

    uri: str
    shown: int  # units in the picture: those with the largest weights
    units: int  # of the layer
    size: tuple[int, int]  # width and height in pixels


class Sprite:
    """Images of a data set, uint8 of shape (n, 28, 28), in one picture with 50 in a row."""

    columns = 50

    def __init__(self, images: numpy.ndarray):
        self._images = images
        self._places: dict[int, int] = {}

    def place(self, number: int) -> tuple[int, int]:
        """Add an image, unless it is there already, and return its column and row."""
        row, column = divmod(self._places.setdefault(number, len(self._places)), self.columns)
        return column, row

    def uri(self) -> str:
        """Return the picture, a grey PNG, as a data URI."""
        rows = math.ceil(len(self._places) / self.columns) or 1
        tiles = numpy.zeros((rows * self.columns, SIDE, SIDE), numpy.uint8)
        tiles[: len(self._places)] = self._images[list(self._places)]
        return png_uri(Image.fromarray(_tiled(tiles, self.columns)))


def weights_picture(weights: numpy.ndarray) -> Weights:
    """Draw weights of shape (units, 784): blue above 0, red below, each unit on its own scale."""
    norms = numpy.linalg.norm(weights, axis=1)
    if len(weights) > _MOST_UNITS:
        chosen = numpy.argsort(-norms, kind="stable")[:_MOST_UNITS]
    else:
        chosen = numpy.arange(len(weights))
    scale = numpy.abs(weights[chosen]).max(axis=1, keepdims=True)
    levels = numpy.round(127.5 + 127.5 * weights[chosen] / numpy.maximum(scale, 1e-30))
    columns = min(len(chosen), 16)
    rows = math.ceil(len(chosen) / columns)
    # Each unit has a frame of one pixel in the colour of 0.
    tiles = numpy.full((rows * columns, SIDE + 2, SIDE + 2), 128, numpy.uint8)
    tiles[: len(chosen), 1:-1, 1:-1] = levels.reshape(-1, SIDE, SIDE)
    image = Image.fromarray(_tiled(tiles, columns))
    palette = numpy.round(255 * colormaps["RdBu"](numpy.arange(256))[:, :3]).astype(numpy.uint8)
    image.putpalette(palette.tobytes())
    return Weights(png_uri(image), len(chosen), len(weights), image.size)


def png_uri(image: Image.Image) -> str:
    """Return a picture as a data URI of a PNG."""
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def curves_svg(figure: Picture) -> str:
    """Return a figure as an ``<svg>`` in the text colour of the page, without background."""
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    svg = to_svg(figure).replace("#000000", "currentColor")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(figure.description)}" ', 1)


def _tiled(tiles: numpy.ndarray, columns: int) -> numpy.ndarray:
    """Join tiles of shape (n, height, width) to one picture, with so many in a row."""
    n, height, width = tiles.shape
    rows = tiles.reshape(n // columns, columns, height, width)
    return rows.transpose(0, 2, 1, 3).reshape(-1, columns * width)
