from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seco_core.project import Project
from seco_core.review import queue_keys
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


@given(st.integers(1, 30), st.data())
def test_queue_that_follows_new_keys_is_the_queue_of_those_keys(n: int, data: st.DataObject):
    tie = np.array(data.draw(st.permutations(range(n))), dtype=np.uint32)
    scores = st.sampled_from([0.0, -0.0, 0.25, 0.5, 1.0, 3e5, float("nan")])
    score = np.array(data.draw(st.lists(scores, min_size=n, max_size=n)), dtype=np.float32)
    is_open = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    queue = ReviewQueue.by_keys(queue_keys(score, tie), is_open)
    for _ in range(data.draw(st.integers(0, 4))):
        rows = np.array(data.draw(st.lists(st.integers(0, n - 1), unique=True)), dtype=np.int64)
        score[rows] = data.draw(st.lists(scores, min_size=len(rows), max_size=len(rows)))
        queue.move(rows, queue_keys(score[rows], tie[rows]))
        is_open[rows] = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
        queue.set_open(rows, is_open[rows])
    # the highest score first, NaN last, of equals the lower tie
    order = sorted(range(n), key=lambda r: (-np.nan_to_num(score[r], nan=-1), tie[r]))
    expected = [r for r in order if is_open[r]]
    assert queue.first(n).tolist() == expected
    assert [queue.position(r) for r in expected] == list(range(1, len(expected) + 1))
    assert queue.current() == (expected[0] if expected else None)


def test_region_that_comes_to_the_front_is_next_though_the_cursor_is_past_it():
    score, tie = np.array([0.9, 0.8, 0.7, 0.1], dtype=np.float32), np.arange(4, dtype=np.uint32)
    queue = ReviewQueue.by_keys(queue_keys(score, tie), np.ones(4, dtype=bool))
    queue.go_to(2)
    assert queue.current() == 2
    queue.move(np.array([3]), queue_keys(np.array([0.95], dtype=np.float32), tie[3:]))
    assert queue.current() == 3
    assert queue.after(3) == 2  # 0 and 1 were passed
    queue.set_open(np.array([2, 3]), np.zeros(2, dtype=bool))
    assert queue.current() == 0


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


def test_a_frame_that_somebody_else_has_read_takes_the_place_of_any_other(scored_path: Path):
    with Project.open(scored_path) as project:
        cache = FrameCache(project)
        earlier = cache.get(0)
        later = load_frame(project, 0)
        cache.put(later)
        assert cache.get(0) is later is not earlier
        cache.prefetch(1)
        cache.put(later := load_frame(project, 1))
        assert cache.get(1) is later
        project.images[0].image.unlink()
        cache.put(load_frame(project, 0))
        assert not cache.get(0).reviewable
        cache.close()
