"""The mirrors of Fashion-MNIST, and what is wrong with those that are of no use."""

import os
import queue
import re
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence
from urllib.parse import urlsplit

from d2l_mlp.data.canonical import CANONICAL

if TYPE_CHECKING:
    import requests

MIRRORS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)
"""The publisher's copy, and Keras's. ``D2L_MLP_MIRROR`` replaces them."""

_SILENT = "did not answer within {:g} s"


class MirrorError(ValueError):
    """A mirror is of no use; the message, "answered 404 Not Found", goes on after its name."""


def addresses() -> Sequence[str]:
    """Give the addresses of the mirrors: `MIRRORS`, or the one that ``D2L_MLP_MIRROR`` names."""
    own = os.environ.get("D2L_MLP_MIRROR", "").strip()
    return [own.rstrip("/") + "/"] if own else MIRRORS


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
    problems = {
        m: problem for m, problem in zip(mirrors, map(_address_problem, mirrors)) if problem
    }
    first = {f"{m}{CANONICAL[0].name}.gz": m for m in mirrors if m not in problems}
    for url, answer in _ask_all(list(first), seconds).items():
        if isinstance(answer, MirrorError):
            problems[first[url]] = str(answer)
        else:  # the body stays where it is; HEAD would have none, but not every mirror answers it
            answer.close()
    return problems


def _address_problem(mirror: str) -> Optional[str]:
    if re.match("file:", mirror, re.IGNORECASE):
        return "is a folder, not a mirror; name it by --data-dir or D2L_MLP_DATA"
    try:
        parts = urlsplit(mirror)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        usable = False
    if not usable or re.search(r"\s", mirror):
        return "is no address; give D2L_MLP_MIRROR as https://HOST/FOLDER, without blanks"
    return None


def ask(url: str, seconds: float) -> "requests.Response":
    """Begin a download.

    Parameters
    ----------
    url : str
        Of the file.
    seconds : float
        For the answer; afterwards, as long the server may be silent.

    Returns
    -------
    requests.Response
        Open: its headers are read, its body is not.

    Raises
    ------
    MirrorError
        If there is no such file, or no server that can be asked and trusted.
    """
    answer = _ask_all([url], seconds)[url]
    if isinstance(answer, MirrorError):
        raise answer
    return answer


def _ask_all(urls: Sequence[str], seconds: float) -> Dict[str, Any]:
    """Give the response, or the `MirrorError`, that there is to each address in time."""
    answers: queue.Queue = queue.Queue()

    def ask_one(url: str) -> None:
        try:
            answers.put((url, _request(url, seconds)))
        except MirrorError as error:
            answers.put((url, error))

    # Threads, because looking up a name has no timeout of its own, nor have headers that come byte
    # by byte; daemons, so that a stuck one does not hold up the program's exit.
    for url in urls:
        threading.Thread(target=ask_one, args=(url,), daemon=True).start()
    deadline = time.monotonic() + seconds
    found: Dict[str, Any] = {url: MirrorError(_SILENT.format(seconds)) for url in urls}
    for _ in urls:
        try:
            url, answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[url] = answer
    return found


def _request(url: str, seconds: float) -> "requests.Response":
    import requests  # only now: it costs a tenth of a second
    import urllib3

    try:
        response = requests.get(
            url, timeout=seconds, stream=True, headers={"Accept-Encoding": "identity"}
        )
    except requests.exceptions.SSLError as error:
        raise MirrorError(f"has a certificate or TLS that is refused ({reason(error)})") from None
    except requests.Timeout:
        raise MirrorError(_SILENT.format(seconds)) from None
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
