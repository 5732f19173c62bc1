"""The publisher's files, made of the distribution's."""

import struct

from d2l_mlp.data.fashion_mnist import SYSTEM_DIR

# MD5 of the compressed files in the publisher's README, and the time their gzip headers carry.
PUBLISHED = {
    "train-images-idx3-ubyte": ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 1504176606),
    "train-labels-idx1-ubyte": ("25c81989df183df01b3e8a0aad5dffbe", 1504176606),
    "t10k-images-idx3-ubyte": ("bef4ecab320f06d8554ea6380940ec79", 1504176627),
    "t10k-labels-idx1-ubyte": ("bb300cfdad3c16e7a12a480ee83cd310", 1504176627),
}


def published(name):
    """The publisher's file, from the distribution's, which differs in its gzip header only."""
    header = b"\x1f\x8b\x08\x08" + struct.pack("<I", PUBLISHED[name][1]) + b"\x00\x03"
    return header + name.encode() + b"\0" + (SYSTEM_DIR / f"{name}.gz").read_bytes()[10:]
