"""A promptable model as PSA's mask source."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seco_core.errors import MaskSourceError
from seco_core.masks.base import MaskSet, Prompt
from seco_core.masks.sam.automatic import AutomaticSettings, BatchCallback, automatic_masks
from seco_core.masks.sam.batches import free_memory, is_out_of_memory
from seco_core.masks.sam.model import Embedding, PromptableModel
from seco_core.masks.sam.prompts import answer_prompts
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress


class SamSource:
    """Mask source that runs a model of the SAM family.

    Parameters
    ----------
    model : PromptableModel
        Ready; see `load_model`.
    sha256 : str
        What identifies its weights.
    settings : AutomaticSettings, optional
        Of automatic masks; the defaults are those of the published generator.
    points_per_batch : int
        Prompts in one pass; 0 = 64 on a GPU and 16 elsewhere. Halved whenever memory runs out.
    progress : callable, optional
        Told of stage ``"masks"`` after every pass, with an estimate of the time left, by the working thread.
    """

    name = "sam"
    concurrent = False

    def __init__(
        self,
        model: PromptableModel,
        *,
        sha256: str,
        settings: AutomaticSettings | None = None,
        points_per_batch: int = 0,
        progress: ProgressCallback = ignore_progress,
    ) -> None:
        self.model = model
        self._settings = settings or AutomaticSettings()
        self._batch = points_per_batch or (64 if model.device.type == "cuda" else 16)
        self._progress = progress
        self._last: tuple[str, Embedding] | None = None
        self.embedding_signature: dict[str, Any] = {
            "source": self.name,
            "version": 2,
            "model": model.kind,
            "weights_sha256": sha256,
            "precision": str(model.precision).removeprefix("torch."),
        }
        self.signature: dict[str, Any] = {**self.embedding_signature, **asdict(self._settings)}

    def prepare(
        self, image: NDArray[np.uint8], image_name: str, cancel: CancelToken | None = None
    ) -> SamMasks:
        """Embed an RGB image (H, W, 3). The last image's embedding is kept, so asking twice costs once.

        Raises
        ------
        MaskSourceError
            If the image is too narrow for SAM or does not fit into memory.
        Cancelled
            If `cancel` was set.
        """
        cancel = cancel or CancelToken()
        cancel.raise_if_cancelled()
        key = image_sha256(image)
        if self._last is None or self._last[0] != key:
            self._last = None  # frees the memory of the last embedding first
            self._last = (key, self._embed(image, image_name))
        return self._masks(self._last[1], image, image_name, cancel)

    def resume(
        self,
        embedding: Sequence[NDArray[np.float32]],
        image: NDArray[np.uint8],
        image_name: str,
        cancel: CancelToken | None = None,
    ) -> SamMasks:
        """Go on with what `SamMasks.arrays` of this image was, without embedding it again."""
        tensors = tuple(torch.from_numpy(array).to(self.model.device) for array in embedding)
        return self._masks(tensors, image, image_name, cancel or CancelToken())

    def _masks(
        self, embedding: Embedding, image: NDArray[np.uint8], image_name: str, cancel: CancelToken
    ) -> SamMasks:
        def between(done: int, total: int, seconds: float) -> None:
            cancel.raise_if_cancelled()
            left = f", {_duration(seconds)} left" if done < total else ""
            self._progress(
                ProgressEvent("masks", done, total, f"{image_name}: point {done} of {total}{left}")
            )

        return SamMasks(
            self.model,
            embedding,
            (image.shape[0], image.shape[1]),
            self._settings,
            self._batch,
            cancel,
            between,
        )

    def _embed(self, image: NDArray[np.uint8], image_name: str) -> Embedding:
        if not self.model.fits((image.shape[0], image.shape[1])):
            raise MaskSourceError(f"image {image_name!r} is too narrow for SAM.", remedy="Leave it out.")
        try:
            return self.model.embed(image)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            free_memory()
            raise MaskSourceError(
                f"no memory is left to embed image {image_name!r}.",
                remedy="Use a smaller model or device cpu.",
            ) from error


class SamMasks:
    """One embedded image as a source of masks; made by `SamSource.prepare`.

    Attributes
    ----------
    padded : bool
        Whether the embedding covers the image padded to a square at the right and the bottom; else just the
        image.
    """

    def __init__(
        self,
        model: PromptableModel,
        embedding: Embedding,
        shape: tuple[int, int],
        settings: AutomaticSettings,
        batch: int,
        cancel: CancelToken,
        between: BatchCallback,
    ) -> None:
        self.padded = model.padded
        self._model = model
        self._embedding = embedding
        self._shape = shape
        self._settings = settings
        self._batch = batch
        self._cancel = cancel
        self._between = between

    def embedding(self) -> NDArray[np.float32]:
        """The image embedding, float32 (C, h, w).

        Where `padded`, the image itself fills h * H / max(H, W) rows and w * W / max(H, W) columns from the
        top left.
        """
        return self.arrays()[0][0]

    def arrays(self) -> tuple[NDArray[np.float32], ...]:
        """All that the decoder needs of the image; see `SamSource.resume`."""
        return tuple(part.cpu().numpy() for part in self._embedding)

    def proposals(self) -> MaskSet:
        """Masks of a grid of points; tells of progress and checks for cancelling after every pass."""
        self._cancel.raise_if_cancelled()
        return automatic_masks(
            self._model,
            self._embedding,
            self._shape,
            self._settings,
            points_per_batch=self._batch,
            between=self._between,
        )

    def answer(self, prompts: Sequence[Prompt]) -> MaskSet:
        """One mask for each prompt, all prompts with the same number of points in one pass."""
        return answer_prompts(
            self._model,
            self._embedding,
            self._shape,
            prompts,
            prompts_per_batch=self._batch,
            between=self._cancel.raise_if_cancelled,
        )


def image_sha256(image: NDArray[np.uint8]) -> str:
    """SHA-256 of an image's shape and pixels."""
    return hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).hexdigest()


def _duration(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
