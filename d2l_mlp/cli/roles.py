"""The role of a process in a distributed training: scheduler, server or worker.

The environment variables ``DMLC_*`` say it. MXNet reads them when it is imported: a variable that
is missing or wrong ends the process there without a word, or all of them wait for ever.
"""

from __future__ import annotations

import ctypes
import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from d2l_mlp.rules import Choice, Number


class EnvironmentVariableError(ValueError):
    """A ``DMLC_*`` variable is missing or wrong, on which MXNet would crash or hang."""

    exit_code = 2


_RULES: dict[str, Choice | Number] = {
    "DMLC_ROLE": Choice(("scheduler", "server", "worker")),
    "DMLC_PS_ROOT_PORT": Number(int, least=1, most=65535),
    "DMLC_NUM_WORKER": Number(int, least=1, most=10_000),
    "DMLC_NUM_SERVER": Number(int, least=1, most=10_000),
}
_SHARED = (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as ZeroMQ has it, by which MXNet listens


def prepare_role(kvstore: str | None) -> str | None:
    """Check the environment before MXNet reads it, and return the role; None without a KVStore.

    Names of machines become IPv4 addresses, which MXNet needs. A server or worker listens at
    ``DMLC_NODE_HOST``; without it, at the loopback address if the scheduler is there.
    """
    if kvstore is None:
        if os.environ.get("DMLC_ROLE"):
            raise _error("DMLC_ROLE", "unset it to train alone, or give --kvstore dist_sync")
        return None
    for name, rule in _RULES.items():
        try:
            os.environ[name] = str(rule.parse(os.environ.get(name, "").strip()))
        except ValueError:
            raise _error(name, f"give {rule}") from None
    role, port = os.environ["DMLC_ROLE"], int(os.environ["DMLC_PS_ROOT_PORT"])
    root = _resolve("DMLC_PS_ROOT_URI", "give the scheduler's IPv4 address")
    if role == "scheduler":
        # In Kubernetes, a service has the address, and forwards what comes.
        anywhere = os.environ.get("DMLC_USE_KUBERNETES", "0") not in ("", "0")
        _check_variable("DMLC_PS_ROOT_URI", "0.0.0.0" if anywhere else root, port)
        return role
    if not os.environ.get("DMLC_NODE_HOST") and ipaddress.ip_address(root).is_loopback:
        os.environ["DMLC_NODE_HOST"] = root
    fix = "give this machine's IPv4 address in the private network to listen at"
    _check_variable("DMLC_NODE_HOST", _resolve("DMLC_NODE_HOST", fix), 0)
    return role


def serve_role() -> None:
    """Be the scheduler or a server until the workers have ended.

    MXNet does so when it is imported, and its server unpickles, which means runs, any optimizer
    that anybody sends to it. This one only sums what is pushed, and refuses that command.
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


@contextmanager
def hold_ports(host: str, count: int) -> Iterator[list[int]]:
    """Find free ports, in ascending order, and hold them for processes that are still to start.

    Meanwhile the system gives them to nobody who asks for any port, but MXNet can listen at them.
    """
    check_port(host, 0)
    with ExitStack() as bound:
        holders = [bound.enter_context(socket.socket()) for _ in range(count)]
        for holder in holders:
            holder.bind((host, 0))
            holder.setsockopt(*_SHARED)  # now: before, it could be given another holder's
        yield sorted(holder.getsockname()[1] for holder in holders)


def check_port(host: str, port: int) -> None:
    """Raise an OSError that names the place if nothing can listen there; port 0 is any."""
    with socket.socket() as listener:
        listener.setsockopt(*_SHARED)  # a port whose last listener has only just ended is free
        try:
            listener.bind((host, port))
            listener.listen(1)
        except OSError as error:
            place = f"port {port} of {host}" if port else host
            raise OSError(
                f"this machine cannot listen at {place} ({error.strerror}); give another"
            ) from None


def _resolve(name: str, fix: str) -> str:
    """Turn a variable into an IPv4 address."""
    try:
        address = socket.gethostbyname(os.environ[name].strip() or "?")
    except (KeyError, OSError, UnicodeError):
        raise _error(name, fix) from None
    os.environ[name] = address
    return address


def _check_variable(name: str, address: str, port: int) -> None:
    try:
        check_port(address, port)
    except OSError as error:
        raise _error(name, str(error)) from None


def _error(name: str, fix: str) -> EnvironmentVariableError:
    value = f"is {os.environ[name]!r}" if name in os.environ else "is not set"
    return EnvironmentVariableError(f"the environment variable {name} {value}; {fix}")
