"""Region encoders: a vector for each region of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seco_core.encoders.base import RegionEncoder, pool_feature_map
from seco_core.encoders.descriptor import DescriptorEncoder
from seco_core.errors import ParameterError

if TYPE_CHECKING:
    from seco_core.masks.base import MaskSource

__all__ = ["DescriptorEncoder", "RegionEncoder", "make_encoder", "pool_feature_map"]

_REMEDY = 'One of: "descriptor", "cnn", "sam", "timm:<model>", "timm:<model>+pretrained".'


def make_encoder(
    spec: str, *, device: str = "cpu", seed: int = 0, mask_source: MaskSource | None = None
) -> RegionEncoder:
    """Make the encoder that a specification names.

    Parameters
    ----------
    spec : str
        ``"descriptor"`` (no weights); ``"cnn"`` (the same and a small network trained on the pseudo-label,
        which the pipeline does once all regions are known); ``"sam"`` (the image embedding of the mask
        source); ``"timm:<model>"``, a timm backbone with random weights, or ``"timm:<model>+pretrained"``
        with timm's published ones, which are downloaded.
    device : str
        Where networks run, such as ``"cpu"`` or ``"cuda"``.
    seed : int
        Decides random weights.
    mask_source : MaskSource, optional
        Needed by ``"sam"``.

    Raises
    ------
    ParameterError
        If there is no such encoder or timm model, or ``"sam"`` is asked for without a SAM mask source.
    WeightsError
        If published weights cannot be had.
    """
    if spec == "descriptor":
        return DescriptorEncoder()
    if spec == "cnn":
        from seco_core.encoders.cnn import CnnEncoder

        return CnnEncoder()
    if spec == "sam":
        from seco_core.encoders.sam import SamEncoder

        if mask_source is None or mask_source.name != "sam":
            raise ParameterError(
                "the encoder 'sam' needs the mask source 'sam'.", remedy='Set masks.source to "sam".'
            )
        return SamEncoder(mask_source)
    kind, _, model = spec.partition(":")
    if kind == "timm" and model:
        from seco_core.encoders.timm import TimmEncoder

        return TimmEncoder(
            model.removesuffix("+pretrained"),
            pretrained=model.endswith("+pretrained"),
            device=device,
            seed=seed,
        )
    raise ParameterError(f"there is no region encoder {spec!r}.", remedy=_REMEDY)
