"""Train in several processes: ``python -m d2l_mlp.launch --workers N -- ...``.

It starts MXNet's scheduler, servers and workers, watches them, and leaves none of them behind.
MXNet itself is imported by them alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from d2l_mlp.cli import launch_job
from d2l_mlp.cli.command import run_command, tolerant_streams
from d2l_mlp.cli.launch_flags import PROG, read_flags


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    with tolerant_streams():
        flags = read_flags(argv)
        return run_command(PROG, lambda received: launch_job.launch(flags, received))


if __name__ == "__main__":
    sys.exit(main())
