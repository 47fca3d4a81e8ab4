"""Small images and labels that the tests of reading and writing share."""

import struct
import zlib

import numpy as np

from seco_core.scheme import load_scheme

CAMVID = load_scheme("camvid11")
LABELS = np.array([[0, 1, 2, 255], [10, 3, 3, 255]], dtype=np.uint8)


def raw_png(width, height, bits, color, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def pixels(shape=(6, 9, 3)):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
