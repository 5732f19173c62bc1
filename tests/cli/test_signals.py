"""How a command ends: signals, errors of any kind, and a command called from a program."""

import pytest

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
        # In a finalizer, where Python ignores exceptions: the signal counts at the end.
        ("weakref.finalize(Thing(), kill, signal.SIGTERM)", 143, "stopped by SIGTERM"),
        # The signal ended another process too, and so made an error.
        (
            "with signals.deferred(): kill(signal.SIGTERM); raise OSError('what it did elsewhere')",
            143,
            "stopped by SIGTERM",
        ),
        ("raise OSError('disk is full')", 1, "error: disk is full"),
        ("raise MemoryError", 1, "error: the memory is not enough; make the net or the minibatch"),
        ("{}['key']", 1, "error: KeyError: 'key' (D2L_MLP_TRACEBACK=1 shows where)"),
        # An operator that fails after it was called.
        ("from mxnet import np; np.linalg.cholesky(-np.eye(3))", 1, "error: "),
    ],
)
def test_any_end_is_one_line(run, body, code, says):
    line = run("-W", "ignore", "-c", BODY.replace("{}", body, 1), code=code).stderr.splitlines()[-1]
    assert line.startswith(f"here: {says}")


def test_a_traceback_on_request(run):
    script = BODY.replace("{}", "raise OSError('disk is full')", 1)
    lines = run("-c", script, code=1, env={"D2L_MLP_TRACEBACK": "1"}).stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "OSError: disk is full"
