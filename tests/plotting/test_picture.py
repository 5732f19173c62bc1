import base64
import io

import numpy
import pytest
from PIL import Image

from d2l_mlp.plotting.figures import FIGURES, draw
from d2l_mlp.plotting.style import save_figure
from tests import svg


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_says_what_it_shows(name):
    description = draw(name).description
    assert 20 < len(description) < 100
    assert description.splitlines() == [description]


def test_description_is_in_the_file(tmp_path):
    figure = draw("relu")
    assert figure.description == "Curve of relu(x) for x from -4 to 3.9"
    text = save_figure(figure, tmp_path / "relu.svg").read_text("utf-8")
    assert f"<title>{figure.description}</title>" in text
    with Image.open(save_figure(figure, tmp_path / "relu.png")) as image:
        assert image.text == {"Title": figure.description}


def test_a_notebook_gets_svg_and_png_of_one_size_and_the_words():
    figure = draw("tanh")
    drawing, words = figure._repr_svg_()
    png, other_words = figure._repr_png_()
    assert svg.texts(drawing)[-1] == "tanh(x)"
    assert words == other_words == {"alt": figure.description}
    width, height = svg.size(drawing)
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == pytest.approx((width * 96 / 72, height * 96 / 72), abs=2)
        pixels = numpy.asarray(image.convert("RGBA"))
    assert (pixels[..., 3] == 255).all()  # also readable in a dark notebook
    assert (pixels[0, 0] == 255).all()


def test_the_last_expression_of_a_cell_is_a_picture_and_so_is_the_book_s_plot(cells):
    source = "from d2l_mlp.plotting.figures import draw\ndraw('relu')"
    book = "from d2l import mxnet as d2l\nd2l.plot([0, 1], [0, 1], 'x', 'y')"
    after = "%matplotlib inline\nd2l.use_svg_display()\n"
    # Whether any figure of matplotlib is shown as SVG, as d2l asks for it, and draw alone does not.
    shown = (
        "from matplotlib.figure import Figure\n"
        "Figure in get_ipython().display_formatter.formatters['image/svg+xml'].type_printers"
    )
    first, ((no,), _), ((theirs,), _), second, ((yes,), _) = cells(
        "%matplotlib inline\n" + source, shown, book, after + source, shown
    )
    assert [output.data["text/plain"] for output in (no, yes)] == ["False", "True"]
    own = draw("relu")
    for (output,), _ in (first, second):
        assert output.output_type == "execute_result"
        assert output.data["image/svg+xml"] == own._repr_svg_()[0]
        assert base64.b64decode(output.data["image/png"]) == own._repr_png_()[0]
        assert output.data["text/plain"] == own.description
        assert output.metadata["image/svg+xml"] == {"alt": own.description}
    assert {"image/svg+xml", "image/png"} <= set(theirs.data)
    assert svg.texts(theirs.data["image/svg+xml"])[-1] == "y"
