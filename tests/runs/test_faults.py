"""Every step of writing a run fails or is killed: an audit hook is called before each.

The steps are opening, making, renaming and removing files. A child process does the writing,
because an audit hook cannot be removed again.
"""

import collections
import errno
import itertools
import os
import random
import shutil
import signal
import sys
import traceback
from pathlib import Path

import numpy
import pytest

from d2l_mlp.runs.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from d2l_mlp.runs.config import RunError
from d2l_mlp.runs.run import Run
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.state import EpochMetrics, TrainingState

# A child of its own needs none of pytest's threads.
pytestmark = pytest.mark.filterwarnings("ignore:.*is multi-threaded:DeprecationWarning")

REFUSED = 2
STEPS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir")
CONFIG = {
    "hyperparameters": {**vars(Hyperparameters(hidden=(1,), momentum=0.9))},
    "data": {"release": "sample", "folder": "x", "sha256": {}},
    "versions": {}, "device": "cpu", "threads": "1",
}  # fmt: skip


def state(epochs):
    """Return a state that its number of epochs identifies."""
    shapes = {"0.weight": (1, 784), "0.bias": (1,), "1.weight": (10, 1), "1.bias": (10,)}
    arrays = {n: numpy.full(shape, epochs, "float32") for n, shape in shapes.items()}
    history = tuple(EpochMetrics(i + 1, 1, 0.5, 1, i / 9, 1, 1, 1, 1) for i in range(epochs))
    return TrainingState(history, arrays, {"momentum": arrays} if epochs else {}, epochs, arrays)


def start(folder):
    Run.start(folder, CONFIG, state(0)).close()


def resume(folder):
    run = Run.resume(folder)
    for epochs in range(min(len(run.state.history), 2) + 1, 4):
        run.save(state(epochs))
    run.write_config(CONFIG)
    run.close()


def in_child(job, folder, fault):
    """Do a job in a process that calls `fault` before each step; return its exit code."""
    pid = os.fork()
    if pid:
        status = os.waitpid(pid, 0)[1]
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    code = 1
    try:
        sys.addaudithook(lambda event, args: event in STEPS and fault())
        job(folder)
        code = 0
    except (RunError, CheckpointError) as error:
        code = REFUSED if len(str(error).splitlines()) == 1 else 1
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def count_steps(job, folder):
    steps = itertools.count()
    return in_child(lambda folder: job(folder) or os._exit(next(steps)), folder, steps.__next__)


def at(step, act):
    steps = itertools.count()
    return lambda: next(steps) == step and act()


def at_random(seed):
    rand = random.Random(seed)
    share, act = rand.choice([0.01, 0.05, 0.3]), rand.choice([kill, fail])
    return lambda: rand.random() < share and act()


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def fail():
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def check(folder):
    """Start or resume as its owner would; the run is then whole, and nothing else is there."""
    saved = None
    if (folder / "checkpoints").is_dir():
        saved = load_checkpoint(folder / "checkpoints").state
        expected = state(len(saved.history))
        assert saved.history == expected.history
        for name, array in expected.parameters.items():
            assert (saved.parameters[name] == array).all()
    else:
        start(folder)
    resume(folder)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == WHOLE
    return saved and len(saved.history)


WHOLE = [
    "best.params", "checkpoints", "checkpoints/000002.npz", "checkpoints/000003.npz",
    "checkpoints/lock", "config.json", "metrics.csv",
]  # fmt: skip


@pytest.mark.parametrize("act", [kill, fail])
@pytest.mark.parametrize("job", [start, pytest.param(resume, marks=pytest.mark.slow)])
def test_each_step(tmp_path, caplog, job, act):
    start(tmp_path / "started")
    shutil.copytree(tmp_path / "started", tmp_path / "warm")
    resume(tmp_path / "warm")  # what Python imports for it opens no file in the children

    def new(name):
        if job is resume:
            shutil.copytree(tmp_path / "started", tmp_path / name)
        return tmp_path / name

    steps = count_steps(job, new("count"))
    ended = collections.Counter()
    for step in range(steps):
        folder = new(str(step))
        code = in_child(job, folder, at(step, act))
        assert code in ((0, REFUSED) if act is fail else (-signal.SIGKILL,)), step
        ended[check(folder)] += 1
    print(f"{job.__name__}, {act.__name__}: {steps} steps, checkpoints then: {dict(ended)}")
    assert steps > 10
    # A start may have been killed between its first checkpoint and config.json.
    lost = "config.json cannot be used (is missing); the checkpoint has a copy"
    assert all(line.endswith(lost) for line in caplog.messages if job is start)
    assert not caplog.messages or job is start


def test_a_run_that_fails_is_not_kept_locked(tmp_path):
    start(tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "000000.npz").write_text("{}")
    with pytest.raises(CheckpointError) as kept:  # and with it, the frames of the stack
        Run.resume(tmp_path / "run")
    lock = f"{(tmp_path / 'run' / 'checkpoints' / 'lock').stat().st_ino}"
    assert lock not in Path("/proc/locks").read_text()
    assert kept


def test_two_starts_in_one_folder(tmp_path, monkeypatch):
    # The second starts and ends while the first writes its checkpoint.
    def save(*args):
        monkeypatch.undo()
        assert in_child(start, tmp_path / "run", lambda: None) == 0
        save_checkpoint(*args)

    monkeypatch.setattr("d2l_mlp.runs.run.save_checkpoint", save)
    with pytest.raises(RunError, match="run is not empty, and a run overwrites nothing"):
        Run.start(tmp_path / "run", CONFIG, state(1))
    assert len(load_checkpoint(tmp_path / "run" / "checkpoints").state.history) == 0
    assert not list((tmp_path / "run").glob(".*"))


@pytest.mark.parametrize("name", ["config.json", "checkpoints/notes", "notes", ".notes.part"])
def test_a_folder_with_files_is_not_started_in(tmp_path, name):
    path = tmp_path / "run" / name
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    with pytest.raises(RunError, match="run is not empty"):
        start(tmp_path / "run")
    assert path.read_text() == "precious"
    assert not list((tmp_path / "run").glob(".checkpoints*"))


@pytest.mark.slow
def test_steps_at_random(tmp_path, fuzz_size):
    codes = collections.Counter()
    for seed in range(fuzz_size):
        for job in (start, resume, resume):
            codes[in_child(job, tmp_path / str(seed), at_random(seed))] += 1
        check(tmp_path / str(seed))
    print(dict(codes))
    assert set(codes) <= {0, REFUSED, -signal.SIGKILL}
