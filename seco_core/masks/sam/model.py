"""What a promptable model is: it embeds an image once, then decodes prompts to masks.

Every model takes square images. SAM and SAM-HQ scale the image to fit and pad it at the right and the
bottom; SAM 2 and SAM 3 stretch it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

Embedding = tuple[torch.Tensor, ...]
"""The image embedding (1, C, h, w), then whatever else of the encoder the decoder needs; float32."""


@dataclass(frozen=True)
class InputPrompts:
    """B prompts with the same number K of points, in pixels of the model's input.

    Attributes
    ----------
    points : ndarray of float64, (B, K, 2) or None
        x, y.
    labels : ndarray of int64, (B, K) or None
        1 = inside the object, 0 = outside.
    boxes : ndarray of float64, (B, 4) or None
        x0, y0, x1, y1.
    """

    points: NDArray[np.float64] | None = None
    labels: NDArray[np.int64] | None = None
    boxes: NDArray[np.float64] | None = None

    def part(self, some: slice) -> InputPrompts:
        """Some of the prompts."""
        return InputPrompts(
            points=None if self.points is None else self.points[some],
            labels=None if self.labels is None else self.labels[some],
            boxes=None if self.boxes is None else self.boxes[some],
        )


@dataclass(frozen=True)
class Decoded:
    """Masks that a model answered, at its own low resolution.

    Attributes
    ----------
    logits : Tensor of float32, (N, h, w)
        Above the model's `mask_threshold` is inside.
    iou : Tensor of float32, (N,)
        Intersection over union that the model expects of each mask, about 0..1.
    """

    logits: torch.Tensor
    iou: torch.Tensor


class PromptableModel(ABC):
    """One of the SAM family, on its device.

    Attributes
    ----------
    kind : str
        What it is, such as ``"vit_b"`` or ``"sam2"``.
    size : int
        Side of its square input in pixels.
    padded : bool
        Whether images are scaled to fit and padded; else they are stretched.
    mask_threshold : float
        Logits above it are inside a mask.
    precision : torch.dtype
        ``torch.float32``, or ``torch.bfloat16``: the networks but not the positions, sums and masks.
    device : torch.device
        Where it runs.
    """

    kind: str
    size: int
    padded: bool
    mask_threshold: float
    precision: torch.dtype
    device: torch.device

    @abstractmethod
    def embed(self, image: NDArray[np.uint8]) -> Embedding:
        """Run the image encoder on an RGB image (H, W, 3) that `fits`."""

    @abstractmethod
    def decode(
        self, embedding: Embedding, prompts: InputPrompts, *, multimask: bool, least_iou: float | None = None
    ) -> Decoded:
        """Answer B prompts.

        Parameters
        ----------
        embedding : tuple of Tensor
            From `embed`.
        prompts : InputPrompts
            See `to_input`.
        multimask : bool
            Three masks for each prompt instead of one.
        least_iou : float, optional
            Only masks whose expected IoU is above this are returned; without it all are. What need not be
            returned need not be computed.

        Returns
        -------
        Decoded
            In order of prompts, then masks.
        """

    def fits(self, shape: tuple[int, int]) -> bool:
        """Whether an image (H, W) keeps at least a pixel of its short side in the input."""
        return min(self.scaled(shape)) > 0

    def scaled(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of the input that an image (H, W) covers, from the top left."""
        if not self.padded:
            return self.size, self.size
        scale = self.size * 1.0 / max(shape)
        return int(shape[0] * scale + 0.5), int(shape[1] * scale + 0.5)

    def resize(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The image at the size that `scaled` says."""
        rows, columns = self.scaled((image.shape[0], image.shape[1]))
        return np.array(Image.fromarray(image).resize((columns, rows), Image.Resampling.BILINEAR))

    def to_input(self, xy: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float64]:
        """Coordinates x, y (..., 2) of an image (H, W) as pixels of the input."""
        rows, columns = self.scaled(shape)
        return np.asarray(xy, dtype=np.float64) * (columns / shape[1], rows / shape[0])

    def upscale(self, logits: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        """Logits (N, h, w) at the size of the image, (N, H, W)."""
        full = logits[:, None]
        if self.padded:
            rows, columns = self.scaled(shape)
            full = functional.interpolate(full, (self.size, self.size), mode="bilinear", align_corners=False)
            full = full[..., :rows, :columns]
        return functional.interpolate(full, shape, mode="bilinear", align_corners=False)[:, 0]

    def autocast(self) -> Any:
        """Context in which networks run at the model's precision."""
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.precision == torch.bfloat16
        )


def resolve_precision(name: str, device: str) -> torch.dtype:
    """The precision for ``"float32"``, ``"bfloat16"`` or ``"auto"``: bfloat16 on CUDA that has it."""
    if name == "auto":
        capable = device == "cuda" and torch.cuda.get_device_capability()[0] >= 8
        name = "bfloat16" if capable else "float32"
    return torch.bfloat16 if name == "bfloat16" else torch.float32
