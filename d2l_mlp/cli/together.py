"""What each of several processes does that train together, and what all but worker 0 do."""

import dataclasses
from typing import Any, List

import mxnet
from mxnet import gluon

from d2l_mlp.cli import training_data
from d2l_mlp.cli.signals import SaidError, Signals
from d2l_mlp.cli.train_flags import TrainFlags
from d2l_mlp.data import fashion_mnist
from d2l_mlp.runs.net import new_net
from d2l_mlp.runtime import device
from d2l_mlp.runtime.workers import Workers
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.loop import DivergenceError, fit
from d2l_mlp.training.state import EpochMetrics


def workers_of(flags: TrainFlags) -> Workers:
    """Wait for the others, and give the workers; this process alone without ``--kvstore``."""
    return Workers(mxnet.kvstore.create(flags.kvstore) if flags.kvstore else None)


def fit_by(
    settings: Hyperparameters, net: gluon.Block, train_iter: Any, val_iter: Any, **options: Any
) -> List[EpochMetrics]:
    """Fit a net by a run's hyperparameters; the options are others of `fit`."""
    return fit(
        net, train_iter, val_iter, num_epochs=settings.epochs, optimizer=settings.optimizer,
        lr=settings.lr, momentum=settings.momentum, wd=settings.wd, schedule=settings.schedule,
        patience=settings.patience, seed=settings.seed, **options,
    )  # fmt: skip


def tell(workers: Workers, settings: Hyperparameters, release: str, done: int) -> None:
    """Let worker 0 tell the others what to do: `work` takes it."""
    workers.told(lambda: (dataclasses.asdict(settings), release, done))


def work(flags: TrainFlags, signals: Signals, workers: Workers) -> None:
    """Do the part of a worker that is not the first: it trains, and says and writes nothing.

    Parameters
    ----------
    flags : TrainFlags
        Of the command line, of which the device and the data's folder count.
    signals : Signals
        Of the command.
    workers : Workers
        That train together.

    Raises
    ------
    SaidError
        If the training has diverged, which worker 0 says; other errors are for one line.
    """
    devices = device.choose_several(flags.device)
    with signals.deferred(), workers:
        hyperparameters, release, done = workers.told(lambda: None)
        settings = Hyperparameters(**hyperparameters)
        data = fashion_mnist.load(release, flags.data_dir if release != "sample" else None)
        train_iter, _ = training_data.train_loaders(settings, data, devices[0], workers)
        del data  # the test set is for worker 0
        train_iter.epoch = done
        net = new_net(settings, devices)
        try:
            fit_by(settings, net, train_iter, None, workers=workers, on_minibatch=signals.check)
        except DivergenceError as error:
            raise SaidError from error
        workers.finish()
