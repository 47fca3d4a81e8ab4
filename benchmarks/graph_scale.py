"""The relational graph of hundreds of thousands of regions: time, memory, recall, and loading it again.

Usage: ``python -m benchmarks.graph_scale [--regions 300000] [--dimensions 172]``

Each size runs in a process of its own. Regions are made up: points on the lines between members of 2000
groups of a few likenesses each, with noise of 0.6 of a standard deviation in every feature.

Bars: ``seconds`` at most 300 and ``peak_gb`` below 4 for all regions, ``growth`` (of processor time) from a
tenth of them at most 14, ``load_seconds`` (map the stored file and sum it up) below 1. ``recall`` is the
share of the 16 truly most alike that 300 regions chose.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import hardware, report
from seco_core.graph import EdgeKind, relational_graph, similarity_vectors, standardise
from seco_core.nearest import nearest
from seco_core.project.graph_file import read_graph, write_graph

NEIGHBOURS = 16
GROUPS, LIKENESSES = 2000, 5
ASKED = 300


def made_up(n: int, dimensions: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features and normalised boxes of n regions."""
    rng = np.random.default_rng(0)
    group = rng.normal(size=(GROUPS, 1, dimensions))
    likeness = group + 0.5 * rng.normal(size=(GROUPS, LIKENESSES, dimensions))
    of = rng.integers(0, GROUPS, n)
    first, second = likeness[of, rng.integers(0, LIKENESSES, n)], likeness[of, rng.integers(0, LIKENESSES, n)]
    share = rng.random((n, 1))
    features = first * share + second * (1 - share) + 0.6 * rng.normal(size=(n, dimensions))
    corner = 0.8 * rng.random((n, 2))
    return features, np.hstack([corner, corner + 0.2])


def measure(n: int, dimensions: int) -> dict[str, Any]:
    """Build, store and load the graph of n regions in this process."""
    features, boxes = made_up(n, dimensions)
    image = np.arange(n) // 25
    touching = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)[np.diff(image) == 0]
    wall, cpu = time.perf_counter(), time.process_time()
    graph = relational_graph(features, boxes, image, touching, np.ones(len(touching)), neighbours=NEIGHBOURS)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
    with tempfile.TemporaryDirectory() as folder:
        file, _ = write_graph(Path(folder), np.arange(n), graph)
        started = time.perf_counter()
        links = read_graph(Path(folder), file).between(np.arange(n), EdgeKind.FEATURE, np.ones(n, bool))
        links.sum()
        loading = time.perf_counter() - started
    return {
        "seconds": wall, "cpu_seconds": cpu, "peak_gb": peak, "load_seconds": loading, "links": links.nnz,
        "recall": recall(features, boxes),
    }  # fmt: skip


def recall(features: NDArray[np.float64], boxes: NDArray[np.float64]) -> float:
    """Share of the truly most alike that `nearest` finds, over some regions."""
    vectors = similarity_vectors(standardise(features), boxes)
    row, column, _ = nearest(vectors, NEIGHBOURS)
    start = np.searchsorted(row, np.arange(len(vectors) + 1))
    hits = []
    for asked in np.random.default_rng(1).choice(len(vectors), ASKED, replace=False):
        product = vectors @ vectors[asked]
        product[asked] = -np.inf
        true = np.argpartition(-product, NEIGHBOURS)[:NEIGHBOURS]
        hits.append(np.isin(true, column[start[asked] : start[asked + 1]]).mean())
    return float(np.mean(hits))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--regions", type=int, default=300_000)
    parser.add_argument("--dimensions", type=int, default=172)
    parser.add_argument("--one", action="store_true", help="this size only, in this process")
    arguments = parser.parse_args()
    n, dimensions = arguments.regions, arguments.dimensions
    if arguments.one:
        print(json.dumps(measure(n, dimensions)))
        return
    few, all_ = (run_apart(size, dimensions) for size in (n // 10, n))
    report(
        {
            "regions": n,
            "growth": round(all_["cpu_seconds"] / few["cpu_seconds"], 2),
            "hardware": hardware(),
            **{k: round(v, 4) for k, v in all_.items()},
            **{f"{k}_tenth": round(v, 4) for k, v in few.items()},
        }
    )


def run_apart(n: int, dimensions: int) -> dict[str, Any]:
    """`measure` in a process of its own, so that peaks of memory are one size's."""
    command = [sys.executable, "-m", "benchmarks.graph_scale", "--one"]
    done = subprocess.run(
        [*command, "--regions", str(n), "--dimensions", str(dimensions)], check=True, capture_output=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
