"""Find Fashion-MNIST, verify it, and read it into memory. The search needs no NumPy."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from d2l_mlp.data.download import DownloadError, download_release
from d2l_mlp.data.releases import RELEASES, SAMPLE_DIR, DatasetError, has_files, read_verified_file
from d2l_mlp.files import expanded

if TYPE_CHECKING:
    import numpy

log = logging.getLogger(__name__)

SYSTEM_DIR = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's and Ubuntu's package ``dataset-fashion-mnist`` puts the files."""

DATA_REMEDY = (
    "get it with `apt-get install dataset-fashion-mnist`, or put its four files into a folder "
    "and name that with --data-dir or D2L_MLP_DATA"
)
"""What to do if the full data set is not found."""


class Place(NamedTuple):
    """A place where the data set was looked for; no contents and no problem: it is absent."""

    name: str  # such as "system package"
    folder: Path | None = None
    release: str = "fashion-mnist"
    contents: list[bytes] | None = None  # of the release's four files, verified
    problem: str = ""  # what is wrong with the files
    required: bool = False  # was asked for: no other place is searched


def search_data(dataset: str = "auto", data_dir: str | Path | None = None) -> Iterator[Place]:
    """Look for the data set on this machine, one place after another.

    A folder that is named, and the sample if it is asked for, are the only place then. The network,
    and the sample as what is left, come after these places and are the caller's. A DatasetError
    says that the arguments, those of `load_fashion_mnist`, name no data set.
    """
    if dataset == "auto":
        dataset = os.environ.get("D2L_MLP_DATASET") or "auto"
    if dataset not in ("auto", *RELEASES):
        raise DatasetError(f"dataset {dataset!r} is not known; choose auto, {', '.join(RELEASES)}")
    if data_dir is not None and dataset == "sample":
        raise DatasetError(f"the sample is embedded; leave out the folder {str(data_dir)!r}")
    if data_dir is not None and not str(data_dir):
        raise DatasetError("the data's folder is empty text; name a folder, or leave it out")
    named = data_dir or os.environ.get("D2L_MLP_DATA")
    if dataset == "sample":
        yield _look("embedded sample", lambda: SAMPLE_DIR, "sample", required=True)
    elif named:
        name = str(data_dir) if data_dir else "$D2L_MLP_DATA"
        yield _look(name, lambda: _named_folder(named), required=True)
    else:
        yield _look("our cache", cache_dir)
        yield _look("Gluon's folder", gluon_dir)
        yield _look("system package", lambda: SYSTEM_DIR)


def _look(
    name: str, where: Callable[[], Path], release: str = "fashion-mnist", required: bool = False
) -> Place:
    """Read and verify the files of a release in one place."""
    place = Place(name, release=release, required=required)
    try:
        place = place._replace(folder=(folder := where()))
        if required or has_files(folder, release):
            return place._replace(contents=_contents(folder, release))
        return place
    except ValueError as error:
        return place._replace(problem=str(error))


def _contents(folder: Path, release: str) -> list[bytes]:
    with ThreadPoolExecutor() as pool:  # zlib and hashlib release the interpreter lock
        return list(pool.map(lambda file: read_verified_file(folder, file), RELEASES[release]))


def _named_folder(folder: str | Path) -> Path:
    """Return a named folder, or the one in it where torchvision or Keras keeps the files."""
    folder = expanded(folder)
    for place in (folder, folder / "FashionMNIST" / "raw", folder / "fashion-mnist"):
        if has_files(place, "fashion-mnist"):
            return place
    return folder


def cache_dir() -> Path:
    """Return the folder of our downloads. Gluon would replace these files in its own folder."""
    return gluon_dir().with_name("fashion-mnist-canonical")


def gluon_dir() -> Path:
    """Return the folder of Gluon's download, as ``mxnet.base.data_dir()`` does, without MXNet."""
    return expanded(os.environ.get("MXNET_HOME") or "~/.mxnet") / "datasets" / "fashion-mnist"


class FashionMNIST(NamedTuple):
    """The data set in memory.

    Attributes
    ----------
    train, test : tuple of numpy.ndarray
        Images, uint8 of shape (n, 28, 28), and labels, int32 of shape (n,).
    release : {"fashion-mnist", "sample"}
        The canonical release, or the embedded sample.
    folder : Path
        Where the files were read.
    """

    train: tuple[numpy.ndarray, numpy.ndarray]
    test: tuple[numpy.ndarray, numpy.ndarray]
    release: str
    folder: Path

    @property
    def sha256(self) -> dict[str, str]:
        """SHA-256 of each file's decompressed content, by file name."""
        return {file.name: file.sha256 for file in RELEASES[self.release]}

    def describe(self) -> str:
        """Return the name, the number of images and the folder in half a line."""
        name = {"fashion-mnist": "Fashion-MNIST", "sample": "sample of Fashion-MNIST"}[self.release]
        return (
            f"{name}, {len(self.train[1]):,} training and {len(self.test[1]):,} test images "
            f"({self.folder})"
        )


def read_release(folder: Path, release: str) -> FashionMNIST:
    """Read the four files of a release; raise a DatasetError if one is not verified."""
    return _to_arrays(_contents(folder, release), folder, release)


def _to_arrays(contents: list[bytes], folder: Path, release: str) -> FashionMNIST:
    import numpy

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

    Searched in this order: `data_dir` or else the environment variable ``D2L_MLP_DATA``, whose
    files must then be right; our cache and Gluon's folder in MXNet's data folder (``MXNET_HOME``,
    by default ``~/.mxnet``); the system package; the network, into our cache; the embedded sample.

    Parameters
    ----------
    dataset : {"auto", "fashion-mnist", "sample"}, default "auto"
        ``"auto"`` searches the whole list and gives up on an unreachable network within 5 s,
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
    for place in search_data(dataset, data_dir):
        if place.contents and place.folder:
            return _to_arrays(place.contents, place.folder, place.release)
        if place.required:
            fix = "" if place.release == "sample" else f"; {DATA_REMEDY}"
            raise DatasetError(place.problem + fix)
        if place.problem:
            log.warning("passed over: %s", place.problem)
    full = "fashion-mnist" in (dataset, os.environ.get("D2L_MLP_DATASET"))
    try:
        return read_release(download_release(cache_dir(), 20 if full else 4), "fashion-mnist")
    except (ValueError, DownloadError) as error:
        if full:
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
