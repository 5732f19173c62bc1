"""JAX on the CPU: ``--jit step`` compiles one minibatch's work, ``--jit epoch`` a whole epoch's."""

from __future__ import annotations

from functools import partial

import jax
from common import LR, args, initial_parameters, load, order, take_turns
from jax import numpy as jnp

X, y, X_test, y_test = map(jnp.asarray, load())
parameters = jax.tree.map(jnp.asarray, initial_parameters())
full = args.examples // args.batch_size * args.batch_size


def loss_and_logits(parameters, X, y):
    *hidden, (W, b) = parameters
    for weight, bias in hidden:
        X = jax.nn.relu(X @ weight + bias)
    logits = X @ W + b
    log_p = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).sum(), logits


def step(state, rows):
    parameters, loss_sum, correct = state
    features, labels = X[rows], y[rows]
    (loss, logits), grads = jax.value_and_grad(loss_and_logits, has_aux=True)(
        parameters, features, labels
    )
    parameters = jax.tree.map(lambda p, g: p - LR / args.batch_size * g, parameters, grads)
    correct = correct + (logits.argmax(axis=1) == labels).sum()
    return parameters, loss_sum + loss, correct


jitted_step = jax.jit(step)


@partial(jax.jit, donate_argnums=0)
def whole_epoch(state, rows, rest):
    state, _ = jax.lax.scan(lambda state, rows: (step(state, rows), None), state, rows)
    return step(state, rest) if len(rest) else state


def train_epoch(epoch):
    global parameters
    rows = order(epoch)
    state = (parameters, jnp.zeros(()), jnp.zeros((), int))
    if args.jit == "step":
        rows = jnp.asarray(rows)
        for start in range(0, len(rows), args.batch_size):
            state = jitted_step(state, rows[start : start + args.batch_size])
    else:
        minibatches = jnp.asarray(rows[:full].reshape(-1, args.batch_size))
        state = whole_epoch(state, minibatches, jnp.asarray(rows[full:]))
    parameters, loss_sum, correct = jax.block_until_ready(state)
    return loss_sum.item() / len(X), correct.item() / len(X)


evaluation = jax.jit(loss_and_logits)


def evaluate():
    loss, logits = evaluation(parameters, X_test, y_test)
    return loss.item() / len(y_test), (logits.argmax(axis=1) == y_test).mean().item()


take_turns(train_epoch, evaluate)
