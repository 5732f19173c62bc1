"""Launched trainings: the flags, the result, and what happens when a process fails."""

import os
import random
import re
import resource
import signal
import socket
import subprocess
import time
from contextlib import suppress

import pytest

from d2l_mlp.cli.worker import OTHER_FAILED
from tests.conftest import ROOT
from tests.groups import MARK, assert_none_is_left, assert_same_run, launched_process, new_mark
from tests.processes import PROG as TRAIN_PROG
from tests.processes import wait_for

PROG = "python -m d2l_mlp.launch"
LAUNCH = ("-m", "d2l_mlp.launch")
TRAIN = ("--dataset", "sample", "--hidden", 8, "--lr", 0.05)
DEADLINE = 3  # seconds
# The command, with a second more instead of a minute until all workers have found each other.
SOON = """
import sys
from d2l_mlp import launch
from d2l_mlp.cli import process_group

process_group._START = 1.0
sys.exit(launch.main())
"""
EPOCH = "worker 0 | epoch "

# A handler that the training command knows nothing of: what it raises is no error of its own.
FAILS = """
import signal

def fail(*_):
    raise LookupError("what a worker came upon")

signal.signal(signal.SIGUSR2, fail)
"""


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ("", "the following arguments are required: --workers"),
        ("--workers 0", "argument --workers: '0' is not allowed; give an integer of at least 1"),
        ("--workers 2 --epochs 3", "'--epochs' is not known here; flags for training come after"),
        ("--workers 2 --host 0.0.0.0", "'0.0.0.0' is not allowed; give one IPv4 address"),
        ("--workers 2 --remote-workers 1", "--remote-workers needs --host: this machine's address"),
        (
            "--workers 1 --host 10.0.0.1 --remote-workers 1",
            "leaves none of 1 --workers for this machine",
        ),
    ],
)
def test_flags_that_make_no_sense_are_one_line(run, flags, line):
    (said,) = run(*LAUNCH, *flags.split(), code=2).stderr.splitlines()
    assert said.startswith(f"{PROG}: error: ")
    assert line in said


def test_flags_for_training_are_read_before_anything_starts(run, tmp_path):
    result = run("-X", "importtime", *LAUNCH, "--workers", 2, "--", "--epochs", 0, code=2)
    said = [line for line in result.stderr.splitlines() if not line.startswith("import time:")]
    assert said == [
        "python -m d2l_mlp.train: error: argument --epochs: '0' is not allowed; "
        "give an integer of at least 1 (see --help)"
    ]
    assert not re.search(r"\bmxnet\b|\bnumpy\b", result.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])  # the second is nobody's
def test_an_address_that_nothing_can_listen_at(run, tmp_path, host):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        result = run(*LAUNCH, "--workers", 1, "--host", host, "--port", port, "--", *TRAIN, code=1)
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{PROG}: error: this machine cannot listen at port {port} of {host} (")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_before_the_run_is_one_line(run, tmp_path):
    data = ("--dataset", "fashion-mnist", "--data-dir", "nowhere")
    result = run(*LAUNCH, "--workers", 1, "--", *TRAIN, *data, "--out", "run", code=1)
    *others, line = result.stderr.splitlines()
    assert others == []
    assert line.startswith(f"{PROG}: error: worker 0 ended with exit code 1: ")
    assert "nowhere" in line
    assert list(tmp_path.iterdir()) == []


def test_two_workers_come_to_what_one_process_does(run, call, tmp_path):
    call("-m", "d2l_mlp.train", *TRAIN, "--epochs", 3, "--out", "alone", "--quiet")
    mark = new_mark()
    flags = ("--workers", 2, "--", *TRAIN, "--epochs", 3)
    result = run(*LAUNCH, *flags, env={MARK: mark})
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert [line.partition(" | ")[0] for line in lines] == ["worker 0"] * len(lines)
    (folder,) = (tmp_path / "runs").iterdir()
    assert lines[-1].endswith(f"saved in  runs/{folder.name}")
    assert_same_run(folder, tmp_path / "alone", atol=1e-4)
    assert_none_is_left(mark)


@pytest.fixture
def launched(start, tmp_path):
    """Launch endless trainings, of which no process may be left."""
    (tmp_path / "sitecustomize.py").write_text(FAILS)
    mark = new_mark()

    def launched(*flags, command=LAUNCH, train=()):
        process = start(
            *command, "--workers", 2, *flags, "--", *TRAIN, *train,
            "--epochs", 100_000, "--out", "run",
            **{MARK: mark, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        )  # fmt: skip
        process.mark = mark
        return process

    yield launched
    assert_none_is_left(mark)


def ended(process, within=10):
    """Wait for the end, and return the exit code and the lines of standard error."""
    _, err = process.communicate(timeout=within)
    return process.returncode, err.splitlines()


def at_random(process, trial, of="", training=True):
    """Let a while pass, within the training or within the start."""
    if training:
        wait_for(process, EPOCH)
    else:
        launched_process(process.mark, "scheduler")
    moment = random.Random(f"{trial} {of}").uniform(0, 2)
    time.sleep(moment)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["worker 0", "scheduler"])  # others are killed below
def test_a_role_is_killed(launched, name, trial):
    process = launched()
    at_random(process, trial, name, training=(trial + len(name)) % 2 == 0)
    os.kill(launched_process(process.mark, name), signal.SIGKILL)
    code, lines = ended(process)
    assert code == 1
    assert lines == [f"{PROG}: error: {name} was killed by signal 9 (SIGKILL)"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["worker 1", "server 0"])
def test_a_role_is_stopped(launched, name, trial):
    process = launched("--deadline", DEADLINE)
    at_random(process, trial, name)
    os.kill(launched_process(process.mark, name), signal.SIGSTOP)
    code, (line,) = ended(process, DEADLINE + 10)
    assert code == 1
    assert re.search(rf"error: no progress for \d+ s: a signal has stopped {name}$", line)


@pytest.mark.slow
def test_an_exception_in_a_worker(launched, trial):
    process = launched()
    at_random(process, trial)
    worker = launched_process(process.mark, "worker 1")
    for _ in range(5):  # what is raised while a destructor runs, Python ignores
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGUSR2)
        with suppress(subprocess.TimeoutExpired):
            code, (line,) = ended(process, within=5)
            break
    else:
        pytest.fail("it goes on")
    assert code == 1
    why = "LookupError: what a worker came upon"
    assert line.startswith(f"{PROG}: error: worker 1 ended with exit code 1: {why}")


@pytest.mark.slow
def test_a_training_that_diverges_is_not_resumed(launched):
    process = launched("--restarts", 3, train=("--lr", "1e20"))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err.count("\n")) == (1, 1)
    assert err.endswith("such as with: python -m d2l_mlp.launch ... -- --from run --lr 0.5\n")
    assert "resume" not in out


@pytest.mark.slow
def test_a_full_disk(launched, trial):
    process = launched()
    at_random(process, trial)
    resource.prlimit(launched_process(process.mark, "worker 0"), resource.RLIMIT_FSIZE, (100, 100))
    code, (line,) = ended(process)
    assert code == 1
    begin = f"{PROG}: error: worker 0 ended with exit code 1: run cannot be written ("
    assert line.startswith(begin)


@pytest.mark.slow
def test_launch_itself_is_killed(launched, trial):
    process = launched()
    at_random(process, trial)
    process.kill()
    process.wait()


@pytest.mark.slow
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
        again = "--workers 2 --deadline 600 -- --resume=run"
        assert out.splitlines()[-1] == f"resume    {PROG} {again}"
        assert out.count("resume    ") == 1  # worker 0 leaves it to launch
        assert (tmp_path / "run" / "model.params").exists()


@pytest.mark.slow
def test_remote_workers_that_never_come(launched):
    flags = ("--host", "127.0.0.2", "--remote-workers", 1, "--deadline", DEADLINE)
    code, (line,) = ended(launched(*flags, command=("-c", SOON)), DEADLINE + 15)
    assert code == 1
    assert line.startswith(f"{PROG}: error: no progress for ")
    assert line.endswith("; the 1 remote workers have to be started on their machines")


@pytest.mark.slow
def test_a_remote_worker(launched, start):
    process = launched("--host", "127.0.0.2", "--remote-workers", 1)
    process.stdout.readline()
    command = process.stdout.readline().replace("ADDRESS", "127.0.0.1").split()
    settings = [part for part in command if part.startswith("DMLC_")]
    flags = command[command.index("python") + 1 :]
    other = start(*flags, **dict(setting.split("=") for setting in settings))
    wait_for(process, EPOCH)
    process.terminate()
    assert ended(process)[0] == 143
    assert other.wait(timeout=10) == OTHER_FAILED
    assert other.stderr.read().startswith(f"{TRAIN_PROG}: error: ")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "training"), [("server 0", True), ("worker 1", False)])
def test_a_training_that_is_killed_is_resumed_with_the_same_result(
    start, call, tmp_path, name, training
):
    epochs = ("--epochs", 60)
    call("-m", "d2l_mlp.train", *TRAIN, *epochs, "--out", "alone", "--quiet")
    mark = new_mark()
    flags = ("--workers", 2, "--restarts", 2)
    process = start(*LAUNCH, *flags, "--", *TRAIN, *epochs, "--out", "run", **{MARK: mark})
    if training:
        wait_for(process, EPOCH)
    os.kill(launched_process(mark, name), signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    reason = f"{name} was killed by signal 9 (SIGKILL)"
    assert err == f"{PROG}: {reason}; starting again, at most 2 times\n"
    assert ("resumed   run, after epoch " in out) == training
    assert_same_run(tmp_path / "run", tmp_path / "alone", atol=1e-4)
    assert_none_is_left(mark)
