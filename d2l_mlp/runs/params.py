"""Gluon's parameter files, written byte by byte.

MXNet's own function may report success for a file that a full disk has cut off.
"""

from __future__ import annotations

import struct

import numpy

DTYPE = numpy.dtype("<f4")


def dump_parameters(arrays: dict[str, numpy.ndarray]) -> bytes:
    """Return what ``net.save_parameters`` writes on a CPU, for arrays by Gluon's names."""
    parts = [struct.pack("<3Q", 0x112, 0, len(arrays))]  # magic number, reserved, count
    for name, array in arrays.items():
        if array.dtype != DTYPE:
            raise TypeError(f"{name} is of {array.dtype}; only float32 can be saved")
        # Magic number, dense, shape, device cpu(0), float32.
        header = (0xF993FACA, 0, array.ndim, *array.shape, 1, 0, 0)
        parts += [struct.pack(f"<IiI{array.ndim}q3i", *header), array.tobytes()]
    parts.append(struct.pack("<Q", len(arrays)))
    for name in arrays:
        parts += [struct.pack("<Q", len(name.encode())), name.encode()]
    return b"".join(parts)
