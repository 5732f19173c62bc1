"""Train the chapter's MLP on Fashion-MNIST: ``python -m d2l_mlp.train``.

From the flags (`parser`, `read_flags`) to a run (`train_run`) or one run for each of several seeds
(`train_seeds`). Functions import MXNet and what needs it themselves: ``--help`` and a mistyped flag
answer at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import os
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2l_mlp.cli.command import Signals, run_command
from d2l_mlp.cli.flags import (
    Parser,
    add_data_flag,
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
    hyperparameters_of,
    make_run_folder,
    read_config,
)
from d2l_mlp.training.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    import mxnet

    from d2l_mlp.data.fashion_mnist import FashionMNIST
    from d2l_mlp.runs.run import Run
    from d2l_mlp.training.distributed import Workers

PROG = "python -m d2l_mlp.train"

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
    seeds: Sequence[int] = ()
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
    add_data_flag(groups["data"])

    add = groups["output"].add_argument
    add("--out", metavar="DIR", type=path_type,
        help="folder of this run (default: runs/<time>-<name>)")
    add("--from", metavar="RUN", type=path_type, dest="ancestor",
        help="start a new run with the parameters of the run in this folder, and with its "
        "hyperparameters and data set unless a flag overrides them (default: random parameters)")
    add_epoch_flags(groups["output"], "with --from, ")
    add("--resume", metavar="RUN", type=path_type,
        help="resume the run in this folder, as if it had not been interrupted; --epochs may "
        "make it longer if its schedule is constant (default: a new run)")
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
    if parent and ("ancestor" in given or os.path.isdir(parent)):  # noqa: PTH112 (never raises)
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
    """Run the command line and return its exit code."""
    return run_command(PROG, lambda signals: _train(read_flags(argv), signals))


def _train(flags: TrainFlags, signals: Signals) -> None:
    role = prepare_role(flags.kvstore)
    if role in ("scheduler", "server"):
        with signals.left_alone():  # MXNet's loops never return to Python
            return serve_role()
    with signals.deferred():
        gc.disable()
        from d2l_mlp.cli import training_output  # noqa: F401

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
    from d2l_mlp.data.loaders import ArrayLoader
    from d2l_mlp.hardware.devices import choose_devices
    from d2l_mlp.runs.net import net_with, new_net
    from d2l_mlp.runs.origin import check_unchanged, resumed_hyperparameters
    from d2l_mlp.runs.run import Run
    from d2l_mlp.training.distributed import Workers
    from d2l_mlp.training.loop import DivergenceError, fit
    from d2l_mlp.training.metrics import evaluate_net
    from d2l_mlp.training.optimizers import OPTIMIZERS

    started = time.perf_counter()
    devices, workers = choose_devices(flags.device), workers or Workers()
    settings, dataset = flags.hyperparameters, flags.dataset
    with workers:
        run = Run.resume(flags.resume) if flags.resume else None
        if run:
            settings = resumed_hyperparameters(run, flags.epochs)
            dataset = run.config["data"]["release"]
        data = data or load_fashion_mnist(dataset, flags.data_dir)
    with signals.deferred(), workers:
        net = new_net(settings, devices)
        loaders = _loaders(settings, data, devices[0], workers)
        config = _configuration(settings, data, devices)
        if run:
            check_unchanged(run, config)
            run.write_config({**run.config, **config})
        else:
            run = _start_run(flags, settings, config, net)
        done = loaders[0].epoch = len(run.state.history)
        workers.broadcast(lambda: (dataclasses.asdict(settings), data.release, done))
        if not flags.quiet:
            for line in training_output.introduction(settings, data, devices, net):
                training_output.say(line)
            if flags.ancestor:
                epoch = config["from"]["epoch"]
                training_output.say(f"from      {flags.ancestor}, after epoch {epoch}")
            if flags.resume:
                training_output.say(training_output.resumed(run, settings))
        events = None
        if flags.tensorboard:
            from d2l_mlp.runs.tensorboard import EventLog  # an extra, which need not be installed

            events = EventLog(run.folder, settings, run.state.history)
        output = training_output.Output(
            PROG, run, settings, sum(map(len, loaders)), events, flags.quiet, started
        )

        def on_minibatch() -> None:
            beat()
            output.finish_minibatch()
            signals.check()

        with output:
            try:
                fit(
                    net, *loaders, settings, state=run.state, workers=workers,
                    on_epoch=output.finish_epoch, on_minibatch=on_minibatch,
                )  # fmt: skip
            except DivergenceError as error:
                assert settings.lr is not None
                prog = "python -m d2l_mlp.launch ... --" if has_launcher() else PROG
                lr = min(settings.lr / 10, OPTIMIZERS[settings.optimizer].learning_rate)
                command = f"{prog} --from {shlex.quote(str(run.folder))} --lr {lr:g}"
                raise DivergedError(f"{error}, such as with: {command}") from None
            workers.barrier()
            accuracy = run.state.history[-1].val_accuracy
            if settings.validation:
                best = net_with(settings, run.state.best, devices[0])
                test_iter = ArrayLoader(*data.test, settings.batch_size, device=devices[0])
                output.test_accuracy = accuracy = evaluate_net(best, test_iter)[1]
        if flags.report:
            from d2l_mlp.pages.report import write_report
            from d2l_mlp.runs.reader import load_run

            saved = load_run(run.folder, devices[0])
            write_report(run.folder / "report.html", [saved], {data.release: data})
    return accuracy


def _start_run(flags: TrainFlags, settings: Hyperparameters, config: Config, net: Any) -> Run:
    """Start a new run, with the net's parameters or, which it then takes, another run's."""
    from d2l_mlp.runs.origin import take_parameters
    from d2l_mlp.runs.run import Run
    from d2l_mlp.training.state import initial_state

    if flags.ancestor:
        config["from"] = take_parameters(net, flags.ancestor, flags.best)
    return Run.start(flags.out or make_run_folder(settings), config, initial_state(net))


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
        train_iter, val_iter = _loaders(settings, data, devices[0], workers)
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

    folder = flags.out or make_run_folder(flags.hyperparameters)
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
    training_output.say(f"{line}, {min(accuracies):.4f} to {max(accuracies):.4f}")
    training_output.say(f"saved in  {folder}")


def _loaders(
    settings: Hyperparameters, data: FashionMNIST, device: mxnet.Context, workers: Workers
) -> tuple[Any, Any]:
    """Return a worker's part of the training minibatches, and, for worker 0, the watched set.

    With ``--validation``, `hold_out` puts the held-out part in the place of the test set.
    """
    from d2l_mlp.data.d2l_loader import d2l_loaders
    from d2l_mlp.data.loaders import ArrayLoader, hold_out

    if settings.validation:
        data = hold_out(data, settings.validation, settings.seed)
    size = settings.batch_size
    if settings.loader == "d2l":
        if workers.size > 1:
            raise ValueError("the loader d2l is for a single worker; take --loader arrays")
        return d2l_loaders(data, size, settings.seed)
    train_iter = ArrayLoader(*data.train, size, settings.seed, device, workers.rank, workers.size)
    return train_iter, () if workers.rank else ArrayLoader(*data.test, size, device=device)


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


if __name__ == "__main__":
    sys.exit(main())
