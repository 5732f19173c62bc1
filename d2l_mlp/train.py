"""Train the chapter's MLP on Fashion-MNIST: ``python -m d2l_mlp.train``.

Everything heavy is imported only when the flags are read and right, so that ``--help`` and a
mistyped flag answer at once.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Sequence

from d2l_mlp.cli.command import Signals, run_command, tolerant_streams
from d2l_mlp.cli.roles import prepare_role, serve_role
from d2l_mlp.cli.train_flags import PROG, TrainFlags, read_flags
from d2l_mlp.hardware.cpu import use_all_processors
from d2l_mlp.runs.config import CONFIG_NAME, hyperparameters_of, read_config


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    with tolerant_streams():
        flags = read_flags(argv)
        logging.basicConfig(format=f"{PROG}: %(message)s", level=logging.WARNING)
        return run_command(PROG, lambda received: _train(flags, received))


def _train(flags: TrainFlags, received: Signals) -> None:
    role = prepare_role(flags.kvstore)
    if role in ("scheduler", "server"):
        with received.left_alone():  # MXNet's loops never come back to Python
            return serve_role()
    with received.deferred():
        if _loader(flags) == "arrays":
            use_all_processors()  # before anything imports MXNet
        gc.disable()
        from d2l_mlp.cli import seeds_job, together, training_job

        gc.freeze()  # modules stay to the end: the garbage collector need not look at them
        gc.enable()
    if role == "worker":
        together.train(flags, received)
    else:
        (seeds_job.train if flags.seeds else training_job.train)(flags, received)


def _loader(flags: TrainFlags) -> str:
    if flags.resume is None:
        return flags.hyperparameters.loader
    try:
        return hyperparameters_of(read_config(flags.resume / CONFIG_NAME)).loader
    except ValueError:
        return "arrays"  # the job says what is wrong, or finds a copy


if __name__ == "__main__":
    sys.exit(main())
