"""Opening the mask source that the parameters name."""

from __future__ import annotations

from seco_core.errors import MaskSourceError, WeightsError
from seco_core.masks.base import MaskSource
from seco_core.parameters import MaskParameters


def open_mask_source(parameters: MaskParameters, device: str = "auto") -> MaskSource:
    """The mask source for a run.

    Parameters
    ----------
    parameters : MaskParameters
        Which source, and what it needs.
    device : str
        Where SAM runs: ``"auto"`` (cuda, else cpu), ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Raises
    ------
    WeightsError
        If SAM's weights are missing or wrong, or SAM is not installed completely.
    MaskSourceError
        If the folder of mask files is missing.
    ParameterError
        If this machine has no such device.
    """
    if parameters.source == "hierarchy":
        from seco_core.masks.hierarchy import HierarchySource

        return HierarchySource(parameters.parts)
    if parameters.source == "files":
        from seco_core.masks.files import FilesSource

        if not parameters.folder:
            raise MaskSourceError("no folder of mask files is named.", remedy="Set masks.folder.")
        return FilesSource(parameters.folder)
    try:
        from seco_core.masks.sam import SamSource, load_sam
    except ImportError as error:
        raise WeightsError(
            f"SAM cannot be used: {error}.",
            remedy="Install segment-anything, torch and a torchvision that fits it.",
        ) from error
    sam, sha256 = load_sam(parameters.checkpoint, parameters.model)
    return SamSource(sam, sha256=sha256, points_per_side=parameters.points_per_side, device=device)
