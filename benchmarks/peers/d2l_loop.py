"""The book's own loader and loop, with gluon.Trainer as the book sets it up."""

from __future__ import annotations

from pathlib import Path

from common import LR, args, raw, take_turns

import d2l_mlp  # noqa: F401 (before MXNet and d2l, which it makes importable)

# isort: split
from d2l import mxnet as d2l
from mxnet import autograd, gluon, init
from mxnet.gluon import nn

from d2l_mlp.data.d2l_loader import use_verified_data
from d2l_mlp.data.fashion_mnist import FashionMNIST

X, y, X_test, y_test = raw()
folder = Path(args.data).parent
use_verified_data(FashionMNIST((X, y), (X_test, y_test), "fashion-mnist", folder))
train_iter, test_iter = d2l.load_data_fashion_mnist(args.batch_size)
net = nn.Sequential()
net.add(*(nn.Dense(units, activation="relu") for units in args.hidden), nn.Dense(10))
net.initialize(init.Xavier())
loss = gluon.loss.SoftmaxCrossEntropyLoss()
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": LR})


def train_epoch(epoch):
    metric = d2l.Accumulator(3)
    for X, y in train_iter:
        with autograd.record():
            y_hat = net(X)
            l = loss(y_hat, y)  # noqa: E741 (the book's name)
        l.backward()
        trainer.step(X.shape[0])
        metric.add(float(l.sum()), d2l.accuracy(y_hat, y), y.size)
    return metric[0] / metric[2], metric[1] / metric[2]


def evaluate():
    metric = d2l.Accumulator(3)
    for X, y in test_iter:
        y_hat = net(X)
        metric.add(float(loss(y_hat, y).sum()), d2l.accuracy(y_hat, y), y.size)
    return metric[0] / metric[2], metric[1] / metric[2]


take_turns(train_epoch, evaluate)
train_iter = test_iter = None  # Gluon's loaders cannot end their processes while Python itself ends
