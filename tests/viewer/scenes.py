"""Small scored projects, made through the pipeline's ledger without running its models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seco_core.dataset import Dataset, Sample
from seco_core.graph import EdgeKind, RelationalGraph
from seco_core.parameters import Parameters
from seco_core.pipeline.image_work import ImageRegions
from seco_core.pipeline.inputs import read_inputs
from seco_core.pipeline.ledger import Ledger
from seco_core.project import Project
from seco_core.regions import adjacency, class_votes, connected_regions
from seco_core.scc.correction import Verdict
from seco_core.scheme import load_scheme
from seco_viewer.session import Session

ROAD, BUILDING, SKY = 0, 2, 10
ANEW = 7
"""Seed of the class map that an image is cut into anew."""


def class_map(shape: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    """Sky, a building and a road, with blocks of other classes in them and some ignored pixels."""
    rng = np.random.default_rng(seed)
    height, width = shape
    found = np.full(shape, BUILDING, dtype=np.uint8)
    found[: height // 3], found[2 * height // 3 :] = SKY, ROAD
    for class_id in (3, 8, 13, 1, 5):
        y, x = int(rng.integers(0, height - 10)), int(rng.integers(0, width - 12))
        found[y : y + 9, x : x + 11] = class_id
    found[:3, :3] = 255
    return found


def make_project(folder: Path, shapes: list[tuple[int, int]] | None = None, *, scored: bool = True) -> Path:
    """A project with an image of each shape; with regions, scores and edges unless `scored` is false."""
    shapes = shapes or [(60, 80), (60, 80), (48, 96)]
    scheme = load_scheme("cityscapes19")
    data = folder / "data"
    data.mkdir(parents=True)
    samples = []
    for i, shape in enumerate(shapes):
        labels = class_map(shape, seed=i)
        noise = np.random.default_rng(i).normal(0, 12, (*shape, 3))
        Image.fromarray(np.clip(scheme.palette[labels] + noise, 0, 255).astype(np.uint8)).save(
            data / f"image_{i}.png"
        )
        Image.fromarray(labels).save(data / f"label_{i}.png")
        samples.append(Sample(f"scene_{i}", data / f"image_{i}.png", data / f"label_{i}.png", None, None))
    path = folder / "project"
    with Project.create(path, scheme, Dataset(data, "list", tuple(samples), ())) as project:
        if scored:
            store_regions(project, [class_map(s, seed=i) for i, s in enumerate(shapes)])
    return path


def image_regions(
    project: Project, image_id: int, labels: NDArray[np.uint8], rng: np.random.Generator
) -> ImageRegions:
    """What a run makes of an image whose class map after PSA is `labels`."""
    region_ids, table = connected_regions(labels)
    pairs, contact = adjacency(region_ids)
    votes = class_votes(region_ids, len(table), labels, project.scheme.size)
    return ImageRegions(
        class_map=labels,
        region_ids=region_ids,
        table=table,
        votes=(votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)).astype(np.float32),
        confidence=rng.random(len(table)).astype(np.float32),
        peak_confidence=np.ones(len(table), dtype=np.float32),
        features=np.zeros((len(table), 2), dtype=np.float32),
        contacts=np.column_stack([pairs, contact]),
        shape=labels.shape,
        inputs=read_inputs(project.images[image_id]),
    )


def cut_anew(path: Path, image_id: int, labels: NDArray[np.uint8]) -> None:
    """What a run that goes on has done once it has made the regions of one image."""
    with Project.open(path) as project:
        # no run of its own: the window would find that it is not going on
        ledger = Ledger(project, project.runs()[-1].id)
        found = image_regions(project, image_id, labels, np.random.default_rng(0))
        ledger.store_regions(image_id, found, "psa anew", "features anew")


def store_regions(project: Project, class_maps: list[NDArray[np.uint8]], *, seed: int = 0) -> None:
    """What a run of the pipeline leaves, with made-up scores and verdicts of every kind."""
    rng = np.random.default_rng(seed)
    n_classes = project.scheme.size
    ledger = Ledger.start_run(project, Parameters(), {}, "cpu")
    for image_id, labels in enumerate(class_maps):
        found = image_regions(project, image_id, labels, rng)
        ledger.store_regions(image_id, found, f"psa {seed}", f"features {seed}")
    regions = project.regions()
    probabilities = rng.dirichlet(np.full(n_classes, 0.05), len(regions)).astype(np.float32)
    probabilities[::3] = np.eye(n_classes, dtype=np.float32)[rng.integers(0, n_classes, len(regions))][::3]
    eta = np.round(rng.random(len(regions)), 2).astype(np.float32)
    eta[:4] = 0.9  # equal scores: the order must not depend on chance
    predicted = probabilities.argmax(axis=1).astype(np.uint8)
    flagged = np.array([Verdict.RELABEL, Verdict.DROP, Verdict.DOUBT], dtype=np.uint8)
    verdict = np.where(eta > 0.5, flagged[rng.integers(0, 3, len(eta))], np.uint8(Verdict.KEEP))
    ledger.store_scores(regions.id, -np.log1p(-eta * 0.99), eta, predicted, probabilities, "scc")
    ids = regions.id
    a, b = np.triu_indices(len(ids), k=1)
    kept = rng.random(len(a)) < 6 / max(len(ids), 1)
    kind = np.full(int(kept.sum()), EdgeKind.FEATURE, dtype=np.uint8)
    weight = rng.random(len(kind)).astype(np.float32)
    ledger.store_graph(ids, RelationalGraph(a[kept], b[kept], weight, kind), "graph")
    ledger.store_verdicts(regions.id, verdict, "refine")
    ledger.end_run("finished", {})


def neighbour(session: Session) -> int | None:
    """Row of the region beside the selection that is most like the current one."""
    number = session.most_alike_neighbour()
    return None if number is None else session.rows.start + number - 1


def go_to_a_reason(session: Session) -> None:
    """Go to a region whose noise score was changed by a decision."""
    for _ in range(12):
        if session.row is None:
            break
        session.accept()
        for row in range(len(session.regions)):
            if not session.reviewed[row] and session.facts(row).reasons:
                session.go_to(row)
                return
    raise AssertionError("no decision changed a noise score")


def take_suggestion_if_any(session: Session) -> None:
    """What key T does, but for its message where nothing is suggested."""
    if session.refusal("take_suggestion") is None:
        session.take_suggestion()


def go_to_new_regions(session: Session, path: Path) -> None:
    """Go to image 1, which a run has just cut into other regions."""
    session.go_to_image(1)
    cut_anew(path, 1, class_map((60, 80), seed=ANEW))
    session.regions_replaced([1])
    session.frames.get(1)
    assert session.show_new_regions()


def pixel(session: Session, number: int) -> tuple[int, int]:
    """A pixel of a region on screen."""
    return session.region(number).first


def largest(session: Session) -> int:
    """The region on screen with most pixels."""
    return int(np.bincount(session.region_ids_here.ravel())[1:].argmax()) + 1
