"""Pieces and regions against sampling, autograd, exact arithmetic and counting."""

import itertools
from fractions import Fraction

import numpy
import pytest
from mxnet import autograd, np

from d2l_mlp.mlp import build_mlp
from d2l_mlp.theory.piecewise_linear import linear_pieces, linear_regions
from d2l_mlp.theory.weights import relu_net
from tests.nets import random_net

ALPHAS = [0.25, -0.75, 1.0, 1.5]


def evaluate(net, x):
    return net(np.array(x[:, None], dtype="float64")).asnumpy()


def slopes_by_autograd(net, x):
    slopes = []
    x = np.array(x[:, None], dtype="float64")
    for output in range(net(x).shape[1]):
        x.attach_grad()
        with autograd.record():
            y = net(x)[:, output]
        y.backward()
        slopes.append(x.grad.asnumpy()[:, 0])
    return numpy.stack(slopes, axis=1)


@pytest.mark.parametrize("activation", ["relu", *ALPHAS])
@pytest.mark.parametrize(
    "hidden", [(), (1,), (64,), (5, 4), (64, 64), (3, 3, 3), (2,) * 4, (64,) * 4]
)
def test_random_nets(hidden, activation):
    for seed, (lo, hi) in enumerate([(-4, 4), (0, 1), (-1000.5, 3e3)]):
        name, alpha = ("relu", 0.0) if activation == "relu" else ("prelu", activation)
        net = random_net(hidden, name, alpha, seed=seed, num_outputs=seed + 1)
        pieces = linear_pieces(net, lo, hi)
        x, y, slopes = pieces
        assert (x[0], x[-1]) == (lo, hi)
        assert (numpy.diff(x) > 0).all()
        assert y.shape == (len(x), seed + 1)
        assert slopes.shape == (len(x) - 1, seed + 1)
        # Everywhere the values of the net: no breakpoint is missing.
        samples = numpy.linspace(lo, hi, 2001)
        scale = abs(evaluate(net, samples)).max() + 1
        numpy.testing.assert_allclose(
            pieces(samples), evaluate(net, samples), rtol=0, atol=1e-12 * scale
        )
        numpy.testing.assert_allclose(y, evaluate(net, x), rtol=0, atol=1e-12 * scale)
        # Continuous: each piece ends where the next begins.
        widths = numpy.diff(x)[:, None]
        numpy.testing.assert_allclose(y[:-1] + slopes * widths, y[1:], rtol=0, atol=1e-12 * scale)
        # The derivative by autograd; and it changes at each breakpoint: none is superfluous.
        middles = (x[:-1] + x[1:]) / 2
        numpy.testing.assert_allclose(
            slopes, slopes_by_autograd(net, middles), rtol=1e-11, atol=1e-12
        )
        assert (numpy.diff(slopes, axis=0) != 0).any(axis=1).all()
        if activation == 1.0:
            assert len(slopes) == 1  # pReLU with the slope 1 is no nonlinearity


def exact_pieces(layers, lo, hi):
    """Work out ends and slopes of the pieces in rational numbers, which round nothing."""
    pieces = [(Fraction(lo), Fraction(hi), [(Fraction(1), Fraction(0))])]
    for depth, (weight, bias) in enumerate(layers, start=1):
        below, pieces = pieces, []
        for start, end, units in below:
            sums = [
                (sum(w * s for w, (s, _) in zip(row, units)),
                 sum(w * c for w, (_, c) in zip(row, units)) + b)
                for row, b in zip(weight, bias)
            ]  # fmt: skip
            if depth == len(layers):
                pieces.append((start, end, sums))
                continue
            cuts = sorted({start, end} | {-c / s for s, c in sums if s and start < -c / s < end})
            for a, z in zip(cuts, cuts[1:]):
                on = [s * (a + z) / 2 + c > 0 for s, c in sums]
                pieces.append((a, z, [u if o else (Fraction(0),) * 2 for u, o in zip(sums, on)]))
    slopes = [slope for _, _, [(slope, _)] in pieces]
    bent = [i for i in range(len(pieces)) if i == 0 or slopes[i] != slopes[i - 1]]
    return [pieces[i][0] for i in bent] + [Fraction(hi)], [slopes[i] for i in bent]


@pytest.mark.parametrize("x", [-1.5, 2.5, numpy.nan])
def test_no_value_outside_the_interval(x):
    pieces = linear_pieces(one_layer([1], [0], [1]), -1, 2)
    assert pieces(numpy.array([-1.0, 0.5, 2.0]))[:, 0].tolist() == [0, 0.5, 2]
    with pytest.raises(ValueError, match=f"x is {x} at a point; the pieces are those from -1.0"):
        pieces(numpy.array([0, x]))


@pytest.mark.parametrize("unit", [1, Fraction(1, 7)], ids=["integers", "sevenths"])
def test_pieces_are_those_of_exact_arithmetic(unit):
    # From a few small numbers come units that bend at the same point, cancel, or are zero over a
    # whole piece; and with sevenths all of this is true only but for rounding.
    for seed in range(50):
        random = numpy.random.RandomState(seed)
        sizes = [1, *random.randint(2, 9, random.randint(1, 4)), 1]
        layers = [
            ([[int(w) * unit for w in row] for row in random.randint(-2, 3, (units, inputs))],
             [int(b) * unit for b in random.randint(-3, 4, units)])
            for inputs, units in zip(sizes, sizes[1:])
        ]  # fmt: skip
        x, slopes = exact_pieces(layers, -3, 3)
        net = relu_net([(numpy.array(W, float), numpy.array(b, float)) for W, b in layers])
        pieces = linear_pieces(net, -3, 3)
        assert pieces.x.tolist() == pytest.approx([float(v) for v in x], abs=1e-13)
        assert pieces.slopes[:, 0].tolist() == pytest.approx([float(s) for s in slopes], abs=1e-10)


def one_layer(w, b, v):
    return relu_net([(numpy.array(w, float)[:, None], b), ([v], [0.0])])


@pytest.mark.parametrize(
    ("net", "lo", "hi", "x", "slopes"),
    [
        pytest.param(one_layer([1], [0], [1]), -1, 2, [-1, 0, 2], [0, 1], id="relu"),
        pytest.param(one_layer([1, -1], [0, 0], [1, 1]), -1, 1, [-1, 0, 1], [-1, 1], id="abs"),
        pytest.param(one_layer([1, -1], [0, 0], [1, -1]), -1, 1, [-1, 1], [1], id="identity"),
        pytest.param(one_layer([1], [-9], [1]), -1, 1, [-1, 1], [0], id="dead"),
        pytest.param(one_layer([1], [0], [0]), -1, 1, [-1, 1], [0], id="ignored"),
        pytest.param(one_layer([0], [0], [1]), -1, 1, [-1, 1], [0], id="all zero"),
        pytest.param(one_layer([1], [0], [1]), 0, 1, [0, 1], [1], id="bend at lo"),
        pytest.param(one_layer([1], [0], [1]), -1, 0, [-1, 0], [0], id="bend at hi"),
        pytest.param(one_layer([1], [1e-15 - 1], [1]), 0, 1, [0, 1], [0], id="bend all but at hi"),
        pytest.param(
            # The roots are 1/3 and its neighbour in float64.
            one_layer([3, 0.3], [-1, -0.1], [1, 10]),
            *(0, 1, [0, 1 / 3, 1], [0, 6]),
            id="coincident but for rounding",
        ),
        pytest.param(
            one_layer([1, 1], [0.5, 0.5 + 2e-15], [1, 1]),
            *(-1, 0, [-1, -0.5 - 2e-15, 0], [0, 2]),
            id="coincident to the left of 0",
        ),
        pytest.param(
            # 0.1 + 0.2 - 0.3 is 5.6e-17: the second layer's unit is neither on nor off.
            relu_net([([[1]] * 3, [0] * 3), ([[0.1, 0.2, -0.3]], [0]), ([[1]], [0])]),
            *(-1, 1, [-1, 1], [0]),
            id="zero but for rounding",
        ),
        pytest.param(
            # relu(relu(x) - relu(x - 1) - 1/2): bends where the first layer does, and at 1/2.
            relu_net([([[1], [1]], [0, -1]), ([[1, -1]], [-0.5]), ([[1]], [0])]),
            *(-2, 2, [-2, 0.5, 1, 2], [0, 1, 0]),
            id="plateau",
        ),
        pytest.param(
            # relu(relu(x) - relu(x - 1)) is zero up to 0 and bends there a second time.
            relu_net([([[1], [1]], [0, -1]), ([[1, -1]], [0]), ([[1]], [0])]),
            *(-2, 2, [-2, 0, 1, 2], [0, 1, 0]),
            id="bend upon bend",
        ),
        pytest.param(
            one_layer([1, 1], [-1e6 - 0.25, -1e6 - 0.75], [1, 1]),
            *(1e6, 1e6 + 1, [1e6, 1e6 + 0.25, 1e6 + 0.75, 1e6 + 1], [0, 1, 2]),
            id="far from zero",
        ),
        pytest.param(
            one_layer([1e-300], [-0.5e-300], [1e300]), 0, 1, [0, 0.5, 1], [0, 1], id="tiny weights"
        ),
    ],
)
def test_known_pieces(net, lo, hi, x, slopes):
    pieces = linear_pieces(net, lo, hi)
    assert (pieces.x[0], pieces.x[-1]) == (lo, hi)
    assert pieces.x.tolist() == pytest.approx(x, rel=1e-15)
    assert pieces.breakpoints.tolist() == pieces.x.tolist()[1:-1]
    assert pieces.slopes[:, 0].tolist() == pytest.approx(slopes, rel=1e-14, abs=1e-15)


def test_a_piece_ends_where_one_output_bends():
    net = relu_net([([[1], [1]], [-0.25, -0.75]), ([[2, 0], [0, 3]], [0, 0])])
    pieces = linear_pieces(net, 0, 1)
    assert pieces.x.tolist() == [0, 0.25, 0.75, 1]
    assert pieces.slopes.tolist() == [[0, 0], [2, 0], [2, 3]]


def test_rounding_errors_as_large_as_a_steep_slope_makes_them_are_no_pieces():
    net = build_mlp((3,), 1, "prelu", num_inputs=1, dtype="float64")
    net[0].act.alpha.set_data(np.array([1e6]))
    net[0].weight.set_data(np.ones((3, 1)))
    net[1].weight.set_data(np.array([[0.1, 0.2, -0.3]], dtype="float64"))
    pieces = linear_pieces(net, -1, 1)
    assert pieces.x.tolist() == [-1, 1]
    assert pieces.slopes[0, 0] == pytest.approx(0, abs=1e-9)


def test_one_layer_of_n_units_has_at_most_n_plus_one_pieces():
    for n, seed in itertools.product([1, 2, 5, 40], range(10)):
        count = len(linear_pieces(random_net((n,), seed=seed), -1e3, 1e3).slopes)
        assert count <= n + 1


def test_a_zero_that_rounding_cannot_tell_from_either_end():
    eps = numpy.finfo("float64").eps
    net = relu_net([([[1.0]], [-(1 + 48 * eps)]), ([[1.0]], [0.0])])
    pieces = linear_pieces(net, 1.0, 1 + 96 * eps)
    assert len(pieces.slopes) == 1


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


NAN = random_net((3,))
NAN[0].weight.set_data(np.full((3, 1), numpy.nan))
PLANE = random_net((3,), num_inputs=2)


@pytest.mark.parametrize(
    ("find", "net", "lo", "hi", "message"),
    [
        (linear_pieces, PLANE, 0, 1, "the net takes 2 inputs, not 1: layer 0, Dense"),
        (linear_regions, NAN, 0, 1, "layer 0, .* has a parameter that is NaN or infinite"),
        (linear_regions, relu_net([([[1e200, 0]], [0]), ([[1e200]], [0])]), 0, 1, "too large for"),
        (linear_regions, relu_net([([[1e200, 0]], [0]), ([[1]], [0])]), -1e200, 1e200, "too large"),
        (linear_pieces, one_layer([1e200], [0], [1e200]), 0, 1, "float64; scale its weights down"),
        (linear_pieces, one_layer([1e200], [0], [1e200]), 0, 1e-100, "too large"),  # the slope
        (linear_pieces, random_net((3,), "tanh"), 0, 1, r"layer 0, .* is not piecewise linear"),
        (linear_regions, random_net((3,), "gelu", num_inputs=2), 0, 1, "is not piecewise linear"),
        *(
            (find, net, lo, hi, f"the interval is {lo:g}.* to {hi:g}.*; give two finite numbers")
            for find, net in [(linear_pieces, random_net((3,))), (linear_regions, PLANE)]
            for lo, hi in [
                (1, 1), (2, 1), (1, 1 + 1e-15), (numpy.nan, 1), (0, numpy.nan), (-numpy.inf, 1),
                (0, numpy.inf),
            ]
        ),
    ],
)  # fmt: skip
def test_refused(find, net, lo, hi, message):
    with pytest.raises(ValueError, match=message):
        find(net, lo, hi)
