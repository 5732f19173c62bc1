"""Commands as processes: the files that they write, and waiting for their output."""

import csv
import os
import random
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROG = "python -m d2l_mlp.train"
SAMPLE = ("-m", "d2l_mlp.train", "--dataset", "sample")


def metrics(folder):
    with (folder / "metrics.csv").open() as stream:
        return list(csv.DictReader(stream))


def wait_for(process, beginning):
    line = process.stdout.readline()
    while not line.startswith(beginning):
        assert line, process.stderr.read()
        line = process.stdout.readline()
    return line


def wait_for_the_end_of_the_group(pid):
    for _ in range(50):
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("a process of the run is left")


def free_port():
    """Return a free port outside the range that the system assigns from by itself."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    while True:
        port = random.SystemRandom().randrange(10_000, 60_000)
        with suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            if not first <= port <= last:
                return port


def marked(name, value):
    """Return the processes with this value of a variable in their environment."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended
            if f"{name}={value}".encode() in path.read_bytes().split(b"\0"):
                found.add(int(path.parent.name))
    return found


def in_own_mounts(script, *args, cwd):
    """Run a shell script in a mount namespace of its own; "$@" is a Python with `args`."""
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, *map(str, args)],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if result.returncode == 99 or "unshare" in result.stderr:
        pytest.skip("needs the right to mount")
    return result


# Hide files of one folder from the child process.
_HIDE = """
mount -t tmpfs none $scratch && mkdir $scratch/upper $scratch/work &&
for path in $paths; do mknod "$scratch/upper/$(basename "$path")" c 0 0 || exit 99; done &&
folder=$(dirname "$path") &&
layers="lowerdir=$folder,upperdir=$scratch/upper,workdir=$scratch/work" &&
mount -t overlay overlay -o "$layers" "$folder" || exit 99
exec "$@"
"""


def without_libraries(*args, scratch):
    """Run a Python from which MXNet's system libraries are hidden; `scratch` is an empty folder."""
    listing = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    paths = re.findall(r"lib(?:gomp|quadmath)\.so\.\d .*64.* => (.*)", listing)
    return in_own_mounts(f"scratch={scratch} paths='{' '.join(paths)}'\n{_HIDE}", *args, cwd=ROOT)
