"""What all of SCC costs on 5000 regions: seconds of each step, by the wall clock and of processor time.

Usage: ``python -m benchmarks.scc_cost [--regions 5000] [--threads 2] [--profile STEP]``

Regions are those of the pseudo-labels of example scenes of 512x1024 pixels, small ones absorbed as PSA does.
Making the scenes is not counted; all that SCC does with them is, at the default parameters on the CPU: region
features, cross-fitted loss, linear discriminant, kin, mixture, relational graph, graph VAE, noise score, and
loading the libraries.
Bar: ``seconds`` at most 60 for 5000 regions on 2 threads. On a machine with other work to do
``cpu_seconds`` tell more. ``--profile features`` prints where that step spends its time.
"""

from __future__ import annotations

import argparse
import cProfile
import importlib
import pstats
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.common import hardware, report
from seco_core.absorb import absorb_small
from seco_core.encoders.descriptor import DescriptorEncoder
from seco_core.example.scene import make_scene
from seco_core.graph import neighbours_of, relational_graph
from seco_core.parameters import Parameters
from seco_core.pipeline.image_work import PEAK
from seco_core.regions import (
    RegionTable,
    adjacency,
    connected_regions,
    mean_in_regions,
    quantile_in_regions,
)
from seco_core.scc.evidence import class_mean, corroborated, disagreement, surroundings
from seco_core.scc.graph_vae import graph_uncertainty
from seco_core.scc.kin import kin_doubt
from seco_core.scc.linear import linear_loss
from seco_core.scc.loss import cross_fit
from seco_core.scc.mixture import fit_mixture
from seco_core.scc.noise import noise_score

SIZE, CLASSES = (512, 1024), 19
LIBRARIES = ("torch", "sklearn.mixture")
STEPS = (
    "libraries",
    "features",
    "cross_fit",
    "linear",
    "kin",
    "mixture",
    "graph",
    "graph_vae",
    "noise_score",
)


@dataclass(frozen=True)
class Cut:
    """A scene and its regions."""

    image: NDArray[np.uint8]
    region_ids: NDArray[np.uint16]
    table: RegionTable
    confidence: NDArray[np.float32]


class Clock:
    """Wall-clock and processor time of named steps; one of them may be profiled."""

    def __init__(self, profiled: str | None):
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self._profiled = profiled

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        profile = cProfile.Profile() if name == self._profiled else None
        wall, cpu = time.perf_counter(), time.process_time()
        with profile or nullcontext():
            yield
        self.wall[name], self.cpu[name] = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{name:12} {self.wall[name]:6.2f} s, of processor time {self.cpu[name]:6.2f} s", flush=True)
        if profile is not None:
            pstats.Stats(profile).sort_stats("tottime").print_stats(15)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regions", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--profile", choices=STEPS, help="print where this step spends its time")
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    parameters, clock = Parameters(seed=options.seed, device="cpu"), Clock(options.profile)
    scenes = cut_scenes(options.regions, options.seed, parameters)
    with clock.step("libraries"):
        for name in LIBRARIES:
            importlib.import_module(name)
    with threadpool_limits(options.threads):
        score = measure(scenes, parameters, clock)
    assert score.shape == (options.regions,)
    assert np.isfinite(score).all()
    numbers: dict[str, Any] = {"regions": len(score), "images": len(scenes), "threads": options.threads}
    numbers |= {"seconds": sum(clock.wall.values()), "cpu_seconds": sum(clock.cpu.values())}
    for name in STEPS:
        numbers |= {f"seconds_{name}": clock.wall[name], f"cpu_{name}": clock.cpu[name]}
    print(hardware())
    report({k: round(v, 2) if isinstance(v, float) else v for k, v in numbers.items()})


def cut_scenes(regions: int, seed: int, parameters: Parameters) -> list[Cut]:
    """As many example scenes as have so many regions; what is too many in the last is left out."""
    scenes: list[Cut] = []
    left = regions
    while left > 0:
        scene = make_scene(seed, len(scenes), size=SIZE)
        class_map = absorb_small(scene.pseudo_label, parameters.psa.min_region_area)
        region_ids, table = connected_regions(class_map)
        if len(table) > left:
            class_map[region_ids > left] = 255
            region_ids, table = connected_regions(class_map)
        scenes.append(Cut(scene.image, region_ids, table, scene.confidence))
        left -= len(table)
    return scenes


def measure(scenes: list[Cut], parameters: Parameters, clock: Clock) -> NDArray[np.float32]:
    """Every step of SCC, timed; the noise score of all regions."""
    counts = [len(s.table) for s in scenes]
    first = np.cumsum([0, *counts])
    class_id, area = (np.concatenate([getattr(s.table, k) for s in scenes]) for k in ("class_id", "area"))
    box = np.concatenate([s.table.box for s in scenes])
    image = np.repeat(np.arange(len(scenes)), counts)
    confidence, peak = (
        np.concatenate([f(s.region_ids, n, s.confidence, *more) for s, n in zip(scenes, counts, strict=True)])
        for f, more in ((mean_in_regions, ()), (quantile_in_regions, (PEAK,)))
    )
    touching = [adjacency(s.region_ids) for s in scenes]
    pairs = np.concatenate([p + row for (p, _), row in zip(touching, first, strict=False)])
    contact = np.concatenate([c for _, c in touching])
    scc = parameters.scc
    shared: dict[str, Any] = {
        "n_classes": CLASSES,
        "folds": scc.folds,
        "seed": parameters.seed,
    }
    with clock.step("features"):
        encoder = DescriptorEncoder()
        features = np.concatenate([encoder.encode(s.image, s.region_ids, s.table) for s in scenes])
    with clock.step("cross_fit"):
        fit = cross_fit(
            features,
            class_id,
            image,
            epochs=scc.epochs,
            label_smoothing=scc.label_smoothing,
            sample_weight=confidence * np.sqrt(area / area.mean()),
            **shared,
        )
    with clock.step("linear"):
        linear = linear_loss(features, class_id, image, sample_weight=confidence, **shared)
    with clock.step("kin"):
        weight = confidence * (area / area.mean()) ** 0.25
        kin = kin_doubt(features, class_id, linear, n_classes=CLASSES, sample_weight=weight)
    with clock.step("mixture"):
        fit_mixture(fit.loss, seed=parameters.seed).eta(fit.loss)
    with clock.step("graph"):
        normalised = box / np.array([SIZE[1], SIZE[0], SIZE[1], SIZE[0]], dtype=np.float32)
        graph = relational_graph(
            features,
            normalised,
            image,
            pairs,
            contact,
            neighbours=parameters.graph.neighbours,
            alpha=parameters.graph.alpha,
        )
        links = neighbours_of(graph, len(features))
    with clock.step("graph_vae"):
        found = graph_uncertainty(
            features,
            links,
            class_id,
            image,
            epochs=scc.uncertainty_epochs,
            sample_weight=confidence,
            **shared,
        )
    with clock.step("noise_score"):
        enclosure, smallness = corroborated(surroundings(pairs, contact, class_id, area), linear)
        return noise_score(
            {
                "peak_doubt": 1.0 - peak,
                "doubt": 1.0 - confidence,
                "class_doubt": class_mean(1.0 - confidence, class_id),
                "loss": fit.loss,
                "linear": linear,
                "kin": kin,
                "disagreement": disagreement(links, class_id),
                "entropy": found.entropy,
                "enclosure": enclosure,
                "smallness": smallness,
            }
        )


if __name__ == "__main__":
    main()
