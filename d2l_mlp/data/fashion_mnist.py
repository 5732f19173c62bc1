"""Find Fashion-MNIST, wherever it is."""

import logging
import os
from pathlib import Path
from typing import Union

from d2l_mlp.data import places
from d2l_mlp.data.canonical import RELEASES, SAMPLE_DIR
from d2l_mlp.data.download import DownloadError, fetch
from d2l_mlp.data.reader import FashionMNIST, read
from d2l_mlp.data.verified_files import DatasetError, has_files

log = logging.getLogger(__name__)


def load(dataset: str = "auto", data_dir: Union[str, Path, None] = None) -> FashionMNIST:
    """Find Fashion-MNIST, verify it, and read it into memory.

    Looked for, in this order: `data_dir` or else the environment variable ``D2L_MLP_DATA``,
    whose files must then be right; the folders that `d2l_mlp.data.places.searched` gives;
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
        return read(SAMPLE_DIR, "sample")
    named = data_dir or os.environ.get("D2L_MLP_DATA")
    if named:
        try:
            return read(places.named(named), "fashion-mnist")
        except DatasetError as error:
            raise DatasetError(f"{error}; {places.REMEDY}") from None
    for folder in places.searched().values():
        try:
            if has_files(folder, "fashion-mnist"):
                return read(folder, "fashion-mnist")
        except DatasetError as error:
            log.warning("passed over: %s", error)
    try:
        downloaded = fetch(places.cache_dir(), patience=4 if dataset == "auto" else 20)
        return read(downloaded, "fashion-mnist")
    except (DatasetError, DownloadError) as error:
        if dataset == "fashion-mnist":
            raise DatasetError(
                f"Fashion-MNIST is not on this machine and {error}; {places.REMEDY}"
            ) from None
        sample = read(SAMPLE_DIR, "sample")
        log.warning(
            "this is the embedded sample of Fashion-MNIST, %s training and %s test images, "
            "because the full set is not on this machine and %s; to train on all of it, %s",
            f"{len(sample.train[1]):,}", f"{len(sample.test[1]):,}", error, places.REMEDY,
        )  # fmt: skip
        return sample
