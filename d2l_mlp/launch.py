"""Train in several processes: ``python -m d2l_mlp.launch --workers N -- ...``.

It starts MXNet's scheduler, servers and workers, watches them, and leaves none of them behind.
MXNet itself is imported by them alone.
"""

import sys
from typing import Optional, Sequence

from d2l_mlp.cli import launch_job, signals
from d2l_mlp.cli.launch_flags import PROG, read_flags
from d2l_mlp.cli.streams import forgiving


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line; returns the exit code."""
    with forgiving():
        flags = read_flags(argv)
        return signals.run(PROG, lambda received: launch_job.launch(flags, received))


if __name__ == "__main__":
    sys.exit(main())
