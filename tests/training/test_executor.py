"""A net and its loss as one graph, against the same net called block by block."""

import mxnet
import numpy
import pytest
from mxnet import autograd, cpu, gluon, np
from mxnet.gluon import nn

from d2l_mlp.activations import ACTIVATIONS
from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training import executor as graph_module
from d2l_mlp.training.executor import minibatches, with_loss


@pytest.fixture(params=[True, False], ids=["cpu", "gpu"])  # as on a GPU
def _on_host(request, monkeypatch):
    monkeypatch.setattr(graph_module, "is_on_host", lambda device: request.param)


def both_ways(net, graph, n, dtype="float32"):
    """Logits, losses and gradients, through the graph and block by block."""
    X = np.random.normal(size=(n, 1, 4, 5)).astype(dtype)
    y = np.random.randint(0, 10, (n,)).astype("int32")
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    for way in (graph, lambda X, y: (net(X), loss(net(X), y))):
        with autograd.record():
            logits, losses = way(X, y)
        losses.backward()
        grads = [p.grad() for p in net.collect_params().values()]
        yield [array.asnumpy() for array in (logits, losses, *grads)]


@pytest.mark.parametrize(
    ("activation", "hidden"), [*((name, (6, 5)) for name in (*ACTIVATIONS, None)), ("relu", ())]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("nan_is_noticed", [False, True])
@pytest.mark.usefixtures("_on_host")
def test_the_graph_computes_the_same_bit_for_bit(activation, hidden, dtype, nan_is_noticed):
    net = build_mlp(hidden, activation=activation, num_inputs=20, dtype=dtype)
    graph = with_loss(net, nan_is_noticed=nan_is_noticed)
    for n in (16, 3, 16, 1):  # as the last minibatch of an epoch, and the first of the next
        for by_graph, by_blocks in zip(*both_ways(net, graph, n, dtype)):
            assert by_graph.dtype == dtype
            assert (by_graph == by_blocks).all()


@pytest.mark.parametrize("grad_req", ["write", "null"])
@pytest.mark.parametrize("activation", [*ACTIVATIONS, None])
@pytest.mark.usefixtures("_on_host")
def test_so_it_does_without_autograd(monkeypatch, activation, grad_req):
    monkeypatch.setattr(graph_module, "_MOST_BOUND", 2)
    net = build_mlp((6, 5), activation=activation, num_inputs=20)
    net.collect_params().setattr("grad_req", grad_req)
    graph = with_loss(net)
    for n in (1, 2, 3, 1):  # more shapes than are kept
        X, y = np.random.normal(size=(n, 20)), np.random.randint(0, 10, (n,)).astype("int32")
        logits, losses = graph(X, y)
        for parameter in net.collect_params().values():
            parameter.set_data(parameter.data() * 1.1)
        logits, losses = graph(X, y)
        assert (logits == net(X)).all()
        assert (losses == gluon.loss.SoftmaxCrossEntropyLoss()(net(X), y)).all()


@pytest.mark.usefixtures("_on_host")
def test_dropout_is_for_training_alone_and_drawn_as_by_the_net():
    net = nn.HybridSequential()
    net.add(nn.Dense(50, in_units=20), nn.Dropout(0.5), nn.Dense(10, in_units=50))
    net.initialize()
    X, y = np.random.normal(size=(8, 20)), np.random.randint(0, 10, (8,)).astype("int32")
    graph = with_loss(net)
    for train_mode in (True, False, True):
        logits = []
        for call in (lambda: graph(X, y)[0], lambda: net(X)):
            mxnet.random.seed(3)
            with autograd.record(train_mode=train_mode):
                logits.append(call().asnumpy())
        assert (logits[0] == logits[1]).all()
        assert (logits[0] == net(X).asnumpy()).all() != train_mode


@pytest.mark.parametrize("devices", [[cpu(0)], [cpu(1), cpu(0)]], ids=str)
def test_each_device_has_its_own_memory(devices):
    net = build_mlp((4,), num_inputs=20, device=devices)
    graph = with_loss(net)
    X, y = np.random.normal(size=(8, 20)), np.random.randint(0, 10, (8,)).astype("int32")
    with autograd.record():
        losses = [graph(X.as_in_ctx(device), y.as_in_ctx(device))[1] for device in devices]
    losses[0].backward()  # the others have not been updated by it
    for parameter in net.collect_params().values():
        fresh = [array._fresh_grad for array in parameter.list_data()]
        assert fresh == [device == devices[0] for device in parameter.list_ctx()]
    assert all((each == losses[0].as_in_ctx(each.ctx)).all() for each in losses)


def test_the_loader_writes_where_the_graph_reads():
    X, y = numpy.random.RandomState(0).rand(20, 6).astype("float32"), numpy.arange(20) % 3
    net = build_mlp((4,), 3, num_inputs=6)
    graph, loader = with_loss(net), ArrayLoader(X, y, 8, seed=1)
    plain = ArrayLoader(X, y, 8, seed=1)
    seen = {}
    for _ in range(2):
        for (X_in_place, y_in_place), (X_new, y_new) in zip(minibatches(loader, graph), plain):
            seen[id(X_in_place), id(y_in_place)] = X_in_place, y_in_place
            assert type(X_in_place[:2]) is np.ndarray  # as each of several devices gets
            assert (X_in_place == X_new).all()
            assert (y_in_place == y_new).all()
            assert (graph(X_in_place, y_in_place)[0] == net(X_new)).all()
    assert len(seen) == 2  # of 8 and of 4 examples


def test_a_loader_writes_elsewhere_for_each_graph():
    loader = ArrayLoader(numpy.zeros((8, 6), "float32"), numpy.zeros(8, "int32"), 8)
    graphs = [with_loss(build_mlp((4,), 3, num_inputs=6)) for _ in range(2)]
    ((X1, y1),), ((X2, y2),) = (minibatches(loader, graph) for graph in graphs)
    X1[:] = 1
    y1[:] = 1
    assert (X2 == 0).all()
    assert (y2 == 0).all()


def test_the_labels_may_come_from_elsewhere():
    net = build_mlp((4,), 3, num_inputs=6)
    graph = with_loss(net)
    loader = ArrayLoader(numpy.random.RandomState(0).rand(8, 6), numpy.zeros(8, "int32"), 8)
    ((X, y),) = minibatches(loader, graph)
    graph(X, y)
    for label in (1, 2):
        others = np.full((8,), label, dtype="int32")
        losses = graph(X, others)[1]
        assert (losses == gluon.loss.SoftmaxCrossEntropyLoss()(net(X), others)).all()
        assert (others == label).all()
    assert (y == 0).all()


def test_labels_of_another_dtype_are_not_cut_to_the_first_one():
    net = build_mlp((4,), 300, num_inputs=6)
    graph, X = with_loss(net), np.random.normal(size=(8, 6))
    for label, dtype in ((100, "int8"), (200, "int32")):
        y = np.full((8,), label, dtype=dtype)
        assert (graph(X, y)[1] == gluon.loss.SoftmaxCrossEntropyLoss()(net(X), y)).all()


def test_of_too_many_shapes_those_in_use_stay(monkeypatch):
    monkeypatch.setattr(graph_module, "_MOST_BOUND", 2)
    graph = with_loss(build_mlp((4,), 3, num_inputs=6))
    logits = [graph(np.ones((n, 6)), np.ones((n,), dtype="int32"))[0] for n in (1, 2, 1, 3, 1, 2)]
    assert logits[0] is logits[2] is logits[4]
    assert logits[1] is not logits[5]


def test_who_may_keep_a_minibatch_gets_new_ones():
    class Augmented(ArrayLoader):
        def __iter__(self):
            for X, y in super().__iter__():
                yield X + 1, y

    net = build_mlp((4,), 3, num_inputs=6)
    hooked = build_mlp((4,), 3, num_inputs=6)
    hooked[0].register_forward_hook(lambda block, inputs, output: None)
    X, y = numpy.zeros((20, 6), "float32"), numpy.zeros(20, "int32")
    for data_iter, graph in [
        (Augmented(X, y, 4), with_loss(net)), (ArrayLoader(X, y, 4), with_loss(hooked)),
        (list(ArrayLoader(X, y, 4)), with_loss(net)),
    ]:  # fmt: skip
        batches = list(minibatches(data_iter, graph))
        assert len({id(X) for X, _ in batches}) == 5
        added = isinstance(data_iter, Augmented)
        assert all((features == added).all() for features, _ in batches)


def test_the_net_stays_as_it_was():
    net = nn.HybridSequential()
    net.add(nn.Dense(5, in_units=20), nn.Dense(10, in_units=5))
    net.initialize()
    names = list(net.collect_params())
    for by_graph, by_blocks in zip(*both_ways(net, with_loss(net), 4)):
        assert (by_graph == by_blocks).all()
    assert list(net.collect_params()) == names
    assert not net._active
    assert not net[0]._active


class ReadsItsInput(nn.HybridBlock):
    """Hybrid by its class, but not by what it does."""

    def forward(self, x):
        """Read it."""
        return np.array(x.reshape(len(x), -1)[:, :10].asnumpy())


class Plain(nn.Block):
    """Has no hybrid form at all."""

    def __init__(self):
        super().__init__()
        self.output = nn.Dense(10, in_units=20)

    def forward(self, x):
        """Choose by the input's value, as a graph cannot."""
        return self.output(x if x.sum() > 0 else -x)


@pytest.mark.parametrize("block", [ReadsItsInput, Plain])
def test_a_net_that_is_no_graph_is_called_block_by_block(block):
    net = nn.Sequential()
    net.add(block(), nn.Dense(10, in_units=10))
    net.initialize()
    X, y = np.ones((3, 20)), np.array([1, 2, 3], dtype="int32")
    logits, losses = with_loss(net)(X, y)
    assert (logits == net(X)).all()
    assert losses.shape == (3,)
