"""scikit-learn's MLPClassifier, in float32, one partial_fit an epoch.

It keeps the training loss itself; the training accuracy it does not compute, and is spared it.
"""

from __future__ import annotations

import warnings

from common import LR, SEED, args, load, take_turns
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

X, y, X_test, y_test = load()
warnings.simplefilter("ignore")  # that its epochs have not converged
net = MLPClassifier(
    args.hidden, solver="sgd", alpha=0, batch_size=args.batch_size, learning_rate_init=LR,
    momentum=0, nesterovs_momentum=False, random_state=SEED,
)  # fmt: skip


def train_epoch(epoch):
    net.partial_fit(X, y, classes=range(10))
    return float(net.loss_), None


def evaluate():
    probabilities = net.predict_proba(X_test)
    accuracy = (probabilities.argmax(axis=1) == y_test).mean()
    return float(log_loss(y_test, probabilities)), float(accuracy)


take_turns(train_epoch, evaluate)
