"""Rules, relational graph and uncertainty against what the published code computes.

Usage: ``python -m benchmarks.scc_reference DIR``

DIR has ``thresholds.json`` (losses, scores, classes; thresholds and what each of the nine rules keeps),
``graph.json`` (features and boxes, with and without remembered regions; adjacency for each setting) and
``uncertainty.json`` (parts, uncertainty, weight, training loss).

Bar: ``all_equal`` true, that is, no number further than 1e-6 off and the same regions kept;
``max_abs_diff`` is the largest difference found.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import hardware, report
from seco_core.scc import uncertainty as unc
from seco_core.scc.graph_published import published_adjacency
from seco_core.scc.rules import RULES, kept_by_rule, quantile_thresholds
from seco_core.scheme import IGNORE

TOLERANCE = 1e-6
SETTINGS = {
    "num_pos_freqs": "frequencies",
    "add_self_loops": "self_loops",
    "normalize": "normalise",
    "clamp_neg": "clamp_negative",
}


def difference(found: Any, expected: Any) -> float:
    """Largest absolute difference; infinite where shapes differ or a number is missing."""
    a, b = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if a.shape != b.shape or not np.isfinite(a).all():
        return float("inf")
    return float(np.abs(a - b).max(initial=0.0))


def compare_rules(reference: dict[str, Any]) -> tuple[float, int]:
    """(largest difference of a threshold, number of regions that a rule keeps or drops otherwise)."""
    loss, score = np.array(reference["loss"]), np.array(reference["score"])
    predicted = np.array(reference["predicted_class"])
    worst, other = 0.0, 0
    for case in reference["ratios"]:
        ratio = case["ratio"]
        t = quantile_thresholds(loss, score, predicted, ratio)
        for name, found in {
            "loss_threshold": t.loss,
            "score_threshold": t.score,
            "local_loss_threshold": t.local_loss,
            "local_score_threshold": t.local_score,
            "global_loss_threshold": t.mean_loss,
            "global_score_threshold": t.mean_score,
        }.items():
            worst = max(worst, difference(found, case[name]))
        for rule in RULES:
            kept = kept_by_rule(rule, loss, score, predicted, ratio)
            other += int((kept != np.array(case["kept"][rule], dtype=bool)).sum())
    return worst, other


def compare_graph(reference: dict[str, Any]) -> float:
    """Largest difference of an entry over all settings."""
    features, boxes = np.array(reference["features"]), np.array(reference["boxes_x1y1x2y2_normalized"])
    history = {
        "history_features": np.array(reference["history_features"]).reshape(-1, features.shape[1]),
        "history_boxes": np.array(reference["history_boxes"]).reshape(-1, 4),
    }
    worst = 0.0
    for case in reference["cases"]:
        settings = {SETTINGS.get(name, name): value for name, value in case["settings"].items()}
        found = published_adjacency(features, boxes, **settings, **(history if case["history"] else {}))
        worst = max(worst, difference(found, case["adjacency"]))
    return worst


def compare_uncertainty(reference: dict[str, Any]) -> float:
    """Largest difference of a part, an uncertainty, a weight or a training loss."""
    import torch

    names = ("features", "reconstruction", "logits", "mu", "logvar")
    features, reconstruction, logits, mu, logvar = (
        torch.tensor(reference[n], dtype=torch.float64) for n in names
    )
    labels = torch.tensor(reference["labels"])
    labelled = labels != IGNORE
    parts = unc.uncertainty_parts(features, reconstruction, logits, mu, logvar)
    worst = 0.0
    for case in reference["cases"]:
        settings = dict(case["settings"])
        tau, least = settings.pop("tau", unc.TAU), settings.pop("w_min", unc.LEAST_WEIGHT)
        u = unc.uncertainty(parts, **settings)
        weight = unc.training_weight(u, tau=tau, least=least) * labelled
        found = (parts.rec_error, parts.entropy, parts.kl, u, weight)
        for name, value in zip(("rec_err", "entropy", "kl", "uncertainty", "weight"), found, strict=True):
            worst = max(worst, difference(value, case[name]))
    weight = unc.training_weight(unc.uncertainty(parts)) * labelled
    cross_entropy = torch.nn.functional.cross_entropy(
        logits, torch.where(labelled, labels, 0), reduction="none"
    )
    for case in reference["training_loss"]:
        beta = unc.kl_weight(case["step"], case["total_steps"])
        loss = unc.training_loss(parts.rec_error, parts.kl, cross_entropy, weight, beta=beta)
        worst = max(worst, difference(loss, case["loss"]))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder laid out as above")
    folder = parser.parse_args().folder

    def reference(name: str) -> dict[str, Any]:
        return dict(json.loads((folder / name).read_text(encoding="utf-8")))

    of_rules, kept_otherwise = compare_rules(reference("thresholds.json"))
    of_graph = compare_graph(reference("graph.json"))
    of_uncertainty = compare_uncertainty(reference("uncertainty.json"))
    print(f"thresholds: {of_rules:.1e}, {kept_otherwise} regions kept otherwise")
    print(f"graph: {of_graph:.1e}")
    print(f"uncertainty: {of_uncertainty:.1e}")
    worst = max(of_rules, of_graph, of_uncertainty)
    report(
        {
            "all_equal": worst <= TOLERANCE and kept_otherwise == 0,
            "max_abs_diff": worst,
            "regions_kept_otherwise": kept_otherwise,
            "hardware": hardware(),
        }
    )


if __name__ == "__main__":
    main()
