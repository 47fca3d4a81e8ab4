"""Projects of example scenes whose regions are given other classes, so that every mistake is known."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seco_core.demo import make_example_project
from seco_core.label_files import read_label
from seco_core.metrics import majority_truth
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline
from seco_core.project import Project
from seco_core.project.store import STORE_NAME
from seco_core.scheme import IGNORE


def example_project(
    folder: Path,
    *,
    seed: int,
    count: int,
    size: tuple[int, int] = (256, 512),
    parameters: Parameters | None = None,
) -> Path:
    """A project of example scenes with the pipeline run; one that is there already is kept."""
    path = make_example_project(folder, count=count, size=size, seed=seed)
    run_pipeline(path, parameters or Parameters(seed=seed))
    return path


def true_classes(project: Project) -> NDArray[np.uint8]:
    """Majority class of each region's ground truth, uint8 (R,); 255 where there is none."""
    regions = project.regions()
    truth = np.full(len(regions), IGNORE, dtype=np.uint8)
    paths = project.ground_truth_paths()
    for record in project.images:
        region_ids = project.read_region_ids(record.id)
        if region_ids is not None and record.id in paths:
            rows = regions.rows_of(record.id)
            label = read_label(paths[record.id], project.scheme, region_ids.shape)
            truth[rows], _ = majority_truth(region_ids, label, rows.stop - rows.start, project.scheme.size)
    return truth


def flip(
    class_id: NDArray[np.uint8], taken_for: NDArray[np.floating], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Give a share of the regions another class: half at random, half the one they are easily taken for.

    Parameters
    ----------
    class_id : ndarray of uint8, (N,)
        Right classes.
    taken_for : ndarray of float, (C, C)
        How often the first class is taken for the second; the diagonal is not looked at. Only classes that
        occur are flipped to.
    share : float
        0..1.
    rng : numpy Generator
        Chance.

    Returns
    -------
    class_id : ndarray of uint8, (N,)
    flipped : ndarray of bool, (N,)
    """
    classes = np.unique(class_id[class_id != IGNORE])
    usable = np.flatnonzero(class_id != IGNORE)
    chosen = rng.choice(usable, round(share * len(usable)), replace=False)
    changed = class_id.copy()
    for i, row in enumerate(chosen.tolist()):
        others = classes[classes != class_id[row]]
        odds = taken_for[class_id[row], others]
        if i % 2 or odds.sum() == 0:
            odds = np.ones(len(others))
        changed[row] = rng.choice(others, p=odds / odds.sum())
    return changed, changed != class_id


def rescore(path: Path, class_id: NDArray[np.uint8], parameters: Parameters, *, confidence: bool) -> None:
    """Give the regions of a project other classes and run all stages over regions again.

    Parameters
    ----------
    path : Path
        The project; it is changed and good for nothing else afterwards.
    class_id : ndarray of uint8, (R,)
        For every region; those of class 255 keep theirs.
    parameters : Parameters
        As in the run before.
    confidence : bool
        Whether the confidence of the pseudo-label stays; it says nothing of classes that were made up.
    """
    with Project.open(path, readonly=True) as project:
        ids = project.regions().id
    kept = class_id != IGNORE
    connection = sqlite3.connect(path / STORE_NAME)
    with connection:
        rows = zip(class_id[kept].tolist(), ids[kept].tolist(), strict=True)
        connection.executemany("UPDATE regions SET class_id = ? WHERE id = ?", rows)
        if not confidence:
            connection.execute("UPDATE regions SET confidence = NULL")
            connection.execute("DELETE FROM rasters WHERE kind = 'peak_confidence'")
        connection.execute("DELETE FROM project_ledger")
    connection.close()
    run_pipeline(path, parameters)
