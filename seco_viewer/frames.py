"""Decoded images of a project: the one on screen, a few seen lately, and the next one fetched ahead."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ImageFileError, SecoError
from seco_core.label_files import read_label
from seco_core.pipeline.inputs import check_still_the_same
from seco_core.project import ImageRecord, Project
from seco_core.scheme import IGNORE
from seco_viewer.outline import region_borders


@dataclass(frozen=True, eq=False)
class Frame:
    """One image with its maps, all of the image's size.

    Attributes
    ----------
    image_id : int
        Its id in the project.
    image : ndarray of uint8, (H, W, 3)
        RGB; black if it cannot be read.
    pseudo_label : ndarray of uint8, (H, W)
        The class map it came with; all ignore if it cannot be read.
    region_ids : ndarray of uint16, (H, W)
        The region id map; all zero before the pipeline has run.
    borders : ndarray of uint8, (H, W)
        1 at the pixels along the regions' borders, 0 elsewhere.
    areas : ndarray of int64, (N,)
        Pixels of each region id from 1 on; tells whether a region table belongs to this map.
    problem : str or None
        Why something could not be read.
    reviewable : bool
        Whether there is something to judge: the image was read, and is the one that its regions were made of.
    """

    image_id: int
    image: NDArray[np.uint8]
    pseudo_label: NDArray[np.uint8]
    region_ids: NDArray[np.uint16]
    borders: NDArray[np.uint8]
    areas: NDArray[np.int64]
    problem: str | None = None
    reviewable: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.region_ids.shape


def load_frame(project: Project, image_id: int) -> Frame:
    """Read an image and its maps. What cannot be read is left blank and named in the frame's `problem`."""
    record = project.images[image_id]
    try:
        image = project.read_image(image_id)
    except SecoError as error:
        return _without_image(project, record, str(error))
    shape, problem, reviewable = image.shape[:2], record.problem, True
    region_ids = pseudo_label = None
    try:
        region_ids = project.read_region_ids(image_id)
    except SecoError as error:
        problem = str(error)
    if region_ids is not None and region_ids.shape != shape:
        problem, reviewable = _other_size(record, shape, region_ids.shape), False
        region_ids = None
    elif region_ids is not None:
        try:
            check_still_the_same(project, record)
        except SecoError as error:
            # decisions on it would lie on the wrong pixels
            problem, reviewable, region_ids = str(error), False, None
    try:
        pseudo_label = project.read_pseudo_label(image_id, shape)
    except SecoError as error:
        problem = problem or str(error)
        pseudo_label = np.full(shape, IGNORE, dtype=np.uint8)
    if region_ids is None:
        region_ids = np.zeros(shape, dtype=np.uint16)
    areas = np.bincount(region_ids.ravel(), minlength=1)[1:]
    return Frame(
        image_id, image, pseudo_label, region_ids, region_borders(region_ids), areas, problem, reviewable
    )


def _without_image(project: Project, record: ImageRecord, problem: str) -> Frame:
    """Black, with nothing on it but the pseudo-label of an image that the pipeline has never read.

    Little else is read and worked out: a disk that is gone takes all images with it.
    """
    pseudo_label = None
    if record.shape is None:
        with contextlib.suppress(SecoError):
            pseudo_label = read_label(record.pseudo_label, project.scheme, None)
    if pseudo_label is None:
        pseudo_label = np.full(record.shape or (1, 1), IGNORE, dtype=np.uint8)
    shape = pseudo_label.shape
    return Frame(
        record.id,
        np.zeros((*shape, 3), dtype=np.uint8),
        pseudo_label,
        np.zeros(shape, dtype=np.uint16),
        np.zeros(shape, dtype=np.uint8),
        np.zeros(0, dtype=np.int64),
        problem,
        reviewable=False,
    )


def _other_size(record: ImageRecord, now: tuple[int, int], then: tuple[int, int]) -> str:
    error = ImageFileError(
        f"has {now[1]} x {now[0]} pixels, {then[1]} x {then[0]} when its regions were made.",
        path=record.image,
        remedy="Put the earlier file back, or run the pipeline.",
    )
    return str(error)


class FrameCache:
    """Frames of a project, read at most once while they stay in the cache.

    Ask it from the thread that owns the project. One thread of its own, with a read-only store of its own,
    fetches ahead.

    Parameters
    ----------
    project : Project
        Whose images.
    capacity : int
        Most frames kept.
    """

    def __init__(self, project: Project, capacity: int = 8):
        self._project = project
        self._capacity = capacity
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._coming: dict[int, Future[Frame]] = {}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="frames")
        self._reader = _Reader(project.path)

    def get(self, image_id: int) -> Frame:
        """The frame of an image; waits for it if it is just being fetched. One without its image is read
        anew each time: the file may be back."""
        frame = self._frames.pop(image_id, None)
        if frame is None:
            coming = self._coming.pop(image_id, None)
            if coming is not None and not coming.cancel():
                frame = self._result(coming)
        if frame is None:
            frame = load_frame(self._project, image_id)
        if frame.reviewable:
            self._frames[image_id] = frame
        while len(self._frames) > self._capacity:
            self._frames.popitem(last=False)
        return frame

    def put(self, frame: Frame) -> None:
        """Keep a frame that somebody else has read, in place of what is here or coming."""
        self.forget_images([frame.image_id])
        if frame.reviewable:
            self._frames[frame.image_id] = frame

    def known(self, image_id: int) -> Frame | None:
        """The frame of an image if it is in the cache."""
        return self._frames.get(image_id)

    def prefetch(self, image_id: int) -> None:
        """Begin to read an image that will be asked for soon; forgets an earlier wish not yet begun."""
        if image_id in self._frames or image_id in self._coming:
            return
        for waiting, future in list(self._coming.items()):
            if future.done() and not future.cancelled() and future.exception() is None:
                self._frames[waiting] = future.result()
            elif not future.cancel() and not future.done():
                continue
            del self._coming[waiting]
        self._coming[image_id] = self._worker.submit(self._reader.load, image_id)

    def forget_images(self, image_ids: Sequence[int]) -> None:
        """Drop the frames of images whose maps have changed."""
        for image_id in image_ids:
            self._frames.pop(image_id, None)
            coming = self._coming.pop(image_id, None)
            if coming is not None:
                coming.cancel()
        self._worker.submit(self._reader.close)

    def is_there(self, image_id: int) -> bool:
        """Whether nobody has to wait for a frame."""
        coming = self._coming.get(image_id)
        return image_id in self._frames or (coming is not None and coming.done())

    def forget(self) -> None:
        """Drop all frames, because the project's maps have changed."""
        for future in self._coming.values():
            future.cancel()
        self._coming.clear()
        self._frames.clear()
        self._worker.submit(self._reader.close)  # it opens again and sees the images' new states

    def close(self) -> None:
        """End the thread."""
        self.forget()
        self._worker.shutdown(wait=True)

    @staticmethod
    def _result(future: Future[Frame]) -> Frame | None:
        try:
            return future.result()
        except SecoError:  # its own store could not be opened: read with the caller's
            return None


class _Reader:
    """The fetching thread's own door to the project, opened when first needed."""

    def __init__(self, path: Path):
        self._path = path
        self._project: Project | None = None

    def load(self, image_id: int) -> Frame:
        if self._project is None:
            self._project = Project.open(self._path, readonly=True)
        return load_frame(self._project, image_id)

    def close(self) -> None:
        if self._project is not None:
            self._project.close()
            self._project = None
