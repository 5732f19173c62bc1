"""What a trained classifier predicts, and where it is wrong."""

from typing import Sequence

import numpy
from matplotlib.figure import Figure
from mxnet import gluon, np

from d2l_mlp.data.canonical import CLASSES
from d2l_mlp.plotting.savefig import book_style


def predict(net: gluon.Block, X: np.ndarray) -> numpy.ndarray:
    """Predict the class of each example: that of its largest logit.

    Parameters
    ----------
    net : gluon.Block
        Maps features (n, ...) to logits (n, num_outputs).
    X : mxnet.np.ndarray
        Features of shape (n, ...), on the device of the net.

    Returns
    -------
    numpy.ndarray
        Labels of shape (n,), int64.
    """
    return net(X).argmax(axis=-1).asnumpy().astype("int64")


def confusion_matrix(
    labels: Sequence[int], predicted: Sequence[int], num_classes: int = len(CLASSES)
) -> numpy.ndarray:
    """Count how often each class was taken for each other.

    Parameters
    ----------
    labels, predicted : sequence of int
        True and predicted label of each example, 0 to num_classes - 1.
    num_classes : int, default 10
        Number of classes.

    Returns
    -------
    numpy.ndarray
        Of shape (num_classes, num_classes), int64; rows are true and columns predicted labels.

    Raises
    ------
    ValueError
        If there are not as many predictions as labels, or one of either is no label.
    """
    pairs = [numpy.asarray(labels), numpy.asarray(predicted)]
    if pairs[0].shape != pairs[1].shape:
        raise ValueError(f"{pairs[0].size} labels but {pairs[1].size} predictions; give as many")
    unknown = numpy.setdiff1d(pairs, range(num_classes))
    if unknown.size:
        raise ValueError(f"there is a label {unknown[0]}; give labels 0 to {num_classes - 1}")
    matrix = numpy.zeros((num_classes, num_classes), dtype="int64")
    numpy.add.at(matrix, tuple(pairs), 1)
    return matrix


def plot_confusion(matrix: numpy.ndarray, names: Sequence[str] = CLASSES) -> Figure:
    """Plot a `confusion_matrix`: the number in each cell, its share of the true class as its shade.

    Parameters
    ----------
    matrix : numpy.ndarray
        As `confusion_matrix` returns it.
    names : sequence of str, default the ten of Fashion-MNIST
        Of the classes.
    """
    shares = matrix / numpy.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ticks = numpy.arange(len(names))
    with book_style():
        figure = Figure(figsize=(5.5, 5))
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
) -> Figure:
    """Plot images with the class predicted for each; a wrong one is framed, and says what is true.

    Parameters
    ----------
    images : numpy.ndarray
        Grey values of shape (n, height, width).
    labels, predicted : sequence of int
        True and predicted label of each image.
    names : sequence of str, default the ten of Fashion-MNIST
        Of the classes.
    """
    columns = min(len(images), 6)
    rows = -(-len(images) // columns)
    with book_style():
        figure = Figure(figsize=(1.3 * columns, 1.6 * rows))
        grid = figure.subplots(rows, columns, squeeze=False, gridspec_kw={"hspace": 0.5}).ravel()
        for axes in grid:
            axes.set_axis_off()
        for axes, image, label, guess in zip(grid, images, labels, predicted):
            wrong = label != guess
            # The pixels as they are: the file holds 28 x 28 of them and no more.
            axes.imshow(image, cmap="gray_r", interpolation="none")
            axes.set_axis_on()
            axes.set(xticks=[], yticks=[])
            axes.set_title(
                f"{names[guess]}\nnot {names[label]}" if wrong else names[guess],
                color="C3" if wrong else "black", size=10,
            )  # fmt: skip
            for side in axes.spines.values():
                side.set(color="C3" if wrong else "0.8", linewidth=3 if wrong else 0.8)
    return figure
