"""The mask source that the parameters name."""

from __future__ import annotations

from pathlib import Path

from seco_core.errors import MaskSourceError, WeightsError
from seco_core.masks.base import MaskSource
from seco_core.masks.files import FilesSource, check_folder
from seco_core.parameters import MaskParameters
from seco_core.progress import ProgressCallback, ignore_progress
from seco_core.weights import find_weights


def check_mask_source(parameters: MaskParameters) -> None:
    """Find out quickly whether what a mask source needs is there, before anything is made for a run.

    Raises
    ------
    WeightsError
        If SAM's weights are not there.
    MaskSourceError
        If no folder of mask files is named, or it is missing.
    """
    if parameters.source == "sam":
        find_weights(parameters.checkpoint)
    if parameters.source == "files":
        if not parameters.folder:
            raise MaskSourceError("no folder of mask files is named.", remedy="Set masks.folder.")
        check_folder(parameters.folder)


def open_mask_source(
    parameters: MaskParameters,
    device: str = "auto",
    *,
    cache_folder: Path | None = None,
    progress: ProgressCallback = ignore_progress,
) -> MaskSource:
    """The mask source for a run.

    Parameters
    ----------
    parameters : MaskParameters
        Which source, and what it needs.
    device : str
        Where SAM runs: ``"auto"`` (cuda, else cpu), ``"cpu"``, ``"cuda"`` or ``"mps"``.
    cache_folder : Path, optional
        Where SAM's embeddings and masks are kept, up to ``cache_gb``; nowhere if left out.
    progress : callable, optional
        Told by SAM how far it is on an image, in the thread that works on it.

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
    check_mask_source(parameters)
    if parameters.source == "files":
        return FilesSource(parameters.folder)
    try:
        from seco_core.masks.sam import SamSource, load_model
        from seco_core.masks.sam.automatic import AutomaticSettings
    except ImportError as error:
        raise WeightsError(
            f"SAM cannot be used: {error}.", remedy="Install torch and a torchvision that fits it."
        ) from error
    model, sha256 = load_model(
        parameters.checkpoint, parameters.model, device=device, precision=parameters.precision
    )
    source = SamSource(
        model,
        sha256=sha256,
        settings=AutomaticSettings(
            points_per_side=parameters.points_per_side,
            pred_iou_thresh=parameters.pred_iou_thresh,
            stability_score_thresh=parameters.stability_score_thresh,
            min_mask_region_area=parameters.min_mask_region_area,
        ),
        points_per_batch=parameters.points_per_batch,
        progress=progress,
    )
    limit = int(parameters.cache_gb * 1e9)
    if cache_folder is None or not limit:
        return source
    from seco_core.masks.cache import CachedSource, FileCache

    return CachedSource(source, FileCache(cache_folder, limit))
