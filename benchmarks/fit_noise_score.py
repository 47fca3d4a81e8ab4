"""Fit the weights of the noise score on generated scenes and write them to ``resources/noise_score.json``.

Usage: ``python -m benchmarks.fit_noise_score [--encoder E] [--profile P] [--seeds 6] [--scenes 24]``

Weights differ by encoder, ``cnn`` or another, and by PSA profile: a run fits and writes those of one pair.

For each seed a project of example scenes is scored three times:

- ``plain``: the regions with the pseudo-label's mistakes,
- ``few``: three of five wrong regions given their right class,
- ``planted``: right classes, three of ten flipped (see `benchmarks.planted.flip`), no confidence.

A logistic regression with no negative weight and a ridge penalty tells wrong regions from right ones by the
evidence (`seco_core.scc.noise`): with what needs confidence maps on ``plain``, where confidence and mistakes
belong together, and without it on all three. Printed: mean AUROC and calibration error on seeds left out of
the fit. Nothing here sees a real image.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from benchmarks.common import report
from benchmarks.planted import example_project, flip, rescore, true_classes
from benchmarks.psa_quality import PROFILES
from seco_core.metrics import auroc, reliability
from seco_core.parameters import Parameters
from seco_core.pipeline.evidence import evidence
from seco_core.project import Project
from seco_core.resources import resource_path
from seco_core.scc.noise import (
    EVIDENCE,
    NOT_OF_A_NETWORK,
    OF_CONFIDENCE,
    OF_LEARNING,
    comparable,
    level,
    weights_name,
)
from seco_core.scheme import IGNORE

RIDGE = 0.01
FIRST_SEED = 900
VARIANTS = ("plain", "few", "planted")


class Scored(NamedTuple):
    """Evidence about all regions (R,), and which of them have ground truth (R,) and are wrong (R,)."""

    evidence: dict[str, NDArray[np.float32]]
    known: NDArray[np.bool_]
    wrong: NDArray[np.bool_]


class Case(NamedTuple):
    """The evidence, made comparable (N, E), its level, and which regions are wrong (N,)."""

    pieces: NDArray[np.float64]
    level: float
    wrong: NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", choices=("descriptor", "cnn"), default="descriptor")
    parser.add_argument("--profile", choices=PROFILES, default="default", help="PSA profile of the regions")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--work", type=Path, help="keep projects and evidence here")
    options = parser.parse_args()
    chosen = {"scc.encoder": options.encoder, "psa.profile": options.profile}
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
        cases = {(s, v): _score(work, s, v, options.scenes, chosen) for s in seeds for v in VARIANTS}
    learnt = options.encoder == "cnn"
    numbers: dict[str, float] = {}
    shipped = {}
    for name in ("with", "without"):
        unknown = (NOT_OF_A_NETWORK if name == "with" else OF_CONFIDENCE) | (
            frozenset() if learnt else OF_LEARNING
        )
        names = [e for e in EVIDENCE if e not in unknown]
        variants = VARIANTS if name == "without" else ("plain",)
        used = {key: _case(scored, names) for key, scored in cases.items() if key[1] in variants}
        for variant in variants:
            found, error = [], []
            for seed in seeds if len(seeds) > 1 else []:
                weights = fit(case for key, case in used.items() if key[0] != seed)
                case = used[seed, variant]
                score = expit(case.level + weights[0] + case.pieces @ weights[1:])
                found.append(auroc(score, case.wrong))
                error.append(reliability(score, case.wrong).error)
            numbers[f"auroc_{variant}_{name}_confidence"] = float(np.mean(found))
            numbers[f"error_{variant}_{name}_confidence"] = float(np.mean(error))
        weights = fit(used.values())
        shipped[weights_name(name == "with", learnt)] = {
            "intercept": round(float(weights[0]), 4),
            "weights": {n: round(float(w), 4) for n, w in zip(names, weights[1:], strict=True)},
        }
    path = resource_path("noise_score.json")
    others = json.loads(path.read_text(encoding="utf-8"))
    of_profile = {options.profile: others.get(options.profile, {}) | shipped}
    path.write_text(json.dumps(others | of_profile, indent=2) + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))
    report(numbers)


def fit(cases: Iterable[Case]) -> NDArray[np.float64]:
    """Intercept and weights, none of them negative, of all cases together."""
    chosen = list(cases)
    pieces, wrong = np.concatenate([c.pieces for c in chosen]), np.concatenate([c.wrong for c in chosen])
    start = np.concatenate([np.full(len(c.wrong), c.level) for c in chosen])
    x = np.column_stack([np.ones(len(pieces)), pieces])

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        log_odds = start + x @ w
        penalty = RIDGE * np.append(0.0, w[1:])
        value = np.mean(np.logaddexp(0.0, log_odds) - wrong * log_odds) + 0.5 * penalty @ w
        return float(value), x.T @ (expit(log_odds) - wrong) / len(x) + penalty

    bounds = [(None, None)] + [(0.0, None)] * pieces.shape[1]
    return minimize(loss, np.zeros(x.shape[1]), jac=True, bounds=bounds).x


def _case(scored: Scored, names: list[str]) -> Case:
    """What a project that has only the evidence of these names is scored by."""
    evidence = {name: scored.evidence[name] for name in names}
    pieces = np.column_stack(list(comparable(evidence).values()))
    return Case(pieces[scored.known], level(evidence), scored.wrong[scored.known])


def _score(work: Path, seed: int, variant: str, scenes: int, chosen: dict[str, str]) -> Scored:
    """One variant of one seed."""
    parameters, name = Parameters(seed=seed).replace(**chosen), "-".join([f"seed{seed}", *chosen.values()])
    plain = example_project(work / name, seed=seed, count=scenes, parameters=parameters)
    path = plain
    if variant != "plain":
        path = work / f"{name}-{variant}"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(plain, path)
        with Project.open(path, readonly=True) as project:
            truth, class_id = true_classes(project), project.regions().class_id
            size = project.scheme.size
        rng = np.random.default_rng([seed, VARIANTS.index(variant)])
        if variant == "few":
            righted = (truth != IGNORE) & (truth != class_id) & (rng.random(len(truth)) < 0.6)
            rescore(path, np.where(righted, truth, class_id), parameters, confidence=True)
        else:
            taken_for = np.zeros((size, size))
            known = truth != IGNORE
            np.add.at(taken_for, (truth[known], class_id[known]), 1.0)
            rescore(path, flip(truth, taken_for, 0.3, rng)[0], parameters, confidence=False)
    with Project.open(path, readonly=True) as project:
        regions = project.regions()
        found = evidence(project, regions, [r.id for r in project.images], parameters, kin=True)
        truth = true_classes(project)
    return Scored(found, truth != IGNORE, regions.class_id != truth)


if __name__ == "__main__":
    main()
