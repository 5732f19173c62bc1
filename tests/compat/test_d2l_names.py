"""Cells as the neighbouring chapters write them, on whichever d2l is installed."""

import re
from pathlib import Path

import numpy
import pytest
from d2l import mxnet as d2l
from mxnet import gluon, init, np

from d2l_mlp.compat.d2l_names import add_old_names, predict_ch3, train_ch3, train_epoch_ch3
from tests import svg

IMPORTS = """
import numpy
from mxnet import autograd, gluon, init, np, npx
from mxnet.gluon import nn
npx.set_np()
numpy.random.seed(0); npx.random.seed(0)
"""
DATA = """
train_iter, test_iter = d2l.load_data_fashion_mnist(100)
loss = gluon.loss.SoftmaxCrossEntropyLoss()
"""
SCRATCH = """
W1, b1 = np.random.normal(scale=0.01, size=(784, 64)), np.zeros(64)
W2, b2 = np.random.normal(scale=0.01, size=(64, 10)), np.zeros(10)
params = [W1, b1, W2, b2]
for param in params:
    param.attach_grad()
def dropout_layer(X, dropout):
    mask = np.random.uniform(0, 1, X.shape) > dropout
    return mask.astype(np.float32) * X / (1.0 - dropout)
def net(X):
    H = np.maximum(np.dot(X.reshape((-1, 784)), W1) + b1, 0)
    if autograd.is_training():
        H = dropout_layer(H, 0.1)
    return np.dot(H, W2) + b2
d2l.train_ch3(net, train_iter, test_iter, loss, 2,
              lambda batch_size: d2l.sgd(params, 0.3, batch_size))
d2l.predict_ch3(net, test_iter)
"""
CONCISE = """
net = nn.Sequential()
net.add(nn.Dense(64, activation='relu'), nn.Dropout(0.1), nn.Dense(10))
net.initialize(init.Normal(sigma=0.01))
trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.3})
d2l.train_ch3(net, train_iter, test_iter, loss, 2, trainer)
d2l.predict_ch3(net, test_iter)
"""
REGRESSION = """
X, y = d2l.synthetic_data(np.ones((20, 1)) * 0.1, 0.05, 100)
train_iter = d2l.load_array((X, y), 10)
w, b = np.zeros((20, 1)), np.zeros(1)
w.attach_grad(); b.attach_grad()
net = lambda X: d2l.linreg(X, w, b)
penalty = lambda y_hat, y: d2l.squared_loss(y_hat, y) + 0.001 * (w ** 2).sum() / 2
concise = nn.Sequential()
concise.add(nn.Dense(1))
concise.initialize()
trainer = gluon.Trainer(concise.collect_params(), 'sgd', {'learning_rate': 0.1})
animator = d2l.Animator(xlabel='epoch', ylabel='loss', yscale='log', legend=['train', 'concise'])
for epoch in range(4):
    d2l.train_epoch_ch3(net, train_iter, penalty, lambda size: d2l.sgd([w, b], 0.1, size))
    d2l.train_epoch_ch3(concise, train_iter, gluon.loss.L2Loss(), trainer)
    animator.add(epoch + 1, (d2l.evaluate_loss(net, train_iter, d2l.squared_loss),
                             d2l.evaluate_loss(concise, train_iter, gluon.loss.L2Loss())))
"""


def epochs_and_figures(output):
    *lines, end = re.split(r"(?<=\n)(?=figure 1: )", output)
    values = [[float(x) for x in re.findall(r" (-?[\d.e+-]+)(?=[:,\n])", line)]
              for line in "".join(lines).splitlines(keepends=True)]  # fmt: skip
    return values, [Path(line.split(": ")[1]) for line in end.splitlines()]


@pytest.mark.slow
def test_classification_as_a_script(run, tmp_path):
    script = "import d2l_mlp\nfrom d2l import mxnet as d2l" + IMPORTS + DATA + SCRATCH + CONCISE
    env = {"TMPDIR": str(tmp_path), "D2L_MLP_DATASET": "sample"}
    result = run("-W", "error", "-c", script, env=env)
    assert result.stderr == ""
    values, figures = epochs_and_figures(result.stdout)
    assert [int(epoch) for epoch, *_ in values] == 2 * [1, 2]
    assert [path.name for path in figures] == [f"figure-{number}.svg" for number in (1, 2, 3, 4)]
    pictures = [path.read_text("utf-8") for path in figures]
    for begin, last, curves, images in zip(
        values[::2], values[1::2], pictures[::2], pictures[1::2]
    ):
        assert last[1] < begin[1]
        assert last[3] > 0.6  # by chance it is 0.1
        assert {"train loss", "train acc", "test acc", "epoch"} <= set(svg.texts(curves))
        assert images.count("<image") == 6


# What is imported, and a reader's own file beside it, in a folder for each.
BARE_IMPORTS = [
    ("import d2l_mlp, d2l", None),
    ("import d2l, d2l_mlp", None),
    ("import d2l_mlp, d2l; assert d2l.mine == 1", "d2l/__init__.py"),
    ("import d2l_mlp, d2l; assert d2l.mine == 1", "d2l.py"),
    ("import d2l_mlp, d2l.mine", "d2l/mine.py"),
]
BARE = f"""
import importlib.util, os, pathlib, sys
import IPython, matplotlib.pyplot, pandas, requests  # d2l's own imports, once for all
for number, (first, own) in enumerate({BARE_IMPORTS}):
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0, first
        continue
    os.chdir(str(number))
    exec(first)
    assert 'mxnet' not in sys.modules  # not before it is asked for
    assert not hasattr(d2l, 'torch') and not hasattr(d2l, '__wrapped__')
    assert 'mxnet' not in sys.modules
    assert '__getattr__' in vars(d2l) and importlib.util.find_spec('d2l.mxnet')
    if own:
        sys.exit()  # what follows is the same
    assert d2l.plot and d2l.set_figsize and d2l.train_ch3
    from d2l import mxnet
    from IPython import display; assert display.set_matplotlib_formats  # IPython 9 lost it
    d2l.mkdir_if_not_exist(('new', 'folder')); d2l.mkdir_if_not_exist('new')
    assert pathlib.Path('new/folder').is_dir()
    assert d2l.plot is mxnet.plot
    d2l.plt.plot([1, 2])  # left alone at the end: it is none of d2l's
    try:
        d2l.no_such_name
    except AttributeError as error:
        assert str(error) == "module 'd2l' has no attribute 'no_such_name'"
        sys.exit()
    sys.exit("found")
"""


def test_the_bare_import_finds_what_moved_and_nothing_else(run, tmp_path):
    for number, (_, own) in enumerate(BARE_IMPORTS):
        path = tmp_path / str(number) / (own or "none")
        path.parent.mkdir(parents=True)
        path.write_text("mine = 1")
    assert run("-c", BARE).stdout == ""


@pytest.mark.slow
def test_regression_as_a_script(run, tmp_path):
    script = "import d2l_mlp\nimport d2l" + IMPORTS + REGRESSION
    # Warnings are none of ours here: matplotlib's own about how it reads a logarithmic scale.
    result = run("-c", script, env={"TMPDIR": str(tmp_path)})
    assert result.stderr == ""
    values, figures = epochs_and_figures(result.stdout)
    assert (len(values), len(figures)) == (4, 1)
    assert all(value < 0.01 for value in values[-1][1:])  # the least possible: half of 0.01 squared


RANDOM = numpy.random.RandomState(2)
X, Y = RANDOM.randn(25, 6).astype("float32"), RANDOM.randint(0, 4, 25).astype("int32")
W = RANDOM.randn(6, 4).astype("float32")


def minibatches():
    return [(np.array(X[i : i + 10]), np.array(Y[i : i + 10])) for i in (0, 10, 20)]


def expected_epoch(lr):
    """Softmax regression in NumPy, by the closed form of its gradient."""
    w, losses, right = W.astype("float64"), [], 0
    for i in (0, 10, 20):
        x, y = X[i : i + 10].astype("float64"), Y[i : i + 10]
        e = numpy.exp(x @ w)
        p = e / e.sum(axis=1, keepdims=True)
        losses += [-numpy.log(p[range(len(y)), y])]
        right += (p.argmax(axis=1) == y).sum()
        p[range(len(y)), y] -= 1
        w = w - lr * x.T @ p / len(y)  # a full step, also on the five examples at the end
    return w, numpy.concatenate(losses).mean(), right / len(Y)


def by_functions(epoch):
    w = np.array(W)
    w.attach_grad()
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    means = epoch(
        lambda X: np.dot(X, w), minibatches(), loss, lambda n: d2l.sgd([w], 0.5, n)
    )  # fmt: skip
    return w.asnumpy(), means


def by_gluon(epoch):
    net = gluon.nn.Dense(4, use_bias=False)
    net.initialize(init.Zero())
    net(np.array(X))
    net.weight.set_data(np.array(W.T))
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
    means = epoch(net, minibatches(), gluon.loss.SoftmaxCrossEntropyLoss(), trainer)
    return net.weight.data().asnumpy().T, means


@pytest.mark.parametrize("train", [by_functions, by_gluon])
@pytest.mark.parametrize("ours", [True, False], ids=["ours", "what d2l has now"])
def test_an_epoch_is_that_of_the_book(train, ours):
    epoch = train_epoch_ch3 if ours else d2l.train_epoch_ch3
    w, (loss, accuracy) = train(epoch)
    expected_w, expected_loss, expected_accuracy = expected_epoch(0.5)
    numpy.testing.assert_allclose(w, expected_w, rtol=1e-4, atol=1e-5)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert accuracy == pytest.approx(expected_accuracy)


def test_d2l_s_own_names_stay(monkeypatch):
    def own():
        raise AssertionError

    monkeypatch.setattr(d2l, "train_epoch_ch3", own, raising=False)
    monkeypatch.setattr(d2l, "train_ch3", own, raising=False)
    monkeypatch.setattr(d2l, "predict_ch3", d2l.show_images, raising=False)
    plot = d2l.plot
    add_old_names(d2l)
    assert (d2l.train_epoch_ch3, d2l.predict_ch3, d2l.plot) == (own, d2l.show_images, plot)
    assert d2l.train_ch3 is train_ch3


def test_predictions_above_the_images(monkeypatch, sample):
    shown = []
    monkeypatch.setattr(d2l, "show_images", lambda *args, **more: shown.append((args, more)))
    images, labels = sample.test[0][:5], sample.test[1][:5]
    batch = np.array(images[:, None] / 255, dtype="float32"), np.array(labels, dtype="int32")
    predict_ch3(lambda X: np.array(numpy.eye(10)[[9] * len(X)]), [batch], n=3)
    (((pictures, rows, columns), more),) = shown
    assert (rows, columns, pictures.shape) == (1, 3, (3, 28, 28))
    assert [title.split("\n")[1] for title in more["titles"]] == ["ankle boot"] * 3
    assert [title.split("\n")[0] for title in more["titles"]] == d2l.get_fashion_mnist_labels(
        labels[:3]
    )


def test_a_loss_that_is_no_number():
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    w = np.array(W * numpy.float32("nan"))
    w.attach_grad()
    with pytest.raises(FloatingPointError, match="loss is nan in epoch 1; lower the learning rate"):
        train_ch3(lambda X: np.dot(X, w), minibatches(), [], loss, 2, lambda n: None)
    d2l.plt.close()
