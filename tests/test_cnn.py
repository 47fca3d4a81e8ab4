"""The encoder that learns from the pseudo-label."""

from __future__ import annotations

import numpy as np
import pytest

from seco_core.encoders.cnn import learnt_classes
from seco_core.encoders.decoded import STRIDE, DecodedImages, decode
from seco_core.errors import ParameterError
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline
from seco_core.pipeline.teach import teach
from seco_core.progress import Cancelled, CancelToken
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision

SIZE = (72, 96)
QUICK = Parameters().replace(
    **{
        "masks.parts": 100,
        "scc.epochs": 2,
        "scc.folds": 2,
        "scc.uncertainty_epochs": 1,
        "psa.min_region_area": 20,
        "device": "cpu",
    }
)


def scenes(count=6, seed=0):
    """Images of three boxes on a ground: flat, striped along and striped across; class = texture."""
    rng = np.random.default_rng(seed)
    stripes = np.indices(SIZE) % 6 < 3
    textures = [np.zeros(SIZE, bool), stripes[0], stripes[1]]
    found = []
    for _ in range(count):
        image, ids = np.full((*SIZE, 3), 120, np.uint8), np.zeros(SIZE, np.uint16)
        classes = rng.permutation(3)
        for k, kind in enumerate(classes):
            place = np.s_[20:60, 4 + 30 * k : 32 + 30 * k]
            image[place] = np.where(textures[kind][place][..., None], 200, 60)
            ids[place] = k + 1
        image = np.clip(image + rng.normal(0, 5, image.shape), 0, 255).astype(np.uint8)
        found.append((image, ids, classes))
    labels = np.concatenate([classes for *_, classes in found])
    return found, labels, np.repeat(np.arange(count), 3)


def images_of(found, limit=2**20):
    read = []

    def load(index):
        read.append(index)
        image, ids, classes = found[index]
        return image, ids, len(classes)

    return DecodedImages(load, limit), read


def run(found, labels, groups, **changes):
    settings = {"n_classes": 4, "steps": 3, **changes}
    return learnt_classes(images_of(found)[0], labels, groups, **settings)


def test_it_learns_textures_from_other_images_and_doubts_a_wrong_label():
    found, labels, groups = scenes(9)
    noisy = labels.copy()
    noisy[4] = (labels[4] + 1) % 3
    log_p = run(found, noisy, groups, steps=40)
    assert log_p.shape == (27, 4)
    assert log_p.dtype == np.float32
    assert (log_p.argmax(axis=1) == labels).mean() > 0.85
    assert log_p[4, noisy[4]] < log_p[4, labels[4]]


def test_an_image_teaches_nothing_about_itself():
    found, labels, groups = scenes(2)
    changed = labels.copy()
    changed[:3] = 3
    first, second = run(found, labels, groups), run(found, changed, groups)
    np.testing.assert_array_equal(first[:3], second[:3])
    assert not np.array_equal(first[3:], second[3:])


def test_same_seed_same_bits_and_nothing_global_moves():
    import torch

    found, labels, groups = scenes(3)
    torch.manual_seed(5)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        first = run(found, labels, groups)
        torch.set_num_threads(1)
        np.testing.assert_array_equal(first, run(found, labels, groups))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not np.array_equal(first, run(found, labels, groups, seed=1))


def test_a_small_cache_changes_nothing_but_how_often_images_are_decoded():
    found, labels, groups = scenes(4)
    plenty, often = images_of(found)
    scarce, rarely = images_of(found, limit=1)
    arguments = {"n_classes": 4, "steps": 3}
    np.testing.assert_array_equal(
        learnt_classes(plenty, labels, groups, **arguments),
        learnt_classes(scarce, labels, groups, **arguments),
    )
    assert sorted(often) == [0, 1, 2, 3]
    assert len(rarely) > 4


def test_the_cache_keeps_to_its_limit():
    found, *_ = scenes(4)
    one = decode(found[0][0], found[0][1], 3).nbytes
    images, read = images_of(found, limit=int(2.5 * one))
    for index in (0, 1, 0, 2, 0, 1):
        images[index]
    # 1 went when 2 came, 0 had been asked for since
    assert read == [0, 1, 2, 1]


def test_decoding_shrinks_and_keeps_every_region():
    image = np.random.default_rng(0).integers(0, 255, (500, 900, 3)).astype(np.uint8)
    ids = np.ones((500, 900), np.uint16)
    ids[250, 450] = 2
    small = decode(image, ids, 2)
    assert max(small.pixels.shape) == 384
    assert small.grid == (small.pixels.shape[0] // STRIDE, small.pixels.shape[1] // STRIDE)
    np.testing.assert_allclose(np.bincount(small.region, small.share), 1.0, rtol=1e-5)


def test_regions_of_weight_zero_do_not_teach():
    found, labels, groups = scenes(3)
    weight = np.ones(9)
    weight[4] = 0.0
    changed = labels.copy()
    changed[4] = 3
    results = [run(found, y, groups, sample_weight=weight) for y in (labels, changed)]
    np.testing.assert_array_equal(*results)
    assert (run(found, labels, groups, sample_weight=np.zeros(9)) == -np.log(4, dtype=np.float32)).all()


@pytest.mark.parametrize(("count", "regions"), [(1, 3), (1, 0)])
def test_a_single_image_learns_nothing(count, regions):
    found, labels, groups = scenes(count)
    log_p = run(found, labels[:regions], groups[:regions])
    np.testing.assert_allclose(log_p, np.full((regions, 4), -np.log(4)), rtol=1e-6)


def test_progress_and_cancel():
    found, labels, groups = scenes(3)
    token, events = CancelToken(), []

    def note(event):
        events.append((event.stage, event.done, event.total))
        if event.done == 2:
            token.cancel()

    with pytest.raises(Cancelled):
        run(found, labels, groups, progress=note, cancel=token)
    assert events == [("cnn", 1, 3), ("cnn", 2, 3)]


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0},
        {"n_classes": 2},
        {"groups": np.array([0, 0, 0, 2, 2, 2, 1, 1, 1])},
        {"labels": np.zeros(4, int)},
        {"sample_weight": np.full(9, -1.0)},
    ],
)
def test_bad_input_is_a_parameter_error(change):
    found, labels, groups = scenes(3)
    values = {"found": found, "labels": labels, "groups": groups, **change}
    with pytest.raises(ParameterError):
        run(**values)


@pytest.mark.filterwarnings("ignore:No region is called noisy")
def test_the_pipeline_learns_once_and_puts_it_beside_the_descriptor(project_path, monkeypatch):
    monkeypatch.setattr("seco_core.encoders.cnn.STEPS", 2)
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        before = project.regions()
    learning = QUICK.replace(**{"scc.encoder": "cnn"})
    stages = []
    for _ in range(2):
        run_pipeline(project_path, learning, progress=lambda event: stages.append(event.stage))
    assert stages.count("cnn") == 2  # both steps of the first run, none of the second
    with Project.open(project_path) as project:
        after = project.regions()
        learnt = np.concatenate([project.read_raster(i, "learnt") for i in range(3)])
    assert learnt.shape == (len(after), 19)
    assert (learnt.std(axis=0) > 0).any()
    np.testing.assert_array_equal(before.box, after.box)
    assert not np.array_equal(before.loss, after.loss)
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        assert project.read_raster(0, "learnt") is None
        np.testing.assert_array_equal(project.regions().loss, before.loss)


@pytest.mark.filterwarnings("ignore:No region is called noisy")
def test_teaching_goes_on_with_what_was_learnt(project_path, monkeypatch):
    monkeypatch.setattr("seco_core.encoders.cnn.STEPS", 2)
    learning = QUICK.replace(**{"scc.encoder": "cnn"})
    run_pipeline(project_path, learning)
    with Project.open(project_path) as project:
        regions = project.regions()
        x0, y0, x1, y1 = regions.box[0].tolist()
        mask = project.read_region_ids(0)[y0:y1, x0:x1] == 1
        project.overrides.record(
            [Decision(Action.ACCEPT, 0, int(regions.class_id[0]), (x0, y0, x1, y1), mask)]
        )
    stages = set()
    result = teach(project_path, learning, progress=lambda event: stages.add(event.stage))
    assert result.taught == 1
    assert {"scc", "noise"} <= stages
    assert "cnn" not in stages
