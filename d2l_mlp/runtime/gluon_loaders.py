"""Let the processes of Gluon's loaders end before the interpreter takes itself apart.

A ``DataLoader`` ends its own when it is deleted. At the very end of a script that is too late: the
modules that it calls are empty by then, and Python prints "Exception ignored".
"""

import atexit
from typing import Any
from weakref import WeakSet

from mxnet.gluon.data import DataLoader


def end_them_at_exit() -> None:
    """Let every loader of this process, d2l's too, end its processes when the script is over."""
    original = DataLoader.__init__
    loaders: WeakSet[Any] = WeakSet()

    def init(loader: Any, *args: Any, **kwargs: Any) -> None:
        loader._worker_pool = None  # read at deletion, also where the arguments are refused
        loaders.add(loader)
        original(loader, *args, **kwargs)

    @atexit.register
    def end() -> None:
        for loader in list(loaders):
            if loader._worker_pool is not None:
                loader._worker_pool.terminate()
                loader._worker_pool = None

    DataLoader.__init__ = init
