"""PSA of one image with other parameters, to see what they would change. Nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seco_core.masks.base import ImageMasks, MaskSet, Prompt
from seco_core.masks.sources import open_mask_source
from seco_core.parameters import Parameters
from seco_core.pipeline.image_work import aggregate_around
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.project import Project
from seco_core.psa import prompts_of
from seco_core.psa.prompts import ThingPrompt
from seco_core.refine import override_owner
from seco_core.regions import label_components


@dataclass(frozen=True, eq=False)
class PsaTrial:
    """What PSA gives for an image with parameters that are tried.

    Attributes
    ----------
    image_id : int
        The image.
    parameters : Parameters
        What was tried.
    class_map : ndarray of uint8, (H, W)
        What a run with these parameters would store; 255 = ignore.
    before : ndarray of uint8, (H, W)
        The stored map after PSA; the pseudo-label if there is none.
    stored : bool
        Whether there is a stored map.
    regions, regions_before : int
        Regions of the two maps.
    proposals : MaskSet
        Automatic masks of the image.
    prompts : tuple of ThingPrompt
        What was asked for things.
    decided : ndarray of bool, (H, W)
        Pixels that people have decided, which keep what was decided in any case.
    """

    image_id: int
    parameters: Parameters
    class_map: NDArray[np.uint8]
    before: NDArray[np.uint8]
    stored: bool
    regions: int
    regions_before: int
    proposals: MaskSet
    prompts: tuple[ThingPrompt, ...]
    decided: NDArray[np.bool_]

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Pixels whose class the parameters change and nobody has decided, (H, W)."""
        return (self.class_map != self.before) & ~self.decided


def try_psa(
    project_path: Path | str,
    image_id: int,
    parameters: Parameters,
    *,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> PsaTrial:
    """Run PSA on one image with other parameters than the project's.

    Opens its own store, for reading: call it from any thread. What SAM says is kept in the project's cache.

    Parameters
    ----------
    project_path : path-like
        The project folder.
    image_id : int
        The image.
    parameters : Parameters
        Of which only those of masks and PSA, and the device, matter.
    progress : callable, optional
        Called in this thread after every step.
    cancel : CancelToken, optional
        Stops between steps.

    Raises
    ------
    Cancelled
        If `cancel` was set.
    SecoError
        If a file is bad, or the mask source cannot be had or has no masks for the image.
    """
    cancel = cancel or CancelToken()
    steps = ("opening the mask source", "looking for masks", "aggregating", "comparing")

    def begin(step: int) -> None:
        cancel.raise_if_cancelled()
        progress(ProgressEvent("psa", step, len(steps), steps[step]))

    with Project.open(project_path, readonly=True) as project:
        record = project.images[image_id]
        image = project.read_image(image_id)
        shape = (image.shape[0], image.shape[1])
        pseudo_label = project.read_pseudo_label(image_id, shape)
        confidence = project.read_confidence(image_id, shape)
        stored = project.read_psa(image_id)
        overrides = project.overrides.active(image_id)
        begin(0)
        source = open_mask_source(
            parameters.masks, parameters.device, cache_folder=project.path / "cache", progress=progress
        )
        begin(1)
        masks = _AskedOnce(source.prepare(image, record.name, cancel))
        begin(2)
        psa, scheme = parameters.psa, project.scheme
        class_map, cuts = aggregate_around(pseudo_label, confidence, masks, scheme, psa, overrides)
        begin(3)
        before = pseudo_label if stored is None or stored.shape != shape else stored
        return PsaTrial(
            image_id=image_id,
            parameters=parameters,
            class_map=class_map,
            before=before,
            stored=before is stored,
            regions=label_components(class_map, cuts)[1],
            regions_before=label_components(before, cuts)[1],
            proposals=masks.proposals(),
            prompts=tuple(prompts_of(pseudo_label, confidence, scheme, psa)),
            decided=override_owner(shape, overrides) > 0,
        )


class _AskedOnce:
    """Masks of an image whose proposals are found once."""

    def __init__(self, masks: ImageMasks) -> None:
        self._masks = masks
        self._proposals = masks.proposals()

    def proposals(self) -> MaskSet:
        return self._proposals

    def answer(self, prompts: Sequence[Prompt]) -> MaskSet:
        return self._masks.answer(prompts)
