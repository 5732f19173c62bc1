"""Folders that are moved, taken, shared or full while a run writes to them."""

import shutil
import signal
from itertools import zip_longest

from d2l_mlp.runs.checkpoint import load_checkpoint
from tests.processes import PROG, SAMPLE, in_own_mounts, wait_for

FLAGS = (*SAMPLE, "--hidden", "8", "--batch-size", "500")
ENDLESS = (*FLAGS, "--epochs", "100000", "--out", "run")


def move(folder):
    folder.rename(folder.parent / "moved")


def empty(folder):
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def move_checkpoints(folder):
    (folder / "checkpoints").rename(folder.parent / "moved")


def unlock(folder):
    (folder / "checkpoints" / "lock").unlink()


ONE_AFTER_THE_OTHER = """
import sys
from d2l_mlp import train
for place in sys.argv[1].split():
    assert train.main([*sys.argv[2:], "--out", f"{place}/run"]) == 1
    print("ended", flush=True)
"""


def test_a_folder_that_is_taken_away_ends_the_run(start, tmp_path):
    takes = (move, shutil.rmtree, empty, move_checkpoints, unlock)
    for take in takes:
        (tmp_path / take.__name__).mkdir()
    places = " ".join(take.__name__ for take in takes)
    process = start("-c", ONE_AFTER_THE_OTHER, places, *FLAGS[2:], "--epochs", "100000")
    for take in takes:
        place = tmp_path / take.__name__
        wait_for(process, "epoch      2/")
        process.send_signal(signal.SIGSTOP)
        take(place / "run")
        before = sorted(place.rglob("*"))
        process.send_signal(signal.SIGCONT)
        wait_for(process, "ended")
        if take is not unlock:
            assert set(place.rglob("*")) <= set(before)
        if take is move:
            assert load_checkpoint(place / "moved" / "checkpoints").state.history
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 0
    for line, take in zip_longest(err.splitlines(), takes):
        begin = f"{PROG}: error: {take.__name__}/run was moved, deleted or replaced while"
        assert line.startswith(begin)


def test_two_runs_in_one_place_never_mix(start, call, tmp_path):
    first = start(*ENDLESS, "--lr", "0.25")
    wait_for(first, "epoch      2/")
    first.send_signal(signal.SIGSTOP)
    (tmp_path / "run").rename(tmp_path / "moved")
    call(*FLAGS, "--epochs", 2, "--out", "run")
    before = contents(tmp_path / "run")
    first.send_signal(signal.SIGCONT)
    assert "run was moved, deleted or replaced" in first.communicate(timeout=60)[1]
    assert first.returncode == 1
    assert contents(tmp_path / "run") == before
    saved = load_checkpoint(tmp_path / "moved" / "checkpoints")
    assert saved.config["hyperparameters"]["lr"] == 0.25


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_start_on_a_full_disk_can_be_started_again(tmp_path):
    (tmp_path / "disk").mkdir()
    result = in_own_mounts(
        'mount -t tmpfs -o size=40k none disk || exit 99; "$@"; find disk -mindepth 1 -print; '
        'mount -o remount,size=4m disk; exec "$@"',
        *FLAGS, "--epochs", 1, "--out", "disk/run", cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0
    (line,) = result.stderr.splitlines()
    assert "disk/run cannot be written (No space left on device)" in line
    assert "\ndisk/run\ndata " in "\n" + result.stdout[result.stdout.index("disk/run") :]
