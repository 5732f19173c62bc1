import numpy
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from d2l_mlp.plotting.learning_curves import plot_histories, plot_history
from d2l_mlp.training.state import EpochMetrics

# As trainings go: the first epoch is far from the others.
HISTORY = [
    EpochMetrics(n, 0.6 / n, 0.8 + n / 100, 0.7 / n, 0.7 + n / 50, 1, 9, 1, 1) for n in range(1, 11)
]
HISTORY[0] = HISTORY[0]._replace(train_loss=2.2, train_accuracy=0.4)


def drawn(*args):
    figure = plot_history(*args)
    FigureCanvasAgg(figure).draw()
    return figure.axes


@pytest.mark.parametrize(("n", "planned"), [(1, None), (10, None), (1, 10), (2, 3)])
def test_curves_are_those_of_the_history_from_epoch_1(n, planned):
    for axes, measure in zip(drawn(HISTORY[:n], "test", planned), ("loss", "accuracy")):
        for line, part in zip(axes.get_lines(), ("train", "val")):
            epochs, values = line.get_xydata().T
            numpy.testing.assert_array_equal(epochs, range(1, n + 1))
            assert values.tolist() == [getattr(m, f"{part}_{measure}") for m in HISTORY[:n]]
        lo, hi = axes.get_xlim()
        assert 0.5 < lo < 1
        assert (planned or n) < hi < (planned or n) + 0.5
        ticks = [t for t in axes.get_xticks() if lo <= t <= hi]
        assert ticks
        assert all(t == int(t) for t in ticks)


def test_a_learning_rate_that_changes_is_drawn():
    history = [metrics._replace(learning_rate=1 / metrics.epoch) for metrics in HISTORY]
    (line,) = drawn(history)[2].get_lines()
    assert line.get_ydata().tolist() == [1 / n for n in range(1, 11)]
    assert len(plot_history(HISTORY).axes) == len(plot_history(history, "test", 10).axes) == 2


@pytest.mark.parametrize(("n", "planned"), [(10, None), (10, 10), (2, 10)])
def test_the_first_epoch_does_not_squeeze_the_rest(n, planned):
    for axes in drawn(HISTORY[:n], "test", planned):
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


def test_epochs_and_legend_of_a_training_do_not_move():
    def frame(n):
        figure = plot_history(HISTORY[:n], "test", 10)
        FigureCanvasAgg(figure).draw()
        return *(axes.get_xlim() for axes in figure.axes), figure.legends[0].get_window_extent()

    assert [str(frame(n)) for n in (1, 10)] == [str(frame(0))] * 2


@pytest.mark.parametrize("n", [1, 4])
def test_a_short_training_is_shown_whole(n):
    for axes in drawn(HISTORY[:n], "test", 4):
        values = numpy.concatenate([line.get_ydata() for line in axes.get_lines()])
        assert axes.get_ylim()[0] < values.min()
        assert axes.get_ylim()[1] > values.max()


def test_every_run_is_in_the_legend_by_its_name():
    names = ["_old", "a$b$", "new"]
    figure = plot_histories(dict.fromkeys(names, HISTORY))
    FigureCanvasAgg(figure).draw()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names
