import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from seco_core.errors import LabelError
from seco_core.masks.base import MaskSet, Prompt, crop_masks
from seco_core.masks.hierarchy import HierarchySource
from seco_core.parameters import PsaParameters
from seco_core.psa import aggregate
from seco_core.psa.align import align, make_canvas, reliable_pixels, voting_weights
from seco_core.psa.prompts import claim, label_entropy, prompt_box, prompt_points, thing_prompts
from seco_core.scheme import load_scheme

REFERENCE = Path(__file__).parent / "data" / "reference" / "psa" / "scene_0"
SCHEME = load_scheme("cityscapes19")
ROAD, BUILDING, SKY, CAR, PERSON = 0, 2, 10, 13, 11


class GivenMasks:
    """A source with the masks it is given; answers every prompt with the box's inside."""

    def __init__(self, masks):
        self.masks = masks
        self.prompts: list[Prompt] = []

    def proposals(self):
        return self.masks

    def answer(self, prompts):
        self.prompts = list(prompts)
        answers = []
        for prompt in prompts:
            mask = np.zeros(self.masks.shape, bool)
            x0, y0, x1, y1 = (int(v) for v in prompt.box)
            mask[y0:y1, x0:x1] = True
            answers.append(mask)
        return crop_masks(answers, self.masks.shape)


def shuffled(masks, order):
    return MaskSet(masks.shape, masks.boxes[order], tuple(masks.crops[i] for i in order))


def random_masks(rng, shape, n):
    found = []
    for _ in range(n):
        y, x = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        mask = np.zeros(shape, bool)
        mask[y : y + rng.integers(1, shape[0]), x : x + rng.integers(1, shape[1])] = True
        found.append(mask & (rng.random(shape) < 0.9))
    return crop_masks(found, shape)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_atoms_are_the_pixels_with_one_set_of_masks(seed):
    rng = np.random.default_rng(seed)
    masks = random_masks(rng, (9, 11), 6)
    canvas = make_canvas(masks)
    members = np.zeros((len(masks), 9, 11), bool)
    for i, (box, crop) in enumerate(zip(masks.boxes, masks.crops, strict=True)):
        members[i, box[1] : box[3], box[0] : box[2]] = crop
    signature = members.reshape(len(masks), -1).T
    flat = canvas.atoms.ravel()
    assert len(np.unique(flat)) == len(np.unique(signature, axis=0))
    for atom in range(canvas.cover.shape[1]):
        assert len(np.unique(signature[flat == atom], axis=0)) == 1
    firsts = [np.flatnonzero(flat == atom)[0] for atom in range(canvas.cover.shape[1])]
    assert firsts == sorted(firsts)
    # each mask that has pixels is once among the rows, with its atoms
    rows = canvas.cover.toarray()[:, flat].astype(bool)
    assert {row.tobytes() for row in rows} == {m.tobytes() for m in signature.T if m.any()}
    assert len({row.tobytes() for row in rows}) == len(rows)
    areas = rows.sum(axis=1).tolist()
    assert areas == sorted(areas)


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_order_of_masks_changes_nothing(seed, with_confidence):
    rng = np.random.default_rng(seed)
    masks = random_masks(rng, (24, 30), 12)
    label = rng.choice([ROAD, BUILDING, CAR, PERSON, 255], (24, 30)).astype(np.uint8)
    confidence = rng.random((24, 30)).astype(np.float32) if with_confidence else None
    order = rng.permutation(np.concatenate([np.arange(12), rng.integers(0, 12, 4)]))
    parameters = PsaParameters(min_region_area=3)
    first = aggregate(label, confidence, GivenMasks(masks), SCHEME, parameters)
    second = aggregate(label, confidence, GivenMasks(shuffled(masks, order)), SCHEME, parameters)
    assert np.array_equal(first, second)


def test_speckle_in_a_mask_follows_its_majority_and_mixed_masks_their_parts():
    shape = (20, 40)
    label = np.full(shape, ROAD, np.uint8)
    label[:, 20:] = BUILDING
    rng = np.random.default_rng(0)
    label[rng.random(shape) < 0.25] = SKY
    left, right = np.zeros(shape, bool), np.zeros(shape, bool)
    left[:, :20], right[:, 20:] = True, True
    masks = GivenMasks(crop_masks([left | right, left, right], shape))
    out = aggregate(label, None, masks, SCHEME, PsaParameters())
    assert np.all(out[:, :20] == ROAD)
    assert np.all(out[:, 20:] == BUILDING)


def test_confident_pixels_outvote_the_many():
    label = np.full((10, 10), BUILDING, np.uint8)
    confidence = np.full((10, 10), 0.3, np.float32)
    label[:4], confidence[:4] = ROAD, 0.99
    whole = GivenMasks(crop_masks([np.ones((10, 10), bool)], (10, 10)))
    assert np.all(aggregate(label, confidence, whole, SCHEME, PsaParameters()) == ROAD)
    assert np.all(aggregate(label, None, whole, SCHEME, PsaParameters()) == BUILDING)


def test_without_masks_labels_stay_and_unlabelled_pixels_stay_unlabelled():
    label = np.full((10, 12), ROAD, np.uint8)
    label[:, 6:] = 255
    out = aggregate(label, None, GivenMasks(crop_masks([], (10, 12))), SCHEME, PsaParameters())
    assert np.array_equal(out, label)


def test_ids_outside_the_scheme_do_not_vote():
    label = np.full((6, 6), 77, np.uint8)
    whole = GivenMasks(crop_masks([np.ones((6, 6), bool)], (6, 6)))
    assert np.all(aggregate(label, None, whole, SCHEME, PsaParameters()) == 255)


@pytest.mark.parametrize("value", [ROAD, CAR, 255])
def test_one_pixel(value):
    image = np.zeros((1, 1, 3), np.uint8)
    label = np.full((1, 1), value, np.uint8)
    masks = HierarchySource().prepare(image, "dot")
    out = aggregate(label, np.zeros((1, 1), np.float32), masks, SCHEME, PsaParameters())
    assert out.tolist() == [[value]]


def test_sizes_that_differ_are_named():
    masks = GivenMasks(crop_masks([], (4, 5)))
    with pytest.raises(LabelError, match="5 x 4, the confidence map is 4 x 4"):
        aggregate(np.zeros((4, 5), np.uint8), np.ones((4, 4), np.float32), masks, SCHEME, PsaParameters())
    with pytest.raises(LabelError, match="masks are 5 x 4"):
        aggregate(np.zeros((4, 4), np.uint8), None, masks, SCHEME, PsaParameters())


def test_reliable_pixels_are_a_share_of_every_class():
    label = np.array([[0, 0, 0, 0, 1, 1, 1, 2, 255, 255]], np.uint8)
    confidence = np.array([[0.1, 0.4, 0.4, 0.2, 0.9, 0.8, 0.7, 0.01, 1, 1]], np.float32)
    chosen = reliable_pixels(label, confidence, 0.5)
    assert chosen.tolist() == [[False, True, True, False, True, True, False, True, False, False]]
    assert reliable_pixels(label, confidence, 0.25).sum() == 3
    assert reliable_pixels(label, None, 0.25).sum() == 8
    weights = voting_weights(label, confidence, 0.5)
    assert weights[0, 1] > 5 * weights[0, 3] > 0
    assert weights[0, 8] == 0


def test_the_doubt_of_a_small_mask_gives_way_to_the_certainty_of_those_around_it():
    shape = (20, 20)
    label = np.full(shape, ROAD, np.uint8)
    label[9:12, 9:12] = SKY
    label[9, 9:12] = ROAD  # a third of the small mask
    small, middle = np.zeros(shape, bool), np.zeros(shape, bool)
    small[9:12, 9:12], middle[4:16, 4:16] = True, True
    masks = make_canvas(crop_masks([small, middle, np.ones(shape, bool)], shape))
    mixed, _ = align(masks, label, np.ones(shape), SCHEME.size)
    assert np.all(mixed == ROAD)
    label[9:12, 9:12] = SKY
    alone, _ = align(make_canvas(crop_masks([small, middle], shape)), label, np.ones(shape), SCHEME.size)
    assert np.array_equal(alone == SKY, small)


def test_strength_is_the_share_of_the_class():
    label = np.array([[0, 0, 0, 1]], np.uint8)
    masks = crop_masks([np.ones((1, 4), bool)], (1, 4))
    class_map, strength = align(make_canvas(masks), label, np.ones((1, 4)), 2)
    assert class_map.tolist() == [[0, 0, 0, 0]]
    assert np.allclose(strength, 0.75)


# things


def test_prompts_are_those_of_the_published_code():
    label = np.asarray(Image.open(REFERENCE / "pseudo_label.png"))
    for name, things, least in (("v1", [5, 6, 7, *range(11, 19)], 10), ("v2", [5, 6, 7], 2)):
        expected = json.loads((REFERENCE / f"prompts_{name}.json").read_text())
        found = thing_prompts(label, things, least)
        assert [f.prompt.points.tolist() for f in found] == [e["points"] for e in expected]
        assert [f.prompt.labels.tolist() for f in found] == [e["labels"] for e in expected]
        assert [list(f.prompt.box) for f in found] == [e["box"] for e in expected]


def test_small_components_and_rare_classes_do_not_prompt():
    label = np.zeros((40, 60), np.uint8)
    label[2:4, 2:5] = CAR  # 6 pixels
    label[10:20, 10:20] = CAR
    label[30:32, 30:35] = PERSON  # 10 pixels in all
    label[36, 5:35] = CAR  # a line has no area
    found = thing_prompts(label, [PERSON, CAR], 10)
    assert [(f.class_id, f.area) for f in found] == [(CAR, 100)]
    assert [(f.class_id, f.area) for f in thing_prompts(label, [PERSON, CAR], 6)] == [
        (PERSON, 10), (CAR, 6), (CAR, 100),
    ]  # fmt: skip
    assert thing_prompts(label, [], 1) == []


def test_a_square_grows_by_its_area_over_its_perimeter():
    y, x = np.mgrid[100:141, 200:241]
    box = prompt_box((y * 1000 + x).ravel(), (500, 1000))
    grown = round(40 * 40 * 1.25 / 160)
    assert np.abs(np.array(box) - [200 - grown, 100 - grown, 240 + grown, 140 + grown]).max() <= 1
    corner = prompt_box(np.arange(41 * 41), (41, 41))
    assert corner == (0, 0, 40, 40)


def test_points_are_the_purest_pixels_of_each_piece():
    even = prompt_points(np.arange(20, 30), np.array([5, 4, 3, 9, 3, 2, 1, 0, 0, 0], np.float32), 10)
    assert even.tolist() == [[5, 2]]  # index 5 closes the piece; what comes after it is not looked at
    odd = prompt_points(np.arange(20, 27), np.array([5, 4, 4, 9, 3, 2, 2], np.float32), 10)
    assert odd.tolist() == [[1, 2], [5, 2]]
    assert prompt_points(np.array([7]), np.zeros(1, np.float32), 10).tolist() == [[7, 0]]


def test_entropy_of_the_labels_in_the_window():
    rng = np.random.default_rng(2)
    label = rng.choice([0, 3, 255], (20, 22)).astype(np.uint8)
    entropy = label_entropy(label, np.arange(label.size)).reshape(label.shape)
    for y, x in ((0, 0), (10, 11), (19, 4)):
        window = label[max(y - 8, 0) : y + 9, max(x - 8, 0) : x + 9]
        p = np.array([np.count_nonzero(window == c) for c in (0, 3, 255)]) / 289
        assert entropy[y, x] == pytest.approx(-(p * np.log(p + 1e-6)).sum(), abs=1e-5)


def test_things_claim_what_their_votes_carry_and_no_more():
    votes = np.full((20, 30), ROAD, np.uint8)
    votes[5:15, 5:15] = CAR
    class_map = np.full((20, 30), ROAD, np.uint8)
    good, greedy = np.zeros((20, 30), bool), np.zeros((20, 30), bool)
    good[4:15, 5:15] = True
    greedy[:, :25] = True
    answers = crop_masks([good, greedy, np.zeros((20, 30), bool)], (20, 30))
    weak = claim(class_map, np.full((20, 30), 0.6), answers, [CAR] * 3, votes, np.ones((20, 30)))
    assert np.array_equal(weak == CAR, good)
    held = claim(class_map, np.full((20, 30), 0.95), answers, [CAR] * 3, votes, np.ones((20, 30)))
    assert np.array_equal(held, class_map)


def test_of_overlapping_claims_the_purer_then_the_smaller_then_the_lower_class_wins():
    shape = (10, 30)
    votes = np.full(shape, 255, np.uint8)
    votes[:, :10], votes[:, 10:20] = CAR, PERSON
    votes[0, 0] = ROAD
    wide, pure, same = np.zeros(shape, bool), np.zeros(shape, bool), np.zeros(shape, bool)
    wide[:, :12], pure[:, 10:20], same[:, 10:25] = True, True, True
    masks, classes = [wide, pure, same], [CAR, PERSON, PERSON]
    none = np.full(shape, 255, np.uint8)
    results = []
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        answers = crop_masks([masks[i] for i in order], shape)
        results.append(
            claim(none, np.zeros(shape), answers, [classes[i] for i in order], votes, np.ones(shape))
        )
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])
    assert np.all(results[0][:, :10] == CAR)
    assert np.all(results[0][:, 10:25] == PERSON)
    assert np.all(results[0][:, 25:] == 255)


def test_a_ragged_car_becomes_the_whole_car():
    rng = np.random.default_rng(0)
    image = np.full((60, 90, 3), 90, np.uint8)
    image[20:40, 30:60] = (180, 30, 30)
    image = np.clip(image + rng.integers(-5, 6, image.shape), 0, 255).astype(np.uint8)
    truth = np.full((60, 90), ROAD, np.uint8)
    truth[20:40, 30:60] = CAR
    label = truth.copy()
    label[rng.random(label.shape) < 0.2] = SKY
    label[18:42, 55:64] = ROAD  # the pseudo-label misses its end
    label[30:44, 28:40] = CAR  # and runs over its edge
    masks = HierarchySource(parts=120).prepare(image, "car")
    out = aggregate(label, None, masks, SCHEME, PsaParameters())
    inside = np.count_nonzero((out == CAR) & (truth == CAR)) / np.count_nonzero((out == CAR) | (truth == CAR))
    before = np.count_nonzero((label == CAR) & (truth == CAR)) / np.count_nonzero(
        (label == CAR) | (truth == CAR)
    )
    assert inside > before + 0.1
    assert np.mean(out == truth) > 0.96
