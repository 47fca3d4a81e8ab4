"""A project against ground truth, where there is any; only this and `simulate` read ground truth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import DatasetError, ProjectError, SecoError
from seco_core.label_files import read_label
from seco_core.metrics import (
    auroc,
    average_precision,
    confusion,
    majority_truth,
    noise_rate,
    precision_at,
    region_accuracy,
    reliability,
    scores,
    weighted_purity,
)
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent, ignore_progress
from seco_core.project import Project, RegionArrays
from seco_core.refine import reviewed_regions
from seco_core.regions import label_components
from seco_core.scc.correction import Verdict
from seco_core.scheme import IGNORE

LABEL_SETS = ("raw", "psa", "curated")


class _LabelSet:
    """Sums over the images of one label set."""

    def __init__(self, n_classes: int):
        self.n_classes = n_classes
        self.matrix = np.zeros((n_classes, n_classes), dtype=np.int64)
        self.labelled = 0
        self.known = 0
        self.purity: list[NDArray[np.float32]] = []
        self.area: list[NDArray[np.int64]] = []

    def add(self, truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> None:
        self.matrix += confusion(truth, predicted, self.n_classes)
        known = truth != IGNORE
        self.known += int(known.sum())
        self.labelled += int((known & (predicted != IGNORE)).sum())
        # a raw label may have more components than an image may have regions
        components, n = label_components(predicted)
        _, purity = majority_truth(components, truth, n, self.n_classes)
        self.purity.append(purity)
        self.area.append(np.bincount(components.ravel(), minlength=n + 1)[1:])

    def numbers(self, name: str) -> dict[str, float]:
        found = scores(self.matrix)
        return {
            f"miou_{name}": found.miou,
            f"accuracy_{name}": found.accuracy,
            f"coverage_{name}": self.labelled / self.known if self.known else float("nan"),
            f"purity_{name}": weighted_purity(np.concatenate(self.purity), np.concatenate(self.area)),
        }


def evaluate(
    project: Project, *, progress: ProgressCallback = ignore_progress, cancel: CancelToken | None = None
) -> dict[str, Any]:
    """Measure the raw pseudo-labels, the class maps after PSA, and the curated maps.

    Returns
    -------
    dict
        Flat. ``miou_X``, ``accuracy_X``, ``coverage_X``, ``purity_X`` with X one of raw, psa, curated: mean
        IoU and accuracy over the pixels that X labels, share of pixels that it labels, area-weighted
        purity of its regions. ``miou_raw_on_curated`` and ``accuracy_raw_on_curated``: the raw
        pseudo-label on the very pixels that the curated map labels. ``images``, ``regions``, ``reviewed``;
        ``noise_rate`` (share of regions whose class is not the majority of their ground truth),
        ``noise_rate_kept`` and ``noise_rate_flagged``; ``region_accuracy`` and ``region_accuracy_area``
        after PSA; ``auroc_S``, ``ap_S``, ``precision10_S`` for the scores noise_score, loss, confidence
        (one minus it), uncertainty, entropy (of the graph classifier) and cleanlab (one minus its label
        quality). ``reliability``: ``predicted``, ``observed`` and ``regions`` (how many) of the noise score
        in ten bins of equal width, but for empty ones; ``calibration_error`` the mean difference of the
        former two over the regions. Regions that a person decided are left out of it: the score was
        calibrated on them. What does not exist is NaN.

    Raises
    ------
    DatasetError
        If the project has no ground truth.
    ProjectError
        If the pipeline has done none of the images that have it.
    """
    paths = project.ground_truth_paths()
    todo = [r for r in project.images if r.id in paths and r.status == "done"]
    if paths and not todo:
        raise ProjectError(
            "there is nothing to evaluate yet.", path=project.path, remedy="Run the pipeline first."
        )
    if not todo:
        raise DatasetError(
            "there is no ground truth to evaluate against.",
            path=project.path,
            remedy="Run the pipeline on a dataset that has ground truth (a fourth column in its list file).",
        )
    cancel = cancel or CancelToken()
    n = project.scheme.size
    sets = {name: _LabelSet(n) for name in LABEL_SETS}
    raw_on_curated = np.zeros((n, n), dtype=np.int64)
    regions = project.regions()
    majority = np.full(len(regions), IGNORE, dtype=np.uint8)
    by_person = np.zeros(len(regions), dtype=bool)
    n_regions = 0
    unfinished = project.unfinished()
    measured, problems = 0, [] if unfinished is None else [str(unfinished)]
    for number, record in enumerate(todo, start=1):
        cancel.raise_if_cancelled()
        try:
            region_ids, psa = project.read_region_ids(record.id), project.read_psa(record.id)
            assert region_ids is not None
            assert psa is not None
            truth = read_label(paths[record.id], project.scheme, psa.shape)
            raw = project.read_pseudo_label(record.id, psa.shape)
        except SecoError as error:
            problems.append(str(error))
            continue
        curated = project.curated(record.id)
        for name, label in zip(LABEL_SETS, (raw, psa, curated), strict=True):
            sets[name].add(truth, label)
        raw_on_curated += confusion(truth, np.where(curated == IGNORE, IGNORE, raw).astype(np.uint8), n)
        rows = regions.rows_of(record.id)
        majority[rows], _ = majority_truth(region_ids, truth, rows.stop - rows.start, n)
        decided, _ = reviewed_regions(region_ids, rows.stop - rows.start, project.overrides.active(record.id))
        by_person[rows] = decided
        n_regions += rows.stop - rows.start
        measured += 1
        progress(ProgressEvent("evaluate", number, len(todo), record.name))
    if measured == 0:
        raise DatasetError(f"nothing can be measured: {problems[-1]}", path=project.path)
    result: dict[str, Any] = {}
    for name in LABEL_SETS:
        result |= sets[name].numbers(name)
    on_curated = scores(raw_on_curated)
    result["miou_raw_on_curated"] = on_curated.miou
    result["accuracy_raw_on_curated"] = on_curated.accuracy
    result |= {"images": measured, "regions": n_regions, "reviewed": int(by_person.sum())}
    result |= _region_numbers(regions, majority)
    known = (majority != IGNORE) & ~by_person
    found = reliability(regions.noise_score[known], (regions.class_id != majority)[known])
    result["reliability"] = {
        "predicted": found.predicted.tolist(),
        "observed": found.observed.tolist(),
        "regions": found.regions.tolist(),
    }
    result["calibration_error"] = found.error
    result["problems"] = problems
    return result


def _region_numbers(regions: RegionArrays, majority: NDArray[np.uint8]) -> dict[str, float]:
    known = majority != IGNORE
    wrong = (regions.class_id != majority)[known]
    flagged = regions.verdict != Verdict.KEEP
    numbers = {
        "noise_rate": noise_rate(regions.class_id, majority),
        "noise_rate_kept": noise_rate(regions.class_id, majority, among=~flagged),
        "noise_rate_flagged": noise_rate(regions.class_id, majority, among=flagged),
        "region_accuracy": region_accuracy(regions.class_id, majority),
        "region_accuracy_area": region_accuracy(regions.class_id, majority, regions.area),
    }
    ranked = {
        "noise_score": regions.noise_score,
        "loss": regions.loss,
        "confidence": 1.0 - regions.confidence,
        "uncertainty": regions.uncertainty,
        "entropy": regions.entropy,
        "cleanlab": 1.0 - regions.label_quality,
    }
    for name, score in ranked.items():
        score, of = score[known], wrong
        there = ~np.isnan(score)
        numbers[f"auroc_{name}"] = auroc(score[there], of[there])
        numbers[f"ap_{name}"] = average_precision(score[there], of[there])
        numbers[f"precision10_{name}"] = precision_at(score[there], of[there], 0.1)
    return numbers
