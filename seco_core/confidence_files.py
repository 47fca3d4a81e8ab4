"""Confidence maps in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import LabelError
from seco_core.images import SIXTEEN_BIT, check_proportions, load_array, opened

_ROUNDING = 1e-4
"""How far outside 0..1 sums of probabilities in half or single precision come to lie."""


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
    check_proportions(confidence.shape, shape, path)
    import cv2

    return cv2.resize(confidence, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR).clip(0, 1)


def _confidence_values(path: Path) -> NDArray[Any]:
    if path.suffix.lower() in (".npy", ".npz"):
        return load_array(path)
    with opened(path) as image:
        if image.mode not in ("L", "F", *SIXTEEN_BIT):
            raise LabelError(
                f"has pixels of mode {image.mode!r}, which are no confidence.",
                path=path,
                remedy="Save one value for each pixel: 8 or 16 bits grey, or floating-point 0..1.",
            )
        values = np.array(image)
        return values.clip(0, 65535).astype(np.uint16) if image.mode in SIXTEEN_BIT else values
