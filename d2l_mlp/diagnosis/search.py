"""The data set: what is in each place where it is looked for, and what would be used."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

from d2l_mlp.data.download import mirror_problems, shown_url
from d2l_mlp.data.fashion_mnist import DATA_REMEDY, Place, search_data
from d2l_mlp.data.releases import DatasetError
from d2l_mlp.diagnosis.finding import Finding


def data() -> Iterator[Finding]:
    """Go through the places in the order of `d2l_mlp.data.fashion_mnist.load_fashion_mnist`."""
    used = False
    try:
        for place in search_data():
            yield _finding(place, used)
            used = used or place.required or bool(place.contents)
    except DatasetError as error:
        yield Finding("fail", "data", str(error), "unset D2L_MLP_DATASET")
        return
    if not used:
        full = os.environ.get("D2L_MLP_DATASET") == "fashion-mnist"
        yield from _network_and_sample("fail" if full else "note")


def _finding(place: Place, used: bool) -> Finding:
    if place.contents:
        text = f"right{'' if used else ', used'} ({place.folder})"
        return Finding("ok", "data", f"{place.name}: {text}")
    if place.required:
        return Finding("fail", "data", f"{place.name}: {place.problem}", DATA_REMEDY)
    if place.problem:
        fix = "it is passed over; remove it"
        return Finding("note", "data", f"{place.name}: {place.problem}", fix)
    return Finding("ok", "data", f"{place.name}: absent")


def _network_and_sample(status: str) -> Iterator[Finding]:
    """Ask the network; a failure is no more than noted if the sample may stand in."""
    if importlib.util.find_spec("pooch") is None:
        yield Finding(status, "data", "network: not asked, pooch is missing", DATA_REMEDY)
        return
    problems = mirror_problems(4)
    text = "; ".join(f"{shown_url(url)}: {why or 'answers'}" for url, why in problems.items())
    if None in problems.values():
        yield Finding("ok", "data", f"network: {text}; it would be downloaded")
        return
    yield Finding(status, "data", f"network: {text}", DATA_REMEDY)
    if status == "note":
        yield from (_finding(place, False) for place in search_data("sample"))
