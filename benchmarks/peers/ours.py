"""d2l_mlp's own trainer, set up as ``python -m d2l_mlp.train --hidden 256 --lr 0.1`` does."""

from __future__ import annotations

import sys
from pathlib import Path

from common import LR, SEED, args, raw, tell

from d2l_mlp.data.fashion_mnist import FashionMNIST
from d2l_mlp.data.loaders import array_loaders
from d2l_mlp.mlp import build_mlp
from d2l_mlp.training.loop import fit

X, y, X_test, y_test = raw()
data = FashionMNIST((X, y), (X_test, y_test), "fashion-mnist", Path(args.data).parent)
loaders = array_loaders(data, args.batch_size, SEED)
net = build_mlp(args.hidden, num_inputs=784)


def on_epoch(state):
    metrics = state.history[-1]
    tell(metrics.seconds, *metrics[1:5])
    if not sys.stdin.readline():
        sys.exit()


sys.stdin.readline()
fit(net, *loaders, epochs=sys.maxsize, lr=LR, on_epoch=on_epoch)
