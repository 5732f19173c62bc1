"""Training with several seeds: each a run of its own, and what they have come to together."""

from __future__ import annotations

import dataclasses
import statistics

from d2l_mlp.cli import training_job
from d2l_mlp.cli.command import Signals
from d2l_mlp.cli.train_flags import TrainFlags
from d2l_mlp.runs.config import RunError, default_folder
from d2l_mlp.runs.run import is_free


def train(flags: TrainFlags, signals: Signals) -> None:
    """Train one run after the other; a signal or an error ends them all."""
    folder = flags.out or default_folder(flags.hyperparameters)
    outs = {seed: folder / f"seed-{seed}" for seed in flags.seeds}
    taken = [str(out) for out in outs.values() if not is_free(out)]
    if taken:
        raise RunError(
            f"{', '.join(taken)}: not empty, and a run overwrites nothing; leave these seeds out, "
            "or name another folder with --out (--resume goes on with one that is not finished)"
        )
    accuracies = []
    for seed, out in outs.items():
        settings = dataclasses.replace(flags.hyperparameters, seed=seed)
        one = dataclasses.replace(flags, hyperparameters=settings, out=out)
        accuracies.append(training_job.train(one, signals))
    line = f"mean of {len(accuracies)} final test accuracies {statistics.mean(accuracies):.4f}"
    if len(accuracies) > 1:
        line += f", standard deviation {statistics.stdev(accuracies):.4f}"
    print(f"{line}, {min(accuracies):.4f} to {max(accuracies):.4f}; saved in {folder}")
