"""Projects of a given size with made-up scores, written without running the pipeline."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seco_core.dataset import Dataset, Sample
from seco_core.graph import EdgeKind, RelationalGraph
from seco_core.parameters import Parameters
from seco_core.pipeline.ledger import Ledger
from seco_core.project import Project
from seco_core.project.arrays import IDS_PER_IMAGE
from seco_core.project.rasters import set_raster_row, write_raster
from seco_core.project.store import transaction
from seco_core.regions import connected_regions
from seco_core.scc.correction import Verdict
from seco_core.scheme import load_scheme

_LINKS = 4
"""Links of each region, on average, to others of the project."""


def synthetic_project(
    folder: Path, count: int, shape: tuple[int, int], regions: int, *, different: int, seed: int = 0
) -> Path:
    """A project with scores, verdicts of every kind and a graph; its folder.

    Parameters
    ----------
    folder : Path
        Where project and data go.
    count : int
        Images.
    shape : (int, int)
        Their height and width.
    regions : int
        About how many regions each has.
    different : int
        How many different images there are; the others are these again.
    seed : int
        Seed of everything random.
    """
    rng = np.random.default_rng(seed)
    scheme = load_scheme("cityscapes19")
    data = folder / "data"
    data.mkdir(parents=True)
    maps = [_class_map(shape, regions, rng) for _ in range(different)]
    for i, class_map in enumerate(maps):
        noise = rng.normal(0, 10, (*shape, 1))
        image = np.clip(scheme.palette[class_map] + noise, 0, 255).astype(np.uint8)
        cv2.imwrite(str(data / f"image_{i}.png"), image[..., ::-1])
        cv2.imwrite(str(data / f"label_{i}.png"), class_map)
    files = [(data / f"image_{i}.png", data / f"label_{i}.png") for i in range(different)]
    samples = tuple(
        Sample(f"scene_{i:05d}", *files[i % different], None, None)
        for i in range(count)
    )  # fmt: skip
    path = folder / "project"
    with Project.create(path, scheme, Dataset(data, "list", samples, ())) as project:
        _store(project, maps, count, rng)
    return path


def _class_map(shape: tuple[int, int], regions: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cells around random points, a class each; no class twice side by side often."""
    seeds = rng.random((regions, 2)) * shape
    step = max(1, min(shape) // 256)
    grid = np.stack(np.mgrid[0 : shape[0] : step, 0 : shape[1] : step], axis=-1)
    nearest = cKDTree(seeds).query(grid)[1].astype(np.int32)
    cells = cv2.resize(nearest, shape[::-1], interpolation=cv2.INTER_NEAREST)
    return rng.integers(0, 19, regions).astype(np.uint8)[cells]


def _store(project: Project, maps: list[NDArray[np.uint8]], count: int, rng: np.random.Generator) -> None:
    ledger = Ledger.start_run(project, Parameters(), {}, "cpu")
    size = project.scheme.size
    files, tables = [], []
    for i, class_map in enumerate(maps):
        ids, table = connected_regions(class_map)
        tables.append(table)
        files.append(
            {
                kind: write_raster(project.path, i, kind, a)
                for kind, a in (("psa", class_map), ("regions", ids))
            }
        )
    region_rows, all_ids = [], []
    for image_id in range(count):
        table = tables[image_id % len(maps)]
        ids = np.arange(1, len(table) + 1) + image_id * IDS_PER_IMAGE
        all_ids.append(ids)
        votes = np.eye(size, dtype="<f4")[table.class_id]
        columns = (
            table.class_id.tolist(),
            table.area.tolist(),
            *table.box.T.tolist(),
            *table.centroid.T.tolist(),
        )
        region_rows += zip(
            ids.tolist(), [image_id] * len(ids), *columns, rng.random(len(ids)).tolist(),
            [v.tobytes() for v in votes], strict=True,
        )  # fmt: skip
    ids = np.concatenate(all_ids)
    n = len(ids)
    with transaction(project.connection) as connection:
        connection.execute("UPDATE images SET status = 'done', height = ?, width = ?", maps[0].shape)
        for image_id in range(count):
            for kind, file in files[image_id % len(maps)].items():
                set_raster_row(connection, image_id, kind, *file)
        connection.executemany(f"INSERT INTO regions VALUES ({', '.join('?' * 12)})", region_rows)
    probabilities = rng.dirichlet(np.full(size, 0.1), n).astype(np.float32)
    score = rng.random(n).astype(np.float32)
    loss = -np.log1p(-score * 0.99)
    ledger.store_scores(ids, loss, score, probabilities.argmax(axis=1).astype(np.uint8), probabilities, "scc")
    ends = np.sort(rng.integers(0, n, (2, n * _LINKS)), axis=0)
    ends = np.unique(ends[:, ends[0] < ends[1]], axis=1)
    weight = rng.random(ends.shape[1]).astype(np.float32)
    kind = np.full(len(weight), EdgeKind.FEATURE, dtype=np.uint8)
    ledger.store_graph(ids, RelationalGraph(ends[0], ends[1], weight, kind), "graph")
    flagged = np.array([Verdict.RELABEL, Verdict.DROP, Verdict.DOUBT], dtype=np.uint8)
    verdict = np.where(score > 0.5, flagged[rng.integers(0, 3, n)], np.uint8(Verdict.KEEP))
    ledger.store_verdicts(ids, verdict, "refine")
    ledger.end_run("finished", {})
