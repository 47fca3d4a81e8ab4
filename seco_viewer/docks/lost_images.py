"""Which images are gone or were replaced, found out in the background without reading any."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from seco_core.pipeline.inputs import lost_images
from seco_core.progress import CancelToken, ProgressCallback
from seco_core.project import Project
from seco_viewer.session import Session
from seco_viewer.workers import Job


class LostImages:
    """Looks for a project's images once, until that is forgotten.

    Parameters
    ----------
    session : Session
        Is told of those that are lost.
    """

    def __init__(self, session: Session):
        self._session = session
        self._job: Job | None = None
        self._looked = False

    def look(self) -> None:
        """Look for them if that was not done yet; the session hears of them later."""
        if self._looked:
            return
        self._looked = True
        self._job = Job(partial(_find, self._session.project.path), "SeCo looks for images")
        self._job.succeeded.connect(self._session.images_lost)
        self._job.start()

    def forget(self) -> None:
        """Have them looked for anew the next time; what is just being found is not told any more."""
        self._looked = False
        if self._job is not None:
            self._job.cancel()
            self._job.blockSignals(True)
            self._job = None


def _find(path: Path, progress: ProgressCallback, cancel: CancelToken) -> dict[int, str]:
    with Project.open(path, readonly=True) as project:
        return {image_id: str(error) for image_id, error in lost_images(project, cancel).items()}
