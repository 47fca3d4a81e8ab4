from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seco_core.errors import ParameterError
from seco_core.feedback.calibrate import Calibration, fit_calibration, log_odds
from seco_core.feedback.distributions import (
    ClassDistributions,
    embed,
    fuse,
    machine_prior,
    verified_scores,
)
from seco_core.feedback.lessons import learn_from_reviews
from seco_core.metrics import auroc


def scene(seed: int = 0, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of three classes, true classes, and labels of which a third are wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    features = rng.normal(0, 1.0, (n, 8)) + np.eye(3, 8)[truth] * 4
    return features, truth, np.where(rng.random(n) < 0.33, (truth + 1) % 3, truth)


lessons = st.lists(st.tuples(st.integers(0, 59), st.integers(0, 2)), max_size=40)


@given(lessons, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_what_is_removed_leaves_no_trace(taught, random):
    features, truth, _ = scene(n=60)
    embeddings = embed(features)
    prior = machine_prior(embeddings, truth, 3)
    classes, untouched = ClassDistributions(prior), ClassDistributions(prior)
    untouched.add(embeddings[:5], truth[:5])
    classes.add(embeddings[:5], truth[:5])
    for row, class_id in taught:
        classes.add(embeddings[[row]], np.array([class_id]))
    random.shuffle(taught)
    for row, class_id in taught:
        classes.remove(embeddings[[row]], np.array([class_id]))
    for name in ("count", "total", "square"):
        np.testing.assert_array_equal(getattr(classes, name), getattr(untouched, name))
    np.testing.assert_array_equal(classes.log_density(embeddings), untouched.log_density(embeddings))


def test_leaving_one_out_is_removing_it():
    features, truth, labels = scene()
    embeddings = embed(features)
    classes = ClassDistributions(machine_prior(embeddings, labels, 3))
    classes.add(embeddings[:20], truth[:20])
    verified = np.where(np.arange(300) < 20, truth, -1)
    left_out = classes.log_density(embeddings, verified)
    for row in (0, 7, 19):
        classes.remove(embeddings[[row]], truth[[row]])
        expected = classes.log_density(embeddings[[row]])[0]
        assert left_out[row, truth[row]] == pytest.approx(expected[truth[row]], abs=1e-12)
        classes.add(embeddings[[row]], truth[[row]])
    np.testing.assert_array_equal(left_out[20:], classes.log_density(embeddings)[20:])


def test_removing_what_was_never_added_is_refused():
    embeddings = embed(scene()[0])
    classes = ClassDistributions(machine_prior(embeddings, np.zeros(300, int), 3))
    with pytest.raises(ParameterError, match="fewer verified"):
        classes.remove(embeddings[:1], np.array([1]))


def test_density_is_that_of_the_samples_where_there_are_many():
    rng = np.random.default_rng(0)
    embeddings = np.rint(rng.normal(1.0, 0.5, (4000, 1)) * 4096).astype(np.int64)
    classes = ClassDistributions(machine_prior(np.zeros((4, 1), np.int64), np.zeros(4, int), 1))
    classes.add(embeddings, np.zeros(4000, int))
    at = np.rint(np.array([[1.0], [2.0]]) * 4096).astype(np.int64)
    expected = -0.5 * ((np.array([1.0, 2.0]) - 1.0) / 0.5) ** 2 - np.log(0.5 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(classes.log_density(at)[:, 0], expected, atol=0.1)


def test_verified_regions_tell_wrong_labels_and_strange_regions():
    features, truth, labels = scene()
    features[-10:] += 40.0  # like nothing that anybody has seen
    verified = np.where(np.arange(300) < 40, truth, -1)
    found = verified_scores(embed(features), labels, verified, 3)
    rest = slice(40, 290)
    assert auroc(found.noise[rest], (labels != truth)[rest]) > 0.9
    assert found.unknown[-10:].min() > np.median(found.unknown[rest])
    assert ((found.noise >= 0) & (found.noise <= 1)).all()
    nothing = verified_scores(embed(features), labels, np.full(300, -1), 3)
    assert np.isnan(nothing.unknown).all()
    assert not nothing.support.any()


def test_fusing_nothing_changes_nothing():
    score = np.array([0.1, np.nan, 0.9], dtype=np.float32)
    np.testing.assert_array_equal(fuse(score, np.full(3, 0.5), np.zeros(3, int)), score)
    few, many = (fuse(score[:1], np.array([0.9]), np.array([n]))[0] for n in (1, 100))
    assert 0.1 < few < many < 0.9


scores = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60)


@given(scores, st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_calibration_keeps_the_order_and_stays_a_probability(values, seed):
    score = np.array(values, dtype=np.float32)
    wrong = np.random.default_rng(seed).random(len(score)) < 0.5
    found = fit_calibration(score, wrong)
    out = found.apply(np.sort(score))
    assert ((out >= 0) & (out <= 1)).all()
    assert (np.diff(out) >= 0).all()
    assert found.slope > 0


def test_few_reviews_change_little_and_many_decide():
    rng = np.random.default_rng(0)
    truth = rng.random(3000)  # the chance of an error ...
    wrong = rng.random(3000) < truth
    told = 1 / (1 + np.exp(-(3 * log_odds(truth) + 1.5)))  # ... and a score too sure and too high
    many = fit_calibration(told, wrong)
    assert np.abs(many.apply(told) - truth).mean() < 0.03
    few = fit_calibration(told[:3], wrong[:3])
    assert np.abs(few.apply(told) - told).mean() < 0.2
    assert fit_calibration(told[:0], wrong[:0]) == Calibration()
    assert (many.reviewed, many.wrong) == (3000, wrong.sum())


def test_two_of_the_worst_accepted_in_haste_do_not_talk_the_score_out_of_the_others():
    few = fit_calibration(np.array([0.98, 0.95]), np.array([False, False]))
    assert 0.55 <= few.apply(np.array([0.6]))[0].round(2) < 0.6
    many = fit_calibration(np.full(40, 0.95), np.zeros(40, bool))
    assert many.apply(np.array([0.6]))[0] < 0.25


def test_threshold_lies_where_the_calibrated_score_reaches_it():
    found = Calibration(slope=0.5, shift=-0.7)
    assert found.apply(np.array([found.threshold(0.6)]))[0] == pytest.approx(0.6, abs=1e-6)


@pytest.mark.parametrize("bad", [np.array([0.5, 0.5]), np.array([1.5]), np.array([np.nan])])
def test_scores_that_are_none_are_refused(bad):
    with pytest.raises(ParameterError):
        fit_calibration(bad, np.array([True]))


def test_lessons_improve_the_scores_of_regions_that_nobody_looked_at():
    features, truth, labels = scene(n=600)
    wrong = labels != truth
    rng = np.random.default_rng(1)
    base = 1 / (1 + np.exp(-(wrong * 1.0 + rng.normal(0, 1, 600) + 2)))  # weak, and far too high
    reviewed = np.arange(600) < 60
    decided = np.where(reviewed, truth, 255)
    found = learn_from_reviews(base, features, labels, reviewed, decided, 3)
    rest = ~reviewed
    assert auroc(found.noise_score[rest], wrong[rest]) > auroc(base[rest], wrong[rest]) + 0.05
    assert np.square(found.noise_score - wrong)[rest].mean() < np.square(base - wrong)[rest].mean()
    assert found.calibration.reviewed == 60
    same = learn_from_reviews(base, features, labels, reviewed & False, decided, 3)
    np.testing.assert_array_equal(same.noise_score, base.astype(np.float32))


def test_ignored_regions_count_as_wrong_but_teach_no_class():
    features, _, labels = scene()
    reviewed = np.arange(300) < 30
    decided = np.full(300, 255)
    found = learn_from_reviews(np.full(300, 0.3), features, labels, reviewed, decided, 3)
    assert found.calibration.wrong == 30
    assert found.noise_score[40] > 0.3


def test_regions_that_are_all_alike_can_be_reviewed():
    reviewed, decided = np.array([True, False, False]), np.array([1, 255, 255])
    found = learn_from_reviews(np.full(3, 0.5), np.ones((3, 4)), np.zeros(3, np.uint8), reviewed, decided, 3)
    assert np.isfinite(found.noise_score).all()
