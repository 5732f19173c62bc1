"""The folders of runs that nobody has named."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from d2l_mlp.runs.config import RunError, make_next_folder
from tests.processes import SAMPLE, metrics


def test_names_are_claimed_by_making_the_folder(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: make_next_folder(tmp_path / "runs" / "name"), range(64)))
    assert {path.name for path in made} == {"name", *(f"name-{i}" for i in range(2, 65))}


@pytest.mark.parametrize("take", [Path.touch, lambda path: path.symlink_to("nowhere")])
def test_a_place_for_runs_that_is_no_folder(tmp_path, take):
    take(tmp_path / "runs")
    with pytest.raises(RunError, match=r"runs cannot be written \(.*\); fix that, or start"):
        make_next_folder(tmp_path / "runs" / "name")


def test_runs_of_the_same_second_take_folders_of_their_own(call, tmp_path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda *args: "now")
    for _ in range(2):
        call(*SAMPLE, "--epochs", 1, "--hidden", *60 * "1")
    folders = sorted((tmp_path / "runs").iterdir())
    assert [folder.name for folder in folders] == ["now-relu-60-layers", "now-relu-60-layers-2"]
    assert [len(metrics(folder)) for folder in folders] == [1, 1]
