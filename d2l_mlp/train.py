"""Train the chapter's MLP on Fashion-MNIST: ``python -m d2l_mlp.train``.

From the flags (`parser`, `read_flags`) to a run (`train_run`) or one run for each of several seeds
(`train_seeds`). Functions import MXNet and what needs it themselves: ``--help`` and a mistyped flag
answer at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import hashlib
import logging
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2l_mlp.cli.command import Signals, Stopped, run_command
from d2l_mlp.cli.flags import (
    Parser,
    add_epoch_flags,
    argument_type,
    device_names,
    metavar,
    path_type,
)
from d2l_mlp.cli.roles import prepare_role, serve_role
from d2l_mlp.cli.worker import DivergedError, OtherFailedError, beat, has_launcher, join_workers
from d2l_mlp.rules import Several
from d2l_mlp.runs.config import (
    CONFIG_NAME,
    Config,
    RunError,
    default_folder,
    hyperparameters_of,
    read_config,
)
from d2l_mlp.training.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    import mxnet

    from d2l_mlp.data.fashion_mnist import FashionMNIST
    from d2l_mlp.runs.run import Run
    from d2l_mlp.training.distributed import Workers
    from d2l_mlp.training.state import TrainingState

PROG = "python -m d2l_mlp.train"

log = logging.getLogger(__name__)

WITH_RESUME = (
    "resume", "epochs", "data_dir", "device", "kvstore", "tensorboard", "report", "quiet",
)  # fmt: skip
"""The options that --resume allows; the run's configuration holds the others."""


@dataclass(frozen=True)
class TrainFlags:
    """The command line."""

    hyperparameters: Hyperparameters  # of a new run
    epochs: int | None  # None unless given
    dataset: str = "auto"
    data_dir: str | None = None
    device: str = "auto"
    kvstore: str | None = None
    out: Path | None = None
    resume: Path | None = None
    ancestor: Path | None = None  # --from
    best: bool | None = None  # with --from
    tensorboard: bool = False
    report: bool = False
    seeds: tuple[int, ...] = ()
    quiet: bool = False


def parser() -> Parser:
    """Return the command line's parser."""
    p = Parser(
        prog=PROG,
        description="Train a multilayer perceptron on Fashion-MNIST: by default two hidden layers, "
        "with the learning rate, minibatches and epochs of the book's next section.",
        argument_default=argparse.SUPPRESS,  # the namespace holds the given flags alone
    )
    settings = {field.name: field for field in dataclasses.fields(Hyperparameters)}
    titles = dict.fromkeys(field.metadata["group"] for field in settings.values())
    groups = {title: p.add_argument_group(title) for title in (*titles, "output")}
    for name, field in settings.items():
        rule, text = field.metadata["rule"], field.metadata["help"]
        default: Any = field.default
        several = isinstance(rule, Several)
        if default is not None:
            text += f" (default: {' '.join(map(str, default)) if several else default})"
        groups[field.metadata["group"]].add_argument(
            flag_of(name), type=argument_type(rule), metavar=metavar(rule),
            nargs="*" if several else None, help=text,
        )  # fmt: skip
    # fmt: off
    add = groups["training"].add_argument
    add("--device", type=device_names, metavar="auto|cpu|gpu|gpu:N",
        help="auto is the GPU if there is one, else the CPU; several with commas, such as "
        "gpu:0,gpu:1, each get their part of every minibatch (default: auto)")
    add("--kvstore", choices=("dist_sync",),
        help="train together with other processes, each started by this command in the role that "
        "MXNet's environment variables DMLC_* give it (default: alone)")
    add("--seeds", nargs="+", type=argument_type(settings["seed"].metadata["rule"]), metavar="N",
        help="train one run for each of these seeds, in DIR/seed-N, and print the mean and the "
        "standard deviation of their final accuracies (default: one run)")
    add("--config", metavar="FILE", type=path_type,
        help="take hyperparameters and data set from this config.json, or this run's folder, "
        "unless a flag overrides them (default: those shown here)")

    add = groups["data"].add_argument
    add("--dataset", choices=("auto", "fashion-mnist", "sample"),
        help="auto is the full set if it can be found or downloaded, else the sample "
        "(default: auto)")
    add("--data-dir", metavar="DIR",
        help="folder of the data set's four files (default: $D2L_MLP_DATA, else a search)")

    add = groups["output"].add_argument
    add("--out", metavar="DIR", type=path_type,
        help="folder of this run (default: runs/<time>-<name>)")
    add("--from", metavar="RUN", type=path_type, dest="ancestor",
        help="start a new run with the parameters of the run in this folder, and with its "
        "hyperparameters and data set unless a flag overrides them (default: random parameters)")
    add_epoch_flags(groups["output"], "with --from, ")
    add("--resume", metavar="RUN", type=path_type,
        help="resume the run in this folder, as if it had not been interrupted; --epochs may "
        "make it longer (default: a new run)")
    add("--tensorboard", action="store_true",
        help="write every epoch's metrics and the hyperparameters for TensorBoard, into the run's "
        "folder tensorboard")
    add("--report", action="store_true", help="write report.html into the run's folder at the end")
    add("--quiet", action="store_true", help="print the closing summary only")
    # fmt: on
    return p


def flag_of(name: str) -> str:
    """Return the flag of a hyperparameter or an option."""
    return {"ancestor": "--from", "best": "--best or --last"}.get(
        name, "--" + name.replace("_", "-")
    )


def read_flags(argv: Sequence[str] | None = None) -> TrainFlags:
    """Read the command line; wrong flags exit with the code 2."""
    p = parser()
    given = vars(p.parse_args(argv))
    others = [name for name in given if name not in WITH_RESUME]
    if "resume" in given and others:
        flags = ", ".join(map(flag_of, others))
        p.error(f"--resume takes the run's own configuration; leave out {flags}")
    if given.get("data_dir") and given.get("dataset") == "sample":
        p.error("--data-dir and --dataset sample exclude each other: the sample is embedded")
    if "best" in given and "ancestor" not in given:
        p.error("--best and --last need --from, the run whose parameters to take")
    if "config" in given and "ancestor" in given:
        p.error("--config and --from exclude each other: --from brings hyperparameters too")
    if "seeds" in given and ("seed" in given or len(set(given["seeds"])) < len(given["seeds"])):
        p.error("--seeds excludes --seed, and names each seed once")
    if "seeds" in given and "kvstore" in given:
        p.error("--seeds and --kvstore exclude each other; start the processes for each seed anew")
    if "tensorboard" in given and find_spec("tensorboardX") is None:
        p.error("--tensorboard needs tensorboardX; install it with: pip install tensorboardX")
    parent = given.pop("config", None) or given.get("ancestor")
    if parent and ("ancestor" in given or parent.is_dir()):
        parent /= CONFIG_NAME
    names = {field.name for field in dataclasses.fields(Hyperparameters)}
    origin = ""
    try:
        if parent is not None:
            given = {**_inherited(parent, given), **given}
            origin = f"; what no flag gives is that of {parent}"
        settings = Hyperparameters(**{n: value for n, value in given.items() if n in names})
        if settings.patience and not settings.validation:  # in `fit`, any set may be watched
            raise ValueError(
                "--patience needs --validation: the test set must not decide when to stop; "
                "--patience 0 is never"
            )
    except ValueError as error:
        p.error(f"{error}{origin}")
    rest: Any = {name: value for name, value in given.items() if name not in names}
    rest["seeds"] = tuple(given.get("seeds", ()))
    return TrainFlags(settings, given.get("epochs"), **rest)


def _inherited(parent: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Return the flags that a run's configuration stands for."""
    try:
        config = read_config(parent)
        inherited = dataclasses.asdict(hyperparameters_of(config))
    except ValueError as error:
        raise ValueError(f"{parent} {error}; name a run's folder, or its {CONFIG_NAME}") from None
    if given.get("optimizer", inherited["optimizer"]) != inherited["optimizer"]:
        del inherited["lr"], inherited["momentum"]  # another optimizer needs others
    if "data_dir" not in given:
        inherited["dataset"] = config["data"]["release"]
    return inherited


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return run_command(PROG, lambda signals: _train(read_flags(argv), signals))


def _train(flags: TrainFlags, signals: Signals) -> None:
    role = prepare_role(flags.kvstore)
    if role in ("scheduler", "server"):
        with signals.left_alone():  # MXNet's loops never return to Python
            return serve_role()
    with signals.deferred():
        gc.disable()
        from d2l_mlp.cli import training_output  # noqa: F401
        from d2l_mlp.runs import run  # noqa: F401

        gc.freeze()  # modules stay to the end: the garbage collector need not look at them
        gc.enable()
    if role == "worker":
        assert flags.kvstore
        with join_workers(flags.kvstore, PROG) as workers:
            (assist_run if workers.rank else train_run)(flags, signals, workers)
    else:
        (train_seeds if flags.seeds else train_run)(flags, signals)


def train_run(
    flags: TrainFlags,
    signals: Signals,
    workers: Workers | None = None,
    data: FashionMNIST | None = None,
) -> float:
    """Train one run, as the worker that prints and writes, and return its final accuracy.

    That is the accuracy on the watched set; if that is a validation set, the accuracy of its best
    epoch on the test set. Once the net is made, a signal waits for the end of a minibatch.
    """
    from d2l_mlp.cli import training_output
    from d2l_mlp.data.fashion_mnist import load_fashion_mnist
    from d2l_mlp.hardware.devices import choose_devices
    from d2l_mlp.runs.net import net_with, new_net
    from d2l_mlp.runs.run import Run
    from d2l_mlp.training.distributed import WorkerLeftError, Workers
    from d2l_mlp.training.loop import DivergenceError, fit
    from d2l_mlp.training.metrics import evaluate_net
    from d2l_mlp.training.state import initial_state

    started = time.perf_counter()
    devices, workers = choose_devices(flags.device), workers or Workers()
    with workers:
        run = Run.resume(flags.resume) if flags.resume else None
        settings, dataset = flags.hyperparameters, flags.dataset
        if run:
            settings, dataset = _resumed(run, flags)
        data = data or load_fashion_mnist(dataset, flags.data_dir)
    with signals.deferred(), workers:
        net = new_net(settings, devices)
        train_iter, val_iter = _train_loaders(settings, data, devices[0], workers)
        config = _configuration(settings, data, devices)
        if run:
            _compare(run, config)
            run.write_config({**run.config, **config})
        else:
            if flags.ancestor:
                config["from"] = _take_parameters(net, flags.ancestor, flags.best)
            run = Run.start(flags.out or default_folder(settings), config, initial_state(net))
        done = train_iter.epoch = len(run.state.history)
        workers.broadcast(lambda: (dataclasses.asdict(settings), data.release, done))

        say = training_output.say if not flags.quiet else lambda line: None
        for line in training_output.introduction(settings, data, devices, net):
            say(line)
        if flags.ancestor:
            say(f"from      {flags.ancestor}, after epoch {config['from']['epoch']}")
        if flags.resume:
            say(training_output.resumed(run.folder, settings, run.state.history))
        events = None
        if flags.tensorboard:
            from d2l_mlp.runs.tensorboard import EventLog  # an extra, which need not be installed

            events = EventLog(run.folder, settings, run.state.history)
        minibatches = len(train_iter) + len(val_iter)
        progress = training_output.Progress(
            run.state, settings.epochs, minibatches, shown=not flags.quiet
        )

        def on_minibatch() -> None:
            beat()
            progress.finish_minibatch()
            signals.check()

        def on_epoch(state: TrainingState) -> None:
            run.save(state)
            last = state.history[-1]
            if events:
                events.add(last)
            say(f"{last.describe(settings.epochs, settings.watched)}  {last.seconds:.2f} s")
            progress.finish_epoch(state)

        test_accuracy: float | None = None
        stopped = False
        try:
            fit(
                net, train_iter, val_iter, settings, state=run.state, workers=workers,
                on_epoch=on_epoch, on_minibatch=on_minibatch,
            )  # fmt: skip
            workers.barrier()
            if len(run.state.history) < settings.epochs:
                say(f"stopped   no better {settings.monitor} in {settings.patience} epochs")
            if settings.validation:
                best = net_with(settings, run.state.best, devices[0])
                test_accuracy = evaluate_net(best, _whole_loader(settings, data, devices[0]))[1]
        except (Stopped, WorkerLeftError):
            stopped = True
            raise
        except DivergenceError as error:
            assert settings.lr is not None
            prog = "python -m d2l_mlp.launch ... --" if has_launcher() else PROG
            command = f"{prog} --from {shlex.quote(str(run.folder))} --lr {settings.lr / 10:g}"
            raise DivergedError(f"{error}, such as with: {command}") from None
        finally:  # also after Ctrl-C or divergence: the finished epochs are kept
            progress.close()
            if events:
                events.close()
            run.write_parameters()
            if run.state.history:
                run.write_curves()
            run.close()
            outcome = training_output.outcome(run.state, settings, test_accuracy, stopped)
            seconds = time.perf_counter() - started
            training_output.say(f"{outcome}; {seconds:.1f} s; saved in {run.folder}")
            if stopped and not has_launcher():
                training_output.say(f"resume    {PROG} --resume {shlex.quote(str(run.folder))}")
        if flags.report:
            _write_report(run.folder, devices[0], data)
    return run.state.history[-1].val_accuracy if test_accuracy is None else test_accuracy


def assist_run(flags: TrainFlags, signals: Signals, workers: Workers) -> None:
    """Train as a worker other than 0: with its data and device, and neither prints nor writes."""
    from d2l_mlp.data.fashion_mnist import load_fashion_mnist
    from d2l_mlp.hardware.devices import choose_devices
    from d2l_mlp.runs.net import new_net
    from d2l_mlp.training.loop import DivergenceError, fit

    devices = choose_devices(flags.device)
    with signals.deferred(), workers:
        hyperparameters, release, done = workers.broadcast(lambda: None)  # by `train_run`
        settings = Hyperparameters(**hyperparameters)
        data = load_fashion_mnist(release, flags.data_dir)
        train_iter, val_iter = _train_loaders(settings, data, devices[0], workers)
        del data  # the test set is for worker 0
        train_iter.epoch = done
        net = new_net(settings, devices)

        def on_minibatch() -> None:
            beat()
            signals.check()

        try:
            fit(net, train_iter, val_iter, settings, workers=workers, on_minibatch=on_minibatch)
        except DivergenceError as error:
            raise OtherFailedError from error  # worker 0 says so
        workers.barrier()


def train_seeds(flags: TrainFlags, signals: Signals) -> None:
    """Train a run for each seed, one after the other; a signal or an error ends them all."""
    from d2l_mlp.cli import training_output
    from d2l_mlp.data.fashion_mnist import load_fashion_mnist
    from d2l_mlp.runs.run import is_free

    folder = flags.out or default_folder(flags.hyperparameters)
    outs = {seed: folder / f"seed-{seed}" for seed in flags.seeds}
    taken = [str(out) for out in outs.values() if not is_free(out)]
    if taken:
        raise RunError(
            f"{', '.join(taken)}: not empty, and a run overwrites nothing; leave these seeds out, "
            "or name another folder with --out (--resume resumes one that is not finished)"
        )
    data = load_fashion_mnist(flags.dataset, flags.data_dir)
    accuracies = []
    for seed, out in outs.items():
        settings = dataclasses.replace(flags.hyperparameters, seed=seed)
        one = dataclasses.replace(flags, hyperparameters=settings, out=out)
        accuracies.append(train_run(one, signals, data=data))
    line = f"mean of {len(accuracies)} final test accuracies {statistics.mean(accuracies):.4f}"
    if len(accuracies) > 1:
        line += f", standard deviation {statistics.stdev(accuracies):.4f}"
    training_output.say(
        f"{line}, {min(accuracies):.4f} to {max(accuracies):.4f}; saved in {folder}"
    )


def _train_loaders(
    settings: Hyperparameters, data: FashionMNIST, device: mxnet.Context, workers: Workers
) -> tuple[Any, Any]:
    """Return a worker's part of the training minibatches, and, for worker 0, the watched set.

    With ``--validation``, `hold_out` puts the held-out part in the place of the test set.
    """
    from d2l_mlp.data.d2l_loader import d2l_loaders
    from d2l_mlp.data.loaders import ArrayLoader, hold_out

    if settings.validation:
        data = hold_out(data, settings.validation, settings.seed)
    if settings.loader == "d2l":
        if workers.size > 1:
            raise ValueError("the loader d2l is for a single worker; take --loader arrays")
        return d2l_loaders(data, settings.batch_size, settings.seed)
    train_iter = ArrayLoader(
        *data.train, settings.batch_size, settings.seed, device, workers.rank, workers.size
    )
    return train_iter, () if workers.rank else _whole_loader(settings, data, device)


def _whole_loader(settings: Hyperparameters, data: FashionMNIST, device: mxnet.Context) -> Any:
    from d2l_mlp.data.loaders import ArrayLoader

    return ArrayLoader(*data.test, settings.batch_size, device=device)


def _configuration(
    settings: Hyperparameters, data: FashionMNIST, devices: Sequence[mxnet.Context]
) -> Config:
    from d2l_mlp.cli.training_output import versions
    from d2l_mlp.hardware.engine import describe_processors

    return {
        "hyperparameters": dataclasses.asdict(settings),
        "data": {"release": data.release, "folder": str(data.folder), "sha256": data.sha256},
        "versions": versions(),
        "device": ", ".join(map(str, devices)),
        "threads": describe_processors(),
    }


def _resumed(run: Run, flags: TrainFlags) -> tuple[Hyperparameters, str]:
    """Return a resumed run's hyperparameters, with the epochs asked for, and its data set."""
    from d2l_mlp.training.state import has_stopped

    first, done = hyperparameters_of(run.config), len(run.state.history)
    epochs = flags.epochs or first.epochs
    if epochs < done:
        raise ValueError(f"{run.folder} has trained {done} epochs; give --epochs {done} or more")
    if epochs != first.epochs and first.schedule != "constant" and done:
        raise ValueError(
            f"{run.folder} has the schedule {first.schedule} over {first.epochs} epochs, which "
            f"--epochs {epochs} would change in its middle; leave it out, or start a new run"
        )
    settings = dataclasses.replace(first, epochs=epochs)
    if flags.epochs and done < epochs and has_stopped(run.state.history, first):
        settings = dataclasses.replace(settings, patience=0)
        log.warning("%s had stopped early; it now trains all of its %d epochs", run.folder, epochs)
    return settings, run.config["data"]["release"]


def _compare(run: Run, config: Config) -> None:
    """Refuse to resume a run on other data; warn of other versions, devices or threads."""
    for name, sha256 in run.config["data"]["sha256"].items():
        if config["data"]["sha256"].get(name) != sha256:
            raise ValueError(
                f"{run.folder} was trained on other data: {name} in {config['data']['folder']} has "
                "another SHA-256; name the folder of the run's own data with --data-dir, or start "
                "a new run"
            )
    changed = [k for k in ("versions", "device", "threads") if run.config.get(k) != config[k]]
    if changed:
        log.warning(
            "the run was started with other %s; the last bits of the result may differ",
            " and ".join(changed),
        )


def _take_parameters(net: Any, folder: Path, best: bool | None) -> dict[str, Any]:
    """Set a net's parameters to those of a run, and return their origin for ``config.json``."""
    from d2l_mlp.runs.params import dump_parameters
    from d2l_mlp.runs.reader import load_run
    from d2l_mlp.training.state import parameters_of, set_parameters

    ancestor = load_run(folder, best=best)
    parameters, names = parameters_of(ancestor.net), list(parameters_of(net))
    renamed = parameters
    if len(names) == len(parameters):  # Gluon counts Dropout too, which has no parameters
        renamed = dict(zip(names, parameters.values()))
    try:
        set_parameters(net, renamed)
    except ValueError as error:
        raise ValueError(f"--from {folder}: {error}") from None
    sha256 = hashlib.sha256(dump_parameters(parameters)).hexdigest()
    return {"run": str(folder.resolve()), "epoch": ancestor.epoch, "sha256": sha256}


def _write_report(folder: Path, device: mxnet.Context, data: FashionMNIST) -> None:
    from d2l_mlp.pages.report import write_report
    from d2l_mlp.runs.reader import load_run

    write_report(folder / "report.html", [load_run(folder, device)], {data.release: data})


if __name__ == "__main__":
    sys.exit(main())
