"""Launched trainings that go well, and flags that make no sense."""

import re
import socket

import pytest

from tests.groups import assert_same_run
from tests.launching import LAUNCH, MARK, TRAIN, assert_none_is_left, new_mark

PROG = "python -m d2l_mlp.launch"


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ("", "the following arguments are required: --workers"),
        ("--workers 0", "argument --workers: '0' is not allowed; give an integer of at least 1"),
        ("--workers 2 --epochs 3", "'--epochs' is not known here; flags for training come after"),
        ("--workers 2 --host 0.0.0.0", "'0.0.0.0' is not allowed; give one IPv4 address"),
        ("--workers 2 --elsewhere 1", "--elsewhere needs --host: an address of this machine"),
        ("--workers 1 --host 10.0.0.1 --elsewhere 1", "leaves none of 1 --workers for here"),
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
    assert line.startswith(f"{PROG}: error: nothing can listen at port {port} of {host} (")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", ["mine", "new"])
def test_a_failure_before_the_run_leaves_what_was_there(run, tmp_path, out):
    (tmp_path / "mine").mkdir()
    data = ("--dataset", "fashion-mnist", "--data-dir", "nowhere")
    result = run(*LAUNCH, "--workers", 1, "--", *TRAIN, *data, "--out", out, code=1)
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{PROG}: error: worker 0 ended with exit code 1: ")
    assert "nowhere" in line
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_two_workers_come_to_what_one_process_does(run, call, tmp_path):
    call("-m", "d2l_mlp.train", *TRAIN, "--epochs", 3, "--out", "alone", "--quiet")
    mark = new_mark()
    flags = ("--workers", 2, "--servers", 2, "--", *TRAIN, "--epochs", 3)
    result = run(*LAUNCH, *flags, env={MARK: mark})
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert [line.partition(" | ")[0] for line in lines] == ["worker 0"] * len(lines)
    (folder,) = (tmp_path / "runs").iterdir()
    assert lines[-1].endswith(f"saved in runs/{folder.name}")
    assert_same_run(folder, tmp_path / "alone", atol=1e-4)
    assert_none_is_left(mark)
