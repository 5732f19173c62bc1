"""What is shown of what processes write, as a pipe and as a terminal have it."""

import os
import pty
import subprocess
import sys
from contextlib import suppress

from d2l_mlp.cli.process_group import Console, Group, Role
from tests.cli.scripts import python
from tests.conftest import ROOT

WRITES = r"""
import os, time
for piece in (b"one\ntw", b"o\r\n\n", b"\xff!\n", b"without an end"):
    os.write(1, piece)
    time.sleep(0.05)
os.write(2, b"a warning\nhere: error: why\n")
"""


def watched(*roles):
    console = Console(lambda line: line.startswith("here: "))
    with Group(console) as group:
        for role in roles:
            group.start(role)
        while any(role.running for role in roles):
            console.forward()
        while console.forward(0):
            pass


def test_lines_have_names_and_an_error_is_kept(capfd):
    role = Role("a role", python(WRITES), os.environ)
    watched(role)
    out, err = capfd.readouterr()
    assert out.splitlines() == [
        "a role | one", "a role | two", "a role | \ufffd!", "a role | without an end",
    ]  # fmt: skip
    assert err.splitlines() == ["a role | a warning"]
    assert role.last_line == "here: error: why"


BAR = r"""
import os, time
assert 0 not in os.get_terminal_size(2)  # or tqdm hides its bar
os.write(2, b"\repoch 1 |#    |")
time.sleep(0.2)
os.write(1, b"a line\n")
time.sleep(0.2)
os.write(2, b"\repoch 1 |##   |")
time.sleep(0.2)
os.write(2, b"\r\033[K")
"""


def test_a_bar_stays_below_the_lines(tmp_path):
    source = (
        "import os, sys\n"
        "from tests.cli.test_console import BAR, watched\n"
        "from d2l_mlp.cli.process_group import Role\n"
        "watched(Role('a role', [sys.executable, '-c', BAR], os.environ))\n"
    )
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", source]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the other end is closed
        while True:
            shown += os.read(ours, 4096)
    os.close(ours)
    assert process.wait() == 0
    clear = "\r\033[K"
    assert shown.decode() == (
        f"{clear}epoch 1 |#    |{clear}a role | a line\r\n"
        f"{clear}epoch 1 |#    |{clear}epoch 1 |##   |{clear}"
    )
