"""Compare runs: the settings that differ, and the spread of results over seeds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from d2l_mlp.runs.reader import SavedRun


class Spread(NamedTuple):
    """Test results of runs that differ in their seed alone."""

    runs: tuple[str, ...]  # names
    accuracy: tuple[float, float]  # mean and standard deviation, with n - 1 in the denominator
    loss: tuple[float, float]


def differing(runs: Sequence[SavedRun]) -> dict[str, list[str]]:
    """Return the settings that are not the same in all runs, each with its value in every run."""
    settings = [_settings(run) for run in runs]
    return {
        name.replace("_", " "): [shown(each[name]) for each in settings]
        for name in settings[0]
        if any(each[name] != settings[0][name] for each in settings)
    }


def spreads(
    names: Sequence[str], runs: Sequence[SavedRun], results: Sequence[tuple[float, float]]
) -> list[Spread]:
    """Summarize the test losses and accuracies of each group of runs that differ in their seed.

    Of several runs with the same seed, the first counts: the others repeat it.
    """
    groups: dict[str, dict[int, int]] = {}  # run by seed
    for i, run in enumerate(runs):
        rest = _settings(run)
        seed = rest.pop("seed")
        groups.setdefault(json.dumps(rest), {}).setdefault(seed, i)
    found = []
    for group in groups.values():
        if len(group) > 1:
            loss, accuracy = map(_mean_and_deviation, zip(*(results[i] for i in group.values())))
            found.append(Spread(tuple(names[i] for i in group.values()), accuracy, loss))
    return found


def shown(value: Any) -> str:
    """Format a hyperparameter as its flag takes it."""
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _settings(run: SavedRun) -> dict[str, Any]:
    return {
        **dataclasses.asdict(run.hyperparameters),
        "data": run.config["data"]["release"],
        "epochs done": len(run.history),
        "initial parameters": run.config.get("from", {}).get("sha256", "")[:12],
    }


def _mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    return float(numpy.mean(values)), float(numpy.std(values, ddof=1))
