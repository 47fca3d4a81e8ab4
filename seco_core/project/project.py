"""The one door to a project folder."""

from __future__ import annotations

import datetime
import json
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core import __version__
from seco_core.dataset import Dataset
from seco_core.errors import ProjectError, ProjectReadOnlyError
from seco_core.images import read_confidence, read_image, read_label
from seco_core.parameters import Parameters
from seco_core.project.arrays import RegionArrays, load_regions
from seco_core.project.overrides import OverrideLog
from seco_core.project.rasters import read_raster
from seco_core.project.store import STORE_NAME, create_store, open_store, transaction
from seco_core.refine import State, paint_overrides, paint_regions, region_labels
from seco_core.regions import RegionTable
from seco_core.scheme import IGNORE, ClassScheme


@dataclass(frozen=True)
class ImageRecord:
    """One image of a project.

    Attributes
    ----------
    id : int
        Position in the dataset, from 0.
    name : str
        Unique name.
    image, pseudo_label : Path
        Its files.
    confidence : Path or None
        Confidence of the pseudo-label, if there is any.
    shape : (int, int) or None
        Height and width, once the pipeline has read it.
    status : str
        ``"new"``, ``"done"`` or ``"skipped"``.
    problem : str or None
        Why it was skipped.
    """

    id: int
    name: str
    image: Path
    pseudo_label: Path
    confidence: Path | None
    shape: tuple[int, int] | None
    status: str
    problem: str | None


@dataclass(frozen=True)
class RunRecord:
    """One run of the pipeline, as stored."""

    id: int
    version: str
    parameters: Parameters
    sources: dict[str, Any]
    device: str
    started: str
    finished: str | None
    status: str
    summary: dict[str, Any] | None


class Project:
    """A project folder, open. Use it from the thread that opened it; other threads open their own.

    Examples
    --------
    >>> with Project.open("my_project") as project:  # doctest: +SKIP
    ...     curated = project.curated(0)
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, *, readonly: bool):
        self.path = path
        self.readonly = readonly
        self.connection = connection
        meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
        self.scheme = ClassScheme.from_dict(json.loads(meta["scheme"]), path / STORE_NAME)
        self.layout = meta["layout"]
        self.data_root = _find_root(path, meta["data_root"], meta["data_root_from_project"])
        self.images: tuple[ImageRecord, ...] = ()
        self.refresh_images()
        self.overrides = OverrideLog(connection)

    @classmethod
    def create(cls, path: Path | str, scheme: ClassScheme, dataset: Dataset) -> Project:
        """Make a project folder for a dataset. No image is read.

        Raises
        ------
        ProjectError, ProjectReadOnlyError, StorageFullError
            If there is one already or it cannot be written.
        """
        path = Path(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ProjectReadOnlyError(
                f"the project folder cannot be made: {error.strerror}.",
                path=path,
                remedy="Choose another folder.",
            ) from error
        connection = create_store(path / STORE_NAME)
        root = dataset.root.absolute()
        meta = {
            "scheme": json.dumps(scheme.to_dict()),
            "layout": dataset.layout,
            "data_root": str(root),
            "data_root_from_project": _relative(root, path.absolute()) or "",
            "created_by": __version__,
            "created": _now(),
        }
        with transaction(connection):
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        project = cls(path, connection, readonly=False)
        project.add_samples(dataset)
        return project

    @classmethod
    def open(cls, path: Path | str, *, readonly: bool = False) -> Project:
        """Open a project folder.

        Raises
        ------
        ProjectError, ProjectVersionError, ProjectReadOnlyError
            If it is none, of another version, or not writable (open it with ``readonly=True`` then).
        """
        path = Path(path)
        connection = open_store(path / STORE_NAME, readonly=readonly)
        try:
            return cls(path, connection, readonly=readonly)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the store."""
        self.connection.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh_images(self) -> None:
        """Read the images' states again, after the pipeline has worked on them."""
        rows = self.connection.execute("SELECT * FROM images ORDER BY id")
        self.images = tuple(
            ImageRecord(
                id=r["id"],
                name=r["name"],
                image=self.data_root / r["image"],
                pseudo_label=self.data_root / r["pseudo_label"],
                confidence=self.data_root / r["confidence"] if r["confidence"] else None,
                shape=(r["height"], r["width"]) if r["height"] else None,
                status=r["status"],
                problem=r["problem"],
            )
            for r in rows
        )

    def add_samples(self, dataset: Dataset) -> int:
        """Add the images of a dataset that the project does not have yet, by name; how many."""
        known = {record.name for record in self.images}
        new = [s for s in dataset.samples if s.name not in known]
        numbered = list(enumerate(new, start=len(self.images)))
        with transaction(self.connection) as connection:
            connection.executemany(
                "INSERT INTO images (id, name, image, pseudo_label, confidence) VALUES (?, ?, ?, ?, ?)",
                [
                    (i, s.name, *(self._shorten(p) for p in (s.image, s.pseudo_label, s.confidence)))
                    for i, s in numbered
                ],
            )
            connection.executemany(
                "INSERT INTO ground_truth VALUES (?, ?)",
                [(i, self._shorten(s.ground_truth)) for i, s in numbered if s.ground_truth is not None],
            )
        self.refresh_images()
        return len(new)

    def _shorten(self, path: Path | None) -> str | None:
        if path is None:
            return None
        path = path.absolute()
        inside = path.is_relative_to(self.data_root)
        return path.relative_to(self.data_root).as_posix() if inside else str(path)

    def read_image(self, image_id: int) -> NDArray[np.uint8]:
        """The image, RGB uint8 (H, W, 3)."""
        return read_image(self.images[image_id].image)

    def read_pseudo_label(self, image_id: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """The original pseudo-label at the image's size, uint8 (H, W)."""
        return read_label(self.images[image_id].pseudo_label, self.scheme, shape)

    def read_confidence(self, image_id: int, shape: tuple[int, int]) -> NDArray[np.float32] | None:
        """Confidence of the pseudo-label, float32 (H, W) in 0..1, if there is any."""
        path = self.images[image_id].confidence
        return read_confidence(path, shape) if path is not None else None

    def read_psa(self, image_id: int) -> NDArray[np.uint8] | None:
        """The class map after PSA; None before PSA."""
        return self.read_raster(image_id, "psa")

    def read_region_ids(self, image_id: int) -> NDArray[np.uint16] | None:
        """The region id map, uint16; None before PSA."""
        return self.read_raster(image_id, "regions")

    def read_raster(self, image_id: int, kind: str) -> NDArray[Any] | None:
        """A raster of the project by its kind; None if there is none yet."""
        for attempt in (1, 2):
            row = self.connection.execute(
                "SELECT file FROM rasters WHERE image_id = ? AND kind = ?", (image_id, kind)
            ).fetchone()
            if row is None:
                return None
            try:
                return read_raster(self.path, row["file"], kind)
            except ProjectError:
                # a run in another thread may have replaced the file since the row was read
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def regions(self, image_id: int | None = None) -> RegionArrays:
        """All regions of the project, or those of one image."""
        return load_regions(self.connection, self.scheme.size, image_id)

    def region_table(self, image_id: int) -> RegionTable:
        """The region table of an image, row i belonging to id i + 1 of its region id map."""
        r = self.regions(image_id)
        return RegionTable(r.class_id, r.area, r.box, r.centroid)

    def neighbours(self, region_id: int) -> list[tuple[int, float, int]]:
        """Regions linked to a region in the relational graph: (region id, weight, kind), heaviest first."""
        rows = self.connection.execute(
            "SELECT b AS other, weight, kind FROM edges WHERE a = ?1"
            " UNION ALL SELECT a, weight, kind FROM edges WHERE b = ?1 ORDER BY weight DESC, other",
            (region_id,),
        )
        return [(r["other"], r["weight"], r["kind"]) for r in rows]

    def curated(self, image_id: int, state: State = "clean") -> NDArray[np.uint8]:
        """The curated class map of an image, overrides on top, uint8 (H, W).

        Before PSA it is all ignore but for the overrides.

        Raises
        ------
        ProjectError
            If the image was never read by the pipeline.
        """
        region_ids = self.read_region_ids(image_id)
        if region_ids is None:
            shape = self.images[image_id].shape
            if shape is None:
                raise ProjectError(
                    f"image {self.images[image_id].name} has not been processed.",
                    path=self.path,
                    remedy="Run the pipeline first.",
                )
            machine = np.full(shape, IGNORE, dtype=np.uint8)
        else:
            r = self.regions(image_id)
            machine = paint_regions(
                region_ids, region_labels(r.class_id, r.verdict, r.predicted, state=state)
            )
        return paint_overrides(machine, self.overrides.active(image_id))

    def ground_truth_paths(self) -> dict[int, Path]:
        """Ground truth by image id, for evaluation only."""
        rows = self.connection.execute("SELECT image_id, path FROM ground_truth ORDER BY image_id")
        return {r["image_id"]: self.data_root / r["path"] for r in rows}

    def runs(self) -> list[RunRecord]:
        """Every run of the pipeline, oldest first."""
        return [
            RunRecord(
                id=r["id"],
                version=r["version"],
                parameters=Parameters.from_dict(json.loads(r["parameters"])),
                sources=json.loads(r["sources"]),
                device=r["device"],
                started=r["started"],
                finished=r["finished"],
                status=r["status"],
                summary=json.loads(r["summary"]) if r["summary"] else None,
            )
            for r in self.connection.execute("SELECT * FROM runs ORDER BY id")
        ]

    def provenance(self) -> dict[str, Any]:
        """How the project's numbers came about, as plain data."""
        return {
            "version": __version__,
            "scheme": self.scheme.to_dict(),
            "layout": self.layout,
            "runs": [{**vars(run), "parameters": run.parameters.to_dict()} for run in self.runs()],
            "overrides": len(self.overrides),
        }


def _find_root(project: Path, absolute: str, from_project: str) -> Path:
    """The dataset's folder, also when project and data were moved together."""
    if not Path(absolute).exists() and from_project and (project / from_project).exists():
        return (project / from_project).resolve()
    return Path(absolute)


def _relative(path: Path, start: Path) -> str | None:
    try:
        return Path(os.path.relpath(path, start)).as_posix()
    except ValueError:  # another drive on Windows
        return None


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
