"""The random numbers that a net draws; test_loop resumes a training with dropout."""

import mxnet
import numpy
from mxnet import autograd
from mxnet.gluon import nn

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.loop import fit

X = numpy.random.RandomState(0).randn(22, 5).astype("float32")
Y = numpy.arange(22) % 3


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
