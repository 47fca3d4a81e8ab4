"""Meta's ``.pth`` files, by the models of the ``segment_anything`` package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything import sam_model_registry

from seco_core.errors import WeightsError
from seco_core.masks.sam.model import Decoded, Embedding, InputPrompts, PromptableModel
from seco_core.weights import WHERE

ENCODER_WIDTHS = {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}
"""Model type by the width of its image encoder."""


class SegmentAnythingModel(PromptableModel):
    """A `segment_anything.modeling.Sam`.

    Parameters
    ----------
    sam : segment_anything.modeling.Sam
        In evaluation mode. It is moved to the device; for bfloat16 its image encoder is converted in place.
    kind : str
        ``"vit_b"``, ``"vit_l"`` or ``"vit_h"``.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    precision : torch.dtype
        float32 or bfloat16.
    """

    padded = True

    def __init__(
        self, sam: Any, kind: str, device: str = "cpu", precision: torch.dtype = torch.float32
    ) -> None:
        self.kind = kind
        self.device = torch.device(device)
        self.precision = precision
        self._sam = sam.to(self.device)
        # the whole encoder and not autocast, which would run its large softmax and norms in float32
        self._sam.image_encoder.to(precision)
        self.size = int(sam.image_encoder.img_size)
        self.mask_threshold = float(sam.mask_threshold)
        # prompts whose masks are upscaled at once: about 40 MB each
        self._at_once = 16 if self.device.type == "cuda" else 4

    @torch.inference_mode()
    def embed(self, image: NDArray[np.uint8]) -> Embedding:
        """Run the image encoder; see `PromptableModel.embed`."""
        pixels = torch.from_numpy(self.resize(image)).to(self.device).permute(2, 0, 1)[None]
        batch = self._sam.preprocess(pixels).to(self.precision)
        return (self._sam.image_encoder(batch).float(),)

    @torch.inference_mode()
    def decode(
        self, embedding: Embedding, prompts: InputPrompts, *, multimask: bool, least_iou: float | None = None
    ) -> Decoded:
        """Answer prompts; see `PromptableModel.decode`.

        The decoder expects a mask's IoU before it draws the mask, so masks that are not wanted are not drawn.
        """
        sparse, dense = self._sam.prompt_encoder(
            points=None if prompts.points is None else (self._tensor(prompts.points), self._labels(prompts)),
            boxes=None if prompts.boxes is None else self._tensor(prompts.boxes),
            masks=None,
        )
        decoder, count = self._sam.mask_decoder, len(sparse)
        positions = self._sam.prompt_encoder.get_dense_pe()
        with self.autocast():
            own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
            tokens, image = decoder.transformer(
                (embedding[0] + dense[:1]).expand(count, -1, -1, -1),
                positions.expand(count, -1, -1, -1),
                torch.cat([own.expand(count, -1, -1), sparse], dim=1),
            )
            chosen = range(1, decoder.num_mask_tokens) if multimask else range(1)
            iou = decoder.iou_prediction_head(tokens[:, 0])[:, chosen.start : chosen.stop].float()
            wanted = torch.ones_like(iou, dtype=torch.bool) if least_iou is None else iou > least_iou
            drawn = wanted.any(dim=1).nonzero()[:, 0]
            parts = [
                self._draw(tokens[some], image[some], chosen)[wanted[some]]
                for some in drawn.split(self._at_once)
                if len(some)
            ]
        side = self.size // 4 if not parts else parts[0].shape[-1]
        logits = torch.cat(parts) if parts else torch.zeros((0, side, side), device=self.device)
        return Decoded(logits, iou[wanted])

    def _draw(self, tokens: torch.Tensor, image: torch.Tensor, chosen: range) -> torch.Tensor:
        """Mask logits (B, M, h, w) from the decoded tokens (B, T, C) and the decoded image (B, cells, C)."""
        decoder = self._sam.mask_decoder
        side = self._sam.prompt_encoder.image_embedding_size
        fine = decoder.output_upscaling(image.transpose(1, 2).unflatten(2, side))
        weights = torch.stack([decoder.output_hypernetworks_mlps[i](tokens[:, 1 + i]) for i in chosen], dim=1)
        return (weights @ fine.flatten(2)).unflatten(2, fine.shape[2:]).float()

    def _tensor(self, values: NDArray[np.float64]) -> torch.Tensor:
        # positions are divided in float64, as the stock generator does, except where there is none
        kind = torch.float32 if self.device.type == "mps" else torch.float64
        return torch.as_tensor(values, dtype=kind, device=self.device)

    def _labels(self, prompts: InputPrompts) -> torch.Tensor:
        return torch.as_tensor(prompts.labels, dtype=torch.int, device=self.device)


def load_pth(path: Path, model: str, device: str, precision: torch.dtype) -> SegmentAnythingModel:
    """Load a ``.pth`` file of Segment Anything.

    Parameters
    ----------
    path : Path
        One of Meta's files, or one of the same form.
    model : str
        ``"vit_b"``, ``"vit_l"``, ``"vit_h"``, or ``"auto"``: what the file holds.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    precision : torch.dtype
        float32 or bfloat16.

    Raises
    ------
    WeightsError
        If the file is damaged, no SAM or another type than asked for.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen types for a damaged file
        raise WeightsError(
            f"is damaged or is not a file of weights ({type(error).__name__}).", path=path, remedy=WHERE
        ) from error
    found = _model_type(state)
    if found is None:
        raise WeightsError("does not hold weights of vit_b, vit_l or vit_h.", path=path, remedy=WHERE)
    if model not in ("auto", found):
        raise WeightsError(f"holds {found}, not {model}.", path=path, remedy='Set masks.model to "auto".')
    sam = sam_model_registry[found]()
    try:
        sam.load_state_dict(state)
    except RuntimeError as error:
        problem = str(error).splitlines()[-1].strip()
        raise WeightsError(f"does not fit {found}: {problem}", path=path, remedy=WHERE) from error
    return SegmentAnythingModel(sam.eval(), found, device, precision)


def _model_type(state: Any) -> str | None:
    try:
        return ENCODER_WIDTHS.get(state["image_encoder.patch_embed.proj.weight"].shape[0])
    except (KeyError, TypeError, AttributeError, IndexError):
        return None
