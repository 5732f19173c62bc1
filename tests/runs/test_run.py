"""Folders that are moved, taken, shared or full while a run writes to them."""

import shutil
import signal
from itertools import zip_longest

from d2l_mlp.runs.checkpoint import load_checkpoint
from d2l_mlp.runs.reader import load_run
from tests.processes import PROG, SAMPLE, in_own_mounts, wait_for

FLAGS = (*SAMPLE, "--hidden", "8", "--batch-size", "500")


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


def test_a_run_is_read_while_it_goes_on_and_two_in_one_place_never_mix(
    start, call, tmp_path, caplog
):
    first = start(*FLAGS, "--epochs", "100000", "--out", "run", "--lr", "0.25")
    wait_for(first, "epoch      1/")
    epochs = [1]
    while epochs[-1] < 20:
        epochs.append(len(load_run(tmp_path / "run").history))
    assert first.poll() is None
    assert epochs == sorted(epochs)
    assert caplog.text == ""

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


FULL_DISKS = """
import os
from d2l_mlp import train

def run(disk, *flags):
    code = train.main(["--dataset", "sample", "--epochs", "4", "--out", f"{disk}/run", *flags])
    print("ended", flush=True)
    return code

assert run(40) == 1
assert [*os.walk("40")] == [("40", ["run"], []), ("40/run", [], [])]
assert os.system("mount -o remount,size=4m none 40") == 0
assert run(40, "--hidden", "8") == 0
for disk in (4000, 8000):
    assert run(disk, "--momentum", "0.9", "--lr", "0.1") == 1
"""


def test_a_full_disk_leaves_the_last_checkpoint_or_nothing(tmp_path):
    # The parameters of the net take 1.1 MB: a checkpoint 2.2 MB, and with momentum 3.3 MB.
    result = in_own_mounts(
        "for size in 40 4000 8000; do mkdir $size && "
        "mount -t tmpfs -o size=${size}k none $size || exit 99; done; "
        '"$@"; code=$?; mkdir copy; cp -r 4000 8000 copy; exit $code',
        "-c", FULL_DISKS, cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    for disk, line in zip_longest((40, 4000, 8000), result.stderr.splitlines()):
        says = f"{PROG}: error: {disk}/run cannot be written (No space left on device)"
        assert line.startswith(says)
    outputs = result.stdout.split("ended\n")[2:4]
    for disk, output in zip((4000, 8000), outputs):
        folder = tmp_path / "copy" / str(disk) / "run"
        done = len(load_checkpoint(folder / "checkpoints").state.history)
        epochs = sum(line.startswith("epoch ") for line in output.splitlines())
        assert done in (epochs, epochs + 1)  # metrics.csv may be what is too much
        # The checkpoint that did not fit is gone, which leaves room for the parameters.
        assert sorted(path.name for path in (folder / "checkpoints").iterdir())[-1] == "lock"
        assert (folder / "model.params").exists() == (disk == 8000)
    assert output.splitlines()[-2].startswith("test accuracy 0.")
