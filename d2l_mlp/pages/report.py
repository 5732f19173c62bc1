"""Render the report of runs, a web page that needs no other file, from its template."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy

from d2l_mlp import __version__
from d2l_mlp.data.fashion_mnist import FashionMNIST
from d2l_mlp.data.releases import CLASSES
from d2l_mlp.files import printable, write_atomically
from d2l_mlp.inference.evaluation import Inspection, LayerActivity, inspect_run
from d2l_mlp.pages.pictures import Sprite, curves_svg, weights_picture
from d2l_mlp.plotting.learning_curves import plot_histories, plot_history
from d2l_mlp.runs.reader import SavedRun
from d2l_mlp.training.state import best_epoch

_IMAGES_A_CELL = 40  # of the confusion matrix; with several runs, together
_MISTAKES = 24
_BINS = 10


def write_report(path: Path, runs: Sequence[SavedRun], data: Mapping[str, FashionMNIST]) -> None:
    """Write or replace the report of runs that were trained on `data`, which is by release."""
    names = _names(runs)
    sprites = {release: Sprite(each.test[0]) for release, each in data.items()}
    found = [inspect_run(run, data[run.config["data"]["release"]]) for run in runs]
    images_a_cell = max(4, _IMAGES_A_CELL // len(runs))
    sections = [
        _section(name, run, inspection, sprites[run.config["data"]["release"]], images_a_cell)
        for name, run, inspection in zip(names, runs, found)
    ]
    results = [(each.evaluation.loss, each.evaluation.accuracy) for each in found]
    templates = files("d2l_mlp.pages") / "templates"
    template = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (templates / name).read_text("utf-8")),
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    ).get_template("report.html.jinja")  # fmt: skip
    page = template.render(
        version=__version__, classes=CLASSES, sections=sections, sprites=sprites,
        curves=_curves(names, runs), differing=differing(runs),
        spreads=spreads(names, runs, results), bins=_BINS,
    )  # fmt: skip
    write_atomically(path, page.encode())


def _names(runs: Sequence[SavedRun]) -> list[str]:
    """Return the names of the runs' folders, or whole paths if two names are the same."""
    names = [run.folder.resolve().name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.folder) for run in runs]
    return [printable(name) for name in names]


def _section(
    name: str, run: SavedRun, found: Inspection, sprite: Sprite, images_a_cell: int
) -> dict[str, Any]:
    mistakes = found.mistakes()
    return {
        "name": name,
        "run": run,
        "settings": run.hyperparameters,
        "best": run.history[best_epoch(run.history, run.hyperparameters.monitor) - 1]
        if run.history
        else None,
        "found": found,
        "shares": found.matrix / numpy.maximum(found.matrix.sum(axis=1, keepdims=True), 1),
        "cells": _cells(found, sprite, images_a_cell),
        "scores": list(zip(CLASSES, *found.evaluation.classes)),
        "mistakes": [_image(found, sprite, int(number)) for number in mistakes[:_MISTAKES]],
        "num_mistakes": len(mistakes),
        "weights": weights_picture(run.net[0].weight.data().asnumpy()),
        "layers": [(layer, _histogram(layer)) for layer in found.layers],
        "facts": {
            name.replace("_", " "): _shown(value)
            for name, value in dataclasses.asdict(run.hyperparameters).items()
        },
        "ancestor": printable(Path(run.config.get("from", {}).get("run", "")).name),
    }


def _cells(found: Inspection, sprite: Sprite, most: int) -> dict[str, list[tuple]]:
    """Return the images behind each cell of the confusion matrix, for the page's script."""
    return {
        f"{label}-{guess}": [
            (*sprite.place(number), number, round(float(found.confidence[number]), 4))
            for number in found.examples(label, guess)[:most].tolist()
        ]
        for label, guess in numpy.argwhere(found.matrix).tolist()
    }


def _image(found: Inspection, sprite: Sprite, number: int) -> dict[str, Any]:
    column, row = sprite.place(number)
    return {
        "number": number, "column": column, "row": row,
        "label": CLASSES[found.labels[number]], "guess": CLASSES[found.predicted[number]],
        "confidence": float(found.confidence[number]),
    }  # fmt: skip


def _histogram(layer: LayerActivity) -> list[int]:
    """Count the units by the share of the test images for which they are above 0."""
    counts, _ = numpy.histogram(layer.active, bins=_BINS, range=(0, 1))
    return counts.tolist()


def _curves(names: Sequence[str], runs: Sequence[SavedRun]) -> str:
    """Draw the learning curves as SVG, of those runs that have finished an epoch."""
    drawn = [(name, run) for name, run in zip(names, runs) if run.history]
    if not drawn:
        return ""
    if len(runs) == 1:
        ((_, run),) = drawn
        figure = plot_history(run.history, run.hyperparameters.watched)
    else:
        figure = plot_histories({name: run.history for name, run in drawn})
    return curves_svg(figure)


def differing(runs: Sequence[SavedRun]) -> dict[str, list[str]]:
    """Return the settings that are not the same in all runs, each with its value in every run."""
    settings = [_settings(run) for run in runs]
    return {
        name.replace("_", " "): [_shown(each[name]) for each in settings]
        for name in settings[0]
        if any(each[name] != settings[0][name] for each in settings)
    }


class Spread(NamedTuple):
    """Test results of runs that differ in their seed alone."""

    runs: tuple[str, ...]  # names
    accuracy: tuple[float, float]  # mean and standard deviation, with n - 1 in the denominator
    loss: tuple[float, float]


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
            loss, accuracy = (
                (float(numpy.mean(values)), float(numpy.std(values, ddof=1)))
                for values in zip(*(results[i] for i in group.values()))
            )
            found.append(Spread(tuple(names[i] for i in group.values()), accuracy, loss))
    return found


def _shown(value: Any) -> str:
    """Format a hyperparameter as its flag takes it."""
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _settings(run: SavedRun) -> dict[str, Any]:
    return {
        **dataclasses.asdict(run.hyperparameters),
        "data": run.config["data"]["release"],
        "epochs done": len(run.history),
        "initial parameters": run.config.get("from", {}).get("sha256", "")[:12],
    }
