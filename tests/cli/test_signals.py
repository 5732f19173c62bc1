"""A command called from a program, and one that is stopped at its very beginning."""

import os
import signal
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

# A run is given back when the command ends, though something holds on to it, as a traceback does.
from d2l_mlp.runs.run import Run
start, held = Run.start, []
Run.start = lambda *args: held.append(start(*args)) or held[0]
call("held")
resume = [sys.executable, "-m", "d2l_mlp.train", "--resume", "held"]
subprocess.run(resume, check=True, stderr=subprocess.DEVNULL)  # it inherits what this one has set
"""


def test_called_from_a_program_and_in_a_thread(run, tmp_path):
    result = run("-c", CALL)
    assert result.stderr == ""
    first, second = ((tmp_path / out / "model.params").read_bytes() for out in ("here", "there"))
    assert first == second


@pytest.mark.parametrize("imported", ["d2l_mlp.compat.importer", "d2l_mlp.cli"])
@pytest.mark.parametrize("module", ["train", "figures"])
def test_ctrl_c_while_the_command_itself_is_imported(tmp_path, module, imported):
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", f"d2l_mlp.{module}"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while imported not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert [line for line in err.splitlines() if "import time:" not in line][1:] == []
    assert "Traceback" not in err
    assert out == ""


SWALLOWED = """
import gc, os, signal, sys
from d2l_mlp import figures

def interrupt(phase, info):  # what is raised here, Python ignores, as in a destructor
    if phase == "start" and "d2l.mxnet" in sys.modules:
        gc.callbacks.clear()
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(1000))

gc.callbacks.append(interrupt)
gc.set_threshold(100)
sys.exit(figures.main(["--output", "figures"]))
"""


def test_ctrl_c_where_exceptions_are_ignored_ends_the_figures_all_the_same(run, tmp_path):
    result = run("-c", SWALLOWED, code=130)
    assert result.stderr == "python -m d2l_mlp.figures: stopped by Ctrl-C\n"
    assert len(list((tmp_path / "figures").iterdir())) <= 2


@pytest.mark.parametrize("then", ["time.sleep(60)", "pass", "1 / 0"])
@pytest.mark.parametrize(
    "finalizer", ["weakref.finalize(Thing(), stop)", "Stops()", "[Stops(), Stops()]"]
)
@pytest.mark.parametrize(("signum", "reason"), [("SIGINT", "Ctrl-C"), ("SIGTERM", "SIGTERM")])
def test_a_signal_in_a_finalizer_is_neither_lost_nor_shown(run, finalizer, then, signum, reason):
    code = 128 + getattr(signal, signum)
    body = f"""
import os, signal, sys, time, weakref
from d2l_mlp.cli import signals

def stop():
    os.kill(os.getpid(), signal.{signum})
    time.sleep(0)

class Thing:
    pass

class Stops:
    def __del__(self):
        stop()

def body(_):
    {finalizer}
    {then}

code = signals.run("here", body)
time.sleep(0.05)  # nor does it come after the command, to the program that called it
sys.exit(code)
"""
    assert run("-c", body, code=code).stderr == f"here: stopped by {reason}\n"


def test_an_operator_that_fails_after_it_was_called_is_no_success(run):
    body = (
        "import sys, d2l_mlp\n"
        "from d2l_mlp.cli.command import run_command\n"
        "def body(_):\n"
        "    from mxnet import np\n"
        "    np.linalg.cholesky(-np.eye(3))\n"
        "sys.exit(run_command('here', body))"
    )
    (line,) = run("-c", body, code=1).stderr.splitlines()
    assert line.startswith("here: error: ")


def test_no_more_threads_are_one_line(run):
    body = (
        "import sys, threading\n"
        "from d2l_mlp.cli.command import run_command\n"
        "threading.stack_size(2**46)\n"
        "sys.exit(run_command('here', lambda _: threading.Thread(target=print).start()))"
    )
    (line,) = run("-c", body, code=1).stderr.splitlines()
    assert line.startswith("here: error: can't start new thread: raise the limit of processes")


def test_an_error_after_a_signal_is_the_signals(run):
    body = (
        "import os, signal, sys\n"
        "from d2l_mlp.cli.command import run_command\n"
        "def body(received):\n"
        "    with received.deferred():\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        raise OSError('what the signal did elsewhere')\n"
        "sys.exit(run_command('here', body))"
    )
    assert run("-c", body, code=143).stderr == "here: stopped by SIGTERM\n"
