import json
from dataclasses import replace

import cv2
import higra as hg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seco_core.errors import MaskSourceError, WeightsError
from seco_core.masks.base import Prompt, crop_masks
from seco_core.masks.files import FilesSource
from seco_core.masks.hierarchy import HierarchySource
from seco_core.masks.hierarchy.borders import settle_borders
from seco_core.masks.hierarchy.linkage import layout, link_parts
from seco_core.masks.hierarchy.order import order_merges
from seco_core.masks.hierarchy.parts import gradient, smoothed_lab, watershed_parts
from seco_core.masks.hierarchy.tree import partition_tree, regions_of_parts
from seco_core.masks.sources import open_mask_source
from seco_core.parameters import MaskParameters
from seco_core.progress import Cancelled, CancelToken
from seco_core.rle import encode_mask
from tests.conftest import full


def scene():
    """A red disc and a blue bar on grey, with a little texture."""
    y, x = np.indices((80, 120))
    image = np.full((80, 120, 3), 120, np.uint8)
    disc = (x - 40) ** 2 + (y - 40) ** 2 <= 15**2
    bar = (x >= 80) & (x < 90) & (y >= 10) & (y < 70)
    image[disc], image[bar] = (200, 40, 40), (40, 60, 190)
    noise = np.random.default_rng(0).integers(-4, 5, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), disc, bar


def overlap(a, b):
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


def test_proposals_contain_the_objects_and_tile_the_image():
    image, disc, bar = scene()
    masks = HierarchySource(parts=150).prepare(image, "scene").proposals()
    whole = [full(masks, i) for i in range(len(masks))]
    assert max(overlap(m, disc) for m in whole) > 0.9
    assert max(overlap(m, bar) for m in whole) > 0.9
    assert np.any(whole, axis=0).all()
    assert len({m.tobytes() for m in whole}) == len(whole)


def test_a_prompt_is_answered_by_its_object():
    image, disc, bar = scene()
    seen = HierarchySource(parts=150).prepare(image, "scene")
    prompts = [
        Prompt((17, 17, 64, 64), np.array([[40.0, 40.0]]), np.array([1])),
        Prompt((75, 5, 95, 75), np.array([[85.0, 40.0]]), np.array([1])),
        Prompt((500, 5, 600, 75)),
    ]
    answers = seen.answer(prompts)
    assert overlap(full(answers, 0), disc) > 0.9
    assert overlap(full(answers, 1), bar) > 0.9
    assert answers.crops[2].shape == (0, 0)
    outside = Prompt((17, 17, 64, 64), np.array([[40.0, 40.0]]), np.array([0]))
    assert not full(seen.answer([outside]), 0)[40, 40]
    assert len(seen.answer([])) == 0


def test_points_of_a_person_are_always_in_the_answer_which_keeps_what_it_had():
    image, disc, bar = scene()
    seen = HierarchySource(parts=150).prepare(image, "scene")
    points = np.array([[40.0, 40.0], [85.0, 40.0], [3.0, 3.0]])
    asked = Prompt((17, 17, 64, 64), points[:2], np.array([1, 1]))
    assert not full(seen.answer([asked]), 0)[40, 85]
    asked = replace(asked, points_first=True)
    found = full(seen.answer([asked]), 0)
    assert found[40, 40]
    assert found[40, 85]
    assert overlap(found & ~bar, disc) > 0.9
    assert np.count_nonzero(found & ~disc & ~bar) < 0.1 * np.count_nonzero(found)
    all_three = full(seen.answer([replace(asked, points=points, labels=np.ones(3, dtype=int))]), 0)
    assert all_three[3, 3]
    assert not (found & ~all_three).any()
    # a point that is to be left out goes before one in the same part
    beside = replace(asked, points=points[[0, 1, 1]], labels=np.array([1, 1, 0]))
    assert not full(seen.answer([beside]), 0)[40, 85]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_answers_hold_positive_points_unless_a_negative_one_is_in_their_part(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    seen = HierarchySource(parts=40).prepare(image, "noise")
    places = rng.integers(0, [40, 30], (5, 2))
    labels = np.array([1, 1, 1, 1, 0])
    found = full(seen.answer([Prompt((8, 8, 30, 25), places + 0.5, labels, points_first=True)]), 0)
    part = seen.tree.ranks[places[:, 1], places[:, 0]]
    assert np.array_equal(found[places[:4, 1], places[:4, 0]], part[:4] != part[4])
    assert not found[places[4, 1], places[4, 0]]


def test_the_tree_is_nested_and_its_numbers_are_right():
    image, _, _ = scene()
    tree = HierarchySource(parts=60).prepare(image, "scene").tree
    n = tree.n_parts
    everything = tree.masks(np.arange(2 * n - 1))
    for node in range(2 * n - 1):
        mask, above = full(everything, node), full(everything, int(tree.parent[node]))
        assert tree.area[node] == np.count_nonzero(mask)
        rows, columns = np.nonzero(mask)
        assert tree.box[node].tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert not np.any(mask & ~above)
    assert tree.area[-1] == 80 * 120
    for k in (1, 2, 7, n, n + 50):
        cut = tree.cut(k)
        assert len(cut) == min(k, n)
        assert tree.area[cut].sum() == 80 * 120


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_any_size_works_and_gives_the_same_again(height, width, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    first, second = (HierarchySource(parts=20).prepare(image, "tiny") for _ in range(2))
    one, two = first.proposals(), second.proposals()
    assert np.array_equal(one.boxes, two.boxes)
    assert all(np.array_equal(a, b) for a, b in zip(one.crops, two.crops, strict=True))
    prompt = Prompt((0, 0, width, height), np.array([[width / 2, height / 2]]), np.array([1]))
    answer, again = (full(seen.answer([prompt]), 0) for seen in (first, second))
    assert answer.any()
    assert np.array_equal(answer, again)


def test_one_colour_is_still_cut():
    masks = HierarchySource(parts=50).prepare(np.zeros((40, 60, 3), np.uint8), "black").proposals()
    assert len(masks) > 50


def test_noise_on_one_colour_does_not_decide_where_it_is_cut():
    noise = np.random.default_rng(0).integers(0, 2, (60, 60, 3))
    lab = smoothed_lab((128 + noise).astype(np.uint8))
    parts = watershed_parts(lab, 100)
    tree = partition_tree(link_parts(lab, gradient(lab), parts)[0], parts)
    halves = tree.box[tree.cut(2)]
    # down is worth more than across, so the upper and the lower half are parted
    assert sorted(halves[:, 0].tolist()) == [0, 0]
    assert sorted(halves[:, 2].tolist()) == [60, 60]


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 200), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_parts_are_as_many_as_cells_and_number_without_gaps(height, width, n_parts, seed):
    lab = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    parts = watershed_parts(lab, n_parts)
    found = np.unique(parts)
    assert found.tolist() == list(range(1, len(found) + 1))
    spacing = max(1.0, np.sqrt(height * width / n_parts))
    assert all(cv2.connectedComponents((parts == i).astype(np.uint8), connectivity=4)[0] == 2 for i in found)
    assert len(found) == max(1, round(height / spacing)) * max(1, round(width / spacing))


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 200), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_settling_borders_keeps_every_part_and_keeps_it_connected(height, width, n_parts, seed):
    rng = np.random.default_rng(seed)
    lab = (rng.random((height, width, 3)) * 100).astype(np.float32)
    parts = watershed_parts(lab, n_parts)
    n = int(parts.max())
    settled = settle_borders(lab, parts, np.unique(rng.integers(0, n, n), return_inverse=True)[1])
    assert np.unique(settled).tolist() == list(range(1, n + 1))
    assert all(
        cv2.connectedComponents((settled == i).astype(np.uint8), connectivity=4)[0] == 2
        for i in range(1, n + 1)
    )


def test_settling_moves_a_border_to_where_the_colour_changes():
    lab = np.zeros((40, 40, 3), np.float32)
    lab[:, 20:] = 50
    # the border of the regions is two pixels off; the one of the parts within them must stay
    parts = np.ones((40, 40), np.int32)
    parts[:, 22:] = 2
    parts[20:] += 2
    settled = settle_borders(lab, parts, np.array([0, 1, 0, 1]))
    true = np.where(np.arange(40) < 20, 1, 2) + np.where(np.arange(40)[:, None] < 20, 0, 2)
    assert np.count_nonzero(settled != true) <= 4
    assert np.array_equal(settle_borders(lab, parts, np.zeros(4, np.int64)), parts)


def test_regions_of_parts_are_the_cuts_of_the_tree():
    lab = smoothed_lab(scene()[0])
    parts = watershed_parts(lab, 60)
    change = gradient(lab)
    links = order_merges(*link_parts(lab, change, parts), lab, change, parts)
    tree = partition_tree(links, parts)
    for k in (1, 2, 7, 60, 100):
        region = regions_of_parts(links, k)[parts - 1]
        cut = tree.cut(k)
        masks = tree.masks(cut)
        assert len(np.unique(region)) == len(cut)
        assert all(len(np.unique(region[full(masks, i)])) == 1 for i in range(len(cut)))


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 100), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_ordering_merges_keeps_the_regions(height, width, n_parts, seed):
    lab = (np.random.default_rng(seed).random((height, width, 3)) * 100).astype(np.float32)
    parts = watershed_parts(lab, n_parts)
    change = gradient(lab)
    links, altitude = link_parts(lab, change, parts)

    def regions(tree):
        members = [{i} for i in range(tree.num_leaves())] + [set() for _ in range(tree.num_leaves() - 1)]
        for node, parent in enumerate(tree.parents()[:-1]):
            members[parent] |= members[node]
        return members

    found = regions(order_merges(links, altitude, lab, change, parts))
    assert sorted(map(sorted, found)) == sorted(map(sorted, regions(links)))
    assert found[: links.num_leaves()] == [{i} for i in range(links.num_leaves())]


def test_of_two_merges_as_high_the_one_over_the_weaker_border_comes_first():
    # four surfaces side by side; the colour jumps from the first to the second and drifts from the third on
    across = np.interp(np.arange(80), [0, 20, 20.1, 40, 50, 70, 80], [20, 20, 40, 40, 40, 60, 60])
    lab = np.zeros((30, 80, 3), np.float32)
    lab[..., 0] = across
    parts = np.repeat([[1, 2, 3, 4]], 20, axis=1).repeat(30, axis=0).astype(np.int32)
    links = hg.Tree(np.array([4, 4, 5, 5, 6, 6, 6]))
    altitude = np.array([0, 0, 0, 0, 1, 1, 9.0])
    kept = regions_of_parts(order_merges(links, altitude, lab, gradient(lab), parts), 3)
    assert kept[2] == kept[3]
    assert len(set(kept)) == 3


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20))
def test_features_lie_as_far_apart_as_their_values_differ(values):
    values = np.array(values)
    points = layout(values)
    squared = ((points[:, None] - points) ** 2).sum(axis=2)
    # the series leaves off what its waves cannot show
    assert np.abs(squared - np.abs(values[:, None] - values)).max() <= np.ptp(values) / 16 + 1e-9


def test_cancelling_stops_before_the_work():
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        HierarchySource().prepare(np.zeros((4, 4, 3), np.uint8), "x", token)


def as_rle(mask):
    return {"size": list(mask.shape), "counts": encode_mask(mask).decode("ascii")}


def uncompressed(mask):
    flat = mask.T.ravel()
    ends = np.flatnonzero(np.diff(flat, prepend=False)).tolist()
    return {"size": list(mask.shape), "counts": np.diff([0, *ends, flat.size]).tolist()}


def test_files_give_their_masks_in_order(tmp_path):
    image, disc, bar = scene()
    records = [{"segmentation": as_rle(disc), "area": 1}, uncompressed(bar), as_rle(np.zeros_like(bar))]
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "a.json").write_text(json.dumps(records))
    seen = FilesSource(tmp_path).prepare(image, "town/a")
    masks = seen.proposals()
    assert np.array_equal(full(masks, 0), disc)
    assert np.array_equal(full(masks, 1), bar)
    assert masks.crops[2].shape == (0, 0)
    inside = Prompt((20, 20, 60, 60), np.array([[40.0, 40.0]]), np.array([1]))
    beside = Prompt((20, 20, 60, 60), np.array([[21.0, 21.0]]), np.array([1]))
    answers = seen.answer([beside, inside, Prompt((75, 5, 95, 75))])
    assert answers.crops[0].size == 0
    assert np.array_equal(full(answers, 1), disc)
    assert np.array_equal(full(answers, 2), bar)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[", "JSON"),
        ('{"a": 1}', "list"),
        ("[3]", "mask 1 is not"),
        ('[{"size": [80, 120], "counts": null}]', "mask 1 is not"),
        ('[{"size": [8, 12], "counts": [96]}]', "80 high and 120 wide"),
        ('[{"size": [80, 120], "counts": [96]}]', "damaged"),
        ('[{"size": [80, 120], "counts": ["x"]}]', "damaged"),
        ('[{"size": [80, 120], "counts": "0Z"}]', "damaged"),
        ('[{"size": [80, 120], "counts": "é"}]', "damaged"),
    ],
)
def test_bad_mask_files_are_named(tmp_path, content, complaint):
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(MaskSourceError, match=complaint) as caught:
        FilesSource(tmp_path).prepare(scene()[0], "a")
    assert caught.value.path == tmp_path / "a.json"


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(MaskSourceError, match="missing"):
        FilesSource(tmp_path).prepare(scene()[0], "b")
    with pytest.raises(MaskSourceError, match="folder"):
        FilesSource(tmp_path / "nowhere")
    with pytest.raises(MaskSourceError, match="folder"):
        open_mask_source(MaskParameters(source="files"))


def test_the_signature_follows_the_files(tmp_path):
    before = FilesSource(tmp_path).signature
    (tmp_path / "a.json").write_text("[]")
    after = FilesSource(tmp_path).signature
    assert before != after
    assert after == FilesSource(tmp_path).signature
    assert json.loads(json.dumps(after)) == after


def test_parameters_choose_the_source(tmp_path):
    source = open_mask_source(MaskParameters(parts=77))
    assert source.name == "hierarchy"
    assert source.signature["parts"] == 77
    assert open_mask_source(MaskParameters(source="files", folder=str(tmp_path))).name == "files"
    with pytest.raises(WeightsError, match="sam_vit_b_01ec64"):
        open_mask_source(MaskParameters(source="sam", checkpoint=str(tmp_path / "none.pth")))
    with pytest.raises(WeightsError, match=r"masks\.checkpoint"):
        open_mask_source(MaskParameters(source="sam"))


def test_cropping_keeps_every_pixel():
    rng = np.random.default_rng(1)
    masks = [rng.random((7, 9)) < p for p in (0.0, 0.05, 0.5, 1.0)]
    cropped = crop_masks(masks, (7, 9))
    assert all(np.array_equal(full(cropped, i), mask) for i, mask in enumerate(masks))
    assert len(crop_masks([], (7, 9)).boxes) == 0
