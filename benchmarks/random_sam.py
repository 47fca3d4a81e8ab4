"""Segment Anything with random weights that answers prompts with masks around their points.

Real weights are not needed to compare two ways of running a model; but with plain random weights all prompts
get much the same mask, and non-maximum suppression leaves a single one. Here the decoder's attention between
points and image is tied to positions, so every point gets masks of its own.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

_GAIN = 3.0
"""How closely attention follows positions."""

_VARIETY = 0.05
"""How far the masks of a prompt differ."""

_CONTRAST = 100.0
"""Factor on mask logits: with more, masks are more stable."""


def random_sam(
    size: int = 128,
    *,
    width: int = 48,
    depth: int = 1,
    heads: int = 2,
    channels: int = 32,
    seed: int = 0,
    tied: bool = True,
) -> Any:
    """A `segment_anything.modeling.Sam` in evaluation mode.

    Parameters
    ----------
    size : int
        Side of its square input, a multiple of 16.
    width, depth, heads : int
        Of the image encoder.
    channels : int
        Of the image embedding and the decoder.
    seed : int
        Decides the weights.
    tied : bool
        Tie attention to positions. The strong attention that this takes amplifies rounding.
    """
    from segment_anything.modeling import (
        ImageEncoderViT,
        MaskDecoder,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    torch.manual_seed(seed)
    grid = size // 16
    sam = Sam(
        image_encoder=ImageEncoderViT(
            img_size=size,
            depth=depth,
            embed_dim=width,
            num_heads=heads,
            mlp_ratio=1,
            out_chans=channels,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            global_attn_indexes=[depth - 1],
            window_size=14,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=channels,
            image_embedding_size=(grid, grid),
            input_image_size=(size, size),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer_dim=channels,
            iou_head_hidden_dim=channels,
            transformer=TwoWayTransformer(
                depth=2, embedding_dim=channels, mlp_dim=8 * channels, num_heads=max(2, channels // 32)
            ),
        ),
    ).eval()
    if not tied:
        return sam
    with torch.no_grad():
        for parameter in sam.mask_decoder.parameters():
            if parameter.ndim > 1:
                parameter.mul_(2.0)
        for index in (0, 3):  # no pattern within the cells of the embedding
            upscaling = sam.mask_decoder.output_upscaling[index].weight
            upscaling.copy_(2 * upscaling.mean(dim=(2, 3), keepdim=True).expand_as(upscaling))
        sam.prompt_encoder.point_embeddings[1].weight.mul_(0.3)
        for layer in sam.mask_decoder.transformer.layers:
            for attention in (layer.cross_attn_token_to_image, layer.cross_attn_image_to_token):
                weight = torch.randn_like(attention.q_proj.weight) * _GAIN / channels**0.5
                attention.q_proj.weight.copy_(weight)
                attention.k_proj.weight.copy_(weight)
            layer.cross_attn_image_to_token.out_proj.weight.mul_(3.0)
    return sam


def calibrate(sam: Any, image: NDArray[np.uint8], share: float = 0.1, iou_share: float = 0.5) -> None:
    """Make masks of an image cover a share of it, and a share of them pass an IoU threshold of 0.88."""
    from segment_anything import SamPredictor

    predictor = SamPredictor(sam)
    predictor.set_image(image)
    across = (np.arange(8) + 0.5) / 8
    points = np.stack(np.meshgrid(across * image.shape[1], across * image.shape[0]), axis=-1).reshape(
        -1, 1, 2
    )
    moved = torch.from_numpy(predictor.transform.apply_coords(points, image.shape[:2]))
    seen: list[torch.Tensor] = []
    hook = sam.mask_decoder.output_upscaling.register_forward_hook(lambda *args: seen.append(args[2]))
    predictor.predict_torch(moved, torch.ones(64, 1))
    hook.remove()
    # read out what sets the surroundings of a point apart from the rest
    fine, side = seen[0], seen[0].shape[-1]
    place = (torch.arange(side) + 0.5) * (sam.image_encoder.img_size / side)
    distance = (place[None, None, :] - moved[:, 0, 0, None, None]) ** 2 + (
        place[None, :, None] - moved[:, 0, 1, None, None]
    ) ** 2
    near = (distance < (sam.image_encoder.img_size / 10) ** 2).float()
    direction = (fine * near[:, None]).sum(dim=(0, 2, 3)) / near.sum() - fine.mean(dim=(0, 2, 3))
    with torch.no_grad():
        for mlp in sam.mask_decoder.output_hypernetworks_mlps:
            last = mlp.layers[-1]
            last.weight.mul_(_VARIETY * _CONTRAST)
            last.bias.copy_(_CONTRAST * direction / direction.norm())
        _, iou, logits = predictor.predict_torch(moved, torch.ones(64, 1))
        sam.mask_decoder.iou_prediction_head.layers[-1].bias.add_(
            0.88 - float(np.quantile(iou, 1 - iou_share))
        )
    sam.mask_threshold = float(np.quantile(logits, 1 - share))
