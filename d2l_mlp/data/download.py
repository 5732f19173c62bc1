"""Download Fashion-MNIST from whichever of its mirrors answers.

The publisher's copy comes first. Every mirror serves the same compressed files, so their hashes,
and not the mirror or its transport, are what is trusted.
"""

import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import List, Sequence

MIRRORS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
"""The publisher's copy, Keras's, and the publisher's old one. ``D2L_MLP_MIRROR`` replaces them."""

SHA256 = {
    "train-images-idx3-ubyte": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
"""SHA-256 of the publisher's compressed files, ``NAME.gz``."""


class DownloadError(OSError):
    """No mirror gave the files; the message says what each answered."""


def fetch(folder: Path, patience: float = 20.0) -> Path:
    """Download the four canonical files into a folder.

    Files that are already there and right are kept, so running it again goes on where a broken
    download stopped. Each file comes under its name only when it is whole and its hash is right.

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
    own = os.environ.get("D2L_MLP_MIRROR")
    mirrors = [own.rstrip("/") + "/"] if own else MIRRORS
    reachable = _reachable(mirrors, patience)
    if not reachable:
        raise DownloadError("no mirror answered (" + ", ".join(map(_host, mirrors)) + ")")

    import pooch  # only now: it costs a tenth of a second
    import requests

    pooch.get_logger().setLevel(logging.ERROR)  # the progress bar says it all
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30)
    failures = []
    for mirror in reachable:
        try:
            for name, sha256 in SHA256.items():
                file = f"{name}.gz"
                pooch.retrieve(
                    mirror + file, f"sha256:{sha256}", file, folder, downloader=downloader
                )
            return folder
        except requests.RequestException as error:
            failures.append(f"{_host(mirror)} broke off: {type(error).__name__}")
        except ValueError:  # pooch's, when the hash is wrong; it has deleted the file
            failures.append(f"{_host(mirror)} served other content as {name}")
        except OSError as error:
            raise DownloadError(f"{folder} cannot take the download: {error.strerror}") from error
    raise DownloadError("no mirror gave the right files (" + "; ".join(failures) + ")")


def _reachable(mirrors: Sequence[str], seconds: float) -> List[str]:
    """Give those mirrors that answer in time, in their order."""
    import requests

    answered = set()

    def ask(mirror: str) -> None:
        try:
            url = f"{mirror}{next(iter(SHA256))}.gz"
            if requests.head(url, timeout=seconds, allow_redirects=True).ok:
                answered.add(mirror)
        except requests.RequestException as error:
            logging.getLogger(__name__).debug("%s: %s", mirror, error)

    # Threads, because looking up a name has no timeout of its own; daemons, so that a stuck one
    # does not hold up the program's exit.
    threads = [threading.Thread(target=ask, args=(mirror,), daemon=True) for mirror in mirrors]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [mirror for mirror in mirrors if mirror in answered]


def _host(url: str) -> str:
    return url.split("/")[2]
