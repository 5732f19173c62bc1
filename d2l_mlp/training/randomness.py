"""The random numbers that a net itself draws while it is trained, as dropout does."""

import warnings
from typing import List, Optional

import mxnet
import numpy
from mxnet import gluon
from mxnet.gluon import nn

from d2l_mlp.training.state import TrainingState


def seed_epoch(seed: Optional[int], epoch: int, rank: int = 0) -> None:
    """Seed MXNet's generator for an epoch.

    The state of that generator cannot be read, and so not be kept in a checkpoint. What is drawn
    in an epoch has to follow from the epoch's number, if a training is to be resumed.

    Parameters
    ----------
    seed : int or None
        Of the whole training, 0 to 2**32 - 1; with None, the generator is left as it is.
    epoch : int
        From 0.
    rank : int, default 0
        Number of the worker, of several: each draws numbers of its own for its part of a minibatch.
    """
    if seed is not None:
        numbers = [seed, epoch, rank] if rank else [seed, epoch]
        mxnet.random.seed(int(numpy.random.RandomState(numbers).randint(2**31)))


def warn_of_other_numbers(
    net: gluon.Block, seed: Optional[int], state: Optional[TrainingState]
) -> None:
    """Warn if a net with dropout is trained on without a seed: it draws other numbers than before.

    Parameters
    ----------
    net : gluon.Block
        About to be trained.
    seed : int or None
        Of its training.
    state : TrainingState or None
        That the training goes on from.
    """
    if seed is not None or state is None or not state.history:
        return
    blocks: List[gluon.Block] = []
    net.apply(blocks.append)
    if any(isinstance(block, nn.Dropout) for block in blocks):
        warnings.warn(
            "the net has dropout and there is no seed: it does not go on as if there had been no "
            "interruption; give fit the same seed before and after",
            stacklevel=3,
        )
