"""The mask source's view of the current image, had in the background when a tool will want it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from psygnal import Signal

from seco_core.parameters import Parameters
from seco_core.pipeline.image_masks import SeenImage, see_image
from seco_core.progress import CancelToken, ProgressCallback
from seco_core.project import Project
from seco_viewer.workers import Job, import_torch


class MasksAhead:
    """Looks at one image at a time with the project's mask source; the last one seen is kept.

    Parameters
    ----------
    project : Project
        It is opened anew in the thread. The latest run says which mask source it has; before any it is the
        one without weights.
    """

    ready = Signal(SeenImage)
    """The wanted image has been looked at."""
    failed = Signal(str)
    """It could not be."""

    def __init__(self, project: Project):
        self._project = project
        self._job: Job | None = None
        self._wanted: int | None = None
        self._looked_at: int | None = None
        self.seen: SeenImage | None = None

    def want(self, image_id: int) -> SeenImage | None:
        """The view of an image if it is there; else it is got, and `ready` tells."""
        self._wanted = image_id
        if self.seen is not None and self.seen.image_id == image_id:
            return self.seen
        if self._job is None:
            self._begin(image_id)
        elif self._looked_at != image_id:
            self._job.cancel()
        return None

    def forget(self) -> None:
        """Drop what was seen, because the project's mask source may be another now."""
        self.seen = None

    def stop(self) -> None:
        """Want nothing more."""
        self._wanted = None
        if self._job is not None:
            self._job.cancel()

    def _begin(self, image_id: int) -> None:
        work = partial(_see, self._project.path, image_id, self._project.parameters(), self.seen)
        self._job, self._looked_at = Job(work, "SeCo masks"), image_id
        self._job.succeeded.connect(self._succeeded)
        self._job.failed.connect(self._failed)
        self._job.ended.connect(self._ended)
        self._job.start()

    def _succeeded(self, seen: SeenImage) -> None:
        self.seen = seen

    def _failed(self, text: str) -> None:
        if self._wanted is not None:
            self._wanted = None
            self.failed.emit(text)

    def _ended(self) -> None:
        self._job = None
        if self._wanted is None:
            return
        if self.seen is not None and self.seen.image_id == self._wanted:
            self.ready.emit(self.seen)
        else:  # the reviewer has gone on meanwhile
            self._begin(self._wanted)


def _see(
    path: Path,
    image_id: int,
    parameters: Parameters,
    before: SeenImage | None,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> SeenImage:
    if parameters.masks.source == "sam":
        import_torch()
    return see_image(path, image_id, parameters, before=before, progress=progress, cancel=cancel)
