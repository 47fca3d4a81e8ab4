from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seco_core.png import SIGNATURE, joined_png


def in_pieces(image: Image.Image, size: int) -> bytes:
    """A PNG file with its pixels in pieces of so many bytes."""
    file = io.BytesIO()
    image.save(file, "PNG")
    content, at, chunks, pixels = file.getvalue(), len(SIGNATURE), [], b""
    while at < len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind == b"IDAT":
            pixels += content[at + 8 : at + 8 + length]
        else:
            chunks.append(content[at : at + 12 + length])
        at += 12 + length
    chunks[-1:-1] = [
        struct.pack(">I", len(part)) + b"IDAT" + part + struct.pack(">I", zlib.crc32(b"IDAT" + part))
        for part in (pixels[i : i + size] for i in range(0, len(pixels), size))
    ]
    return SIGNATURE + b"".join(chunks)


def noise(mode: str) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    image = Image.fromarray(values)
    return image.quantize(16) if mode == "P" else image.convert(mode)


@given(mode=st.sampled_from(["RGB", "L", "P", "RGBA", "1"]), size=st.integers(1, 500))
def test_the_picture_stays_and_is_in_one_piece(mode: str, size: int):
    image = noise(mode)
    joined = joined_png(in_pieces(image, size))
    assert joined.count(b"IDAT") == 1
    with Image.open(io.BytesIO(joined)) as again:
        again.verify()  # checks what each piece says of itself
    with Image.open(io.BytesIO(joined)) as again:
        assert again.mode == image.mode
        assert np.array_equal(np.asarray(again), np.asarray(image))


def decoded(content: bytes) -> tuple[int, ...] | str:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return tuple(np.asarray(image).ravel().tolist())
    except (OSError, SyntaxError, struct.error) as error:
        return type(error).__name__


@given(st.data())
def test_a_file_that_is_cut_off_fails_as_it_would(data: st.DataObject):
    content = in_pieces(noise("RGB"), 50)
    cut = content[: data.draw(st.integers(len(SIGNATURE), len(content) - 1))]
    assert decoded(joined_png(cut)) == decoded(cut)
