"""Predictions of a trained classifier: the confusion matrix, and images under their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from d2l_mlp.data.checks import check_labels, to_numpy
from d2l_mlp.data.releases import CLASSES
from d2l_mlp.plotting.picture import Picture
from d2l_mlp.plotting.style import book_style


def plot_confusion(matrix: numpy.ndarray, names: Sequence[str] = CLASSES) -> Picture:
    """Plot a confusion matrix.

    Each cell shows a number of examples; its shade is their share of the true class.

    Parameters
    ----------
    matrix : numpy.ndarray
        Counts of shape (n, n), true class by predicted class, as `confusion_matrix` returns them.
    names : sequence of str, default the ten of Fashion-MNIST
        Names of the classes.

    Returns
    -------
    Picture
        A row for each true class, a column for each predicted class, 5.5 x 5 inches.

    Raises
    ------
    ValueError
        If the matrix has another number of classes than there are names.
    """
    matrix = numpy.asarray(matrix)
    if matrix.shape != (len(names), len(names)):
        raise ValueError(
            f"the matrix has the shape {matrix.shape}, but there are {len(names)} names; give a "
            "name for each class"
        )
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
    """Plot images, each under its predicted class.

    An image whose prediction is wrong has a red frame, and its true class below the predicted one.

    Parameters
    ----------
    images : numpy.ndarray
        Grey values of shape (n, height, width).
    labels, predicted : sequence of int
        True and predicted label of each image, of shape (n,).
    names : sequence of str, default the ten of Fashion-MNIST
        Names of the classes.

    Returns
    -------
    Picture
        Up to six images in a row.

    Raises
    ------
    ValueError
        If the numbers of images and labels differ, or a label is not one of the classes.
    """
    true, guesses = to_numpy(labels), to_numpy(predicted)
    if not len(images) == len(labels) == len(predicted):
        raise ValueError(
            f"there are {len(images)} images, {len(labels)} labels and {len(predicted)} predicted "
            "labels; give as many of each"
        )
    for array in (true, guesses):
        check_labels(array, len(names))
    wrong = numpy.count_nonzero(true != guesses)
    columns = min(len(images), 6) or 1
    rows = -(-len(images) // columns) or 1
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
                color="C3" if is_wrong else "black",
            )
            for side in axes.spines.values():
                side.set(color="C3" if is_wrong else "0.8", linewidth=3 if is_wrong else 0.8)
    return figure


def plot_seen(
    originals: Sequence[Any],
    seen: Sequence[numpy.ndarray],
    probabilities: Sequence[numpy.ndarray],
    titles: Sequence[str],
) -> Picture:
    """Plot pictures, each beside the 28 x 28 pixels that the net sees, and its probabilities."""
    with book_style():
        figure = Picture(
            f"{len(seen)} images, what the net sees of each, and its probabilities",
            figsize=(7.5, 2.2 * len(seen)), layout="constrained",
        )  # fmt: skip
        rows = figure.subplots(len(seen), 3, squeeze=False)
        for (left, middle, right), picture, pixels, shares, title in zip(
            rows, originals, seen, probabilities, titles
        ):
            left.imshow(picture, interpolation="none")
            left.set_title(title, parse_math=False)
            middle.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="none")
            middle.set_title("what the net sees")
            for axes in (left, middle):
                axes.set(xticks=[], yticks=[])
            colours = ["C0" if share == shares.max() else "0.7" for share in shares]
            right.barh(CLASSES, shares, color=colours)
            right.invert_yaxis()
            right.set(xlim=(0, 1), xticks=[0, 0.5, 1])
            right.set_title("probability")
    return figure
