"""Evidence about regions and the noise score made of it."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from seco_core.errors import ParameterError
from seco_core.metrics import auroc, reliability
from seco_core.pipeline import run_pipeline
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_core.regions import quantile_in_regions
from seco_core.scc.evidence import class_mean, disagreement, normal_ranks, surroundings
from seco_core.scc.label_quality import label_quality
from seco_core.scc.noise import (
    AS_IT_IS,
    EVIDENCE,
    NOT_OF_A_NETWORK,
    OF_CONFIDENCE,
    OF_LEARNING,
    noise_score,
    shipped_weights,
)
from tests.conftest import QUICK

PROFILES = ("default", "paper", "seco-v1", "seco-v2")


def random_evidence(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.random(n).astype(np.float32) for name in EVIDENCE}


def test_shipped_weights_cover_the_evidence_and_are_never_negative():
    for with_confidence, learnt in itertools.product((True, False), repeat=2):
        found = shipped_weights(with_confidence, learnt).weights
        left_out = NOT_OF_A_NETWORK if with_confidence else OF_CONFIDENCE
        left_out |= frozenset() if learnt else OF_LEARNING
        assert set(found) == set(EVIDENCE) - left_out
        weights = found.values()
        assert min(weights) >= 0
        assert max(weights) > 0


def test_weights_are_those_of_the_regions_profile():
    evidence = random_evidence(40)
    del evidence["seen"]
    for with_confidence in (True, False):
        of_all = {tuple(shipped_weights(with_confidence, profile=p).weights.items()) for p in PROFILES}
        assert len(of_all) == len(PROFILES)
    expected = noise_score(evidence, shipped_weights(True, profile="paper"))
    np.testing.assert_array_equal(noise_score(evidence, profile="paper"), expected)
    assert not np.array_equal(noise_score(evidence), expected)
    assert shipped_weights(True, True, "paper") == shipped_weights(True, True), "not fitted: stands in"


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(EVIDENCE), st.integers(0, 29), st.integers(0, 99))
def test_more_doubt_never_lowers_a_regions_score(name, row, seed):
    evidence = random_evidence(30, seed)
    before = noise_score(evidence)
    evidence[name] = evidence[name].copy()
    evidence[name][row] += 0.5
    after = noise_score(evidence)
    assert after[row] >= before[row]
    assert 0 <= after.min() <= after.max() <= 1


def test_scale_of_evidence_does_not_matter_but_mean_doubt_sets_the_level():
    evidence = random_evidence(50)
    stretched = {
        name: values if name in AS_IT_IS else np.exp(5 * values) for name, values in evidence.items()
    }
    stretched["doubt"] = evidence["doubt"]
    np.testing.assert_allclose(noise_score(stretched), noise_score(evidence), atol=1e-6)
    surer = noise_score({**evidence, "doubt": 0.2 * evidence["doubt"]})
    assert (surer < noise_score(evidence)).all()


def test_missing_evidence_counts_as_the_median():
    evidence = random_evidence(40)
    unknown = np.full(40, np.nan, dtype=np.float32)
    without = {**evidence, **dict.fromkeys(OF_CONFIDENCE, unknown)}
    expected = noise_score({k: v for k, v in evidence.items() if k not in OF_CONFIDENCE})
    np.testing.assert_array_equal(noise_score(without), expected)
    assert np.isfinite(noise_score(dict.fromkeys(EVIDENCE, unknown))).all()
    assert noise_score({name: np.zeros(0) for name in EVIDENCE}).shape == (0,)


def test_evidence_on_a_scale_of_its_own_keeps_it():
    evidence, weights = random_evidence(41), shipped_weights(False)
    moved = {**evidence, "kin": evidence["kin"] + 2}
    assert (noise_score(moved, weights) > noise_score(evidence, weights)).all()
    unknown = {**evidence, "kin": evidence["kin"].copy()}
    unknown["kin"][7] = np.nan
    mean = np.delete(evidence["kin"], 7).mean()
    expected = {**evidence, "kin": np.where(np.isnan(unknown["kin"]), mean, evidence["kin"])}
    np.testing.assert_allclose(noise_score(unknown, weights), noise_score(expected, weights), atol=1e-6)


def test_several_weak_witnesses_beat_each_of_them():
    rng = np.random.default_rng(1)
    wrong = rng.random(2000) < 0.3
    evidence = {name: wrong + 1.5 * rng.standard_normal(2000) for name in EVIDENCE}
    fused = auroc(noise_score(evidence), wrong)
    assert fused > max(auroc(values, wrong) for values in evidence.values()) + 0.05


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), max_size=40))
def test_normal_ranks_keep_order_and_mirror(values):
    values = np.array(values)
    ranks = normal_ranks(values)
    known = ~np.isnan(values)
    assert (ranks[~known] == 0).all()
    np.testing.assert_allclose(normal_ranks(-values), -ranks, atol=1e-9)
    order = np.argsort(values[known], kind="stable")
    assert (np.diff(ranks[known][order]) >= 0).all()


def test_weights_are_those_of_what_is_known():
    evidence = random_evidence(40)
    unknown = np.full(40, np.nan, dtype=np.float32)
    plain = {k: v for k, v in evidence.items() if k not in OF_LEARNING}
    np.testing.assert_array_equal(
        noise_score({**evidence, "seen": unknown}), noise_score(plain, shipped_weights(True))
    )
    np.testing.assert_array_equal(noise_score(evidence), noise_score(evidence, shipped_weights(True, True)))
    assert not np.array_equal(noise_score(evidence), noise_score(plain))


def test_disagreement_is_a_share_of_the_links():
    links = sparse.csr_matrix(np.array([[0, 1, 3, 0], [1, 0, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0]], np.float32))
    found = disagreement(links, np.array([5, 6, 5, 5], np.uint8))
    np.testing.assert_allclose(found, [0.25, 1.0, 0.0, np.nan])


def test_an_island_is_enclosed_and_small():
    # 0 is an island in 1; 1 also touches 2 and 3, of one class
    pairs, contact = np.array([[0, 1], [1, 2], [1, 3]]), np.array([8, 3, 5])
    class_id, area = np.array([0, 1, 2, 2], np.uint8), np.array([10, 1000, 100, 100])
    enclosure, smallness = surroundings(pairs, contact, class_id, area)
    np.testing.assert_allclose(enclosure, [1.0, 0.5, 1.0, 1.0])
    np.testing.assert_allclose(smallness[[0, 2]], np.log([100.0, 10.0]), rtol=1e-5)
    assert smallness[1] < 0
    alone = surroundings(np.zeros((0, 2), int), np.zeros(0), class_id[:1], area[:1])
    assert np.isnan(alone).all()


def test_class_mean_leaves_out_what_is_unknown():
    found = class_mean(np.array([0.2, np.nan, 0.4, 0.9]), np.array([3, 3, 3, 255], np.uint8))
    np.testing.assert_allclose(found, [0.3, 0.3, 0.3, 0.9], rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.floats(0, 1))
def test_quantile_in_regions_is_numpys(seed, share):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 5, (6, 7)).astype(np.uint16)
    values = (rng.integers(0, 1024, (6, 7)) / 1023).astype(np.float32)
    found = quantile_in_regions(ids, 5, values, share)
    for i in range(5):
        inside = values[ids == i + 1]
        expected = np.quantile(inside, share, method="lower") if inside.size else np.nan
        np.testing.assert_allclose(found[i], expected, atol=1e-6)


def test_reliability_of_a_calibrated_score_and_of_a_boastful_one():
    rng = np.random.default_rng(0)
    p = rng.random(20000)
    wrong = rng.random(20000) < p
    assert reliability(p, wrong).error < 0.02
    assert reliability(p**0.25, wrong).error > 0.25
    assert np.isnan(reliability(np.zeros(0), np.zeros(0, bool)).error)
    assert reliability(p, wrong).regions.sum() == 20000


def test_cleanlab_finds_flipped_labels():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 200)
    p = np.full((200, 3), 0.1, np.float32)
    p[np.arange(200), truth] = 0.8
    flipped = rng.random(200) < 0.2
    quality = label_quality(np.where(flipped, (truth + 1) % 3, truth).astype(np.uint8), p)
    assert auroc(1 - quality, flipped) == 1.0
    assert label_quality(np.zeros(0, np.uint8), np.zeros((0, 3))).shape == (0,)


def test_without_cleanlab_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab.rank", None)
    with pytest.raises(ParameterError, match=r"pip install seco-viewer\[cleanlab\]"):
        label_quality(np.zeros(1, np.uint8), np.ones((1, 1)))


def test_the_stage_stores_parts_and_score(project_path: Path):
    run_pipeline(project_path, QUICK.replace(**{"scc.cleanlab": True}))
    with Project.open(project_path) as project:
        fused = project.regions()
        assert np.isfinite(fused.eta).all()
        assert not np.array_equal(fused.eta, fused.noise_score)
        assert np.isfinite(fused.label_quality).all()
        graph = project.graph()
        np.testing.assert_allclose(fused.disagreement, disagreement(graph, fused.class_id), rtol=1e-6)
    run_pipeline(project_path, QUICK.replace(**{"scc.score": "loss"}))
    with Project.open(project_path) as project:
        loss = project.regions()
    np.testing.assert_array_equal(loss.noise_score, fused.eta)
    np.testing.assert_array_equal(loss.eta, fused.eta)
    assert np.isnan(loss.label_quality).all()


def test_of_a_reviewed_region_the_score_is_stored_as_the_machine_sees_it(project_path: Path):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        regions = project.regions()
        row = int(np.argmax(regions.noise_score))
        image_id = int(regions.image_id[row])
        mask = project.read_region_ids(image_id) == row - regions.rows_of(image_id).start + 1
        x0, y0, x1, y1 = regions.box[row].tolist()
        decided = Decision(
            Action.ACCEPT, image_id, int(regions.class_id[row]), (x0, y0, x1, y1), mask[y0:y1, x0:x1]
        )
        project.overrides.record([decided])
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        after = project.regions()
    # what counts is `Feedback.noise`, which is 0 as long as the decision stands
    assert (after.noise_score > 0).all()
