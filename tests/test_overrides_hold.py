"""What a person decided holds, whatever is run, taught, undone, redone and opened again afterwards.

``SECO_SEQUENCES=1000`` tries so many sequences instead of a few.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seco_core.pipeline.image_work as image_work
import seco_core.pipeline.scoring as scoring
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline, teach
from seco_core.progress import Cancelled, CancelToken
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_core.refine import conflicts, paint_overrides
from seco_core.scc.graph_vae import GraphUncertainty
from seco_core.scc.loss import CrossFit
from seco_core.scheme import load_scheme
from tests.conftest import write_dataset

SHAPE = (24, 32)
IMAGES = 2
PARAMETERS = Parameters().replace(
    **{"masks.parts": 12, "scc.folds": 2, "device": "cpu", "workers": 1, "graph.neighbours": 2}
)


def any_class_map(pseudo_label, confidence, masks, scheme, psa):
    """In place of PSA: blocks of classes that have nothing to do with the image."""
    rng = np.random.default_rng(psa.min_region_area)
    height, width = pseudo_label.shape
    blocks = rng.choice(np.array([0, 2, 8, 10, 255], np.uint8), (4, 4))
    return np.kron(blocks, np.ones((height // 4, width // 4), np.uint8))


def any_fit(*arguments, asked, n_classes, seed, **_):
    """In place of training: any losses and probabilities."""
    rng = np.random.default_rng(seed)
    n = len(asked)
    probabilities = rng.dirichlet(np.full(n_classes, 0.02), n).astype(np.float32) + np.float32(1e-6)
    fold = np.arange(n) % 2
    return CrossFit(rng.gamma(2.0, 1.0, n).astype(np.float32), probabilities, fold, True, {})


def any_uncertainty(features, adjacency, labels, groups, *, seed, **_):
    """In place of the graph VAE."""
    u = np.random.default_rng(seed).random((4, len(labels))).astype(np.float32)
    return GraphUncertainty(u[0], u[1], u[2], u[3], {"fold": np.zeros(len(labels), np.int64)})


class Stack:
    """What a plain stack of decisions would leave, against a project that lives through everything."""

    def __init__(self, path: Path):
        self.path = path
        self.project = Project.open(self.path)
        self.parameters = PARAMETERS
        self.done: list[list[Decision]] = []
        self.undone: list[list[Decision]] = []

    def decide(self, *decisions: Decision) -> None:
        self.project.overrides.record(decisions)
        self.done.append(list(decisions))
        self.undone.clear()

    def undo(self) -> None:
        self.project.overrides.undo()
        if self.done:
            self.undone.append(self.done.pop())

    def redo(self) -> None:
        self.project.overrides.redo()
        if self.undone:
            self.done.append(self.undone.pop())

    def run(self, area: int, tau: float, seed: int, stop_at: str) -> None:
        self.parameters = PARAMETERS.replace(
            **{"psa.min_region_area": area, "scc.tau_ns": tau, "seed": seed, "scc.class_share": 0.0}
        )
        cancel = CancelToken()
        try:
            run_pipeline(
                self.path,
                self.parameters,
                progress=lambda e: cancel.cancel() if e.stage == stop_at else None,
                cancel=cancel,
            )
        except Cancelled:
            assert stop_at

    def teach(self) -> None:
        stages = [row[0] for row in self.project.connection.execute("SELECT stage FROM project_ledger")]
        if "refine" in stages:
            teach(self.path, self.parameters)

    def reopen(self) -> None:
        self.project.close()
        self.project = Project.open(self.path)

    def check(self) -> None:
        nothing = np.full(SHAPE, 255, dtype=np.uint8)
        for image_id in range(IMAGES):
            if self.project.images[image_id].shape is None:
                self.project.refresh_images()
                if self.project.images[image_id].shape is None:
                    continue
            decisions = [d for batch in self.done for d in batch if d.image_id == image_id]
            expected = paint_overrides(nothing, decisions)
            covered = paint_overrides(np.zeros(SHAPE, np.uint8), [_ones(d) for d in decisions]) > 0
            for state in ("all", "clean", "reviewed"):
                curated = self.project.curated(image_id, state)
                np.testing.assert_array_equal(curated[covered], expected[covered])
            np.testing.assert_array_equal(curated, np.where(covered, expected, 255))


def _ones(decision: Decision) -> Decision:
    return Decision(Action.DRAW, decision.image_id, 1, decision.box, decision.mask)


@contextmanager
def faked_models() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        patch.setattr(image_work, "aggregate", any_class_map)
        patch.setattr(scoring, "cross_fit", any_fit)
        patch.setattr(scoring, "graph_uncertainty", any_uncertainty)
        yield


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    y, x = draw(st.integers(0, SHAPE[0] - 1)), draw(st.integers(0, SHAPE[1] - 1))
    y1, x1 = min(y + draw(st.integers(1, 12)), SHAPE[0]), min(x + draw(st.integers(1, 12)), SHAPE[1])
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    mask = rng.random((y1 - y, x1 - x)) < draw(st.sampled_from([0.3, 1.0]))
    mask[0, 0] = True
    class_id = draw(st.sampled_from([0, 2, 5, 11, 255]))
    action = Action.IGNORE if class_id == 255 else draw(st.sampled_from([Action.RELABEL, Action.DRAW]))
    return Decision(action, draw(st.integers(0, IMAGES - 1)), class_id, (x, y, x1, y1), mask)


steps = st.one_of(
    st.tuples(st.just("decide"), decisions()),
    st.tuples(st.just("decide"), decisions(), decisions()),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
    st.tuples(
        st.just("run"),
        st.sampled_from([1, 7, 30]),
        st.sampled_from([0.0, 0.6, 1.0]),
        st.integers(0, 2),
        st.sampled_from(["", "", "psa", "scc", "graph", "refine"]),
    ),
    st.tuples(st.just("teach")),
    st.tuples(st.just("reopen")),
)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after its first run; every sequence begins with a copy of it."""
    folder = tmp_path_factory.mktemp("hold")
    dataset = write_dataset(folder / "data", IMAGES, SHAPE)
    Project.create(folder / "project", load_scheme("cityscapes19"), dataset).close()
    with faked_models():
        run_pipeline(folder / "project", PARAMETERS)
    return folder / "project"


@given(st.lists(steps, min_size=4, max_size=14))
@settings(
    max_examples=int(os.environ.get("SECO_SEQUENCES", "12")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_overridden_pixel_is_as_decided(scored, sequence):
    with tempfile.TemporaryDirectory() as folder, faked_models():
        stack = Stack(Path(shutil.copytree(scored, Path(folder) / "project")))
        for name, *arguments in sequence:
            getattr(stack, name)(*arguments)
            stack.check()
        stack.project.close()


def test_conflicts_are_where_an_override_cuts_through_a_region_of_another_class():
    region_ids = np.zeros((4, 6), dtype=np.uint16)
    region_ids[:, :3], region_ids[:, 3:5] = 1, 2
    labels = np.array([7, 8], dtype=np.uint8)
    half = Decision(Action.DRAW, 0, 9, (2, 0, 6, 2), np.ones((2, 4), bool))
    expected = np.zeros((4, 6), dtype=bool)
    expected[:2, 2:5] = True  # column 5 has no region
    np.testing.assert_array_equal(conflicts(region_ids, labels, [half]), expected)
    agreeing = Decision(Action.DRAW, 0, 8, (2, 0, 6, 2), np.ones((2, 4), bool))
    expected[:, 3:] = False
    np.testing.assert_array_equal(conflicts(region_ids, labels, [agreeing]), expected)
    whole = Decision(Action.RELABEL, 0, 9, (3, 0, 5, 4), np.ones((4, 2), bool))
    assert not conflicts(region_ids, labels, [whole]).any()
    assert not conflicts(region_ids, labels, []).any()


@given(st.lists(decisions(), max_size=5), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_conflicts_lie_in_cut_regions_only(found, seed):
    rng = np.random.default_rng(seed)
    region_ids = np.kron(rng.permutation(12).reshape(3, 4), np.ones((8, 8), int)).astype(np.uint16)
    labels = rng.choice(np.array([0, 2, 5], np.uint8), 11)
    mask = conflicts(region_ids, labels, found)
    covered = paint_overrides(np.zeros(SHAPE, np.uint8), [_ones(d) for d in found]) > 0
    for i in range(12):
        region = region_ids == i
        if i == 0 or covered[region].all() or not covered[region].any():
            assert not mask[region].any()
    assert not (mask & ~covered).any()
