"""The mirrors of Fashion-MNIST, and what is wrong with those that are of no use."""

import queue
import re
import socket
import threading
import time
from typing import Dict, List, Optional, Sequence
from urllib.parse import urlsplit

from d2l_mlp.data.canonical import CANONICAL

MIRRORS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)
"""The publisher's copy, and Keras's. ``D2L_MLP_MIRROR`` replaces them."""


class MirrorError(ValueError):
    """A mirror is of no use; the message, "answered 404 Not Found", goes on after its name."""


def shown(mirror: str) -> str:
    """Give what may be printed of a mirror's address: its host, without user and password."""
    rest = " ".join(mirror.rpartition("@")[2].split())
    if not re.match("https?://", mirror, re.IGNORECASE):
        return rest
    return re.sub("^https?://", "", rest, flags=re.IGNORECASE).split("/")[0]


def find_problems(mirrors: Sequence[str], seconds: float) -> Dict[str, str]:
    """Ask all mirrors at once for a file.

    Parameters
    ----------
    mirrors : sequence of str
        Their addresses, each to be followed by a file's name.
    seconds : float
        That all together have for their answers.

    Returns
    -------
    dict of str to str
        What is wrong with those that are of no use, by their address.
    """
    answers: queue.Queue = queue.Queue()

    def ask_first(mirror: str) -> None:
        try:
            _check_address(mirror)
            # The body stays where it is. HEAD would not have one, but not every mirror answers it.
            ask(f"{mirror}{CANONICAL[0].name}.gz", seconds).close()
            answers.put((mirror, None))
        except MirrorError as error:
            answers.put((mirror, str(error)))

    # Threads, because looking up a name has no timeout of its own, nor has a header that comes byte
    # by byte; daemons, so that a stuck one does not hold up the program's exit.
    for mirror in mirrors:
        threading.Thread(target=ask_first, args=(mirror,), daemon=True).start()
    deadline = time.monotonic() + seconds
    answered: Dict[str, Optional[str]] = {}
    while len(answered) < len(mirrors):
        try:
            mirror, problem = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        answered[mirror] = problem
    silent = f"did not answer within {seconds:g} s"
    problems = {mirror: answered.get(mirror, silent) for mirror in mirrors}
    return {mirror: problem for mirror, problem in problems.items() if problem}


def _check_address(mirror: str) -> None:
    if re.match("file:", mirror, re.IGNORECASE):
        raise MirrorError("is a folder, not a mirror; name it by --data-dir or D2L_MLP_DATA")
    try:
        parts = urlsplit(mirror)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        usable = False
    if not usable or re.search(r"\s", mirror):
        raise MirrorError(
            "is no address; give D2L_MLP_MIRROR as https://HOST/FOLDER, without blanks"
        )


def ask(url: str, seconds: float):
    """Begin a download.

    Parameters
    ----------
    url : str
        Of the file.
    seconds : float
        That the server may be silent.

    Returns
    -------
    requests.Response
        Open: its headers are read, its body is not.

    Raises
    ------
    MirrorError
        If there is no such file, or no server that can be asked and trusted.
    """
    import requests  # only now: it costs a tenth of a second
    import urllib3

    try:
        response = requests.get(
            url, timeout=seconds, stream=True, headers={"Accept-Encoding": "identity"}
        )
    except requests.exceptions.SSLError as error:
        raise MirrorError(f"has a certificate or TLS that is refused ({reason(error)})") from None
    except requests.Timeout:
        raise MirrorError(f"did not answer within {seconds:g} s") from None
    except requests.TooManyRedirects:
        raise MirrorError("redirects without end") from None
    except requests.ConnectionError as error:
        raise MirrorError(f"cannot be reached ({reason(error)})") from None
    except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
        raise MirrorError(
            f"cannot be asked, or redirects to what cannot ({type(error).__name__})"
        ) from None
    if response.status_code != 200:
        response.close()
        raise MirrorError(f"answered {response.status_code} {response.reason}")
    return response


def reason(error: BaseException) -> str:
    """Give the system's own word for what is at the bottom of an error."""
    chain: List[BaseException] = [error]
    while chain[-1].__context__:
        chain.append(chain[-1].__context__)
    if isinstance(chain[-1], socket.timeout):
        return "timed out"
    words = [e.strerror for e in chain if isinstance(e, OSError) and isinstance(e.strerror, str)]
    return words[-1] if words else type(chain[-1]).__name__
