import re
import tempfile

import numpy
from PIL import Image

from d2l_mlp.notebook import explore, show_figure
from d2l_mlp.plotting.figures import draw
from tests import svg
from tests.notebook.live_curve import EXPECTED, LINES

SHOW = """
from d2l_mlp import draw, show_figure
show_figure(draw("relu"))
"""
EXPLORE = "from d2l_mlp.notebook import explore; explore('relu', x=2.0)"
WITHOUT_WIDGETS = "import sys; sys.modules['ipywidgets'] = None"  # its import fails


def test_pictures_in_a_notebook(cells):
    resumed = LINES.replace("first = 1", "first = 3")  # after two epochs
    curve, later, (new, _), ((relu,), _), ((widget,), _), ((still,), _) = cells(
        LINES, resumed, "LiveCurve(3);", SHOW, EXPLORE, f"{WITHOUT_WIDGETS}\n{EXPLORE}"
    )
    assert_one_picture_changes(*curve, first=1)
    assert_one_picture_changes(*later, first=3)
    assert [output.data["text/plain"] for output in new[:2]] == [
        "Loss and accuracy by epoch: no epoch yet",
        "epoch 0/3",
    ]
    assert {"train", "test", "loss", "accuracy"} <= set(svg.texts(new[0].data["image/svg+xml"]))
    assert svg.texts(relu.data["image/svg+xml"])[-1] == "relu(x)"
    assert relu.data["image/svg+xml"].startswith("<svg ")
    # A widget carries the picture, for front ends without widgets.
    pictures = {"image/svg+xml", "image/png", "text/plain"}
    assert set(widget.data) == {"application/vnd.jupyter.widget-view+json", *pictures}
    assert set(still.data) == pictures
    for output in (widget, still):
        assert "relu(2.0) = 2.000" in svg.texts(output.data["image/svg+xml"])


def assert_one_picture_changes(outputs, messages, first):
    output, line = outputs
    assert output.output_type == line.output_type == "display_data"
    assert "test accuracy 0.800" in output.data["text/plain"]
    last = EXPECTED.splitlines()[-1]
    assert re.fullmatch(rf"{re.escape(last)}; \d+ s, 0 s left", line.data["text/plain"])
    assert messages.count("display_data") == 2  # at once, before any epoch
    assert messages.count("update_display_data") == 2 * (4 - first)
    assert "clear_output" not in messages
    curves = svg.curves(output.data["image/svg+xml"], "fill: none; stroke: #1f77b4")
    losses, accuracies = (
        points for points in curves if len(points) == 3 and numpy.ptp(points[:, 1])
    )  # and not the lines of the legends
    for points, values in ((losses, [1, 1 / 2, 1 / 3]), (accuracies, [1 / 2, 3 / 4, 5 / 6])):
        x, y = points.T
        numpy.testing.assert_allclose(2.6 * x + 0.7, [1, 2, 3], atol=1e-4)  # epochs
        rises = numpy.diff(values) / numpy.ptp(values)
        numpy.testing.assert_allclose(numpy.diff(1 - y) / numpy.ptp(y), rises, atol=1e-4)


def test_pictures_in_a_terminal(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    exec(LINES, {})
    show_figure(draw("relu"))
    explore("relu", x=2.0)
    said = capsys.readouterr().out
    assert said.startswith(EXPECTED)
    relu, tangent = (line.split(": ") for line in said[len(EXPECTED) :].splitlines())
    assert relu[0] == "Curve of relu(x) for x from -4 to 3.9"
    assert tangent[:2] == [
        "Curve and tangent of relu at 2.0", "value 2.000, derivative 1.000",
    ]  # fmt: skip
    for path in (relu[-1], tangent[-1]):
        with Image.open(path) as image:
            assert (image.format, image.size[0] > 500) == ("PNG", True)
