"""Our floor: the matrix products of an epoch of the MLP by MXNet's oneDNN, and nothing else."""

from __future__ import annotations

import d2l_mlp  # noqa: F401 (it repairs the import of MXNet)

# isort: split

import mxnet
from common import args, take_turns

units = [784, *args.hidden, 10]
out = mxnet.sym.Variable("X")
for layer, outputs in enumerate(units[1:]):
    out = mxnet.sym.FullyConnected(out, num_hidden=outputs, no_bias=True, name=f"fc{layer}")
shapes = {"X": (args.batch_size, units[0])}
names = out.list_arguments()
needed = {name: "null" if name == "X" else "write" for name in names}
executor = out.simple_bind(mxnet.cpu(), grad_req=needed, **shapes)
for array in executor.arg_arrays:
    array[:] = mxnet.nd.random.uniform(shape=array.shape)
gradient = mxnet.nd.ones((args.batch_size, units[-1]))


def train_epoch(epoch):
    for _ in range(-(-args.examples // args.batch_size)):
        executor.forward(is_train=True)
        executor.backward(gradient)
    return (None,)


take_turns(train_epoch, lambda: ())
