"""Addresses that processes are to listen at. Nothing here imports MXNet."""

import socket
from contextlib import ExitStack
from typing import List


def free(host: str, count: int) -> List[int]:
    """Find free ports.

    Parameters
    ----------
    host : str
        An address of this machine.
    count : int
        How many.

    Returns
    -------
    list of int
        In ascending order.

    Raises
    ------
    OSError
        If the address is none of this machine.
    """
    with ExitStack() as bound:  # all of them at once, so that they differ
        return sorted(_bind(bound, host, 0) for _ in range(count))


def check(host: str, port: int) -> None:
    """Try whether a process can listen somewhere.

    Parameters
    ----------
    host : str
        An address of this machine.
    port : int
        Of the address; 0 is any port.

    Raises
    ------
    OSError
        If nothing can; its ``filename`` is the place.
    """
    with ExitStack() as bound:
        _bind(bound, host, port)


def _bind(bound: ExitStack, host: str, port: int) -> int:
    listener = bound.enter_context(socket.socket())
    try:
        # As ZeroMQ does: a port whose last listener has only just ended is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1)
    except OSError as error:
        where = f"port {port} of {host}" if port else host
        raise OSError(error.errno, error.strerror or str(error), where) from None
    return int(listener.getsockname()[1])
