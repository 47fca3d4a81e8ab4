"""The main job on a dataset with ground truth: time, memory, and whether the curated labels are better.

Usage: ``python -m benchmarks.end_to_end DATASET [--keep DIR]``

Bars (62 images of 480x360, no weights, 2 cores): ``seconds`` at most 300, ``peak_gb`` at most 3,
``miou_curated`` above ``miou_raw_on_curated`` (the raw pseudo-label on the same pixels); ``identical``: a
second run with the same seed makes the same store.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.common import hardware, report, run_seco, store_digest
from seco_core.console import print_evaluation
from seco_core.evaluate import evaluate
from seco_core.project import Project


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path, help="dataset folder or list file with ground truth")
    parser.add_argument("--keep", type=Path, help="keep the projects in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        seconds, peak = run_seco("run", arguments.dataset, "--project", folder / "one")
        run_seco("run", arguments.dataset, "--project", folder / "two")
        with Project.open(folder / "one", readonly=True) as project:
            numbers = evaluate(project)
        identical = store_digest(folder / "one") == store_digest(folder / "two")
    print_evaluation(numbers)
    del numbers["problems"]
    report(
        {
            "seconds": round(seconds, 1),
            "peak_gb": round(peak, 2),
            "better": numbers["miou_curated"] > numbers["miou_raw_on_curated"],
            "identical": identical,
            "hardware": hardware(),
            **{k: round(v, 4) if isinstance(v, float) else v for k, v in numbers.items()},
        }
    )


if __name__ == "__main__":
    main()
