"""How good masks without weights can be, and how fast: the best accuracy that a partition allows.

Usage: ``python -m benchmarks.mask_quality DATASET``

Every part of a partition with at most 300 parts gets the majority class of its ground truth;
``accuracy_300`` is the share of pixels that are then right, ``accuracy_slic`` that of SLIC superpixels of at
most the same number. Bars (480x360 images): ``accuracy_300`` at least 0.945 and above SLIC,
``seconds_480x360`` at most 0.5, ``seconds_1024x2048`` at most 2. Times are medians over generated scenes,
from the RGB image to the proposed masks.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import hardware, report
from seco_core.dataset import open_dataset
from seco_core.example import make_scene
from seco_core.images import read_image
from seco_core.label_files import read_label
from seco_core.masks.hierarchy import HierarchySource, PartitionTree
from seco_core.parameters import MaskParameters
from seco_core.regions import class_votes
from seco_core.scheme import default_scheme, load_scheme

PARTS = 300
"""Most parts that a partition may have."""

EXAMPLES = 12
"""Generated scenes that are measured too."""


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
    right, total = np.zeros(2), 0.0
    for sample in dataset.samples:
        if sample.ground_truth is not None:
            image = read_image(sample.image)
            truth = read_label(sample.ground_truth, scheme, image.shape[:2])
            found = measure(source, image, truth)
            right += found[:2]
            total += found[2]
    example = np.zeros(3)
    for i in range(EXAMPLES):
        scene = make_scene(0, i, size=(360, 480))
        example += measure(source, scene.image, scene.ground_truth)
    report(
        {
            "accuracy_300": round(float(right[0] / total), 4) if total else None,
            "accuracy_slic": round(float(right[1] / total), 4) if total else None,
            "accuracy_300_example": round(float(example[0] / example[2]), 4),
            "accuracy_slic_example": round(float(example[1] / example[2]), 4),
            "seconds_480x360": round(seconds(source, (360, 480)), 3),
            "seconds_1024x2048": round(seconds(source, (1024, 2048)), 3),
            "parts": arguments.parts,
            "images": len(dataset.samples),
            "hardware": hardware(),
        }
    )


def measure(
    source: HierarchySource, image: NDArray[np.uint8], truth: NDArray[np.uint8]
) -> tuple[float, float, float]:
    """Pixels that the hierarchy's and SLIC's partition could have right, and pixels with ground truth."""
    from skimage.segmentation import slic

    ours = cut_map(source.prepare(image, "image").tree, PARTS)
    theirs = slic(image, n_segments=PARTS, start_label=1)
    if theirs.max() > PARTS:
        theirs = slic(image, n_segments=PARTS**2 // theirs.max(), start_label=1)
    return best_right(ours, truth), best_right(theirs, truth), float(np.count_nonzero(truth != 255))


def cut_map(tree: PartitionTree, n_parts: int) -> NDArray[np.int64]:
    """Part of each pixel, from 1, in the tree's partition with `n_parts` parts."""
    nodes = tree.cut(n_parts)
    nodes = nodes[np.argsort(tree.start[nodes])]
    part_of_rank = np.repeat(np.arange(1, len(nodes) + 1), (tree.stop - tree.start)[nodes])
    return part_of_rank[tree.ranks]


def best_right(parts: NDArray[Any], truth: NDArray[np.uint8]) -> float:
    """Pixels that are right when each part has its majority class."""
    return float(class_votes(parts, int(parts.max()), truth, 255).max(axis=1).sum())


def seconds(source: HierarchySource, size: tuple[int, int]) -> float:
    """Median time for the proposals of a generated scene."""
    image = make_scene(0, 0, size=size).image
    times = []
    for _ in range(5):
        started = time.perf_counter()
        source.prepare(image, "scene").proposals()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


if __name__ == "__main__":
    main()
