"""What a net makes of an image, with the probability of each class."""

from typing import Dict, NamedTuple

import numpy
from mxnet import gluon

from d2l_mlp.data.canonical import CLASSES
from d2l_mlp.data.features import to_features
from d2l_mlp.mlp import softmax
from d2l_mlp.runtime.device import device_of
from d2l_mlp.training.evaluation import predict


class Prediction(NamedTuple):
    """The outcome for one image."""

    label: int
    """Of the largest logit."""
    probabilities: numpy.ndarray
    """Of the classes: float32 of shape (10,)."""

    @property
    def name(self) -> str:
        """The predicted class."""
        return CLASSES[self.label]

    def by_class(self) -> Dict[str, float]:
        """Give the probabilities by the names of the classes."""
        return dict(zip(CLASSES, self.probabilities.tolist()))

    def __str__(self) -> str:
        others = sorted(self.by_class().items(), key=lambda item: (item[0] != self.name, -item[1]))
        said = [f"{name} {p:.3f}" for i, (name, p) in enumerate(others) if p >= 0.01 or not i]
        return ", ".join(said)


def predict_image(net: gluon.Block, pixels: numpy.ndarray) -> Prediction:
    """Predict what an image shows.

    Parameters
    ----------
    net : gluon.Block
        Maps features (n, 1, 28, 28) to logits (n, 10).
    pixels : numpy.ndarray
        Grey values as in the data set: uint8 of shape (28, 28), the article light on dark.

    Returns
    -------
    Prediction
        Label and probabilities.
    """
    X = to_features(pixels, device_of(net))
    (label,) = predict(net, X)
    return Prediction(int(label), softmax(net(X))[0].asnumpy())
