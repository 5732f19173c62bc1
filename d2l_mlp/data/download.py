"""Download Fashion-MNIST from whichever of its mirrors answers.

What is trusted is the SHA-256 of each file's content, and not the mirror or its transport; so a
mirror may have compressed the files anew. One that sends more than a file can have, or next to
nothing, is left.
"""

# DOC(data.mirrors): The mirrors of Fashion-MNIST, and what is wrong with those that are of no use.

from __future__ import annotations

import contextlib
import http.client
import logging
import os
import queue
import re
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from d2l_mlp.data.releases import (
    CANONICAL,
    DatasetError,
    File,
    largest_size,
    read_verified_file,
    verify_content,
)

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


def mirror_urls() -> Sequence[str]:
    """Give the addresses of the mirrors: `MIRRORS`, or the one that ``D2L_MLP_MIRROR`` names."""
    own = os.environ.get("D2L_MLP_MIRROR", "").strip()
    return [own.rstrip("/") + "/"] if own else MIRRORS


def shown_url(mirror: str) -> str:
    """Give what may be printed of a mirror's address: its host, without user and password."""
    rest = " ".join(mirror.rpartition("@")[2].split())
    if not re.match("https?://", mirror, re.IGNORECASE):
        return rest
    return re.sub("^https?://", "", rest, flags=re.IGNORECASE).split("/")[0]


def find_mirror_problems(mirrors: Sequence[str], seconds: float) -> dict[str, str]:
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


def _address_problem(mirror: str) -> str | None:
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


def ask_mirror(url: str, seconds: float) -> requests.Response:
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


def _ask_all(urls: Sequence[str], seconds: float) -> dict[str, Any]:
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
    found: dict[str, Any] = {url: MirrorError(_SILENT.format(seconds)) for url in urls}
    for _ in urls:
        try:
            url, answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[url] = answer
    return found


def _request(url: str, seconds: float) -> requests.Response:
    import requests  # only now: it costs a tenth of a second
    import urllib3

    try:
        response = requests.get(
            url, timeout=seconds, stream=True, headers={"Accept-Encoding": "identity"}
        )
    except requests.exceptions.SSLError as error:
        raise MirrorError(
            f"has a certificate or TLS that is refused ({failure_reason(error)})"
        ) from None
    except requests.Timeout:
        raise MirrorError(_SILENT.format(seconds)) from None
    except requests.TooManyRedirects:
        raise MirrorError("redirects without end") from None
    except requests.ConnectionError as error:
        raise MirrorError(f"cannot be reached ({failure_reason(error)})") from None
    except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
        raise MirrorError(
            f"cannot be asked, or redirects to what cannot ({type(error).__name__})"
        ) from None
    if response.status_code != 200:
        response.close()
        raise MirrorError(f"answered {response.status_code} {response.reason}")
    return response


def failure_reason(error: BaseException) -> str:
    """Give the system's own word for what is at the bottom of an error."""
    chain: list[BaseException] = [error]
    while chain[-1].__context__:
        chain.append(chain[-1].__context__)
    if isinstance(chain[-1], socket.timeout):
        return "timed out"
    words = [e.strerror for e in chain if isinstance(e, OSError) and isinstance(e.strerror, str)]
    return words[-1] if words else type(chain[-1]).__name__


WINDOW = 10.0
"""Seconds in which a mirror has to send something, and in all `LEAST_RATE` times as many bytes."""
LEAST_RATE = 2**14
"""Bytes a second; the largest file then takes half an hour."""


class DownloadError(OSError):
    """No mirror gave the files; the message says what each answered."""


def download_release(folder: Path, patience: float = 20.0) -> Path:
    """Download the four canonical files into a folder.

    Files that are already there and right are kept, so running it again goes on where a broken
    download stopped. Each file comes under its name only when it is whole and its content right.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    patience : float, default 20
        Seconds that all mirrors together have for their first answer.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    DownloadError
        If no mirror is reachable, or none of those reachable gives the right files.
    """
    urls = mirror_urls()
    problems = find_mirror_problems(urls, patience)
    for url in (url for url in urls if url not in problems):
        try:
            for file in CANONICAL:
                _fetch_file(url, file, folder)
            return folder
        except MirrorError as error:
            problems[url] = str(error)
        except OSError as error:
            reason = getattr(error.__cause__, "strerror", None) or error.strerror or error
            raise DownloadError(f"{folder} cannot take the download ({reason})") from error
    told = "; ".join(f"{shown_url(url)} {problems[url]}" for url in urls)
    raise DownloadError(f"no mirror gave the files ({told})")


def _fetch_file(mirror: str, file: File, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{file.name}.gz"
    with contextlib.suppress(DatasetError):  # what is wrong or missing is downloaded
        read_verified_file(folder, file)
        return
    with contextlib.suppress(FileNotFoundError):
        (folder / name).unlink()  # pooch would keep it
    import pooch  # only now: it costs a tenth of a second

    pooch.get_logger().setLevel(logging.ERROR)  # it tells addresses, with their passwords
    pooch.retrieve(f"{mirror}{name}", None, name, folder, downloader=_Downloader(file))


class _Downloader:
    """What pooch calls to download one file; its own waits, and writes, without end."""

    def __init__(self, file: File):
        self.file = file

    def __call__(self, url: str, output_file: str, pooch: object, check_only: bool = False) -> None:
        body = self._body(url)
        try:
            verify_content(bytes(body), self.file)
        except ValueError as error:
            raise MirrorError(f"has another {self.file.name}.gz: it {error}") from None
        Path(output_file).write_bytes(body)

    def _body(self, url: str) -> bytearray:
        from tqdm import tqdm

        body, most, name = bytearray(), largest_size(self.file), f"{self.file.name}.gz"
        with (
            ask_mirror(url, WINDOW) as response,
            tqdm(
                desc=name, unit="B", unit_scale=True, leave=False, disable=not sys.stderr.isatty()
            ) as bar,
        ):
            since, had = time.monotonic(), 0
            try:
                # Not response.iter_content: that waits for a whole chunk, however slowly it comes.
                for chunk in iter(lambda: response.raw._original_response.read1(2**16), b""):
                    body += chunk
                    bar.update(len(chunk))
                    if len(body) > most:
                        raise MirrorError(f"sent more than {most:,} bytes as {name}")
                    if time.monotonic() - since > WINDOW:
                        if len(body) - had < WINDOW * LEAST_RATE:
                            raise MirrorError(f"sent {name} by less than {LEAST_RATE:,} bytes/s")
                        since, had = time.monotonic(), len(body)
            except (OSError, http.client.HTTPException) as error:
                raise MirrorError(f"broke off in {name} ({failure_reason(error)})") from None
            length = response.headers.get("Content-Length", "")
        if length.isdecimal() and len(body) < int(length):
            raise MirrorError(f"broke off in {name} (after {len(body):,} of {int(length):,} bytes)")
        return body
