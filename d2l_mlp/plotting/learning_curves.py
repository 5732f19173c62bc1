"""Loss and accuracy by epoch, on the training set and on the set that is watched."""

from typing import TYPE_CHECKING, Sequence

from d2l_mlp.plotting.savefig import book_style
from d2l_mlp.training.state import EpochMetrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_history(history: Sequence[EpochMetrics], watched: str = "test") -> "Figure":
    """Plot loss and accuracy by epoch, on the training set and on the one that is watched."""
    from matplotlib.figure import Figure  # not above: a run needs it at its end only
    from matplotlib.ticker import MaxNLocator

    with book_style():
        figure = Figure(figsize=(7, 2.8), layout="constrained")
        epochs = [metrics.epoch for metrics in history]
        for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy")):
            for part, name, style in (("train", "train", "C0o-"), ("val", watched, "C1s--")):
                values = [getattr(metrics, f"{part}_{measure}") for metrics in history]
                axes.plot(epochs, values, style, markersize=3, label=f"{name} {measure}")
            axes.set(xlabel="epoch", ylabel=measure)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.4)
            axes.legend()
    return figure
