"""How a command ends: signals, errors of any kind, and output that nobody reads."""

import os
import pty
import re
import shlex
import subprocess
import sys

import pytest

from tests.conftest import ROOT

CALL = """
import signal, subprocess, sys, threading
from d2l_mlp import train

def handler(*args):
    pass

signal.signal(signal.SIGINT, handler)
before = signal.getsignal(signal.SIGTERM)
streams = sys.stdout, sys.stderr
codes = []
flags = ["--dataset", "sample", "--hidden", "8", "--epochs", "1", "--quiet"]

def call(out):
    codes.append(train.main([*flags, "--out", out]))

call("here")
assert signal.getsignal(signal.SIGINT) is handler
assert signal.getsignal(signal.SIGTERM) is before
thread = threading.Thread(target=call, args=("there",))
thread.start()
thread.join()
assert (sys.stdout, sys.stderr) == streams
assert codes == [0, 0], codes

# The command unlocks its run, though something holds on to it, as a traceback does.
from d2l_mlp.runs.run import Run
start, held = Run.start, []
Run.start = lambda *args: held.append(start(*args)) or held[0]
call("held")
resume = [sys.executable, "-m", "d2l_mlp.train", "--resume", "held"]
subprocess.run(resume, check=True, stderr=subprocess.DEVNULL)  # it inherits this one's environment
"""


@pytest.mark.slow
def test_called_from_a_program_and_in_a_thread(run, tmp_path):
    result = run("-c", CALL)
    assert result.stderr == ""
    first, second = ((tmp_path / out / "model.params").read_bytes() for out in ("here", "there"))
    assert first == second


BODY = """
import os, signal, sys, time, weakref
from d2l_mlp.cli.command import run_command

class Thing:
    pass

def kill(signum):
    os.kill(os.getpid(), signum)

def body(signals):
    {}

sys.exit(run_command("here", body))
"""


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ("kill(signal.SIGINT); time.sleep(60)", 130, "stopped by Ctrl-C"),
        ("kill(signal.SIGTERM); time.sleep(60)", 143, "stopped by SIGTERM"),
        ("kill(signal.SIGHUP); time.sleep(60)", 129, "stopped by SIGHUP"),
        ("kill(signal.SIGUSR1); time.sleep(60)", 138, "stopped by SIGUSR1"),
        # In a finalizer, where Python ignores exceptions: the signal counts at the end.
        ("weakref.finalize(Thing(), kill, signal.SIGTERM)", 143, "stopped by SIGTERM"),
        # The signal ended another process too, and so made an error.
        (
            "with signals.deferred(): kill(signal.SIGTERM); raise OSError('what it did elsewhere')",
            143,
            "stopped by SIGTERM",
        ),
        ("raise OSError('disk is full')", 1, "error: disk is full"),
        (r"raise OSError('a\nb\x1b is missing')", 1, r"error: a\nb\x1b is missing"),
        ("raise ValueError", 1, "error: ValueError"),
        ("raise MemoryError", 1, "error: the memory is not enough; make the net or the minibatch"),
        ("{}['key']", 1, "error: KeyError: 'key' (D2L_MLP_TRACEBACK=1 shows where)"),
        # An operator that fails after it was called.
        pytest.param(
            "from mxnet import np; np.linalg.cholesky(-np.eye(3))",
            1,
            "error: ",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_any_end_is_one_line(run, body, code, says):
    line = run("-W", "ignore", "-c", BODY.replace("{}", body, 1), code=code).stderr.splitlines()[-1]
    assert line.startswith(f"here: {says}")


def test_nohup_is_respected(run):
    ignore = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    assert run("-c", ignore + BODY.replace("{}", "kill(signal.SIGHUP)", 1)).stderr == ""


def test_too_few_threads_are_not_taken_for_ctrl_c():
    user = ("setpriv", "--reuid=65432", "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    few = (*user * (os.geteuid() == 0), "prlimit", "--nproc=2:2")  # root has no limit
    result = subprocess.run(
        [*few, sys.executable, "-m", "d2l_mlp.figures", "--list"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 1
    assert re.fullmatch(
        r"python -m d2l_mlp.figures: error: the system lets this process start [01] threads, of "
        r"the \d+ that it needs; raise the limit \(ulimit -u\), or set OMP_NUM_THREADS=1\n",
        result.stderr,
    )


def test_a_traceback_on_request(run):
    script = BODY.replace("{}", "raise OSError('disk is full')", 1)
    lines = run("-c", script, code=1, env={"D2L_MLP_TRACEBACK": "1"}).stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "OSError: disk is full"


TRAIN = "-m d2l_mlp.train --dataset sample --hidden 8 --epochs 2 --out run"


def in_shell(line, cwd, **env):
    """Run a shell line in which PYTHON stands for the interpreter."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("PYTHON", shlex.quote(sys.executable))],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(
    "streams",
    [
        ">&- 2>&- <&-",
        *(pytest.param(s, marks=pytest.mark.slow) for s in (">/dev/full", "2>&1 | true")),
    ],
)
def test_a_run_survives_when_nobody_reads_its_output(tmp_path, streams):
    result = in_shell(f"PYTHON {TRAIN} {streams}", tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 3


def test_an_error_that_nobody_reads_has_its_exit_code(tmp_path):
    assert in_shell("PYTHON -m d2l_mlp.train --epochs 0 2>&-", tmp_path).returncode == 2
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").touch()
    assert in_shell(f"PYTHON {TRAIN} >&- 2>/dev/full", tmp_path).returncode == 1


@pytest.mark.slow
def test_a_reader_who_closes_the_pipe(tmp_path):
    result = in_shell("PYTHON -m d2l_mlp.figures relu tanh --output f | head -n 1", tmp_path)
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
def test_lost_output_of_a_command_that_only_prints_is_an_error(tmp_path, streams, code, says):
    result = in_shell(f"PYTHON -m d2l_mlp.figures --list {streams}", tmp_path)
    assert result.returncode == code
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == code


@pytest.mark.slow
def test_a_path_that_the_encoding_cannot_hold(tmp_path):
    command = TRAIN.replace("--out run", "--out 'Läufe →'")
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    result = in_shell(f"PYTHON {command}", tmp_path, **env)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("saved in  L\\xe4ufe \\u2192\n")
    again = in_shell(f"PYTHON {command}", tmp_path, **env)
    assert "L\\xe4ufe \\u2192 is not empty, and a run overwrites nothing" in again.stderr


@pytest.mark.slow
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
