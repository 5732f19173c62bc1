"""Predict the classes of images: ``python -m d2l_mlp.predict RUN IMAGE...``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from d2l_mlp.cli.command import SaidError, Signals, check_delivered, run_command, say
from d2l_mlp.cli.flags import Parser, add_device_flag, add_epoch_flags, output_type, path_type
from d2l_mlp.files import printable
from d2l_mlp.plotting.style import FORMATS

PROG = "python -m d2l_mlp.predict"

_SUFFIXES = tuple(f".{name}" for name in FORMATS)
_THUMBNAIL = (400, 400)  # pixels of an image in the figure
_TITLE = 32  # characters of a file's name there


def parser() -> Parser:
    """Return the parser of the command line."""
    p = Parser(
        prog=PROG,
        description="Predict the classes of images with the net of a run, which may still be "
        "training, and print each image's class and the probabilities that are at least 0.01.",
        epilog="An image is prepared like those of Fashion-MNIST, by the steps that the data "
        "set's publisher describes (arXiv:1708.07747, section 2): converted to grey; inverted if "
        "its border is light; cropped to what differs from the background, which noise, specks and "
        "uneven light do not hide, by more than 5 %; subsampled "
        "so that its longest edge has 28 pixels; sharpened; centred on 28 x 28 pixels. An image of "
        "28 x 28 pixels is only converted to grey, and inverted if its border is light. "
        "Where it has transparent pixels, the others are the article.",
    )
    # fmt: off
    add = p.add_argument
    add("run", metavar="RUN", type=path_type, help="folder of the run")
    add_epoch_flags(p)
    add("images", metavar="IMAGE", type=path_type, nargs="+",
        help="file that Pillow reads, or a folder of such files")
    add("--as-is", action="store_true", help="only convert images to grey and 28 x 28 pixels")
    add("--show", type=output_type(*_SUFFIXES), metavar="FILE",
        help=f"draw each image, as given and as prepared, and its probabilities "
        f"({', '.join(_SUFFIXES)})")
    add_device_flag(p)
    add("--json", action="store_true", help="print JSON, with the probability of every class")
    # fmt: on
    return p


def read_flags(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; wrong flags exit with the code 2."""
    p = parser()
    args = p.parse_args(argv)
    args.images = list(_files(args.images))
    if not args.images:
        p.error("no file in the folder has the name of an image; name files")
    if args.show and os.path.realpath(args.show) in map(os.path.realpath, args.images):
        p.error(f"--show {args.show} would replace an image; name another file")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_command(PROG, lambda signals: _predict(read_flags(argv), signals))


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield files, those of a folder by name, as far as their names are those of images."""
    from PIL import Image

    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 (never raises)
            suffixes = {*Image.registered_extensions(), ".heic"}  # which needs a package
            yield from sorted(file for file in path.iterdir() if file.suffix.lower() in suffixes)
        else:
            yield path


def _predict(args: argparse.Namespace, signals: Signals) -> None:
    """Predict each image; a file that cannot be read gets a line, and the others are predicted."""
    with signals.deferred():
        from d2l_mlp.hardware.devices import choose_device
        from d2l_mlp.inference.prediction import (
            predict_image,
            prepare_image,
            read_image,
            resize_image,
        )
        from d2l_mlp.runs.reader import load_run
    run = load_run(args.run, choose_device(args.device), best=args.best)
    if run.epoch < len(run.history) and not args.json:
        say(f"run       {run.describe()}")
    outcomes: list[dict[str, Any]] = []
    drawn: list[tuple[Any, ...]] = []
    for path in args.images:
        try:
            image = read_image(path)
            pixels = (resize_image if args.as_is else prepare_image)(image)
        except ValueError as error:
            say(f"{PROG}: error: {path} {error}", file=sys.stderr)
            outcomes.append({"image": str(path), "error": str(error)})
            continue
        prediction = predict_image(run.net, pixels)
        outcomes.append({
            "image": str(path),
            "label": prediction.label,
            "class": prediction.name,
            "probabilities": prediction.by_class(),
        })  # fmt: skip
        if not args.json:
            say(f"{path}: {prediction}")
        image.thumbnail(_THUMBNAIL)
        drawn.append((image, pixels, prediction.probabilities, printable(path.name)[-_TITLE:]))
    if args.json:
        about = {"run": str(run.folder), "epoch": run.epoch}
        print(json.dumps({**about, "predictions": outcomes}, indent=2, allow_nan=False))
    if args.show and drawn:
        from d2l_mlp.plotting.predictions import plot_seen
        from d2l_mlp.plotting.style import save_figure

        save_figure(plot_seen(*zip(*drawn)), args.show)
    check_delivered()
    if len(drawn) < len(outcomes):
        raise SaidError


if __name__ == "__main__":
    sys.exit(main())
