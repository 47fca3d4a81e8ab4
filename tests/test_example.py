"""Generated scenes: repeatable, plausible, and moving as they say."""

import functools

import cc3d
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seco_core.errors import DatasetError, ParameterError
from seco_core.example import make_scene, make_sequence, write_example
from seco_core.example.geometry import NEAR, Camera, Face, Item, across, clip_near, ground
from seco_core.example.light import LIGHTS
from seco_core.example.materials import noise_texture
from seco_core.example.render import EYE_HEIGHT, World, render
from seco_core.metrics import auroc, confusion, scores
from seco_core.progress import Cancelled, CancelToken
from seco_core.scheme import load_scheme

SIZE = (128, 256)


@functools.cache
def scenes():
    return [make_scene(0, index, size=SIZE) for index in range(8)]


@functools.cache
def drive():
    return make_sequence(3, 3, size=SIZE)


def test_scene_has_the_promised_arrays():
    known = set(load_scheme("cityscapes19").ids.tolist())
    for scene in scenes():
        assert scene.image.shape == (*SIZE, 3)
        assert scene.image.dtype == scene.ground_truth.dtype == scene.pseudo_label.dtype == np.uint8
        assert scene.ground_truth.shape == scene.pseudo_label.shape == scene.confidence.shape == SIZE
        assert scene.confidence.dtype == np.float32
        assert scene.confidence.min() >= 0
        assert scene.confidence.max() <= 1
        assert set(np.unique(scene.ground_truth).tolist()) <= known | {255}
        assert set(np.unique(scene.pseudo_label).tolist()) <= known


def test_same_arguments_give_the_same_scene():
    again, other = make_scene(0, 1, size=SIZE), make_scene(1, 1, size=SIZE)
    for name in ("image", "ground_truth", "pseudo_label", "confidence"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scenes()[1], name))
        assert not np.array_equal(getattr(other, name), getattr(scenes()[1], name))


def test_another_size_shows_the_same_street():
    large = make_scene(0, 0, size=(256, 512)).ground_truth[::2, ::2]
    assert (large == scenes()[0].ground_truth).mean() > 0.95


@pytest.mark.parametrize("size", [(16, 16), (90, 40), (17, 133)])
def test_any_size(size):
    scene = make_scene(5, 4, size=size)
    assert scene.ground_truth.shape == scene.confidence.shape == size


def test_streets_are_varied():
    truth = np.concatenate([scene.ground_truth for scene in scenes()])
    share = np.bincount(truth.ravel(), minlength=256)[:19] / truth.size
    assert np.count_nonzero(share) >= 15
    for stuff in (0, 1, 2, 8, 10):
        assert share[stuff] > 0.02
    assert share.max() < 0.5
    brightness = [scene.image.mean() for scene in scenes()]
    assert max(brightness) > 1.5 * min(brightness)


def test_pseudo_labels_are_mostly_right_and_wrong_by_regions():
    matrix = np.sum([confusion(s.ground_truth, s.pseudo_label, 19) for s in scenes()], axis=0)
    assert 0.72 < scores(matrix).accuracy < 0.87
    assert 0.2 < scores(matrix).miou < 0.6
    # specks alone would leave next to nothing in large patches
    in_patches = wrong_pixels = 0
    for scene in scenes():
        wrong = (scene.ground_truth != scene.pseudo_label) & (scene.ground_truth != 255)
        parts = cc3d.connected_components(np.where(wrong, scene.pseudo_label + 1, 0), connectivity=8)
        area = np.bincount(parts.ravel())[1:]
        in_patches += area[area >= 50].sum()
        wrong_pixels += wrong.sum()
    assert in_patches > 0.6 * wrong_pixels
    # and there is speckle too
    assert in_patches < 0.97 * wrong_pixels


def test_mistakes_are_those_of_confusable_classes():
    matrix = np.sum([confusion(s.ground_truth, s.pseudo_label, 19) for s in scenes()], axis=0)
    road, sidewalk, building, wall, sky = 0, 1, 2, 3, 10
    np.fill_diagonal(matrix, 0)
    assert matrix[sidewalk].argmax() == road
    assert matrix[building, wall] > 5 * matrix[building, sky]


def test_confidence_says_something_but_not_all():
    wrong = np.concatenate([(s.ground_truth != s.pseudo_label)[s.ground_truth != 255] for s in scenes()])
    doubt = np.concatenate([1 - s.confidence[s.ground_truth != 255] for s in scenes()])
    assert 0.75 < auroc(doubt, wrong) < 0.93
    assert 0.02 < (doubt[wrong] < 0.1).mean() < 0.5
    assert 0.01 < (doubt[~wrong] > 0.4).mean() < 0.2


def test_motion_leads_to_the_frame_before():
    frames, motions = drive()
    assert len(frames) == len(motions) == 3
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    for before, after, motion in zip(frames, frames[1:], motions[1:], strict=False):
        assert motion.dtype == np.float32
        assert motion.shape == (*SIZE, 2)
        came_from = cv2.remap(
            before.ground_truth, columns + motion[..., 1], rows + motion[..., 0], cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT, borderValue=254,
        )  # fmt: skip
        seen = came_from != 254
        still = (before.ground_truth == after.ground_truth)[seen].mean()
        followed = (came_from == after.ground_truth)[seen].mean()
        assert followed > 0.94
        assert 1 - followed < 0.5 * (1 - still)
        assert not motion[after.ground_truth == 10].any()


def test_mistakes_last_over_a_sequence():
    frames, motions = drive()
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    before, after = frames[1:]
    moved = (columns + motions[2][..., 1], rows + motions[2][..., 0])
    was_wrong = cv2.remap(
        (before.pseudo_label != before.ground_truth).astype(np.uint8), *moved, cv2.INTER_NEAREST
    )
    is_wrong = after.pseudo_label != after.ground_truth
    assert was_wrong[is_wrong].mean() > 2 * is_wrong.mean()


def test_motion_and_depth_of_known_faces():
    road = Face(ground(-50, 50, 0, 300), (0.2, 0.2, 0.2), 0)
    board = Face(across(-1, 1, 1, 2.5, 20), (0.5, 0.1, 0.1), 7)
    world = World(
        [Item([road], 6, 1000.0), Item([board], 0, 20.0, speed=-1.0)], LIGHTS[0], 0.0, 0.5, speed=0.5
    )
    frame = render(world, (200, 200), 2, np.random.default_rng(0))
    # the board has come to 20 - 2, the camera to 1
    on_board = frame.label == 7
    np.testing.assert_allclose(frame.depth[on_board], 17.0, rtol=1e-5)
    focal = 0.62 * 200
    rows = np.arange(200)[:, None] + np.zeros(200)
    below = (frame.label == 0) & (rows > 110)
    np.testing.assert_allclose(frame.depth[below], focal * EYE_HEIGHT / (rows[below] - 100), rtol=1e-4)
    # one frame before, the board was 1.5 m further ahead and the road 0.5 m
    for where, further in ((on_board, 1.5), (below, 0.5)):
        before = (rows[where] - 100) * frame.depth[where] / (frame.depth[where] + further)
        np.testing.assert_allclose(frame.flow[where][:, 0], before - (rows[where] - 100), atol=1e-3)


@given(st.lists(st.tuples(*[st.floats(-20, 20)] * 3), min_size=3, max_size=6))
def test_clipping_keeps_what_is_ahead(points):
    polygon = np.array(points)
    kept = clip_near(polygon)
    assert len(kept) == 0 or kept[:, 2].min() >= NEAR - 1e-9
    ahead = polygon[polygon[:, 2] >= NEAR]
    assert {tuple(p) for p in ahead} <= {tuple(p) for p in kept}
    if len(ahead) == len(polygon):
        np.testing.assert_array_equal(kept, polygon)


@given(st.floats(-0.5, 0.5), st.floats(-10, 10), st.floats(1, 50))
def test_rays_undo_projection(yaw, x, z):
    camera = Camera(300.0, 80.0, 160.0, (0.5, 1.7, -2.0), yaw)
    seen = camera.look(np.array([[x, 0.3, z]]))
    if seen[0, 2] < NEAR:
        return
    column, row = camera.project(seen)[0]
    right, up = camera.rays(np.array([row], np.float32), np.array([column], np.float32))
    np.testing.assert_allclose([right[0], up[0]], seen[0, :2] / seen[0, 2], atol=1e-3)


def test_noise_texture_repeats_without_a_seam():
    texture = noise_texture()
    inside = np.abs(np.diff(texture, axis=0)).mean()
    assert np.abs(texture[0] - texture[-1]).mean() < 1.3 * inside


def test_written_folder(tmp_path):
    events = []
    folder = write_example(
        tmp_path / "new" / "example", count=2, size=(32, 64), seed=4, progress=events.append
    )
    assert [(e.done, e.total) for e in events] == [(1, 2), (2, 2)]
    lines = (folder / "list" / "all.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    for index, line in enumerate(lines):
        image, label, confidence, truth = (np.array(Image.open(folder / f)) for f in line.split("\t"))
        scene = make_scene(4, index, size=(32, 64))
        np.testing.assert_array_equal(image, scene.image)
        np.testing.assert_array_equal(label, scene.pseudo_label)
        np.testing.assert_array_equal(truth, scene.ground_truth)
        np.testing.assert_allclose(confidence / 255, scene.confidence, atol=0.5 / 255 + 1e-6)


def test_cancelled_writing_leaves_no_list(tmp_path):
    token = CancelToken()
    with pytest.raises(Cancelled):
        write_example(tmp_path, count=3, size=(16, 16), progress=lambda event: token.cancel(), cancel=token)
    assert len(list((tmp_path / "image").iterdir())) == 1
    assert not (tmp_path / "list" / "all.txt").exists()


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DatasetError, match="cannot be written") as caught:
        write_example(tmp_path / "taken", count=1, size=(16, 16))
    assert caught.value.path == tmp_path / "taken"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_scene(-1), "negative"),
        (lambda: make_scene(0, -1), "negative"),
        (lambda: make_scene(0, size=(15, 64)), "15x64"),
        (lambda: make_sequence(0, 0), "at least one frame"),
    ],
)
def test_arguments_out_of_range(call, message):
    with pytest.raises(ParameterError, match=message):
        call()
