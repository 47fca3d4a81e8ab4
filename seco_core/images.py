"""Reading and writing the rasters users have: images, class maps and confidence maps.

The only place that decodes or encodes such files. Inside SeCo a class map is uint8 (H, W) with `IGNORE` (255)
where there is no label; the scheme's own ignore id is translated here.
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
from PIL import Image, ImageFile, UnidentifiedImageError

from seco_core.errors import ForeignIdsError, ImageFileError, LabelError, SecoError
from seco_core.files import write_bytes
from seco_core.label_codes import labels_from_colors, labels_from_ids, to_scheme_ids
from seco_core.png import SIGNATURE, joined_png
from seco_core.scheme import IGNORE, ClassScheme

MAX_PIXELS = 2**30
"""Most pixels that a file may claim to have (32768 x 32768); more is taken for a damaged or hostile file."""

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
"""What Pillow may decode. Others stay shut: its PostScript reader, for one, runs a program."""

if Image.MAX_IMAGE_PIXELS is not None:
    # Pillow warns above its limit (a 9000 x 10000 aerial image) and fails above twice the limit
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, 2 * MAX_PIXELS)

_SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_ASPECT_TOLERANCE = 0.02
_ROUNDING = 1e-4
"""How far outside 0..1 sums of probabilities in half or single precision come to lie."""
_UNREADABLE = "Replace the file with an intact one, or take it out of the dataset."
_MODE_REMEDY = (
    "Save class ids as 8-bit or 16-bit grey, palette or scheme-coloured PNG or TIFF, or as integer NPY."
)


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
    with _opened(path) as image:
        if image.mode == "F":
            raise ImageFileError(
                "has floating-point pixels, whose range is unknown.", path=path, remedy="Save it with 8 bits."
            )
        if image.mode in _SIXTEEN_BIT:
            grey = (np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def read_label(
    path: Path | str,
    scheme: ClassScheme,
    shape: tuple[int, int] | None = None,
    *,
    may_be_empty: bool = False,
    foreign_as_ignore: bool = False,
) -> NDArray[np.uint8]:
    """Read a class map.

    Parameters
    ----------
    path : path-like
        Grey (8 or 16 bits) or palette image whose values or palette indices are class ids; an RGB or RGBA
        image in the scheme's colours; or an integer NPY array (H, W).
    scheme : ClassScheme
        Which ids and colours there are. Its ignore id, 255, and black that is no class's colour become
        `IGNORE`.
    shape : (int, int), optional
        Height and width to bring it to, by nearest neighbour.
    may_be_empty : bool
        Whether a map without any label will do.
    foreign_as_ignore : bool
        Whether ids and colours that are not in the scheme become `IGNORE` too.

    Returns
    -------
    ndarray of uint8, (H, W)
        Class ids and `IGNORE`.

    Raises
    ------
    ImageFileError
        If the file is missing, damaged or cut off.
    ForeignIdsError
        If it has ids or colours that are not in the scheme.
    LabelError
        If its kind of pixels cannot be class ids, every pixel is ignored, or its proportions differ from
        `shape` by more than 2 %.
    """
    path = Path(path)
    values = _label_values(path)
    decode = labels_from_colors if values.ndim == 3 else labels_from_ids
    labels = decode(values, scheme, path, foreign_as_ignore=foreign_as_ignore)
    if not may_be_empty and np.all(labels == IGNORE):
        raise LabelError(
            "has no labelled pixel.", path=path, remedy="Give it labels, or take it out of the dataset."
        )
    if shape is None or labels.shape == shape:
        return labels
    _check_proportions(labels.shape, shape, path)
    return resize_nearest(labels, shape)


def read_label_leniently(
    path: Path | str,
    scheme: ClassScheme,
    shape: tuple[int, int] | None = None,
    *,
    may_be_empty: bool = False,
) -> tuple[NDArray[np.uint8], int]:
    """Read a class map with everything that is no class of the scheme as `IGNORE`.

    Parameters and errors are those of `read_label`, but `LabelError` also stands for a map with nothing else
    than what is no class.

    Returns
    -------
    labels : ndarray of uint8, (H, W)
        Class ids and `IGNORE`.
    foreign : int
        Pixels of the file that are of no class.
    """
    try:
        return read_label(path, scheme, shape, may_be_empty=may_be_empty), 0
    except ForeignIdsError as error:
        # one that has no class at all besides is no label: a photograph, or made with another scheme
        return read_label(path, scheme, shape, foreign_as_ignore=True), error.pixels


def resize_nearest(labels: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Resize a map by nearest neighbour, pixel centres aligned; no value appears that was not there.

    Parameters
    ----------
    labels : ndarray, (h, w)
        Any map whose values must not be mixed.
    shape : (int, int)
        Height and width wanted.

    Returns
    -------
    ndarray, shape `shape`, dtype of `labels`

    Examples
    --------
    >>> resize_nearest(np.array([[1, 2]]), (2, 4)).tolist()
    [[1, 1, 2, 2], [1, 1, 2, 2]]
    """
    rows, columns = (
        (2 * np.arange(wanted) + 1) * given // (2 * wanted)
        for given, wanted in zip(labels.shape, shape, strict=True)
    )
    return labels[rows][:, columns]


def read_confidence(path: Path | str, shape: tuple[int, int] | None = None) -> NDArray[np.float32]:
    """Read how sure a model was of each pixel.

    Parameters
    ----------
    path : path-like
        Grey PNG or TIFF of 8 bits (255 = 1.0) or 16 bits (65535 = 1.0), floating-point TIFF, or an NPY or NPZ
        array (H, W), floating-point or uint8 or uint16 likewise. Of an NPZ with several arrays ``confidence``
        or ``conf`` is taken.
    shape : (int, int), optional
        Height and width to bring it to, bilinearly.

    Returns
    -------
    ndarray of float32, (H, W)
        0..1.

    Raises
    ------
    ImageFileError
        If the file is missing, damaged or cut off.
    LabelError
        If it is no such map, has values that are not in 0..1, or its proportions differ from `shape`
        by more than 2 %.
    """
    path = Path(path)
    values = _confidence_values(path)
    if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "fu":
        raise LabelError(
            f"is no confidence map: {values.dtype} of shape {values.shape}.",
            path=path,
            remedy="Save one value for each pixel: 8 or 16 bits grey, or floating-point 0..1.",
        )
    if values.dtype.kind == "u":
        values = values / np.float32(np.iinfo(values.dtype).max)
    # written so that NaN fails too
    if not (values.min() >= -_ROUNDING and values.max() <= 1 + _ROUNDING):
        raise LabelError(
            f"has confidence outside 0..1 (from {values.min():g} to {values.max():g}).",
            path=path,
            remedy="Save probabilities, not logits or per cent, and no NaN.",
        )
    confidence = np.ascontiguousarray(values, dtype=np.float32).clip(0, 1)
    if shape is None or confidence.shape == shape:
        return confidence
    _check_proportions(confidence.shape, shape, path)
    import cv2

    return cv2.resize(confidence, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR).clip(0, 1)


def write_label(path: Path | str, labels: NDArray[np.uint8]) -> None:
    """Write a class map as an 8-bit grey PNG, its values as they are.

    Parameters
    ----------
    path : path-like
        File to write or replace, in one step: a crash leaves the old file or the new one.
    labels : ndarray of uint8, (H, W)
        Class ids.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError, ProjectError
        If it cannot be written.
    """
    write_bytes(path, _png(Image.fromarray(labels)))


def write_color(path: Path | str, labels: NDArray[np.uint8], scheme: ClassScheme) -> None:
    """Write a class map as a palette PNG: it looks coloured, and its indices are the class ids.

    Parameters
    ----------
    path : path-like
        File to write or replace, in one step.
    labels : ndarray of uint8, (H, W)
        Class ids; `IGNORE` is written as the scheme's ignore id, black.
    scheme : ClassScheme
        The colours.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError, ProjectError
        If it cannot be written.
    """
    image = Image.fromarray(to_scheme_ids(labels, scheme))
    image.putpalette(scheme.palette.tobytes())
    write_bytes(path, _png(image))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    with _decoding(path), path.open("rb") as file, Image.open(_joined(file), formats=FORMATS) as image:
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
def _decoding(path: Path) -> Iterator[None]:
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


def _label_values(path: Path) -> NDArray[Any]:
    """Ids as an integer array (H, W), or colours as uint8 (H, W, 3)."""
    if path.suffix.lower() == ".npy":
        values = _load_array(path)
        if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "iu":
            raise LabelError(
                f"is no class map: {values.dtype} of shape {values.shape}.", path=path, remedy=_MODE_REMEDY
            )
        return values
    with _opened(path) as image:
        if image.format == "JPEG":
            raise LabelError(
                "is a JPEG, which changes class ids when it is saved.", path=path, remedy=_MODE_REMEDY
            )
        if image.mode in ("RGB", "RGBA"):
            return np.asarray(image.convert("RGB"))
        if image.mode not in ("L", "P", *_SIXTEEN_BIT):
            raise LabelError(
                f"has pixels of mode {image.mode!r}, which cannot be class ids.",
                path=path,
                remedy=_MODE_REMEDY,
            )
        stretch = _grey_stretch(image)
        return np.asarray(image) // stretch


def _grey_stretch(image: Image.Image) -> int:
    """By what Pillow multiplies grey values of 2 or 4 bits, so that white is 255."""
    tiles = image.tile if isinstance(image, ImageFile.ImageFile) else []
    raw_modes = {tile.args[0] if isinstance(tile.args, tuple) else tile.args for tile in tiles}
    return 85 if "L;2" in raw_modes else 17 if "L;4" in raw_modes else 1


def _confidence_values(path: Path) -> NDArray[Any]:
    if path.suffix.lower() in (".npy", ".npz"):
        return _load_array(path)
    with _opened(path) as image:
        if image.mode not in ("L", "F", *_SIXTEEN_BIT):
            raise LabelError(
                f"has pixels of mode {image.mode!r}, which are no confidence.",
                path=path,
                remedy="Save one value for each pixel: 8 or 16 bits grey, or floating-point 0..1.",
            )
        values = np.array(image)
        return values.clip(0, 65535).astype(np.uint16) if image.mode in _SIXTEEN_BIT else values


def _load_array(path: Path) -> NDArray[Any]:
    with _decoding(path):
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


def _check_proportions(given: tuple[int, ...], wanted: tuple[int, int], path: Path) -> None:
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


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
