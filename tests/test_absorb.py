import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seco_core.absorb import absorb_small
from seco_core.regions import adjacency, connected_regions

class_maps = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 2, 255])
)
cut_maps = hnp.arrays(np.int32, (9, 9), elements=st.integers(-1, 2))


def test_absorbing_takes_the_longest_contact_not_the_largest_neighbour():
    rows = ["00000", "00000", "00000", "11210", "11110"]
    class_map = np.array([[int(c) for c in row] for row in rows], np.uint8)
    assert absorb_small(class_map, 2)[3, 2] == 1
    assert absorb_small(class_map, 1)[3, 2] == 2


def test_specks_in_specks_end_in_the_large_region():
    class_map = np.zeros((20, 20), np.uint8)
    class_map[5:9, 5:9] = 1
    class_map[6:8, 6:8] = 2
    class_map[0, 0] = 3
    assert not absorb_small(class_map, 20).any()


@given(class_maps, st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_what_stays_small_touches_nothing(class_map, min_area):
    absorbed = absorb_small(class_map, min_area)
    assert np.array_equal(absorbed == 255, class_map == 255)
    ids, table = connected_regions(absorbed)
    pairs, _ = adjacency(ids)
    assert np.all(table.area[np.unique(pairs)] >= min_area)
    # absorbing joins components and never cuts one
    before, table_before = connected_regions(class_map)
    for i in range(len(table_before)):
        assert len(np.unique(ids[before == i + 1])) == 1
