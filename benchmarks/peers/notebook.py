"""``ours.py`` in the kernel of a notebook: ``import d2l_mlp`` is all that a cell has to say."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel()
try:
    streams = f"/proc/{os.getpid()}/fd"  # a kernel has streams of its own
    argv = [str(Path(__file__).with_name("ours.py")), *sys.argv[1:]]
    client.execute_interactive(
        "import contextlib, sys\n"
        f"sys.stdin, sys.stdout = open('{streams}/0'), open('{streams}/1', 'w')\n"
        f"sys.argv, sys.path[:0] = {argv}, [{str(Path(__file__).parent)!r}]\n"
        "with contextlib.suppress(SystemExit):\n"
        f"    exec(open({argv[0]!r}).read())"
    )
finally:
    client.stop_channels()
    manager.shutdown_kernel()
