"""Run-length encoding of masks, as COCO has it.

What of it pycocotools does without checking its input is done here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def encode_mask(crop: NDArray[np.bool_]) -> bytes:
    """Run-length encode a mask: the ``counts`` of COCO's compressed RLE.

    Parameters
    ----------
    crop : ndarray of bool, (h, w)
        May be empty.

    Returns
    -------
    bytes
        Empty for an empty crop. The shape is not in it.
    """
    from pycocotools import mask as coco

    if not crop.size:
        return b""
    counts: bytes = coco.encode(np.asfortranarray(crop, dtype=np.uint8))["counts"]
    return counts


def decode_mask(counts: bytes, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask (h, w) that `encode_mask` encoded.

    Raises
    ------
    ValueError
        If the runs do not add up to `shape`. (pycocotools would return uninitialised memory.)
    """
    return runs_to_mask(mask_runs(counts), shape)


def runs_to_mask(runs: ArrayLike, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask (h, w) of run lengths in column-major order, the first run being background.

    Raises
    ------
    ValueError
        If a run is negative or the runs do not add up to `shape`.
    """
    lengths = np.asarray(runs, dtype=np.int64).reshape(-1)
    if np.any(lengths < 0) or lengths.sum() != shape[0] * shape[1]:
        raise ValueError(f"the runs cover {lengths.sum()} pixels, the mask has {shape[0]} x {shape[1]}")
    inside = (np.arange(len(lengths)) % 2).astype(bool)
    return np.ascontiguousarray(np.repeat(inside, lengths).reshape(shape[1], shape[0]).T)


def mask_runs(counts: bytes) -> NDArray[np.int64]:
    """The run lengths in COCO's compressed counts.

    Each run is written in 5-bit groups, lowest first, as characters from 48 on; bit 6 says that more follow,
    the last group's bit 5 is the sign. From the fourth on, runs are differences to the run two before.
    """
    code = np.frombuffer(counts, dtype=np.uint8).astype(np.int64) - 48
    if not len(code):
        return np.zeros(0, dtype=np.int64)
    last = (code & 32) == 0
    if np.any((code < 0) | (code > 63)) or not last[-1]:
        raise ValueError("not a compressed run-length encoding")
    start = np.flatnonzero(np.concatenate([[True], last[:-1]]))
    length = np.diff(np.concatenate([start, [len(code)]]))
    if length.max() > 7:
        raise ValueError("not a compressed run-length encoding")
    group = np.arange(len(code)) - np.repeat(start, length)
    runs = np.add.reduceat((code & 31) << (5 * group), start)
    runs -= np.where(code[last] & 16, np.int64(1) << (5 * length), 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs
