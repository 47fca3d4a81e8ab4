"""The one door to a project folder."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from seco_core import __version__
from seco_core.confidence_files import read_confidence
from seco_core.dataset import Dataset
from seco_core.errors import ProjectError, ProjectReadOnlyError, StorageFullError
from seco_core.graph import EdgeKind
from seco_core.images import read_image
from seco_core.label_files import read_label
from seco_core.parameters import Parameters
from seco_core.project.arrays import IDS_PER_IMAGE, RegionArrays, load_regions
from seco_core.project.graph_file import StoredGraph, read_graph
from seco_core.project.override_log import OverrideLog
from seco_core.project.rasters import read_raster
from seco_core.project.records import BEGUN, ImageRecord, RunRecord, read_images, read_meta, read_runs
from seco_core.project.region_file import keep_regions, read_kept
from seco_core.project.samples import add_dataset, find_root, insert_samples, relative
from seco_core.project.standing import Standing, read_standing
from seco_core.project.store import STORE_NAME, new_store, open_store, snapshot, store_errors, timestamp
from seco_core.refine import State, paint_overrides, paint_regions, region_labels
from seco_core.regions import RegionTable
from seco_core.scheme import IGNORE, ClassScheme

logger = logging.getLogger(__name__)


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
        meta = read_meta(connection, path / STORE_NAME)
        self.scheme = ClassScheme.from_dict(json.loads(meta["scheme"]), path / STORE_NAME)
        self.layout = meta["layout"]
        self.data_root = find_root(path, meta["data_root"], meta["data_root_from_project"])
        self.images: tuple[ImageRecord, ...] = ()
        self.refresh_images()
        self.overrides = OverrideLog(connection)
        self._graph: tuple[str, StoredGraph] | None = None

    @classmethod
    def create(cls, path: Path | str, scheme: ClassScheme, dataset: Dataset) -> Project:
        """Make a project folder for a dataset. No image is read.

        Raises
        ------
        ProjectError, ProjectReadOnlyError, StorageFullError
            If there is one already, it cannot be written, it is the dataset's own folder, or it lies in a
            project.
        """
        path = Path(path)
        if around := next((f for f in path.resolve().parents if (f / STORE_NAME).is_file()), None):
            raise ProjectError(
                f"lies in the project {around}, and no project holds another.",
                path=path,
                remedy=f"Name {around} to go on with that one, or a folder outside it.",
            )
        if dataset.layout != "list" and path.resolve() == dataset.root.resolve():
            raise ProjectError(
                "is the dataset's own folder, which stays as it is.",
                path=path,
                remedy="Choose another folder for the project, such as one beside it.",
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ProjectReadOnlyError(
                f"the project folder cannot be made: {error.strerror}.",
                path=path,
                remedy="Choose another folder.",
            ) from error
        root = dataset.root.absolute()
        meta = {
            "scheme": json.dumps(scheme.to_dict()),
            "layout": dataset.layout,
            "data_root": str(root),
            "data_root_from_project": relative(root, path.absolute()) or "",
            "created_by": __version__,
            "created": timestamp(),
        }
        with new_store(path / STORE_NAME) as connection:
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            insert_samples(connection, enumerate(dataset.samples), root)
        return cls.open(path)

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
        self._graph = None
        self.connection.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def refresh_images(self) -> None:
        """Read the images' states again, after the pipeline has worked on them."""
        self.images = read_images(self.connection, self.data_root)

    def add_samples(self, dataset: Dataset) -> int:
        """Add the images of a dataset that the project does not have yet.

        An image is known by its path, or by its name if the file that the project knows is gone. Of a known
        image the paths that the dataset gives replace those of the project; whether it is the one that
        people decided on is seen when the pipeline reads it.

        Returns
        -------
        int
            How many images are new.

        Raises
        ------
        ProjectError
            If an image has the name of another one of the project. Nothing is changed then.
        """
        self.data_root, new = add_dataset(self.connection, self.path, self.data_root, dataset)
        self.refresh_images()
        return new

    def read_image(self, image_id: int) -> NDArray[np.uint8]:
        """The image, RGB uint8 (H, W, 3)."""
        return read_image(self.images[image_id].image)

    def read_pseudo_label(self, image_id: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """The original pseudo-label at the image's size, uint8 (H, W), as the pipeline has read it."""
        record = self.images[image_id]
        return read_label(
            record.pseudo_label, self.scheme, shape, foreign_as_ignore=record.foreign_pixels > 0
        )

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
            with store_errors(self.connection):
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
        """All regions of the project, or those of one image, as the machine sees them.

        Scores and verdicts of regions that a person has decided are what the machine would say without that:
        `Feedback.noise` is the noise score that counts, 0 where decided.
        """
        if image_id is None and (kept := read_kept(self.connection, self.path)) is not None:
            return kept
        return load_regions(self.connection, self.scheme.size, image_id)

    def keep_regions(self, at_least: int = 20_000) -> None:
        """Write a file from which `regions` is quick until they change, if there are that many or more.

        It saves time only: a project that is read-only, or a disk without room for it, goes without.
        """
        count = self.connection.execute("SELECT count(*) FROM regions").fetchone()[0]
        if count >= at_least and not self.readonly:
            with contextlib.suppress(StorageFullError, ProjectReadOnlyError):
                keep_regions(self.connection, self.path, self.scheme.size)

    def region_table(self, image_id: int) -> RegionTable:
        """The region table of an image, row i belonging to id i + 1 of its region id map."""
        r = self.regions(image_id)
        return RegionTable(r.class_id, r.area, r.box, r.centroid)

    def region_areas(self, image_id: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Pixels and class of each region of an image, from id 1 of its region id map on."""
        with store_errors(self.connection):
            rows = self.connection.execute(
                "SELECT area, class_id FROM regions WHERE image_id = ? ORDER BY id", (image_id,)
            ).fetchall()
        found = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)
        return found[:, 0], found[:, 1].astype(np.uint8)

    def neighbours(self, region_id: int) -> list[tuple[int, float, int]]:
        """Regions linked to a region in the relational graph: (region id, weight, kind), heaviest first."""
        stored = self._stored_graph()
        links = stored.of(region_id) if stored is not None else []
        images = {other // IDS_PER_IMAGE for other in (region_id, *(link[0] for link in links))}
        places = ", ".join("?" * len(images))
        linked = self.connection.execute(
            f"SELECT image_id FROM ledger WHERE stage = 'graph' AND image_id IN ({places})", tuple(images)
        )
        usable = {row["image_id"] for row in linked}
        if region_id // IDS_PER_IMAGE not in usable:
            return []
        return [link for link in links if link[0] // IDS_PER_IMAGE in usable]

    def graph(
        self, region_ids: NDArray[np.int64] | None = None, *, kind: EdgeKind = EdgeKind.FEATURE
    ) -> sparse.csr_matrix | None:
        """The relational graph as a matrix of weights.

        Parameters
        ----------
        region_ids : ndarray of int64, (N,), optional
            Regions to have it between, ids ascending; those of `regions` if left out.
        kind : EdgeKind
            Regions that are alike, or regions that touch.

        Returns
        -------
        scipy.sparse.csr_matrix of float32, (N, N), or None
            Symmetric, weights above 0 to 1, columns ascending within rows, nothing on the diagonal; a view of
            a file that must not be written to. Regions that were made after the graph have no links.
            None before the graph stage.

        Raises
        ------
        ProjectError
            If the graph's file is missing or damaged.
        """
        stored = self._stored_graph()
        if stored is None:
            return None
        if region_ids is None:
            cursor = self.connection.execute("SELECT id FROM regions ORDER BY id")
            cursor.row_factory = None
            region_ids = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1)
        rows = self.connection.execute("SELECT image_id FROM ledger WHERE stage = 'graph'")
        linked = np.array([row["image_id"] for row in rows], dtype=np.int64)
        return stored.between(region_ids, kind, np.isin(stored.region_ids // IDS_PER_IMAGE, linked))

    def _stored_graph(self) -> StoredGraph | None:
        """The graph's file, mapped once; None before the graph stage."""
        for attempt in (1, 2):
            row = self.connection.execute("SELECT file FROM models WHERE stage = 'graph'").fetchone()
            if row is None:
                return None
            if self._graph is not None and self._graph[0] == row["file"]:
                return self._graph[1]
            try:
                self._graph = row["file"], read_graph(self.path, row["file"])
            except ProjectError:
                # a run in another thread may have replaced the file since the row was read
                if attempt == 2:
                    raise
            else:
                return self._graph[1]
        raise AssertionError("unreachable")

    def curated(self, image_id: int, state: State = "clean") -> NDArray[np.uint8]:
        """The curated class map of an image, overrides on top, uint8 (H, W).

        Before PSA it is all ignore but for the overrides.

        Raises
        ------
        ProjectError
            If the image was never read by the pipeline.
        """
        machine = self._machine_map(image_id, state)
        if machine is None:
            shape = self.images[image_id].shape
            if shape is None:
                raise ProjectError(
                    f"image {self.images[image_id].name} has not been processed.",
                    path=self.path,
                    remedy="Run the pipeline first.",
                )
            machine = np.full(shape, IGNORE, dtype=np.uint8)
        return paint_overrides(machine, self.overrides.active(image_id))

    def _machine_map(self, image_id: int, state: State) -> NDArray[np.uint8] | None:
        """The curated class map without overrides; None before PSA."""
        for attempt in (1, 2):
            try:
                # ids and what they mean must be of one run: another may just be finishing
                with snapshot(self.connection):
                    region_ids, r = self.read_region_ids(image_id), self.regions(image_id)
            except ProjectError:
                if attempt == 2:
                    raise
            else:
                break
        if region_ids is None:
            return None
        return paint_regions(region_ids, region_labels(r.class_id, r.verdict, r.predicted, state=state))

    def ground_truth_paths(self) -> dict[int, Path]:
        """Ground truth by image id, for evaluation only."""
        rows = self.connection.execute("SELECT image_id, path FROM ground_truth ORDER BY image_id")
        return {r["image_id"]: self.data_root / r["path"] for r in rows}

    def runs(self) -> list[RunRecord]:
        """Every run of the pipeline, oldest first; see `read_runs`."""
        return read_runs(self.connection)

    def standing(self, before: Standing | None = None) -> Standing | None:
        """What runs have left in the store, for whoever watches it; see `read_standing`."""
        return read_standing(self.connection, before)

    def parameters(self) -> Parameters:
        """Those of the last run; the defaults before the first one."""
        runs = self.runs()
        return runs[-1].parameters if runs else Parameters()

    def scoring_run(self) -> RunRecord | None:
        """The newest run that the stored scores or verdicts come from; None before SCC.

        The last run may be another one that was stopped before it got that far.
        """
        row = self.connection.execute(
            "SELECT max(run_id) AS id FROM project_ledger WHERE stage NOT IN ('cnn', 'graph')"
        ).fetchone()
        return next((run for run in self.runs() if run.id == row["id"]), None)

    def unfinished(self) -> ProjectError | None:
        """Why stored verdicts are not to be relied on, or None: a run began and has not come to their end."""
        stages = dict(self.connection.execute("SELECT stage, signature FROM project_ledger").fetchall())
        # whatever takes a region or a score away takes this with it
        if stages.get("refine", BEGUN) != BEGUN:
            return None
        unscored = self.connection.execute(
            "SELECT 1 FROM regions JOIN images ON images.id = image_id AND status = 'done'"
            " WHERE NOT EXISTS (SELECT 1 FROM scores WHERE region_id = regions.id) LIMIT 1"
        ).fetchone()
        if unscored is None and "scc" not in stages:
            return None
        return ProjectError(
            "not all regions have a verdict: the last run was stopped before, or is still going on.",
            path=self.path,
            remedy="Run the pipeline again; it goes on where it stopped.",
        )

    def without_verdict(self, regions: RegionArrays) -> NDArray[np.bool_]:
        """Which regions, (R,), a stopped run has left without a verdict: none if `unfinished` is None.

        Parameters
        ----------
        regions : RegionArrays
            All of the project's.
        """
        if self.unfinished() is None:
            return np.zeros(len(regions), dtype=bool)
        scoring = self.connection.execute("SELECT 1 FROM project_ledger WHERE stage = 'scc'").fetchone()
        # once scoring has begun all verdicts are to be made anew; before, images not cut anew keep theirs
        missing = np.isnan(regions.noise_score) | (scoring is not None)
        used = [record.id for record in self.images if record.status == "done"]
        return missing & np.isin(regions.image_id, used)

    def provenance(self) -> dict[str, Any]:
        """How the project's numbers came about, as plain data."""
        return {
            "version": __version__,
            "scheme": self.scheme.to_dict(),
            "layout": self.layout,
            "runs": [{**vars(run), "parameters": run.parameters.to_dict()} for run in self.runs()],
            "overrides": len(self.overrides),
        }
