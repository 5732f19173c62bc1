"""Draw the embedded sample from the full Fashion-MNIST: ``python -m d2l_mlp.data.sample.make``.

Kept so that anybody can see, and repeat, how the four files beside it came to be.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import numpy

from d2l_mlp.data.fashion_mnist import FashionMNIST, load_fashion_mnist
from d2l_mlp.data.releases import CLASSES, SAMPLE, SAMPLE_DIR

SEED = 2019  # any number: it only has to stay


def draw_sample(full: FashionMNIST) -> dict[str, bytes]:
    """Draw equally many images of each class, keeping their order; return the files' contents."""
    # RandomState's stream is frozen (NEP 19): the draw is the same under every NumPy.
    random = numpy.random.RandomState(SEED)
    contents = {}
    for images_file, labels_file, (images, labels) in zip(
        SAMPLE[::2], SAMPLE[1::2], (full.train, full.test)
    ):
        each = images_file.num_items // len(CLASSES)
        of_each = [
            random.choice(numpy.flatnonzero(labels == label), each, replace=False)
            for label in range(len(CLASSES))
        ]
        rows = numpy.sort(numpy.concatenate(of_each))
        contents[images_file.name] = images_file.header + images[rows].tobytes()
        contents[labels_file.name] = labels_file.header + labels[rows].astype("uint8").tobytes()
    return contents


def main() -> None:
    """Write the four .gz files."""
    parser = argparse.ArgumentParser(prog="python -m d2l_mlp.data.sample.make", description=__doc__)
    parser.add_argument("--data-dir", help="folder of the full data set (default: search for it)")
    parser.add_argument("--output", type=Path, default=SAMPLE_DIR)
    args = parser.parse_args()
    for name, content in draw_sample(load_fashion_mnist("fashion-mnist", args.data_dir)).items():
        # mtime=0: the same bytes each time.
        path = args.output / f"{name}.gz"
        path.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
