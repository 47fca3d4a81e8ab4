"""Regions of a large class map: components, statistics, votes and adjacency.

Usage: ``python -m benchmarks.regions``

A generated map of 1024x2048 pixels and 19 classes with about 40 000 components, one thread. Bar: ``seconds``,
the best of several repeats of all four together, at most 0.2.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import hardware, report
from seco_core.regions import adjacency, class_votes, label_components, region_table

SHAPE, CLASSES, REPEATS = (1024, 2048), 19, 9


def speckled_map(seed: int = 0) -> NDArray[np.uint8]:
    """Smooth areas of 19 classes, borders frayed and speckled as a pseudo-label's; a tenth is ignored."""
    rng = np.random.default_rng(seed)
    shape, size = SHAPE, SHAPE[::-1]
    best = np.full(shape, -np.inf, dtype=np.float32)
    label = np.zeros(shape, dtype=np.uint8)
    for c in range(CLASSES):
        coarse = cv2.resize(rng.standard_normal((8, 16)).astype(np.float32), size)
        fine = cv2.resize(rng.standard_normal((256, 512)).astype(np.float32), size)
        score = coarse + 0.4 * fine
        label[score > best] = c
        np.maximum(best, score, out=best)
    unsure = cv2.resize(rng.random((256, 512)).astype(np.float32), size) < 0.2
    label[unsure] = 255
    return label


def main() -> None:
    cv2.setNumThreads(1)
    label = speckled_map()
    other = speckled_map(seed=1)  # what votes in the regions
    components, n = label_components(label)
    parts: dict[str, Callable[[], object]] = {
        "components": lambda: label_components(label),
        "statistics": lambda: region_table(components, n, label),
        "votes": lambda: class_votes(components, n, other, CLASSES),
        "adjacency": lambda: adjacency(components),
    }
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(REPEATS):
        for name, work in parts.items():
            started = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - started)
    edges = len(adjacency(components)[0])
    print(f"{SHAPE[0]} x {SHAPE[1]} pixels, {CLASSES} classes, {n} components, {edges} edges, one thread")
    for name, times in seconds.items():
        print(f"{name:12} {min(times) * 1000:6.1f} ms")
    total = float(np.min(np.sum(list(seconds.values()), axis=0)))
    report({"seconds": round(total, 4), "components": n, "edges": edges, "hardware": hardware()})


if __name__ == "__main__":
    main()
