"""Masks from files: one COCO RLE list for each image, such as SAM's generator writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import MaskSourceError
from seco_core.masks.base import MaskSet, Prompt, crop_masks
from seco_core.progress import CancelToken
from seco_core.rle import decode_mask, runs_to_mask

_REMEDY = (
    'A mask file is a JSON list of {"size": [height, width], "counts": ...}, '
    'each as it is or under "segmentation".'
)


def check_folder(folder: Path | str) -> None:
    """Refuse a folder of mask files that is missing.

    Raises
    ------
    MaskSourceError
        If there is no such folder.
    """
    if not Path(folder).is_dir():
        raise MaskSourceError("is no folder of mask files.", path=folder, remedy="Correct masks.folder.")


class FilesSource:
    """Mask source that reads ``<image name>.json`` in a folder.

    Parameters
    ----------
    folder : path-like
        Names with a slash are found in sub-folders.

    Raises
    ------
    MaskSourceError
        If there is no such folder.
    """

    name = "files"
    concurrent = True

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        check_folder(self.folder)
        self.signature: dict[str, Any] = {"source": self.name, "version": 1, "files": _digest(self.folder)}

    def prepare(
        self, image: NDArray[np.uint8], image_name: str, cancel: CancelToken | None = None
    ) -> FileMasks:
        """Read the masks of an RGB image (H, W, 3).

        Raises
        ------
        MaskSourceError
            If the file is missing, is not a list of masks, or holds masks of another size.
        Cancelled
            If `cancel` was set.
        """
        if cancel is not None:
            cancel.raise_if_cancelled()
        return FileMasks(read_masks(self.folder / f"{image_name}.json", image.shape[:2]))


class FileMasks:
    """The masks of one image, read from its file."""

    def __init__(self, masks: MaskSet) -> None:
        self._masks = masks

    def proposals(self) -> MaskSet:
        """All masks of the file, in its order."""
        return self._masks

    def answer(self, prompts: Sequence[Prompt]) -> MaskSet:
        """For each prompt the mask with the highest intersection over union with its box.

        Only masks with all positive and no negative points inside answer; without one the mask is empty.
        """
        chosen = [self._best(prompt) for prompt in prompts]
        boxes = [self._masks.boxes[i] if i is not None else np.zeros(4, dtype=np.int32) for i in chosen]
        crops = [self._masks.crops[i] if i is not None else np.zeros((0, 0), dtype=bool) for i in chosen]
        return MaskSet(self._masks.shape, np.array(boxes, dtype=np.int32).reshape(-1, 4), tuple(crops))

    def _best(self, prompt: Prompt) -> int | None:
        height, width = self._masks.shape
        low = np.clip(np.floor(prompt.box[:2]), 0, [width, height]).astype(int)
        high = np.clip(np.ceil(prompt.box[2:]), low, [width, height]).astype(int)
        boxes = self._masks.boxes
        near = np.flatnonzero((boxes[:, :2] < high).all(axis=1) & (boxes[:, 2:] > low).all(axis=1))
        best, best_overlap = None, 0.0
        for i in near:
            x0, y0 = boxes[i, :2]
            crop = self._masks.crops[i]
            if not _agrees(crop, int(x0), int(y0), prompt):
                continue
            window = crop[max(low[1], y0) - y0 : high[1] - y0, max(low[0], x0) - x0 : high[0] - x0]
            common = np.count_nonzero(window)
            overlap = common / (np.count_nonzero(crop) + np.prod(high - low) - common)
            if overlap > best_overlap:
                best, best_overlap = int(i), float(overlap)
        return best


def read_masks(path: Path, shape: tuple[int, ...]) -> MaskSet:
    """Read a mask file for an image of the given height and width.

    Raises
    ------
    MaskSourceError
        If the file is missing, is not a list of masks, or holds masks of another size.
    """
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MaskSourceError(
            "is missing.", path=path, remedy="Each image needs <image name>.json in masks.folder."
        ) from None
    except (OSError, ValueError) as error:
        raise MaskSourceError(f"cannot be read as JSON: {error}.", path=path, remedy=_REMEDY) from error
    if not isinstance(records, list):
        raise MaskSourceError("is not a list of masks.", path=path, remedy=_REMEDY)
    masks = (_decode(record, number, path, shape) for number, record in enumerate(records, start=1))
    return crop_masks(masks, (shape[0], shape[1]))


def _decode(record: Any, number: int, path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    rle = record.get("segmentation", record) if isinstance(record, dict) else None
    if not isinstance(rle, dict) or not isinstance(rle.get("counts"), (str, list)):
        raise MaskSourceError(f"mask {number} is not a COCO RLE.", path=path, remedy=_REMEDY)
    size = (shape[0], shape[1])
    if rle.get("size") != list(size):
        raise MaskSourceError(
            f"mask {number} has size {rle.get('size')}, the image is {size[0]} high and {size[1]} wide.",
            path=path,
            remedy="Make the masks from the image of this size.",
        )
    try:
        counts = rle["counts"]
        return (
            decode_mask(counts.encode("ascii"), size)
            if isinstance(counts, str)
            else runs_to_mask(counts, size)
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise MaskSourceError(f"mask {number} is damaged: {error}.", path=path, remedy=_REMEDY) from error


def _agrees(crop: NDArray[np.bool_], x0: int, y0: int, prompt: Prompt) -> bool:
    columns = np.floor(prompt.points[:, 0]).astype(int) - x0
    rows = np.floor(prompt.points[:, 1]).astype(int) - y0
    on_crop = (rows >= 0) & (rows < crop.shape[0]) & (columns >= 0) & (columns < crop.shape[1])
    inside = np.zeros(len(rows), dtype=bool)
    inside[on_crop] = crop[rows[on_crop], columns[on_crop]]
    return bool(np.all(inside == (prompt.labels > 0)))


def _digest(folder: Path) -> str:
    """Changes when a mask file is added, removed or written anew."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.json")):
        stat = path.stat()
        found.update(f"{path.relative_to(folder).as_posix()}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return found.hexdigest()
