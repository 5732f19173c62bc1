"""What a net saw of pictures, and what it made of them."""

# DOC(plotting.classification): Pictures of what a trained classifier predicts, and where it is wrong.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
from matplotlib.figure import Figure

from d2l_mlp.data.checks import to_numpy
from d2l_mlp.data.releases import CLASSES
from d2l_mlp.plotting.style import Picture, book_style


def plot_confusion(matrix: numpy.ndarray, names: Sequence[str] = CLASSES) -> Picture:
    """Plot how often each class was taken for each other.

    Each cell shows a number of examples. Its shade is their share of the true class.

    Parameters
    ----------
    matrix : numpy.ndarray
        As `d2l_mlp.training.metrics.confusion_matrix` returns it.
    names : sequence of str, default the ten of Fashion-MNIST
        Of the classes.

    Returns
    -------
    Picture
        With a row for each true class and a column for each predicted one.
    """
    shares = matrix / numpy.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ticks = numpy.arange(len(names))
    with book_style():
        figure = Picture("How often each class was taken for each other", figsize=(5.5, 5))
        axes = figure.add_subplot(aspect="equal")
        axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="0.9", linewidth=0.5)
        axes.invert_yaxis()
        axes.set(xlabel="predicted", ylabel="true")
        axes.set_xticks(ticks + 0.5, names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(ticks + 0.5, names)
        axes.tick_params(length=0)
        for row, column in numpy.argwhere(matrix):
            colour = "white" if shares[row, column] > 0.5 else "black"
            text = str(matrix[row, column])
            axes.text(column + 0.5, row + 0.5, text, color=colour, ha="center", va="center")
    return figure


def plot_predictions(
    images: numpy.ndarray,
    labels: Sequence[int],
    predicted: Sequence[int],
    names: Sequence[str] = CLASSES,
) -> Picture:
    """Plot images, each under the class that was predicted for it.

    Where the prediction is wrong, the image has a red frame, and the true class stands there too.

    Parameters
    ----------
    images : numpy.ndarray
        Grey values of shape (n, height, width).
    labels, predicted : sequence of int
        True and predicted label of each image.
    names : sequence of str, default the ten of Fashion-MNIST
        Of the classes.

    Returns
    -------
    Picture
        With up to six images in a row.

    Raises
    ------
    ValueError
        If there is no image, or not one label of each kind for each.
    """
    true, guesses = to_numpy(labels), to_numpy(predicted)
    if not len(images) == len(labels) == len(predicted):
        raise ValueError(
            f"there are {len(images)} images, {len(labels)} labels and {len(predicted)} predicted "
            "ones; give one of each for each image"
        )
    if not len(images):
        raise ValueError("there is no image to plot; give one at least, with its two labels")
    wrong = numpy.count_nonzero(true != guesses)
    columns = min(len(images), 6)
    rows = -(-len(images) // columns)
    with book_style():
        figure = Picture(
            f"{len(images)} images under their predicted classes, {wrong} wrong",
            figsize=(1.3 * columns, 1.6 * rows),
        )
        grid = figure.subplots(rows, columns, squeeze=False, gridspec_kw={"hspace": 0.5}).ravel()
        for axes in grid:
            axes.set_axis_off()
        for axes, image, label, guess in zip(grid, to_numpy(images), true, guesses):
            is_wrong = label != guess
            # The pixels as they are: the file holds 28 x 28 of them and no more.
            axes.imshow(image, cmap="gray_r", interpolation="none")
            axes.set_axis_on()
            axes.set(xticks=[], yticks=[])
            axes.set_title(
                f"{names[guess]}\nnot {names[label]}" if is_wrong else names[guess],
                color="C3" if is_wrong else "black", size=10,
            )  # fmt: skip
            for side in axes.spines.values():
                side.set(color="C3" if is_wrong else "0.8", linewidth=3 if is_wrong else 0.8)
    return figure


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
