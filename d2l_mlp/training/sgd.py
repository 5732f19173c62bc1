"""Stochastic gradient descent whose momentum can be kept, and that a CPU does fast.

Gluon's trainer keeps the momentum of MXNet's SGD in a pickle, which could run code when it is read.
And whatever it is told, that SGD calls an operator made for several parameters at once, which on a
CPU takes twice as long as the one for a single parameter.
"""

from typing import Dict

import mxnet
import numpy
from mxnet import gluon, nd


class SGD(mxnet.optimizer.SGD):
    """MXNet's SGD, for one device.

    Parameters
    ----------
    net : gluon.Block
        Initialized; gives the parameters their names.
    momentum_before : dict of str to numpy.ndarray
        To go on from, by Gluon's structural names, such as ``"0.weight"``; {} for none.
    **options
        Of MXNet's own: ``learning_rate``, ``momentum``, ``wd``.
    """

    def __init__(self, net: gluon.Block, momentum_before: Dict[str, numpy.ndarray], **options):
        super().__init__(**options)
        self.aggregate_num = 0  # one parameter at a time
        self._name_of = {p: name for name, p in net._collect_params_with_prefix().items()}
        self._before, self._arrays = momentum_before, {}

    def create_state(self, index, weight):
        """Make the momentum of a parameter; None without momentum."""
        array = super().create_state(index, weight)
        if array is not None:
            name = self._name_of[self.param_dict[index]]
            if name in self._before:
                array[:] = self._before[name]
            self._arrays[name] = array
        return array

    def update_multi_precision(self, index, weight, grad, state):
        """Update one parameter."""
        self._update_count(index)
        lr, wd, scale = self._get_lr(index), self._get_wd(index), self.rescale_grad
        if state is None:
            nd.sgd_update(weight, grad, lr, wd, scale, out=weight)
        else:
            nd.sgd_mom_update(weight, grad, state, lr, self.momentum, wd, scale, out=weight)

    def read_momentum(self) -> Dict[str, numpy.ndarray]:
        """Copy the momentum; {} before the first step, and without momentum."""
        return {name: array.asnumpy() for name, array in self._arrays.items()}
