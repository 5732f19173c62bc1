"""What the evaluating command does: read the run, find its data, measure, and tell."""

import argparse
import json

from d2l_mlp.cli.streams import check_delivered
from d2l_mlp.data import fashion_mnist
from d2l_mlp.runs.reader import load
from d2l_mlp.runtime import device
from d2l_mlp.use.evaluation import evaluate_run


def evaluate(args: argparse.Namespace) -> None:
    """Do what the flags say."""
    run = load(args.run, device.choose(args.device), best=args.best)
    data = fashion_mnist.load(run.config["data"]["release"], args.data_dir)
    evaluation = evaluate_run(run, data)
    if args.json:
        about = {"run": str(run.folder), "epoch": run.epoch, "data": data.release}
        print(json.dumps({**about, **evaluation.as_dict()}, indent=2))
    else:
        print(f"run       {run.folder}, after epoch {run.epoch}")
        print(f"data      {data.describe()}")
        print(evaluation)
    check_delivered()
