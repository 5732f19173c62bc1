"""Arrays of MXNet in functions of NumPy, pandas and matplotlib."""

import operator as operators

import mxnet
import numpy
import pandas
import pytest
from matplotlib.figure import Figure
from mxnet import autograd, np
from pandas.testing import assert_frame_equal, assert_series_equal

X = numpy.array([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]], dtype="float32")
V = X[0]


@pytest.mark.parametrize("dtype", [None, "float32", "float64", numpy.int8, numpy.dtype("complex")])
def test_conversion_to_numpy(dtype):
    converted = numpy.asarray(np.array(X), dtype)
    assert type(converted) is numpy.ndarray
    assert converted.dtype == numpy.asarray(X, dtype).dtype
    numpy.testing.assert_array_equal(converted, X)


def test_conversion_to_numpy_is_a_copy():
    x = np.array(X)
    numpy.array(x)[:] = 0
    numpy.asarray(x)[:] = 0
    x.__array__(copy=True)[:] = 0
    numpy.testing.assert_array_equal(x.asnumpy(), X)
    with pytest.raises(ValueError, match="copy is False"):
        x.__array__(copy=False)


def test_copy_false_means_what_it_means_in_numpy():
    x = np.array(X)
    if numpy.__version__ < "2":  # where it means: only if needed
        numpy.testing.assert_array_equal(numpy.array(x, copy=False), X)
    else:
        with pytest.raises(ValueError, match="copy is False"):
            numpy.array(x, copy=False)


def test_conversion_refuses_what_is_no_dtype():
    with pytest.raises(TypeError, match="nonsense"):
        numpy.asarray(np.array(X), dtype="nonsense")


def test_conversion_of_every_size():
    for x in (numpy.float32(2.5), numpy.zeros((0, 3), "float32"), numpy.ones((2, 1, 3), "int32")):
        numpy.testing.assert_array_equal(numpy.asarray(np.array(x)), x)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: numpy.concatenate([x, y]),
        lambda x, y: numpy.stack((x, y), axis=1),
        lambda x, y: numpy.broadcast_arrays(x, y[:, :1])[1],
        lambda x, y: numpy.where(x > 2, x, y),
        lambda x, y: numpy.einsum("ij,ij->i", x, y),
        lambda x, y: numpy.quantile(x, 0.3, axis=0) + numpy.quantile(y, 0.3, axis=0),
        lambda x, y: numpy.percentile(x, 30, method="lower"),
        lambda x, y: numpy.add(x, y),
        lambda x, y: x / numpy.float32(2) + numpy.float32(2) / x,
        lambda x, y: numpy.add.reduce(x, axis=1),
        lambda x, y: numpy.multiply.outer(x[0], y[0]),
        lambda x, y: numpy.fmod(x, y + 2),
        lambda x, y: numpy.median(x, axis=1),
        lambda x, y: numpy.cross(x, y),
        lambda x, y: numpy.interp(x[0], [0, 5], y[0, :2]),
        lambda x, y: numpy.linalg.svd(x)[1],
        lambda x, y: numpy.linalg.qr(x)[0],
        lambda x, y: numpy.linalg.slogdet(x[:, :2])[1],
        lambda x, y: numpy.array_equal(x, y),
        lambda x, y: numpy.array_equal(x, x) and numpy.all(x == x),
        lambda x, y: numpy.result_type(x, "float64"),
    ],
)
@pytest.mark.parametrize("second", [numpy.asarray, np.array], ids=["mixed", "own"])
def test_functions(f, second):
    """The first array is MXNet's, the second NumPy's or MXNet's too."""
    numbers = f(X, X[:, ::-1])
    result = f(np.array(X), second(numpy.ascontiguousarray(X[:, ::-1])))
    if isinstance(numbers, numpy.dtype):
        assert result == numbers
    else:
        numpy.testing.assert_allclose(numpy.asarray(result), numbers, rtol=1e-5)


def test_what_the_results_are():
    x = np.array(V)
    assert type(numpy.concatenate([x, x])) is np.ndarray
    assert type(numpy.concatenate([x, V])) is numpy.ndarray
    assert type(numpy.cross(x, x)) is np.ndarray
    q, r = np.linalg.qr(np.array(X))
    assert type(q) is type(r) is np.ndarray
    assert type(x + V) is type(V + x) is numpy.ndarray
    total = V.copy()
    total += x
    numpy.testing.assert_array_equal(total, 2 * V)


def test_classic_arrays():
    a = mxnet.nd.array(V)
    assert numpy.array_equal(a, a)
    assert numpy.all(a == a)
    assert not numpy.array_equal(a, a + 1)
    numpy.testing.assert_array_equal(numpy.asarray(a), V)


def test_what_would_be_lost_is_refused():
    x = np.array(V)
    for write, args in (
        (numpy.copyto, (x, V)), (numpy.fill_diagonal, (np.array(X), 0)),
        (numpy.place, (x, V > 1, [0])), (numpy.put, (x, [0], 0)),
        (numpy.put_along_axis, (x, numpy.array([0]), 0, 0)), (numpy.putmask, (x, V > 1, 0)),
        (numpy.add.at, (x, [0], 1.0)),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=r"no implementation found|returned NotImplemented"):
            write(*args)
    written = numpy.zeros(3, "float32")
    numpy.copyto(written, x)
    numpy.add.at(written, [0], x[:1])
    assert written.tolist() == [6, 1, 2]
    with pytest.raises(TypeError, match="out is an MXNet array"):
        numpy.cumprod(x, out=x)
    with autograd.record():
        for f in (numpy.median, lambda x: numpy.concatenate([x, V]), np.interp):
            with pytest.raises(ValueError, match="has no derivative; call it in"):
                f(x, x, x) if f is np.interp else f(x)
        with pytest.raises(ValueError, match=r"numpy\.add of MXNet's arrays has no derivative"):
            numpy.add.accumulate(x)


def test_out_may_be_an_array_of_either_kind():
    x = np.array(V)
    for out in (numpy.zeros(3, "float32"), np.zeros(3)):
        assert numpy.add(x, x, out=out) is out
        assert out.tolist() == (2 * V).tolist()
    with pytest.raises(TypeError, match="out is an MXNet array"):
        numpy.heaviside(x, x, out=np.zeros(3))


def test_a_dtype_that_mxnet_lacks_stays_numpys():
    assert numpy.fft.fft(np.array(V)).dtype.kind == "c"


def test_pandas():
    x = np.array(V)
    frame = pandas.DataFrame({"a": [1, 2, 3]})
    frame["b"] = x
    assert frame["b"].tolist() == V.tolist()
    for made in (pandas.DataFrame(np.array(X)), pandas.DataFrame(mxnet.nd.array(X))):
        numpy.testing.assert_array_equal(made.to_numpy(), X)
    assert pandas.DataFrame({"a": x, "b": x}).shape == (3, 2)
    assert pandas.Series(x).tolist() == V.tolist()
    assert [row.tolist() for row in np.array(X)] == X.tolist()
    with pytest.raises(TypeError):
        iter(np.array(1))


@pytest.mark.parametrize("operator", ["add", "sub", "mul", "truediv", "pow", "lt", "ge", "eq"])
def test_arithmetic_with_pandas(operator):
    f, x = getattr(operators, operator), np.array(V)
    series, frame = pandas.Series([1, 2, 3], name="a"), pandas.DataFrame([[1, 2, 3], [4, 5, 6]])
    for other, equal in ((series, assert_series_equal), (frame, assert_frame_equal)):
        equal(f(x, other), f(V, other))
        equal(f(other, x), f(other, V))
        with autograd.record(), pytest.raises(ValueError, match="has no derivative"):
            f(x, other)


@pytest.mark.parametrize("array", [np.array, mxnet.nd.array], ids=["np", "nd"])
@pytest.mark.parametrize(
    "kind", ["bar", "barh", "plot", "scatter", "step", "errorbar", "stem", "hist", "quiver"]
)
def test_flat_plots(kind, array):
    limits = []
    size = {"bar": {"width": 0.5}, "barh": {"height": 0.5}}.get(kind, {})  # exact in float32
    for x in (array(V), V):
        axes = Figure().add_subplot()
        getattr(axes, kind)(*{"hist": [x], "quiver": [x] * 4}.get(kind, [x, x]), **size)
        limits.append(axes.dataLim.extents.tolist())
    assert limits[0] == limits[1]


@pytest.mark.parametrize("kind", ["scatter", "plot", "bar3d"])
def test_plots_in_space(kind):
    axes = Figure().add_subplot(projection="3d")
    x = np.array(V)
    getattr(axes, kind)(x, x, x, *([1, 1, x] if kind == "bar3d" else []))
    low, high = axes.get_xlim()
    assert low < 1.1
    assert high > 2.9
