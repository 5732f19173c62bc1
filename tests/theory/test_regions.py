import numpy
import pytest
from mxnet import autograd, np

from d2l_mlp.theory.piecewise_linear import linear_pieces, linear_regions
from d2l_mlp.theory.weights import relu_net
from tests.nets import random_net


def area(vertices):
    x, y = vertices.T
    return abs(x @ numpy.roll(y, -1) - y @ numpy.roll(x, -1)) / 2


def contains(vertices, points):
    """Tell for each point whether it is to the left of every edge, or to the right of every."""
    edges = numpy.roll(vertices, -1, axis=0) - vertices
    offsets = points[:, None] - vertices
    sides = edges[:, 0] * offsets[..., 1] - edges[:, 1] * offsets[..., 0]
    return (sides >= 0).all(axis=1) | (sides <= 0).all(axis=1)


@pytest.mark.parametrize("activation", ["relu", "prelu"])
@pytest.mark.parametrize("hidden", [(), (1,), (6,), (8, 8), (5, 4, 3), (16, 16)])
def test_regions_tile_the_square_and_the_net_is_affine_in_each(hidden, activation):
    net = random_net(hidden, activation, num_inputs=2, num_outputs=2)
    lo, hi = -2.0, 3.0
    regions = linear_regions(net, lo, hi)
    assert sum(area(r.vertices) for r in regions) == pytest.approx((hi - lo) ** 2, rel=1e-12)
    points = numpy.random.RandomState(1).uniform(lo, hi, (500, 2))
    logits = net(np.array(points, dtype="float64")).asnumpy()
    found = numpy.zeros(len(points), int)
    for vertices, W, b in regions:
        inside = contains(vertices, points)
        found += inside
        expected = points[inside] @ W.T + b
        numpy.testing.assert_allclose(expected, logits[inside], rtol=1e-12, atol=1e-12)
        at_corners = net(np.array(vertices, dtype="float64")).asnumpy()
        numpy.testing.assert_allclose(vertices @ W.T + b, at_corners, rtol=1e-12, atol=1e-12)
    assert (found == 1).all()


def test_gradients_are_those_of_autograd():
    net = random_net((8, 8), num_inputs=2)
    regions = linear_regions(net, -3, 3)
    X = np.array([r.vertices.mean(axis=0) for r in regions], dtype="float64")
    X.attach_grad()
    with autograd.record():
        o = net(X)
    o.backward()
    W = numpy.concatenate([r.W for r in regions])
    numpy.testing.assert_allclose(W, X.grad.asnumpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_n_lines_cut_the_plane_into_as_many_regions_as_is_known(n):
    # Tangents of a circle: any two of them cross, but no three at a point.
    angles = 0.1 + numpy.pi * numpy.arange(n) / n
    weight = numpy.stack([numpy.cos(angles), numpy.sin(angles)], axis=1)
    net = relu_net([(weight, numpy.full(n, -0.1)), (numpy.ones((1, n)), [0])])
    assert len(linear_regions(net, -100, 100)) == 1 + n + n * (n - 1) // 2


@pytest.mark.parametrize("n", [2, 3, 12])
def test_n_lines_through_a_point_cut_the_plane_into_2n_regions(n):
    angles = 0.1 + numpy.pi * numpy.arange(n) / n
    weight = numpy.stack([numpy.cos(angles), numpy.sin(angles)], axis=1)
    net = relu_net([(weight, -weight @ [0.1, 0.7]), (numpy.ones((1, n)), [0])])
    regions = linear_regions(net, -1, 1)
    assert len(regions) == 2 * n
    for vertices, _, _ in regions:  # no corner twice, but for rounding
        assert (numpy.abs(vertices - numpy.roll(vertices, 1, axis=0)).max(axis=1) > 1e-9).all()


def test_lines_that_coincide_or_touch_cut_once_or_not_at_all():
    weight, bias = [[1, 0], [3, 0], [0.3, 0], [1, 1]], [-1 / 3, -1, -0.1, 2]
    net = relu_net([(weight, bias), (numpy.ones((1, 4)), [0])])
    left, right = sorted(linear_regions(net, -1, 1), key=lambda region: region.vertices[:, 0].min())
    assert area(left.vertices) == pytest.approx(8 / 3)
    assert area(right.vertices) == pytest.approx(4 / 3)
    numpy.testing.assert_allclose([left.W[0], right.W[0]], [[1, 1], [5.3, 1]])


def test_regions_along_a_line_are_pieces():
    net = random_net((6, 6), num_inputs=2)
    regions = linear_regions(net, -2, 2)
    # The net on the line x2 = x1 / 2, as a net of one input.
    first, *others = ((layer.weight.data().asnumpy(), layer.bias.data().asnumpy()) for layer in net)
    pieces = linear_pieces(relu_net([(first[0] @ [[1], [0.5]], first[1]), *others]), -2, 2)
    for x, slope in zip((pieces.x[:-1] + pieces.x[1:]) / 2, pieces.slopes[:, 0]):
        (region,) = (r for r in regions if contains(r.vertices, numpy.array([[x, x / 2]]))[0])
        assert region.W[0] @ [1, 0.5] == pytest.approx(slope, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize(
    ("net", "lo", "hi", "message"),
    [
        (random_net((3,)), 0, 1, "the net takes 1 inputs, not 2"),
        (random_net((3,), "tanh", num_inputs=2), 0, 1, "layer 0, .* is not piecewise linear"),
        (random_net((3,), num_inputs=2), 1, 1, "the interval is 1 to 1; give two finite numbers"),
        (random_net((3,), num_inputs=2), 1, 1 + 1e-15, "the lower first, more than 1e-14 apart"),
        (relu_net([([[1e200, 0]], [0]), ([[1e200]], [0])]), 0, 1, "numbers too large for float64"),
        (relu_net([([[1e200, 0]], [0]), ([[1]], [0])]), -1e200, 1e200, "too large for float64"),
        (random_net((3,), num_inputs=2), 0, numpy.nan, "the interval is 0 to nan"),
        (random_net((3,), num_inputs=2), -numpy.inf, 0, "the interval is -inf to 0"),
    ],
)
def test_refused(net, lo, hi, message):
    with pytest.raises(ValueError, match=message):
        linear_regions(net, lo, hi)
