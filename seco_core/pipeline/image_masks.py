"""The masks of one image, for choosing pixels by hand. Nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seco_core.masks.base import ImageMasks, MaskSet, MaskSource
from seco_core.masks.sources import open_mask_source
from seco_core.parameters import MaskParameters, Parameters
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.project import Project


@dataclass(frozen=True, eq=False)
class SeenImage:
    """An image that a mask source has looked at.

    Attributes
    ----------
    image_id : int
        The image.
    proposals : MaskSet
        Automatic masks of the whole image.
    masks : ImageMasks
        Answers prompts.
    source : MaskSource
        What has looked; pass it on for the next image, since SAM takes long to load.
    parameters : MaskParameters
        Of the source.
    """

    image_id: int
    proposals: MaskSet
    masks: ImageMasks
    source: MaskSource
    parameters: MaskParameters


def see_image(
    project_path: Path | str,
    image_id: int,
    parameters: Parameters,
    *,
    before: SeenImage | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> SeenImage:
    """Let a mask source look at an image of a project.

    Opens its own store, for reading: call it from any thread.

    Parameters
    ----------
    project_path : path-like
        The project folder.
    image_id : int
        The image.
    parameters : Parameters
        Of which those of the masks, and the device, matter.
    before : SeenImage, optional
        An image seen earlier, whose source is used again if it has the same parameters.
    progress : callable, optional
        Called in this thread after every step.
    cancel : CancelToken, optional
        Stops between steps.

    Raises
    ------
    Cancelled
        If `cancel` was set.
    SecoError
        If the image is bad, or the mask source cannot be had or has no masks for it.
    """
    cancel = cancel or CancelToken()
    with Project.open(project_path, readonly=True) as project:
        record, image = project.images[image_id], project.read_image(image_id)
    progress(ProgressEvent("masks", 0, 3, "opening the mask source"))
    if before is not None and before.parameters == parameters.masks:
        source = before.source
    else:
        source = open_mask_source(
            parameters.masks, parameters.device, cache_folder=Path(project_path) / "cache", progress=progress
        )
    cancel.raise_if_cancelled()
    progress(ProgressEvent("masks", 1, 3, "looking at the image"))
    masks = source.prepare(image, record.name, cancel)
    cancel.raise_if_cancelled()
    progress(ProgressEvent("masks", 2, 3, "finding masks"))
    found = masks.proposals()
    progress(ProgressEvent("masks", 3, 3))
    return SeenImage(image_id, found, masks, source, parameters.masks)
