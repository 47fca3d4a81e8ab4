from __future__ import annotations

import queue
import threading
from pathlib import Path

import numpy as np
import pytest

from seco_core.project import Project
from seco_viewer.crops import CropReader, region_crop
from seco_viewer.frames import load_frame


@pytest.mark.parametrize("box", [(0, 0, 4, 6), (30, 5, 60, 40), (0, 0, 60, 40)])
def test_crop_is_square_centred_and_outlined(box: tuple[int, int, int, int]):
    x0, y0, x1, y1 = box
    image = np.full((40, 60, 3), 120, dtype=np.uint8)
    region_ids = np.zeros((40, 60), dtype=np.uint16)
    region_ids[y0:y1, x0:x1] = 7
    image[y0:y1, x0:x1] = (200, 10, 10)
    crop = region_crop(image, region_ids, 7, box, 64)
    assert crop.shape == (64, 64, 3)
    assert crop[32, 32].tolist() == [200, 10, 10]
    assert (crop == 255).all(axis=2).any()
    assert not (region_crop(image, region_ids, 8, box, 64) == 255).all(axis=2).any()


def test_pictures_come_in_order_and_are_kept(scored_path: Path):
    came: queue.Queue = queue.Queue()
    reader = CropReader(scored_path, lambda *told: came.put(told), size=32, capacity=3)
    with Project.open(scored_path) as project:
        regions = project.regions()
    rows = [0, 1, len(regions) - 1, 2]
    reader.want(regions, rows)
    told = [came.get(timeout=120) for _ in rows]
    assert [row for _, row, _ in told] == [0, 1, 2, len(regions) - 1]  # each image is read once
    for generation, row, picture in told:
        assert picture.shape == (32, 32, 3)
        assert reader.keep(generation, row, picture)
    reader.want(regions, [2])
    assert came.get_nowait()[1] == 2  # kept, so it came at once
    reader.want(regions, [0])  # the oldest of four was dropped
    with pytest.raises(queue.Empty):
        came.get_nowait()
    assert came.get(timeout=120)[1] == 0
    reader.forget()
    assert not reader.keep(*told[0])
    reader.close()


def test_what_cannot_be_read_has_no_picture(scored_path: Path):
    came: queue.Queue = queue.Queue()
    with Project.open(scored_path) as project:
        regions = project.regions()
        project.images[0].image.unlink()
    reader = CropReader(scored_path, lambda *told: came.put(told), size=32)
    reader.want(regions, [0, len(regions) - 1])
    assert came.get(timeout=120)[1] == len(regions) - 1
    reader.close()
    assert came.empty()


def test_decoded_images_are_not_read_again_and_dropped_wishes_not_at_all(scored_path: Path):
    came: queue.Queue = queue.Queue()
    with Project.open(scored_path) as project:
        regions = project.regions()
        frame = load_frame(project, 0)
        project.images[0].image.unlink()
    reader = CropReader(scored_path, lambda *told: came.put(told), known={0: frame}.get, size=32)
    last = len(regions) - 1
    reader.want(regions, [0, last])
    assert [came.get(timeout=120)[1] for _ in range(2)] == [0, last]
    begun, go_on = threading.Event(), threading.Event()
    reader._worker.submit(lambda: (begun.set(), go_on.wait(60)))
    assert begun.wait(60)
    reader.want(regions, [last])
    reader.rest()
    go_on.set()
    reader.close()
    assert came.empty()
