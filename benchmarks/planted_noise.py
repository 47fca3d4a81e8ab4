"""Noise planted in regions whose right classes are known: how much of it the noise score finds.

Usage: ``python -m benchmarks.planted_noise [--scenes 24] [--seed 0] [--seeds 1] [--encoder cnn]``

Example scenes; each region is given its right class, then three of ten are flipped: half to a class at
random, half to one that the pseudo-label takes it for. Confidence maps say nothing of that, so there is none.
Bars: of the regions with a noise score of at most tau_ns 6 % or less are flipped (``noise_clean``), of those
above it 87 % or more (``noise_noisy``); the paper's best figures. ``noise_clean_eta`` and ``noise_noisy_eta``
are the same by eta alone, which the paper's own clusters are made of. What becomes of the noisy ones by the
paper's rule: ``relabelled`` and ``dropped`` (shares of all), ``relabelled_right`` (share that then has its
right class), ``noise_dropped``, and ``noise_corrected``, wrong regions among those kept or relabelled.

What limits it: ``at_87_NAME`` is the noise left in the clean cluster when the threshold on a score is laid
where the noisy one has 87 %; ``right_labels`` is the loss of the same networks taught the right classes of
the other images, which nobody has.

With ``--seeds N`` scenes and flips of N seeds from ``--seed`` on: a line for each and the mean of all. Of 24
scenes some 750 regions are in the clean cluster, so that one planting alone is known to one percent.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import hardware, report
from benchmarks.planted import example_project, flip, rescore, true_classes
from seco_core.metrics import auroc, reliability
from seco_core.parameters import Parameters
from seco_core.pipeline.region_inputs import described_regions
from seco_core.project import Project
from seco_core.scc.correction import Verdict, correct
from seco_core.scc.loss import cross_fit
from seco_core.scheme import IGNORE

TOLD = ("noise_clean", "noise_noisy", "auroc_final", "at_87_final", "calibration_error")
"""What is printed of each seed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoder", choices=("descriptor", "cnn"), default="descriptor")
    parser.add_argument("--seeds", type=int, default=1, help="plant with so many seeds from --seed on")
    options = parser.parse_args()
    print(hardware())
    found = []
    for seed in range(options.seed, options.seed + options.seeds):
        found.append(measure(options.scenes, seed, options.encoder))
        print(f"seed {seed}: " + ", ".join(f"{name} {found[-1][name]:.3f}" for name in TOLD), flush=True)
    report({name: float(np.mean([numbers[name] for numbers in found])) for name in found[0]})


def measure(scenes: int, seed: int, encoder: str) -> dict[str, float]:
    """All numbers of one planting."""
    parameters = Parameters(seed=seed).replace(**{"scc.encoder": encoder})
    with tempfile.TemporaryDirectory() as folder:
        path = example_project(Path(folder), seed=seed, count=scenes)
        with Project.open(path, readonly=True) as project:
            truth, class_id = true_classes(project), project.regions().class_id
            taken_for = np.zeros((project.scheme.size, project.scheme.size))
        known = truth != IGNORE
        np.add.at(taken_for, (truth[known], class_id[known]), 1.0)
        planted, flipped = flip(truth, taken_for, 0.3, np.random.default_rng(seed))
        rescore(path, planted, parameters, confidence=False)
        with Project.open(path, readonly=True) as project:
            regions = project.regions()
            rows, features = described_regions(project, regions, [r.id for r in project.images])
    # everything is described and in order
    assert np.array_equal(rows, np.arange(len(regions)))
    taught_right = cross_fit(
        features,
        np.where(known, truth, 0),
        regions.image_id,
        asked=regions.class_id,
        n_classes=len(taken_for),
        folds=parameters.scc.folds,
        epochs=parameters.scc.epochs,
        label_smoothing=parameters.scc.label_smoothing,
        seed=seed,
        sample_weight=known * np.sqrt(regions.area / regions.area.mean()),
    ).loss[known]
    score, wrong = regions.noise_score[known], flipped[known]
    tau_ns = parameters.scc.tau_ns
    noisy = score > tau_ns
    verdict, predicted = correct(
        regions.class_id[known],
        score,
        regions.loss[known],
        regions.probabilities[known],
        tau_ns=tau_ns,
        tau_cr=parameters.scc.tau_cr,
        class_share=0.0,
    )
    relabelled, dropped = verdict == Verdict.RELABEL, verdict == Verdict.DROP
    still_wrong = np.where(relabelled, predicted != truth[known], wrong)
    ranked = {"final": score, "loss": regions.loss[known], "right_labels": taught_right}
    return {
        "regions": int(known.sum()),
        "planted": float(wrong.mean()),
        **clusters("", wrong, noisy),
        **clusters("_eta", wrong, regions.eta[known] > tau_ns),
        "share_noisy": float(noisy.mean()),
        "relabelled": float(relabelled.mean()),
        "relabelled_right": share(~still_wrong, relabelled),
        "dropped": float(dropped.mean()),
        "noise_dropped": share(wrong, dropped),
        "noise_corrected": share(still_wrong, ~dropped),
        **{f"auroc_{name}": auroc(values, wrong) for name, values in ranked.items()},
        "auroc_eta": auroc(regions.eta[known], wrong),
        "auroc_disagreement": auroc(regions.disagreement[known], wrong),
        **{f"at_87_{name}": left_in_clean(values, wrong, 0.87) for name, values in ranked.items()},
        "calibration_error": reliability(score, wrong).error,
    }


def clusters(name: str, wrong: NDArray[np.bool_], noisy: NDArray[np.bool_]) -> dict[str, float]:
    """Share of wrong regions in the clean and in the noisy cluster."""
    return {f"noise_clean{name}": share(wrong, ~noisy), f"noise_noisy{name}": share(wrong, noisy)}


def share(what: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    """Share of regions among others; NaN among none."""
    return float(what[among].mean()) if among.any() else float("nan")


def left_in_clean(score: NDArray[np.floating], wrong: NDArray[np.bool_], purity: float) -> float:
    """Noise in the clean cluster when the noisy one is the largest with so much noise; NaN if none has."""
    order = np.argsort(-score, kind="stable")
    found = np.cumsum(wrong[order])
    enough = np.flatnonzero(found >= purity * np.arange(1, len(wrong) + 1))
    if not len(enough):
        return float("nan")
    last = enough[-1]
    return float((wrong.sum() - found[last]) / max(len(wrong) - last - 1, 1))


if __name__ == "__main__":
    main()
