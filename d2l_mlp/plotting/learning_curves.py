"""Loss and accuracy by epoch, on the training set and on the set measured after each epoch.

Importing this module is cheap: matplotlib is imported when something is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from d2l_mlp.plotting.style import book_style
from d2l_mlp.training.state import EpochMetrics

if TYPE_CHECKING:
    from d2l_mlp.plotting.picture import Picture


def plot_history(
    history: Sequence[EpochMetrics], watched: str = "test", num_epochs: int | None = None
) -> Picture:
    """Plot loss and accuracy by epoch, on the training set and on the watched set.

    Parameters
    ----------
    history : sequence of EpochMetrics
        Metrics of each epoch so far; may be empty.
    watched : str, default "test"
        Name of the set that is measured after each epoch.
    num_epochs : int, optional
        Number of epochs at the end of the training, the end of the axis; by default that of the
        epochs so far. The vertical axes of a training of five epochs or more fit its epochs from
        the second on: the loss of the first may be many times the others', and only the line that
        comes from it is shown.

    Returns
    -------
    Picture
        Loss on the left, accuracy on the right, 7 x 2.8 inches. If `num_epochs` is not given, a
        learning rate that changes is shown beside them, in 2 inches more.
    """
    from matplotlib.ticker import MaxNLocator

    from d2l_mlp.plotting.picture import Picture

    rates = [metrics.learning_rate for metrics in history]
    varies = num_epochs is None and len(set(rates)) > 1
    with book_style():
        size = (9 if varies else 7, 2.8)
        figure = Picture(_describe(history, watched), figsize=size, layout="constrained")
        epochs = [metrics.epoch for metrics in history]
        first, last = min(epochs, default=1), num_epochs or max(epochs, default=1)
        every = 1 + len(epochs) // 12  # so that dashes show between markers
        panels = figure.subplots(1, 3 if varies else 2)
        if varies:
            panels[2].plot(epochs, rates, "C0o-", markersize=3, markevery=every)
            panels[2].set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
        for axes in panels:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.grid()
        for axes, measure in zip(panels, ("loss", "accuracy")):
            drawn = []
            for part, name, style in (("train", "train", "C0o-"), ("val", watched, "C1s--")):
                values = [getattr(metrics, f"{part}_{measure}") for metrics in history]
                axes.plot(epochs, values, style, markersize=3, markevery=every, label=name)
                drawn += values[len(values) > 1 and last > 4 :]
            axes.set(xlabel="epoch", ylabel=measure, xlim=(first - 0.3, last + 0.3))
            low, high = min(drawn, default=0), max(drawn, default=1)
            margin = 0.06 * (high - low) or 0.05
            axes.set(ylim=(low - margin, high + margin))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _describe(history: Sequence[EpochMetrics], watched: str) -> str:
    if not history:
        return "Loss and accuracy by epoch: no epoch yet"
    last = history[-1]
    return (
        f"Loss and accuracy by epoch; after epoch {last.epoch} the {watched} loss is "
        f"{last.val_loss:.3f} and the {watched} accuracy {last.val_accuracy:.3f}"
    )


def plot_histories(histories: Mapping[str, Sequence[EpochMetrics]]) -> Picture:
    """Plot loss and accuracy by epoch of several named runs, each on the set it watches."""
    from matplotlib.ticker import MaxNLocator

    from d2l_mlp.plotting.picture import Picture

    with book_style():
        description = f"Loss and accuracy by epoch of {', '.join(histories)}"
        size = (7, 2.6 + 0.2 * len(histories))
        figure = Picture(description, figsize=size, layout="constrained")
        for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy")):
            for i, history in enumerate(histories.values()):
                values = [getattr(metrics, f"val_{measure}") for metrics in history]
                epochs = [metrics.epoch for metrics in history]
                style = f"C{i % 10}o" + ("-", "--", ":", "-.")[i // 10 % 4]
                axes.plot(epochs, values, style, markersize=3, label=str(i))
            axes.set(xlabel="epoch", ylabel=measure)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.grid()
        legend = figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center")
        # Not as labels: matplotlib leaves out those that begin with an underscore.
        for text, name in zip(legend.get_texts(), histories):
            text.set(text=name, parse_math=False)
    return figure
