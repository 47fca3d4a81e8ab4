"""Class maps in files.

Inside SeCo a class map is uint8 (H, W) with `IGNORE` (255) where there is no label; the scheme's own ignore
id is translated here.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from seco_core.errors import ForeignIdsError, LabelError
from seco_core.files import write_bytes
from seco_core.images import SIXTEEN_BIT, check_proportions, load_array, opened
from seco_core.label_codes import labels_from_colors, labels_from_ids, to_scheme_ids
from seco_core.scheme import IGNORE, ClassScheme

_MODE_REMEDY = (
    "Save class ids as 8-bit or 16-bit grey, palette or scheme-coloured PNG or TIFF, or as integer NPY."
)


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
    check_proportions(labels.shape, shape, path)
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


def _label_values(path: Path) -> NDArray[Any]:
    """Ids as an integer array (H, W), or colours as uint8 (H, W, 3)."""
    if path.suffix.lower() == ".npy":
        values = load_array(path)
        if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "iu":
            raise LabelError(
                f"is no class map: {values.dtype} of shape {values.shape}.", path=path, remedy=_MODE_REMEDY
            )
        return values
    with opened(path) as image:
        if image.format == "JPEG":
            raise LabelError(
                "is a JPEG, which changes class ids when it is saved.", path=path, remedy=_MODE_REMEDY
            )
        if image.mode in ("RGB", "RGBA"):
            return np.asarray(image.convert("RGB"))
        if image.mode not in ("L", "P", *SIXTEEN_BIT):
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


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
