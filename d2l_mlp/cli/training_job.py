"""What the training command does: find the data, build the net, fit it, and save the run."""

import dataclasses
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import mxnet
from tqdm import tqdm

from d2l_mlp.cli import training_data
from d2l_mlp.cli import training_lines as lines
from d2l_mlp.cli.predecessor import begin_with, compare, continued
from d2l_mlp.cli.signals import Signals
from d2l_mlp.cli.train_flags import PROG, TrainFlags
from d2l_mlp.data import fashion_mnist
from d2l_mlp.data.reader import FashionMNIST
from d2l_mlp.runs import config
from d2l_mlp.runs.folder import Run
from d2l_mlp.runs.locking import make_next
from d2l_mlp.runs.net import net_with, new_net
from d2l_mlp.runs.reader import load
from d2l_mlp.runtime import device, processors
from d2l_mlp.training.evaluation import evaluate
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.loop import DivergenceError, fit
from d2l_mlp.training.state import TrainingState, initial_state


def train(flags: TrainFlags, signals: Signals) -> None:
    """Do what the flags say; a signal waits for the end of a minibatch; errors are for one line."""
    started = time.perf_counter()
    context = device.choose(flags.device)
    run = Run.resume(flags.resume) if flags.resume else None
    settings, dataset = continued(run, flags) if run else (flags.hyperparameters, flags.dataset)
    data = fashion_mnist.load(dataset, flags.data_dir)
    with signals.deferred():
        net = new_net(settings, context)
        train_iter, val_iter = training_data.train_loaders(settings, data, context)
        now = _config(settings, data, context)
        if flags.ancestor:
            now["from"] = begin_with(net, flags.ancestor, flags.best)
        if run:
            compare(run, now)
            run.write_config({**run.config, **now})
        else:
            run = Run.start(flags.out or _default_folder(settings), now, initial_state(net))
        done = len(run.state.history)
        train_iter.epoch = done
        if not flags.quiet:
            lines.introduce(settings, data, context, net)
            if flags.resume:
                lines.say(f"resumed   {run.folder}, after epoch {done}")
        events = _event_log(run, settings) if flags.tensorboard else None
        bar = tqdm(
            total=(settings.epochs - done) * (len(train_iter) + len(val_iter)), leave=False,
            unit=" minibatches", disable=flags.quiet or not sys.stderr.isatty(),
        )  # fmt: skip

        def on_minibatch() -> None:
            bar.update()
            signals.check()

        def on_epoch(state: TrainingState) -> None:
            run.save(state)
            if events:
                events.add(state.history[-1])
            if not flags.quiet:
                last = state.history[-1]
                line = last.describe(settings.epochs, settings.watched)
                lines.say(f"{line}  {last.seconds:.2f} s")

        test_accuracy = None
        try:
            fit(
                net, train_iter, val_iter, num_epochs=settings.epochs,
                optimizer=settings.optimizer, lr=settings.lr, momentum=settings.momentum,
                wd=settings.wd, schedule=settings.schedule, patience=settings.patience,
                seed=settings.seed, state=run.state,
                on_epoch=on_epoch, on_minibatch=on_minibatch,
            )  # fmt: skip
            if len(run.state.history) < settings.epochs and not flags.quiet:
                lines.say(f"stopped   no better accuracy in {settings.patience} epochs")
            if settings.validation:
                best = net_with(settings, run.state.best, context)
                test_accuracy = evaluate(best, training_data.test_loader(settings, data, context))[
                    1
                ]
        except DivergenceError as error:
            assert settings.lr is not None
            command = f"{PROG} --from {shlex.quote(str(run.folder))} --lr {settings.lr / 10:g}"
            raise DivergenceError(f"{error}, such as with: {command}") from None
        finally:  # also after Ctrl-C or divergence: what was trained is kept
            bar.close()
            if events:
                events.close()
            run.write_parameters(net)
            if run.state.history:
                run.write_curves()
            outcome = lines.outcome(run.state, settings.watched, test_accuracy)
            print(f"{outcome}; {time.perf_counter() - started:.1f} s; saved in {run.folder}")
        if flags.report:
            from d2l_mlp.cli import report_job  # not above: it takes a while

            saved = load(run.folder, context)
            report_job.write([saved], {data.release: data}, run.folder / "report.html")


def _event_log(run: Run, settings: Hyperparameters) -> Any:
    from d2l_mlp.runs.tensorboard import EventLog  # an extra, which need not be installed

    return EventLog(run.folder, settings, run.state.history)


def _default_folder(settings: Hyperparameters) -> Path:
    """Make a folder that is named after the time and the net, at a length that any disk allows."""
    name = "-".join(map(str, [settings.activation, *settings.hidden]))
    if len(name) > 100:
        name = f"{settings.activation}-{len(settings.hidden)}-layers"
    name = name if settings.hidden else "softmax"
    return make_next(Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}")


def _config(settings: Hyperparameters, data: FashionMNIST, context: mxnet.Context) -> config.Config:
    return {
        "hyperparameters": dataclasses.asdict(settings),
        "data": {"release": data.release, "folder": str(data.folder), "sha256": data.sha256},
        "versions": lines.versions(),
        "device": str(context),
        "threads": processors.describe(),
    }
