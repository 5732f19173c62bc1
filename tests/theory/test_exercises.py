"""Exercises 1 and 3 of the chapter, over the whole range of floats.

The others have modules of their own: 2 in piecewise_linear, 4 in linearity, 5 in batch_dependence.
"""

import mpmath
import numpy
import pytest
from mxnet import np

from d2l_mlp.activations import prelu_derivative, sigmoid, tanh, tanh_derivative

DIGITS = {"float32": 100, "float64": 700}  # for tanh(x) + 1, as small as 10 to the -308


def all_magnitudes(dtype):
    """Give numbers of either sign between all powers of two there are, and the powers."""
    info = numpy.finfo(dtype)
    random = numpy.random.RandomState(0)
    exponents = numpy.arange(info.minexp, info.maxexp)
    mantissas = numpy.concatenate([numpy.ones(1), random.uniform(1, 2, 2)])
    x = numpy.ldexp(mantissas[:, None], exponents).ravel()
    # Where the functions are neither linear nor constant, more of them.
    x = numpy.concatenate([[0.0], x, random.uniform(0, -numpy.log(info.tiny), 500)])
    return numpy.concatenate([x, -x]).astype(dtype)


def worst_error(function, oracle, dtype, digits=50):
    """Compare a function with exact values, in units in their last place, where normal."""
    x = all_magnitudes(dtype)
    got = function(np.array(x, dtype=dtype)).asnumpy()
    assert got.dtype == dtype
    info, worst = numpy.finfo(dtype), 0
    with mpmath.workdps(digits):
        for xi, yi in zip(x.tolist(), got.tolist()):
            exact = oracle(mpmath.mpf(xi))
            if abs(exact) < float(info.tiny):
                assert 0 <= yi <= info.tiny * (1 + info.eps)  # underflows, to 0 or gradually
                continue
            _, exponent = mpmath.frexp(exact)
            ulp = mpmath.ldexp(float(info.eps), exponent - 1)
            worst = max(worst, float(abs(yi - exact) / ulp))
    return worst


def sech_squared(x):
    # mpmath.sech(x) ** 2, without numbers of millions of digits far out.
    return mpmath.sech(x) ** 2 if abs(x) < 1000 else mpmath.mpf(0)


def logistic_of_double(x):
    """Compute tanh(x) + 1 as mpmath's tanh has it; it loses its digits beyond their number."""
    return mpmath.tanh(x) + 1 if abs(x) < 1000 else mpmath.mpf(0 if x < 0 else 2)


@pytest.mark.parametrize("dtype", DIGITS)
def test_exercise_1_tanh(dtype):
    assert worst_error(tanh_derivative, sech_squared, dtype) <= 4


@pytest.mark.parametrize("alpha", [0.25, -1.5, 0.0])
@pytest.mark.parametrize("dtype", DIGITS)
def test_exercise_1_prelu(dtype, alpha):
    x = all_magnitudes(dtype)
    slope = prelu_derivative(np.array(x, dtype=dtype), alpha).asnumpy()
    numpy.testing.assert_array_equal(slope, [1 if xi > 0 else alpha for xi in x])


@pytest.mark.parametrize("dtype", DIGITS)
def test_exercise_3_right_hand_side_is_the_left_one(dtype):
    digits = DIGITS[dtype]
    assert worst_error(lambda x: 2 * sigmoid(2 * x), logistic_of_double, dtype, digits) <= 4


@pytest.mark.parametrize("dtype", DIGITS)
def test_exercise_3_both_sides_as_computed(dtype):
    # tanh(x) + 1 has an absolute error of an ulp of 1 where tanh(x) is close to -1.
    x = np.array(all_magnitudes(dtype), dtype=dtype)
    left, right = (tanh(x) + 1).asnumpy(), (2 * sigmoid(2 * x)).asnumpy()
    assert abs(left - right).max() <= 2 * numpy.finfo(dtype).eps
