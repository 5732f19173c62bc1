"""Every step of writing a run, failing or being killed: Python tells us of each before it is done.

Those are the files opened, made, renamed and removed. A child process does the writing, because an
audit hook cannot be taken away again.
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

import numpy
import pytest

from d2l_mlp.runs.checkpoint import CheckpointError, load_checkpoint
from d2l_mlp.runs.config import RunError
from d2l_mlp.runs.run import LockedFolder, Run
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.state import EpochMetrics, TrainingState

REFUSED = 2
STEPS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir")
CONFIG = {
    "hyperparameters": {**vars(Hyperparameters(hidden=(1,), momentum=0.9))},
    "data": {"release": "sample", "sha256": {}},
}


def state(epochs):
    """Give a state that is known by its number of epochs."""
    shapes = {"0.weight": (1, 784), "0.bias": (1,), "1.weight": (10, 1), "1.bias": (10,)}
    arrays = {n: numpy.full(shape, epochs, "float32") for n, shape in shapes.items()}
    history = tuple(EpochMetrics(i + 1, 1, 0.5, 1, 0.5, 1, 1) for i in range(epochs))
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
    """Do a job in a process in which `fault` is called before each step; give its exit code."""
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
    """Go on as its owner would, and find the run whole and nothing else there."""
    saved = None
    if (folder / "checkpoints").is_dir() and any((folder / "checkpoints").glob("0?????")):
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


PARTS = ["best.params", "manifest.json", "model.params", "momentum.params", "state.json"]
WHOLE = sorted(
    ["best.params", "checkpoints", "checkpoints/lock", "config.json", "metrics.csv"]
    + [f"checkpoints/00000{n}{part}" for n in (2, 3) for part in ["", *(f"/{p}" for p in PARTS)]]
)


@pytest.mark.parametrize("act", [kill, fail])
@pytest.mark.parametrize("job", [start, pytest.param(resume, marks=pytest.mark.slow)])
def test_each_step(tmp_path, caplog, job, act):
    if job is resume:
        start(tmp_path / "started")

    def new(name):
        if job is resume:
            shutil.copytree(tmp_path / "started", tmp_path / name)
        return tmp_path / name

    steps = count_steps(job, new("count"))
    ended = collections.Counter()
    for step in range(steps):
        folder = new(str(step))
        code = in_child(job, folder, at(step, act))
        # There is a copy of config.json, which is all that a run can do without.
        assert code in ((0, REFUSED) if act is fail else (-signal.SIGKILL,)), step
        ended[check(folder)] += 1
    print(f"{job.__name__}, {act.__name__}: {steps} steps, checkpoints then: {dict(ended)}")
    assert steps > 20
    assert caplog.text == ""


def test_one_that_fails_is_not_kept_locked(tmp_path):
    start(tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "000000" / "manifest.json").write_text("{}")
    with pytest.raises(CheckpointError) as kept:  # and with it, what is on the stack
        resume(tmp_path / "run")
    LockedFolder(tmp_path / "run").close()
    assert kept


def test_steps_at_random(tmp_path, fuzz_size):
    codes = collections.Counter()
    for seed in range(fuzz_size):
        for job in (start, resume, resume):
            codes[in_child(job, tmp_path / str(seed), at_random(seed))] += 1
        check(tmp_path / str(seed))
    print(dict(codes))
    assert set(codes) <= {0, REFUSED, -signal.SIGKILL}
