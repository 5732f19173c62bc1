"""Read a release of Fashion-MNIST into memory."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, NamedTuple, Tuple

import numpy

from d2l_mlp.data.canonical import RELEASES
from d2l_mlp.data.verified_files import read_file


class FashionMNIST(NamedTuple):
    """The data set in memory."""

    train: Tuple[numpy.ndarray, numpy.ndarray]
    """Images, uint8 of shape (n, 28, 28), and labels, int32 of shape (n,)."""
    test: Tuple[numpy.ndarray, numpy.ndarray]
    release: str
    """``"fashion-mnist"``, the canonical release, or ``"sample"``, the embedded one."""
    folder: Path
    """Where the files were read."""

    @property
    def sha256(self) -> Dict[str, str]:
        """SHA-256 of each file's decompressed content, by file name."""
        return {file.name: file.sha256 for file in RELEASES[self.release]}

    def describe(self) -> str:
        """Say what it is and where it was read, in half a line."""
        name = {"fashion-mnist": "Fashion-MNIST", "sample": "sample of Fashion-MNIST"}[self.release]
        return (
            f"{name}, {len(self.train[1]):,} training and {len(self.test[1]):,} test images "
            f"({self.folder})"
        )


def read(folder: Path, release: str) -> FashionMNIST:
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
        contents = list(pool.map(lambda file: read_file(folder, file), RELEASES[release]))
    arrays = [
        numpy.frombuffer(content, numpy.uint8, offset=len(file.header))
        for file, content in zip(RELEASES[release], contents)
    ]
    train, test = (
        (images.reshape(-1, 28, 28), labels.astype(numpy.int32))
        for images, labels in (arrays[:2], arrays[2:])
    )
    return FashionMNIST(train, test, release, folder)
