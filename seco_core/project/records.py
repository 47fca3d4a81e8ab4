"""What a project's store says of images and runs, as plain records."""

from __future__ import annotations

import functools
import json
import logging
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seco_core.errors import ParameterError, ProjectError
from seco_core.parameters import Parameters, parameter_fields
from seco_core.project.store import store_errors, unfinished_store
from seco_core.texts import counted

logger = logging.getLogger(__name__)

BEGUN = ""
"""Signature of a stage over all regions whose results are being written."""


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
    foreign_pixels : int
        Pixels of the pseudo-label that are of no class, where the run was asked to read them as ignore.
    """

    id: int
    name: str
    image: Path
    pseudo_label: Path
    confidence: Path | None
    shape: tuple[int, int] | None
    status: str
    problem: str | None
    foreign_pixels: int = 0


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


def read_meta(connection: sqlite3.Connection, store: Path) -> dict[str, str]:
    """What the store says of the project as a whole.

    Raises
    ------
    ProjectError
        If it cannot be read or was never finished.
    """
    try:
        meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    except sqlite3.Error as error:
        raise ProjectError(
            f"the store cannot be read: {error}.", path=store, remedy="Restore it from a copy."
        ) from error
    if not {"scheme", "layout", "data_root", "data_root_from_project"} <= meta.keys():
        raise unfinished_store(store)
    return meta


def read_images(connection: sqlite3.Connection, root: Path) -> tuple[ImageRecord, ...]:
    """Every image of a project, by id; `root` is the dataset's folder.

    Raises
    ------
    ProjectError
        If the store is damaged.
    """
    with store_errors(connection):
        rows = connection.execute("SELECT * FROM images ORDER BY id").fetchall()
    return tuple(
        ImageRecord(
            id=r["id"],
            name=r["name"],
            image=root / r["image"],
            pseudo_label=root / r["pseudo_label"],
            confidence=root / r["confidence"] if r["confidence"] else None,
            shape=(r["height"], r["width"]) if r["height"] else None,
            status=r["status"],
            problem=r["problem"],
            foreign_pixels=r["foreign_pixels"],
        )
        for r in rows
    )


def foreign_ids(images: Iterable[ImageRecord]) -> str:
    """How many pixels of pseudo-labels are of no class and were read as ignore; nothing if none are."""
    pixels = [record.foreign_pixels for record in images if record.foreign_pixels]
    if not pixels:
        return ""
    told = f"{counted(sum(pixels), 'pixel')} of {counted(len(pixels), 'pseudo-label')}"
    return f"{told} {'is' if sum(pixels) == 1 else 'are'} of no class and read as ignore"


def read_runs(connection: sqlite3.Connection) -> list[RunRecord]:
    """Every run of the pipeline, oldest first.

    Parameters that this version does not know are left out, with a warning in the log.

    Raises
    ------
    ProjectError
        If the store is damaged.
    """
    with store_errors(connection):
        rows = connection.execute("SELECT * FROM runs ORDER BY id").fetchall()
    return [
        RunRecord(
            id=r["id"],
            version=r["version"],
            parameters=_stored_parameters(r["parameters"]),
            sources=json.loads(r["sources"]),
            device=r["device"],
            started=r["started"],
            finished=r["finished"],
            status=r["status"],
            summary=json.loads(r["summary"]) if r["summary"] else None,
        )
        for r in rows
    ]


@functools.lru_cache
def _stored_parameters(text: str) -> Parameters:
    """Parameters from the store, which an older or newer version may have written."""
    data = json.loads(text)
    try:
        return Parameters.from_dict(data)
    except ParameterError as error:
        logger.warning("not all parameters of an earlier run are known: %s", error)
    known = Parameters()
    for name, _ in parameter_fields():
        group, _, leaf = name.rpartition(".")
        values = data.get(group, {}) if group else data
        if leaf in values:
            try:
                known = known.replace(**{name: values[leaf]})
            except ParameterError as error:
                logger.warning("a parameter of an earlier run keeps its default: %s", error)
    return known
