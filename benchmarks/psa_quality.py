"""Pixel semantic aggregation against ground truth: every profile with the same masks without weights.

Usage: ``python -m benchmarks.psa_quality DATASET [--parts N]``

One line for each profile: mIoU and accuracy over the pixels that it labels, coverage, area-weighted purity of
its regions, seconds per image (masks already made), and of its regions of at least 60 pixels how many there
are, which share of them is wrong and how well one minus the mean confidence tells those (AUROC). ``raw`` is
the pseudo-label itself. Bars for a real pseudo-label of 480x360: ``miou_default`` at least
``miou_best_published`` + 0.015 and 0.445 at ``coverage_default`` of at least 0.97, ``seconds_default`` at
most 1.

What is left unlabelled makes mIoU higher without making a label better, so figures compare at equal coverage
only. Where there is confidence, ``raw-97``, ``default-97``, ``raw-76`` and ``default-76`` are the most
confident 97 and 76 % of each class in each image. ``half-votes`` is the plainest way to grow the most
confident half: 1500 watershed parts take the class of most of their confident pixels, parts without one stay
unlabelled.

Ground truth measures and decides nothing.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab
from skimage.filters import gaussian, sobel
from skimage.segmentation import watershed

from benchmarks.common import hardware, report
from seco_core.confidence_files import read_confidence
from seco_core.dataset import open_dataset
from seco_core.images import read_image
from seco_core.label_files import read_label
from seco_core.masks.hierarchy import HierarchySource
from seco_core.metrics import auroc, confusion, majority_truth, scores, weighted_purity
from seco_core.parameters import MaskParameters, PsaParameters
from seco_core.psa import aggregate
from seco_core.psa.align import reliable_pixels
from seco_core.regions import connected_regions
from seco_core.scheme import IGNORE, default_scheme, load_scheme

PUBLISHED = ("paper", "seco-v1", "seco-v2")
PROFILES = (*PUBLISHED, "default")
COMPARED = ("raw", "default")
SHARES = (0.97, 0.76)
HALF_VOTES = "half-votes"
PARTS, COMPACTNESS = 1500, 0.1
"""Of the watershed parts."""


class Sums:
    """What is added up over the images of one profile."""

    def __init__(self, n_classes: int):
        self.matrix = np.zeros((n_classes, n_classes), dtype=np.int64)
        self.known = 0
        self.seconds = 0.0
        self.images = 0
        self.purity: list[NDArray[np.float32]] = []
        self.area: list[NDArray[np.int64]] = []
        self.wrong: list[NDArray[np.bool_]] = []
        self.doubt: list[NDArray[np.float64]] = []

    def add(
        self,
        truth: NDArray[np.uint8],
        predicted: NDArray[np.uint8],
        confidence: NDArray[np.floating] | None,
        seconds: float,
    ) -> None:
        """Count one image."""
        n = len(self.matrix)
        self.matrix += confusion(truth, predicted, n)
        self.known += int(np.count_nonzero(truth != IGNORE))
        self.seconds += seconds
        self.images += 1
        ids, table = connected_regions(predicted)
        majority, purity = majority_truth(ids, truth, len(table), n)
        self.purity.append(purity)
        self.area.append(table.area)
        judged = (majority != IGNORE) & (table.area >= PsaParameters().min_region_area)
        self.wrong.append((majority != table.class_id)[judged])
        if confidence is not None:
            total = np.bincount(ids.reshape(-1), confidence.reshape(-1), len(table) + 1)[1:]
            self.doubt.append((1.0 - total / table.area)[judged])

    def numbers(self) -> dict[str, float]:
        """The measures over all images."""
        found, wrong = scores(self.matrix), np.concatenate(self.wrong)
        return {
            "miou": found.miou,
            "accuracy": found.accuracy,
            "coverage": float(self.matrix.sum() / self.known),
            "purity": weighted_purity(np.concatenate(self.purity), np.concatenate(self.area)),
            "seconds": self.seconds / self.images,
            "regions": len(wrong),
            "wrong": float(wrong.mean()),
            "auroc": auroc(np.concatenate(self.doubt), wrong) if self.doubt else float("nan"),
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
        sums["raw"].add(truth, label, confidence, 0.0)
        class_maps = {"raw": label}
        for name in PROFILES:
            started = time.perf_counter()
            class_maps[name] = aggregate(label, confidence, masks, scheme, PsaParameters(profile=name))
            sums[name].add(truth, class_maps[name], confidence, time.perf_counter() - started)
        if confidence is None:
            continue
        for name, share in itertools.product(COMPARED, SHARES):
            sure = reliable_pixels(class_maps[name], confidence, share)
            at_share = sums.setdefault(f"{name}-{share * 100:.0f}", Sums(scheme.size))
            at_share.add(truth, np.where(sure, class_maps[name], np.uint8(IGNORE)), confidence, 0.0)
        started = time.perf_counter()
        votes = half_votes(image, label, confidence)
        seconds = time.perf_counter() - started
        sums.setdefault(HALF_VOTES, Sums(scheme.size)).add(truth, votes, confidence, seconds)
    if not sums["raw"].images:
        raise SystemExit(f"{arguments.dataset} has no ground truth to measure against")

    found = {name: each.numbers() for name, each in sums.items()}
    print(f"{'profile':<11}" + "".join(f"{key:>10}" for key in found["raw"]))
    for name, numbers in found.items():
        print(f"{name:<11}" + "".join(f"{value:>10.4g}" for value in numbers.values()))
    flat = {
        f"{key}_{name.replace('-', '_')}": round(value, 4)
        for name, numbers in found.items()
        for key, value in numbers.items()
        if key != "seconds" or name in (*PROFILES, HALF_VOTES)
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


def half_votes(
    image: NDArray[np.uint8], label: NDArray[np.uint8], confidence: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """Class of most of the confident pixels of each watershed part, uint8 (H, W); 255 where it has none."""
    lab = rgb2lab(image)
    change = np.sqrt(sum(sobel(gaussian(lab[..., c], 1)) ** 2 for c in range(3)))
    parts = watershed(change, markers=PARTS, compactness=COMPACTNESS)
    sure = reliable_pixels(label, confidence, 0.5)
    votes = np.zeros((parts.max() + 1, IGNORE), dtype=np.int64)
    np.add.at(votes, (parts[sure], label[sure]), 1)
    voted = np.where(votes.any(axis=1), votes.argmax(axis=1), IGNORE)
    return voted.astype(np.uint8)[parts]


if __name__ == "__main__":
    main()
