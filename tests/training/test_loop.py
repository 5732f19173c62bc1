"""The loop against the same arithmetic in plain NumPy, and what it refuses."""

import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import mxnet
import numpy
import pytest
from mxnet import autograd, cpu, gluon, np
from mxnet.gluon import nn

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.executor import with_loss
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.loop import DivergenceError, fit, train_epoch
from d2l_mlp.training.metrics import evaluate_net
from d2l_mlp.training.state import (
    EpochMetrics,
    TrainingState,
    best_epoch,
    has_stopped,
    initial_state,
    parameters_of,
    set_parameters,
)
from d2l_mlp.training.trainer import Trainer

RANDOM = numpy.random.RandomState(0)
X = RANDOM.randn(22, 5).astype("float32")
Y = RANDOM.randint(0, 3, 22)


def loader(X=X, y=Y, batch_size=8, **options):
    return ArrayLoader(X, y, batch_size, **options)


def values(net):
    return [p.data().asnumpy() for p in net.collect_params().values()]


class NumpyMLP:
    """One hidden layer of ReLU units, backpropagation by hand, in float64."""

    def __init__(self, parameters):
        self.parameters = [p.astype("float64") for p in parameters]
        self.velocity = [numpy.zeros_like(p) for p in self.parameters]

    def forward(self, X):
        W1, b1, W2, b2 = self.parameters
        z = X @ W1.T + b1
        o = numpy.maximum(z, 0) @ W2.T + b2
        e = numpy.exp(o - o.max(axis=1, keepdims=True))
        return z, o, e / e.sum(axis=1, keepdims=True)

    def losses(self, X, y):
        return -numpy.log(self.forward(X)[2][range(len(y)), y])

    def accuracy(self, X, y):
        return (self.forward(X)[1].argmax(axis=1) == y).mean()

    def step(self, X, y, lr, momentum, wd, batch_size):
        z, _, p = self.forward(X)
        p[range(len(y)), y] -= 1
        delta = p @ self.parameters[2] * (z > 0)
        grads = [delta.T @ X, delta.sum(axis=0), p.T @ numpy.maximum(z, 0), p.sum(axis=0)]
        for w, v, grad in zip(self.parameters, self.velocity, grads):
            v *= momentum
            v -= lr * (grad / batch_size + wd * w)
            w += v


@pytest.mark.parametrize(
    ("momentum", "wd", "schedule"),
    [(0, 0, "constant"), (0.9, 0, "constant"), (0, 0.01, "constant"), (0.8, 0.001, "cosine")],
)
def test_every_number_is_that_of_plain_numpy(momentum, wd, schedule):
    mxnet.random.seed(1)
    net = build_mlp((6,), 3, num_inputs=5)
    oracle = NumpyMLP(values(net))
    began = time.time()
    history = fit(
        net, loader(seed=4), loader(), epochs=3, lr=0.1, momentum=momentum, wd=wd,
        schedule=schedule,
    )  # fmt: skip
    steps = 0
    for epoch, metrics in enumerate(history):
        order = numpy.random.RandomState([4, epoch]).permutation(22)
        losses, hits = [], []
        for rows in (order[:8], order[8:16], order[16:]):
            rate = 0.1 * (math.cos(math.pi * steps / 9) + 1) / 2 if schedule == "cosine" else 0.1
            losses.extend(oracle.losses(X[rows], Y[rows]))
            hits.append(oracle.accuracy(X[rows], Y[rows]) * len(rows))
            # The short last minibatch is weighed like the others: each example counts the same.
            oracle.step(X[rows], Y[rows], rate, momentum, wd, batch_size=8)
            steps += 1
        assert metrics.epoch == epoch + 1
        assert metrics.train_loss == pytest.approx(numpy.mean(losses), rel=1e-5)
        assert metrics.train_accuracy == pytest.approx(sum(hits) / 22)
        assert metrics.val_loss == pytest.approx(oracle.losses(X, Y).mean(), rel=1e-5)
        assert metrics.val_accuracy == pytest.approx(oracle.accuracy(X, Y))
        assert metrics.examples_per_second == pytest.approx(22 / metrics.seconds)
        assert metrics.learning_rate == pytest.approx(rate)
    moments = [began, *(metrics.ended for metrics in history), time.time()]
    assert moments == sorted(set(moments))
    for ours, theirs in zip(values(net), oracle.parameters):
        numpy.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("hidden", "activation", "optimizer", "dropout"),
    [
        ((), "relu", {"optimizer": "adam"}, 0),
        ((6,), "tanh", {}, 0),
        ((6,), "tanh", {"momentum": 0.9}, 0.5),
        ((6,), "prelu", {"momentum": 0.9}, 0),
        ((6,), "prelu", {"optimizer": "adam"}, 0.5),
        ((3,) * 11, "prelu", {"optimizer": "adam"}, 0),  # the names of the layers: 2, but 10 too
    ],
)
def test_a_resumed_training_is_bit_identical(hidden, activation, optimizer, dropout):
    options = {"epochs": 5, "lr": 0.1, "schedule": "cosine", "seed": 7, **optimizer}

    def new_net():
        return build_mlp(hidden, 3, activation, num_inputs=5, dropout=dropout)

    def outcome(net, history):
        return [m[:5] for m in history], [p.tobytes() for p in values(net)]

    net, states = new_net(), []
    whole = fit(net, loader(seed=1), loader(), on_epoch=states.append, **options)
    assert [len(state.history) for state in states] == [1, 2, 3, 4, 5]
    for state in (*states, states[0]):  # which is not changed by training on from it
        again, train_iter = new_net(), loader(seed=1)
        mxnet.random.seed(len(state.history))  # MXNet's generator may be anywhere
        train_iter.epoch = len(state.history)
        history = fit(again, train_iter, loader(), state=state, **options)
        assert outcome(again, history) == outcome(net, whole)


@pytest.mark.parametrize(
    ("monitor", "min_delta", "patience", "bests", "stop"),
    [
        ("accuracy", 0, 3, [1, 1, 3, 3, 3, 3, 3], 6),
        ("accuracy", 0.3, 4, [1, 1, 3, 3, 3, 3, 3], 5),  # 0.8 is not 0.3 more than 0.6
        ("loss", 0, 2, [1, 2, 2, 2, 2, 6, 7], 4),
        ("loss", 0.3, 3, [1, 2, 2, 2, 2, 6, 7], 4),
        ("loss", 0, 0, [1, 2, 2, 2, 2, 6, 7], None),
    ],
)
def test_what_is_monitored(monitor, min_delta, patience, bests, stop):
    settings = Hyperparameters(monitor=monitor, min_delta=min_delta, patience=patience)
    accuracies, losses = (0.6, 0.5, 0.8, 0.8, 0.7, 0.6, 0.7), (1, 0.9, 0.95, 0.9, 2, 0.8, 0.7)
    history = [
        EpochMetrics(n, 1, 1, loss, accuracy, 1, 1, 1, 1)
        for n, (loss, accuracy) in enumerate(zip(losses, accuracies), 1)
    ]
    lengths = range(1, len(history) + 1)
    assert [best_epoch(history[:n], monitor) for n in lengths] == bests
    assert next((n for n in lengths if has_stopped(history[:n], settings)), None) == stop
    state = TrainingState((), {}, {}, 0, {})
    for metrics, best in zip(history, bests):
        state = state.after(metrics, {"epoch": metrics.epoch}, {}, monitor)
        assert (state.best_epoch, state.best) == (best, {"epoch": best})


def test_an_epoch_in_words():
    metrics = EpochMetrics(3, 0.5, 0.25, 1.5, 0.75, 1, 1, 1, 1)
    line = "epoch  3/10  train loss 0.5000 acc 0.2500  val loss 1.5000 acc 0.7500"
    assert metrics.describe(10, "validation") == line
    assert EpochMetrics.names("test")[3:5] == ["test_loss", "test_accuracy"]


def test_patience_and_the_best_epoch():
    # The accuracy on the data that are watched follows from their labels alone.
    accuracies = iter([0.5, 0.25, 0.75, 0.75, 0.5, 0.25, 1.0])

    class Watched(ArrayLoader):
        def __iter__(self):
            X, y = self.arrays
            right = int(next(accuracies) * len(y))
            predicted = net(X).argmax(axis=1)
            yield X, np.where(np.arange(len(y)) < right, predicted, (predicted + 1) % 3)

    net, states = build_mlp((6,), 3, num_inputs=5), []
    history = fit(
        net, loader(), Watched(X[:8], Y[:8], 8), lr=0.01, epochs=9, patience=3,
        on_epoch=states.append,
    )  # fmt: skip
    assert [metrics.val_accuracy for metrics in history] == [0.5, 0.25, 0.75, 0.75, 0.5, 0.25]
    assert [state.best_epoch for state in states] == [1, 1, 3, 3, 3, 3]
    for state in states:
        best = states[state.best_epoch - 1].parameters
        assert [a.tobytes() for a in state.best.values()] == [a.tobytes() for a in best.values()]


@pytest.mark.parametrize("where", ["0.weight", "0.bias", "1.weight", "1.bias", "features"])
@pytest.mark.parametrize("activation", ["relu", "prelu", "tanh"])
def test_nan_is_noticed_in_the_epoch_in_which_it_comes(where, activation):
    # In training, ReLU makes 0 of it.
    class Broken(ArrayLoader):
        def __iter__(self):
            for X, y in super().__iter__():
                if where == "features":
                    X[0, 0] = float("nan")
                yield X, y

    net = build_mlp((6,), 3, activation, num_inputs=5)
    if where != "features":
        array = net._collect_params_with_prefix()[where].data()
        array[(0,) * array.ndim] = float("nan")
    with pytest.raises(DivergenceError, match="diverged in epoch 1"):
        fit(net, Broken(X, Y, 8), loader(), epochs=3, lr=0.1)


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.cast("float32"),
        lambda net: net.collect_params().reset_ctx(mxnet.cpu()),
        lambda net: net.initialize(force_reinit=True),
        lambda net: net[0].collect_params().setattr("grad_req", "null"),
    ],
    ids=["cast", "reset_ctx", "initialize", "freeze"],
)
def test_a_net_may_be_changed_between_epochs(change):
    net = build_mlp((6,), 3, num_inputs=5)
    before = {}

    def on_epoch(state):
        # The metrics and the parameters of the state are those of the net.
        assert evaluate_net(net, loader())[0] == pytest.approx(state.history[-1].val_loss, rel=1e-6)
        assert all((new == old).all() for new, old in zip(values(net), state.parameters.values()))
        if len(state.history) == 1:
            change(net)
        before[len(state.history)] = values(net)

    fit(net, loader(), loader(), epochs=3, lr=0.5, on_epoch=on_epoch)
    frozen = net[0].weight.grad_req == "null"
    for old, new in zip(before[1], values(net)):
        assert (new == old).all() == (frozen and old.shape[0] == 6)


ADAM, MOMENTUM = {"optimizer": "adam"}, {"momentum": 0.9, "lr": 0.1}


@pytest.mark.parametrize(
    ("change", "like", "settings"),
    [
        (lambda net: net.cast("float32"), None, ADAM),
        (lambda net: net.cast("float32"), None, MOMENTUM),
        (lambda net: net[0].collect_params().reset_ctx(mxnet.cpu()), None, ADAM),
        (lambda net: net[0].collect_params().reset_ctx(mxnet.cpu()), None, MOMENTUM),
        (
            lambda net: net[0].collect_params().setattr("grad_req", "null"),
            lambda net: net[0].collect_params().setattr("lr_mult", 0.0), ADAM,
        ),
    ],
)  # fmt: skip
def test_the_optimizer_follows_such_a_net(change, like, settings):
    trained = []
    for way in (change, like):
        mxnet.random.seed(0)
        net = build_mlp((6,), 3, num_inputs=5)
        fit(
            net, loader(), loader(), epochs=4, **settings,
            on_epoch=lambda state, net=net, way=way: way and len(state.history) == 2 and way(net),
        )  # fmt: skip
        trained.append(values(net))
    for changed, expected in zip(*trained):
        assert (changed == expected).all()


def test_what_thaws_is_trained():
    net = build_mlp((6,), 3, num_inputs=5)
    net[0].collect_params().setattr("grad_req", "null")
    seen = []

    def on_epoch(state):
        seen.append(values(net)[0])
        if len(state.history) == 2:
            net[0].collect_params().setattr("grad_req", "write")

    fit(net, loader(), loader(), epochs=3, lr=0.5, on_epoch=on_epoch)
    assert (seen[0] == seen[1]).all()
    assert (seen[1] != seen[2]).any()


def test_gradients_that_are_to_add_up_are_refused_between_epochs_too():
    net = build_mlp((6,), 3, num_inputs=5)
    with pytest.raises(ValueError, match=r"parameter 0\.weight has grad_req 'add'"):
        fit(
            net, loader(), loader(), epochs=2,
            on_epoch=lambda state: setattr(net[0].weight, "grad_req", "add"),
        )  # fmt: skip


def test_a_net_with_nothing_to_train_is_refused():
    net = build_mlp((6,), 3, num_inputs=5)
    net.collect_params().setattr("grad_req", "null")
    with pytest.raises(ValueError, match=r"has grad_req 'null', so that .* set one to 'write'"):
        fit(net, loader(), loader())


def test_copies_of_the_examples_do_not_lengthen_the_step():
    class Doubled(ArrayLoader):
        def __iter__(self):
            for X, y in super().__iter__():
                yield np.concatenate([X, X]), np.concatenate([y, y])

    trained = []
    for kind in (ArrayLoader, Doubled):
        mxnet.random.seed(0)
        net = build_mlp((6,), 3, num_inputs=5)
        fit(net, kind(X, Y, 11), loader(), epochs=2, lr=0.5)
        trained.append(values(net))
    for plain, doubled in zip(*trained):
        numpy.testing.assert_allclose(doubled, plain, rtol=1e-4, atol=1e-6)


def test_threads_may_share_a_loader():
    shared = loader(X=RANDOM.randn(4000, 5), y=RANDOM.randint(0, 3, 4000), batch_size=100)
    nets = [build_mlp((64,), 3, num_inputs=5) for _ in range(4)]

    def measured(threads):  # none of which is the main one, where OpenMP divides sums otherwise
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda net: evaluate_net(net, shared), nets))

    assert measured(4) == measured(1)


def test_threads_may_share_a_net():
    net, data_iter = build_mlp((6,), 3, num_inputs=5), loader()
    expected = evaluate_net(net, data_iter)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            measured = list(pool.map(lambda _: evaluate_net(net, data_iter), range(100)))
    finally:
        sys.setswitchinterval(before)
    assert set(measured) == {expected}


def test_an_epoch_is_that_of_gluon_s_loss_and_trainer():
    X, y = RANDOM.randn(2000, 784).astype("float32"), RANDOM.randint(0, 10, 2000)
    ours, plain = (build_mlp((1024,), num_inputs=784) for _ in range(2))
    set_parameters(plain, parameters_of(ours))
    data_iter = loader(X, y, 250)
    trainer = Trainer(ours, Hyperparameters(lr=0.1), initial_state(ours), len(data_iter))
    sums = train_epoch(with_loss(ours), data_iter, trainer, [mxnet.cpu()]).sums()

    loss, total = gluon.loss.SoftmaxCrossEntropyLoss(), 0
    trainer = gluon.Trainer(plain.collect_params(), "sgd", {"learning_rate": 0.1}, kvstore=None)
    data_iter.epoch = 0
    for features, labels in data_iter:
        with autograd.record():
            losses = loss(plain(features), labels)
        losses.backward()
        trainer.step(len(labels))
        total += losses.sum().item()
    assert sums[0] == pytest.approx(total, rel=1e-6)
    assert sums[2] == 2000
    for a, b in zip(values(ours), values(plain)):
        numpy.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("where", ["0.weight", "0.bias"])
def test_nan_in_a_net_that_is_evaluated_is_not_hidden(where):
    net = build_mlp((6,), 3, num_inputs=5)
    array = net._collect_params_with_prefix()[where].data()
    array[(0,) * array.ndim] = float("nan")
    assert math.isnan(evaluate_net(net, loader())[0])


def test_a_state_of_another_net_is_refused():
    states = []
    fit(build_mlp((6,), 3, num_inputs=5), loader(), loader(), on_epoch=states.append, epochs=1)
    net = build_mlp((7,), 3, num_inputs=5)
    before = [p.tobytes() for p in values(net)]
    with pytest.raises(
        ValueError, match=r"0\.weight float32 \(6, 5\).* but the net has .*\(7, 5\)"
    ):
        fit(net, loader(), loader(), state=states[0])
    assert [p.tobytes() for p in values(net)] == before
    for options in ({"optimizer": "adam"}, {"momentum": 0.9}):
        with pytest.raises(ValueError, match=r"the state has the optimizer's arrays \[\], but"):
            fit(build_mlp((6,), 3, num_inputs=5), loader(), loader(), state=states[0], **options)


@pytest.mark.parametrize("device", [cpu(), [cpu(0), cpu(1)]], ids=str)
def test_callbacks_and_plain_lists_of_minibatches(device):
    minibatches = [(np.array(X[:8]), np.array(Y[:8])), (np.array(X[8:]), np.array(Y[8:]))]
    epochs, calls = [], []
    history = fit(
        build_mlp((6,), 3, num_inputs=5, device=device), minibatches, minibatches, epochs=2,
        on_epoch=epochs.append,
        on_minibatch=lambda: calls.append(len(epochs)),
    )  # fmt: skip
    assert epochs[-1].history == tuple(history)
    assert [len(state.history) for state in epochs] == [1, 2]
    assert calls == [0] * 4 + [1] * 4


def test_on_minibatch_can_stop_it_between_two_steps():
    net = build_mlp((6,), 3, num_inputs=5)
    oracle = NumpyMLP(values(net))
    stop = iter([None, KeyboardInterrupt])

    def on_minibatch():
        error = next(stop)
        if error:
            raise error

    with pytest.raises(KeyboardInterrupt):
        fit(net, loader(), loader(), lr=0.1, on_minibatch=on_minibatch)
    for rows in (slice(0, 8), slice(8, 16)):
        oracle.step(X[rows], Y[rows], 0.1, 0, 0, batch_size=8)
    for ours, theirs in zip(values(net), oracle.parameters):
        numpy.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_divergence_raises_and_restores_the_last_good_state(activation):
    net = build_mlp((6,), 3, activation, num_inputs=5)
    good = []

    def on_epoch(state):
        good[:] = values(net)
        net[0].bias.set_data(net[0].bias.data() * np.inf)  # 0 * inf, inf: the next epoch is lost

    with pytest.raises(
        DivergenceError, match=r"diverged in epoch 2: .*; lower the learning rate \(0.1\)"
    ):
        fit(net, loader(), loader(), lr=0.1, on_epoch=on_epoch)
    assert [p.tobytes() for p in values(net)] == [p.tobytes() for p in good]


def test_divergence_in_the_first_epoch_leaves_the_initial_parameters():
    net = build_mlp((6,), 3, num_inputs=5)
    before = [p.tobytes() for p in values(net)]
    with pytest.raises(DivergenceError, match="diverged in epoch 1"):
        fit(net, loader(batch_size=2), loader(), lr=1e30)
    assert [p.tobytes() for p in values(net)] == before


@pytest.mark.parametrize("name", ["num_epochs", "batch_size", "hidden"])
def test_only_what_a_training_uses_can_be_overridden(name):
    with pytest.raises(
        TypeError, match=f"fit takes no '{name}'; give one of epochs, optimizer, lr"
    ):
        fit(build_mlp((6,), 3, num_inputs=5), loader(), loader(), **{name: 1})


@pytest.mark.parametrize(
    ("overrides", "like"),
    [
        ({"epochs": 1, "lr": 0.2}, {"epochs": 1, "momentum": 0.5, "lr": 0.2}),
        ({"optimizer": "adam"}, {"epochs": 2, "optimizer": "adam", "lr": 0.001}),
        ({"optimizer": "sgd"}, {"epochs": 2, "lr": 0.1, "momentum": 0.5}),
    ],
)
def test_overrides_replace_fields(overrides, like):
    trained = []
    for hyperparameters, others in [
        (Hyperparameters(epochs=2, lr=0.1, momentum=0.5), overrides), (None, like),
    ]:  # fmt: skip
        mxnet.random.seed(0)
        net = build_mlp((6,), 3, num_inputs=5)
        fit(net, loader(), loader(), hyperparameters, **others)
        trained.append(values(net))
    for overridden, expected in zip(*trained):
        assert (overridden == expected).all()


def test_each_epoch_draws_other_numbers():
    dropped = []

    class Noted(nn.Dropout):
        def forward(self, x):
            y = super().forward(x)
            if autograd.is_training():
                dropped.append(y.asnumpy().tobytes())
            return y

    net, data = nn.Sequential(), ArrayLoader(X, Y, 22)
    net.add(Noted(0.5), nn.Dense(3, in_units=5))
    net.initialize()
    fit(net, data, data, epochs=3, seed=1)
    assert len(set(dropped)) == 3


def test_without_a_seed_mxnet_s_generator_is_left_as_it_is():
    drawn, data = [], ArrayLoader(X, Y, 8)
    for options in ({}, {"seed": 0}, {"hyperparameters": Hyperparameters()}):
        mxnet.random.seed(3)
        fit(build_mlp((), 3, num_inputs=5), data, data, epochs=1, **options)
        drawn.append(mxnet.np.random.uniform().item())
    assert drawn[0] != drawn[1]
    assert drawn[1] == drawn[2]
