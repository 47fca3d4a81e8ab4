"""Projects as files and folders, and opening one for review. No window is needed."""

from __future__ import annotations

from pathlib import Path

from seco_core.errors import ProjectReadOnlyError
from seco_core.project import Project
from seco_core.project.store import STORE_NAME
from seco_viewer.session import Session


def get_project(path: Path | str) -> Path | None:
    """The project folder that a path means: the folder itself, the store in it, or the folder around one
    called ``project``, as the example has it; None if it is none of them."""
    path = Path(path)
    folder = path.parent if path.name == STORE_NAME else path
    return next((f for f in (folder, folder / "project") if (f / STORE_NAME).is_file()), None)


def open_session(path: Path) -> Session:
    """Open a project folder for review; for reading only if it cannot be written.

    Raises
    ------
    ProjectError, ProjectVersionError
        If it is none, or of another version.
    """
    try:
        project = Project.open(path)
    except ProjectReadOnlyError:
        project = Project.open(path, readonly=True)
    try:
        return Session(project)
    except BaseException:
        project.close()
        raise


def all_skipped(session: Session) -> bool:
    """Whether no image of the project could be used."""
    return all(record.status == "skipped" for record in session.project.images)
