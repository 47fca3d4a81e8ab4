import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmarks import psa_reference
from benchmarks.psa_reference import Ellipses, Scene, prompt_records, read_map, region_records, run
from seco_core.errors import LabelError
from seco_core.label_files import resize_nearest
from seco_core.masks.base import MaskSet, Prompt, crop_masks
from seco_core.masks.hierarchy import HierarchySource
from seco_core.masks.resized import resize_masks, resize_prompts
from seco_core.parameters import PsaParameters
from seco_core.psa import aggregate
from seco_core.psa.paper import aggregate_paper, centre_prompt
from seco_core.psa.prompts import prompt_box
from seco_core.psa.published import (
    SECO_V1,
    SECO_V2,
    aggregate_published,
    best_stuff,
    mask_votes,
    published_regions,
)
from seco_core.scheme import load_scheme

REFERENCE = Path(__file__).parent / "data" / "reference" / "psa"
SCENES = sorted(p.name for p in REFERENCE.iterdir())
SCHEME = load_scheme("cityscapes19")
ROAD, BUILDING, SIGN, SKY, PERSON, CAR = 0, 2, 7, 10, 11, 13
PROFILES = ["default", "paper", "seco-v1", "seco-v2"]


def rectangle(shape, x0, y0, x1, y1):
    mask = np.zeros(shape, bool)
    mask[y0:y1, x0:x1] = True
    return mask


def unasked(prompts):
    raise AssertionError("nothing should have prompted")


class WithEllipses:
    """A source with the masks it is given that answers with ellipses."""

    def __init__(self, masks):
        self.masks = masks
        self.answer = Ellipses(masks.shape)

    def proposals(self):
        return self.masks


# against what the published code computes


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize(("version", "profile"), [("v1", SECO_V1), ("v2", SECO_V2)])
def test_prompts_pixels_and_regions_are_those_of_the_published_code(name, version, profile):
    scene = Scene.read(REFERENCE / name)
    prompts, class_map, regions = run(scene, profile)
    assert prompt_records(prompts) == scene.expected(f"prompts_{version}.json")
    assert np.array_equal(class_map, read_map(scene.folder / f"aggregated_{version}.png"))
    if version == "v2":
        truth = read_map(scene.folder / "ground_truth.png")
        assert region_records(regions, truth) == scene.expected("regions_v2.json")


def test_there_are_three_scenes():
    assert len(SCENES) == 3


def test_profiles_of_a_run_are_the_published_ones():
    scene = Scene.read(REFERENCE / "scene_0")
    for version in ("v1", "v2"):
        out = aggregate(
            scene.label, None, WithEllipses(scene.masks), SCHEME, PsaParameters(profile=f"seco-{version}")
        )
        assert np.array_equal(out, read_map(scene.folder / f"aggregated_{version}.png"))


def test_the_benchmark_sees_one_pixel_one_prompt_and_one_region(tmp_path, monkeypatch, capsys):
    shutil.copytree(REFERENCE / "scene_0", tmp_path / "scene")
    monkeypatch.setattr(psa_reference, "REPEATS", 1)
    monkeypatch.setattr(sys, "argv", ["psa_reference", str(tmp_path / "scene")])

    def result():
        psa_reference.main()
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    good = result()
    assert (good["prompts_equal"], good["regions_equal"], good["pixels_differ"]) == (True, True, 0)
    changed = read_map(tmp_path / "scene" / "aggregated_v1.png").copy()
    changed[100, 100] ^= 1
    psa_reference.Image.fromarray(changed).save(tmp_path / "scene" / "aggregated_v1.png")
    for file, key in (("prompts_v2.json", "box"), ("regions_v2.json", "bbox_xywh")):
        records = json.loads((tmp_path / "scene" / file).read_text())
        records[3][key][2] += 1
        (tmp_path / "scene" / file).write_text(json.dumps(records))
    bad = result()
    assert (bad["prompts_equal"], bad["regions_equal"], bad["pixels_differ"]) == (False, False, 1)


# the rules one by one


def test_kinds_of_classes():
    stuff, things = SECO_V1.kinds(SCHEME)
    assert stuff.tolist() == [0, 1, 2, 3, 4, 8, 9, 10]
    assert things.tolist() == [5, 6, 7, *range(11, 19)]
    stuff, things = SECO_V2.kinds(SCHEME)
    assert stuff.tolist() == list(range(19))
    assert things.tolist() == [5, 6, 7]
    for profile in (SECO_V1, SECO_V2):
        stuff, things = profile.kinds(load_scheme("synthia16"))
        assert stuff.tolist() == [0, 1, 2, 3, 4, 8, 9]
        assert things.tolist() == [5, 6, 7, *range(10, 16)]
        assert profile.kinds(load_scheme("camvid11"))[1].tolist() == [2, 6, 8, 9, 10]


def test_a_share_is_of_all_labelled_pixels_and_must_be_exceeded():
    label = np.full((1, 20), 255, np.uint8)
    label[0, :10] = [ROAD] * 2 + [SKY] * 2 + [CAR] * 6
    whole = crop_masks([np.ones((1, 20), bool), rectangle((1, 20), 12, 0, 20, 1)], (1, 20))
    votes = mask_votes(whole, label)
    stuff = SECO_V1.kinds(SCHEME)[0]
    assert votes[0, [ROAD, SKY, CAR]].tolist() == [2, 2, 6]
    assert best_stuff(votes, stuff, 0.20).tolist() == [255, 255]
    assert best_stuff(votes, stuff, 0.19).tolist() == [ROAD, 255]
    assert best_stuff(votes, np.array([], int), 0.0).tolist() == [255, 255]


def test_later_masks_and_answers_lie_above_earlier_ones():
    shape = (30, 60)
    label = np.full(shape, 255, np.uint8)
    label[:, :20], label[:, 40:] = ROAD, SKY
    label[10:20, 5:15] = CAR
    left, right = rectangle(shape, 0, 0, 40, 30), rectangle(shape, 20, 0, 60, 30)
    out = [
        aggregate_published(label, crop_masks(order, shape), Ellipses(shape), SCHEME, SECO_V1)
        for order in ([left, right], [right, left])
    ]
    assert np.all(out[0][:, 20:40] == SKY)
    assert np.all(out[1][:, 20:40] == ROAD)
    assert out[0][15, 10] == CAR
    assert out[0][0, 0] == ROAD


def test_empty_masks_answers_and_labels():
    shape = (12, 40)
    label = np.full(shape, 255, np.uint8)
    nothing = crop_masks([np.zeros(shape, bool)], shape)
    assert np.all(aggregate_published(label, nothing, unasked, SCHEME, SECO_V1) == 255)
    assert np.all(aggregate_published(label, nothing, unasked, SCHEME, SECO_V2) == 255)
    label[2:10, 4:20] = CAR
    out = aggregate_published(label, nothing, lambda prompts: nothing, SCHEME, SECO_V1)
    assert np.all(out == 255)


def test_components_that_vanish_in_whole_pixels_do_not_prompt():
    for pixels in ([0, 1], [0, 101], [0, 100, 200], [5]):
        assert prompt_box(np.array(pixels), (100, 100)) is None


@given(st.integers(2, 25), st.integers(2, 25), st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=80, deadline=None)
def test_boxes_grow_to_every_side_alike(height, width, top, left):
    rows, columns = np.divmod(np.arange(height * width), width)
    box = prompt_box((rows + top + 40) * 200 + columns + left + 40, (200, 200))
    growth = 1.25 * (height - 1) * (width - 1) / (2 * (height + width - 2))
    side = np.abs(np.array(box) - [left + 40, top + 40, left + width + 39, top + height + 39])
    assert np.all(np.abs(side - growth) <= 1)


def test_seco_v2_works_at_1024_by_512():
    rng = np.random.default_rng(0)
    coarse = rng.choice([ROAD, BUILDING, SIGN, CAR, 255], (16, 32), p=[0.4, 0.3, 0.05, 0.05, 0.2])
    label = coarse.astype(np.uint8).repeat(16, axis=0).repeat(16, axis=1)  # 256 x 512
    masks = [rectangle((256, 512), *box) for box in ((0, 0, 300, 200), (100, 50, 512, 256), (7, 9, 90, 99))]
    small, large = Ellipses((256, 512)), Ellipses((512, 1024))
    out = aggregate_published(label, crop_masks(masks, (256, 512)), small, SCHEME, SECO_V2)
    doubled = [mask.repeat(2, axis=0).repeat(2, axis=1) for mask in masks]
    at_1024 = aggregate_published(
        label.repeat(2, axis=0).repeat(2, axis=1), crop_masks(doubled, (512, 1024)), large, SCHEME, SECO_V2
    )
    assert len(small.prompts) == len(large.prompts) > 5
    for one, two in zip(small.prompts, large.prompts, strict=True):
        assert np.array(two.box) / 2 == pytest.approx(np.array(one.box))
        assert (two.points // 2).tolist() == one.points.tolist()
    things = np.zeros(out.shape, bool)  # ellipses at half the size are not the same to the pixel
    for prompt in small.prompts:
        x0, y0, x1, y1 = np.array(prompt.box).astype(int)
        things[max(y0 - 1, 0) : y1 + 2, max(x0 - 1, 0) : x1 + 2] = True
    assert not things.all()
    assert np.array_equal(out[~things], at_1024[1::2, 1::2][~things])


@pytest.mark.parametrize("shape", [(1, 1), (40, 30), (360, 480)])
def test_seco_v2_gives_maps_of_the_labels_size(shape):
    label = np.full(shape, ROAD, np.uint8)
    out = aggregate_published(label, crop_masks([np.ones(shape, bool)], shape), unasked, SCHEME, SECO_V2)
    assert np.array_equal(out, label)


def test_regions_of_seco_v2():
    class_map = np.full((100, 300), 255, np.uint8)
    class_map[10:50, 10:40] = BUILDING  # 1200 pixels
    class_map[60:70, 200:210] = BUILDING  # 100: not more than 100
    class_map[80:100, 280:300] = BUILDING  # 400, in the corner
    class_map[60:80, 20:69] = ROAD  # 980: the class has not more than 1000
    regions = published_regions(class_map, SECO_V2)
    assert regions.class_id.tolist() == [BUILDING, BUILDING]
    assert regions.area.tolist() == [1200, 400]
    assert regions.box.tolist() == [[0, 10, 57, 50], [258, 74, 300, 100]]
    crop = regions.crop(0)
    assert crop.shape == (64, 128)
    assert crop.mean() == pytest.approx(30 / 57, abs=0.02)
    assert len(published_regions(class_map, SECO_V1)) == 4
    assert len(published_regions(np.full((5, 5), 255, np.uint8), SECO_V2)) == 0


# sizes


@given(
    hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
@settings(max_examples=150, deadline=None)
def test_masks_are_resized_as_maps_are(mask, shape):
    resized = resize_masks(crop_masks([mask], mask.shape), shape)
    x0, y0, x1, y1 = resized.boxes[0]
    whole = np.zeros(shape, bool)
    whole[y0:y1, x0:x1] = resized.crops[0]
    assert np.array_equal(whole, resize_nearest(mask, shape))


def test_points_stay_in_their_pixel():
    prompt = Prompt((0.0, 0.0, 1023.0, 511.0), np.array([[0.0, 0.0], [1023.0, 511.0]]), np.ones(2, np.int64))
    (there,) = resize_prompts([prompt], (512, 1024), (360, 480))
    assert there.points.tolist() == [[0, 0], [479, 359]]
    assert there.box == pytest.approx((0, 0, 1023 * 480 / 1024, 511 * 360 / 512))


# the paper's profile


def test_paper_masks_take_their_best_class_and_things_are_prompted():
    shape = (40, 60)
    label = np.full(shape, 255, np.uint8)
    label[5, 5:15], label[30, 5:9] = ROAD, SKY
    label[20:26, 40:50] = CAR
    masks = [
        rectangle(shape, 20, 0, 30, 40),
        rectangle(shape, 0, 0, 20, 40),
        rectangle(shape, 0, 25, 20, 35),
        rectangle(shape, 30, 0, 60, 40),
    ]
    ellipses = Ellipses(shape)
    out = aggregate_paper(label, crop_masks(masks, shape), ellipses, SCHEME, 10)
    assert np.all(out[:25, :20] == ROAD)
    assert np.all(out[25:35, :20] == SKY)  # a small mask lies above a large one, though it has fewer votes
    assert np.all(out[:, 20:30] == 255)  # no votes
    assert out[23, 45] == CAR
    assert out[5, 35] == 255  # a mask that most call a car waits for the prompt's answer
    (prompt,) = ellipses.prompts
    assert prompt.points.tolist() == [[45, 23]]
    x0, y0, x1, y1 = prompt.box
    assert (x1 - x0) * (y1 - y0) == pytest.approx(1.5 * 60)


def test_centre_prompts_stay_on_the_image():
    assert centre_prompt(np.array([0]), (1, 1)).box == (0, 0, 1, 1)
    assert centre_prompt(np.arange(100), (10, 10)).box == (0, 0, 10, 10)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_the_order_of_masks_changes_nothing_in_the_paper_profile(seed):
    rng = np.random.default_rng(seed)
    shape = (24, 30)
    found = []
    for _ in range(10):
        y, x = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        found.append(rectangle(shape, x, y, x + rng.integers(1, 6), y + rng.integers(1, 6)))
    label = rng.choice([ROAD, BUILDING, CAR, PERSON, 255], shape).astype(np.uint8)
    confidence = rng.random(shape).astype(np.float32)
    parameters = PsaParameters(profile="paper")
    outs = []
    for order in (np.arange(10), rng.permutation(10)):
        masks = crop_masks([found[i] for i in order], shape)
        outs.append(aggregate(label, confidence, WithEllipses(masks), SCHEME, parameters))
    assert np.array_equal(*outs)


def test_only_reliable_pixels_speak_in_the_paper_profile():
    label = np.full((10, 10), BUILDING, np.uint8)
    label[:4] = ROAD
    confidence = np.full((10, 10), 0.9, np.float32)
    confidence[4:9] = 0.3
    masks = crop_masks([rectangle((10, 10), 0, 0, 10, 9)], (10, 10))
    of = {
        share: aggregate(
            label,
            confidence,
            WithEllipses(masks),
            SCHEME,
            PsaParameters(profile="paper", reliable_share=share),
        )
        for share in (0.15, 1.0)
    }
    assert np.all(of[0.15][:9] == ROAD)
    assert np.all(of[1.0][:9] == BUILDING)
    assert np.all(of[0.15][9] == 255)


# through the door of all profiles


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("value", [ROAD, CAR, 255])
def test_one_pixel(profile, value):
    masks = HierarchySource().prepare(np.zeros((1, 1, 3), np.uint8), "dot")
    out = aggregate(np.full((1, 1), value, np.uint8), None, masks, SCHEME, PsaParameters(profile=profile))
    assert out.shape == (1, 1)
    assert out[0, 0] in (value, 255)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_speckled_road_becomes_one_with_masks_of_the_hierarchy(profile):
    rng = np.random.default_rng(0)
    image = np.full((48, 64, 3), 200, np.uint8)
    image[24:] = 60
    truth = np.full((48, 64), SKY, np.uint8)
    truth[24:] = ROAD
    label = np.where(rng.random(truth.shape) < 0.3, np.uint8(BUILDING), truth)
    label[rng.random(truth.shape) < 0.2] = 255
    masks = HierarchySource(parts=60).prepare(image, "road")
    for scheme, sky in ((SCHEME, SKY), (load_scheme("synthia16"), 9)):
        wanted = np.where(truth == SKY, np.uint8(sky), truth)
        pseudo_label = np.where(label == SKY, np.uint8(sky), label)
        out = aggregate(pseudo_label, None, masks, scheme, PsaParameters(profile=profile))
        assert np.mean(out == wanted) > 0.97


@pytest.mark.parametrize("profile", PROFILES)
def test_sizes_that_differ_are_named(profile):
    masks = WithEllipses(MaskSet((4, 5), np.zeros((0, 4), np.int32), ()))
    with pytest.raises(LabelError, match="masks are 5 x 4"):
        aggregate(np.zeros((4, 4), np.uint8), None, masks, SCHEME, PsaParameters(profile=profile))
