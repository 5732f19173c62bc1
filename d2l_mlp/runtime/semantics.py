"""MXNet's NumPy semantics, in every thread.

``npx.set_np()`` switches them on for the thread that calls it. In others, nets and autograd fail
with messages about deferred initialization or legacy operators.
"""

import threading

from mxnet import npx, util

_GLOBALLY_ON = 2  # MXNet's enum NumpyShape: off, on in this thread, on in all


class _Switch(threading.local):
    """What MXNet looks up in each thread; on where nobody has switched it off."""

    def __init__(self) -> None:
        self.value = util._NumpyArrayScope(True)


def use_numpy_in_every_thread() -> None:
    """Do what ``npx.set_np()`` does, for the threads that there are and those to come."""
    npx.set_np()
    util.set_np_shape(_GLOBALLY_ON)
    util._NumpyArrayScope._current = _Switch()
