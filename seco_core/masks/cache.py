"""What SAM said, kept on the disk, so that it is asked once.

Three kinds of files: image embeddings, automatic masks, and the answers to a list of prompts. Each is named
after the SHA-256 of everything that decides its content (image, weights, settings, prompts, version) and
begins with a SHA-256 over that and its content, so a damaged or foreign file is found out and written anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seco_core import __version__
from seco_core.errors import ProjectError
from seco_core.files import write_bytes
from seco_core.masks.base import ImageMasks, MaskSet, MaskSource, Prompt
from seco_core.progress import CancelToken
from seco_core.rle import decode_mask, encode_mask

logger = logging.getLogger(__name__)

_FORMAT = 1
_DIGEST = 32
_ROOM = 0.9
"""Share of the limit that is left in use when files are removed."""

Arrays = dict[str, NDArray[Any]]


class EmbeddedMasks(ImageMasks, Protocol):
    """Masks of an image that was embedded."""

    padded: bool

    def arrays(self) -> tuple[NDArray[np.float32], ...]:
        """What the embedding consists of, the image embedding (1, C, h, w) first."""


class EmbeddingSource(MaskSource, Protocol):
    """A mask source that embeds an image and can go on from the embedding, as SAM does.

    Attributes
    ----------
    embedding_signature : dict
        The part of the signature that decides the embedding.
    """

    embedding_signature: dict[str, Any]

    def prepare(
        self, image: NDArray[np.uint8], image_name: str, cancel: CancelToken | None = None
    ) -> EmbeddedMasks:
        """Embed an image."""

    def resume(
        self,
        embedding: Sequence[NDArray[np.float32]],
        image: NDArray[np.uint8],
        image_name: str,
        cancel: CancelToken | None = None,
    ) -> EmbeddedMasks:
        """Go on from an embedding of the image."""


class FileCache:
    """Arrays in files of a folder, bounded in size.

    A cache that cannot be written is no reason to stop: the log says so, once, and work goes on without.

    Parameters
    ----------
    folder : Path
        Made when something is put.
    limit : int
        Bytes in all. When more are put, embeddings are removed first and masks after them, each the
        longest unused first: an embedding is a hundred times as large as the masks it gave.
    """

    def __init__(self, folder: Path, limit: int):
        self.folder = folder
        self.limit = limit
        self._size = sum(size for _, size, _ in self._files())
        self._writable = True

    def get(self, kind: str, signature: dict[str, Any]) -> Arrays | None:
        """The arrays put under a signature; None if there are none or their file is damaged or foreign."""
        path, header = self._path(kind, signature)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if data[:_DIGEST] != hashlib.sha256(header + data[_DIGEST:]).digest():
            logger.warning("%s is damaged and will be made anew", path)
            return None
        with contextlib.suppress(OSError):  # only the order of removal depends on it
            os.utime(path)
        with np.load(io.BytesIO(data[_DIGEST:]), allow_pickle=False) as found:
            return dict(found)

    def put(self, kind: str, signature: dict[str, Any], arrays: Arrays) -> None:
        """Keep arrays under a signature."""
        path, header = self._path(kind, signature)
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        content = buffer.getvalue()
        size = _DIGEST + len(content)
        if not self._writable or size > self.limit:
            return
        before = path.stat().st_size if path.is_file() else 0
        if self._size + size - before > self.limit:
            self._make_room(int(self.limit * _ROOM) - size)
            before = path.stat().st_size if path.is_file() else 0
        try:
            write_bytes(path, hashlib.sha256(header + content).digest() + content)
        except ProjectError as error:
            self._writable = False
            logger.warning("masks are not cached: %s", error)
            return
        self._size += size - before

    def _path(self, kind: str, signature: dict[str, Any]) -> tuple[Path, bytes]:
        header = json.dumps(
            {"format": _FORMAT, "version": __version__, "kind": kind, **signature}, sort_keys=True
        ).encode()
        return self.folder / f"{hashlib.sha256(header).hexdigest()[:40]}.{kind}", header

    def _files(self) -> list[tuple[tuple[bool, float, str], int, str]]:
        """Order of removal, size and path of every file."""
        found = []
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    stat = entry.stat()
                    order = (not entry.name.endswith(".embedding"), stat.st_mtime, entry.name)
                    found.append((order, stat.st_size, entry.path))
        except OSError:
            return found
        return sorted(found)

    def _make_room(self, limit: int) -> None:
        files = self._files()
        self._size = sum(size for _, size, _ in files)
        for _, size, path in files:
            if self._size <= max(limit, 0):
                return
            try:
                os.unlink(path)
            except OSError:
                continue
            self._size -= size


class CachedSource:
    """A mask source that embeds, with a cache: what is in it is not computed again.

    Parameters
    ----------
    source : EmbeddingSource
        Such as `SamSource`.
    cache : FileCache
        Where its results are kept.
    """

    def __init__(self, source: EmbeddingSource, cache: FileCache):
        self.name = source.name
        self.signature = source.signature
        self.concurrent = source.concurrent
        self._source = source
        self._cache = cache

    def prepare(
        self, image: NDArray[np.uint8], image_name: str, cancel: CancelToken | None = None
    ) -> CachedMasks:
        """Look at an RGB image (H, W, 3). It is embedded when something is asked that is not in the cache.

        Raises
        ------
        Cancelled
            If `cancel` was set.
        """
        if cancel is not None:
            cancel.raise_if_cancelled()
        return CachedMasks(self._source, self._cache, image, image_name, cancel)


class CachedMasks:
    """One image of a `CachedSource`. Its methods raise what the source raises."""

    def __init__(
        self,
        source: EmbeddingSource,
        cache: FileCache,
        image: NDArray[np.uint8],
        image_name: str,
        cancel: CancelToken | None,
    ) -> None:
        pixels = hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes())
        self._image = pixels.hexdigest()
        self._source = source
        self._cache = cache
        self._given = (image, image_name, cancel)
        self._embedded: EmbeddedMasks | None = None

    @property
    def padded(self) -> bool:
        """Whether the embedding is of the image padded to a square; see `SamMasks`."""
        return self._live().padded

    def embedding(self) -> NDArray[np.float32]:
        """The image embedding, float32 (C, h, w)."""
        return self._live().arrays()[0][0]

    def proposals(self) -> MaskSet:
        """Automatic masks of the whole image."""
        return self._cached("masks", {}, lambda: self._live().proposals())

    def answer(self, prompts: Sequence[Prompt]) -> MaskSet:
        """One mask for each prompt.

        Kept for the whole list and not for each prompt: which prompts share a pass moves the last bits.
        """
        digest = hashlib.sha256()
        for prompt in prompts:
            digest.update(np.array([len(prompt.points)], dtype="<i8").tobytes())
            digest.update(np.asarray(prompt.box, dtype="<f8").tobytes())
            digest.update(np.asarray(prompt.points, dtype="<f8").tobytes())
            digest.update(np.asarray(prompt.labels, dtype="<i8").tobytes())
        return self._cached("answers", {"prompts": digest.hexdigest()}, lambda: self._live().answer(prompts))

    def _cached(self, kind: str, what: dict[str, Any], make: Any) -> MaskSet:
        signature = {"image": self._image, "masks": self._source.signature, **what}
        found = self._cache.get(kind, signature)
        if found is not None:
            return unpack_masks(found)
        masks: MaskSet = make()
        self._cache.put(kind, signature, pack_masks(masks))
        return masks

    def _live(self) -> EmbeddedMasks:
        """The source's own masks of the image, from a cached embedding if there is one."""
        if self._embedded is None:
            signature = {"image": self._image, "model": self._source.embedding_signature}
            found = self._cache.get("embedding", signature)
            if found is not None:
                self._embedded = self._source.resume(
                    [found[f"part{i}"] for i in range(len(found))], *self._given
                )
            else:
                self._embedded = self._source.prepare(*self._given)
                parts = {f"part{i}": array for i, array in enumerate(self._embedded.arrays())}
                self._cache.put("embedding", signature, parts)
        return self._embedded


def pack_masks(masks: MaskSet) -> Arrays:
    """Masks as arrays: boxes, and run lengths one after the other."""
    counts = [encode_mask(crop) for crop in masks.crops]
    return {
        "shape": np.array(masks.shape, dtype=np.int64),
        "boxes": masks.boxes,
        "lengths": np.array([len(c) for c in counts], dtype=np.int64),
        "counts": np.frombuffer(b"".join(counts), dtype=np.uint8),
    }


def unpack_masks(arrays: Arrays) -> MaskSet:
    """The masks that `pack_masks` packed."""
    ends = np.cumsum(arrays["lengths"])
    counts, boxes = arrays["counts"].tobytes(), arrays["boxes"]
    crops = tuple(
        decode_mask(counts[end - length : end], (int(y1 - y0), int(x1 - x0)))
        for end, length, (x0, y0, x1, y1) in zip(ends, arrays["lengths"], boxes, strict=True)
    )
    height, width = arrays["shape"].tolist()
    return MaskSet((height, width), boxes, crops)
