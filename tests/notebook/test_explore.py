import threading
import time

import numpy
import pytest

from d2l_mlp.notebook import controls, plot_tangent
from tests import svg


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


# Value and derivative, by hand.
POINTS = [
    ("relu", 2.0, 0.25, 2, 1),
    ("relu", 0.0, 0.25, 0, 0),
    ("prelu", -1.0, 0.5, -0.5, 0.5),
    ("prelu", 3.0, 0.5, 3, 1),
    ("sigmoid", 1.5, 0.25, sigmoid(1.5), sigmoid(1.5) * sigmoid(-1.5)),
    ("tanh", -0.7, 0.25, numpy.tanh(-0.7), 1 - numpy.tanh(-0.7) ** 2),
    ("swish", 1.5, 0.25, 1.5 * sigmoid(1.5), sigmoid(1.5) * (1 + 1.5 * sigmoid(-1.5))),
    ("gelu", 1.0, 0.25, 0.8413447460685429, 1.0833154705876862),  # by mpmath
]


@pytest.mark.parametrize(("name", "x", "alpha", "value", "slope"), POINTS)
def test_point_tangent_and_derivative(name, x, alpha, value, slope):
    left, right = plot_tangent(name, x, alpha).axes
    curve, point, tangent = left.get_lines()
    numpy.testing.assert_allclose(point.get_xydata(), [[x, value]], atol=1e-6)
    ends = [[end, value + slope * (end - x)] for end in (-4, 4)]
    numpy.testing.assert_allclose(tangent.get_xydata(), ends, atol=1e-5)
    gradient, point = right.get_lines()
    numpy.testing.assert_allclose(point.get_xydata(), [[x, slope]], atol=1e-6)
    assert left.get_title() == f"{name}({x:.1f}) = {value:.3f}"
    assert right.get_title() == f"derivative at {x:.1f}: {slope:.3f}"
    # Each point lies on its curve.
    for line, y in ((curve, value), (gradient, slope)):
        xs, ys = line.get_xydata().T
        assert numpy.interp(x, xs, ys) == pytest.approx(y, abs=1e-3)
    # The view is that of the curve, wherever the tangent goes.
    assert left.get_xlim() == right.get_xlim() == (-4, 4)
    assert left.get_ylim()[1] <= 1.1001 * max(curve.get_ydata())


def test_titles_are_true():
    left, right = plot_tangent("tanh", -1.23).axes
    assert left.get_title() == "tanh(-1.23) = -0.843"
    assert right.get_title() == "derivative at -1.23: 0.290"


@pytest.mark.parametrize("x", [-4.1, 5, float("nan")])
def test_a_point_outside_is_refused(x):
    with pytest.raises(ValueError, match=r"x is .*; give a number of at least -4"):
        plot_tangent("tanh", x)


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="activation is 'elu'; give one of relu, prelu"):
        plot_tangent("elu", 1.0)


def test_controls_redraw_the_picture():
    menu, alpha, x, image = controls("tanh", 1.0, 0.25).children
    assert "tanh(1.0) = 0.762" in svg.texts(bytes(image.value).decode())
    assert alpha.disabled
    x.value = -1.0
    menu.value = "prelu"
    alpha.value = 0.5
    texts = svg.texts(bytes(image.value).decode())
    assert "prelu(-1.0) = -0.500" in texts
    assert "derivative at -1.0: 0.500" in texts
    assert not alpha.disabled


def test_controls_may_be_moved_in_several_threads_as_by_jupyterlab():
    menu, _, x, image = controls("tanh", 4.0, 0.25).children
    for value in range(2):
        moves = [(x, value / 4), (menu, ("relu", "prelu")[value % 2])]
        threads = [threading.Thread(target=setattr, args=(c, "value", to)) for c, to in moves]
        for thread in threads:
            thread.start()
            time.sleep(0.02)  # the second comes while the first is drawing
        for thread in threads:
            thread.join()
        assert f"{menu.value}({x.value:.4}) = {x.value:.3f}" in svg.texts(
            bytes(image.value).decode()
        )


def test_picture_fits_a_small_screen_and_the_controls_have_names():
    _, alpha, x, image = controls("tanh", 1.0, 0.25).children
    width, _ = svg.size(bytes(image.value).decode())
    assert width * 96 / 72 <= 720
    assert image.layout.max_width == "672px"
    assert image.layout.width == "100%"
    assert (alpha.description, x.description) == ("slope alpha", "point x")
