"""Train the chapter's MLP on Fashion-MNIST: ``python -m d2l_mlp.train``.

Everything heavy is imported only when the flags are read and right, so that ``--help`` and a
mistyped flag answer at once.
"""

import argparse
import itertools
import json
import logging
import math
import platform
import sys
import time
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

from d2l_mlp import __version__
from d2l_mlp.cli import command as cli
from d2l_mlp.cli import train_flags as options
from d2l_mlp.runtime import files, processors


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line; returns the exit code."""
    args = options.read_flags(argv)
    logging.basicConfig(format=f"{options.PROG}: %(message)s", level=logging.WARNING)
    return cli.run(options.PROG, lambda signals: train(args, signals))


def train(args: argparse.Namespace, signals: cli.Signals) -> None:
    """Do what the flags say: find the data, build the net, fit it, and save the run."""
    signals.deferred = True
    if _loader(args) == "arrays":
        processors.use_all()
    import mxnet
    from tqdm import tqdm

    from d2l_mlp.data import fashion_mnist, loaders
    from d2l_mlp.mlp import build_mlp
    from d2l_mlp.runs.folder import Run
    from d2l_mlp.runtime import device
    from d2l_mlp.training.loop import EpochMetrics, fit, initial_state

    signals.deferred = False
    signals.check()

    def say(line: str) -> None:
        if not args.quiet:
            tqdm.write(line, file=sys.stdout)
            sys.stdout.flush()

    started = time.perf_counter()
    context = device.choose(args.device)
    run = Run.resume(args.resume) if args.resume else None
    if run:
        args = _continued(args, run)
    data = fashion_mnist.load(args.dataset, args.data_dir)
    signals.deferred = True  # from here on a signal waits for the end of a minibatch
    mxnet.random.seed(args.seed)
    net = build_mlp(
        args.hidden, activation=args.activation, initializer=args.init,
        num_inputs=data.train[0][0].size, device=context,
    )  # fmt: skip
    if args.loader == "d2l":
        train_iter, test_iter = loaders.d2l_loaders(data, args.batch_size, args.seed, args.workers)
    else:
        train_iter, test_iter = loaders.array_loaders(data, args.batch_size, args.seed, context)
    config = _config(args, data, context)
    if run:
        _compare_machines(run.config, config)
        run.write_config(config)
    else:
        run = Run.start(args.out or _default_folder(args), config, initial_state(net))
    train_iter.epoch = len(run.state.history)
    say(f"data      {data.describe()}")
    say(f"device    {device.describe(context)}")
    say(f"versions  {', '.join(f'{name} {version}' for name, version in _versions().items())}")
    say(f"model     {_describe_model(args, net)}")
    if args.resume:
        say(f"resumed   {run.folder}, after epoch {train_iter.epoch}")

    bar = tqdm(
        total=(args.epochs - train_iter.epoch) * (len(train_iter) + len(test_iter)),
        unit=" minibatches", leave=False, disable=args.quiet or not sys.stderr.isatty(),
    )  # fmt: skip

    def on_minibatch() -> None:
        bar.update()
        signals.check()

    def on_epoch(metrics: EpochMetrics) -> None:
        say(
            f"epoch {metrics.epoch:{len(str(args.epochs))}}/{args.epochs}  "
            f"train loss {metrics.train_loss:.4f} accuracy {metrics.train_accuracy:.4f}  "
            f"test loss {metrics.test_loss:.4f} accuracy {metrics.test_accuracy:.4f}  "
            f"{metrics.seconds:.2f} s  {metrics.examples_per_second:,.0f} examples/s"
        )

    try:
        fit(
            net, train_iter, test_iter, num_epochs=args.epochs, lr=args.lr, momentum=args.momentum,
            wd=args.wd, schedule=args.schedule, state=run.state, on_state=run.save,
            on_epoch=on_epoch, on_minibatch=on_minibatch,
        )  # fmt: skip
    finally:  # also after Ctrl-C or divergence: what was trained is kept
        bar.close()
        run.write_parameters(net)
        if run.state.history:
            run.write_curves()
        print(_summary(run.state.history, run.folder, time.perf_counter() - started))


def _loader(args: argparse.Namespace) -> str:
    """Give the loader's kind, which with ``--resume`` is in the run's configuration."""
    if args.resume:
        try:
            config = json.loads(files.read(args.resume / "config.json", 2**20))
            return config["hyperparameters"]["loader"]
        except (LookupError, OSError, RecursionError, TypeError, ValueError):
            return args.loader  # Run.resume says what is wrong, or finds a copy
    return args.loader


def _continued(args: argparse.Namespace, run) -> argparse.Namespace:
    """Give the flags of the run's first part, with those of the command line that may differ."""
    first, done = options.from_config(run.config), len(run.state.history)
    epochs = args.epochs or first.epochs
    if epochs < done:
        raise ValueError(f"{run.folder} has trained {done} epochs; give --epochs {done} or more")
    if epochs != first.epochs and first.schedule == "cosine" and done:
        raise ValueError(
            f"{run.folder} has a cosine schedule over {first.epochs} epochs, which --epochs "
            f"{epochs} would change in its middle; leave it out, or start a new run"
        )
    return argparse.Namespace(
        **{**vars(args), **{n: getattr(first, n) for n in (*options.HYPERPARAMETERS, "dataset")},
           "epochs": epochs}
    )  # fmt: skip


def _compare_machines(before: Dict[str, Any], now: Dict[str, Any]) -> None:
    """Say what else the result depends on, if it has changed since the run's first part."""
    changed = [key for key in ("versions", "device", "threads") if before.get(key) != now[key]]
    if changed:
        logging.getLogger(__name__).warning(
            "the run was started with other %s; the last bits of the result may differ",
            " and ".join(changed),
        )


def _default_folder(args: argparse.Namespace) -> Path:
    name = "-".join(map(str, [args.activation, *args.hidden])) if args.hidden else "softmax"
    folder = Path("runs") / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    again = (folder.with_name(f"{folder.name}-{i}") for i in itertools.count(2))
    return next(path for path in itertools.chain([folder], again) if not path.exists())


def _config(args: argparse.Namespace, data, context) -> Dict[str, Any]:
    return {
        "hyperparameters": {name: getattr(args, name) for name in options.HYPERPARAMETERS},
        "data": {"release": data.release, "folder": str(data.folder), "sha256": data.sha256},
        "versions": _versions(),
        "device": str(context),
        "threads": processors.describe(),
    }


def _versions() -> Dict[str, str]:
    from importlib.metadata import version

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
