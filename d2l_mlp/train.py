"""Train the chapter's MLP on Fashion-MNIST: ``python -m d2l_mlp.train``.

Everything heavy is imported only when the flags are read and right, so that ``--help`` and a
mistyped flag answer at once.
"""

import gc
import logging
import sys
from typing import Optional, Sequence

from d2l_mlp.cli import signals
from d2l_mlp.cli.streams import forgiving
from d2l_mlp.cli.train_flags import PROG, TrainFlags, read_flags
from d2l_mlp.runs import config
from d2l_mlp.runtime import processors, roles


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line; returns the exit code."""
    with forgiving():
        flags = read_flags(argv)
        logging.basicConfig(format=f"{PROG}: %(message)s", level=logging.WARNING)
        return signals.run(PROG, lambda received: _train(flags, received))


def _train(flags: TrainFlags, received: signals.Signals) -> None:
    role = roles.prepare(flags.kvstore)
    if role in ("scheduler", "server"):
        with received.left_alone():  # MXNet's loops never come back to Python
            return roles.serve()
    with received.deferred():
        if _loader(flags) == "arrays":
            processors.use_all()  # before anything imports MXNet
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
        return config.hyperparameters(config.read(flags.resume / config.NAME)).loader
    except ValueError:
        return "arrays"  # the job says what is wrong, or finds a copy


if __name__ == "__main__":
    sys.exit(main())
