"""The role of a process among those that train together, and the loops of those that do not train.

MXNet's launchers tell it by the environment variables ``DMLC_*``. MXNet reads them when it is
imported: what is missing or wrong ends the process there, or lets all of them wait for ever.
"""

# DOC(runtime.ports): Addresses that processes are to listen at. Nothing here imports MXNet.

from __future__ import annotations

import ctypes
import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from d2l_mlp.compat.environment import EnvironmentVariableError
from d2l_mlp.rules import Choice, Number

# What ZeroMQ sets too, by which MXNet's processes listen.
_SHARED = (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


@contextmanager
def hold_ports(host: str, count: int) -> Iterator[list[int]]:
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


def check_port(host: str, port: int) -> None:
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


ROLE_RULES: dict[str, Choice | Number] = {
    "DMLC_ROLE": Choice(("scheduler", "server", "worker")),
    "DMLC_PS_ROOT_PORT": Number(int, least=1, most=65535),
    "DMLC_NUM_WORKER": Number(int, least=1, most=10_000),
    "DMLC_NUM_SERVER": Number(int, least=1, most=10_000),
}
"""What each variable has to be; ``DMLC_PS_ROOT_URI`` and ``DMLC_NODE_HOST`` are addresses."""


def prepare_role(kvstore: str | None) -> str | None:
    """Check this process's environment before MXNet reads it, and give its role.

    Names of machines become IPv4 addresses, which are what MXNet can listen at. A server or worker
    listens at ``DMLC_NODE_HOST``; without it, at the loopback address if the scheduler is there.

    Parameters
    ----------
    kvstore : str or None
        The type of the KVStore that is to be made; None is for a process that trains alone.

    Returns
    -------
    str or None
        "scheduler", "server" or "worker"; None without a KVStore.

    Raises
    ------
    EnvironmentVariableError
        If a variable is missing, or is not what its rule allows, or this machine cannot listen at
        an address that it names; or if there is a role, but no KVStore.
    """
    if kvstore is None:
        if os.environ.get("DMLC_ROLE"):
            raise _error("DMLC_ROLE", "unset it to train alone, or give --kvstore dist_sync")
        return None
    for name, rule in ROLE_RULES.items():
        text = os.environ.get(name, "").strip()
        try:
            os.environ[name] = str(rule.parse(text))
        except ValueError:
            raise _error(name, f"give {rule}") from None
    role, port = os.environ["DMLC_ROLE"], int(os.environ["DMLC_PS_ROOT_PORT"])
    root = _address("DMLC_PS_ROOT_URI", "give the scheduler's IPv4 address")
    if role == "scheduler":
        # There a service has the address, and passes on what comes.
        everywhere = os.environ.get("DMLC_USE_KUBERNETES", "0") not in ("", "0")
        _check_listening("0.0.0.0" if everywhere else root, port, "DMLC_PS_ROOT_URI")
        return role
    if not os.environ.get("DMLC_NODE_HOST") and ipaddress.ip_address(root).is_loopback:
        os.environ["DMLC_NODE_HOST"] = root
    here = _address(
        "DMLC_NODE_HOST", "give this machine's IPv4 address in the private network to listen at"
    )
    _check_listening(here, 0, "DMLC_NODE_HOST")
    return role


def serve_role() -> None:
    """Be the scheduler or a server, as ``DMLC_ROLE`` says, until the workers have ended.

    MXNet would do so by itself when it is imported, and then unpickle, which means run, what
    anybody sends to a server for an optimizer. Here the servers only add up what is pushed, and
    refuse that command.

    Raises
    ------
    ImportError
        If MXNet, or a system library that it needs, is missing.
    """
    role = os.environ.pop("DMLC_ROLE")  # or the import would not return
    import mxnet
    from mxnet.base import _LIB, check_call

    os.environ["DMLC_ROLE"] = role

    @ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    def refuse(command: int, body: bytes, _: object) -> None:
        print(f"{role}: refused command {command}: nothing is unpickled here", file=sys.stderr)

    kvstore = mxnet.kvstore.create("dist_sync")
    check_call(_LIB.MXKVStoreRunServer(kvstore.handle, refuse, None))


def _address(name: str, remedy: str) -> str:
    """Turn a variable into an IPv4 address."""
    try:
        address = socket.gethostbyname(os.environ[name].strip() or "?")
    except (KeyError, OSError, UnicodeError):
        raise _error(name, remedy) from None
    os.environ[name] = address
    return address


def _check_listening(address: str, port: int, name: str) -> None:
    try:
        check_port(address, port)
    except OSError as error:
        where = f"{error.filename} ({error.strerror})"
        remedy = f"this machine cannot listen at {where}; give another"
        raise _error(name, remedy) from None


def _error(name: str, remedy: str) -> EnvironmentVariableError:
    has = f"is {os.environ[name]!r}" if name in os.environ else "is not set"
    return EnvironmentVariableError(f"the environment variable {name} {has}; {remedy}")
