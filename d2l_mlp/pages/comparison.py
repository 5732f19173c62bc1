"""Several runs side by side: in what they differ, and how much the seed alone changes."""

import dataclasses
import json
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy

from d2l_mlp.runs.reader import SavedRun


class Spread(NamedTuple):
    """Test results of runs that only their seed sets apart."""

    runs: Tuple[str, ...]
    """Their names."""
    accuracy: Tuple[float, float]
    """Mean and standard deviation, the latter with n - 1 in its denominator."""
    loss: Tuple[float, float]


def differing(runs: Sequence[SavedRun]) -> Dict[str, List[str]]:
    """Find what sets runs apart.

    Parameters
    ----------
    runs : sequence of SavedRun
        At least one.

    Returns
    -------
    dict of str to list of str
        Of each hyperparameter that is not the same in all, its value in each; so for the data set
        and the epochs that are done.
    """
    settings = [_settings(run) for run in runs]
    return {
        name.replace("_", " "): [shown(each[name]) for each in settings]
        for name in settings[0]
        if any(each[name] != settings[0][name] for each in settings)
    }


def spreads(
    names: Sequence[str], runs: Sequence[SavedRun], results: Sequence[Tuple[float, float]]
) -> List[Spread]:
    """Summarize the results of runs that differ in nothing but their seed.

    Parameters
    ----------
    names : sequence of str
        Of the runs.
    runs : sequence of SavedRun
        Themselves.
    results : sequence of (float, float)
        Test loss and accuracy of each.

    Returns
    -------
    list of Spread
        Of each group of at least two.
    """
    groups: Dict[str, List[int]] = {}
    for i, run in enumerate(runs):
        rest = {name: value for name, value in _settings(run).items() if name != "seed"}
        groups.setdefault(json.dumps(rest), []).append(i)
    return [
        Spread(
            tuple(names[i] for i in group),
            *(_mean_and_deviation([results[i][measure] for i in group]) for measure in (1, 0)),
        )
        for group in groups.values()
        if len({runs[i].hyperparameters.seed for i in group}) > 1
    ]


def shown(value: Any) -> str:
    """Write a hyperparameter as its flag takes it."""
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _settings(run: SavedRun) -> Dict[str, Any]:
    return {
        **dataclasses.asdict(run.hyperparameters),
        "data": run.config["data"]["release"],
        "epochs done": len(run.history),
        "begun with": run.config.get("from", {}).get("sha256", "")[:12],
    }


def _mean_and_deviation(values: List[float]) -> Tuple[float, float]:
    return float(numpy.mean(values)), float(numpy.std(values, ddof=1))
