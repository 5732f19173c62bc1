"""What befalls a launched training, at random moments: it ends, says why, and leaves nothing."""

import os
import random
import resource
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from tests.conftest import ROOT
from tests.groups import assert_same_run
from tests.launching import LAUNCH, MARK, TRAIN, assert_none_is_left, new_mark, role
from tests.processes import PROG as TRAIN_PROG

pytestmark = pytest.mark.slow

PROG = "python -m d2l_mlp.launch"
DEADLINE = 3  # seconds
# The command, with a second more instead of a minute until all workers have found each other.
SOON = """
import sys
from d2l_mlp import launch
from d2l_mlp.cli.process_group import _START

_START = 1.0
sys.exit(launch.main())
"""
ROLES = ("worker 0", "worker 1", "server 0", "scheduler")
EPOCH = "worker 0 | epoch "

# A handler that the training command knows nothing of: what it raises is no error of its own.
FAILS = """
import signal

def fail(*_):
    raise LookupError("what a worker came upon")

signal.signal(signal.SIGUSR1, fail)
"""


@pytest.fixture
def launched(start, tmp_path):
    """Launch an endless training, and give what ends it and tells how that went."""
    (tmp_path / "sitecustomize.py").write_text(FAILS)
    mark = new_mark()

    def launched(*flags, command=LAUNCH):
        process = start(
            *command, "--workers", 2, *flags, "--", *TRAIN,
            "--epochs", 100_000, "--out", "run",
            **{MARK: mark, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        )  # fmt: skip
        process.mark = mark
        return process

    yield launched
    assert_none_is_left(mark)


def ended(process, within=10):
    """Wait for the end, and give the exit code and the lines of standard error."""
    _, err = process.communicate(timeout=within)
    return process.returncode, err.splitlines()


def wait_for_epoch(process):
    line = ""
    while not line.startswith(EPOCH):
        line = process.stdout.readline()
        assert line, process.stderr.read()


def at_random(process, trial, of="", training=True):
    """Let a while pass, within the training or within the start."""
    if training:
        wait_for_epoch(process)
    else:
        role(process.mark, "scheduler")
    moment = random.Random(f"{trial} {of}").uniform(0, 2)
    time.sleep(moment)


def is_even(trial, name):
    """Tell about every second role, and in the next trial about the others."""
    return (trial + ROLES.index(name)) % 2 == 0


@pytest.mark.parametrize("name", ROLES)
def test_a_role_is_killed(launched, name, trial):
    process = launched()
    at_random(process, trial, name, training=is_even(trial, name))
    os.kill(role(process.mark, name), signal.SIGKILL)
    code, lines = ended(process)
    assert code == 1
    assert lines == [f"{PROG}: error: {name} was killed by signal 9 (SIGKILL)"]


@pytest.mark.parametrize("name", ROLES)
def test_a_role_is_stopped(launched, name, trial):
    process = launched("--deadline", DEADLINE)
    at_random(process, trial, name, training=not is_even(trial, name))
    os.kill(role(process.mark, name), signal.SIGSTOP)
    code, (line,) = ended(process, DEADLINE + 10)
    assert code == 1
    assert line.startswith(f"{PROG}: error: {name} has been stopped by a signal for ")


@pytest.mark.parametrize("name", ["worker 0", "worker 1"])
def test_an_exception_in_a_worker(launched, name, trial):
    process = launched()
    at_random(process, trial, name)
    worker = role(process.mark, name)
    for _ in range(5):  # what is raised while a destructor runs, Python ignores
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGUSR1)
        with suppress(subprocess.TimeoutExpired):
            code, (*traceback, line) = ended(process, within=5)
            break
    else:
        pytest.fail("it goes on")
    assert code == 1
    why = "LookupError: what a worker came upon"
    assert line == f"{PROG}: error: {name} ended with exit code 1: {why}"
    assert traceback[-1] == f"{name} | {why}"


def test_a_full_disk(launched, trial):
    process = launched()
    at_random(process, trial)
    resource.prlimit(role(process.mark, "worker 0"), resource.RLIMIT_FSIZE, (100, 100))
    code, (line,) = ended(process)
    assert code == 1
    begin = f"{PROG}: error: worker 0 ended with exit code 1: run cannot be written ("
    assert line.startswith(begin)


@pytest.mark.parametrize("training", [True, False])
def test_launch_itself_is_killed(launched, training, trial):
    process = launched()
    at_random(process, trial, training=training)
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("signum", "code", "reason", "training"),
    [(signal.SIGINT, 130, "Ctrl-C", True), (signal.SIGTERM, 143, "SIGTERM", False)],
)
def test_launch_is_asked_to_end(launched, tmp_path, signum, code, reason, training, trial):
    process = launched("--deadline", 600)
    at_random(process, trial, reason, training)
    process.send_signal(signum)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (code, f"{PROG}: stopped by {reason}\n")
    if training:  # worker 0 has saved its work
        again = "--workers 2 --servers 1 --deadline 600 -- --resume run --epochs 100000"
        assert out.splitlines()[-1] == f"go on     {PROG} {again}"
        assert out.count("go on  ") == 1  # worker 0 leaves it to launch
        assert (tmp_path / "run" / "model.params").exists()


def test_workers_that_never_come(launched):
    flags = ("--host", "127.0.0.2", "--elsewhere", 1, "--deadline", DEADLINE)
    code, (line,) = ended(launched(*flags, command=("-c", SOON)), DEADLINE + 15)
    assert code == 1
    assert line.startswith(f"{PROG}: error: worker 0 has made no progress for ")
    assert line.endswith("; the other 1 workers have to be started on their machines")


def test_a_worker_that_is_started_elsewhere(launched, start):
    process = launched("--host", "127.0.0.2", "--elsewhere", 1)
    process.stdout.readline()
    command = process.stdout.readline().replace("ADDRESS", "127.0.0.1").split()
    settings = [part for part in command if part.startswith("DMLC_")]
    flags = command[command.index("python") + 1 :]
    other = start(*flags, **dict(setting.split("=") for setting in settings))
    wait_for_epoch(process)
    process.terminate()
    assert ended(process)[0] == 143
    assert other.wait(timeout=10) == 1
    assert other.stderr.read().startswith(f"{TRAIN_PROG}: error: ")


@pytest.mark.parametrize(("name", "training"), [("server 0", True), ("worker 1", False)])
def test_a_training_that_is_killed_goes_on_and_comes_to_the_same(
    start, call, tmp_path, name, training
):
    epochs = ("--epochs", 60)
    call("-m", "d2l_mlp.train", *TRAIN, *epochs, "--out", "alone", "--quiet")
    mark = new_mark()
    flags = ("--workers", 2, "--restarts", 2)
    process = start(*LAUNCH, *flags, "--", *TRAIN, *epochs, "--out", "run", **{MARK: mark})
    if training:
        wait_for_epoch(process)
    os.kill(role(mark, name), signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    reason = f"{name} was killed by signal 9 (SIGKILL)"
    assert err == f"{PROG}: {reason}; starting again, at most 2 times\n"
    assert ("resumed   run, after epoch " in out) == training
    assert_same_run(tmp_path / "run", tmp_path / "alone", atol=1e-4)
    assert_none_is_left(mark)
