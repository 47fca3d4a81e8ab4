"""How many reviews it takes until the labels are right, in each order of reviewing.

Usage: ``python -m benchmarks.effort DATASET [--project DIR] [--to DIR]``

Runs the pipeline (or takes a scored project) and lets a simulated reviewer answer with the majority class of
each region's ground truth, until regions that make up 95 % of the area have their right class. Bars:
``reviews_feedback`` at most 0.75 of ``reviews_confidence_area`` and 0.35 of ``reviews_random``;
``miou10_feedback`` (mIoU when 10 % of the regions are reviewed) above every other order's, oracle aside.
With a reviewer who errs in 5 % of the decisions (``..._errors``) feedback still ahead of the orders that need
none; the goal may then be out of reach (null), so the mean accuracy over the first 30 % is told too.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import report, run_seco
from seco_core.project import Project
from seco_core.simulate import (
    ORDERS,
    EffortCurve,
    Task,
    check_forecasts,
    load_task,
    simulate,
    write_curves,
)

GOAL = 0.95
RANDOM_SEEDS = 5
MOMENTS = (10, 25, 50, 75, 100, 150, 200, 300, 400, 600)
OTHERS = ("worst_first", "confidence", "confidence_area")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path, help="dataset folder or list file with ground truth")
    parser.add_argument("--project", type=Path, help="project of the dataset that has been scored already")
    parser.add_argument("--to", type=Path, help="write the curves to this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        path = arguments.project or Path(temporary) / "project"
        if arguments.project is None:
            run_seco("run", arguments.dataset, "--project", path)
        with Project.open(path, readonly=True) as project:
            task = load_task(project)
            numbers: dict[str, Any] = {"regions": len(task.regions)}
            for suffix, error_rate in (("", 0.0), ("_errors", 0.05)):
                curves = {order: _curve(task, order, error_rate) for order in ORDERS}
                numbers |= _numbers(curves, suffix)
                if arguments.to is not None:
                    write_curves(curves.values(), arguments.to / f"effort{suffix}", goal=GOAL)
            numbers |= _forecasts(task)
    report(numbers)


def _forecasts(task: Task) -> dict[str, Any]:
    moments = [m for m in MOMENTS if m < len(task.regions)]
    checks = {
        "feedback": check_forecasts(task, "feedback", moments),
        "others": [
            check
            for order, seed in [*(("random", s) for s in range(RANDOM_SEEDS)), *((o, 0) for o in OTHERS)]
            for check in check_forecasts(task, order, moments, seed=seed)
        ],
    }
    found: dict[str, Any] = {}
    for name, of_orders in checks.items():
        now = [c.told.now_low <= c.now <= c.told.now_high for c in of_orders]
        after = [c.told.after_low <= c.after <= c.told.after_high for c in of_orders]
        error = [c.told.now - c.now for c in of_orders]
        found |= {
            f"forecast_now_{name}": round(float(np.mean(now)), 3),
            f"forecast_after_{name}": round(float(np.mean(after)), 3),
            f"forecast_error_{name}": [round(e, 3) for e in error],
        }
    return found


def _curve(task: Task, order: str, error_rate: float) -> EffortCurve:
    if order != "random":
        return simulate(task, order, error_rate=error_rate)
    runs = [simulate(task, order, error_rate=error_rate, seed=seed) for seed in range(RANDOM_SEEDS)]
    return EffortCurve(
        order,
        len(task.regions),
        np.mean([c.accuracy for c in runs], axis=0),
        np.mean([c.miou for c in runs], axis=0),
    )


def _numbers(curves: dict[str, EffortCurve], suffix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for order, curve in curves.items():
        n = len(curve.accuracy) - 1
        found[f"reviews_{order}{suffix}"] = curve.reviews_until(GOAL)
        found[f"miou10_{order}{suffix}"] = round(float(curve.miou[n // 10]), 4)
        found[f"mean_accuracy30_{order}{suffix}"] = round(float(curve.accuracy[: 3 * n // 10].mean()), 4)
    return found


if __name__ == "__main__":
    main()
