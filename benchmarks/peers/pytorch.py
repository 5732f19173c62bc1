"""PyTorch, eager, as its tutorials write it, with the data in memory."""

from __future__ import annotations

import torch
from common import LR, args, initial_parameters, load, order, take_turns
from torch import nn

X, y, X_test, y_test = map(torch.from_numpy, load())
y, y_test = y.long(), y_test.long()
layers = []
for weight, bias in initial_parameters():
    layers += [nn.Linear(*weight.shape), nn.ReLU()]
    with torch.no_grad():
        layers[-2].weight.copy_(torch.from_numpy(weight.T))
        layers[-2].bias.copy_(torch.from_numpy(bias))
net = nn.Sequential(*layers[:-1])
optimizer = torch.optim.SGD(net.parameters(), lr=LR)
loss = nn.CrossEntropyLoss(reduction="sum")


def train_epoch(epoch):
    loss_sum, correct = torch.zeros(()), torch.zeros(())
    for minibatch in torch.from_numpy(order(epoch)).split(args.batch_size):
        features, labels = X[minibatch], y[minibatch]
        logits = net(features)
        batch_loss = loss(logits, labels)
        optimizer.zero_grad()
        (batch_loss / args.batch_size).backward()
        optimizer.step()
        loss_sum += batch_loss.detach()
        correct += (logits.detach().argmax(1) == labels).sum()
    return loss_sum.item() / len(X), correct.item() / len(X)


@torch.no_grad()
def evaluate():
    logits = net(X_test)
    accuracy = (logits.argmax(1) == y_test).float().mean()
    return loss(logits, y_test).item() / len(y_test), accuracy.item()


take_turns(train_epoch, evaluate)
