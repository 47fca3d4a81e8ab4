"""How files write classes, as ids or as colours of a scheme, and the class maps that SeCo makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ForeignIdsError, LabelError
from seco_core.scheme import IGNORE, ClassScheme
from seco_core.texts import counted

_IDS_REMEDY = (
    "Choose the class scheme that the labels were made with, or map the ids to it, or add "
    "`--set foreign_ids=ignore` to read them as ignore."
)


def labels_from_ids(
    values: NDArray[Any], scheme: ClassScheme, path: Path | None = None, *, foreign_as_ignore: bool = False
) -> NDArray[np.uint8]:
    """A class map from the ids of a file.

    Parameters
    ----------
    values : ndarray of int, (H, W)
        Class ids of the scheme, its ignore id, or 255.
    scheme : ClassScheme
        Which ids there are.
    path : Path, optional
        The file they are from, for the error.
    foreign_as_ignore : bool
        Take other ids for `IGNORE`.

    Returns
    -------
    ndarray of uint8, (H, W)
        Class ids and `IGNORE`.

    Raises
    ------
    ForeignIdsError
        If there are other ids.
    """
    table = np.full(256, -1, dtype=np.int16)
    table[scheme.ids] = scheme.ids
    table[[scheme.ignore, IGNORE]] = IGNORE
    inside = (values >= 0) & (values <= 255)
    labels = table[values.astype(np.uint8)]
    wrong = ~inside | (labels < 0)
    if wrong.any() and not foreign_as_ignore:
        told = f"has ids that class scheme {scheme.name} does not have: {_some(np.unique(values[wrong]))}"
        raise _foreign(told, wrong, path)
    labels[wrong] = IGNORE
    return labels.astype(np.uint8)


def labels_from_colors(
    colors: NDArray[np.uint8],
    scheme: ClassScheme,
    path: Path | None = None,
    *,
    foreign_as_ignore: bool = False,
) -> NDArray[np.uint8]:
    """A class map from the scheme's colours.

    Parameters
    ----------
    colors : ndarray of uint8, (H, W, 3)
        RGB. Black is ignore, unless a class has it.
    scheme : ClassScheme
        Which colours there are.
    path : Path, optional
        The file they are from, for the error.
    foreign_as_ignore : bool
        Take other colours for `IGNORE`.

    Returns
    -------
    ndarray of uint8, (H, W)
        Class ids and `IGNORE`.

    Raises
    ------
    ForeignIdsError
        If there are other colours.
    LabelError
        If classes share one.
    """
    known = _pack(scheme.palette[scheme.ids])
    if len(np.unique(known)) < len(known):
        raise LabelError(
            f"is coloured, and class scheme {scheme.name} has one colour for several classes.",
            path=path,
            remedy="Use class ids instead of colours, or give each class its own colour.",
        )
    ids = scheme.ids
    if 0 not in known:
        known, ids = np.append(known, 0), np.append(ids, IGNORE)
    order = np.argsort(known)
    known, ids = known[order], ids[order]
    packed = _pack(colors)
    position = np.searchsorted(known, packed).clip(max=len(known) - 1)
    wrong = known[position] != packed
    if wrong.any() and not foreign_as_ignore:
        found, counts = np.unique(packed[wrong], return_counts=True)
        most = int(found[counts.argmax()])
        told = (
            f"has colours that class scheme {scheme.name} does not have: most often "
            f"({most >> 16}, {most >> 8 & 255}, {most & 255}), {len(found):,} in all"
        )
        raise _foreign(told, wrong, path)
    return np.where(wrong, IGNORE, ids[position]).astype(np.uint8)


def to_scheme_ids(labels: NDArray[np.uint8], scheme: ClassScheme) -> NDArray[np.uint8]:
    """A class map with the scheme's own ignore id in place of `IGNORE`, for files that leave SeCo."""
    if scheme.ignore == IGNORE:
        return labels
    return np.where(labels == IGNORE, np.uint8(scheme.ignore), labels)


def _foreign(told: str, wrong: NDArray[np.bool_], path: Path | None) -> ForeignIdsError:
    pixels = int(np.count_nonzero(wrong))
    return ForeignIdsError(
        f"{told} ({counted(pixels, 'pixel')}).", path=path, remedy=_IDS_REMEDY, pixels=pixels
    )


def _pack(colors: NDArray[np.uint8]) -> NDArray[np.int32]:
    red, green, blue = np.moveaxis(colors.astype(np.int32), -1, 0)
    return red << 16 | green << 8 | blue


def _some(values: NDArray[Any], most: int = 10) -> str:
    text = ", ".join(str(v) for v in values[:most])
    return f"{text} and {len(values) - most} more" if len(values) > most else text
