"""Find Fashion-MNIST, wherever it is."""

# DOC(data.places): The folders in which Fashion-MNIST is looked for; this takes no NumPy.

# DOC(data.reader): Read a release of Fashion-MNIST into memory.

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy

from d2l_mlp.data.download import DownloadError, download_release
from d2l_mlp.data.releases import RELEASES, SAMPLE_DIR, DatasetError, has_files, read_verified_file

log = logging.getLogger(__name__)

SYSTEM_DIR = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's and Ubuntu's package ``dataset-fashion-mnist`` puts the files."""

DATA_REMEDY = (
    "get it with `apt-get install dataset-fashion-mnist`, or put its four files into a folder "
    "and name that with --data-dir"
)
"""What to do where the full data set is not found."""


def search_places() -> dict[str, Path]:
    """Give every folder that is looked into where none is named, by what it is, in their order.

    Returns
    -------
    dict of str to Path
        They need not exist. Where there is no home, those in it are left out, and that is logged.
    """
    places = {}
    try:
        places["our cache"] = cache_dir()
        places["Gluon's folder"] = gluon_dir()
    except DatasetError as error:
        log.warning("passed over: %s", error)
    places["system package"] = SYSTEM_DIR
    return places


def named_folder(folder: str | Path) -> Path:
    """Give the place of the data in a folder that was named.

    Parameters
    ----------
    folder : path
        With the four files, or with what torchvision or Keras was told to keep its data in. ``~``
        is the home.

    Returns
    -------
    Path
        Where the files are; the folder itself if they are nowhere.

    Raises
    ------
    DatasetError
        If it is in a home that does not exist, or cannot be looked into.
    """
    folder = _expanded(folder)
    for place in (folder, folder / "FashionMNIST" / "raw", folder / "fashion-mnist"):
        if has_files(place, "fashion-mnist"):
            return place
    return folder


def cache_dir() -> Path:
    """Folder of our downloads: ``datasets/fashion-mnist-canonical`` in MXNet's data folder.

    Not Gluon's own ``datasets/fashion-mnist``: Gluon would find these files wrong, and replace
    them.

    Returns
    -------
    Path
        It may not exist yet.

    Raises
    ------
    DatasetError
        If it is in the home, and there is no home.
    """
    return gluon_dir().with_name("fashion-mnist-canonical")


def gluon_dir() -> Path:
    """Folder of Gluon's own download, found as ``mxnet.base.data_dir()`` does, without MXNet.

    Returns
    -------
    Path
        It may not exist yet.

    Raises
    ------
    DatasetError
        If it is in the home, and there is no home.
    """
    home = os.environ.get("MXNET_HOME")
    return (Path(home) if home else _expanded("~/.mxnet")) / "datasets" / "fashion-mnist"


def _expanded(path: str | Path) -> Path:
    """Put the home in the place of ``~``."""
    try:
        return Path(path).expanduser()
    except (KeyError, RuntimeError):  # KeyError from Python 3.8
        raise DatasetError(f"{path} is nowhere: there is no such home (HOME is not set)") from None


class FashionMNIST(NamedTuple):
    """The data set in memory."""

    train: tuple[numpy.ndarray, numpy.ndarray]
    """Images, uint8 of shape (n, 28, 28), and labels, int32 of shape (n,)."""
    test: tuple[numpy.ndarray, numpy.ndarray]
    release: str
    """``"fashion-mnist"``, the canonical release, or ``"sample"``, the embedded one."""
    folder: Path
    """Where the files were read."""

    @property
    def sha256(self) -> dict[str, str]:
        """SHA-256 of each file's decompressed content, by file name."""
        return {file.name: file.sha256 for file in RELEASES[self.release]}

    def describe(self) -> str:
        """Say what it is and where it was read, in half a line."""
        name = {"fashion-mnist": "Fashion-MNIST", "sample": "sample of Fashion-MNIST"}[self.release]
        return (
            f"{name}, {len(self.train[1]):,} training and {len(self.test[1]):,} test images "
            f"({self.folder})"
        )


def read_release(folder: Path, release: str) -> FashionMNIST:
    """Read and verify the four files of a release.

    Parameters
    ----------
    folder : Path
        Where they are, each as ``NAME.gz`` or, decompressed, as ``NAME``; links are followed.
    release : {"fashion-mnist", "sample"}
        What they have to be.

    Returns
    -------
    FashionMNIST
        The arrays.

    Raises
    ------
    DatasetError
        If a file is missing, unreadable or of any other content; the message names it.
    """
    with ThreadPoolExecutor() as pool:  # zlib and hashlib let go of the interpreter lock
        contents = list(pool.map(lambda file: read_verified_file(folder, file), RELEASES[release]))
    arrays = [
        numpy.frombuffer(content, numpy.uint8, offset=len(file.header))
        for file, content in zip(RELEASES[release], contents)
    ]
    train, test = (
        (images.reshape(-1, 28, 28), labels.astype(numpy.int32))
        for images, labels in (arrays[:2], arrays[2:])
    )
    return FashionMNIST(train, test, release, folder)


def load_fashion_mnist(dataset: str = "auto", data_dir: str | Path | None = None) -> FashionMNIST:
    """Find Fashion-MNIST, verify it, and read it into memory.

    Looked for, in this order: `data_dir` or else the environment variable ``D2L_MLP_DATA``,
    whose files must then be right; the folders that `d2l_mlp.data.fashion_mnist.search_places` gives;
    the network, into the first of them; the embedded sample.

    Parameters
    ----------
    dataset : {"auto", "fashion-mnist", "sample"}, default "auto"
        ``"auto"`` walks the whole list and gives up on an unreachable network within 5 s,
        ``"fashion-mnist"`` never takes the sample, ``"sample"`` takes nothing else. The
        environment variable ``D2L_MLP_DATASET`` stands in for ``"auto"``.
    data_dir : path, optional
        Folder with the four IDX files, gzipped or not, or with torchvision's
        ``FashionMNIST/raw`` or Keras's ``fashion-mnist`` in it. ``~`` is the home, also in
        ``D2L_MLP_DATA``. An environment variable that is empty counts as unset.

    Returns
    -------
    FashionMNIST
        60,000 training and 10,000 test examples, or 5,000 and 1,000 of the sample.

    Raises
    ------
    DatasetError
        If nothing usable is found, or if `data_dir` holds anything but the canonical files.
    """
    if dataset == "auto":
        dataset = os.environ.get("D2L_MLP_DATASET") or "auto"
    if data_dir is not None and not str(data_dir):
        raise DatasetError("the data's folder is empty text; name a folder, or leave it out")
    if dataset not in ("auto", *RELEASES):
        raise DatasetError(
            f"dataset {dataset!r} is not known; choose one of auto, {', '.join(RELEASES)}"
        )
    if dataset == "sample":
        if data_dir is not None:
            raise DatasetError(
                f"the sample is embedded and is not read from {data_dir}; leave out the folder"
            )
        return read_release(SAMPLE_DIR, "sample")
    named = data_dir or os.environ.get("D2L_MLP_DATA")
    if named:
        try:
            return read_release(named_folder(named), "fashion-mnist")
        except DatasetError as error:
            raise DatasetError(f"{error}; {DATA_REMEDY}") from None
    for folder in search_places().values():
        try:
            if has_files(folder, "fashion-mnist"):
                return read_release(folder, "fashion-mnist")
        except DatasetError as error:
            log.warning("passed over: %s", error)
    try:
        downloaded = download_release(cache_dir(), patience=4 if dataset == "auto" else 20)
        return read_release(downloaded, "fashion-mnist")
    except (DatasetError, DownloadError) as error:
        if dataset == "fashion-mnist":
            raise DatasetError(
                f"Fashion-MNIST is not on this machine and {error}; {DATA_REMEDY}"
            ) from None
        sample = read_release(SAMPLE_DIR, "sample")
        log.warning(
            "this is the embedded sample of Fashion-MNIST, %s training and %s test images, "
            "because the full set is not on this machine and %s; to train on all of it, %s",
            f"{len(sample.train[1]):,}", f"{len(sample.test[1]):,}", error, DATA_REMEDY,
        )  # fmt: skip
        return sample
