"""The published PSA profiles against what the published code computes.

Usage: ``python -m benchmarks.psa_reference SCENE [SCENE ...]``

A scene is a folder with ``pseudo_label.png`` and ``masks.json`` (COCO RLE, in the order they are painted) and
the expected ``prompts_v1.json``, ``aggregated_v1.png``, the same for v2, ``regions_v2.json``, and
``ground_truth.png``, which only says what the regions' majority is. The mask that answers a prompt is the
filled ellipse inscribed in its box.

Bars: ``prompts_equal`` and ``regions_equal`` true and ``pixels_differ`` 0 over both profiles;
``seconds_per_image`` (the slower profile, one thread, files already read, best of five) at most 0.15.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

from benchmarks.common import hardware, report
from seco_core.masks.base import MaskSet, Prompt
from seco_core.masks.files import read_masks
from seco_core.psa.published import (
    SECO_V1,
    SECO_V2,
    Profile,
    PublishedRegions,
    aggregate_published,
    published_regions,
)
from seco_core.regions import class_votes
from seco_core.scheme import load_scheme

PROFILES = {"v1": SECO_V1, "v2": SECO_V2}
SCHEME = load_scheme("cityscapes19")
REPEATS = 5


def read_map(path: Path) -> NDArray[np.uint8]:
    """A class map as it is in the file."""
    return np.asarray(Image.open(path), dtype=np.uint8)


@dataclass
class Ellipses:
    """Answers a prompt with the ellipse in its box, and remembers the prompts."""

    shape: tuple[int, int]
    prompts: list[Prompt] = field(default_factory=list)

    def __call__(self, prompts: Sequence[Prompt]) -> MaskSet:
        """One ellipse for each prompt."""
        self.prompts = list(prompts)
        boxes, crops = [], []
        for prompt in prompts:
            x0, y0, x1, y1 = prompt.box
            rx, ry = max((x1 - x0) / 2, 0.5), max((y1 - y0) / 2, 0.5)
            left, top = max(int(np.ceil((x0 + x1) / 2 - rx)), 0), max(int(np.ceil((y0 + y1) / 2 - ry)), 0)
            right = min(int((x0 + x1) / 2 + rx) + 1, self.shape[1])
            bottom = min(int((y0 + y1) / 2 + ry) + 1, self.shape[0])
            y, x = np.ogrid[top:bottom, left:right]
            crops.append(((x - (x0 + x1) / 2) / rx) ** 2 + ((y - (y0 + y1) / 2) / ry) ** 2 <= 1)
            boxes.append((left, top, right, bottom))
        return MaskSet(self.shape, np.array(boxes, dtype=np.int32).reshape(-1, 4), tuple(crops))


@dataclass(frozen=True)
class Scene:
    """The inputs of a scene."""

    folder: Path
    label: NDArray[np.uint8]
    masks: MaskSet

    @classmethod
    def read(cls, folder: Path) -> Scene:
        """Read pseudo-label and masks."""
        label = read_map(folder / "pseudo_label.png")
        return cls(folder, label, read_masks(folder / "masks.json", label.shape))

    def expected(self, name: str) -> Any:
        """What is in one of its JSON files; None if it has no such file."""
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def run(scene: Scene, profile: Profile) -> tuple[list[Prompt], NDArray[np.uint8], PublishedRegions]:
    """Prompts, aggregated map and regions of a scene."""
    ellipses = Ellipses(scene.masks.shape)
    class_map = aggregate_published(scene.label, scene.masks, ellipses, SCHEME, profile)
    return ellipses.prompts, class_map, published_regions(class_map, profile)


def prompt_records(prompts: Sequence[Prompt]) -> list[dict[str, Any]]:
    """Prompts as the reference files have them."""
    return [{"box": list(p.box), "points": p.points.tolist(), "labels": p.labels.tolist()} for p in prompts]


def region_records(regions: PublishedRegions, truth: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Regions as the reference files have them."""
    majority = class_votes(regions.components, int(regions.components.max()), truth, 255).argmax(axis=1)
    records = []
    for i, (x0, y0, x1, y1) in enumerate(regions.box.tolist()):
        mask = coco.encode(np.asfortranarray(regions.crop(i), dtype=np.uint8))
        records.append(
            {
                "bbox_xywh": [x0, y0, x1 - x0, y1 - y0],
                "psd_label": int(regions.class_id[i]),
                "gt_label": int(majority[regions.component[i] - 1]),
                "crop_size": [x1 - x0, y1 - y0],
                "mask": {"size": list(mask["size"]), "counts": mask["counts"].decode("ascii")},
            }
        )
    return records


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenes", type=Path, nargs="+", help="folders laid out as above")
    scenes = [Scene.read(folder) for folder in parser.parse_args().scenes]
    cv2.setNumThreads(1)
    prompts_equal = regions_equal = True
    pixels_differ = 0
    seconds: dict[str, list[float]] = {name: [] for name in PROFILES}
    for scene in scenes:
        for name, profile in PROFILES.items():
            times = []
            for _ in range(REPEATS):
                started = time.perf_counter()
                prompts, class_map, regions = run(scene, profile)
                times.append(time.perf_counter() - started)
            seconds[name].append(min(times))
            wanted = scene.expected(f"prompts_{name}.json")
            same_prompts = prompt_records(prompts) == wanted
            differ = int(np.count_nonzero(class_map != read_map(scene.folder / f"aggregated_{name}.png")))
            kept = scene.expected(f"regions_{name}.json")  # the first script does not write its regions
            same_regions = kept is None or (
                region_records(regions, read_map(scene.folder / "ground_truth.png")) == kept
            )
            of_regions = "no reference" if kept is None else "equal" if same_regions else "NOT EQUAL"
            print(
                f"{scene.folder.name} seco-{name}: {len(prompts)} of {len(wanted)} prompts, "
                f"{'equal' if same_prompts else 'NOT EQUAL'}; {differ} pixels differ; "
                f"{len(regions)} regions, {of_regions}; {min(times) * 1000:.0f} ms"
            )
            prompts_equal &= same_prompts
            regions_equal &= same_regions
            pixels_differ += differ
    report(
        {
            "prompts_equal": prompts_equal,
            "regions_equal": regions_equal,
            "pixels_differ": pixels_differ,
            "seconds_per_image": round(max(float(np.mean(s)) for s in seconds.values()), 4),
            "hardware": hardware(),
        }
    )


if __name__ == "__main__":
    main()
