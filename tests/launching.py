"""Launched trainings as processes: their roles, and whether any is left."""

import time
from contextlib import suppress
from pathlib import Path

from tests.processes import marked

LAUNCH = ("-m", "d2l_mlp.launch")
TRAIN = ("--dataset", "sample", "--hidden", 8, "--lr", 0.05)
MARK = "D2L_MLP_TEST_LAUNCH"


def new_mark():
    return str(time.time_ns())


def role(mark, name, timeout=20):
    """Wait for a role of a launched training, and give its process; workers count by ports."""
    kind, _, number = name.partition(" ")
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found = {}
        for pid in marked(MARK, mark) & marked("DMLC_ROLE", kind):
            with suppress(OSError):  # it has ended
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                variables = dict(item.split(b"=", 1) for item in environment if item)
                found[int(variables.get(b"PORT", 0))] = pid
        if len(found) > int(number or 0):
            return found[sorted(found)[int(number or 0)]]
        time.sleep(0.1)
    raise AssertionError(f"there is no {name}")


def assert_none_is_left(mark, timeout=5):
    end = time.monotonic() + timeout
    while marked(MARK, mark):
        assert time.monotonic() < end, "a process is left"
        time.sleep(0.1)
