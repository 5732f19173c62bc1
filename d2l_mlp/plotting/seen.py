"""What a net saw of pictures, and what it made of them."""

from typing import Any, Sequence

import numpy
from matplotlib.figure import Figure

from d2l_mlp.data.canonical import CLASSES
from d2l_mlp.plotting.savefig import book_style


def plot_seen(
    originals: Sequence[Any],
    seen: Sequence[numpy.ndarray],
    probabilities: Sequence[numpy.ndarray],
    titles: Sequence[str],
) -> Figure:
    """Plot pictures, each beside what the net saw of it, and bars of the probabilities.

    Parameters
    ----------
    originals : sequence of array_like
        Pictures as matplotlib shows them.
    seen : sequence of numpy.ndarray
        Grey values, uint8 of shape (28, 28).
    probabilities : sequence of numpy.ndarray
        Of the classes; the bar of the largest stands out.
    titles : sequence of str
        Of the pictures.

    Returns
    -------
    matplotlib.figure.Figure
        With a row for each picture.
    """
    with book_style():
        figure = Figure(figsize=(7.5, 2.2 * len(seen)), layout="constrained")
        rows = figure.subplots(len(seen), 3, squeeze=False)
        for (left, middle, right), picture, pixels, shares, title in zip(
            rows, originals, seen, probabilities, titles
        ):
            left.imshow(picture, interpolation="none")
            left.set_title(title, size=10, parse_math=False)
            middle.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="none")
            middle.set_title("what the net sees", size=10)
            for axes in (left, middle):
                axes.set(xticks=[], yticks=[])
            colours = ["C0" if share == shares.max() else "0.7" for share in shares]
            right.barh(CLASSES, shares, color=colours)
            right.invert_yaxis()
            right.set(xlim=(0, 1), xticks=[0, 0.5, 1])
            right.tick_params(labelsize=8)
            right.set_title("probability", size=10)
    return figure
