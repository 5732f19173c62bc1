"""Which examples are refused, by each function that takes them, and which are not."""

import mxnet
import numpy
import pytest
from mxnet import autograd, cpu, gluon, np, npx

from d2l_mlp.data.checks import check_data
from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.inference.evaluation import confusion_matrix
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.loop import fit
from d2l_mlp.training.metrics import evaluate_net, predict_labels
from d2l_mlp.training.state import parameters_of, set_parameters

RANDOM = numpy.random.RandomState(0)
X = RANDOM.randn(22, 5).astype("float32")
Y = RANDOM.randint(0, 3, 22)
IMAGES = RANDOM.randint(0, 256, (22, 28, 28)).astype("float32")


def mx(array):
    array = numpy.asarray(array)
    return np.array(array, dtype=array.dtype)


def minibatches(X=X, y=Y, size=8):
    return [(mx(X[i : i + size]), mx(y[i : i + size])) for i in range(0, len(X), size)]


def net_of(num_inputs=5, num_outputs=3):
    return build_mlp((6,), num_outputs, num_inputs=num_inputs)


def changed(array, index, value, dtype=None):
    array = array.astype(dtype or array.dtype)
    array[index] = value
    return array


def fit_refuses(net, X, y):
    """Refused as training and as test data, and nothing is trained before."""
    for iters in ((minibatches(X, y), minibatches()), (minibatches(), minibatches(X, y))):
        before = [p.data().asnumpy().tobytes() for p in net.collect_params().values()]
        try:
            fit(net, *iters, epochs=1)
        finally:
            assert before == [p.data().asnumpy().tobytes() for p in net.collect_params().values()]


def refuse(says, call, *args):
    with pytest.raises(ValueError, match=says) as caught:
        call(*args)
    assert "\n" not in str(caught.value)


BAD_LABELS = [
    (Y[:, None], r"labels have the shape \(.*, 1\); give one integer an example: y.reshape\(-1\)"),
    (numpy.eye(3, dtype="int32")[Y], r"labels have the shape .*one-hot rows .*y.argmax\(axis=1\)"),
    (numpy.eye(3, dtype="float32")[Y], r"one-hot"),
    (Y > 1, r"labels are bool; give integers"),
    (changed(Y, 9, 0.9, "float32"), "example 9 has the label 0.9.*; give whole numbers from 0"),
    (changed(Y, 3, numpy.nan, "float32"), "example 3 has the label nan; give whole numbers"),
    (changed(Y, 21, numpy.inf, "float64"), "example 21 has the label inf"),
    (changed(Y, 17, -1), "example 17 has the label -1"),
    (changed(Y, 20, 2**31, "int64"), "example 20 has the label 2147483648"),
    (changed(Y, 20, 2**32 + 1, "int64"), "example 20 has the label 4294967297"),
    (changed(Y, 0, 2**63, "uint64"), "example 0 has the label 9223372036854775808"),
]  # fmt: skip


@pytest.mark.parametrize(("y", "says"), BAD_LABELS)
def test_labels_are_one_integer_an_example(y, says):
    refuse(says, ArrayLoader, X, y, 8)
    if y.dtype != "uint64":  # which MXNet does not have
        refuse(says, ArrayLoader, X, mx(y), 8)
        refuse(says, evaluate_net, net_of(), minibatches(y=y))
        refuse(says, fit_refuses, net_of(), X, y)
    if y.dtype != bool and y.ndim == 1:
        refuse(says, confusion_matrix, y, Y)
        refuse(says, confusion_matrix, Y, y)


@pytest.mark.parametrize("index", [0, 7, 8, 21])
def test_labels_beyond_the_outputs(index):
    y = changed(Y, index, 3)
    says = (
        f"example {index} has the label 3; give whole numbers from 0 to 2, as there are 3 classes"
    )
    for data in (minibatches(y=y), iter(minibatches(y=y)), ArrayLoader(X, y, 8)):
        refuse(says, evaluate_net, net_of(), data)
    refuse(says, fit_refuses, net_of(), X, y)
    assert check_data(net_of(num_outputs=4), minibatches(y=y)) is None


@pytest.mark.parametrize(
    ("dtype", "num_outputs"), [("uint8", 257), ("int8", 129), ("float16", 2050)]
)
def test_labels_of_a_dtype_that_cannot_count_the_outputs(dtype, num_outputs):
    data = minibatches(y=Y.astype(dtype))
    says = rf"labels are {dtype}, too small for {num_outputs} classes; give y.astype\('int32'\)"
    refuse(says, evaluate_net, net_of(num_outputs=num_outputs), data)
    assert check_data(net_of(num_outputs=num_outputs - 1), data) is None


@pytest.mark.parametrize("as_arrays", [False, True])
@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int32", "int64", "float16", "float32", "float64"]
)
def test_right_labels_are_right_in_every_dtype(dtype, as_arrays):
    net = net_of()
    y = Y.astype(dtype)
    data = ArrayLoader(X, y, 8) if as_arrays else minibatches(y=y)
    loss, accuracy = evaluate_net(net, data)
    logits = net(mx(X)).asnumpy().astype("float64")
    log_sum = numpy.log(numpy.exp(logits).sum(axis=1))
    assert accuracy == pytest.approx((logits.argmax(axis=1) == Y).mean())
    assert loss == pytest.approx((log_sum - logits[range(22), Y]).mean(), rel=1e-5)


BAD_FEATURES = [
    (changed(X, (9, 2), numpy.nan), "example 9 has a feature that is NaN, infinite or .* .nan."),
    (
        changed(X, (21, 0), -numpy.inf),
        "example 21 has a feature that is NaN, infinite or .* .-inf.",
    ),
    (X[:, 0], r"features have the shape \(.*,\); give \(n, ...\).*X.reshape\(-1, 1\)"),
    (X[:, :0], r"features have the shape \(.*, 0\); give"),
    (X.astype("int32"), r"features are int32; give floats: .*X.astype\('float32'\)"),
    (X > 0, "features are bool; give floats"),
    ((X > 0).astype("uint8"), "features are uint8; give floats"),
    (IMAGES.astype("uint8"), r"features are uint8; give floats: of images to_features\(images\)"),
    (IMAGES, r"images have pixels up to 255; give pixels from 0 to 1: .*to_features\(images\)"),
    (changed(IMAGES, 0, 0), "images have pixels up to 255"),
    (IMAGES[:, None], "give pixels from 0 to 1"),
    (IMAGES[..., None], "give pixels from 0 to 1"),
    (IMAGES.reshape(22, 784), "give pixels from 0 to 1"),
]


def test_features_fit_single_precision():
    says = r"example 3 has a feature that is .* too large for float32 \(1e\+39\)"
    refuse(says, ArrayLoader, changed(X.astype("float64"), (3, 1), 1e39), Y, 8)


@pytest.mark.parametrize("row", [0, 4095, 4096, 8192])
def test_features_are_looked_at_to_the_last(row):
    features = changed(numpy.zeros((8193, 1)), row, numpy.nan)
    refuse(f"example {row} has a feature that is NaN", ArrayLoader, features, features[:, 0], 8)


@pytest.mark.parametrize(("X", "says"), BAD_FEATURES)
def test_features_are_finite_floats(X, says):
    net = net_of(num_inputs=784 if X[0].size == 784 else 5)
    if X.dtype != "uint8" or X.ndim < 3:  # of images it makes features
        refuse(says, ArrayLoader, X, Y, 8)
    refuse(says, ArrayLoader, mx(X), Y, 8)
    refuse(says, evaluate_net, net, minibatches(X))
    refuse(says, predict_labels, net, mx(X))
    if X[0].size != 784:
        refuse(says, fit_refuses, net, X, Y)


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (X.astype("float64"),
         r"features are float64, but the net is float32; give X.astype\('float32'\)"),
        (X.astype("float16"), "features are float16, but the net is float32"),
        (X[:, :3], "example 0 has 3 features, but the net takes 5; give it as many, or build it"),
        (numpy.repeat(X, 2, axis=1), "example 0 has 10 features, but the net takes 5"),
        (X[:0], r"features have the shape \(0, 5\); give .* at least one example"),
    ],
)  # fmt: skip
def test_features_suit_the_net(X, says):
    refuse(says, evaluate_net, net_of(), [(mx(X), mx(Y[: len(X)]))])
    refuse(says, predict_labels, net_of(), mx(X))
    if len(X):
        refuse(says, fit_refuses, net_of(), X, Y)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([gluon.nn.Conv2D(2, 3, in_channels=1), gluon.nn.Dense(3)], (8, 2, 4, 4)),
        ([gluon.nn.Dense(6, in_units=5), gluon.nn.Dense(3, in_units=7)], (8, 5)),
    ],
)
def test_what_else_mxnet_refuses_is_in_its_own_words(layers, shape):
    net = gluon.nn.Sequential()
    net.add(*layers)
    net.initialize()
    with pytest.raises(mxnet.MXNetError):
        evaluate_net(net, [(np.ones(shape), mx(Y[:8]))])


def test_minibatches_may_be_on_another_device_than_the_net():
    here, there = (build_mlp((6,), 3, num_inputs=5, device=cpu(i)) for i in range(2))
    set_parameters(there, parameters_of(here))
    assert evaluate_net(there, minibatches()) == evaluate_net(here, minibatches())


def test_a_later_minibatch_of_another_shape():
    data = [*minibatches(), (mx(X[:4, :3]), mx(Y[:4]))]
    refuse("example 22 has 3 features, but the net takes 5", evaluate_net, net_of(), data)


def test_outputs_that_are_no_logits():
    net = gluon.nn.Dense(3, flatten=False, in_units=5)
    net.initialize()
    refuse(
        "outputs of shape .1, 2, 3. of one example",
        predict_labels,
        net,
        mx(X[:, None].repeat(2, 1)),
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "the data hold no example; give at least one minibatch"),
        ([(X, Y)], "features are .*numpy.ndarray.*; give an array of mxnet.np, .*, or an Arr"),
        ([(mx(X), mx(Y), mx(Y))], r"a minibatch is not a pair \(X, y\); give a list of pairs"),
        ((mx(X), mx(Y)), r"a minibatch is not a pair \(X, y\)"),
        ([(mx(X), mx(Y)[:3])], "22 examples but 3 labels; give each example one"),
    ],
)
def test_wrong_minibatches(data, says):
    refuse(says, evaluate_net, net_of(), data)
    refuse(says, fit, net_of(), data, minibatches())
    refuse(says, fit, net_of(), minibatches(), data)


@pytest.mark.parametrize("make", [iter, lambda data: (pair for pair in data)])
def test_a_generator_is_for_one_epoch(make):
    says = r"the minibatches come from a (list_iterator|generator), which gives them only once"
    refuse(says, fit, net_of(), make(minibatches()), minibatches())
    refuse(says, fit, net_of(), minibatches(), make(minibatches()))
    net = net_of()
    data = make(minibatches())
    assert evaluate_net(net, data) == evaluate_net(net, minibatches())
    refuse("the data hold no example", evaluate_net, net, data)  # it is exhausted now


class Once:
    """Minibatches with a length, which can be read only once."""

    def __init__(self, data, length):
        self._data, self._length = iter(data), length

    def __len__(self):
        return self._length

    def __iter__(self):
        return self._data


def test_minibatches_that_are_not_as_many_as_they_say():
    says = r"0 minibatches by the end of epoch 1, but len\(\) says 3 in each"
    refuse(says, fit, net_of(), Once(minibatches(), 3), minibatches())
    refuse(
        "no minibatch is left to measure on", fit, net_of(), minibatches(), Once(minibatches(), 3)
    )
    longer = type("Longer", (list,), {"__len__": lambda self: 7})(minibatches())
    refuse(r"3 minibatches .* says 7 in each", fit, net_of(), longer, minibatches())


@pytest.mark.parametrize("make", [lambda X, y: ArrayLoader(X, y, 8), confusion_matrix])
def test_masked_values_are_refused(make):
    masked = numpy.ma.masked_less(Y, 1), Y
    for X, y in (masked, masked[::-1]):
        refuse("the array has masked values", make, X, y)
    masked = numpy.ma.masked_array(IMAGES.astype("uint8"), IMAGES > 9)
    refuse("the array has masked values", ArrayLoader, masked, Y, 8)


@pytest.mark.parametrize(
    "make", [numpy.ndarray.tolist, lambda array: numpy.ma.masked_array(array, array > 99)]
)
def test_lists_and_arrays_that_mask_nothing_are_arrays(make):
    for ours, theirs in zip(ArrayLoader(make(X), make(Y), 8), ArrayLoader(X, Y, 8)):
        assert all((a == b).all() and a.dtype == b.dtype for a, b in zip(ours, theirs))


def test_autograd_records_outside():
    net = build_mlp((50,), 3, num_inputs=5, dropout=0.5)
    expected = evaluate_net(net, minibatches()), predict_labels(net, mx(X)).tolist()
    with autograd.record():
        refuse("fit is called within autograd.record", fit, net, minibatches(), minibatches())
    for scope in (autograd.record, autograd.train_mode):
        with scope():
            assert evaluate_net(net, minibatches()) == expected[0]  # without dropout
            assert predict_labels(net, mx(X)).tolist() == expected[1]


@pytest.mark.parametrize("scope", [autograd.train_mode, lambda: autograd.pause(train_mode=True)])
def test_fit_measures_without_dropout_in_any_scope(scope):
    net = build_mlp((50,), 3, num_inputs=5, dropout=0.5)
    with scope():
        (epoch,) = fit(net, minibatches(), minibatches(), epochs=1)
    measured = evaluate_net(net, minibatches())
    assert (epoch.val_loss, epoch.val_accuracy) == pytest.approx(measured, rel=1e-6)


@pytest.mark.parametrize("labels", [Y, Y.tolist()], ids=["NumPy", "list"])
def test_labels_in_minibatches_are_mxnet_s(labels):
    net, data = net_of(), [(mx(X), labels)]
    for call, args in ((fit, (net, data, data)), (evaluate_net, (net, data))):
        refuse(
            r"labels are a .*; give an array of mxnet.np, np.array\(y, dtype='int32'\)", call, *args
        )


@pytest.mark.parametrize("rate", [1.0, 1.5, -1])
def test_a_dropout_layer_s_rate_is_a_probability_below_1(rate):
    net = net_of()
    net.add(gluon.nn.Dropout(rate))
    refuse(f"dropout is {rate}; give", fit, net, minibatches(), minibatches())


def test_a_float16_net_is_for_a_gpu():
    net, data = net_of(), [(mx(X.astype("float16")), mx(Y))]
    net.cast("float16")
    refuse("the net is float16, in which MXNet cannot compute on a CPU", fit, net, data, data)


def test_a_net_without_parameters():
    net = gluon.nn.Sequential()
    net.add(gluon.nn.Flatten())
    for call, args in (
        (fit, [minibatches()] * 2),
        (evaluate_net, [minibatches()]),
        (predict_labels, [mx(X)]),
    ):
        refuse("the net has no parameters; add a layer that has some", call, net, *args)


def test_a_net_of_another_dtype_takes_its_own():
    net = net_of()
    net.cast("float64")
    assert predict_labels(net, mx(X.astype("float64"))).shape == (22,)
    refuse("features are float32, but the net is float64", predict_labels, net, mx(X))


@pytest.mark.parametrize(
    "scaled", [IMAGES / 255, IMAGES / 100, IMAGES > 100, -IMAGES, IMAGES + 0.5, IMAGES * 2]
)
def test_only_raw_pixels_are_taken_for_raw_pixels(scaled):
    ArrayLoader(scaled.astype("float32"), Y, 8)


def test_features_of_other_shapes_may_be_large_whole_numbers():
    ArrayLoader(numpy.round(X * 100), Y, 8)


@pytest.mark.parametrize("make", [list, lambda data_iter: data_iter])
def test_the_check_gives_a_net_its_shapes(make):
    net = gluon.nn.Sequential()
    net.add(gluon.nn.Dense(4), gluon.nn.Dense(3))
    net.initialize()
    check_data(net, make(ArrayLoader(X, Y, 8, seed=0)))
    assert [p.shape for p in net.collect_params().values()] == [(4, 5), (4,), (3, 4), (3,)]


@pytest.mark.parametrize("scope", [autograd.record, autograd.train_mode])
def test_checking_and_measuring_draw_no_random_number_and_no_epoch(scope):
    net = gluon.nn.Sequential()
    net.add(gluon.nn.Dropout(0.5), gluon.nn.Dense(3, in_units=5))
    net.initialize()
    data_iter, drawn = ArrayLoader(X, Y, 8, seed=0), []
    for call, data in ((None, None), (check_data, data_iter), (evaluate_net, minibatches())):
        mxnet.random.seed(1)
        with scope():
            if call:
                call(net, data)
            drawn.append(npx.dropout(np.ones((8, 5)), 0.5).tolist())
    assert drawn[0] == drawn[1] == drawn[2]
    assert data_iter.epoch == 0
