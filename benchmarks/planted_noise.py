"""Noise planted in regions whose right classes are known: how much of it the noise score finds.

Usage: ``python -m benchmarks.planted_noise [--scenes 24] [--seed 0] [--encoder cnn]``

Example scenes; each region is given its right class, then three of ten are flipped: half to a class at
random, half to one that the pseudo-label takes it for. Confidence maps say nothing of that, so there is none.
Bars: of the regions with a noise score of at most tau_ns 6 % or less are flipped (``noise_clean``), of those
above it 87 % or more (``noise_noisy``); the paper's best figures.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.common import hardware, report
from benchmarks.planted import example_project, flip, rescore, true_classes
from seco_core.metrics import auroc, reliability
from seco_core.parameters import Parameters
from seco_core.project import Project
from seco_core.scheme import IGNORE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoder", choices=("descriptor", "cnn"), default="descriptor")
    options = parser.parse_args()
    parameters = Parameters(seed=options.seed).replace(**{"scc.encoder": options.encoder})
    with tempfile.TemporaryDirectory() as folder:
        path = example_project(Path(folder), seed=options.seed, count=options.scenes)
        with Project.open(path, readonly=True) as project:
            truth, class_id = true_classes(project), project.regions().class_id
            taken_for = np.zeros((project.scheme.size, project.scheme.size))
        known = truth != IGNORE
        np.add.at(taken_for, (truth[known], class_id[known]), 1.0)
        planted, flipped = flip(truth, taken_for, 0.3, np.random.default_rng(options.seed))
        rescore(path, planted, parameters, confidence=False)
        with Project.open(path, readonly=True) as project:
            regions = project.regions()
    score, wrong = regions.noise_score[known], flipped[known]
    noisy = score > parameters.scc.tau_ns
    print(hardware())
    report(
        {
            "regions": int(known.sum()),
            "planted": float(wrong.mean()),
            "noise_clean": float(wrong[~noisy].mean()) if not noisy.all() else float("nan"),
            "noise_noisy": float(wrong[noisy].mean()) if noisy.any() else float("nan"),
            "share_noisy": float(noisy.mean()),
            "auroc_final": auroc(score, wrong),
            "auroc_loss": auroc(regions.loss[known], wrong),
            "auroc_eta": auroc(regions.eta[known], wrong),
            "auroc_disagreement": auroc(regions.disagreement[known], wrong),
            "calibration_error": reliability(score, wrong).error,
        }
    )


if __name__ == "__main__":
    main()
