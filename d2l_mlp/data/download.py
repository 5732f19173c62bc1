"""Download Fashion-MNIST with pooch, from the first mirror that has its files.

The mirrors have to have the publisher's files; what is trusted is each file's SHA-256, and not the
mirror or its transport.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

MIRRORS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)
"""The publisher's copy, and Keras's. ``D2L_MLP_MIRROR`` replaces them."""

PUBLISHED: dict[str, tuple[int, str]] = {
    "train-images-idx3-ubyte.gz": (
        26_421_880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    "train-labels-idx1-ubyte.gz": (
        29_515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    "t10k-images-idx3-ubyte.gz": (
        4_422_102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        5_148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
}
"""Size in bytes and SHA-256 of each file as the publisher compressed it."""

SILENCE = 10.0
"""Seconds without a byte after which a download is given up."""


class DownloadError(OSError):
    """No mirror has the files; the message names each with its reason."""


def download_release(folder: Path, patience: float = 20.0) -> Path:
    """Download the four canonical files into a folder, and return it.

    Right files are kept; each other one is replaced when the new one is whole and its hash right.
    All mirrors together have `patience` seconds for their first answer.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.ERROR)  # it logs addresses, with their passwords
    registry = {name: sha256 for name, (_, sha256) in PUBLISHED.items()}
    problems = mirror_problems(patience)
    for url in [url for url, problem in problems.items() if problem is None]:
        mirror = pooch.create(folder, url, registry=registry)
        try:
            for name, (size, _) in PUBLISHED.items():
                mirror.fetch(name, downloader=_downloader(size))
            return folder
        except (requests.RequestException, ValueError) as error:
            problems[url] = f"{_reason(error)} ({name})"
        except OSError as error:
            raise DownloadError(
                f"{folder} cannot take the download ({error.strerror or error})"
            ) from error
    found = "; ".join(f"{shown_url(url)}: {problem}" for url, problem in problems.items())
    own = "; D2L_MLP_MIRROR has to be https://HOST/FOLDER/ with the publisher's files"
    raise DownloadError(
        f"no mirror has the files ({found})" + own * bool(os.environ.get("D2L_MLP_MIRROR"))
    )


def mirror_problems(patience: float) -> dict[str, str | None]:
    """Ask all mirrors at once; return by address what is wrong with each, None if it answers."""
    own = os.environ.get("D2L_MLP_MIRROR", "").strip()
    urls = [own.rstrip("/") + "/"] if own else MIRRORS
    found: dict[str, str | None] = dict.fromkeys(urls, f"no answer within {patience:g} s")

    def ask(url: str) -> None:
        import requests

        try:
            with requests.get(
                f"{url}{next(iter(PUBLISHED))}",
                stream=True,
                timeout=patience,
                verify=_certificates(),
            ) as r:
                r.raise_for_status()
                if r.headers.get("Content-Type", "").startswith("text/html"):
                    raise ValueError("answered with a web page, as a network does before a login")
            found[url] = None
        except Exception as error:
            found[url] = _reason(error)

    # Threads, because neither the name server nor slow headers keep to a timeout.
    threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in urls]
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(found)


def shown_url(mirror: str) -> str:
    """Return a mirror's host, without user and password, for messages."""
    return mirror.rpartition("@")[2].rpartition("://")[2].split("/")[0]


def _downloader(size: int) -> Any:
    """Return pooch's downloader, which gives up after a silence or more bytes than the file has."""
    from pooch import HTTPDownloader

    class Limited:
        def __init__(self, stream: BinaryIO):
            self.stream, self.left = stream, size

        def write(self, chunk: bytes) -> None:
            self.left -= len(chunk)
            if self.left < 0:
                raise ValueError(f"more than {size:,} bytes")
            self.stream.write(chunk)

        def flush(self) -> None:
            self.stream.flush()

    def download(url: str, path: str, pooch: Any) -> None:
        # Without the header, requests would decompress what some servers call gzip-encoded.
        http = HTTPDownloader(
            sys.stderr.isatty(), 2**16, timeout=SILENCE, verify=_certificates(),
            headers={"Accept-Encoding": "identity"},
        )  # fmt: skip
        with Path(path).open("wb") as stream:
            http(url, Limited(stream), pooch)

    return download


def _certificates() -> str | bool:
    """Return where the certificates are that this machine trusts; True is requests' own choice."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        path = os.environ.get(name)
        if path and not os.path.exists(path):  # noqa: PTH110 (never raises)
            raise ValueError(f"{name} names {path}, which is missing")
        if path:
            return path
    system = ssl.get_default_verify_paths().capath
    return system if system and any(Path(system).glob("*.0")) else True


def _reason(error: BaseException) -> str:
    """Return one line about an error of requests or pooch, without the address and its password."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"answered {response.status_code} {response.reason}"
    proxy = "the proxy: " if type(error).__name__ == "ProxyError" else ""
    while error.__context__:
        error = error.__context__
    if isinstance(error, OSError) and error.strerror:
        return proxy + error.strerror
    safe = type(error) is ValueError or isinstance(error, socket.timeout)
    return proxy + (str(error).split(":")[0] if safe else type(error).__name__)
