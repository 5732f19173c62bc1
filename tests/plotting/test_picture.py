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
