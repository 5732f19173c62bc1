"""Join the other processes of a distributed training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import mxnet

from d2l_mlp.cli import deadline
from d2l_mlp.cli.heartbeat import beat
from d2l_mlp.training.distributed import Workers

_SECONDS = 8.0  # from a signal to the end of a worker that the others keep waiting


@contextmanager
def join_workers(kvstore: str | None, prog: str) -> Iterator[Workers]:
    """Wait for the other processes, and yield the workers; a signal ends the block in time."""
    with deadline.after_signal(_SECONDS, prog):
        workers = Workers(mxnet.kvstore.create(kvstore))
        beat()  # all are there
        try:
            yield workers
        finally:
            workers.close()
