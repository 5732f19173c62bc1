import matplotlib
import pytest
from matplotlib.artist import Artist
from PIL import Image

from d2l_mlp.plotting.picture import Picture
from d2l_mlp.plotting.style import FORMATS, book_style, save_figure, to_svg

MAGIC = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


def drawn():
    with book_style():
        figure = Picture("A line")
        figure.add_subplot().plot([0, 1], [0, 1])
    return figure


class Broken(Artist):
    def draw(self, renderer):
        raise RuntimeError("in the middle of the file")


@pytest.mark.parametrize("form", FORMATS)
def test_same_bytes_every_time_and_nothing_else_in_the_folder(tmp_path, form):
    path = tmp_path / f"line.{form}"
    assert save_figure(drawn(), path) == path
    first = path.read_bytes()
    save_figure(drawn(), str(path))
    assert path.read_bytes() == first
    assert first.startswith(MAGIC[form])
    for word in (b"Date>", b"CreationDate", matplotlib.__version__.encode()):
        assert word not in first
    assert list(tmp_path.iterdir()) == [path]


def test_matplotlib_settings_neither_matter_nor_change(tmp_path):
    plain = save_figure(drawn(), tmp_path / "plain.svg").read_bytes()
    own = {"svg.hashsalt": "own", "svg.fonttype": "none", "lines.linewidth": 7, "figure.dpi": 300}
    with matplotlib.rc_context(own):
        before = dict(matplotlib.rcParams)
        assert save_figure(drawn(), tmp_path / "own.svg").read_bytes() == plain
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    "chosen",
    [{"font.family": "DejaVu Serif"}, {"font.sans-serif": ["no such font", "DejaVu Serif"]}],
)
def test_a_font_that_the_reader_has_chosen_is_used(chosen):
    assert "DejaVuSerif-" not in to_svg(drawn())
    with matplotlib.rc_context(chosen):
        svg = to_svg(drawn())
    assert "DejaVuSerif-" in svg
    assert "DejaVuSans-" not in svg


def test_dpi_is_that_of_the_png(tmp_path):
    small, large = (
        Image.open(save_figure(drawn(), tmp_path / f"{dpi}.png", dpi)) for dpi in (100, 300)
    )
    assert large.size == pytest.approx([3 * n for n in small.size], abs=3)
    assert large.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    small.close()
    large.close()


@pytest.mark.parametrize("form", FORMATS)
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, form):
    path = tmp_path / f"line.{form}"
    path.write_text("old")
    figure = drawn()
    figure.add_artist(Broken())
    with pytest.raises(RuntimeError, match="in the middle"):
        save_figure(figure, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["line", "line.jpg", ".svg"])
def test_other_formats_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"its name must end in \.svg, \.png or \.pdf"):
        save_figure(drawn(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_svg_for_a_page_is_that_of_the_file(tmp_path):
    file = save_figure(drawn(), tmp_path / "line.svg").read_text("utf-8")
    svg = to_svg(drawn())
    assert svg.startswith("<svg ")
    assert file.endswith(svg)
