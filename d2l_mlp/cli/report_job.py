"""What the reporting command does: read the runs, find their data, and write the page."""

import argparse
from pathlib import Path
from typing import Any, Sequence

from d2l_mlp.data import fashion_mnist
from d2l_mlp.pages.report import render
from d2l_mlp.runs.reader import SavedRun, load
from d2l_mlp.runtime import device
from d2l_mlp.runtime.folders import replace


def report(args: argparse.Namespace) -> None:
    """Do what the flags say."""
    output: Path = args.output
    if output.exists() and not args.force:
        raise FileExistsError(
            f"{output} exists; name another file with -o, or replace it by --force"
        )
    context = device.choose(args.device)
    runs = [load(folder, context, best=args.best) for folder in args.runs]
    write(runs, output, args.data_dir)
    print(output)


def write(runs: Sequence[SavedRun], output: Path, data_dir: Any = None) -> None:
    """Write the report of runs, or put it in the place of an older one.

    Parameters
    ----------
    runs : sequence of SavedRun
        At least one.
    output : Path
        The file.
    data_dir : path, optional
        Folder of the full data set; by default it is searched for.

    Raises
    ------
    DatasetError
        If the data that a run was trained on are not found.
    OSError
        If the file cannot be written.
    """
    releases = {run.config["data"]["release"] for run in runs}
    data = {
        release: fashion_mnist.load(release, None if release == "sample" else data_dir)
        for release in sorted(releases)
    }
    page = render(runs, data).encode()
    try:
        replace(output, page)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{output} cannot be written ({reason}); name another file with -o") from None
