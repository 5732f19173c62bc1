"""The data set: what is in each place where it is looked for, and what would be used."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from d2l_mlp.data.download import find_mirror_problems, mirror_urls, shown_url
from d2l_mlp.data.fashion_mnist import DATA_REMEDY, named_folder, search_places
from d2l_mlp.data.releases import RELEASES, SAMPLE_DIR, DatasetError, has_files, read_verified_file
from d2l_mlp.diagnosis.finding import Finding


def data() -> Iterator[Finding]:
    """Go through the places in the order of `d2l_mlp.data.fashion_mnist.load_fashion_mnist`."""
    dataset = os.environ.get("D2L_MLP_DATASET") or "auto"
    if dataset not in ("auto", *RELEASES):
        remedy = f"unset it, or give one of auto, {', '.join(RELEASES)}"
        yield Finding(
            "fail", "data", f"$D2L_MLP_DATASET is {dataset!r}, which is not known", remedy
        )
        return
    if dataset == "sample":
        yield _sample("$D2L_MLP_DATASET: ")
        return
    named = os.environ.get("D2L_MLP_DATA")
    if named:
        try:
            problem = _problem(named_folder(named), "fashion-mnist")
        except DatasetError as error:
            problem = str(error)
        if problem:
            remedy = "unset D2L_MLP_DATA, or mend that folder"
            yield Finding("fail", "data", f"$D2L_MLP_DATA: {problem}", remedy)
        else:
            yield Finding("ok", "data", f"$D2L_MLP_DATA: canonical, used ({named})")
        return
    used = False
    for name, folder in search_places().items():
        try:
            absent = not has_files(folder, "fashion-mnist")
        except DatasetError as error:
            yield Finding("note", "data", f"{name}: {error}", "mend that, or leave it")
            continue
        if absent:
            yield Finding("ok", "data", f"{name}: absent")
            continue
        problem = _problem(folder, "fashion-mnist")
        if problem:
            yield Finding("note", "data", f"{name}: {problem}", "it is passed over, or remove it")
        else:
            yield Finding("ok", "data", f"{name}: canonical{'' if used else ', used'} ({folder})")
            used = True
    if not used:
        yield from _network_and_sample("note" if dataset == "auto" else "fail")


def _network_and_sample(status: str) -> Iterator[Finding]:
    """Ask the network; a failure is no more than noted where the sample may stand in."""
    if importlib.util.find_spec("requests") is None:
        yield Finding(status, "data", "network: not asked, requests is missing", DATA_REMEDY)
        return
    urls = mirror_urls()
    problems = find_mirror_problems(urls, 4)
    told = "; ".join(f"{shown_url(url)} {problems.get(url, 'answers')}" for url in urls)
    if len(problems) < len(urls):
        yield Finding("ok", "data", f"network: {told}; it would be downloaded")
        return
    yield Finding(status, "data", f"network: {told}", DATA_REMEDY)
    if status == "note":
        yield _sample()


def _sample(why: str = "") -> Finding:
    problem = _problem(SAMPLE_DIR, "sample")
    if problem:
        return Finding("fail", "data", f"{why}embedded sample: {problem}", "install d2l_mlp again")
    return Finding("ok", "data", f"{why}embedded sample: right, used")


def _problem(folder: Path, release: str) -> str | None:
    """Say what is wrong with the files in a folder; None if they are the release's."""
    try:
        for file in RELEASES[release]:
            read_verified_file(folder, file)
    except DatasetError as error:
        return str(error)
    return None
