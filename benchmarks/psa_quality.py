"""Pixel semantic aggregation against ground truth: every profile with the same masks without weights.

Usage: ``python -m benchmarks.psa_quality DATASET [--parts N]``

One line for each profile: mIoU and accuracy over the pixels that it labels, coverage, area-weighted purity of
its regions, seconds per image (masks already made). ``raw`` is the pseudo-label itself. Bars for a real
pseudo-label of 480x360: ``miou_default`` at least ``miou_best_published`` + 0.015 and 0.445 at
``coverage_default`` of at least 0.97, ``seconds_default`` at most 1.

Ground truth measures and decides nothing.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import hardware, report
from seco_core.dataset import open_dataset
from seco_core.images import read_confidence, read_image, read_label
from seco_core.masks.hierarchy import HierarchySource
from seco_core.metrics import confusion, majority_truth, scores, weighted_purity
from seco_core.parameters import MaskParameters, PsaParameters
from seco_core.psa import aggregate
from seco_core.regions import connected_regions
from seco_core.scheme import IGNORE, default_scheme, load_scheme

PUBLISHED = ("paper", "seco-v1", "seco-v2")
PROFILES = (*PUBLISHED, "default")


class Sums:
    """What is added up over the images of one profile."""

    def __init__(self, n_classes: int):
        self.matrix = np.zeros((n_classes, n_classes), dtype=np.int64)
        self.known = 0
        self.seconds = 0.0
        self.images = 0
        self.purity: list[NDArray[np.float32]] = []
        self.area: list[NDArray[np.int64]] = []

    def add(self, truth: NDArray[np.uint8], predicted: NDArray[np.uint8], seconds: float) -> None:
        """Count one image."""
        n = len(self.matrix)
        self.matrix += confusion(truth, predicted, n)
        self.known += int(np.count_nonzero(truth != IGNORE))
        self.seconds += seconds
        self.images += 1
        ids, table = connected_regions(predicted)
        self.purity.append(majority_truth(ids, truth, len(table), n)[1])
        self.area.append(table.area)

    def numbers(self) -> dict[str, float]:
        """The measures over all images."""
        found = scores(self.matrix)
        return {
            "miou": found.miou,
            "accuracy": found.accuracy,
            "coverage": float(self.matrix.sum() / self.known),
            "purity": weighted_purity(np.concatenate(self.purity), np.concatenate(self.area)),
            "seconds": self.seconds / self.images,
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path, help="dataset folder or list file with ground truth")
    parser.add_argument("--parts", type=int, default=MaskParameters().parts, help="parts of the finest cut")
    arguments = parser.parse_args()
    dataset = open_dataset(arguments.dataset)
    scheme = load_scheme(default_scheme(dataset.root))
    source = HierarchySource(arguments.parts)
    sums = {name: Sums(scheme.size) for name in ("raw", *PROFILES)}
    for sample in dataset.samples:
        if sample.ground_truth is None:
            continue
        image = read_image(sample.image)
        shape = image.shape[:2]
        truth = read_label(sample.ground_truth, scheme, shape)
        label = read_label(sample.pseudo_label, scheme, shape)
        confidence = read_confidence(sample.confidence, shape) if sample.confidence else None
        masks = source.prepare(image, sample.name)
        sums["raw"].add(truth, label, 0.0)
        for name in PROFILES:
            started = time.perf_counter()
            class_map = aggregate(label, confidence, masks, scheme, PsaParameters(profile=name))
            sums[name].add(truth, class_map, time.perf_counter() - started)
    if not sums["raw"].images:
        raise SystemExit(f"{arguments.dataset} has no ground truth to measure against")

    found = {name: each.numbers() for name, each in sums.items()}
    print(f"{'profile':<10}" + "".join(f"{key:>10}" for key in found["raw"]))
    for name, numbers in found.items():
        print(f"{name:<10}" + "".join(f"{value:>10.4f}" for value in numbers.values()))
    flat = {
        f"{key}_{name.replace('-', '_')}": round(value, 4)
        for name, numbers in found.items()
        for key, value in numbers.items()
        if (name, key) != ("raw", "seconds")
    }
    report(
        {
            **flat,
            "miou_best_published": round(max(found[name]["miou"] for name in PUBLISHED), 4),
            "parts": arguments.parts,
            "images": sums["raw"].images,
            "hardware": hardware(),
        }
    )


if __name__ == "__main__":
    main()
