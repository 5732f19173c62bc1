"""What the predicting command does: read the run, then one image after the other, and tell."""

import argparse
import json
import sys
from typing import Any, Dict, List, Tuple

import numpy
from PIL import Image

from d2l_mlp.cli.signals import SaidError
from d2l_mlp.cli.streams import check_delivered
from d2l_mlp.runs.reader import load
from d2l_mlp.runtime import device
from d2l_mlp.use.image_files import read
from d2l_mlp.use.prediction import Prediction, predict_image
from d2l_mlp.use.preparation import prepare, squeeze

_PREVIEW = (400, 400)  # pixels of an original in the picture
_TITLE = 32  # characters of a file's name there


def predict(args: argparse.Namespace, prog: str) -> None:
    """Do what the flags say; an error in a file is said, and the others are still done."""
    run = load(args.run, device.choose(args.device), best=args.best)
    told: List[Dict[str, Any]] = []
    shown: List[Tuple[Image.Image, numpy.ndarray, numpy.ndarray, str]] = []
    for path in args.images:
        try:
            image = read(path)
            pixels = (squeeze if args.as_is else prepare)(image)
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
        from d2l_mlp.plotting.savefig import save_figure
        from d2l_mlp.plotting.seen import plot_seen

        try:
            save_figure(plot_seen(*zip(*shown)), args.show)
        except OSError as error:
            raise OSError(f"cannot write '{args.show}': {error.strerror}") from error
    check_delivered()
    if len(shown) < len(args.images):
        raise SaidError


def _told(path: str, prediction: Prediction) -> Dict[str, Any]:
    return {
        "image": path,
        "label": prediction.label,
        "class": prediction.name,
        "probabilities": prediction.by_class(),
    }
