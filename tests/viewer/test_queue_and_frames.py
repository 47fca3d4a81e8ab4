from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seco_core.project import Project
from seco_viewer.frames import FrameCache, load_frame
from seco_viewer.outline import outline
from seco_viewer.queue import ReviewQueue


@given(st.integers(1, 30), st.data())
def test_queue_visits_every_open_region_once_in_order(n: int, data: st.DataObject):
    order = np.array(data.draw(st.permutations(range(n))), dtype=np.int64)
    is_open = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    queue = ReviewQueue(order, is_open)
    expected = [r for r in order.tolist() if is_open[r]]
    assert len(queue) == len(expected)
    assert [queue.position(r) for r in expected] == list(range(1, len(expected) + 1))
    seen = []
    while (row := queue.current()) is not None:
        seen.append(row)
        queue.set_open(np.array([row]), np.array([False]))
    assert seen == expected


def test_empty_queue_has_no_current():
    queue = ReviewQueue(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool))
    assert queue.current() is None
    assert len(queue) == 0


def test_only_open_region_has_none_after_it():
    queue = ReviewQueue(np.array([1, 0]), np.array([False, True]))
    assert queue.after(1) is None
    assert queue.after(0) == 1


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_outline_is_the_edges_between_inside_and_outside(height: int, width: int, data: st.DataObject):
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width)))
    mask = mask.reshape(height, width)
    segments = outline(mask, (10, 20))
    padded = np.pad(mask, 1).astype(int)
    edges = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    assert np.abs(segments[:, 1]).sum() == edges
    # every piece of a segment has inside on one side and outside on the other
    for (row, column), (down, right) in segments.tolist():
        for k in range(int(down + right)):
            y, x = row + 0.5 - 10 + (k if down else 0), column + 0.5 - 20 + (k if right else 0)
            one, other = ((y - 1, x), (y, x)) if right else ((y, x - 1), (y, x))
            assert padded[int(one[0]) + 1, int(one[1]) + 1] != padded[int(other[0]) + 1, int(other[1]) + 1]


def test_frames_fetched_ahead_are_the_same_and_few_are_kept(scored_path: Path):
    with Project.open(scored_path) as project:
        cache = FrameCache(project, capacity=2)
        try:
            for image_id in (0, 1, 2, 0):
                cache.prefetch(image_id)
                frame, expected = cache.get(image_id), load_frame(project, image_id)
                assert np.array_equal(frame.image, expected.image)
                assert np.array_equal(frame.pseudo_label, expected.pseudo_label)
                assert np.array_equal(frame.region_ids, expected.region_ids)
                assert cache.get(image_id) is frame
            kept = cache.get(2)
            cache.get(1)
            cache.get(0)
            assert cache.get(2) is not kept
        finally:
            cache.close()
