"""Steps of the optimizers against their papers' algorithms, in plain NumPy.

MXNet's operators take the learning rate and the other constants in single precision. Of Adam's
1 - 0.999 that leaves four digits, and so of its steps, which are about as long as the rate.
"""

import mxnet
import numpy
import pytest
from mxnet import autograd, cpu, np

from d2l_mlp.data.loaders import ArrayLoader, array_loaders
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training import trainer as trainer_module
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.loop import fit
from d2l_mlp.training.optimizers import OPTIMIZERS, learning_rate
from d2l_mlp.training.state import initial_state, parameters_of
from d2l_mlp.training.trainer import Trainer


def sgd(w, g, states, t, lr, wd, momentum):
    """Polyak's momentum, as Gluon and the chapter's successors write it."""
    v = states.setdefault("momentum", numpy.zeros_like(w))
    v *= momentum
    v -= lr * (g + wd * w)
    return w + v


def adam(w, g, states, t, lr, wd, momentum):
    """Kingma and Ba 2015, algorithm 1."""
    m, v = (states.setdefault(name, numpy.zeros_like(w)) for name in ("mean", "variance"))
    g = g + wd * w
    m += (1 - 0.9) * (g - m)
    v += (1 - 0.999) * (g * g - v)
    return w - lr * (m / (1 - 0.9**t)) / (numpy.sqrt(v / (1 - 0.999**t)) + 1e-8)


ORACLES = {"sgd": sgd, "adam": adam}


@pytest.mark.parametrize(
    ("options", "expected"),  # of 8 epochs of 2 minibatches
    [
        ({"schedule": "step"}, [1] * 8 + [0.1] * 4 + [0.01] * 4),
        ({"warmup": 2}, [0.25, 0.5, 0.75, *[1] * 13]),
        ({"warmup": 0.75}, [2 / 3, 1, *[1] * 14]),
        ({"warmup": 4, "schedule": "step"}, [i / 8 for i in range(1, 9)] + [1] * 4 + [0.1] * 2
         + [0.01] * 2),
        ({"warmup": 1, "schedule": "cosine"}, [0.5, 1] + [
            (1 + numpy.cos(numpy.pi * i / 14)) / 2 for i in range(14)]),
    ],
)  # fmt: skip
def test_schedules(options, expected):
    settings = Hyperparameters(epochs=8, lr=0.3, **options)
    rates = [learning_rate(settings, steps, 2) for steps in range(16)]
    assert rates == pytest.approx([0.3 * factor for factor in expected], rel=1e-12)


@pytest.mark.parametrize("on_host", [True, False])  # by NumPy, and by MXNet, as on a GPU
@pytest.mark.parametrize("devices", [[cpu(0)], [cpu(0), cpu(1)], [cpu(2), cpu(0), cpu(1)]], ids=str)
@pytest.mark.parametrize("wd", [0.0, 0.01])
@pytest.mark.parametrize(
    ("optimizer", "momentum"), [("sgd", 0.0), ("sgd", 0.9), ("adam", 0.0)], ids=str
)
def test_steps_are_the_paper_s(monkeypatch, optimizer, momentum, wd, devices, on_host):
    monkeypatch.setattr(trainer_module, "is_on_host", lambda device: on_host)
    settings = Hyperparameters(optimizer=optimizer, momentum=momentum, wd=wd, lr=0.05)
    mxnet.random.seed(1)
    net = build_mlp((3,), 2, num_inputs=4, dtype="float64", device=devices)
    trainer = Trainer(net, settings, initial_state(net), 1)
    expected = parameters_of(net)
    states = {name: {} for name in expected}
    close = {"rtol": 1e-5, "atol": 2e-5 if optimizer == "adam" else 1e-6}
    random = numpy.random.RandomState(0)
    for t in range(1, 8):
        X = np.array(random.randn(2, 4), dtype="float64")
        parts = [X.as_in_ctx(device) for device in devices[: t % 3 + 1]]  # some have none
        with autograd.record():
            losses = [(net(X) ** 2).sum() for X in parts]
        for loss in losses:
            loss.backward()
        for name, parameter in net._collect_params_with_prefix().items():
            g = sum(parameter.grad(part.ctx).asnumpy() for part in parts) / 5
            w = expected[name]
            expected[name] = ORACLES[optimizer](w, g, states[name], t, 0.05, wd, momentum)
        trainer.step(5)
        for name, parameter in net._collect_params_with_prefix().items():
            for w in parameter.list_data():
                numpy.testing.assert_allclose(w.asnumpy(), expected[name], **close)
    kept = trainer.states()
    assert tuple(kept) == OPTIMIZERS[optimizer].states(settings)
    for state, arrays in kept.items():
        for name, array in arrays.items():
            assert type(array) is numpy.ndarray
            numpy.testing.assert_allclose(array, states[name][state], **close)


def one_step(net, factor, **settings):
    """Parameters before and after a step on the sum of a net's outputs, times a factor."""
    before = parameters_of(net)
    trainer = Trainer(net, Hyperparameters(**settings), initial_state(net), 1)
    weight = net[0].weight
    with autograd.record():
        loss = (factor * net(np.ones((1, weight.shape[1]), dtype=weight.dtype))).sum()
    loss.backward()
    trainer.step(1)
    return before, parameters_of(net)


def test_weight_decay_has_a_factor_of_each_parameter():
    net = build_mlp((3,), 2, "tanh", num_inputs=4)
    net[0].weight.wd_mult, net[1].weight.wd_mult = 0.0, 2.0
    before, after = one_step(net, 0, lr=0.5, wd=0.1)
    for name, left in (("0.weight", 1), ("1.weight", 1 - 2 * 0.5 * 0.1)):
        numpy.testing.assert_allclose(after[name], left * before[name], rtol=1e-6)


def test_adam_s_epsilon_shortens_the_step_for_a_small_gradient():
    net = build_mlp((), 1, num_inputs=1, dtype="float64")
    before, after = one_step(net, 1e-7, optimizer="adam", lr=0.5)
    moved = before["0.bias"] - after["0.bias"]
    assert moved == pytest.approx(0.5 * 1e-7 / (1e-7 + 1e-8), rel=1e-6)


@pytest.mark.parametrize("devices", [[cpu(0)], [cpu(0), cpu(1)]], ids=str)
def test_a_parameter_that_took_no_part_is_told(devices):
    net = build_mlp((3,), 2, "tanh", num_inputs=4, device=devices)
    trainer = Trainer(net, Hyperparameters(), initial_state(net), 1)
    before = parameters_of(net)
    with pytest.raises(ValueError, match=r"parameter 0\.weight has no gradient of this minibatch"):
        trainer.step(1)
    with autograd.record():  # on the last device alone, nothing follows from the output layer
        losses = [
            part(np.ones((1, 4), ctx=device)).sum()
            for part, device in zip((net[0], net), reversed(devices))
        ]
    for loss in losses:
        loss.backward()
    with pytest.raises(ValueError, match=r"parameter 1\.weight has no gradient of this minibatch"):
        trainer.step(1)
    assert all((after == before[name]).all() for name, after in parameters_of(net).items())


def test_a_parameter_that_is_frozen_stays():
    net = build_mlp((3,), 2, "tanh", num_inputs=4)
    net[0].bias.grad_req = "null"
    before = parameters_of(net)
    data = ArrayLoader(numpy.eye(4), [0, 1, 0, 1], 2)
    fit(net, data, data, epochs=2, lr=0.1)
    for name, after in parameters_of(net).items():
        assert (after.tobytes() == before[name].tobytes()) is (name == "0.bias")


def test_adam_trains_better_than_it_starts_at_its_own_learning_rate(sample):
    mxnet.random.seed(0)
    net = build_mlp((32,), num_inputs=784)
    history = fit(net, *array_loaders(sample, 128), epochs=4, optimizer="adam")
    assert history[-1].val_accuracy > 0.75
