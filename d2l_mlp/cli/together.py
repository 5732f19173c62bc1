"""Training by several processes: worker 0 does the job, and the others help."""

from __future__ import annotations

import mxnet

from d2l_mlp.cli import deadline, training_data, training_job
from d2l_mlp.cli.command import SaidError, Signals
from d2l_mlp.cli.heartbeat import beat
from d2l_mlp.cli.train_flags import PROG, TrainFlags
from d2l_mlp.data.fashion_mnist import load_fashion_mnist
from d2l_mlp.hardware.devices import choose_devices
from d2l_mlp.runs.net import new_net
from d2l_mlp.training.distributed import Workers
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.loop import DivergenceError, fit

_SECONDS = 8.0  # from a signal to the end of a worker that the others keep waiting


def train(flags: TrainFlags, signals: Signals) -> None:
    """Wait for the other processes, and train with them, as the flags say.

    Parameters
    ----------
    flags : TrainFlags
        Of the command line. Where this is not worker 0, only the device and the data's folder
        count.
    signals : Signals
        Of the command.

    Raises
    ------
    SaidError
        If the training has diverged, and another worker says so; other errors are for one line.
    """
    with deadline.after_signal(_SECONDS, PROG):
        workers = Workers(mxnet.kvstore.create(flags.kvstore))
        beat()  # all are there
        try:
            (_work if workers.rank else training_job.train)(flags, signals, workers)
        finally:
            workers.close()


def _work(flags: TrainFlags, signals: Signals, workers: Workers) -> None:
    """Do the part of a worker that is not the first: it trains, and says and writes nothing."""
    devices = choose_devices(flags.device)
    with signals.deferred(), workers:
        hyperparameters, release, done = workers.broadcast(lambda: None)  # by the job
        settings = Hyperparameters(**hyperparameters)
        data = load_fashion_mnist(release, flags.data_dir)
        train_iter, val_iter = training_data.train_loaders(settings, data, devices[0], workers)
        del data  # the test set is for worker 0
        train_iter.epoch = done
        net = new_net(settings, devices)

        def on_minibatch() -> None:
            beat()
            signals.check()

        try:
            fit(net, train_iter, val_iter, settings, workers=workers, on_minibatch=on_minibatch)
        except DivergenceError as error:
            raise SaidError from error  # by worker 0
        workers.barrier()
