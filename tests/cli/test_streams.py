"""Commands whose output nobody takes, as processes."""

import os
import pty
import shlex
import subprocess
import sys

import pytest

from tests.conftest import ROOT

TRAIN = "-m d2l_mlp.train --dataset sample --hidden 8 --epochs 2 --out run"


def in_shell(line, cwd, **env):
    """Run a shell line in which PYTHON stands for the interpreter."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("PYTHON", shlex.quote(sys.executable))],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(
    "streams", [">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full", "| true", "2>&1 | true"]
)
def test_a_run_does_not_end_because_nobody_listens(tmp_path, streams):
    result = in_shell(f"PYTHON {TRAIN} {streams}", tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 3


def test_an_error_has_its_exit_code_all_the_same(tmp_path):
    assert in_shell("PYTHON -m d2l_mlp.train --epochs 0 2>&-", tmp_path).returncode == 2
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").touch()
    assert in_shell(f"PYTHON {TRAIN} >&- 2>/dev/full", tmp_path).returncode == 1


@pytest.mark.parametrize("flags", ["--list", "relu tanh --output f"])
def test_a_reader_who_has_seen_enough(tmp_path, flags):
    result = in_shell(f"PYTHON -m d2l_mlp.figures {flags} | head -n 1", tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("streams", "code", "says"),
    [
        (">/dev/full", 1, "the output cannot be written (No space left on device); write it"),
        ("| true", 0, ""),
        (">&-", 0, ""),
    ],
)
def test_a_product_that_is_lost_is_no_success(tmp_path, streams, code, says):
    result = in_shell(f"PYTHON -m d2l_mlp.figures --list {streams}", tmp_path)
    assert result.returncode == code
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == code


def test_a_path_that_the_encoding_cannot_hold(tmp_path):
    command = TRAIN.replace("--out run", "--out 'Läufe →'")
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    result = in_shell(f"PYTHON {command}", tmp_path, **env)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("saved in L\\xe4ufe \\u2192\n")
    again = in_shell(f"PYTHON {command}", tmp_path, **env)
    assert "L\\xe4ufe \\u2192 is not empty, and a run overwrites nothing" in again.stderr


def test_a_terminal_that_goes_away(tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["sh", "-c", f"trap '' HUP; exec {shlex.quote(sys.executable)} {TRAIN} --epochs 30"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"epoch  1/30" not in seen:
        seen += os.read(ours, 1000)
    os.close(ours)
    assert process.wait(timeout=120) == 0
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 31
