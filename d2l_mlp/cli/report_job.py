"""What the reporting command does: read the runs, find their data, and write the page."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from d2l_mlp.data.fashion_mnist import FashionMNIST, load_fashion_mnist
from d2l_mlp.files import write_atomically
from d2l_mlp.hardware.devices import choose_device
from d2l_mlp.pages.report import render_report
from d2l_mlp.runs.reader import SavedRun, load_run


def report(args: argparse.Namespace) -> None:
    """Do what the flags say; an error if the file exists and is not to be replaced."""
    output: Path = args.output
    if os.path.lexists(output) and not args.force:
        raise FileExistsError(
            f"{output} exists; name another file with -o, or replace it by --force"
        )
    context = choose_device(args.device)
    runs = [load_run(folder, context, best=args.best) for folder in args.runs]
    releases = {run.config["data"]["release"] for run in runs}
    data = {
        # The folder is for the full set, if there are runs of both.
        release: load_fashion_mnist(
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
    page = render_report(runs, data).encode()
    try:
        write_atomically(output, page)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{output} cannot be written ({reason}); name another file with -o") from None
