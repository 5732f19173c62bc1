"""Groups of real processes: what is shown of them, who failed and why, and that none is left."""

import os
import re
import signal
import sys
import threading
import time

import pytest

from d2l_mlp.cli.process_group import Console, Group, Role, watch
from d2l_mlp.cli.worker import HEARTBEAT, OTHER_FAILED
from tests.groups import MARK, assert_none_is_left, new_mark
from tests.processes import marked

NAMES = ("worker 0", "worker 1", "server")
SLEEP = "import time; time.sleep(100)"
BEAT = f"""
import os, time
while True:
    os.utime(os.environ[{HEARTBEAT!r}])
    time.sleep(0.02)
"""
DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
print("deaf", flush=True)
time.sleep(100)
"""


def role(name, source, heartbeat=False):
    return Role(name, [sys.executable, "-c", source], os.environ, heartbeat)


WRITES = r"""
import os, time
for piece in (b"one\ntw", b"o\r\n\n", b"\xff!\n", b"without an end"):
    os.write(1, piece)
    time.sleep(0.05)
os.write(2, b"a warning\nhere: error: why\n")
"""


def test_lines_have_names_and_an_error_is_kept(capfd):
    console, writer = Console(hidden="here: error: "), role("a role", WRITES)
    with Group(console) as group:
        group.start(writer)
        while writer.running:
            console.forward()
    out, err = capfd.readouterr()
    assert out.splitlines() == [
        "a role | one", "a role | two", "a role | \ufffd!", "a role | without an end",
    ]  # fmt: skip
    assert err == "a role | a warning\n"
    assert writer.last_line == "why"


GROUP = """
import sys
from d2l_mlp.cli.process_group import Console, Group
from tests.cli.test_process_group import DEAF, SLEEP, role

sys.stdout = open("out", "w")
with Group(Console("-")) as group:
    for i, source in enumerate([SLEEP, DEAF, SLEEP]):
        group.start(role(f"role {i}", source))
    while group._console.forward() or "deaf" not in open("out").read():
        pass
    print("begun", file=sys.stderr, flush=True)
    END
"""


@pytest.mark.parametrize(
    "end",
    [
        "raise",
        "kill after the shell",
        *(
            pytest.param(end, marks=pytest.mark.slow)
            for end in ("leave", "kill", "kill while stopped")
        ),
    ],
)
def test_none_is_left(start, end):
    """Of three roles, of which one starts a process of its own, and both ignore SIGTERM."""
    mark = new_mark()
    ends = {"raise": "1 / 0", "leave": "pass"}
    process = start("-c", GROUP.replace("END", ends.get(end, "import time; time.sleep(100)")),
                    **{MARK: mark})  # fmt: skip
    assert process.stderr.readline() == "begun\n"
    pids = marked(MARK, mark) - {process.pid}
    if end in ends:
        assert process.wait(timeout=20) == (end == "raise")
    else:
        assert len(pids) == 5  # the shell's, the roles', and the one that a role started
        if end == "kill while stopped":
            os.kill(max(pids), signal.SIGSTOP)
        if end.endswith("shell"):
            os.kill(min(pids), signal.SIGKILL)
            os.kill(max(pids), signal.SIGKILL)  # a role's own child is left otherwise
        process.kill()
        process.wait()
    assert_none_is_left(mark)


SAVES = """
import os, signal, sys, time
def save(*_):
    print("asked", flush=True)
    time.sleep(0.3)
    print("saved", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, save)
os.write(1, b"begun\\n")  # a print that is interrupted allows no other
time.sleep(100)
"""


def test_the_first_has_saved_its_work_before_the_others_are_asked(capfd):
    console, begun = Console("-"), 0
    with Group(console) as group:
        for name in ("first", "second"):
            group.start(role(name, SAVES))
        while begun < 2:
            console.forward()
            begun += capfd.readouterr().out.count("begun")
        os.kill(group.roles[0].process.pid, signal.SIGSTOP)  # it is woken up
    assert capfd.readouterr().out.splitlines() == [
        "first | asked", "first | saved", "second | asked", "second | saved",
    ]  # fmt: skip


def failure(sources, deadline=0.5, then=lambda roles: None, late=0.0):
    """Watch workers, and a server without a heartbeat, and return who fails and why."""
    console = Console("-")
    with Group(console) as group:
        for i, source in enumerate(sources):
            group.start(role(f"worker {i}", source, heartbeat=True))
        group.start(role("server", SLEEP))
        timer = threading.Timer(0.3, then, [group.roles])
        timer.start()
        time.sleep(late)
        try:
            watch(group.roles, deadline, console)
        except ChildProcessError as error:
            return str(error)
        finally:
            timer.join()


FOLLOWER = f"raise SystemExit({OTHER_FAILED})"
CAUSE = "import sys, time; time.sleep(0.5); sys.exit('why')"


@pytest.mark.parametrize(
    ("sources", "reason"),
    [
        (["pass", "import time; time.sleep(0.2)"], None),
        ([BEAT, "1 / 0"], "worker 1 ended with exit code 1: ZeroDivisionError: division by zero"),
        ([FOLLOWER, CAUSE], "worker 1 ended with exit code 1: why"),  # although it ends last
        ([FOLLOWER], f"worker 0 ended with exit code {OTHER_FAILED}: without a message"),
    ],
)
def test_the_cause_is_reported_by_its_last_line(sources, reason):
    assert failure(sources, deadline=5) == reason


@pytest.mark.parametrize(
    ("i", "signum", "name"), [(1, signal.SIGKILL, "9 (SIGKILL)"), (2, 40, "40 (a signal)")]
)
def test_a_signal_that_kills(i, signum, name):
    reason = failure([BEAT, BEAT], then=lambda roles: roles[i].process.send_signal(signum))
    assert reason == f"{NAMES[i]} was killed by signal {name}"


ONCE = f"import os, time; time.sleep(0.1); os.utime(os.environ[{HEARTBEAT!r}]); {SLEEP}"


def test_no_progress_names_the_first_without_it():
    reason = failure([f"import time; time.sleep(0.5)\n{ONCE}", ONCE], deadline=1)
    assert re.fullmatch("no progress for [12] s: first at worker 1", reason)


def test_no_progress_names_what_a_signal_has_stopped():
    reason = failure([ONCE, ONCE], 1, lambda roles: roles[2].process.send_signal(signal.SIGSTOP))
    assert re.fullmatch("no progress for [12] s: a signal has stopped server", reason)


@pytest.mark.parametrize("late", [0, 1])
def test_the_start_is_over_once_there_was_progress(late):
    once = f"import os; os.utime(os.environ[{HEARTBEAT!r}], ns=(0, 0)); {SLEEP}"
    reason = failure([once], 1, late=late)
    assert re.fullmatch("no progress for [12] s: first at worker 0", reason)


BEGUN = f"""
import os, time
time.sleep(0.1)
os.utime(os.environ[{HEARTBEAT!r}])
print("begun", flush=True)
time.sleep(2.5)
"""


@pytest.mark.slow
def test_time_that_this_process_has_been_stopped_for_does_not_count(start):
    source = "from tests.cli.test_process_group import BEGUN, failure\n"
    process = start("-c", f"{source}print(failure([BEGUN], deadline=2), flush=True)")
    assert process.stdout.readline() == "worker 0 | begun\n"
    process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=30)[0] == "None\n"
