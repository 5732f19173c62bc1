"""Groups of real processes, of which none may be left."""

import os
import signal
import time

import pytest

from d2l_mlp.cli.process_group import Console, Group, Role
from tests.cli.scripts import DEAF, python
from tests.processes import marked

MARK = "D2L_MLP_TEST_GROUP"

# Three roles; the second also starts a process of its own, and neither minds SIGTERM.
GROUP = f"""
import os, sys, time
from d2l_mlp.cli.process_group import Console
from d2l_mlp.cli.process_group import Group
from d2l_mlp.cli.process_group import Role

sources = ["import time; time.sleep(100)", {DEAF!r}, "import time; time.sleep(100)"]
with Group(Console(lambda line: False)) as group:
    for i, source in enumerate(sources):
        group.start(Role(f"role {{i}}", [sys.executable, "-c", source], os.environ))
    while group._console.forward() or "deaf" not in open("out").read():
        pass
    print("begun", file=sys.stderr, flush=True)
    END
"""


@pytest.mark.parametrize("end", ["kill", "raise", "leave", "kill while one is stopped"])
def test_none_is_left(start, tmp_path, end):
    mark = f"{end} {time.time_ns()}"
    ends = {"raise": "1 / 0", "leave": "pass"}
    source = GROUP.replace("END", ends.get(end, "time.sleep(100)"))
    source = f"import sys\nsys.stdout = open('out', 'w')\n{source}"
    process = start("-c", source, **{MARK: mark})
    assert process.stderr.readline() == "begun\n"
    pids = marked(MARK, mark) - {process.pid}
    began = time.monotonic()
    if end in ends:
        assert process.wait(timeout=20) == (end == "raise")
        assert time.monotonic() - began < 10
    else:
        assert len(pids) == 5  # the shell's, the roles', and the one that a role started
        if end.endswith("stopped"):
            os.kill(max(pids), signal.SIGSTOP)
        process.kill()
        process.wait()
    while marked(MARK, mark):
        assert time.monotonic() - began < 10
        time.sleep(0.01)


TOLD = """
import signal, sys, time
def tell(*_):
    print("asked", flush=True)
    time.sleep(0.3)
    print("saved", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, tell)
print("begun", flush=True)
time.sleep(100)
"""


def test_the_first_has_saved_its_work_before_the_others_are_asked(capfd):
    console = Console(lambda line: False)
    begun = 0
    with Group(console) as group:
        for name in ("first", "second"):
            group.start(Role(name, python(TOLD), os.environ))
        while begun < 2:
            console.forward()
            begun += capfd.readouterr().out.count("begun")
        os.kill(group.roles[0].process.pid, signal.SIGSTOP)  # it is woken up
    assert capfd.readouterr().out.splitlines() == [
        "first | asked", "first | saved", "second | asked", "second | saved",
    ]  # fmt: skip
