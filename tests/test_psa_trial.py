from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.common import store_digest
from seco_core.errors import ImageFileError, WeightsError
from seco_core.masks.base import MaskSet
from seco_core.parameters import Parameters, PsaParameters
from seco_core.pipeline import run_pipeline, try_psa
from seco_core.progress import Cancelled, CancelToken
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_core.psa import aggregate, prompts_of
from seco_core.scheme import load_scheme

SCHEME = load_scheme("cityscapes19")
POLE, CAR = 5, 13
PROFILES = ("default", "paper", "seco-v1", "seco-v2")
QUICK = Parameters().replace(
    **{"masks.parts": 100, "scc.epochs": 2, "scc.folds": 2, "psa.min_region_area": 20, "device": "cpu"}
)


class Asked:
    """No automatic masks, and empty answers to prompts that are written down."""

    def __init__(self, shape: tuple[int, int]):
        self.shape, self.prompts = shape, []

    def proposals(self) -> MaskSet:
        return MaskSet(self.shape, np.zeros((0, 4), dtype=np.int32), ())

    def answer(self, prompts) -> MaskSet:
        self.prompts += prompts
        empty = (np.zeros((0, 0), dtype=bool),) * len(prompts)
        return MaskSet(self.shape, np.zeros((len(prompts), 4), dtype=np.int32), empty)


@pytest.mark.parametrize("profile", PROFILES)
def test_prompts_of_are_those_that_aggregate_asks(profile: str):
    rng = np.random.default_rng(0)
    label = np.zeros((90, 120), dtype=np.uint8)
    label[10:40, 20:24], label[50:80, 30:90], label[60:70, 100:110] = POLE, CAR, CAR
    label[rng.random(label.shape) < 0.1] = 255
    label[0, 0] = 77  # an id that the scheme does not have
    confidence = rng.random(label.shape)
    parameters = PsaParameters(profile=profile)
    asked = Asked(label.shape)
    aggregate(label, confidence, asked, SCHEME, parameters)
    found = prompts_of(label, confidence, SCHEME, parameters)
    assert len(found) >= 1
    assert [p.prompt.box for p in found] == [p.box for p in asked.prompts]
    for one, other in zip(found, asked.prompts, strict=True):
        np.testing.assert_array_equal(one.prompt.points, other.points)
    assert {p.class_id for p in found} <= {POLE, CAR}


@pytest.fixture
def run_path(project_path: Path) -> Path:
    run_pipeline(project_path, QUICK)
    return project_path


def test_the_projects_own_parameters_change_nothing_and_nothing_is_stored(project_path: Path):
    mask = np.zeros((9, 7), dtype=bool)
    mask[1:8, 2:6] = True
    with Project.open(project_path) as project:  # its border cuts regions
        project.overrides.record([Decision(Action.RELABEL, 1, CAR, (30, 20, 37, 29), mask, None)])
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        stored, n_regions = project.read_psa(1), len(project.regions(1))
    assert n_regions >= 4
    before = store_digest(project_path)
    trial = try_psa(project_path, 1, QUICK)
    assert store_digest(project_path) == before
    np.testing.assert_array_equal(trial.class_map, stored)
    assert trial.stored
    assert not trial.changed.any()
    assert trial.regions == trial.regions_before == n_regions
    assert len(trial.proposals) >= 100


@pytest.mark.parametrize("profile", ["paper", "seco-v1", "seco-v2"])
def test_a_trial_is_what_a_run_with_these_parameters_stores(run_path: Path, profile: str):
    other = QUICK.replace(**{"psa.profile": profile, "masks.parts": 60})
    trial = try_psa(run_path, 0, other)
    with Project.open(run_path) as project:
        np.testing.assert_array_equal(trial.before, project.read_psa(0))
        assert trial.changed.any() == (not np.array_equal(trial.class_map, trial.before))
        run_pipeline(run_path, other)
        np.testing.assert_array_equal(trial.class_map, project.read_psa(0))


def test_what_people_have_decided_does_not_change(run_path: Path):
    other = QUICK.replace(**{"psa.profile": "seco-v1", "masks.parts": 60})
    trial = try_psa(run_path, 0, other)
    rows, columns = np.nonzero(trial.changed)
    half = np.zeros_like(trial.changed)
    half[rows[::2], columns[::2]] = True
    height, width = half.shape
    with Project.open(run_path) as project:
        project.overrides.record([Decision(Action.IGNORE, 0, None, (0, 0, width, height), half, None)])
    again = try_psa(run_path, 0, other)
    np.testing.assert_array_equal(again.decided, half)
    np.testing.assert_array_equal(again.changed, trial.changed & ~half)
    assert again.changed.any()


def test_without_a_stored_map_it_is_compared_with_the_pseudo_label(project_path: Path):
    trial = try_psa(project_path, 2, QUICK)
    assert not trial.stored
    with Project.open(project_path) as project:
        np.testing.assert_array_equal(trial.before, project.read_pseudo_label(2, trial.before.shape))
        assert project.read_psa(2) is None


def test_errors_and_cancelling(project_path: Path):
    sam = QUICK.replace(**{"masks.source": "sam", "masks.checkpoint": "/nowhere/weights.pth"})
    with pytest.raises(WeightsError):
        try_psa(project_path, 0, sam)

    token, seen = CancelToken(), []

    def stop_at_the_second(event) -> None:
        seen.append(event.done)
        if len(seen) == 2:
            token.cancel()

    with pytest.raises(Cancelled):
        try_psa(project_path, 0, QUICK, progress=stop_at_the_second, cancel=token)
    assert seen == [0, 1]

    with Project.open(project_path) as project:
        project.images[0].image.write_bytes(b"no image")
    with pytest.raises(ImageFileError, match="frame_0"):
        try_psa(project_path, 0, QUICK)
