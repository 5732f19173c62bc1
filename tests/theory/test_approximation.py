import numpy
import pytest
from mxnet import np

from d2l_mlp.mlp import build_mlp
from d2l_mlp.theory.approximation import approximate, sawtooth
from d2l_mlp.theory.piecewise_linear import linear_pieces


def evaluate(net, x):
    return net(np.array(x[:, None], dtype="float64")).asnumpy()[:, 0]


@pytest.mark.parametrize("n", [1, 2, 7, 200])
@pytest.mark.parametrize(
    ("f", "lo", "hi"),
    [
        (numpy.sin, 0, 2 * numpy.pi),
        (np.sin, -1, 1),
        (lambda x: np.exp(x), -3, 2),
        (lambda x: abs(x) - 5, -1, 2),
        (lambda x: numpy.full(len(x), 3), 0, 1),
    ],
)
def test_interpolates_at_the_knots_and_is_straight_between(f, lo, hi, n):
    net = approximate(f, lo, hi, n)
    assert repr(net) == repr(build_mlp((n,), 1, num_inputs=1))
    knots = numpy.linspace(lo, hi, n + 1)
    values = numpy.asarray([float(f(np.array([x], dtype="float64"))[0]) for x in knots])
    assert abs(evaluate(net, knots) - values).max() < 1e-12 * (1 + abs(values).max())
    x = numpy.random.RandomState(0).uniform(lo, hi, 500)
    straight = numpy.interp(x, knots, values)
    assert abs(evaluate(net, x) - straight).max() < 1e-12 * (1 + abs(values).max())
    assert len(linear_pieces(net, lo, hi).slopes) <= n


def test_constant_to_the_left_and_straight_on_to_the_right():
    net = approximate(np.square, 1, 3, 2)
    assert evaluate(net, numpy.array([-5.0, 0.0, 1.0])).tolist() == [1, 1, 1]
    assert evaluate(net, numpy.array([3.0, 4.0, 10.0])).tolist() == [9, 14, 44]


def test_error_for_the_sine_falls_with_the_square_of_the_width():
    x = numpy.linspace(0, 2 * numpy.pi, 20001)
    widths = [4, 8, 16, 32, 64, 128, 256]
    errors = [
        abs(evaluate(approximate(np.sin, 0, 2 * numpy.pi, n), x) - numpy.sin(x)).max()
        for n in widths
    ]
    for n, error in zip(widths, errors):
        assert error <= (2 * numpy.pi / n) ** 2 / 8  # max |sin''| is 1
    ratios = numpy.array(errors[2:-1]) / errors[3:]  # of 16 units and 32, and so on
    assert ratios == pytest.approx([4] * len(ratios), rel=0.02)


@pytest.mark.parametrize("depth", [1, 2, 3, 6, 10])
def test_a_sawtooth_of_depth_k_has_two_to_the_k_pieces(depth):
    net = sawtooth(depth)
    assert repr(net) == repr(build_mlp((2,) * depth, 1, num_inputs=1))
    pieces = linear_pieces(net, 0, 1)
    n = 2**depth
    assert pieces.x.tolist() == [i / n for i in range(n + 1)]
    assert pieces.y[:, 0].tolist() == [i % 2 for i in range(n + 1)]
    assert pieces.slopes[:, 0].tolist() == [n * (-1) ** i for i in range(n)]


def test_a_wide_net_needs_exponentially_many_units_for_the_same_teeth():
    depth = 6
    x = numpy.random.RandomState(0).uniform(0, 1, 1000)

    def teeth(x):
        return abs((x * 2**depth + 1) % 2 - 1)

    deep, wide = sawtooth(depth), approximate(teeth, 0, 1, 2**depth)
    assert abs(evaluate(deep, x) - evaluate(wide, x)).max() < 1e-11
    # A unit bends the output once: without one of its bends the net has a piece less.
    assert len(linear_pieces(wide, 0, 1).slopes) == 2**depth
    for unit in range(1, 2**depth):
        without = approximate(teeth, 0, 1, 2**depth)
        weight = without[1].weight.data()
        weight[0, unit] = 0
        without[1].weight.set_data(weight)
        assert len(linear_pieces(without, 0, 1).slopes) == 2**depth - 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.sin, 1, 1, 3), "the interval is 1 to 1; give two finite numbers, the lower first"),
        ((np.square, 1, 1 + 1e-15, 10), "the lower first, more than 1e-13 apart"),
        ((np.sin, numpy.nan, 1, 3), "the interval is nan to 1"),
        ((np.sin, 0, numpy.inf, 3), "the interval is 0 to inf"),
        ((np.sin, 0, 1, 0), "num_hidden is 0; give an integer of at least 1"),
        ((np.sin, 0, 1, 2.0), "num_hidden is 2.0; give an integer"),
        ((np.sin, 0, 1, True), "num_hidden is True; give an integer"),
        ((lambda x: np.log(x), 0, 1, 2), "that is finite on all of the interval"),
        ((lambda x: 1.0, 0, 1, 2), "f gives 1.0 for the knots"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        approximate(*arguments)


@pytest.mark.parametrize("depth", [0, -1, 1.5, True])
def test_depth_is_refused(depth):
    with pytest.raises(ValueError, match=f"depth is {depth}; give an integer of at least 1"):
        sawtooth(depth)
