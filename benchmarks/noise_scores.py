"""Every score that could order the review, against ground truth.

Usage: ``python -m benchmarks.noise_scores DATASET [--seed N] [--encoder cnn] [--profile paper]``

A dataset that needs no weights is put through the pipeline on the CPU. For each score ``auroc_``, ``ap_``
(average precision) and ``precision10_`` (share of wrong regions in the first tenth): ``final`` (the noise
score), ``confidence`` (one minus the network's mean confidence), ``cleanlab`` (on the cross-fitted
probabilities), ``training_loss`` (of the same networks on their own training data), ``entropy`` and
``uncertainty`` (SCC-Unc), ``loss`` (cross-fitted), ``eta``. Bars: ``auroc_final`` at least 0.87 and above
``confidence``, ``cleanlab`` and ``training_loss``; ``noise_kept`` at most a third of ``noise_rate``.

Pixels: mIoU and coverage after PSA, after SCC (``scc``: what the curated map labels, so all but dropped
regions; ``unflagged``: doubted ones left out too), and for each of the two of as many pixels of the surest
regions by confidence.

Ground truth measures and decides nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import hardware, report
from benchmarks.planted import true_classes
from benchmarks.psa_quality import PROFILES
from seco_core.dataset import open_dataset
from seco_core.evaluate import evaluate
from seco_core.label_files import read_label
from seco_core.metrics import auroc, average_precision, confusion, precision_at, scores
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline
from seco_core.project import Project, RegionArrays
from seco_core.scc.classifier import Ensemble
from seco_core.scc.correction import Verdict
from seco_core.scc.held_out import HeldOut
from seco_core.scc.side_by_side import single_thread
from seco_core.scheme import IGNORE, default_scheme, load_scheme


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoder", choices=("descriptor", "cnn"), default="descriptor")
    parser.add_argument("--profile", choices=PROFILES, default="default", help="PSA profile of the regions")
    options = parser.parse_args()
    dataset = open_dataset(options.dataset)
    scheme = load_scheme(default_scheme(dataset.root))
    parameters = Parameters(seed=options.seed, device="cpu")
    parameters = parameters.replace(**{"scc.cleanlab": True, "scc.encoder": options.encoder})
    parameters = parameters.replace(**{"psa.profile": options.profile})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "project"
        Project.create(path, scheme, dataset).close()
        run_pipeline(path, parameters)
        with Project.open(path, readonly=True) as project:
            numbers = measure(project, parameters)
    for name in ("final", "confidence", "cleanlab", "training_loss", "entropy", "uncertainty", "loss", "eta"):
        row = [numbers[f"{m}_{name}"] for m in ("auroc", "ap", "precision10")]
        print(f"{name:14}" + "".join(f"{value:8.3f}" for value in row))
    print(hardware())
    report(numbers)


def measure(project: Project, parameters: Parameters) -> dict[str, float]:
    """All numbers of a project that is up to date and has ground truth."""
    regions, truth = project.regions(), true_classes(project)
    known = truth != IGNORE
    wrong = (regions.class_id != truth)[known]
    ranked = {
        "final": regions.noise_score,
        "confidence": 1.0 - regions.confidence,
        "cleanlab": 1.0 - regions.label_quality,
        "training_loss": training_loss(project, regions, parameters),
        "entropy": regions.entropy,
        "uncertainty": regions.uncertainty,
        "loss": regions.loss,
        "eta": regions.eta,
    }
    numbers: dict[str, float] = {}
    for name, score in ranked.items():
        numbers[f"auroc_{name}"] = auroc(score[known], wrong)
        numbers[f"ap_{name}"] = average_precision(score[known], wrong)
        numbers[f"precision10_{name}"] = precision_at(score[known], wrong, 0.1)
    whole = evaluate(project)
    for name in ("noise_rate", "noise_rate_kept", "noise_rate_flagged", "calibration_error"):
        numbers[name.replace("noise_rate_", "noise_")] = whole[name]
    return numbers | kept_pixels(project, regions)


def training_loss(project: Project, regions: RegionArrays, parameters: Parameters) -> NDArray[np.float64]:
    """Loss of every region under networks that trained on all regions, after the last epoch, (R,)."""
    features = np.concatenate([project.read_raster(r.id, "features") for r in project.images])
    labels, n = regions.class_id.astype(np.int64), len(regions)
    odds = 1.0 / np.sqrt(np.bincount(labels)[labels])
    # a network scores only what it does not train on: here copies of what it does
    copies = HeldOut(np.arange(n, 2 * n), np.concatenate([odds, np.zeros(n)]))
    with single_thread():
        ensemble = Ensemble(
            np.vstack([features, features]), np.tile(labels, 2), [copies],
            n_classes=project.scheme.size, epochs=parameters.scc.epochs,
            label_smoothing=parameters.scc.label_smoothing,
            rng=np.random.default_rng(parameters.seed), device="cpu",
        )  # fmt: skip
        for _ in range(parameters.scc.epochs):
            ensemble.train_epoch()
        log_p = ensemble.score()[0]
    return -log_p[np.arange(n), labels]


def kept_pixels(project: Project, regions: RegionArrays) -> dict[str, float]:
    """mIoU and coverage after PSA, after SCC, and of the surest regions of the same area."""
    after_scc = np.where(regions.verdict == Verdict.RELABEL, regions.predicted, regions.class_id)
    given = {"psa": regions.class_id}
    kept = {
        "scc": regions.verdict != Verdict.DROP,
        "unflagged": np.isin(regions.verdict, [Verdict.KEEP, Verdict.RELABEL]),
    }
    order = np.argsort(-regions.confidence, kind="stable")
    for name, clean in kept.items():
        enough = np.searchsorted(np.cumsum(regions.area[order]), regions.area[clean].sum()) + 1
        sure = np.zeros(len(regions), dtype=bool)
        sure[order[:enough]] = True
        given[name] = np.where(clean, after_scc, IGNORE)
        given[f"{name}_by_confidence"] = np.where(sure, regions.class_id, IGNORE)
    n = project.scheme.size
    sums = {name: np.zeros((n, n), dtype=np.int64) for name in given}
    pixels = 0
    for record_id, path in project.ground_truth_paths().items():
        region_ids = project.read_region_ids(record_id)
        assert region_ids is not None, "every image was worked on"
        label = read_label(path, project.scheme, region_ids.shape)
        pixels += int(np.count_nonzero(label != IGNORE))
        rows = regions.rows_of(record_id)
        for name, classes in given.items():
            drawn = np.concatenate([[IGNORE], classes[rows]]).astype(np.uint8)[region_ids]
            sums[name] += confusion(label, drawn, n)
    numbers = {}
    for name, matrix in sums.items():
        numbers[f"miou_{name}"] = scores(matrix).miou
        numbers[f"coverage_{name}"] = float(matrix.sum() / pixels)
    return numbers


if __name__ == "__main__":
    main()
