"""The folders in which Fashion-MNIST is looked for; this takes no NumPy."""

import logging
import os
from pathlib import Path
from typing import Dict, Union

from d2l_mlp.data.verified_files import DatasetError, has_files

log = logging.getLogger(__name__)

SYSTEM_DIR = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's and Ubuntu's package ``dataset-fashion-mnist`` puts the files."""

REMEDY = (
    "get it with `apt-get install dataset-fashion-mnist`, or put its four files into a folder "
    "and name that with --data-dir"
)
"""What to do where the full data set is not found."""


def searched() -> Dict[str, Path]:
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


def named(folder: Union[str, Path]) -> Path:
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


def _expanded(path: Union[str, Path]) -> Path:
    """Put the home in the place of ``~``."""
    try:
        return Path(path).expanduser()
    except (KeyError, RuntimeError):  # KeyError from Python 3.8
        raise DatasetError(f"{path} is nowhere: there is no such home (HOME is not set)") from None
