"""Gluon's parameter files, written and read byte by byte.

What ``net.save_parameters`` writes and ``net.load_parameters`` reads, without MXNet: that may
report success for a file cut off by a full disk, and reads whatever it is given, in native code,
over the parameters in use. Here a file is the bytes in memory, and one that is not exactly what
would be written for the arrays asked for is refused.
"""

from __future__ import annotations

import math
import struct

import numpy

DTYPE = numpy.dtype("<f4")

_HEADER = "<IiI{}q3i"  # of an array, with the number of its dimensions

# Little-endian: the list's magic number and a reserved 0, before the number of arrays.
_LIST = struct.pack("<2Q", 0x112, 0)


def _header(shape: tuple[int, ...]) -> bytes:
    """Give what precedes an array: magic number, dense, shape, cpu(0), float32."""
    return struct.pack(_HEADER.format(len(shape)), 0xF993FACA, 0, len(shape), *shape, 1, 0, 0)


def file_size(shapes: dict[str, tuple[int, ...]]) -> int:
    """Give the bytes of a parameter file that holds arrays of these shapes, by name."""
    size = len(dump_parameters({}))
    for name, shape in shapes.items():
        header = struct.calcsize(_HEADER.format(len(shape)))
        size += header + math.prod(shape) * DTYPE.itemsize + 8 + len(name.encode())
    return size


def dump_parameters(arrays: dict[str, numpy.ndarray]) -> bytes:
    """Give the content of a parameter file.

    Parameters
    ----------
    arrays : dict of numpy.ndarray
        float32, of at least one dimension, by Gluon's structural name, such as ``"0.weight"``.

    Returns
    -------
    bytes
        The same as in the file that ``net.save_parameters`` writes on a CPU.

    Raises
    ------
    TypeError
        If an array has another dtype.
    """
    parts = [_LIST, struct.pack("<Q", len(arrays))]
    for name, array in arrays.items():
        if array.dtype != DTYPE:
            raise TypeError(f"{name} is of {array.dtype}; only float32 can be saved")
        parts += [_header(array.shape), array.tobytes()]
    parts.append(struct.pack("<Q", len(arrays)))
    for name in arrays:
        parts += [struct.pack("<Q", len(name.encode())), name.encode()]
    return b"".join(parts)


def load_parameters(raw: bytes, shapes: dict[str, tuple[int, ...]]) -> dict[str, numpy.ndarray]:
    """Read the content of a parameter file.

    Parameters
    ----------
    raw : bytes
        The content.
    shapes : dict of tuple
        The arrays that it has to hold, in their order: shape by name.

    Returns
    -------
    dict of numpy.ndarray
        float32, by name.

    Raises
    ------
    ValueError
        If it holds anything else, or a number that is not finite.
    """
    arrays, position = {}, len(_LIST) + 8
    for name, shape in shapes.items():
        start = position + len(_header(shape))
        end = start + math.prod(shape) * DTYPE.itemsize
        if raw[position:start] != _header(shape) or len(raw) < end:
            raise ValueError(f"does not hold {name} of shape {shape}, float32, at byte {position}")
        arrays[name] = numpy.frombuffer(raw[start:end], DTYPE).reshape(shape)
        if not numpy.isfinite(arrays[name]).all():
            raise ValueError(f"has a number in {name} that is NaN or infinite")
        position = end
    if raw != dump_parameters(arrays):
        raise ValueError(f"does not hold exactly the arrays {', '.join(shapes) or '(none)'}")
    return arrays
