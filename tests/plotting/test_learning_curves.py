import numpy
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from d2l_mlp.plotting.learning_curves import plot_histories, plot_history
from d2l_mlp.training.state import EpochMetrics

# As trainings go: the first epoch is far from the others.
HISTORY = [
    EpochMetrics(
        n,
        2.2 if n == 1 else 0.6 / n,
        0.4 if n == 1 else 0.8 + n / 100,
        0.7 / n,
        0.7 + n / 50,
        1,
        9,
        1,
    )
    for n in range(1, 11)
]


def drawn(*args):
    figure = plot_history(*args)
    FigureCanvasAgg(figure).draw()
    return figure.axes


@pytest.mark.parametrize("n", [1, 2, 4, 5, 10])
def test_curves_are_those_of_the_history_from_epoch_1(n):
    for axes, measure in zip(drawn(HISTORY[:n]), ("loss", "accuracy")):
        for line, part in zip(axes.get_lines(), ("train", "val")):
            epochs, values = line.get_xydata().T
            numpy.testing.assert_array_equal(epochs, range(1, n + 1))
            assert values.tolist() == [getattr(m, f"{part}_{measure}") for m in HISTORY[:n]]
        lo, hi = axes.get_xlim()
        assert 0.5 < lo < 1
        assert n < hi < n + 0.5
        ticks = [t for t in axes.get_xticks() if lo <= t <= hi]
        assert ticks
        assert all(t == int(t) for t in ticks)


def test_a_learning_rate_that_changes_is_drawn():
    history = [metrics._replace(learning_rate=1 / metrics.epoch) for metrics in HISTORY]
    (line,) = drawn(history)[2].get_lines()
    assert line.get_ydata().tolist() == [1 / n for n in range(1, 11)]
    assert len(drawn(HISTORY)) == len(drawn(history, "test", 10)) == 2


def test_the_first_epoch_does_not_squeeze_the_rest():
    for axes in drawn(HISTORY):
        lo, hi = axes.get_ylim()
        rest = numpy.concatenate([line.get_ydata()[1:] for line in axes.get_lines()])
        assert lo < rest.min()
        assert rest.max() < hi
        assert numpy.ptp(rest) > 0.8 * (hi - lo)


def test_dashes_are_longer_than_markers_hide():
    many = [metrics._replace(epoch=n) for n, metrics in enumerate(HISTORY * 10, 1)]
    for axes in drawn(many):
        for line in axes.get_lines():
            shown = line.get_xdata()[:: line.get_markevery()]
            x = axes.transData.transform([[shown[0], 0], [shown[1], 0]])[:, 0]
            assert x[1] - x[0] > 4 * line.get_markersize()


def test_axes_and_legends_of_a_training_do_not_move():
    def frame(n):
        return [
            (axes.get_xlim(), axes.get_ylim(), axes.get_legend().get_window_extent().bounds)
            for axes in drawn(HISTORY[:n], "test", 10)
        ]

    assert frame(0) == frame(1) == frame(10)
    assert [(x, y[0]) for x, y, _ in frame(0)] == [((0.5, 10.5), 0)] * 2
    diverging = HISTORY[0]._replace(val_loss=40.0)
    assert drawn([diverging], "test", 10)[0].get_ylim()[1] > 40


def test_every_run_is_in_the_legend_by_its_name():
    names = ["_old", "a$b$", "new"]
    figure = plot_histories(dict.fromkeys(names, HISTORY))
    FigureCanvasAgg(figure).draw()
    assert [text.get_text() for text in figure.axes[1].get_legend().get_texts()] == names
