"""The chapter's example of a risk that a linear model cannot predict.

Chapter, section "Hidden Layers": body temperatures are dangerous on both sides of 37 degrees C, the
further away the more, and no function that only rises or only falls can say so. The data are made
up.
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
"""Who is further than this from `NORMAL` is at risk, in the data made up here."""


class Model(NamedTuple):
    """A classifier of body temperatures."""

    net: gluon.Block
    """Maps features of shape (n, 1) to the logits of "no risk" and "at risk"."""
    feature: Callable[[numpy.ndarray], numpy.ndarray]
    """Maps temperatures, less `NORMAL`, to the net's feature."""
    error: float
    """Share of the test set that is classified wrongly."""

    def risk(self, temperatures: numpy.ndarray) -> numpy.ndarray:
        """Predict the probability of being at risk.

        Parameters
        ----------
        temperatures : array_like
            In degrees C, of shape (n,).

        Returns
        -------
        numpy.ndarray
            Of shape (n,), float32.
        """
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
    """Make up body temperatures and who is at risk.

    Parameters
    ----------
    n : int
        Individuals.
    seed : int
        0 to 2**32 - 1.

    Returns
    -------
    temperatures : numpy.ndarray
        In degrees C, evenly distributed from 34 to 40, of shape (n,), float64.
    labels : numpy.ndarray
        1 for at risk, else 0, of shape (n,); about as many of each.
    """
    temperatures = numpy.random.RandomState(seed).uniform(NORMAL - 3, NORMAL + 3, n)
    return temperatures, (abs(temperatures - NORMAL) > LIMIT).astype("int32")


def compare(seed: int = 0) -> dict[str, Model]:
    """Train each of `MODELS` with `d2l_mlp.training.loop.fit`, on the same data.

    Linearity is a strong assumption: a model that is linear in the temperature has to predict a
    risk that rises all the way or falls all the way. It is wrong about one side at least, which
    is a quarter of all. The MLP learns both sides.

    Parameters
    ----------
    seed : int, default 0
        Of the data, their order and the parameters; 0 to 2**32 - 2.
        MXNet's generator is seeded with it.

    Returns
    -------
    dict of str to Model
        In the order of `MODELS`.
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
