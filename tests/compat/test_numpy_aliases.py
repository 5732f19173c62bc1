import mxnet
import numpy
import pytest
from mxnet import np
from mxnet.gluon.contrib.estimator import EarlyStoppingHandler

X = numpy.array([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]], dtype="float32")
SHAPE = tuple(numpy.array([3, 2]))  # of NumPy's integers


@pytest.mark.parametrize(
    ("name", "value"),
    [("PINF", numpy.inf), ("NINF", -numpy.inf), ("NAN", numpy.nan), ("NaN", numpy.nan),
     ("PZERO", 0.0), ("NZERO", -0.0)],
)  # fmt: skip
def test_constants(name, value):
    numpy.testing.assert_array_equal(getattr(np, name), value)
    assert numpy.signbit(getattr(np, name)) == numpy.signbit(value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # some NumPys have them still
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("alltrue", [X], True),
        ("msort", [X.T[:, ::-1]], [[4, 1], [5, 2], [6, 3]]),
        ("in1d", [X, X[0]], [True, True, True, False, False, False]),
        ("trapz", [X], [3.5, 10]),
        ("round_", [X + 0.25], X),
        ("row_stack", [[X, X]], [*X, *X]),
    ],
)
def test_functions(name, arguments, expected):
    def convert(value):
        return [np.array(v) for v in value] if isinstance(value, list) else np.array(value)

    result = getattr(np, name)(*map(convert, arguments))
    numpy.testing.assert_array_equal(numpy.asarray(result), expected)


@pytest.mark.parametrize("name", ["mirr", "npv", "ppmt", "pv", "rate"])
def test_financial_functions_say_where_they_are_now(name):
    if name in vars(numpy):
        pytest.skip("NumPy has it until 1.19")
    with pytest.raises(RuntimeError, match="numpy-financial"):
        getattr(np, name)(0.1, 2)


def test_names_that_are_read_later_than_at_import():
    assert np.array(True) == 1
    assert np.array([True], dtype="bool").dtype == numpy.bool_
    padded = np.pad(np.array(X), ((1, 0), (0, 0)), mode="constant")
    numpy.testing.assert_array_equal(padded.asnumpy(), numpy.pad(X, ((1, 0), (0, 0))))
    handler = EarlyStoppingHandler(mxnet.metric.Accuracy(), mode="max")
    handler.train_begin(None)
    assert handler.best == -numpy.inf


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda x: x.reshape(SHAPE), X.reshape(3, 2)),
        (lambda x: x[:, SHAPE[1] - 1], X[:, 1]),
        (lambda x: np.ones(SHAPE), numpy.ones((3, 2))),
        (lambda x: np.sum(x, axis=(SHAPE[1] - 1, 0)), X.sum()),
        (lambda x: np.split(x, [SHAPE[1]], axis=1)[1], X[:, 2:]),
        (lambda x: np.resize(x, SHAPE), X.reshape(3, 2)),
        (lambda x: np.pad(x, ((SHAPE[1], 0), (0, 0))), numpy.pad(X, ((2, 0), (0, 0)))),
    ],
    ids=["reshape", "index", "ones", "sum", "split", "resize", "pad"],
)
def test_numpys_integers_as_arguments(ours, theirs):
    numpy.testing.assert_array_equal(ours(np.array(X)).asnumpy(), theirs)


def test_numpys_integers_as_arguments_of_a_symbol():
    reshaped = mxnet.sym.var("x").as_np_ndarray().reshape(SHAPE)
    (result,) = reshaped.eval(x=np.array(X))
    numpy.testing.assert_array_equal(result.asnumpy(), X.reshape(3, 2))


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
