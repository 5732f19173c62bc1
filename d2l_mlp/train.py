"""Train the chapter's MLP on Fashion-MNIST: ``python -m d2l_mlp.train``.

Everything heavy is imported only when the flags are read and right, so that ``--help`` and a
mistyped flag answer at once.
"""

import argparse
import itertools
import logging
import math
import os
import platform
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

from d2l_mlp import __version__, cli

PROG = "python -m d2l_mlp.train"


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
    add("--workers", type=cli.number(int, 0), default=0, metavar="N",
        help="processes of the d2l loader")

    add = p.add_argument_group("output").add_argument
    add("--out", metavar="DIR", type=Path, help="folder of this run (default: runs/<time>-<name>)")
    add("--quiet", action="store_true", help="print the closing summary only")
    # fmt: on
    return p


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|gpu(:\d+)?", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not known; choose one of auto, cpu, gpu, gpu:N"
        )
    return text


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line; returns the exit code."""
    p = parser()
    args = p.parse_args(argv)
    if args.workers and args.loader != "d2l":
        p.error("--workers needs --loader d2l: the default loader has no processes")
    if args.data_dir and args.dataset == "sample":
        p.error("--data-dir and --dataset sample exclude each other: the sample is embedded")
    logging.basicConfig(format=f"{PROG}: %(message)s", level=logging.WARNING)
    return cli.run(PROG, lambda signals: train(args, signals))


def train(args: argparse.Namespace, signals: cli.Signals) -> None:
    """Do what the flags say: find the data, build the net, fit it, and save the run."""
    import mxnet
    from tqdm import tqdm

    from d2l_mlp import device, fashion_mnist, loaders
    from d2l_mlp.mlp import build_mlp
    from d2l_mlp.runs import Run
    from d2l_mlp.training import fit

    def say(line: str) -> None:
        if not args.quiet:
            tqdm.write(line, file=sys.stdout)
            sys.stdout.flush()

    started = time.perf_counter()
    context = device.choose(args.device)
    data = fashion_mnist.load(args.dataset, args.data_dir)
    mxnet.random.seed(args.seed)
    net = build_mlp(
        args.hidden, activation=args.activation, initializer=args.init,
        num_inputs=data.train[0][0].size, device=context,
    )  # fmt: skip
    if args.loader == "d2l":
        train_iter, test_iter = loaders.d2l_loaders(data, args.batch_size, args.seed, args.workers)
    else:
        train_iter, test_iter = loaders.array_loaders(data, args.batch_size, args.seed, context)
    run = Run(args.out or _default_folder(args))
    run.write_config(_config(args, data, context))
    say(f"data      {data.describe()}")
    say(f"device    {device.describe(context)}")
    say(f"versions  {', '.join(f'{name} {version}' for name, version in _versions().items())}")
    say(f"model     {_describe_model(args, net)}")

    history = []
    bar = tqdm(
        total=args.epochs * (len(train_iter) + len(test_iter)), unit=" minibatches", leave=False,
        disable=args.quiet or not sys.stderr.isatty(),
    )  # fmt: skip

    def on_minibatch() -> None:
        bar.update()
        signals.check()

    def on_epoch(metrics) -> None:
        history.append(metrics)
        run.write_metrics(metrics)
        say(
            f"epoch {metrics.epoch:{len(str(args.epochs))}}/{args.epochs}  "
            f"train loss {metrics.train_loss:.4f} accuracy {metrics.train_accuracy:.4f}  "
            f"test loss {metrics.test_loss:.4f} accuracy {metrics.test_accuracy:.4f}  "
            f"{metrics.seconds:.2f} s  {metrics.examples_per_second:,.0f} examples/s"
        )

    signals.deferred = True  # from here on a signal waits for the end of a minibatch
    try:
        fit(
            net, train_iter, test_iter, num_epochs=args.epochs, lr=args.lr, momentum=args.momentum,
            wd=args.wd, schedule=args.schedule, on_epoch=on_epoch, on_minibatch=on_minibatch,
        )  # fmt: skip
    finally:  # also after Ctrl-C or divergence: what was trained is kept
        bar.close()
        run.write_parameters(net)
        if history:
            run.write_curves(history)
        print(_summary(history, run.folder, time.perf_counter() - started))


def _default_folder(args: argparse.Namespace) -> Path:
    name = "-".join(map(str, [args.activation, *args.hidden])) if args.hidden else "softmax"
    folder = Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    again = (folder.with_name(f"{folder.name}-{i}") for i in itertools.count(2))
    return next(path for path in itertools.chain([folder], again) if not path.exists())


def _config(args: argparse.Namespace, data, context) -> Dict[str, Any]:
    return {
        "hyperparameters": {
            name: getattr(args, name)
            for name in ("hidden", "activation", "init", "epochs", "batch_size", "lr", "momentum",
                         "wd", "schedule", "seed", "loader", "workers")
        },
        "data": {"release": data.release, "folder": str(data.folder), "sha256": data.sha256},
        "versions": _versions(),
        "device": str(context),
        "threads": {
            "cpus": len(os.sched_getaffinity(0)),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        },
    }  # fmt: skip


def _versions() -> Dict[str, str]:
    import mxnet
    import numpy

    return {
        "d2l_mlp": __version__,
        "mxnet": mxnet.__version__,
        "d2l": version("d2l"),
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def _describe_model(args: argparse.Namespace, net) -> str:
    shapes = [parameter.shape for parameter in net.collect_params().values()]
    units = "-".join(map(str, [shapes[0][1], *args.hidden, shapes[-1][0]]))
    count = sum(math.prod(shape) for shape in shapes)
    activation = args.activation if args.hidden else "no activation"
    return f"{units}, {activation}, {count:,} parameters, {args.init}, seed {args.seed}"


def _summary(history, folder: Path, seconds: float) -> str:
    if not history:
        return f"no epoch was finished; {seconds:.1f} s; saved in {folder}"
    best = max(history, key=lambda metrics: metrics.test_accuracy)
    return (
        f"final test accuracy {history[-1].test_accuracy:.4f}, best {best.test_accuracy:.4f} "
        f"(epoch {best.epoch}); {seconds:.1f} s; saved in {folder}"
    )


if __name__ == "__main__":
    sys.exit(main())
