"""A net that draws random numbers, resumed after each of its epochs."""

import mxnet
import numpy
import pytest
from mxnet import autograd
from mxnet.gluon import nn

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.loop import fit

X = numpy.random.RandomState(0).randn(22, 5).astype("float32")
Y = numpy.arange(22) % 3


def train(state=None, **options):
    """Give the state after each epoch, beginning wherever MXNet's generator is."""
    net, states = nn.Sequential(), []
    net.add(nn.Dense(6, in_units=5), nn.Dropout(0.5), nn.Dense(3, in_units=6))
    net.initialize()
    train_iter = ArrayLoader(X, Y, 8, seed=1)
    train_iter.epoch = len(state.history) if state else 0
    fit(
        net, train_iter, ArrayLoader(X, Y, 8), epochs=4, lr=0.1, state=state,
        on_epoch=states.append, **options,
    )  # fmt: skip
    return states


def parameters(state):
    return {name: values.tobytes() for name, values in state.parameters.items()}


def test_with_a_seed_a_training_is_resumed_bit_for_bit():
    states = train(seed=7)
    for state in states[:3]:
        mxnet.random.seed(len(state.history))  # wherever it was
        last = train(state, seed=7)[-1]
        assert parameters(last) == parameters(states[-1])
        assert [m[:5] for m in last.history] == [m[:5] for m in states[-1].history]
    assert parameters(train(states[0], seed=8)[-1]) != parameters(states[-1])


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
    drawn = []
    for options in ({}, {"seed": 0}, {"hyperparameters": Hyperparameters()}):
        mxnet.random.seed(3)
        train(**options)
        drawn.append(mxnet.np.random.uniform().item())
    assert drawn[0] != drawn[1]
    assert drawn[1] == drawn[2]


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match=f"seed is {seed}; give an integer of at least 0"):
        train(seed=seed)
