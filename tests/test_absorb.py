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


def test_overrides_are_never_absorbed_across_their_border():
    class_map = np.zeros((6, 6), np.uint8)
    class_map[2, 2] = 1
    cuts = np.zeros((6, 6), np.int32)
    cuts[2, 2] = 7
    assert absorb_small(class_map, 10)[2, 2] == 0
    assert absorb_small(class_map, 10, cuts=cuts)[2, 2] == 1


@given(class_maps, cut_maps, st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_what_stays_small_touches_nothing(class_map, cuts, min_area):
    cuts = cuts[: class_map.shape[0], : class_map.shape[1]]
    absorbed = absorb_small(class_map, min_area, cuts=cuts)
    assert np.array_equal(absorbed == 255, class_map == 255)
    ids, table = connected_regions(absorbed, cuts=cuts)
    pairs, _ = adjacency(ids)
    cut_of = np.array([cuts[ids == i + 1][0] for i in range(len(table))])
    same = pairs[cut_of[pairs[:, 0]] == cut_of[pairs[:, 1]]]
    assert np.all(table.area[np.unique(same)] >= min_area)
    # absorbing joins components and never cuts one
    before, table_before = connected_regions(class_map, cuts=cuts)
    for i in range(len(table_before)):
        assert len(np.unique(ids[before == i + 1])) == 1
