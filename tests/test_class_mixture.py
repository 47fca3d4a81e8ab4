"""Loss mixtures within classes."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from test_pipeline import QUICK

from seco_core.metrics import auroc
from seco_core.pipeline import run_pipeline, scoring
from seco_core.project import Project
from seco_core.report import gather, write_report
from seco_core.scc.class_mixture import ClassMixtures, fit_class_mixtures
from seco_core.scc.mixture import LossMixture, fit_mixture


def losses(sizes, hard, seed=0):
    """Losses of classes that differ in how hard they are, a fifth of each class noisy."""
    rng = np.random.default_rng(seed)
    class_id = np.repeat(np.arange(len(sizes)), sizes).astype(np.uint8)
    noisy = rng.random(len(class_id)) < 0.2
    loss = np.array(hard)[class_id] + np.where(noisy, 1.5, 0.2) + rng.normal(0, 0.15, len(class_id))
    return loss, class_id, noisy


def test_a_hard_class_is_judged_among_its_own():
    loss, class_id, noisy = losses([600, 600], [0.0, 1.2])
    mixtures = fit_class_mixtures(loss, class_id)
    eta = mixtures.eta(loss, class_id)
    assert eta.dtype == np.float32
    assert auroc(eta, noisy) > 0.99
    assert auroc(eta, noisy) > auroc(fit_mixture(loss).eta(loss), noisy) + 0.05
    np.testing.assert_allclose(mixtures.own[1].means - mixtures.own[0].means, 1.2, atol=0.15)


def test_a_rare_class_leans_on_all_and_a_frequent_one_on_itself():
    loss, class_id, _ = losses([2000, 3], [0.0, 0.4])
    mixtures = fit_class_mixtures(loss, class_id)
    np.testing.assert_allclose(mixtures.own[1].means, mixtures.overall.means, atol=0.1)
    alone = fit_mixture(loss[class_id == 0])
    np.testing.assert_allclose(mixtures.own[0].means, alone.means, atol=0.02)
    np.testing.assert_allclose(mixtures.own[0].weights, alone.weights, atol=0.02)


def test_a_class_unseen_has_the_mixture_of_all():
    loss, class_id, _ = losses([300, 300], [0.0, 0.5])
    mixtures = fit_class_mixtures(loss, class_id)
    asked = np.linspace(0, 3, 20)
    np.testing.assert_array_equal(mixtures.eta(asked, np.full(20, 7, np.uint8)), mixtures.overall.eta(asked))


@pytest.mark.filterwarnings("ignore:No region is called noisy")
def test_the_pipeline_and_the_report_judge_each_class_by_itself(project_path, monkeypatch):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        together = project.regions()
        assert gather(project).class_mixtures is None
    strict, lax = (
        LossMixture(np.array([0.0, at]), np.ones(2), np.full(2, 0.5), one_sided=False, low=0.0, high=9.0)
        for at in (2.0, 8.0)
    )
    known = ClassMixtures(strict, {2: lax})
    # seco_core.report.gather is the function, not the module of that name
    for module in (scoring, sys.modules["seco_core.report.gather"]):
        monkeypatch.setattr(module, "fit_class_mixtures", lambda *_, seed: known)
    run_pipeline(project_path, QUICK.replace(**{"scc.mixture": "class"}))
    with Project.open(project_path) as project:
        apart, data = project.regions(), gather(project)
        write_report(project, project_path / "report")
    np.testing.assert_array_equal(apart.loss, together.loss)
    expected = np.where(apart.class_id == 2, lax.eta(apart.loss), strict.eta(apart.loss))
    assert 0 < (apart.class_id == 2).sum() < len(apart)
    np.testing.assert_array_equal(apart.eta, expected)
    assert (data.class_mixtures.of(2), data.class_mixtures.of(0)) == (lax, strict)


def test_a_class_without_two_populations_warns_and_falls_back():
    loss, class_id, _ = losses([500, 500], [0.0, 0.0])
    rng = np.random.default_rng(1)
    loss[class_id == 1] = 0.2 + rng.normal(0, 0.01, 500)
    class_id = np.append(class_id, np.full(4500, 1, np.uint8))
    loss = np.append(loss, 0.2 + rng.normal(0, 0.01, 4500))
    with pytest.warns(UserWarning, match="losses of class 1 do not fall"):
        mixtures = fit_class_mixtures(loss, class_id)
    assert list(mixtures.own) == [0]


def test_losses_all_alike_fall_back_for_every_class():
    with pytest.warns(UserWarning, match="No region is called noisy"):
        mixtures = fit_class_mixtures(np.full(40, 0.3), np.arange(40) % 3)
    assert mixtures.own == {}
    assert (mixtures.eta(np.full(3, 0.3), np.arange(3)) <= 0.5).all()


def test_eta_never_falls_as_loss_rises_within_a_class():
    loss, class_id, _ = losses([200, 40, 6], [0.0, 0.7, 2.0])
    mixtures = fit_class_mixtures(loss, class_id)
    x = np.linspace(-1, 6, 500)
    for class_index in range(3):
        assert (np.diff(mixtures.eta(x, np.full(500, class_index))) >= 0).all()
