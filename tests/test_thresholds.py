from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_pipeline import QUICK

from benchmarks.common import store_digest
from seco_core.errors import ProjectError
from seco_core.pipeline import apply_thresholds, run_pipeline
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_core.scc.correction import Verdict
from seco_core.scc.mixture import fit_mixture
from seco_core.scc.verdicts import loss_at, verdicts


def accept_a_region(path: Path) -> None:
    with Project.open(path) as project:
        box = tuple(project.regions(0).box[0].tolist())
        x0, y0, x1, y1 = box
        mask = project.read_region_ids(0)[y0:y1, x0:x1] == 1
        project.overrides.record([Decision(Action.ACCEPT, 0, 10, box, mask, 1)])


def test_other_thresholds_change_only_verdicts_and_a_run_agrees(project_path: Path):
    run_pipeline(project_path, QUICK)
    accept_a_region(project_path)
    with Project.open(project_path) as project:
        before = project.regions()
    strict = QUICK.replace(**{"scc.tau_ns": 0.0, "scc.class_share": 0.0, "scc.tau_cr": 1.0})
    apply_thresholds(project_path, strict)
    with Project.open(project_path) as project:
        after = project.regions()
        assert project.runs()[-1].parameters == strict
        assert project.runs()[-1].status == "finished"
        assert (project.curated(0)[project.read_region_ids(0) == 1] == 10).all(), "the decision lies on top"
    np.testing.assert_array_equal(before.loss, after.loss)
    expected = np.where(before.noise_score > 0, Verdict.DROP, Verdict.KEEP)
    np.testing.assert_array_equal(after.verdict, expected)
    assert (after.verdict != before.verdict).any()


def test_run_with_the_same_thresholds_finds_the_verdicts_up_to_date(project_path: Path):
    run_pipeline(project_path, QUICK)
    other = QUICK.replace(**{"scc.tau_ns": 0.1})
    apply_thresholds(project_path, other)
    # the ledger says which run did what, and `apply_thresholds` is one
    stored = store_digest(project_path, ("runs",))
    run_pipeline(project_path, other)
    assert store_digest(project_path, ("runs",)) == stored


def test_no_scores_no_verdicts(project_path: Path):
    with pytest.raises(ProjectError, match="no scores"):
        apply_thresholds(project_path, QUICK)
    with Project.open(project_path) as project:
        assert project.runs() == []


def test_method_decides_which_score_counts():
    scc = QUICK.replace(**{"scc.class_share": 0.0, "scc.certain_share": 0.5}).scc
    score, doubt = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    given = (np.zeros(2, np.uint8), score, score, doubt, np.full((2, 2), 0.5))
    assert verdicts(scc, *given).tolist() == [Verdict.DROP, Verdict.KEEP]
    scc = QUICK.replace(**{"scc.method": "uncertainty", "scc.certain_share": 0.5}).scc
    assert verdicts(scc, *given).tolist() == [Verdict.KEEP, Verdict.DROP]


def test_loss_at_is_where_the_posterior_crosses():
    rng = np.random.default_rng(0)
    mixture = fit_mixture(np.concatenate([rng.normal(0.3, 0.1, 500), rng.normal(3, 0.5, 100)]))
    for eta in (0.1, 0.6, 0.95):
        at = loss_at(mixture, eta)
        assert mixture.eta(np.array([at - 1e-4]))[0] <= eta < mixture.eta(np.array([at + 1e-4]))[0]
    with pytest.warns(UserWarning, match="alike"):
        flat = fit_mixture(np.ones(10))
    assert np.isnan(loss_at(flat, 0.6))
