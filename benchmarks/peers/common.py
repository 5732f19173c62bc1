"""What every program of the comparison does alike; needs NumPy alone, so that all can import it.

The work: an MLP of ReLU units, softmax cross-entropy, plain SGD, minibatches in a fresh random
order each epoch; training loss and accuracy as met during the epoch, test loss and accuracy after.
A program trains an epoch for each line on its standard input, and prints what it measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy

parser = argparse.ArgumentParser()
parser.add_argument("data", help="an .npz file")
parser.add_argument("--hidden", type=int, nargs="*", default=[256])
parser.add_argument("--batch-size", type=int, default=256)
parser.add_argument("--examples", type=int, default=60_000, help="the set repeated, or cut short")
parser.add_argument("--jit", choices=("step", "epoch"), default="step", help="JAX: what to compile")
args = parser.parse_args()
LR, SEED = 0.1, 0


def raw():
    """Read uint8 images and labels: training and test."""
    with numpy.load(args.data) as data:
        X, y = data["train_images"], data["train_labels"]
        if args.examples != len(y):
            rows = numpy.arange(args.examples) % len(y)
            X, y = X[rows], y[rows]
        return X, y, data["test_images"], data["test_labels"]


def load():
    """Read images as float32 (n, 784) in [0, 1] and labels as int32."""
    X, y, X_test, y_test = raw()

    def scaled(images):
        images = images.reshape(len(images), -1).astype("float32")
        images /= 255
        return images

    return scaled(X), y.astype("int32"), scaled(X_test), y_test.astype("int32")


def initial_parameters():
    """Draw (W, b) of each layer: Glorot uniform and zeros, weights of shape (inputs, outputs)."""
    random, units = numpy.random.RandomState(SEED), [784, *args.hidden, 10]
    layers = []
    for inputs, outputs in zip(units, units[1:]):
        bound = (6 / (inputs + outputs)) ** 0.5
        weight = random.uniform(-bound, bound, (inputs, outputs)).astype("float32")
        layers.append((weight, numpy.zeros(outputs, "float32")))
    return layers


def order(epoch):
    """Permute the examples."""
    return numpy.random.RandomState([SEED, epoch]).permutation(args.examples)


def tell(seconds, train_loss, train_accuracy=None, test_loss=None, test_accuracy=None):
    """Report an epoch."""
    print(json.dumps({
        "seconds": seconds, "train_loss": train_loss, "train_accuracy": train_accuracy,
        "test_loss": test_loss, "test_accuracy": test_accuracy,
    }), flush=True)  # fmt: skip


def take_turns(train_epoch, evaluate):
    """Train an epoch for each line that comes in."""
    for epoch, _ in enumerate(sys.stdin):
        start = time.perf_counter()
        train = train_epoch(epoch)
        tell(time.perf_counter() - start, *train, *evaluate())
