"""The training command's flags: as they are typed, and as a run's configuration keeps them."""

import argparse
import re
from pathlib import Path
from typing import Any, Dict, NoReturn, Optional, Sequence

from d2l_mlp.cli import command as cli

PROG = "python -m d2l_mlp.train"

HYPERPARAMETERS = (
    "hidden", "activation", "init", "epochs", "batch_size", "lr", "momentum", "wd", "schedule",
    "seed", "loader", "workers",
)  # fmt: skip
"""What a run's configuration keeps, beside the data set."""

_WITH_RESUME = ("resume", "epochs", "data_dir", "device", "quiet")


def parser() -> cli.Parser:
    """Make the command line's parser."""
    p = cli.Parser(
        prog=PROG,
        description="Train a multilayer perceptron on Fashion-MNIST. The defaults are those of the "
        "chapter's edition of Dive into Deep Learning.",
    )
    count, share = cli.number(int, 1), cli.number(float, 0, 0.999999)
    positive, decay = cli.number(float, 0, open_ends=True), cli.number(float, 0)
    # fmt: off
    add = p.add_argument_group("training").add_argument
    add("--epochs", type=count, default=10, metavar="N", help="passes over the training set")
    add("--batch-size", type=count, default=256, metavar="N", help="examples a minibatch")
    add("--lr", type=positive, default=0.5, metavar="RATE", help="learning rate")
    add("--momentum", type=share, default=0.0, metavar="M", help="of SGD, less than 1")
    add("--wd", type=decay, default=0.0, metavar="D", help="weight decay")
    add("--schedule", choices=("constant", "cosine"), default="constant",
        help="of the learning rate")
    add("--seed", type=cli.number(int, 0, 2**32 - 1), default=0, metavar="N",
        help="of the initialization and the order")
    add("--device", type=_device, default="auto", metavar="auto|cpu|gpu|gpu:N",
        help="auto is gpu if that can be used, and else cpu")

    add = p.add_argument_group("model").add_argument
    add("--hidden", type=count, nargs="*", default=[256, 256], metavar="UNITS",
        help="hidden units of each hidden layer; none at all is softmax regression")
    add("--activation", choices=("relu", "prelu", "sigmoid", "tanh"), default="relu",
        help="of the hidden units")
    add("--init", choices=("xavier", "he", "normal"), default="xavier",
        help="initializer of the weights")

    add = p.add_argument_group("data").add_argument
    add("--dataset", choices=("auto", "fashion-mnist", "sample"), default="auto",
        help="auto is the full set if it can be found or downloaded, and else the sample")
    add("--data-dir", metavar="DIR",
        help="folder of the data set's four files (default: $D2L_MLP_DATA, and else a search)")
    add("--loader", choices=("arrays", "d2l"), default="arrays",
        help="whole minibatches in memory, or d2l's loader of single examples")
    add("--workers", type=cli.number(int, 0, 64), default=0, metavar="N",
        help="processes of the d2l loader")

    add = p.add_argument_group("output").add_argument
    add("--out", metavar="DIR", type=Path, help="folder of this run (default: runs/<time>-<name>)")
    add("--resume", metavar="RUN", type=Path,
        help="go on with the run in this folder, as if it had not been interrupted; --epochs may "
        "make it longer (default: a new run)")
    add("--quiet", action="store_true", help="print the closing summary only")
    # fmt: on
    return p


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|gpu(:\d+)?", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not known; choose one of auto, cpu, gpu, gpu:N"
        )
    return text


def read_flags(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line; one that makes no sense ends the program.

    With ``--resume``, ``epochs`` is None unless it was given.
    """
    p = parser()
    args = p.parse_args(argv)
    _check(p, args)
    if args.resume:
        # Once more, to see which were given: argparse leaves alone what the namespace has.
        given = p.parse_args(argv, argparse.Namespace(**dict.fromkeys(vars(args))))
        names = [n for n, v in vars(given).items() if v is not None and n not in _WITH_RESUME]
        if names:
            flags = ", ".join("--" + name.replace("_", "-") for name in names)
            p.error(f"--resume takes the run's own configuration; leave out {flags}")
        args.epochs = given.epochs
    return args


def from_config(config: Dict[str, Any]) -> argparse.Namespace:
    """Give the flags that a run's configuration stands for, checked as those of a command line.

    Raises
    ------
    ValueError
        If the configuration lacks something, or has a value that the flag does not take.
    """
    p = parser()
    p.error = _refuse
    try:
        values = {name: config["hyperparameters"][name] for name in HYPERPARAMETERS}
        values["dataset"] = config["data"]["release"]
        hidden = [str(int(units)) for units in values.pop("hidden")]
    except (KeyError, TypeError) as error:
        raise ValueError(f"is no run's configuration: {error!r}") from None
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    args = p.parse_args([*flags, "--hidden", *hidden])
    _check(p, args)
    return args


def _refuse(message: str) -> NoReturn:
    raise ValueError(f"is no run's configuration: {message}")


def _check(p: cli.Parser, args: argparse.Namespace) -> None:
    if args.workers and args.loader != "d2l":
        p.error("--workers needs --loader d2l: the default loader has no processes")
    if args.data_dir and args.dataset == "sample":
        p.error("--data-dir and --dataset sample exclude each other: the sample is embedded")
