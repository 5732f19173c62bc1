import dataclasses
import math

import numpy
import pytest

from d2l_mlp.mlp import INITIALIZERS
from d2l_mlp.training.hyperparameters import Hyperparameters


def test_defaults_are_the_chapter_s():
    assert dataclasses.asdict(Hyperparameters()) == {
        "hidden": (256, 256), "activation": "relu", "dropout": 0.0, "init": "xavier", "epochs": 10,
        "batch_size": 256, "optimizer": "sgd", "lr": 0.5, "momentum": 0.0, "wd": 0.0,
        "schedule": "constant", "validation": 0.0, "patience": 0, "seed": 0,
        "loader": "arrays", "workers": 0,
    }  # fmt: skip
    assert Hyperparameters(optimizer="adam").lr == 0.001


def test_numpy_s_numbers_become_python_s():
    settings = Hyperparameters(
        hidden=numpy.array([3, 4]), epochs=numpy.int64(2), lr=numpy.float32(0.5), momentum=0
    )
    assert settings == Hyperparameters(hidden=(3, 4), epochs=2, lr=0.5)
    assert {type(value) for value in (*settings.hidden, settings.epochs)} == {int}
    assert {type(value) for value in (settings.lr, settings.momentum)} == {float}


def test_momentum_may_be_as_close_to_one_as_a_number_can():
    closest = numpy.nextafter(1, 0)
    assert Hyperparameters(momentum=closest).momentum == closest


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"epochs": 0}, "epochs is 0; give an integer of at least 1"),
        ({"epochs": True}, "epochs is True; give an integer"),
        ({"epochs": 2.0}, "epochs is 2.0; give an integer"),
        ({"epochs": None}, "epochs is None; give an integer"),
        ({"hidden": (3, 0)}, r"hidden is \(3, 0\); give a sequence of values, each an integer of"),
        ({"hidden": 3}, "hidden is 3; give a sequence"),
        ({"hidden": "33"}, "hidden is '33'; give a sequence"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"lr": 0}, "lr is 0; give a number greater than 0"),
        ({"lr": math.nan}, "lr is nan"),
        ({"lr": 10**400}, "lr is 1000"),
        ({"lr": "0.5"}, "lr is '0.5'"),
        ({"momentum": 1}, "momentum is 1; give a number of at least 0 and less than 1"),
        ({"wd": math.inf}, "wd is inf; give a number of at least 0"),
        ({"seed": 2**32}, "seed is 4294967296; give an integer of at least 0 and at most 4294967"),
        ({"activation": "step"}, "activation is 'step'; give one of relu, prelu, sigmoid, tanh"),
        ({"activation": None}, "activation is None; give one of"),
        ({"init": ["he"]}, r"init is \['he'\]; give one of xavier, he, normal"),
        ({"optimizer": "lion"}, "optimizer is 'lion'; give one of sgd, adam"),
        ({"optimizer": "adam", "momentum": 0.9}, "momentum is 0.9, but the optimizer is adam; mom"),
        ({"workers": 2}, "workers is 2, but the loader is arrays, which has no processes"),
    ],
)
def test_bounds(values, says):
    with pytest.raises(ValueError, match=says):
        Hyperparameters(**values)


def test_initializers_are_all_there_are():
    # By name only: a command lists them without importing MXNet.
    (init,) = (f for f in dataclasses.fields(Hyperparameters) if f.name == "init")
    assert init.metadata["rule"].names == tuple(INITIALIZERS)
