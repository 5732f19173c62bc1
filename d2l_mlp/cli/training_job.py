"""What the training command does: find the data, build the net, fit it, and save the run."""

from __future__ import annotations

import dataclasses
import shlex
import time
from typing import Any

from d2l_mlp.cli import beginnings, training_data
from d2l_mlp.cli.command import Signals, Stopped
from d2l_mlp.cli.heartbeat import beat, is_watched
from d2l_mlp.cli.predecessor import begin_with, compare, continued
from d2l_mlp.cli.train_flags import PROG, TrainFlags
from d2l_mlp.cli.training_output import Progress, introduce, resumed, run_outcome, say
from d2l_mlp.data.fashion_mnist import load_fashion_mnist
from d2l_mlp.hardware.devices import choose_devices
from d2l_mlp.runs.config import default_folder
from d2l_mlp.runs.net import net_with, new_net
from d2l_mlp.runs.reader import load_run
from d2l_mlp.runs.run import Run
from d2l_mlp.training.distributed import WorkerLeftError, Workers
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.loop import DivergenceError, fit
from d2l_mlp.training.metrics import evaluate_net
from d2l_mlp.training.state import TrainingState, initial_state


def train(flags: TrainFlags, signals: Signals, workers: Workers | None = None) -> float:
    """Do what the flags say; from the net on, a signal waits for the end of a minibatch.

    Parameters
    ----------
    flags : TrainFlags
        Of the command line.
    signals : Signals
        Of the command.
    workers : Workers, optional
        That train together; this one is number 0.

    Returns
    -------
    float
        The final accuracy: on the set that is watched, or, if that is a validation set, of its
        best epoch on the test set.

    Raises
    ------
    DivergenceError
        Which names the command that goes on; other errors are for one line, too.
    """
    started = time.perf_counter()
    devices, workers = choose_devices(flags.device), workers or Workers()
    context = devices[0]
    with workers:
        run = Run.resume(flags.resume) if flags.resume else None
        settings, dataset = continued(run, flags) if run else (flags.hyperparameters, flags.dataset)
        data = load_fashion_mnist(dataset, flags.data_dir)
    with signals.deferred(), workers:
        net = new_net(settings, devices)
        train_iter, val_iter = training_data.train_loaders(settings, data, context, workers)
        now = beginnings.configuration(settings, data, devices)
        if flags.ancestor:
            now["from"] = begin_with(net, flags.ancestor, flags.best)
        if run:
            compare(run, now)
            run.write_config({**run.config, **now})
        else:
            run = Run.start(flags.out or default_folder(settings), now, initial_state(net))
        done = len(run.state.history)
        train_iter.epoch = done
        workers.broadcast(lambda: (dataclasses.asdict(settings), data.release, done))
        if not flags.quiet:
            introduce(settings, data, devices, net)
            if flags.resume:
                say(resumed(run.folder, settings, done))
        events = _event_log(run, settings) if flags.tensorboard else None
        minibatches = len(train_iter) + len(val_iter)
        progress = Progress(run.state, settings.epochs, minibatches, shown=not flags.quiet)

        def on_minibatch() -> None:
            beat()
            progress.finish_minibatch()
            signals.check()

        def on_epoch(state: TrainingState) -> None:
            run.save(state)
            if events:
                events.add(state.history[-1])
            if not flags.quiet:
                last = state.history[-1]
                line = last.describe(settings.epochs, settings.watched)
                say(f"{line}  {last.seconds:.2f} s")
            progress.finish_epoch(state)

        test_accuracy: float | None = None
        stopped = False
        try:
            fit(
                net, train_iter, val_iter, settings, state=run.state, workers=workers,
                on_epoch=on_epoch, on_minibatch=on_minibatch,
            )  # fmt: skip
            workers.barrier()
            if len(run.state.history) < settings.epochs and not flags.quiet:
                say(f"stopped   no better accuracy in {settings.patience} epochs")
            if settings.validation:
                best = net_with(settings, run.state.best, context)
                test_iter = training_data.test_loader(settings, data, context)
                test_accuracy = evaluate_net(best, test_iter)[1]
        except (Stopped, WorkerLeftError):
            stopped = True
            raise
        except DivergenceError as error:
            assert settings.lr is not None
            command = f"{PROG} --from {shlex.quote(str(run.folder))} --lr {settings.lr / 10:g}"
            raise DivergenceError(f"{error}, such as with: {command}") from None
        finally:  # also after Ctrl-C or divergence: what was trained is kept
            progress.close()
            if events:
                events.close()
            run.write_parameters()
            if run.state.history:
                run.write_curves()
            run.close()
            outcome = run_outcome(run.state, settings.watched, test_accuracy, stopped)
            print(f"{outcome}; {time.perf_counter() - started:.1f} s; saved in {run.folder}")
            if stopped and not is_watched():
                print(f"go on     {PROG} --resume {shlex.quote(str(run.folder))}")
        if flags.report:
            from d2l_mlp.cli import report_job  # not above: it takes a while

            saved = load_run(run.folder, context)
            report_job.write([saved], {data.release: data}, run.folder / "report.html")
    return run.state.history[-1].val_accuracy if test_accuracy is None else test_accuracy


def _event_log(run: Run, settings: Hyperparameters) -> Any:
    from d2l_mlp.runs.tensorboard import EventLog  # an extra, which need not be installed

    return EventLog(run.folder, settings, run.state.history)
