"""What d2l draws: in scripts, and in notebooks with a description."""

import base64
import tempfile
from pathlib import Path

import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from d2l_mlp.compat.d2l_display import describe_figure, show_figures
from d2l_mlp.plotting.figures import draw
from tests import svg
from tests.notebook.live_curve import EXPECTED, LINES

BOOK = "import d2l_mlp\nfrom d2l import mxnet as d2l\nfrom mxnet import np\nx = np.arange(3.0)\n"
PLOT = "d2l.plot(x, x**{0}, 'x', 'power {0}')\n"


def test_ipython_in_a_terminal_saves_figures_as_a_script_does(run, tmp_path):
    """After each cell with ``%matplotlib inline``, and at the end without it."""
    chapter = tmp_path / "chapter.ipy"
    animation = "d2l.Animator('epoch', legend=['train']).add(1, 0.5)\n"
    inline = "%matplotlib inline\n" + BOOK + PLOT.format(2) + animation + PLOT.format(3)
    chapter.write_text(f"{inline}%matplotlib agg\n{PLOT.format(4)}{LINES}")
    env = {"TMPDIR": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")}
    said = run("-m", "IPython", "--colors=nocolor", chapter, env=env).stdout
    assert "epoch 1: train 0.5" in said.splitlines()
    assert EXPECTED in said
    paths = [line.split(": ")[1] for line in said.splitlines() if line.startswith("figure")]
    texts = [svg.texts(Path(path).read_text("utf-8")) for path in paths]
    assert [each[-1] for each in texts] == ["power 2", "train", "power 3", "power 4"]


def test_a_script_prints_curves_that_grow_and_saves_each_plot(run, tmp_path):
    # Plots on axes that are given share a file; what is closed is not shown.
    cells = (
        "a = d2l.Animator('epoch', 'loss', legend=['train', 'test'])\n"
        "a.add(1, (0.5, 0.25)); a.add(2, (1e-7, None))\n"
        "b = d2l.Animator(ylabel='loss'); b.add(3, 7)\n"
        "d2l.plt.close('all')\n"
        "d2l.display.display('text')\n"
        + PLOT.format(1)
        + "d2l.plt.close()\n"
        + PLOT.format(2)
        + PLOT.format(3).replace(")", ", figsize=(7, 2.5))")
        + "_, (left, right) = d2l.plt.subplots(1, 2)\n"
        + PLOT.format(4).replace(")", ", axes=left)")
        + PLOT.format(5).replace(")", ", axes=right)")
    )
    result = run("-W", "error", "-c", BOOK + cells, env={"TMPDIR": str(tmp_path)})
    assert result.stderr == ""
    *lines, first, second, third = result.stdout.splitlines()
    assert lines == [
        "epoch 1: train 0.5, test 0.25", "epoch 2: train 1e-07, test 0.25", "x 3: loss 7", "text",
    ]  # fmt: skip
    begins, paths = zip(*(line.split(": ") for line in (first, second, third)))
    assert begins == ("figure 1", "figure 2", "figure 3")
    one, two, both = (Path(path).read_text("utf-8") for path in paths)
    assert [svg.texts(picture)[-1] for picture in (one, two)] == ["power 2", "power 3"]
    assert {"power 4", "power 5"} <= set(svg.texts(both))
    assert svg.size(two)[0] / svg.size(one)[0] == pytest.approx(2, abs=0.25)  # the margins stay


@pytest.fixture
def figure():
    """Leave a figure of pyplot's open, without a window."""
    pyplot.switch_backend("agg")
    yield pyplot.figure()
    pyplot.close("all")


def test_a_folder_that_cannot_be_made(figure, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    show_figures()
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("the figures cannot be shown: [Errno 2]")


def test_a_window_where_there_is_a_display(figure, monkeypatch, capsys):
    # What a toolkit's canvas says of itself; there is no display here to open a window on.
    monkeypatch.setattr(figure.canvas, "required_interactive_framework", "tk", raising=False)
    monkeypatch.setattr(pyplot, "show", lambda block: print("shown", block))
    show_figures()
    assert capsys.readouterr().out == "shown True\n"


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


def test_in_a_notebook_a_cell_s_last_expression_and_the_book_s_plot_are_pictures_with_a_text(cells):
    draw_relu = "%matplotlib inline\nfrom d2l_mlp.plotting.figures import draw\n{}draw('relu')"
    # Whether any figure of matplotlib is shown as SVG, as d2l asks for it, and draw alone does not.
    shown = (
        "from matplotlib.figure import Figure\n"
        "Figure in get_ipython().display_formatter.formatters['image/svg+xml'].type_printers"
    )
    theirs = "d2l.plot(x, [x, 2 * x], 'x', 'f(x)', legend=['once', 'twice'])\n"
    strictly = "import warnings\nwarnings.simplefilter('error')\n"
    # Each call of theirs sets up the backend again.
    first, ((no,), _), ((book,), _), second, ((yes,), _) = cells(
        draw_relu.format(strictly), shown, BOOK + theirs * 2,
        draw_relu.format("d2l.use_svg_display()\n"), shown,
    )  # fmt: skip
    assert [output.data["text/plain"] for output in (no, yes)] == ["False", "True"]
    own = draw("relu")
    alt = {"alt": own.description}
    for (output,), _ in (first, second):
        assert output.output_type == "execute_result"
        assert output.data["image/svg+xml"] == own._repr_svg_()[0]
        assert base64.b64decode(output.data["image/png"]) == own._repr_png_()[0]
        assert output.data["text/plain"] == own.description
        assert output.metadata == {"image/svg+xml": alt, "image/png": alt}
    assert set(book.data) == {"image/png", "image/svg+xml", "text/plain"}
    assert svg.texts(book.data["image/svg+xml"])[-1] == "twice"
    for mime in ("image/png", "image/svg+xml"):
        assert book.metadata[mime]["alt"] == "Curves of once, twice for x from 0 to 2"


def test_the_board_of_d2l_1_prints_each_value_under_its_name(capsys):
    from d2l import mxnet as d2l

    if not hasattr(d2l, "ProgressBoard"):
        pytest.skip("d2l has it since 1.0")
    board = d2l.ProgressBoard("epoch")
    for epoch in range(2):
        for half in (0.5, 1):  # the mean of both is drawn
            board.draw(epoch + half, half, "train_loss", every_n=2)
        board.draw(epoch + 1, 0.25, "val_loss")
        board.draw(epoch + 1, 0.8 + epoch / 10, "val_acc")
    curves = board.fig.axes[0].get_lines()
    d2l.plt.close(board.fig)
    assert capsys.readouterr().out.splitlines()[2:] == [
        "epoch 1: train_loss 0.75, val_loss 0.25, val_acc 0.8",
        "epoch 1.75: train_loss 0.75, val_loss 0.25, val_acc 0.8",
        "epoch 2: train_loss 0.75, val_loss 0.25, val_acc 0.8",
        "epoch 2: train_loss 0.75, val_loss 0.25, val_acc 0.9",
    ]
    assert [len(curve.get_xdata()) for curve in curves] == [2, 2, 2]
