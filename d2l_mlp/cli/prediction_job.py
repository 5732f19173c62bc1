"""What the predicting command does: read the run, then one image after the other, and tell."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy
from PIL import Image

from d2l_mlp.cli.command import SaidError, check_delivered
from d2l_mlp.hardware.devices import choose_device
from d2l_mlp.inference.prediction import (
    Prediction,
    predict_image,
    prepare_image,
    read_image,
    squeeze,
)
from d2l_mlp.runs.reader import load_run

_PREVIEW = (400, 400)  # pixels of an original in the picture
_TITLE = 32  # characters of a file's name there


def predict(args: argparse.Namespace, prog: str) -> None:
    """Do what the flags say; an error in a file is said, and the others are still done."""
    run = load_run(args.run, choose_device(args.device), best=args.best)
    told: list[dict[str, Any]] = []
    shown: list[tuple[Image.Image, numpy.ndarray, numpy.ndarray, str]] = []
    for path in args.images:
        try:
            image = read_image(path)
            pixels = (squeeze if args.as_is else prepare_image)(image)
        except ValueError as error:
            print(f"{prog}: error: {path} {error}", file=sys.stderr)
            told.append({"image": str(path), "error": str(error)})
            continue
        prediction = predict_image(run.net, pixels)
        told.append(_told(str(path), prediction))
        if not args.json:
            print(f"{path}: {prediction}", flush=True)
        image.thumbnail(_PREVIEW)
        shown.append((image, pixels, prediction.probabilities, path.name[-_TITLE:]))
    if args.json:
        about = {"run": str(run.folder), "epoch": run.epoch}
        print(json.dumps({**about, "predictions": told}, indent=2))
    if args.show and shown:
        from d2l_mlp.plotting.predictions import plot_seen
        from d2l_mlp.plotting.style import save_figure

        try:
            save_figure(plot_seen(*zip(*shown)), args.show)
        except OSError as error:
            raise OSError(f"cannot write '{args.show}': {error.strerror}") from error
    check_delivered()
    if len(shown) < len(args.images):
        raise SaidError


def _told(path: str, prediction: Prediction) -> dict[str, Any]:
    return {
        "image": path,
        "label": prediction.label,
        "class": prediction.name,
        "probabilities": prediction.by_class(),
    }
