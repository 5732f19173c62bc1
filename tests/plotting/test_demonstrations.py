import numpy
import pytest

from d2l_mlp.plotting.gallery import draw


def lines(axes):
    return [line.get_xydata().T for line in axes.get_lines()]


def test_linear_pieces_show_the_slopes_of_what_is_above_them():
    top, bottom = draw("linear-pieces").axes
    (x, y), (breakpoints, at_breakpoints) = lines(top)
    numpy.testing.assert_array_equal(breakpoints, x[1:-1])
    numpy.testing.assert_array_equal(at_breakpoints, y[1:-1])
    assert (x[0], x[-1]) == (-3, 3)
    slopes, edges, _ = bottom.patches[0].get_data()
    numpy.testing.assert_array_equal(edges, x)
    numpy.testing.assert_allclose(slopes, numpy.diff(y) / numpy.diff(x), rtol=1e-9)
    assert 6 < len(slopes) < 40  # enough to see, few enough to tell apart


def test_linear_regions_fill_the_picture():
    axes, colorbar = draw("linear-regions").axes
    (polygons,) = axes.collections
    corners = [path.vertices[:-1] for path in polygons.get_paths()]
    x_y = [(c.T, numpy.roll(c, -1, axis=0).T) for c in corners]
    areas = [abs((x * y1 - x1 * y).sum()) / 2 for (x, y), (x1, y1) in x_y]
    assert sum(areas) == pytest.approx(36)
    assert len(polygons.get_array()) == len(corners) > 20
    assert colorbar.get_ylabel() == "length of the gradient"


def test_approximation_shows_interpolants_and_their_error():
    left, right = draw("approximation").axes
    (x, y), *nets = lines(left)
    numpy.testing.assert_allclose(y, numpy.sin(x), atol=1e-12)
    assert [len(x) for x, _ in nets] == [4, 10]
    for x, y in nets:
        numpy.testing.assert_allclose(y, numpy.sin(x), atol=1e-12)
    (widths, errors), (_, bounds) = lines(right)
    numpy.testing.assert_allclose(bounds, (2 * numpy.pi / widths) ** 2 / 8)
    assert (errors <= bounds * (1 + 1e-12)).all()
    assert errors[-3:] == pytest.approx(bounds[-3:], rel=0.02)


def test_sawtooth_shows_teeth_and_what_they_cost():
    left, right = draw("sawtooth").axes
    assert [len(x) - 1 for x, _ in lines(left)] == [2**2, 2**5]
    (pieces, wide), (_, deep) = lines(right)
    depths = numpy.arange(1, 11)
    numpy.testing.assert_array_equal(pieces, 2**depths)
    numpy.testing.assert_array_equal(wide, 2**depths - 1)
    numpy.testing.assert_array_equal(deep, 2 * depths)


def test_monotonicity_shows_that_a_line_does_not_bend():
    (axes,) = draw("monotonicity").axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    errors = [float(label.split(": ")[1].rstrip("% wrong")) for label in labels]
    assert [label.split(":")[0] for label in labels] == ["linear", "linear in the distance", "MLP"]
    assert max(errors[1:]) <= errors[0] / 10
    (x, linear), _, (_, mlp) = lines(axes)
    assert (numpy.sign(numpy.diff(linear)) == numpy.sign(linear[-1] - linear[0])).all()
    at_risk = abs(x - 37) > 1.5
    assert ((mlp > 0.5) == at_risk).mean() > 0.97
