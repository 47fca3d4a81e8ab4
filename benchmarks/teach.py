"""How long `seco teach` takes after a number of overrides, and what it does to the scores of other regions.

``python -m benchmarks.teach DATASET [--overrides 50]`` runs the pipeline into a temporary project (or uses a
copy of ``--project``), has a simulated reviewer answer the worst regions with the majority class of their
ground truth, teaches, and compares the noise scores of the regions that nobody reviewed, before and after.
Bar: 15 s on two cores.
"""

from __future__ import annotations

import argparse
import math
import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import hardware, report
from seco_core.dataset import open_dataset
from seco_core.label_files import read_label
from seco_core.metrics import auroc, majority_truth
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline, teach
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_core.review import worst_first
from seco_core.scc.correction import Verdict
from seco_core.scheme import IGNORE, default_scheme, load_scheme


def majority(project: Project) -> NDArray[np.uint8]:
    """Majority class of every region's ground truth."""
    regions = project.regions()
    truth = np.full(len(regions), IGNORE, dtype=np.uint8)
    for image_id, path in project.ground_truth_paths().items():
        ids, rows = project.read_region_ids(image_id), regions.rows_of(image_id)
        if ids is not None:
            label = read_label(path, project.scheme, ids.shape)
            truth[rows], _ = majority_truth(ids, label, rows.stop - rows.start, project.scheme.size)
    return truth


def review(project: Project, rows: NDArray[np.int64], truth: NDArray[np.uint8]) -> None:
    """Decide regions on the class that is true."""
    regions = project.regions()
    for row in rows.tolist():
        image_id = int(regions.image_id[row])
        x0, y0, x1, y1 = regions.box[row].tolist()
        ids = project.read_region_ids(image_id)
        assert ids is not None
        mask = ids[y0:y1, x0:x1] == row - regions.rows_of(image_id).start + 1
        action = Action.ACCEPT if truth[row] == regions.class_id[row] else Action.RELABEL
        project.overrides.record([Decision(action, image_id, int(truth[row]), (x0, y0, x1, y1), mask)])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--overrides", type=int, default=50)
    parser.add_argument("--project", type=Path, help="a project of the dataset that the pipeline has run on")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "project"
        if arguments.project is None:
            dataset = open_dataset(arguments.dataset)
            Project.create(path, load_scheme(default_scheme(dataset.root)), dataset).close()
            run_pipeline(path, Parameters())
        else:
            shutil.copytree(arguments.project, path)
        with Project.open(path) as project:
            parameters = project.runs()[-1].parameters
            before, truth = project.regions(), majority(project)
            known = truth != IGNORE
            chosen = worst_first(before.noise_score, before.area, known)[: arguments.overrides]
            review(project, chosen, truth)
        result = teach(path, parameters)
        with Project.open(path, readonly=True) as project:
            after = project.regions()
        rest = known.copy()
        rest[chosen] = False
        wrong = (before.class_id != truth)[rest]
        numbers: dict[str, float] = {
            "regions": len(before),
            "overrides": len(chosen),
            "wrong_among_overrides": float((before.class_id != truth)[chosen].mean()),
            "seconds": round(result.seconds, 1),
            "changed": result.changed,
            "newly_flagged": result.newly_flagged,
            "no_longer_flagged": result.no_longer_flagged,
        }
        for name, regions in (("before", before), ("after", after)):
            score, flagged = regions.noise_score[rest], (regions.verdict != Verdict.KEEP)[rest]
            numbers |= {
                f"auroc_{name}": auroc(score, wrong),
                f"brier_{name}": float(np.square(score - wrong).mean()),
                f"mean_score_{name}": float(score.mean()),
                f"predicted_right_{name}": float((regions.predicted == truth)[rest].mean()),
                f"noise_kept_{name}": float(wrong[~flagged].mean()),
                f"noise_flagged_{name}": float(wrong[flagged].mean()) if flagged.any() else math.nan,
            }
        numbers["noise_rate"] = float(wrong.mean())
        print(hardware())
        report(numbers)


if __name__ == "__main__":
    main()
