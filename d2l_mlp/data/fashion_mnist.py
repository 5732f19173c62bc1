"""Find Fashion-MNIST, wherever it is."""

import logging
import os
from pathlib import Path
from typing import Union

from d2l_mlp.data.canonical import RELEASES, SAMPLE_DIR
from d2l_mlp.data.download import DownloadError, fetch
from d2l_mlp.data.reader import DatasetError, FashionMNIST, has_files, read

log = logging.getLogger(__name__)

SYSTEM_DIR = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's and Ubuntu's package ``dataset-fashion-mnist`` puts the files."""

_REMEDY = (
    "get it with `apt-get install dataset-fashion-mnist`, or put its four files into a folder "
    "and name that with --data-dir"
)


def load(dataset: str = "auto", data_dir: Union[str, Path, None] = None) -> FashionMNIST:
    """Find Fashion-MNIST, verify it, and read it into memory.

    Looked for, in this order: `data_dir` or else the environment variable ``D2L_MLP_DATA``,
    whose files must then be right; `cache_dir`; Gluon's folder; the system package's folder;
    the network, into `cache_dir`; the embedded sample.

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
                f"the sample is embedded and is not read from {data_dir}; leave out the folder, "
                "or ask for the dataset fashion-mnist"
            )
        return read(SAMPLE_DIR, "sample")
    named = data_dir or os.environ.get("D2L_MLP_DATA")
    if named:
        try:
            return read(_layout(_expanded(named)), "fashion-mnist")
        except DatasetError as error:
            raise DatasetError(f"{error}; {_REMEDY}") from None
    folders = [SYSTEM_DIR]
    try:
        folders = [cache_dir(), _gluon_dir(), SYSTEM_DIR]
    except DatasetError as error:
        log.warning("passed over: %s", error)
    for folder in folders:
        try:
            if has_files(folder, "fashion-mnist"):
                return read(folder, "fashion-mnist")
        except DatasetError as error:
            log.warning("passed over: %s", error)
    try:
        return read(fetch(cache_dir(), patience=4 if dataset == "auto" else 20), "fashion-mnist")
    except (DatasetError, DownloadError) as error:
        if dataset == "fashion-mnist":
            raise DatasetError(
                f"Fashion-MNIST is not on this machine and {error}; {_REMEDY}"
            ) from None
        sample = read(SAMPLE_DIR, "sample")
        log.warning(
            "this is the embedded sample of Fashion-MNIST, %s training and %s test images, "
            "because the full set is not on this machine and %s; to train on all of it, %s",
            f"{len(sample.train[1]):,}", f"{len(sample.test[1]):,}", error, _REMEDY,
        )  # fmt: skip
        return sample


def _layout(folder: Path) -> Path:
    """Give the folder below one that other libraries were told to keep their data in."""
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
    return _gluon_dir().with_name("fashion-mnist-canonical")


def _gluon_dir() -> Path:
    # As mxnet.base.data_dir(), without importing MXNet.
    home = os.environ.get("MXNET_HOME")
    return (Path(home) if home else _expanded("~/.mxnet")) / "datasets" / "fashion-mnist"


def _expanded(path: Union[str, Path]) -> Path:
    """Put the home in the place of ``~``."""
    try:
        return Path(path).expanduser()
    except (KeyError, RuntimeError):  # KeyError from Python 3.8
        raise DatasetError(f"{path} is nowhere: there is no such home (HOME is not set)") from None
