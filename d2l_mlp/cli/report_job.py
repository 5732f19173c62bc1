"""What the reporting command does: read the runs, find their data, and write the page."""

import argparse
import os
from pathlib import Path
from typing import Mapping, Sequence

from d2l_mlp.data import fashion_mnist
from d2l_mlp.data.reader import FashionMNIST
from d2l_mlp.pages.report import render
from d2l_mlp.runs.reader import SavedRun, load
from d2l_mlp.runtime import device
from d2l_mlp.runtime.folders import replace


def report(args: argparse.Namespace) -> None:
    """Do what the flags say; an error if the file exists and is not to be replaced."""
    output: Path = args.output
    if os.path.lexists(output) and not args.force:
        raise FileExistsError(
            f"{output} exists; name another file with -o, or replace it by --force"
        )
    context = device.choose(args.device)
    runs = [load(folder, context, best=args.best) for folder in args.runs]
    releases = {run.config["data"]["release"] for run in runs}
    data = {
        # The folder is for the full set, if there are runs of both.
        release: fashion_mnist.load(
            release, None if release == "sample" and len(releases) > 1 else args.data_dir
        )
        for release in sorted(releases)
    }
    write(runs, data, output)
    print(output)


def write(runs: Sequence[SavedRun], data: Mapping[str, FashionMNIST], output: Path) -> None:
    """Write the report of runs, or put it in the place of an older one.

    Parameters
    ----------
    runs : sequence of SavedRun
        At least one.
    data : mapping of str to FashionMNIST
        What they were trained on, by its release.
    output : Path
        The file.

    Raises
    ------
    DatasetError
        If a run was trained on other data.
    OSError
        If the file cannot be written.
    """
    page = render(runs, data).encode()
    try:
        replace(output, page)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{output} cannot be written ({reason}); name another file with -o") from None
