"""The chapter's example of a risk that a linear model cannot predict.

Chapter, section "Hidden Layers": body temperatures are dangerous on both sides of 37 degrees C, the
further away the more, which no monotonic function can express. The data are made up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Callable, NamedTuple

import mxnet
import numpy
from mxnet import gluon, np

from d2l_mlp.data.loaders import ArrayLoader
from d2l_mlp.mlp import build_mlp, softmax
from d2l_mlp.training.loop import fit

NORMAL = 37.0
"""Temperature of the least risk, in degrees C."""

LIMIT = 1.5
"""Distance from `NORMAL` beyond which somebody is at risk, in the data made up here."""


class Model(NamedTuple):
    """A classifier of body temperatures."""

    net: gluon.Block  # maps features of shape (n, 1) to the logits of "no risk" and "at risk"
    feature: Callable[[numpy.ndarray], numpy.ndarray]  # of temperatures less `NORMAL`
    error: float  # share of the test set that is classified wrongly

    def risk(self, temperatures: numpy.ndarray) -> numpy.ndarray:
        """Predict the probability of being at risk for temperatures in degrees C, of shape (n,)."""
        features = self.feature(numpy.asarray(temperatures) - NORMAL)[:, None]
        return softmax(self.net(np.array(features, dtype="float32")))[:, 1].asnumpy()


MODELS: Mapping[str, tuple[Sequence[int], Callable]] = MappingProxyType(
    {
        "linear": ((), lambda deviation: deviation),
        "linear in the distance": ((), abs),
        "MLP": ((32,), lambda deviation: deviation),
    }
)
"""Hidden units and feature of each model; the second is the chapter's clever preprocessing."""


def make_data(n: int, seed: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Draw temperatures from 34 to 40 degrees C, and labels: 1 for at risk, else 0."""
    temperatures = numpy.random.RandomState(seed).uniform(NORMAL - 3, NORMAL + 3, n)
    return temperatures, (abs(temperatures - NORMAL) > LIMIT).astype("int32")


def compare(seed: int = 0) -> dict[str, Model]:
    """Train each of `MODELS` on the same data, drawn with a seed; return them by name.

    A model that is linear in the temperature predicts a risk that only rises or only falls. It is
    wrong about one side at least, a quarter of all. The MLP learns both sides.
    """
    (t, y), (test_t, test_y) = make_data(1000, seed), make_data(2000, seed + 1)
    models = {}
    for name, (hidden, feature) in MODELS.items():
        mxnet.random.seed(seed)
        net = build_mlp(hidden, num_outputs=2, num_inputs=1)
        train_iter = ArrayLoader(feature(t - NORMAL)[:, None], y, 100, seed)
        test_iter = ArrayLoader(feature(test_t - NORMAL)[:, None], test_y, len(test_y))
        history = fit(net, train_iter, test_iter, epochs=10, momentum=0.9, schedule="cosine")
        models[name] = Model(net, feature, 1 - history[-1].val_accuracy)
    return models
