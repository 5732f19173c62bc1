"""What the training command does: find the data, build the net, fit it, and save the run."""

import dataclasses
import itertools
import logging
import math
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

import mxnet
import numpy
from mxnet import gluon
from tqdm import tqdm

from d2l_mlp import __version__
from d2l_mlp.cli.signals import Signals
from d2l_mlp.cli.train_flags import TrainFlags
from d2l_mlp.data import book_loaders, fashion_mnist, loaders
from d2l_mlp.data.reader import FashionMNIST
from d2l_mlp.runs import config
from d2l_mlp.runs.folder import Run
from d2l_mlp.runs.net import new_net
from d2l_mlp.runtime import device, processors
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.loop import fit
from d2l_mlp.training.state import EpochMetrics, TrainingState, initial_state

log = logging.getLogger(__name__)


def train(flags: TrainFlags, signals: Signals) -> None:
    """Do what the flags say; from the net on, a signal waits for the end of a minibatch."""
    started = time.perf_counter()
    context = device.choose(flags.device)
    run = Run.resume(flags.resume) if flags.resume else None
    settings, dataset = _continued(run, flags) if run else (flags.hyperparameters, flags.dataset)
    data = fashion_mnist.load(dataset, flags.data_dir)
    with signals.deferred():
        net = new_net(settings, context)
        train_iter, test_iter = _loaders(settings, data, context)
        now = _config(settings, data, context)
        if run:
            _compare_machines(run.config, now)
            run.write_config(now)
        else:
            run = Run.start(flags.out or _default_folder(settings), now, initial_state(net))
        done = len(run.state.history)
        train_iter.epoch = done
        if not flags.quiet:
            _introduce(settings, data, context, net)
            if flags.resume:
                _say(f"resumed   {run.folder}, after epoch {done}")
        bar = tqdm(
            total=(settings.epochs - done) * (len(train_iter) + len(test_iter)), leave=False,
            unit=" minibatches", disable=flags.quiet or not sys.stderr.isatty(),
        )  # fmt: skip

        def on_minibatch() -> None:
            bar.update()
            signals.check()

        def on_epoch(state: TrainingState) -> None:
            run.save(state)
            if not flags.quiet:
                last = state.history[-1]
                speed = f"{last.seconds:.2f} s  {last.examples_per_second:,.0f} examples/s"
                _say(f"{last.describe(settings.epochs)}  {speed}")

        try:
            fit(
                net, train_iter, test_iter, num_epochs=settings.epochs,
                optimizer=settings.optimizer, lr=settings.lr, momentum=settings.momentum,
                wd=settings.wd, schedule=settings.schedule, seed=settings.seed, state=run.state,
                on_epoch=on_epoch, on_minibatch=on_minibatch,
            )  # fmt: skip
        finally:  # also after Ctrl-C or divergence: what was trained is kept
            bar.close()
            run.write_parameters(net)
            if run.state.history:
                run.write_curves()
            print(_summary(run.state.history, run.folder, time.perf_counter() - started))


def _continued(run: Run, flags: TrainFlags) -> Tuple[Hyperparameters, str]:
    """Give what the run was started with, and the number of epochs that it is to have now."""
    first, done = config.hyperparameters(run.config), len(run.state.history)
    epochs = flags.epochs or first.epochs
    if epochs < done:
        raise ValueError(f"{run.folder} has trained {done} epochs; give --epochs {done} or more")
    if epochs != first.epochs and first.schedule == "cosine" and done:
        raise ValueError(
            f"{run.folder} has a cosine schedule over {first.epochs} epochs, which --epochs "
            f"{epochs} would change in its middle; leave it out, or start a new run"
        )
    return dataclasses.replace(first, epochs=epochs), run.config["data"]["release"]


def _loaders(
    settings: Hyperparameters, data: FashionMNIST, context: mxnet.Context
) -> Tuple[Any, Any]:
    if settings.loader == "d2l":
        return book_loaders.d2l_loaders(data, settings.batch_size, settings.seed, settings.workers)
    return loaders.array_loaders(data, settings.batch_size, settings.seed, context)


def _compare_machines(before: config.Config, now: config.Config) -> None:
    """Say what else the result depends on, if it has changed since the run's first part."""
    changed = [key for key in ("versions", "device", "threads") if before.get(key) != now[key]]
    if changed:
        log.warning(
            "the run was started with other %s; the last bits of the result may differ",
            " and ".join(changed),
        )


def _default_folder(settings: Hyperparameters) -> Path:
    name = "-".join(map(str, [settings.activation, *settings.hidden]))
    folder = (
        Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{name if settings.hidden else 'softmax'}"
    )
    again = (folder.with_name(f"{folder.name}-{i}") for i in itertools.count(2))
    return next(path for path in itertools.chain([folder], again) if not path.exists())


def _config(settings: Hyperparameters, data: FashionMNIST, context: mxnet.Context) -> config.Config:
    return {
        "hyperparameters": dataclasses.asdict(settings),
        "data": {"release": data.release, "folder": str(data.folder), "sha256": data.sha256},
        "versions": _versions(),
        "device": str(context),
        "threads": processors.describe(),
    }


def _versions() -> Dict[str, str]:
    return {
        "d2l_mlp": __version__,
        "mxnet": mxnet.__version__,
        "d2l": version("d2l"),
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def _introduce(
    settings: Hyperparameters, data: FashionMNIST, context: mxnet.Context, net: gluon.Block
) -> None:
    shapes = [parameter.shape for parameter in net.collect_params().values()]
    units = "-".join(map(str, [shapes[0][1], *settings.hidden, shapes[-1][0]]))
    activation = settings.activation if settings.hidden else "no activation"
    count = sum(math.prod(shape) for shape in shapes)
    _say(f"data      {data.describe()}")
    _say(f"device    {device.describe(context)}")
    _say(f"versions  {', '.join(f'{name} {number}' for name, number in _versions().items())}")
    _say(
        f"model     {units}, {activation}, {count:,} parameters, {settings.init}, "
        f"seed {settings.seed}"
    )


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stdout)
    sys.stdout.flush()


def _summary(history: Sequence[EpochMetrics], folder: Path, seconds: float) -> str:
    if not history:
        return f"no epoch was finished; {seconds:.1f} s; saved in {folder}"
    best = max(history, key=lambda metrics: metrics.test_accuracy)
    return (
        f"final test accuracy {history[-1].test_accuracy:.4f}, best {best.test_accuracy:.4f} "
        f"(epoch {best.epoch}); {seconds:.1f} s; saved in {folder}"
    )
