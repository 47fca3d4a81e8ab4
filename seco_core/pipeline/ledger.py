"""Which stage of which image is up to date, and the storing of results together with that knowledge.

A signature covers everything that decides a result: input files, parameters, weights, version. A stage whose
signature is in the ledger is not run again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core import __version__
from seco_core.errors import SecoError
from seco_core.graph import RelationalGraph
from seco_core.parameters import Parameters
from seco_core.pipeline.chunks import in_chunks
from seco_core.pipeline.image_work import ImageRegions
from seco_core.pipeline.inputs import Inputs
from seco_core.project import Project
from seco_core.project.arrays import IDS_PER_IMAGE
from seco_core.project.graph_file import write_graph
from seco_core.project.models import read_model, write_model
from seco_core.project.rasters import remove_files, set_raster_row, write_raster
from seco_core.project.records import BEGUN
from seco_core.project.store import timestamp, transaction
from seco_core.scc.graph_vae import GraphUncertainty

SCORING_STAGES = ("scc", "scc-unc", "noise", "refine")
"""The stages that write a row for every region, each resting on those before it."""


def signature(**parts: Any) -> str:
    """SHA-256 of named parts and the version of SeCo."""
    text = json.dumps({"version": __version__, **parts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Ledger:
    """Reads and writes the ledger and the results of one run.

    Parameters
    ----------
    project : Project
        Opened by the thread that runs the pipeline.
    run_id : int
        The run that results are booked on.
    """

    def __init__(self, project: Project, run_id: int):
        self._project = project
        self._connection = project.connection
        self._run_id = run_id

    @property
    def run_id(self) -> int:
        """The run that results are booked on."""
        return self._run_id

    @classmethod
    def start_run(
        cls, project: Project, parameters: Parameters, sources: Mapping[str, Any], device: str
    ) -> Ledger:
        """Book a new run; runs that a crash left open are marked as failed."""
        with transaction(project.connection) as connection:
            connection.execute("UPDATE runs SET status = 'failed' WHERE status = 'running'")
            cursor = connection.execute(
                "INSERT INTO runs (version, parameters, sources, device, started, status)"
                " VALUES (?, ?, ?, ?, ?, 'running')",
                (__version__, json.dumps(parameters.to_dict()), json.dumps(sources), device, timestamp()),
            )
        return cls(project, int(cursor.lastrowid or 0))

    def end_run(self, status: str, summary: Mapping[str, Any]) -> None:
        """Book the run's end."""
        with transaction(self._connection) as connection:
            connection.execute(
                "UPDATE runs SET status = ?, finished = ?, summary = ? WHERE id = ?",
                (status, timestamp(), json.dumps(summary), self._run_id),
            )
        self._project.keep_regions()

    def image_signatures(self, stage: str, *, skipped: bool = False) -> dict[int, str]:
        """Signature of the stage by image, for the images that have it; skipped ones only if asked for."""
        rows = self._connection.execute(
            "SELECT image_id, signature FROM ledger JOIN images ON images.id = image_id"
            " WHERE stage = ? AND (? OR status != 'skipped')",
            (stage, skipped),
        )
        return {row["image_id"]: row["signature"] for row in rows}

    def store_unchanged(self, images: Mapping[int, Inputs]) -> None:
        """Book images whose stored regions are up to date: none is skipped, with files as they are now."""
        with transaction(self._connection) as connection:
            connection.executemany(
                "UPDATE images SET status = 'done', problem = NULL, inputs_stat = ? WHERE id = ?",
                [(json.dumps(inputs.stat), image_id) for image_id, inputs in images.items()],
            )

    def images_without_rasters(self) -> set[int]:
        """Images whose stored files are gone, so that they have to be done again whatever the ledger says."""
        rows = self._connection.execute("SELECT image_id, file FROM rasters").fetchall()
        return {row["image_id"] for row in rows if not (self._project.path / row["file"]).exists()}

    def project_signature(self, stage: str) -> str | None:
        """Signature of a stage over the whole project."""
        row = self._connection.execute(
            "SELECT signature FROM project_ledger WHERE stage = ?", (stage,)
        ).fetchone()
        return row["signature"] if row is not None else None

    def store_regions(self, image_id: int, found: ImageRegions, psa: str, features: str) -> None:
        """Store an image's regions and features in place of earlier ones, and their signatures."""
        root = self._project.path
        files = {
            "psa": write_raster(root, image_id, "psa", found.class_map),
            "regions": write_raster(root, image_id, "regions", found.region_ids),
            "contacts": write_raster(root, image_id, "contacts", found.contacts),
            "features": write_raster(root, image_id, "features", found.features),
            "peak_confidence": write_raster(root, image_id, "peak_confidence", found.peak_confidence),
        }
        table = found.table
        rows = zip(
            range(image_id * IDS_PER_IMAGE + 1, image_id * IDS_PER_IMAGE + 1 + len(table)),
            [image_id] * len(table),
            table.class_id.tolist(),
            table.area.tolist(),
            *table.box.T.tolist(),
            *table.centroid.T.tolist(),
            [None if np.isnan(c) else c for c in found.confidence.tolist()],
            [v.tobytes() for v in found.votes.astype("<f4")],
            strict=True,
        )
        with transaction(self._connection) as connection:
            old = [set_raster_row(connection, image_id, kind, *file) for kind, file in files.items()]
            connection.execute("DELETE FROM regions WHERE image_id = ?", (image_id,))
            # scores of the old regions went with them, and their links in the graph are void
            connection.execute("DELETE FROM project_ledger")
            connection.execute("DELETE FROM ledger WHERE image_id = ? AND stage = 'graph'", (image_id,))
            connection.executemany(f"INSERT INTO regions VALUES ({', '.join('?' * 12)})", rows)
            connection.execute(
                "UPDATE images SET status = 'done', problem = NULL, height = ?, width = ?,"
                " inputs_stat = ?, inputs_sha256 = ?, foreign_pixels = ? WHERE id = ?",
                (
                    *found.shape,
                    json.dumps(found.inputs.stat),
                    json.dumps(found.inputs.sha256),
                    found.inputs.foreign_pixels,
                    image_id,
                ),
            )
            self._sign(image_id, "psa", psa)
            self._sign(image_id, "features", features)
        remove_files(root, old)

    def store_features(self, image_id: int, features: NDArray[np.float32], signature: str) -> None:
        """Store another encoder's features of an image whose regions stay."""
        file = write_raster(self._project.path, image_id, "features", features)
        with transaction(self._connection) as connection:
            old = set_raster_row(connection, image_id, "features", *file)
            self._sign(image_id, "features", signature)
        remove_files(self._project.path, [old])

    def store_learnt(self, features: Mapping[int, NDArray[np.float32]], signature: str) -> None:
        """Store by image what networks learnt about its regions, in place of earlier ones."""
        root = self._project.path
        files = {
            image_id: write_raster(root, image_id, "learnt", found) for image_id, found in features.items()
        }
        with transaction(self._connection) as connection:
            old = [set_raster_row(connection, i, "learnt", *file) for i, file in files.items()]
            self._sign_project("cnn", signature)
        remove_files(root, old)

    def forget_learnt(self) -> None:
        """Take what networks learnt about regions away, where the encoder is not one that learns."""
        with transaction(self._connection) as connection:
            old = [
                row["file"] for row in connection.execute("SELECT file FROM rasters WHERE kind = 'learnt'")
            ]
            connection.execute("DELETE FROM rasters WHERE kind = 'learnt'")
            connection.execute("DELETE FROM project_ledger WHERE stage = 'cnn'")
        remove_files(self._project.path, old)

    def store_problem(self, image_id: int, problem: SecoError) -> None:
        """Mark an image as skipped; what an earlier run stored of it stays, and stays up to date.

        Its signatures cover its files and parameters, so it is done again only if these have changed.
        """
        with transaction(self._connection) as connection:
            connection.execute(
                "UPDATE images SET status = 'skipped', problem = ? WHERE id = ?", (str(problem), image_id)
            )

    def store_scores(
        self,
        region_ids: NDArray[np.int64],
        loss: NDArray[np.float32],
        eta: NDArray[np.float32],
        predicted: NDArray[np.uint8],
        probabilities: NDArray[np.float32],
        signature: str,
    ) -> None:
        """Store scores of regions in place of earlier ones.

        Until the stages that follow, eta is the noise score and every verdict is keep; what the later stages
        said goes with the old rows.
        """
        rows = zip(
            region_ids.tolist(),
            [self._run_id] * len(region_ids),
            loss.tolist(),
            eta.tolist(),
            eta.tolist(),
            predicted.tolist(),
            [p.tobytes() for p in probabilities.astype("<f4")],
            strict=True,
        )
        self._store_rows(
            "scc",
            "INSERT OR REPLACE INTO scores"
            " (region_id, run_id, loss, eta, noise_score, predicted, verdict, probabilities)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
            rows,
            signature,
        )

    def store_graph(self, region_ids: NDArray[np.int64], graph: RelationalGraph, signature: str) -> None:
        """Store the relational graph between regions of ascending ids in place of an earlier one."""
        file, digest = write_graph(self._project.path, region_ids, graph)
        images = np.unique(region_ids // IDS_PER_IMAGE).tolist()
        with transaction(self._connection) as connection:
            self._set_model(connection, "graph", file, digest)
            connection.execute("DELETE FROM ledger WHERE stage = 'graph'")
            for image_id in images:
                self._sign(image_id, "graph", signature)
            self._sign_project("graph", signature)
        # all the others: Windows may not have let go of an earlier one that a window had mapped
        root = self._project.path
        files = {path.relative_to(root).as_posix() for path in (root / file).parent.iterdir()}
        remove_files(root, files - {file})

    def store_uncertainty(
        self,
        region_ids: NDArray[np.int64],
        found: GraphUncertainty,
        unknown_score: NDArray[np.float32],
        signature: str,
    ) -> None:
        """Store uncertainty, its parts and networks, and the unknown score, in place of earlier ones."""
        root = self._project.path
        file, digest = write_model(root, "scc-unc", found.weights)
        columns = (found.uncertainty, found.rec_error, found.entropy, found.kl, unknown_score, region_ids)
        with transaction(self._connection) as connection:
            old = self._set_model(connection, "scc-unc", file, digest)
            self._begin("scc-unc")  # with the model: never new networks beside old numbers
        remove_files(root, [old])
        self._store_rows(
            "scc-unc",
            "UPDATE scores SET uncertainty = ?, rec_error = ?, entropy = ?, kl = ?, unknown_score = ?"
            " WHERE region_id = ?",
            zip(*(c.tolist() for c in columns), strict=True),
            signature,
        )

    def store_networks(self, stage: str, networks: Mapping[str, NDArray[Any]]) -> None:
        """Store the networks that a stage has trained, in place of earlier ones."""
        if not networks:
            with transaction(self._connection) as connection:
                old = self._model_file(connection, stage)
                connection.execute("DELETE FROM models WHERE stage = ?", (stage,))
        else:
            file, digest = write_model(self._project.path, stage, networks)
            with transaction(self._connection) as connection:
                old = self._set_model(connection, stage, file, digest)
        remove_files(self._project.path, [old])

    def read_networks(self, stage: str) -> dict[str, NDArray[Any]]:
        """The networks that a stage has trained; none where there are none.

        Raises
        ------
        ProjectError
            If their file is missing or damaged.
        """
        file = self._model_file(self._connection, stage)
        return {} if file is None else read_model(self._project.path, file)

    def has_model(self, stage: str) -> bool:
        """Whether the file that a stage has left beside the store is still there."""
        file = self._model_file(self._connection, stage)
        return file is not None and (self._project.path / file).exists()

    def adopt_scores(self, draft: Project) -> None:
        """Take over scores, networks and their signatures from a copy of this store.

        Until the last of them is there, the stages are on record as begun.
        """
        scores = draft.connection.execute("SELECT * FROM scores")
        with transaction(self._connection):
            self._begin(SCORING_STAGES[0])
        self._write_rows(_replace_in("scores", len(scores.description)), map(tuple, scores))
        others = {
            table: [tuple(row) for row in draft.connection.execute(f"SELECT * FROM {table}")]
            for table in ("models", "project_ledger")
        }
        with transaction(self._connection) as connection:
            old = {row["file"] for row in connection.execute("SELECT file FROM models")}
            for table, rows in others.items():
                connection.execute(f"DELETE FROM {table}")
                connection.executemany(_replace_in(table, len(rows[0])), rows)
        new = {row["file"] for row in draft.connection.execute("SELECT file FROM models")}
        remove_files(self._project.path, sorted(old - new))
        self._project.keep_regions()

    def store_noise(
        self,
        region_ids: NDArray[np.int64],
        noise_score: NDArray[np.float32],
        disagreement: NDArray[np.float32],
        label_quality: NDArray[np.float32],
        signature: str,
    ) -> None:
        """Store the noise score and what only it is made of; NaN is stored as unknown."""
        columns = (noise_score, disagreement, label_quality)
        rows = zip(
            *([None if v != v else v for v in c.tolist()] for c in columns), region_ids.tolist(), strict=True
        )
        self._store_rows(
            "noise",
            "UPDATE scores SET noise_score = ?, disagreement = ?, label_quality = ? WHERE region_id = ?",
            rows,
            signature,
        )

    def store_verdicts(
        self, region_ids: NDArray[np.int64], verdict: NDArray[np.uint8], signature: str
    ) -> None:
        """Store what refinement says of every scored region."""
        self._store_rows(
            "refine",
            "UPDATE scores SET verdict = ? WHERE region_id = ?",
            zip(verdict.tolist(), region_ids.tolist(), strict=True),
            signature,
        )

    def _store_rows(
        self, stage: str, statement: str, rows: Iterable[tuple[Any, ...]], signature: str
    ) -> None:
        """Write what a stage says of all regions, and sign it when everything is there."""
        with transaction(self._connection):
            self._begin(stage)
        self._write_rows(statement, rows)
        with transaction(self._connection):
            self._sign_project(stage, signature)

    def _write_rows(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        for chunk in in_chunks(rows):
            with transaction(self._connection) as connection:
                connection.executemany(statement, chunk)

    def _begin(self, stage: str) -> None:
        """Put on record that what a stage says is being replaced, and with it what rests on it."""
        later = SCORING_STAGES[SCORING_STAGES.index(stage) + 1 :]
        self._connection.executemany("DELETE FROM project_ledger WHERE stage = ?", [(s,) for s in later])
        self._sign_project(stage, BEGUN)

    def _set_model(self, connection: sqlite3.Connection, stage: str, file: str, digest: str) -> str | None:
        """Name a stage's file in the store; the file it replaces, if any."""
        old = self._model_file(connection, stage)
        connection.execute(
            "INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?)", (stage, file, digest, self._run_id)
        )
        return old if old != file else None

    @staticmethod
    def _model_file(connection: sqlite3.Connection, stage: str) -> str | None:
        row = connection.execute("SELECT file FROM models WHERE stage = ?", (stage,)).fetchone()
        return row["file"] if row is not None else None

    def _sign(self, image_id: int, stage: str, value: str) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?)", (image_id, stage, value, self._run_id)
        )

    def _sign_project(self, stage: str, value: str) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO project_ledger VALUES (?, ?, ?)", (stage, value, self._run_id)
        )


def _replace_in(table: str, columns: int) -> str:
    return f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * columns)})"
