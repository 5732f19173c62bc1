"""A minibatch divided over devices, and a training that is the same at several workers."""

from typing import List, Sequence, Tuple

import mxnet
import numpy
from mxnet import np

from d2l_mlp.runtime.workers import Workers
from d2l_mlp.training.state import Arrays, EpochMetrics, TrainingState


def split(
    X: np.ndarray, y: np.ndarray, devices: Sequence[mxnet.Context]
) -> List[Tuple[np.ndarray, np.ndarray]]:
    """Divide a minibatch over devices.

    Parameters
    ----------
    X, y : mxnet.np.ndarray
        Of shapes (n, ...) and (n,).
    devices : sequence of mxnet.Context
        To which the parts go, of equal size but for one example.

    Returns
    -------
    list of tuple
        The parts that have any example, each on its device.
    """
    if len(devices) == 1:
        return [(X.as_in_ctx(devices[0]), y.as_in_ctx(devices[0]))] if len(y) else []
    ends = [len(y) * i // len(devices) for i in range(len(devices) + 1)]
    return [
        (X[start:end].as_in_ctx(device), y[start:end].as_in_ctx(device))
        for device, start, end in zip(devices, ends, ends[1:])
        if start < end
    ]


def agreed(state: TrainingState, workers: Workers) -> TrainingState:
    """Give every worker the state that worker 0 goes on from.

    Parameters
    ----------
    state : TrainingState
        A worker's own; of those but worker 0 only the shapes of the parameters count.
    workers : Workers
        That train together. What is summed from here on may have as many elements as they have.

    Returns
    -------
    TrainingState
        Of worker 0, but for the parameters of the best epoch, which it alone keeps.
    """
    if workers.number == 1:
        return state
    dtype = numpy.result_type("float32", *(p.dtype for p in state.parameters.values()))
    workers.expect(sum(p.size for p in state.parameters.values()), dtype.name)
    history, best_epoch, names = workers.told(
        lambda: (state.history, state.best_epoch, list(state.optimizer))
    )

    def of_worker_0(arrays: Arrays) -> Arrays:
        """Copy arrays, which at the others count as 0."""
        copies = {n: numpy.zeros_like(p) for n, p in state.parameters.items()}
        if not workers.rank:
            copies = {n: arrays[n].copy() for n in copies}
        workers.add_up(list(copies.values()))
        return copies

    parameters = of_worker_0(state.parameters)
    optimizer = {name: of_worker_0(state.optimizer.get(name, {})) for name in names}
    epochs = tuple(EpochMetrics(*metrics) for metrics in history)
    best = parameters if workers.rank else state.best
    return TrainingState(epochs, parameters, optimizer, best_epoch, best)
