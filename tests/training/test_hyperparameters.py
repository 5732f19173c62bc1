import dataclasses
import math
import re

import numpy
import pytest

from d2l_mlp.mlp import INITIALIZERS
from d2l_mlp.training.hyperparameters import Hyperparameters


def test_defaults_are_the_chapter_s():
    assert dataclasses.asdict(Hyperparameters()) == {
        "hidden": (256, 256), "activation": "relu", "dropout": 0.0, "init": "xavier", "epochs": 10,
        "batch_size": 256, "optimizer": "sgd", "lr": 0.5, "momentum": 0.0, "wd": 0.0,
        "schedule": "constant", "warmup": 0.0, "validation": 0.0, "patience": 0,
        "monitor": "accuracy", "min_delta": 0.0, "seed": 0,
        "loader": "arrays",
    }  # fmt: skip
    assert Hyperparameters(optimizer="adam").lr == 0.001


def test_numpy_s_numbers_become_python_s():
    settings = Hyperparameters(
        hidden=numpy.array([3, 4]), epochs=numpy.int64(2), lr=numpy.float32(0.5), momentum=0
    )
    assert settings == Hyperparameters(hidden=(3, 4), epochs=2, lr=0.5)
    assert {type(value) for value in (*settings.hidden, settings.epochs)} == {int}
    assert Hyperparameters(seed=numpy.uint32(2**32 - 1)).seed == 2**32 - 1
    assert {type(value) for value in (settings.lr, settings.momentum)} == {float}


@pytest.mark.parametrize(
    ("name", "values", "rule"),
    [
        ("epochs", [0, -1, 2.0, "3", True, None], "an integer of at least 1"),
        ("hidden", [(3, 0), 3, "33", b"33"], "a sequence of values, each an integer of at least 1"),
        ("batch_size", [-1], "an integer of at least 1"),
        (
            "lr",
            [0, -0.1, math.nan, math.inf, 10**400, "0.5", numpy.str_("1")],
            "a number greater than 0",
        ),
        ("momentum", [-0.1, 1, math.nan], "a number of at least 0 and less than 1"),
        ("wd", [-1e-9, math.nan, math.inf], "a number of at least 0"),
        ("seed", [-1, 2**32, 0.5], "an integer of at least 0 and at most 4294967295"),
        (
            "activation",
            ["step", None, numpy.array(["relu"])],
            "one of relu, prelu, sigmoid, tanh, gelu, swish",
        ),
        ("init", [["he"]], "one of xavier, he, normal"),
        ("optimizer", ["lion", None, ["sgd"]], "one of sgd, adam"),
        ("schedule", ["linear", None], "one of constant, cosine, step"),
    ],
)
def test_values_are_checked(name, values, rule):
    for value in values:
        with pytest.raises(ValueError, match=re.escape(f"{name} is {value!r}; give {rule}")):
            Hyperparameters(**{name: value})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"optimizer": "adam", "momentum": 0.9}, r"momentum is 0\.9, but the optimizer is adam"),
        ({"epochs": 3, "warmup": 3}, "warmup is 3, but epochs is 3; give less"),
    ],
)
def test_values_that_exclude_each_other(values, says):
    with pytest.raises(ValueError, match=says):
        Hyperparameters(**values)


def test_initializers_are_all_there_are():
    # By name only: a command lists them without importing MXNet.
    (init,) = (f for f in dataclasses.fields(Hyperparameters) if f.name == "init")
    assert init.metadata["rule"].names == tuple(INITIALIZERS)
