"""Measure a run on the test set: ``python -m d2l_mlp.evaluate RUN``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from d2l_mlp.cli.command import Signals, check_delivered, run_command, say
from d2l_mlp.cli.flags import Parser, add_data_flag, add_device_flag, add_epoch_flags, path_type

PROG = "python -m d2l_mlp.evaluate"


def parser() -> Parser:
    """Return the parser of the command line."""
    p = Parser(
        prog=PROG,
        description="Measure a run on the test set of the data that it was trained on: loss, "
        "accuracy, and the precision, recall and F1 of each class. The run may still be training.",
    )
    # fmt: off
    add = p.add_argument
    add("run", metavar="RUN", type=path_type, help="folder of the run")
    add_epoch_flags(p)
    add_data_flag(p)
    add_device_flag(p)
    add("--json", action="store_true", help="print JSON")
    # fmt: on
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_command(PROG, lambda signals: _evaluate(parser().parse_args(argv), signals))


def _evaluate(args: argparse.Namespace, signals: Signals) -> None:
    with signals.deferred():
        from d2l_mlp.data.fashion_mnist import load_fashion_mnist
        from d2l_mlp.hardware.devices import choose_device
        from d2l_mlp.inference.evaluation import evaluate_run
        from d2l_mlp.runs.reader import load_run
    run = load_run(args.run, choose_device(args.device), best=args.best)
    data = load_fashion_mnist(run.config["data"]["release"], args.data_dir)
    evaluation = evaluate_run(run, data)
    if args.json:
        about = {"run": str(run.folder), "epoch": run.epoch, "data": data.release}
        print(json.dumps({**about, **evaluation.as_dict()}, indent=2, allow_nan=False))
    else:
        say(f"run       {run.describe()}")
        say(f"data      {data.describe()}")
        print(evaluation)
    check_delivered()


if __name__ == "__main__":
    sys.exit(main())
