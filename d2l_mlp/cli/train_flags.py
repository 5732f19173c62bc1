"""The training command's flags."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from d2l_mlp.cli.flags import Parser, argument_type, device_names, metavar
from d2l_mlp.rules import Rule, Several
from d2l_mlp.runs.config import CONFIG_NAME, hyperparameters_of, read_config
from d2l_mlp.training.hyperparameters import Hyperparameters

PROG = "python -m d2l_mlp.train"

_GROUPS = {
    "training": (
        "epochs",
        "batch_size",
        "optimizer",
        "lr",
        "momentum",
        "wd",
        "schedule",
        "validation",
        "patience",
        "seed",
    ),
    "model": ("hidden", "activation", "dropout", "init"),
    "data": ("loader", "workers"),
}
_WITH_RESUME = (
    "resume", "epochs", "data_dir", "device", "kvstore", "tensorboard", "report", "quiet",
)  # fmt: skip


@dataclass(frozen=True)
class TrainFlags:
    """What the command line says."""

    hyperparameters: Hyperparameters
    """Of a new run."""
    epochs: int | None
    """Only if it was given."""
    dataset: str = "auto"
    data_dir: str | None = None
    device: str = "auto"
    kvstore: str | None = None
    """By which several processes train together."""
    out: Path | None = None
    resume: Path | None = None
    ancestor: Path | None = None
    """The run whose parameters a new run begins with."""
    best: bool = False
    """Those of its best epoch."""
    tensorboard: bool = False
    report: bool = False
    seeds: tuple[int, ...] = ()
    """Each of a run of its own."""
    quiet: bool = False


def parser() -> Parser:
    """Make the command line's parser."""
    p = Parser(
        prog=PROG,
        description="Train a multilayer perceptron on Fashion-MNIST. The defaults are those of the "
        "chapter's edition of Dive into Deep Learning.",
        argument_default=argparse.SUPPRESS,  # what was not given is not in the namespace either
    )
    settings = {setting.name: setting for setting in fields(Hyperparameters)}
    groups = {title: p.add_argument_group(title) for title in (*_GROUPS, "output")}
    for title, names in _GROUPS.items():
        for name in names:
            rule: Rule = settings[name].metadata["rule"]
            default: Any = settings[name].default
            several = isinstance(rule, Several)
            shown = " ".join(map(str, default)) if several else default
            groups[title].add_argument(
                flag_of(name), type=argument_type(rule), metavar=metavar(rule), nargs="*" if several else None,
                help=settings[name].metadata["help"] + ("" if default is None else
                                                        f" (default: {shown})"),
            )  # fmt: skip
    # fmt: off
    add = groups["training"].add_argument
    add("--device", type=device_names, metavar="auto|cpu|gpu|gpu:N",
        help="auto is gpu if that can be used, and else cpu; with commas between several, such as "
        "gpu:0,gpu:1, each gets its part of every minibatch (default: auto)")
    add("--kvstore", choices=("dist_sync",),
        help="train together with other processes, each started by this command in the role that "
        "MXNet's environment variables DMLC_* give it (default: alone)")
    add("--seeds", nargs="+", type=argument_type(settings["seed"].metadata["rule"]), metavar="N",
        help="train a run with each of these seeds, in DIR/seed-N, and tell the mean and the "
        "standard deviation of their final accuracies (default: one run)")
    add("--config", metavar="FILE", type=Path,
        help="hyperparameters and data set of the run whose config.json this is, or whose folder, "
        "where no flag gives another (default: those shown here)")

    add = groups["data"].add_argument
    add("--dataset", choices=("auto", "fashion-mnist", "sample"),
        help="auto is the full set if it can be found or downloaded, and else the sample "
        "(default: auto)")
    add("--data-dir", metavar="DIR",
        help="folder of the data set's four files (default: $D2L_MLP_DATA, and else a search)")

    add = groups["output"].add_argument
    add("--out", metavar="DIR", type=Path, help="folder of this run (default: runs/<time>-<name>)")
    add("--from", metavar="RUN", type=Path, dest="ancestor",
        help="begin a new run with the parameters of the run in this folder, and with its "
        "hyperparameters and data set where no flag gives another (default: parameters are drawn)")
    add("--best", action="store_true", help="with --from, the parameters of the best epoch")
    add("--resume", metavar="RUN", type=Path,
        help="go on with the run in this folder, as if it had not been interrupted; --epochs may "
        "make it longer (default: a new run)")
    add("--tensorboard", action="store_true",
        help="write every epoch's metrics and the hyperparameters for TensorBoard, into the run's "
        "folder tensorboard")
    add("--report", action="store_true", help="write report.html into the run's folder at the end")
    add("--quiet", action="store_true", help="print the closing summary only")
    # fmt: on
    return p


def read_flags(argv: Sequence[str] | None = None) -> TrainFlags:
    """Read the command line; one that makes no sense ends the program with the exit code 2."""
    p = parser()
    given = vars(p.parse_args(argv))
    others = [name for name in given if name not in _WITH_RESUME]
    if "resume" in given and others:
        flags = ", ".join(map(flag_of, others))
        p.error(f"--resume takes the run's own configuration; leave out {flags}")
    if given.get("data_dir") and given.get("dataset") == "sample":
        p.error("--data-dir and --dataset sample exclude each other: the sample is embedded")
    if "best" in given and "ancestor" not in given:
        p.error("--best needs --from: it says which parameters of that run to begin with")
    if "config" in given and "ancestor" in given:
        p.error("--config and --from exclude each other: --from brings hyperparameters too")
    if "seeds" in given and ("seed" in given or len(set(given["seeds"])) < len(given["seeds"])):
        p.error("--seeds excludes --seed, and names each seed once")
    if "seeds" in given and "kvstore" in given:
        p.error("--seeds and --kvstore exclude each other; start the processes for each seed anew")
    parent = given.pop("config", None) or given.get("ancestor")
    if parent and ("ancestor" in given or parent.is_dir()):
        parent /= CONFIG_NAME
    if "tensorboard" in given and find_spec("tensorboardX") is None:
        p.error("--tensorboard needs tensorboardX; install it with: pip install tensorboardX")
    names = {setting.name for setting in fields(Hyperparameters)}
    try:
        if parent is not None:
            given = {**_inherited(parent, given), **given}
        settings = Hyperparameters(**{n: value for n, value in given.items() if n in names})
    except ValueError as error:
        p.error(str(error))
    # Here, and not in Hyperparameters, so that a run of before this rule can be resumed.
    if settings.patience and not settings.validation:
        p.error(
            "--patience needs --validation: the test set must not decide when to stop; "
            "--patience 0 is never"
        )
    rest: Any = {name: value for name, value in given.items() if name not in names}
    rest["seeds"] = tuple(given.get("seeds", ()))
    return TrainFlags(settings, given.get("epochs"), **rest)


def resuming(argv: Sequence[str], folder: Path) -> list[str]:
    """Give the flags that go on with the run which a right command line has begun in a folder."""
    given = {**vars(parser().parse_args(argv)), "resume": folder}
    flags: list[str] = []
    for name in filter(given.__contains__, _WITH_RESUME):
        flags += [flag_of(name)] if given[name] is True else [flag_of(name), str(given[name])]
    return flags


def _inherited(parent: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Give what a run, of which this is the configuration, hands down to another."""
    try:
        configuration = read_config(parent)
        inherited = dataclasses.asdict(hyperparameters_of(configuration))
    except ValueError as error:
        raise ValueError(f"{parent} {error}; name the folder of a run") from None
    if given.get("optimizer", inherited["optimizer"]) != inherited["optimizer"]:
        del inherited["lr"], inherited["momentum"]  # they mean something else to another optimizer
    if "data_dir" not in given:
        inherited["dataset"] = configuration["data"]["release"]
    return inherited


def flag_of(name: str) -> str:
    """Give the flag of a hyperparameter or an option."""
    return {"ancestor": "--from"}.get(name, "--" + name.replace("_", "-"))
