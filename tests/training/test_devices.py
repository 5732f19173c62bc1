"""Several devices in one process against one; the same with processes is in tests/cli."""

import mxnet
import numpy
import pytest
from mxnet import cpu, np

from d2l_mlp.data.loaders import ArrayLoader, array_loaders
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.loop import fit, split_minibatch

RANDOM = numpy.random.RandomState(0)
X = RANDOM.randn(25, 5).astype("float32")
Y = RANDOM.randint(0, 3, 25)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 12])
@pytest.mark.parametrize("num_devices", [1, 2, 5])
def test_each_device_gets_its_part(n, num_devices):
    devices = [cpu(i) for i in range(num_devices)]
    parts = split_minibatch(np.array(X[:n]), np.array(Y[:n], dtype="int32"), devices)
    assert [X_part.ctx for X_part, _ in parts] == devices[:n]  # none gets an empty part
    for part, whole in zip(zip(*parts), (X[:n], Y[:n])):
        assert (numpy.concatenate([array.asnumpy() for array in part]) == whole).all()


@pytest.mark.parametrize("devices", [2, 3, 4])
@pytest.mark.parametrize("batch_size", [8, 12, 23])  # of the last minibatch 1, 1 and 2 are left
@pytest.mark.parametrize("optimizer", [{"momentum": 0.9}, {"optimizer": "adam"}], ids=str)
def test_several_devices_are_one(devices, batch_size, optimizer):
    def outcome(devices):
        mxnet.random.seed(3)
        net = build_mlp((6,), 3, num_inputs=5, device=devices)
        train_iter = ArrayLoader(X, Y, batch_size, seed=1)
        val_iter = ArrayLoader(X, Y, 25)
        states = []
        fit(net, train_iter, val_iter, epochs=3, lr=0.05, wd=0.01, on_epoch=states.append,
            **optimizer)  # fmt: skip
        return states[-1]

    one, several = outcome([cpu()]), outcome([cpu(i) for i in range(devices)])
    for a, b in zip(one.history, several.history):
        numpy.testing.assert_allclose(a[:5], b[:5], rtol=1e-5)
    for name, parameter in one.parameters.items():
        numpy.testing.assert_allclose(parameter, several.parameters[name], rtol=0, atol=1e-5)


# With tanh: ReLU at the learning rate of the default recipe makes too much of the last bit, in one
# process too (see docs/distributed.md).
@pytest.mark.slow
def test_several_devices_are_one_after_a_whole_epoch(full):
    def parameters(devices):
        mxnet.random.seed(0)
        net = build_mlp(activation="tanh", num_inputs=784, device=devices)
        states = []
        fit(net, *array_loaders(full, 256), epochs=1, lr=0.1, on_epoch=states.append)
        return states[-1].parameters

    one, several = parameters([cpu()]), parameters([cpu(0), cpu(1), cpu(2)])
    for name, parameter in one.items():
        numpy.testing.assert_allclose(parameter, several[name], rtol=0, atol=1e-5)
