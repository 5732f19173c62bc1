import numpy

from tests import svg

# As a training would call it; the figures are easy to recognize.
LINES = """
from d2l_mlp.jupyter.notebook import LiveCurve
from d2l_mlp.training.loop import EpochMetrics
curve = LiveCurve(3)
for epoch in (1, 2, 3):
    curve(EpochMetrics(epoch, 1 / epoch, 1 - 0.5 / epoch, 1.5 / epoch, 1 - 0.6 / epoch, 9, 9))
"""
EXPECTED = """\
epoch 1/3  train loss 1.000 accuracy 0.500  test loss 1.500 accuracy 0.400
epoch 2/3  train loss 0.500 accuracy 0.750  test loss 0.750 accuracy 0.700
epoch 3/3  train loss 0.333 accuracy 0.833  test loss 0.500 accuracy 0.800
"""


def test_live_curve_is_one_picture_that_changes(cell):
    outputs, messages = cell(LINES)
    (output,) = outputs
    assert output.output_type == "display_data"
    assert output.data["text/plain"] == EXPECTED.splitlines()[-1]
    assert messages.count("display_data") == 1
    assert messages.count("update_display_data") == 2
    assert "clear_output" not in messages
    curves = svg.curves(output.data["image/svg+xml"], "fill: none; stroke: #1f77b4")
    losses, accuracies = (
        points for points in curves if len(points) == 3 and numpy.ptp(points[:, 1])
    )  # and not the lines of the legends
    for points, values in ((losses, [1, 1 / 2, 1 / 3]), (accuracies, [1 / 2, 3 / 4, 5 / 6])):
        x, y = points.T
        numpy.testing.assert_allclose(x, [1 / 6, 3 / 6, 5 / 6], atol=1e-4)  # epochs 1 to 3
        rises = numpy.diff(values) / numpy.ptp(values)
        numpy.testing.assert_allclose(numpy.diff(1 - y) / numpy.ptp(y), rises, atol=1e-4)


def test_live_curve_is_lines_in_a_terminal(run):
    assert run("-W", "error", "-c", "import d2l_mlp" + LINES).stdout == EXPECTED


def test_live_curve_is_lines_in_an_ipython_terminal(run, tmp_path):
    script = tmp_path / "script.ipy"
    script.write_text("import d2l_mlp" + LINES)
    own = {"IPYTHONDIR": str(tmp_path / "ipython")}
    assert run("-m", "IPython", "--no-banner", "--quick", script, env=own).stdout == EXPECTED


def test_show_is_a_picture_or_its_name(cell, run):
    source = """
from d2l_mlp.plotting.gallery import draw
from d2l_mlp.jupyter.notebook import show
show(draw("relu"))
"""
    (output,), _ = cell(source)
    assert svg.texts(output.data["image/svg+xml"])[-1] == "relu(x)"
    assert output.data["image/svg+xml"].startswith("<svg ")
    assert run("-W", "error", "-c", source).stdout == "Figure(252x180)\n"
