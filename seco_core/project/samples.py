"""Which images a project has: samples of a dataset in the store, wherever the dataset's folder is now."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from seco_core.dataset import Dataset, Sample
from seco_core.errors import ProjectError
from seco_core.project.store import transaction


def add_dataset(
    connection: sqlite3.Connection, project: Path, root: Path, dataset: Dataset
) -> tuple[Path, int]:
    """Add the images of a dataset that a project does not have yet; see `Project.add_samples`.

    Parameters
    ----------
    connection : sqlite3.Connection
        The project's store.
    project : Path
        The project's folder.
    root : Path
        The folder that the project knows its dataset in.
    dataset : Dataset
        The images there are now.

    Returns
    -------
    root : Path
        The dataset's folder, which may have been moved.
    new : int
        How many images are new.

    Raises
    ------
    ProjectError
        If an image has the name of another one of the project. Nothing is changed then.
    """
    known, new, moved_to = _match(connection, project, root, dataset)
    with transaction(connection):
        if moved_to != root:
            from_project = relative(moved_to, project.absolute()) or ""
            connection.executemany(
                "UPDATE meta SET value = ? WHERE key = ?",
                [(str(moved_to), "data_root"), (from_project, "data_root_from_project")],
            )
        _update_samples(connection, known, moved_to)
        count = connection.execute("SELECT count(*) FROM images").fetchone()[0]
        insert_samples(connection, enumerate(new, start=count), moved_to)
    return moved_to, len(new)


def _match(
    connection: sqlite3.Connection, project: Path, root: Path, dataset: Dataset
) -> tuple[list[tuple[int, Sample]], list[Sample], Path]:
    """Samples that the project has, with their image ids; those it has not; the dataset's folder."""
    rows = connection.execute("SELECT id, name, image FROM images").fetchall()
    if not os.path.exists(root) and all((dataset.root / row["image"]).exists() for row in rows):
        root = dataset.root.absolute()  # the data's folder was moved or renamed
    by_path = {_path_key(root / row["image"]): row for row in rows}
    by_name = {row["name"].casefold(): row for row in rows}
    known: list[tuple[int, Sample]] = []
    new: list[Sample] = []
    for sample in dataset.samples:
        row = by_path.get(_path_key(sample.image)) or by_name.get(sample.name.casefold())
        if row is None:
            new.append(sample)
            continue
        old = root / row["image"]
        if _path_key(old) != _path_key(sample.image) and old.exists() and not old.samefile(sample.image):
            raise ProjectError(
                f"the project's image {row['name']} is {old}, the dataset's is {sample.image}.",
                path=project,
                remedy="Choose another project folder for this dataset.",
            )
        known.append((row["id"], sample))
    return known, new, root


def insert_samples(connection: sqlite3.Connection, samples: Iterable[tuple[int, Sample]], root: Path) -> None:
    """Store samples as images with the ids given; paths as they are from `root`."""
    numbered = list(samples)
    connection.executemany(
        "INSERT INTO images (id, name, image, pseudo_label, confidence) VALUES (?, ?, ?, ?, ?)",
        [
            (i, s.name, *(_shorten(path, root) for path in (s.image, s.pseudo_label, s.confidence)))
            for i, s in numbered
        ],
    )
    _set_ground_truth(connection, numbered, root)


def _update_samples(connection: sqlite3.Connection, samples: list[tuple[int, Sample]], root: Path) -> None:
    connection.executemany(
        "UPDATE images SET image = ?, pseudo_label = ?, confidence = coalesce(?, confidence) WHERE id = ?",
        [
            (*(_shorten(path, root) for path in (s.image, s.pseudo_label, s.confidence)), i)
            for i, s in samples
        ],
    )
    _set_ground_truth(connection, samples, root)


def _set_ground_truth(connection: sqlite3.Connection, samples: list[tuple[int, Sample]], root: Path) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO ground_truth VALUES (?, ?)",
        [(i, _shorten(s.ground_truth, root)) for i, s in samples if s.ground_truth is not None],
    )


def _shorten(path: Path | None, root: Path) -> str | None:
    """A path as it is stored: relative to the dataset's folder where it can be."""
    if path is None:
        return None
    path = path.absolute()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _path_key(path: Path) -> str:
    return os.path.normcase(os.path.abspath(path))


def find_root(project: Path, absolute: str, from_project: str) -> Path:
    """The dataset's folder, also when project and data were moved together."""
    if not os.path.exists(absolute) and from_project and (project / from_project).exists():
        return (project / from_project).resolve()
    return Path(absolute)


def relative(path: Path, start: Path) -> str | None:
    """A path as it is from a folder, with slashes; None if there is no way."""
    try:
        return Path(os.path.relpath(path, start)).as_posix()
    except ValueError:  # another drive on Windows
        return None
