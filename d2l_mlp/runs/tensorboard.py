"""Write the metrics of a run as TensorBoard reads them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog

from d2l_mlp.runs.config import RunError
from d2l_mlp.training.hyperparameters import Hyperparameters
from d2l_mlp.training.state import EpochMetrics

FOLDER = "tensorboard"  # in the folder of a run


class EventLog:
    """One event file: the hyperparameters, and the metrics of each epoch at the time it ended.

    A resumed run gets another file, from the first epoch on. TensorBoard then drops the epochs in
    earlier files, so that none is missing or there twice. tensorboardX's ``SummaryWriter`` is not
    used: its thread does not report a full disk.
    """

    def __init__(self, run: Path, settings: Hyperparameters, history: Sequence[EpochMetrics]):
        self._folder = run / FOLDER
        self._names = _names(settings.watched)
        try:
            if self._folder.is_symlink():  # it may lead out of the run
                self._folder.unlink()
            self._folder.mkdir(exist_ok=True)
            self._writer = EventsWriter(str(self._folder / "events"))
        except OSError as error:
            raise self._error(error) from None
        # TensorBoard drops what it has read from earlier files of this run.
        self._write(Event(step=0, session_log=SessionLog(status=SessionLog.START)))
        values = {  # each is one number or text
            name: " ".join(map(str, value)) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(settings).items()
        }
        # TensorBoard shows the metrics that one of the runs in a folder names: so each names all.
        metrics = dict.fromkeys((*_names("validation"), *_names("test")))
        experiment, session, _ = summary.hparams(values, metrics)
        self._write(Event(summary=experiment), Event(summary=session))
        for epoch in history:
            self.add(epoch)

    def add(self, metrics: EpochMetrics) -> None:
        """Write the metrics of an epoch; a RunError if they do not reach the file."""
        epoch, *values, ended = metrics
        scalars = (summary.scalar(name, value) for name, value in zip(self._names, values))
        self._write(*(Event(step=epoch, summary=scalar, wall_time=ended) for scalar in scalars))

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _write(self, *events: Any) -> None:
        try:
            for event in events:
                event.wall_time = event.wall_time or time.time()
                self._writer.write_event(event)
            self._writer.flush()
        except OSError as error:
            raise self._error(error) from None

    def _error(self, error: OSError) -> RunError:
        return RunError(
            f"{self._folder} cannot be written ({error.strerror}); "
            "fix that, or leave out --tensorboard"
        )


def _names(watched: str) -> list[str]:
    _, *names, _ = EpochMetrics.names(watched)  # without the epoch and when it ended
    return names
