"""Training with several seeds: each a run of its own, and what they have come to together."""

import dataclasses
import statistics

from d2l_mlp.cli import beginnings, training_job
from d2l_mlp.cli.signals import Signals
from d2l_mlp.cli.train_flags import TrainFlags


def train(flags: TrainFlags, signals: Signals) -> None:
    """Train one run after the other; a signal or an error ends them all."""
    folder = flags.out or beginnings.default_folder(flags.hyperparameters)
    accuracies = []
    for seed in flags.seeds:
        settings = dataclasses.replace(flags.hyperparameters, seed=seed)
        out = folder / f"seed-{seed}"
        one = dataclasses.replace(flags, hyperparameters=settings, out=out)
        accuracies.append(training_job.train(one, signals))
    line = f"mean of {len(accuracies)} final test accuracies {statistics.mean(accuracies):.4f}"
    if len(accuracies) > 1:
        line += f", standard deviation {statistics.stdev(accuracies):.4f}"
    print(f"{line}, {min(accuracies):.4f} to {max(accuracies):.4f}; saved in {folder}")
