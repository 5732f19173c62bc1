"""PyTorch's floor: the matrix products of an epoch of the MLP and nothing else."""

from __future__ import annotations

import torch
from common import args, take_turns

units = [784, *args.hidden, 10]
X = [torch.rand(args.batch_size, n) for n in units]
W = [torch.rand(inputs, outputs) for inputs, outputs in zip(units, units[1:])]


def train_epoch(epoch):
    for _ in range(-(-args.examples // args.batch_size)):
        for layer, weight in enumerate(W):
            X[layer] @ weight
            X[layer].T @ X[layer + 1]
            if layer:
                X[layer + 1] @ weight.T
    return (None,)


take_turns(train_epoch, lambda: ())
