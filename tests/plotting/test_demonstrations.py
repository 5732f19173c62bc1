import numpy
import pytest

from d2l_mlp.plotting.demonstrations import random_net
from d2l_mlp.plotting.figures import draw


def lines(axes):
    return [line.get_xydata().T for line in axes.get_lines()]


def drawn_net(X, *sizes):
    """What the drawn net computes for examples (n, inputs), by NumPy."""
    first, *others = random_net(*sizes)
    H = X @ first.weight.data().asnumpy().T + first.bias.data().asnumpy()
    for layer in others:
        H = numpy.maximum(H, 0) @ layer.weight.data().asnumpy().T + layer.bias.data().asnumpy()
    return H[:, 0]


def test_linear_pieces_are_those_of_the_net():
    top, bottom = draw("linear-pieces").axes
    (x, y), (breakpoints, at_breakpoints) = lines(top)
    assert (x[0], x[-1]) == (-3, 3)
    grid = numpy.linspace(-3, 3, 10_001)
    # No bend is missing, and every point is the net's.
    numpy.testing.assert_allclose(
        numpy.interp(grid, x, y), drawn_net(grid[:, None], 1, 8, 8), atol=1e-12
    )
    slopes, edges, _ = bottom.patches[0].get_data()
    numpy.testing.assert_array_equal(edges, x)
    step = numpy.diff(edges) / 4
    left, right = (drawn_net(p[:, None], 1, 8, 8) for p in (edges[:-1] + step, edges[1:] - step))
    numpy.testing.assert_allclose(slopes, (right - left) / (2 * step), atol=1e-9)
    # There is a point at each bend, and the net does bend there.
    numpy.testing.assert_array_equal(breakpoints, edges[1:-1])
    numpy.testing.assert_allclose(at_breakpoints, drawn_net(breakpoints[:, None], 1, 8, 8))
    assert (abs(numpy.diff(slopes)) > 1e-6).all()
    assert 6 < len(slopes) < 40  # enough to see, few enough to tell apart


def test_linear_regions_fill_the_picture_and_have_the_gradient_of_the_net():
    axes, colorbar = draw("linear-regions").axes
    (polygons,) = axes.collections
    corners = [path.vertices[:-1] for path in polygons.get_paths()]
    x_y = [(c.T, numpy.roll(c, -1, axis=0).T) for c in corners]
    areas = [abs((x * y1 - x1 * y).sum()) / 2 for (x, y), (x1, y1) in x_y]
    assert sum(areas) == pytest.approx(36)
    assert len(polygons.get_array()) == len(corners) > 20
    assert colorbar.get_ylabel() == "length of the gradient"
    for polygon, length in zip(corners, polygons.get_array()):
        centre = polygon.mean(axis=0)
        # Affine on the polygon: one plane through its centre meets all of its corners.
        inside = centre + 0.99 * (polygon - centre)
        z = drawn_net(numpy.vstack([inside, centre]), 2, 8, 8)
        rises, *_ = numpy.linalg.lstsq(inside - centre, z[:-1] - z[-1], rcond=None)
        numpy.testing.assert_allclose((inside - centre) @ rises, z[:-1] - z[-1], atol=1e-10)
        assert numpy.linalg.norm(rises) == pytest.approx(length, rel=1e-6, abs=1e-9)


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
