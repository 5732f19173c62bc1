import pytest
from matplotlib.figure import Figure

from d2l_mlp.compat.d2l_display import describe_figure

BOOK = "import d2l_mlp\nfrom d2l import mxnet as d2l\nfrom mxnet import np\nx = np.arange(3.0)\n"


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
