"""Indexing and casts of MXNet's arrays, against NumPy's."""

import numpy
import pytest
from mxnet import autograd, nd, np

X = numpy.arange(12.0).reshape(3, 4)
ALL = slice(None)

KEYS = [
    [-1, 0], [2, -3], [], [[0, -1], [1, 2]], numpy.array([0, -1]), (ALL, [0, -1]), (-1, [0, 2]),
    ([0, 1], [-1, -2]), (range(2), numpy.array([2, -1])), (slice(None, None, -1), [0, -1]),
    [True, False, True], numpy.array([True, False, True]), ([True, False, True],),
    (ALL, [True, False, True, True]), (-1, numpy.array([True, False, True, True])), X > 4,
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_values_derivatives_and_assignment_are_numpy_s(key):
    x, written, expected = np.array(X, dtype="float64"), np.array(X, dtype="float64"), X.copy()
    assert x[key].asnumpy().tolist() == X[key].tolist()

    weights = numpy.random.RandomState(0).randn(*X[key].shape)
    gradient = numpy.zeros_like(X)
    numpy.add.at(gradient, key, weights)
    x.attach_grad()
    with autograd.record():
        y = x[key]
    if y.size:
        y.backward(np.array(weights, dtype="float64"))
        numpy.testing.assert_array_equal(x.grad.asnumpy(), gradient)

    written[key], expected[key] = 7, 7
    numpy.testing.assert_array_equal(written.asnumpy(), expected)


@pytest.mark.parametrize(
    "key",
    [
        (mask, ...) for mask in ([[True, False, True], [False, True, True]], [True, False])
    ] + [(..., numpy.arange(12).reshape(3, 4) % 5 > 1), (0, ..., [True, False, True, True])],
    ids=repr,
)  # fmt: skip
def test_masks_beside_an_ellipsis(key):
    values = numpy.arange(24.0).reshape(2, 3, 4)
    key = tuple(numpy.array(i) if isinstance(i, list) else i for i in key)
    x, expected = np.array(values), values.copy()
    assert x[key].asnumpy().tolist() == values[key].tolist()
    x[key], expected[key] = -1, -1
    assert x.asnumpy().tolist() == expected.tolist()


@pytest.mark.parametrize(
    "statement",
    ["x /= x[0]", "x -= x[0, 0]", "x[1:] -= x[:-1]", "x *= x[1, 1]", "x += x[:1]", "x -= x[:, :1]",
     "x += x.T", "np.divide(x, x[0], out=x)"],
)  # fmt: skip
def test_what_overwrites_a_part_of_itself(statement):
    values = numpy.arange(1.0, 10).reshape(3, 3)
    x = np.array(values)
    exec(statement, {"x": x, "np": np})
    exec(statement, {"x": values, "np": numpy})
    numpy.testing.assert_allclose(x.asnumpy(), values, rtol=1e-6)


@pytest.mark.parametrize("key", [[-1, 0], ([0, -1], [-1, -2])], ids=repr)
def test_negative_positions_in_classic_arrays(key):
    values = numpy.arange(12.0).reshape(3, 4)
    x, written, gradient = nd.array(values), nd.array(values), 0 * values
    numpy.add.at(gradient, key, 1)
    x.attach_grad()
    with autograd.record():
        y = x[key]
    y.backward()
    assert x.grad.asnumpy().tolist() == gradient.tolist()
    written[key], values[key] = 7, 7
    assert written.asnumpy().tolist() == values.tolist()


def test_steps_in_place_on_the_asynchronous_engine(run):
    script = """
import d2l_mlp, numpy
from mxnet import autograd, np

X = numpy.random.RandomState(0).normal(size=(1000, 2))
y = X @ [[2.0], [-3.0]]
features, labels = np.array(X, dtype="float64"), np.array(y, dtype="float64")
for _ in range(10):
    w, expected = np.zeros((2, 1), dtype="float64"), numpy.zeros((2, 1))
    w.attach_grad()
    for step in range(100):
        with autograd.record():
            loss = ((np.dot(features, w) - labels) ** 2).mean()
        loss.backward()
        w -= 0.01 * w.grad
        expected -= 0.01 * 2 / len(X) * X.T @ (X @ expected - y)
    numpy.testing.assert_allclose(w.asnumpy(), expected, rtol=1e-9)
"""
    run("-c", script, env={"OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize("key", [[3], [-4], (ALL, [4]), (ALL, [0, -5])], ids=repr)
def test_positions_outside_are_refused(key):
    x = np.array(X)
    with pytest.raises(IndexError):
        x[key].wait_to_read()
    with pytest.raises(IndexError):
        x[key] = 7
    assert x.asnumpy().tolist() == X.tolist()


@pytest.mark.parametrize(
    ("f", "slopes"),
    [
        (lambda x: x + x.astype("int32"), [1, 1, 1]),
        (lambda x: x - x.astype("int64").astype("float32"), [1, 1, 1]),
        (lambda x: x * x.astype("uint8"), [0, 1, 2]),
        (lambda x: x * x.astype(bool).astype("float32"), [1, 1, 1]),
        (lambda x: 2 * x.astype("float64"), [2, 2, 2]),
    ],
)
def test_the_derivative_of_a_cast_to_integers_is_0(f, slopes):
    x = np.array([0.5, 1.25, 2.75])
    x.attach_grad()
    with autograd.record():
        y = f(x)
    y.backward()
    assert x.grad.tolist() == slopes
