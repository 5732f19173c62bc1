"""What d2l draws: in scripts, and in notebooks with a description."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from d2l_mlp.compat.d2l_display import describe_figure
from tests import svg

BOOK = "import d2l_mlp\nfrom d2l import mxnet as d2l\nfrom mxnet import np\nx = np.arange(3.0)\n"
PLOT = "d2l.plot(x, x**{0}, 'x', 'power {0}')\n"


@pytest.fixture
def drawn(run, tmp_path):
    def drawn(cells, **env):
        result = run("-W", "error", "-c", BOOK + cells, env={"TMPDIR": str(tmp_path), **env})
        assert result.stderr == ""
        lines = [line.partition(": ") for line in result.stdout.splitlines()]
        return {begin: Path(end).read_text("utf-8") for begin, _, end in lines}

    return drawn


def test_each_plot_is_a_file(drawn):
    pictures = drawn(PLOT.format(2) + PLOT.format(3))
    assert list(pictures) == ["figure 1", "figure 2"]
    assert [svg.texts(picture)[-1] for picture in pictures.values()] == ["power 2", "power 3"]


def test_plots_on_axes_that_are_given_share_a_file(drawn):
    cells = "_, (left, right) = d2l.plt.subplots(1, 2)\n" + "".join(
        PLOT.format(power).replace(")", f", axes={axes})")
        for power, axes in [(2, "left"), (3, "right")]
    )
    (picture,) = drawn(cells).values()
    assert {"power 2", "power 3"} <= set(svg.texts(picture))


def test_the_size_is_what_was_asked_for(drawn):
    cells = "".join(
        PLOT.format(2).replace(")", f", figsize={size})") for size in [(3.5, 2.5), (7, 2.5)]
    )
    one, two = (svg.size(picture) for picture in drawn(cells).values())
    assert two[0] / one[0] == pytest.approx(2, abs=0.25)  # the margins stay


@pytest.mark.parametrize("cells", ["", PLOT.format(2) + "d2l.plt.close()\n"])
def test_nothing_is_said_of_nothing(drawn, cells):
    assert drawn(cells) == {}


def test_figures_that_are_none_of_d2ls_are_left_alone(drawn):
    assert drawn("d2l.plt.plot([1, 2])\n") == {}


def test_the_curves_that_grow_are_lines(run):
    cells = (
        "a = d2l.Animator('epoch', 'loss', legend=['train', 'test'])\n"
        "a.add(1, (0.5, 0.25)); a.add(2, (1e-7, None))\n"
        "b = d2l.Animator(ylabel='loss'); b.add(3, 7)\n"
        "d2l.plt.close('all')\n"
        "d2l.display.display('text')\n"
    )
    assert run("-W", "error", "-c", BOOK + cells).stdout.splitlines() == [
        "epoch 1: train 0.5, test 0.25", "epoch 2: train 1e-07, test 0.25", "x 3: loss 7", "text",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_made(run):
    cells = "import tempfile; tempfile.tempdir = '/proc/none'\n"
    result = run("-c", BOOK + PLOT.format(2) + cells)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("the figures cannot be shown: [Errno 2]")


def test_a_window_where_there_is_a_display(run):
    # What a toolkit's canvas says of itself; there is no display here to open a window on.
    cells = (
        "d2l.plt.gcf().canvas.required_interactive_framework = 'tk'\n"
        "d2l.plt.show = lambda block: print('shown', block)\n"
    )
    assert run("-c", BOOK + PLOT.format(2) + cells).stdout == "shown True\n"


@pytest.mark.parametrize(
    ("curves", "legend", "says"),
    [
        (1, (), "Curve of f for x from 0 to 2.5"),
        (2, ("a", "b"), "Curves of a, b for x from 0 to 2.5"),
        (2, ("a",), "Curves of a, f for x from 0 to 2.5"),
        (0, (), "A figure"),
    ],
)
def test_a_figure_of_curves(curves, legend, says):
    figure = Figure()
    axes = figure.subplots()
    axes.set(xlabel="x", ylabel="f")
    for number in range(curves):
        axes.plot([0, 1, 2.5], [number] * 3)
    if legend:
        axes.legend(axes.get_lines()[: len(legend)], legend)
    assert describe_figure(figure) == says


def test_what_the_book_s_plot_draws_has_a_text_in_a_notebook(cell):
    cells = "d2l.plot(x, [x, 2 * x], 'x', 'f(x)', legend=['once', 'twice'])\n"
    (output,), _ = cell(BOOK + cells * 2)  # each call sets up the backend again
    assert set(output.data) == {"image/png", "image/svg+xml", "text/plain"}
    assert output.metadata["image/png"]["alt"] == "Curves of once, twice for x from 0 to 2"


def test_a_picture_of_ours_keeps_its_own_text(cell):
    ours = "from d2l_mlp.plotting.figures import draw\nd2l.use_svg_display()\ndraw('tanh')"
    (output,), _ = cell(BOOK + ours)
    assert output.metadata["image/png"]["alt"] == "Curve of tanh(x) for x from -4 to 3.9"
