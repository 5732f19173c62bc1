"""Nets with weights drawn at random, and a run's net written out."""

from pathlib import Path

import numpy
from mxnet import nd, np

from d2l_mlp.mlp import build_mlp
from d2l_mlp.runs.net import new_net
from d2l_mlp.runs.reader import SavedRun
from d2l_mlp.training.hyperparameters import Hyperparameters


def random_net(hidden, activation="relu", alpha=0.25, num_inputs=1, num_outputs=1, seed=0):
    """A net whose weights are drawn so that its outputs neither vanish nor explode."""
    net = build_mlp(hidden, num_outputs, activation, num_inputs=num_inputs, dtype="float64")
    random = numpy.random.RandomState(seed)
    for name, parameter in net._collect_params_with_prefix().items():
        if name.endswith("alpha"):
            value = numpy.full(1, alpha)
        else:
            fan_in = parameter.shape[1] if parameter.shape[1:] else 1
            value = random.randn(*parameter.shape) / fan_in**0.5
        parameter.set_data(np.array(value, dtype="float64"))
    return net


def written_out(folder, images):
    """Predict with plain NumPy what the run in a folder, of one ReLU layer with dropout, does."""
    p = {name: a.asnumpy() for name, a in nd.load(str(folder / "model.params")).items()}
    X = images.reshape(len(images), -1) / 255
    H = numpy.maximum(X @ p["0.weight"].T + p["0.bias"], 0)
    return (H @ p["2.weight"].T + p["2.bias"]).argmax(axis=1)


def random_run(**settings):
    """What is read of a run whose every parameter is drawn."""
    settings = Hyperparameters(**settings)
    net = new_net(settings)
    random = numpy.random.RandomState(0)
    for parameter in net.collect_params().values():
        if parameter.name.endswith(("bias", "alpha")):
            parameter.set_data(np.array(random.uniform(-0.5, 0.5, parameter.shape)))
    config = {"hyperparameters": {"hidden": list(settings.hidden)}}
    return SavedRun(Path("run"), config, settings, (), 0, net)
