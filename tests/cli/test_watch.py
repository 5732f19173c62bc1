"""Who has failed and why, told of real processes."""

import os
import re
import signal
import threading
import time

import pytest

from d2l_mlp.cli.process_group import Console, Group, Role, Watch
from tests.cli.scripts import BEAT, python

NAMES = ("worker 0", "worker 1", "server")
SLEEP = "import time; time.sleep(100)"


def told(sources, deadline=0.5, then=lambda roles: None, late=0.0):
    """Watch workers, and a server without a heartbeat, until one has failed or all are done."""
    console = Console(lambda line: True)
    with Group(console) as group:
        for i, source in enumerate(sources):
            group.start(Role(f"worker {i}", python(source), os.environ, "BEAT"))
        group.start(Role("server", python(SLEEP), os.environ))
        timer = threading.Timer(0.3, then, [group.roles])
        timer.start()
        time.sleep(late)
        failure = Watch(group.roles, deadline, lambda line: line == "so do I").wait(console)
        timer.join()
        return failure


def test_none_has_failed():
    assert told(["pass", "import time; time.sleep(0.2)"]) is None


def test_an_exception_is_told_by_its_last_line():
    line = "worker 1 ended with exit code 1: ZeroDivisionError: division by zero"
    assert told([BEAT, "1 / 0"]) == line


def test_the_cause_is_told_although_it_ends_last():
    follower = "import sys; sys.exit('so do I')"
    cause = "import sys, time; time.sleep(0.5); sys.exit('why')"
    assert told([follower, cause], deadline=5) == "worker 1 ended with exit code 1: why"
    assert told([follower]) == "worker 0 ended with exit code 1: so do I"


def test_an_exit_code_without_a_line():
    assert told([BEAT, "raise SystemExit(3)"]) == "worker 1 ended with exit code 3: without a word"


@pytest.mark.parametrize(
    ("i", "signum", "name"), [(1, signal.SIGKILL, "9 (SIGKILL)"), (2, 40, "40 (a signal)")]
)
def test_a_signal_that_kills(i, signum, name):
    line = told([BEAT, BEAT], then=lambda roles: roles[i].send(signum))
    assert line == f"{NAMES[i]} was killed by signal {name}"


@pytest.mark.parametrize("i", [0, 2])
def test_one_that_is_stopped_although_the_others_go_on(i):
    line = told([BEAT, BEAT], then=lambda roles: roles[i].send(signal.SIGSTOP))
    assert re.fullmatch(f"{NAMES[i]} has been stopped by a signal for [12] s", line)


def test_no_progress_names_the_first_without_it():
    once = f"import os, time; time.sleep(0.1); os.utime(os.environ['BEAT']); {SLEEP}"
    later = f"import time; time.sleep(0.5)\n{once}"
    line = told([later, once], deadline=1)
    assert re.fullmatch("no progress for [12] s, first at worker 1", line)


@pytest.mark.parametrize("late", [0, 1])
def test_the_start_is_over_once_there_was_progress(late):
    once = f"import os; os.utime(os.environ['BEAT'], ns=(0, 0)); {SLEEP}"
    assert re.fullmatch("worker 0 has made no progress for [12] s", told([once], 1, late=late))


BEGUN = """
import os, time
time.sleep(0.1)
os.utime(os.environ["BEAT"])
print("begun", flush=True)
time.sleep(2.5)
"""

SUSPENDED = """
from tests.cli.test_watch import BEGUN, told
print(told([BEGUN], deadline=2), flush=True)
"""


def test_time_that_this_process_has_been_stopped_for_counts_for_nobody(start):
    process = start("-c", SUSPENDED)
    assert process.stdout.readline() == "worker 0 | begun\n"
    process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=30)[0] == "None\n"
