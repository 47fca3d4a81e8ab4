"""Project -> what a report says. Ground truth, if asked for, comes in through `seco_core.evaluate` only."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import ProjectError, SecoError
from seco_core.evaluate import evaluate
from seco_core.parameters import Parameters
from seco_core.pipeline.region_inputs import decided_regions
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.project import Project, RegionArrays
from seco_core.project.records import RunRecord, foreign_ids
from seco_core.refine import region_labels
from seco_core.report.counts import ReviewProgress, review_progress
from seco_core.scc.class_mixture import ClassMixtures, fit_class_mixtures
from seco_core.scc.mixture import LossMixture, fit_mixture
from seco_core.scheme import IGNORE, ClassScheme


@dataclass(frozen=True)
class ReportData:
    """Everything a report shows but the thumbnails.

    Attributes
    ----------
    scheme : ClassScheme
        Of the project.
    regions : RegionArrays
        All regions.
    reviewed, decided : ndarray, (R,)
        Which regions a person has decided, and on which class.
    mixture : LossMixture or None
        The two components of all losses; None before SCC.
    class_mixtures : ClassMixtures or None
        Those within each class, where their `scc.mixture` is ``class``.
    parameters : Parameters
        Of the run that scores and verdicts come from.
    runs : tuple of RunRecord
        Every run, oldest first.
    pixels : dict of str to ndarray of int64, (256,)
        Pixels by class id, 255 for ignore, of "raw", "after PSA" and "curated".
    progress : ReviewProgress
        Decisions step by step.
    images : dict of str to int
        Number of images by status.
    numbers : dict or None
        What `seco_core.evaluate.evaluate` says, if ground truth was asked for.
    problems : tuple of str
        What the numbers lack: stages that were not run, pseudo-labels that could not be read.
    """

    scheme: ClassScheme
    regions: RegionArrays
    reviewed: NDArray[np.bool_]
    decided: NDArray[np.uint8]
    mixture: LossMixture | None
    class_mixtures: ClassMixtures | None
    parameters: Parameters
    runs: tuple[RunRecord, ...]
    pixels: dict[str, NDArray[np.int64]]
    progress: ReviewProgress
    images: dict[str, int]
    numbers: dict[str, Any] | None
    problems: tuple[str, ...]

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Which regions have a noise score, (R,)."""
        return ~np.isnan(self.regions.noise_score)


def gather(
    project: Project,
    *,
    with_ground_truth: bool = False,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> ReportData:
    """Read what a report needs.

    Parameters
    ----------
    project : Project
        Open; nothing is written.
    with_ground_truth : bool
        Measure against ground truth too, as `seco evaluate` does.
    progress, cancel
        As for `run_pipeline`.

    Raises
    ------
    ProjectError
        If the pipeline has not run yet.
    DatasetError
        If ground truth is asked for and there is none.
    """
    cancel = cancel or CancelToken()
    regions = project.regions()
    runs = project.runs()
    run = project.scoring_run()
    if not len(regions) or not runs:
        raise ProjectError(
            "there is nothing to report yet.", path=project.path, remedy="Run the pipeline first."
        )
    parameters = (run or runs[-1]).parameters
    reviewed, decided = decided_regions(project, regions)
    pixels, problems = _pixels(project, regions, progress, cancel)
    unfinished = project.unfinished()
    if unfinished is not None:
        problems.insert(0, str(unfinished))
    if foreign := foreign_ids(project.images):
        problems.append(foreign)
    status = [record.status for record in project.images]
    return ReportData(
        scheme=project.scheme,
        regions=regions,
        reviewed=reviewed,
        decided=decided,
        mixture=loss_mixture(regions.loss, reviewed, parameters.seed),
        class_mixtures=class_mixtures(regions, reviewed, parameters),
        parameters=parameters,
        runs=tuple(runs),
        pixels=pixels,
        progress=review_progress(project.overrides.history()),
        images={kind: status.count(kind) for kind in ("done", "skipped", "new")},
        numbers=evaluate(project, progress=progress, cancel=cancel) if with_ground_truth else None,
        problems=tuple(problems),
    )


def loss_mixture(loss: NDArray[np.float32], reviewed: NDArray[np.bool_], seed: int = 0) -> LossMixture | None:
    """The two components of the losses of regions that nobody has decided; None if no region has a loss."""
    known = loss[~np.isnan(loss) & ~reviewed]
    if not known.size:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the run that scored has said so
        return fit_mixture(known, seed=seed)


def class_mixtures(
    regions: RegionArrays, reviewed: NDArray[np.bool_], parameters: Parameters
) -> ClassMixtures | None:
    """The components within each class, of regions that nobody has decided; None if classes have none."""
    known = ~np.isnan(regions.loss) & ~reviewed
    if parameters.scc.mixture != "class" or not known.any():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the run that scored has said so
        return fit_class_mixtures(regions.loss[known], regions.class_id[known], seed=parameters.seed)


def _pixels(
    project: Project, regions: RegionArrays, progress: ProgressCallback, cancel: CancelToken
) -> tuple[dict[str, NDArray[np.int64]], list[str]]:
    """Pixels by class of the three label sets, over the images that PSA has done."""
    done = [record for record in project.images if record.status == "done" and record.shape is not None]
    found = {name: np.zeros(256, dtype=np.int64) for name in ("raw", "after PSA", "curated")}
    problems = []
    overridden = set(project.overrides.images())
    curated = region_labels(regions.class_id, regions.verdict, regions.predicted)
    for number, record in enumerate(done, start=1):
        cancel.raise_if_cancelled()
        assert record.shape is not None
        rows, total = regions.rows_of(record.id), record.shape[0] * record.shape[1]
        found["after PSA"] += _by_class(regions.class_id[rows], regions.area[rows], total)
        if record.id in overridden:
            found["curated"] += np.bincount(project.curated(record.id).ravel(), minlength=256)
        else:
            found["curated"] += _by_class(curated[rows], regions.area[rows], total)
        try:
            raw = project.read_pseudo_label(record.id, record.shape)
        except SecoError as error:
            problems.append(str(error))
        else:
            found["raw"] += np.bincount(raw.ravel(), minlength=256)
        progress(ProgressEvent("report", number, len(done), record.name))
    return found, problems


def _by_class(class_id: NDArray[np.uint8], area: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Pixels by class; what no region covers is ignore."""
    count = np.bincount(class_id, weights=area, minlength=256).astype(np.int64)
    count[IGNORE] += total - int(area.sum())
    return count
