"""What the evaluating command does: read the run, find its data, measure, and tell."""

from __future__ import annotations

import argparse
import json

from d2l_mlp.cli.command import check_delivered
from d2l_mlp.data.fashion_mnist import load_fashion_mnist
from d2l_mlp.hardware.devices import choose_device
from d2l_mlp.inference.evaluation import evaluate_run
from d2l_mlp.runs.reader import load_run


def evaluate(args: argparse.Namespace) -> None:
    """Do what the flags say."""
    run = load_run(args.run, choose_device(args.device), best=args.best)
    data = load_fashion_mnist(run.config["data"]["release"], args.data_dir)
    evaluation = evaluate_run(run, data)
    if args.json:
        about = {"run": str(run.folder), "epoch": run.epoch, "data": data.release}
        print(json.dumps({**about, **evaluation.as_dict()}, indent=2))
    else:
        print(f"run       {run.folder}, after epoch {run.epoch}")
        print(f"data      {data.describe()}")
        print(evaluation)
    check_delivered()
