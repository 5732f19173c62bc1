"""Addresses that processes are to listen at. Nothing here imports MXNet."""

import socket
from contextlib import ExitStack, contextmanager
from typing import Iterator, List

# What ZeroMQ sets too, by which MXNet's processes listen.
_SHARED = (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


@contextmanager
def held(host: str, count: int) -> Iterator[List[int]]:
    """Find free ports, and keep them for processes that are still to start.

    Meanwhile the system gives them to nobody who asks for any port, nor for the near end of a
    connection. MXNet's processes can listen at them.

    Parameters
    ----------
    host : str
        An address of this machine.
    count : int
        How many.

    Yields
    ------
    list of int
        In ascending order.

    Raises
    ------
    OSError
        If the address is none of this machine.
    """
    with ExitStack() as bound:
        holders = [bound.enter_context(socket.socket()) for _ in range(count)]
        for holder in holders:
            with _telling(host):
                holder.bind((host, 0))
            holder.setsockopt(*_SHARED)  # now: before, it could be given another holder's
        yield sorted(holder.getsockname()[1] for holder in holders)


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
    with socket.socket() as listener, _telling(host, port):
        listener.setsockopt(*_SHARED)  # a port whose last listener has only just ended is free
        listener.bind((host, port))
        listener.listen(1)


@contextmanager
def _telling(host: str, port: int = 0) -> Iterator[None]:
    """Name the place in errors."""
    try:
        yield
    except OSError as error:
        where = f"port {port} of {host}" if port else host
        raise OSError(error.errno, error.strerror or str(error), where) from None
