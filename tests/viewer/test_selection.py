from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seco_core.masks.base import crop_masks
from seco_viewer.selection import EMPTY, Kind, Patch, half_of, kind_of, masks_at, touching
from seco_viewer.strokes import brushed, cut, filled_polygon

SHAPE = (14, 18)
IMAGE = (0, 0, SHAPE[1], SHAPE[0])

masks = arrays(bool, SHAPE)
places = st.tuples(st.floats(-6, 20), st.floats(-6, 24))
paths = st.lists(places, min_size=1, max_size=6)


@given(masks, masks)
def test_patches_are_sets_of_pixels(a, b):
    one, other = Patch.of(a), Patch.of(b)
    for made, expected in ((one | other, a | b), (one - other, a & ~b), (one & other, a & b)):
        assert np.array_equal(made.on(IMAGE), expected)
        assert made.area == np.count_nonzero(expected)
        assert made.same(Patch.of(expected))  # the box just holds them
    assert one.same(other) == np.array_equal(a, b)


@given(masks, paths)
@settings(deadline=None)
def test_pieces_of_a_cut_partition_the_patch(mask, path):
    patch = Patch.of(mask)
    pieces = cut(patch, path)
    total = np.zeros(SHAPE, dtype=int)
    for piece in pieces:
        assert piece.area > 0 or not mask.any()
        total += piece.on(IMAGE)
    assert np.array_equal(total, mask.astype(int))
    areas = [piece.area for piece in pieces]
    assert areas == sorted(areas)


def test_stroke_across_cuts_in_two_and_one_beside_does_not():
    patch = Patch.of(np.ones((20, 30), dtype=bool), (5, 5))
    small, large = cut(patch, [(0, 15), (30, 15.4)])
    assert small.area < large.area
    assert small.area + large.area == 600
    assert small.mask.all()
    assert large.mask.all()
    assert len(cut(patch, [(0, 2), (30, 2)])) == 1
    assert len(cut(patch, [(15, 15)])) == 1
    assert cut(EMPTY, [(0, 0), (5, 5)]) == [EMPTY]


def test_stroke_that_stops_short_of_the_border_is_drawn_on():
    patch = Patch.of(np.ones((40, 40), dtype=bool))
    assert len(cut(patch, [(6, 20), (20, 20), (33, 20)])) == 2
    assert len(cut(patch, [(20, 18), (20, 22)])) == 1  # far from both


def test_stroke_around_something_cuts_it_out():
    patch = Patch.of(np.ones((60, 60), dtype=bool))
    angle = np.linspace(0, 1.9 * np.pi, 30)
    inner, outer = cut(patch, list(zip(30 + 10 * np.sin(angle), 30 + 10 * np.cos(angle), strict=True)))
    assert inner.holds((30, 30))
    assert 250 < inner.area < 400
    assert outer.holds((2, 2))


def test_line_through_pixels_that_touch_at_corners_keeps_them_apart():
    diagonal = Patch.of(np.eye(9, dtype=bool))
    assert [p.area for p in cut(diagonal, [(-1, 4), (9, 4)])] == [4, 5]
    assert [p.area for p in cut(diagonal, [(-1, 9), (9, -1)])] == [4, 5]


@given(paths, st.floats(0.3, 9))
@settings(deadline=None)
def test_brush_and_polygon_stay_on_the_image(path, radius):
    for patch in (brushed(path, radius, SHAPE), filled_polygon(path, SHAPE)):
        x0, y0, x1, y1 = patch.box
        assert 0 <= x0 <= x1 <= SHAPE[1]
        assert 0 <= y0 <= y1 <= SHAPE[0]


def test_brush_covers_what_is_near_its_way():
    patch = brushed([(5, 3), (5, 12)], 2, SHAPE)
    y, x = np.indices(SHAPE)
    near = (x >= 3) & (x <= 12) & (abs(y - 5) <= 2)
    near |= ((y - 5) ** 2 + (x - 3) ** 2 <= 4) | ((y - 5) ** 2 + (x - 12) ** 2 <= 4)
    assert np.array_equal(patch.on(IMAGE), near)
    assert brushed([(5, 3)], 0.5, SHAPE).area == 1


def region_map() -> np.ndarray:
    ids = np.zeros((10, 12), dtype=np.uint16)
    ids[:5, :6], ids[5:, :6], ids[:, 6:10] = 1, 2, 3
    return ids


def test_kind_says_what_a_patch_is_to_the_regions():
    ids = region_map()
    open_part = {1: Patch.of(ids == 1), 2: Patch.of((ids == 2) & (np.indices(ids.shape)[0] > 6))}
    open_part[3] = Patch.of(ids == 3)

    def kind(patch: Patch) -> tuple[Kind, list[int]]:
        found, touched = kind_of(patch, ids, open_part.__getitem__)
        return found, touched.tolist()

    one, two = open_part[1], open_part[2]
    corner = brushed([(0, 0)], 1, ids.shape)
    assert kind(EMPTY) == (Kind.EMPTY, [])
    assert kind(one) == (Kind.REGION, [1])
    assert kind(two) == (Kind.REGION, [2])
    assert kind(one - corner) == (Kind.PART, [1])
    assert kind(one | two) == (Kind.WHOLE, [1, 2])
    assert kind((one | two) - corner) == (Kind.DRAWN, [1, 2])
    assert kind(Patch.of((ids == 1) | (ids == 2))) == (Kind.DRAWN, [1, 2])
    assert kind(one | Patch.of(ids == 0)) == (Kind.DRAWN, [1])
    assert kind(Patch.of(ids == 0)) == (Kind.DRAWN, [])


def test_touching_regions_and_how_long():
    ids = region_map()
    beside, contact = touching(Patch.of(ids == 1), ids)
    assert beside.tolist() == [2, 3]
    assert contact.tolist() == [6, 6]  # diagonal touch counts
    assert touching(Patch.of(ids > 0), ids)[0].tolist() == []


def test_masks_at_a_place_are_told_once_from_small_to_large():
    wide, tall, small = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    wide[2:10, :], tall[:, 4:9], small[4:6, 5:7] = True, True, True
    found = crop_masks([wide, tall, small, small, np.zeros(SHAPE, bool)], SHAPE)
    areas = [p.area for p in masks_at(found, (5, 5))]
    assert areas == [4, 70, 144]
    assert [p.area for p in masks_at(found, (13, 5))] == [70]
    assert masks_at(found, (13, 17)) == []
    within = Patch.of(wide)
    inside = masks_at(found, (5, 5), within)
    assert [p.area for p in inside] == [4, 40]
    assert half_of(inside, within) == 1
    assert masks_at(found, (13, 5), within) == []
    assert half_of([within], within) == 0


def test_empty_patch_has_no_pixels():
    assert EMPTY.area == 0
    assert not EMPTY.holds((0, 0))
    assert Patch.of(np.zeros((3, 4), bool), (2, 2)).same(EMPTY)
    with pytest.raises(AttributeError):
        EMPTY.area = 3
