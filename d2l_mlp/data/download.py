"""Download Fashion-MNIST from whichever of its mirrors answers.

What is trusted is the SHA-256 of each file's content, and not the mirror or its transport; so a
mirror may have compressed the files anew. One that sends more than a file can have, or next to
nothing, is left.
"""

import contextlib
import http.client
import logging
import sys
import time
from pathlib import Path

from d2l_mlp.data import mirrors
from d2l_mlp.data.canonical import CANONICAL, File
from d2l_mlp.data.mirrors import MirrorError
from d2l_mlp.data.verified_files import DatasetError, largest, read_file, verify

WINDOW = 10.0
"""Seconds in which a mirror has to send something, and in all `LEAST_RATE` times as many bytes."""
LEAST_RATE = 2**14
"""Bytes a second; the largest file then takes half an hour."""


class DownloadError(OSError):
    """No mirror gave the files; the message says what each answered."""


def fetch(folder: Path, patience: float = 20.0) -> Path:
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
    urls = mirrors.addresses()
    problems = mirrors.find_problems(urls, patience)
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
    told = "; ".join(f"{mirrors.shown(url)} {problems[url]}" for url in urls)
    raise DownloadError(f"no mirror gave the files ({told})")


def _fetch_file(mirror: str, file: File, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{file.name}.gz"
    with contextlib.suppress(DatasetError):  # what is wrong or missing is downloaded
        read_file(folder, file)
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
            verify(bytes(body), self.file)
        except ValueError as error:
            raise MirrorError(f"has another {self.file.name}.gz: it {error}") from None
        Path(output_file).write_bytes(body)

    def _body(self, url: str) -> bytearray:
        from tqdm import tqdm

        body, most, name = bytearray(), largest(self.file), f"{self.file.name}.gz"
        with mirrors.ask(url, WINDOW) as response, tqdm(
            desc=name, unit="B", unit_scale=True, leave=False, disable=not sys.stderr.isatty()
        ) as bar:
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
                raise MirrorError(f"broke off in {name} ({mirrors.reason(error)})") from None
            length = response.headers.get("Content-Length", "")
        if length.isdecimal() and len(body) < int(length):
            raise MirrorError(f"broke off in {name} (after {len(body):,} of {int(length):,} bytes)")
        return body
