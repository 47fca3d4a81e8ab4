"""PNG files brought into a form that is decoded in one go."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""How a PNG file begins."""
_HEAD = struct.Struct(">I4s")


def joined_png(content: bytes) -> bytes:
    """Join the pieces that the pixels of a PNG file are stored in.

    Most programs store them in pieces of 8 KiB. Pillow decodes one at a time and hands over Python's lock for
    each: beside a busy thread a file of 4.5 MB then takes 0.5 to 2.8 s in place of 0.07 s.

    Parameters
    ----------
    content : bytes
        A PNG file.

    Returns
    -------
    bytes
        The same picture with its pixels in one piece; the content itself if there is nothing to join, or if
        it is damaged or cut off, for the decoder to say how.

    Examples
    --------
    >>> piece = struct.pack(">I4s", 2, b"IDAT") + b"ab" + struct.pack(">I", zlib.crc32(b"IDATab"))
    >>> joined_png(SIGNATURE + piece + piece)[8:-4]
    b'\\x00\\x00\\x00\\x04IDATabab'
    """
    view = memoryview(content)
    pieces: list[memoryview] = []
    at = begin = len(SIGNATURE)
    while at + _HEAD.size <= len(content):
        size, kind = _HEAD.unpack_from(content, at)
        if kind == b"IDAT":
            pieces.append(view[at + _HEAD.size : at + _HEAD.size + size])
        elif pieces:
            break
        at += _HEAD.size + size + 4  # a checksum follows
        if not pieces:
            begin = at
    if len(pieces) < 2 or at > len(content):
        return content
    pixels = b"".join(pieces)
    checksum = zlib.crc32(pixels, zlib.crc32(b"IDAT"))
    head = _HEAD.pack(len(pixels), b"IDAT")
    return b"".join([view[:begin], head, pixels, struct.pack(">I", checksum), view[at:]])
