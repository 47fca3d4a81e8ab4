"""Reading the rasters users have: how files are opened safely, and images.

The only place that decodes such files; class maps (`label_files`) and confidence maps (`confidence_files`)
are read through it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from seco_core.errors import ImageFileError, LabelError, SecoError
from seco_core.png import SIGNATURE, joined_png

MAX_PIXELS = 2**30
"""Most pixels that a file may claim to have (32768 x 32768); more is taken for a damaged or hostile file."""

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
"""What Pillow may decode. Others stay shut: its PostScript reader, for one, runs a program."""

if Image.MAX_IMAGE_PIXELS is not None:
    # Pillow warns above its limit (a 9000 x 10000 aerial image) and fails above twice the limit
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, 2 * MAX_PIXELS)

SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
"""Pillow's modes of such pixels."""

_ASPECT_TOLERANCE = 0.02
_UNREADABLE = "Replace the file with an intact one, or take it out of the dataset."


def read_image(path: Path | str) -> NDArray[np.uint8]:
    """Read an image as RGB.

    Grey and palette images become RGB, alpha is dropped, of 16 bits the upper 8 are kept. An EXIF orientation
    is not applied: labels are made for the pixels as they are stored.

    Parameters
    ----------
    path : path-like
        A PNG, JPEG, TIFF, BMP or WebP file.

    Returns
    -------
    ndarray of uint8, (H, W, 3)
        Red, green, blue.

    Raises
    ------
    ImageFileError
        If the file is missing, damaged, cut off, larger than `MAX_PIXELS`, or holds floating-point pixels.
    """
    path = Path(path)
    with opened(path) as image:
        if image.mode == "F":
            raise ImageFileError(
                "has floating-point pixels, whose range is unknown.", path=path, remedy="Save it with 8 bits."
            )
        if image.mode in SIXTEEN_BIT:
            grey = (np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        return np.array(image if image.mode == "RGB" else image.convert("RGB"))


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open an image file of one of `FORMATS` and at most `MAX_PIXELS`; errors are as for `read_image`."""
    with decoding(path), path.open("rb") as file, Image.open(_joined(file), formats=FORMATS) as image:
        if image.format in ("PNG", "JPEG"):
            image.decodermaxblock = path.stat().st_size  # decoded in one go, see `joined_png`
        if image.width * image.height > MAX_PIXELS:
            raise ImageFileError(
                f"says it is {image.width} x {image.height} pixels, more than SeCo reads.",
                path=path,
                remedy="Cut it into tiles.",
            )
        yield image


def _joined(file: BinaryIO) -> BinaryIO:
    """A file to decode; a PNG with its pixels in one piece."""
    is_png = file.read(len(SIGNATURE)) == SIGNATURE
    file.seek(0)
    return io.BytesIO(joined_png(file.read())) if is_png else file


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Make `ImageFileError` of whatever a decoder makes of a file."""
    try:
        yield
    except SecoError:
        raise
    except FileNotFoundError as error:
        raise ImageFileError("does not exist.", path=path, remedy="Check the dataset's paths.") from error
    except PermissionError as error:
        raise ImageFileError("may not be read.", path=path, remedy="Change its permissions.") from error
    except UnidentifiedImageError as error:
        raise ImageFileError(
            f"is no image of a kind that SeCo reads ({', '.join(FORMATS)}).", path=path, remedy=_UNREADABLE
        ) from error
    # damaged files make decoders fail in every way: OSError, SyntaxError, struct.error, KeyError and more
    except Exception as error:
        raise ImageFileError(
            f"cannot be read ({type(error).__name__}: {error}).", path=path, remedy=_UNREADABLE
        ) from error


def load_array(path: Path) -> NDArray[Any]:
    """Read an NPY file, or the one array of an NPZ file that can be meant."""
    with decoding(path):
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        with content:
            names = content.files
            for name in names if len(names) == 1 else ("confidence", "conf"):
                if name in names:
                    return content[name]
    raise LabelError(
        f"has the arrays {', '.join(names) or 'none'}.",
        path=path,
        remedy="Save one array, or name the one to use confidence.",
    )


def check_proportions(given: tuple[int, ...], wanted: tuple[int, int], path: Path) -> None:
    """Refuse a map whose proportions are not an image's.

    Raises
    ------
    LabelError
        If they differ by more than 2 %.
    """
    (h, w), (H, W) = given, wanted
    difference = abs(math.log(w / h) - math.log(W / H))
    # each side of the smaller map was rounded by up to half a pixel
    rounding = 0.5 / min(w, W) + 0.5 / min(h, H)
    if difference > math.log1p(_ASPECT_TOLERANCE) + rounding:
        raise LabelError(
            f"has the wrong size: {w} x {h} pixels do not fit an image of {W} x {H}.",
            path=path,
            remedy="Give it the image's size, or the same proportions.",
        )
