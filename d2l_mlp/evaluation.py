"""Measure a classifier's loss and accuracy."""

from collections import deque
from typing import Callable, Iterable, Optional, Tuple

from mxnet import gluon, np

# MXNet computes while Python runs ahead. So many minibatches ahead keep it busy; more would only
# hold memory, and keep the caller from stopping at a minibatch that is the one on the screen.
_MINIBATCHES_AHEAD = 8

softmax_cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()  # of each example


def evaluate(
    net: gluon.Block,
    data_iter: Iterable,
    on_minibatch: Optional[Callable[[], None]] = None,
) -> Tuple[float, float]:
    """Measure a net's loss and accuracy.

    Parameters
    ----------
    net : gluon.Block
        Maps features (n, ...) to logits (n, num_outputs).
    data_iter : iterable
        Gives minibatches (X, y).
    on_minibatch : callable, optional
        Called after each minibatch.

    Returns
    -------
    loss : float
        Mean cross-entropy, in nats.
    accuracy : float
        Share of the examples whose largest logit is that of their label.
    """
    tally = Tally(net)
    for X, y in data_iter:
        X, y = X.as_in_ctx(tally.device), y.as_in_ctx(tally.device)
        logits = net(X)
        tally.add(logits, softmax_cross_entropy(logits, y), y)
        if on_minibatch:
            on_minibatch()
    return tally.means()


class Tally:
    """Sums over minibatches, on the net's device: reading them would make Python wait for it.

    Parameters
    ----------
    net : gluon.Block
        Initialized.

    Attributes
    ----------
    device : mxnet.Context
        Where the net lives.
    num_examples : int
        Added so far.
    """

    def __init__(self, net: gluon.Block):
        self.device = next(iter(net.collect_params().values())).list_ctx()[0]
        self.loss, self.correct = np.zeros((), ctx=self.device), np.zeros((), ctx=self.device)
        self.num_examples = 0
        self._ahead = deque()

    def add(self, logits: np.ndarray, losses: np.ndarray, y: np.ndarray) -> None:
        """Add a minibatch, of shapes (n, num_outputs), (n,) and (n,)."""
        self.loss += losses.sum()
        self.correct += (logits.argmax(axis=-1).astype(y.dtype) == y).sum()
        self.num_examples += len(y)
        self._ahead.append(losses)
        if len(self._ahead) > _MINIBATCHES_AHEAD:
            self._ahead.popleft().wait_to_read()

    def means(self) -> Tuple[float, float]:
        """Wait for the device, and give the mean loss and the accuracy."""
        return self.loss.item() / self.num_examples, self.correct.item() / self.num_examples
