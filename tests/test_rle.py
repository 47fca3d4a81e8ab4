import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco

from seco_core.rle import decode_mask, encode_mask, mask_runs, runs_to_mask

bool_masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=40))


@given(bool_masks)
@settings(max_examples=200, deadline=None)
def test_masks_survive_encoding(mask):
    assert np.array_equal(decode_mask(encode_mask(mask), mask.shape), mask)


@given(bool_masks.filter(lambda m: m.size > 0))
@settings(max_examples=100, deadline=None)
def test_runs_are_those_of_coco(mask):
    rle = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    assert np.array_equal(runs_to_mask(mask_runs(rle["counts"]), mask.shape), coco.decode(rle).astype(bool))


def test_long_runs_survive_encoding():
    mask = np.zeros((1024, 2048), bool)
    mask[500:, 1000:1900] = True
    assert np.array_equal(decode_mask(encode_mask(mask), mask.shape), mask)


@pytest.mark.parametrize("counts", [b"11", b"zzzzzz", b"\x00", b"P" * 40])
def test_damaged_runs_are_refused(counts):
    with pytest.raises(ValueError, match="run"):
        decode_mask(counts, (3, 3))
