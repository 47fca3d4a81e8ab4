"""Is a class that nobody taught offered as unknown?

Usage: ``python -m benchmarks.open_set [--scenes 40]``

On generated scenes each class in turn is taken away: its regions (by the majority of their ground truth)
get another class by chance and teach nothing, and what was wrongly called by its name is left out. Bar:
``auroc``, the mean over the classes of the AUROC of the unknown score (held-out class against all other
regions), at least 0.85. ``auroc_entropy`` is that of the classifier's entropy alone. Classes of fewer than
20 regions are not tried.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import hardware, report, run_seco
from seco_core.example.write import write_example
from seco_core.label_files import read_label
from seco_core.metrics import auroc, majority_truth
from seco_core.project import Project
from seco_core.scc.loss import cross_fit
from seco_core.scc.unknown import unknown_score
from seco_core.scheme import IGNORE

FEWEST = 20


def truth_of_regions(project: Project) -> NDArray[np.uint8]:
    """Majority class of the ground truth in each region; ignore where it has none."""
    truth = np.full(len(project.regions()), IGNORE, dtype=np.uint8)
    for image_id, path in project.ground_truth_paths().items():
        region_ids = project.read_region_ids(image_id)
        assert region_ids is not None
        rows = project.regions().rows_of(image_id)
        truth_map = read_label(path, project.scheme, region_ids.shape)
        truth[rows], _ = majority_truth(region_ids, truth_map, rows.stop - rows.start, project.scheme.size)
    return truth


def held_out(project: Project, truth: NDArray[np.uint8], class_id: int) -> tuple[float, float]:
    """AUROC of the unknown score and of entropy for one class that is taken away."""
    regions = project.regions()
    away = truth == class_id
    used = (truth != IGNORE) & (away | (regions.class_id != class_id))
    found = [project.read_raster(record.id, "features") for record in project.images]
    features = np.concatenate([f for f in found if f is not None])[used]
    away, labels, groups = away[used], regions.class_id[used].copy(), regions.image_id[used]
    others = np.setdiff1d(np.unique(labels), [class_id])
    labels[away] = np.random.default_rng(class_id).choice(others, int(away.sum()))
    weight = np.where(away, 0.0, 1.0)
    fit = cross_fit(features, labels, groups, n_classes=project.scheme.size, epochs=20, sample_weight=weight)
    score = unknown_score(features, labels, fit.fold, fit.probabilities, sample_weight=weight)
    entropy = -(fit.probabilities * np.log(np.maximum(fit.probabilities, 1e-12))).sum(axis=1)
    return auroc(score, away), auroc(entropy, away)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--project", type=Path, help="a project of generated scenes that is there already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.project or Path(temporary) / "project"
        if arguments.project is None:
            data = write_example(Path(temporary) / "data", count=arguments.scenes, seed=23)
            run_seco("run", data, "--project", folder, "--set", "scc.epochs=1")
        with Project.open(folder, readonly=True) as project:
            truth = truth_of_regions(project)
            names = {c.id: c.name for c in project.scheme.classes}
            found = {}
            for class_id in project.scheme.ids:
                if np.count_nonzero(truth == class_id) >= FEWEST:
                    found[names[class_id]] = held_out(project, truth, class_id)
                    print(f"{names[class_id]:16} {found[names[class_id]][0]:.3f}", flush=True)
    mean = np.mean(list(found.values()), axis=0)
    report(
        {
            "auroc": round(float(mean[0]), 4),
            "auroc_entropy": round(float(mean[1]), 4),
            **{f"auroc_{name.replace(' ', '_')}": round(score, 4) for name, (score, _) in found.items()},
            "hardware": hardware(),
        }
    )


if __name__ == "__main__":
    main()
