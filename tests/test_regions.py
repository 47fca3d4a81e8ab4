import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from seco_core.errors import ParameterError
from seco_core.regions import (
    adjacency,
    class_votes,
    connected_regions,
    first_pixels,
    label_components,
    mean_in_regions,
)

small_shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))
class_maps = hnp.arrays(np.uint8, small_shapes, elements=st.sampled_from([0, 1, 2, 255]))
cut_maps = hnp.arrays(np.int32, (9, 9), elements=st.integers(-1, 2))


def slow_components(class_map, cuts):
    """One pass per class and cut; a set of frozensets of flat indices."""
    found = set()
    flat = np.arange(class_map.size).reshape(class_map.shape)
    for c in set(class_map.ravel()) - {255}:
        for cut in np.unique(cuts):
            labels, n = ndimage.label((class_map == c) & (cuts == cut), np.ones((3, 3)))
            found |= {frozenset(flat[labels == i].tolist()) for i in range(1, n + 1)}
    return found


@given(class_maps, cut_maps)
@settings(max_examples=150, deadline=None)
def test_regions_are_the_components_of_each_class_and_cut(class_map, cuts):
    cuts = cuts[: class_map.shape[0], : class_map.shape[1]]
    ids, table = connected_regions(class_map, cuts=cuts)
    assert ids.dtype == np.uint16
    assert np.array_equal(ids == 0, class_map == 255)
    flat = ids.ravel()
    parts = [np.flatnonzero(flat == i + 1) for i in range(len(table))]
    assert {frozenset(p.tolist()) for p in parts} == slow_components(class_map, cuts)
    assert [p[0] for p in parts] == sorted(p[0] for p in parts)
    for i, part in enumerate(parts):
        rows, columns = np.divmod(part, class_map.shape[1])
        assert table.class_id[i] == class_map.ravel()[part[0]]
        assert table.area[i] == len(part)
        assert table.box[i].tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.allclose(table.centroid[i], [rows.mean(), columns.mean()])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1)])
def test_images_of_one_class_and_without_any(shape):
    ids, table = connected_regions(np.full(shape, 3, np.uint8))
    assert len(table) == 1
    assert table.box.tolist() == [[0, 0, shape[1], shape[0]]]
    assert np.all(ids == 1)
    ids, table = connected_regions(np.full(shape, 255, np.uint8))
    assert len(table) == 0
    assert table.box.shape == (0, 4)
    assert not ids.any()
    assert adjacency(ids)[0].shape == (0, 2)


def test_too_many_regions_name_the_remedy():
    y, x = np.indices((520, 520))
    checks = ((y % 2) * 2 + x % 2).astype(np.uint8)
    with pytest.raises(ParameterError, match="min_region_area"):
        connected_regions(checks)


@pytest.mark.parametrize("order", ["C", "F"])
def test_components_come_in_raster_order_whatever_the_layout(order):
    rng = np.random.default_rng(5)
    class_map = np.asarray(rng.choice([0, 1, 2, 255], (70, 40)).astype(np.uint8), order=order)
    ids, n = label_components(class_map)
    _, first = np.unique(ids, return_index=True)
    assert len(first) == n + 1
    assert np.array_equal(first[1:], np.sort(first[1:]))
    assert np.array_equal(first[1:], first_pixels(ids, n))


@given(hnp.arrays(np.int32, small_shapes, elements=st.integers(0, 5)))
@settings(max_examples=100, deadline=None)
def test_first_pixels_of_ids_in_any_order(ids):
    _, dense = np.unique(np.append(ids, 0), return_inverse=True)
    dense = dense[:-1].reshape(ids.shape).astype(np.int32)
    n = int(dense.max())
    expected = [int(np.flatnonzero(dense.ravel() == i)[0]) for i in range(1, n + 1)]
    assert first_pixels(dense, n).tolist() == expected


def test_adjacency_of_more_regions_than_16_bits_can_count():
    ids = np.arange(1, 300 * 300 + 1, dtype=np.int32).reshape(300, 300)
    pairs, contact = adjacency(ids)
    assert len(pairs) == 2 * 300 * 299 + 2 * 299 * 299
    assert np.all(contact == 1)
    step = pairs[:, 1] - pairs[:, 0]
    assert np.unique(step).tolist() == [1, 299, 300, 301]
    assert np.array_equal(pairs, pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))])


def test_votes_and_means_agree_with_a_mask_per_region():
    rng = np.random.default_rng(3)
    ids = rng.integers(0, 6, (12, 9)).astype(np.uint16)
    labels = rng.choice([0, 1, 2, 255], (12, 9)).astype(np.uint8)
    weights = rng.random((12, 9))
    votes = class_votes(ids, 6, labels, 3, weights)
    counts = class_votes(ids, 6, labels, 3)
    means = mean_in_regions(ids, 6, weights)
    for i in range(5):
        inside = ids == i + 1
        assert means[i] == pytest.approx(weights[inside].mean())
        for c in range(3):
            assert counts[i, c] == np.count_nonzero(inside & (labels == c))
            assert votes[i, c] == pytest.approx(weights[inside & (labels == c)].sum())
    assert counts[5].sum() == 0
    assert np.isnan(means[5])


@given(hnp.arrays(np.uint16, small_shapes, elements=st.integers(0, 4)))
@settings(max_examples=100, deadline=None)
def test_adjacency_counts_neighbouring_pixels(ids):
    expected: dict[tuple[int, int], int] = {}
    height, width = ids.shape
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
                if y + dy < height and 0 <= x + dx < width:
                    a, b = sorted((int(ids[y, x]), int(ids[y + dy, x + dx])))
                    if 0 < a < b:
                        expected[a - 1, b - 1] = expected.get((a - 1, b - 1), 0) + 1
    pairs, contact = adjacency(ids)
    assert dict(zip(map(tuple, pairs.tolist()), contact.tolist(), strict=True)) == expected
    assert pairs.tolist() == sorted(pairs.tolist())
