"""What fits no class is stranger than what fits one."""

from __future__ import annotations

import numpy as np
import pytest

from seco_core.errors import ParameterError
from seco_core.metrics import auroc
from seco_core.scc.loss import cross_fit
from seco_core.scc.unknown import unknown_score


def make_world(n=300, seed=0):
    """Three classes and one that nobody taught, whose regions carry another class's name."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, n)
    features = 2.0 * rng.normal(size=(4, 6))[truth] + 0.6 * rng.normal(size=(n, 6))
    away = truth == 3
    labels = np.where(away, rng.integers(0, 3, n), truth)
    weight = np.where(away, 0.0, 1.0)
    fit = cross_fit(
        features, labels, np.arange(n) // 10, n_classes=4, folds=3, epochs=5, sample_weight=weight
    )
    return features, labels, fit.fold, fit.probabilities, weight, away


def test_a_class_that_nobody_taught_is_unknown():
    features, labels, fold, probabilities, weight, away = make_world()
    score = unknown_score(features, labels, fold, probabilities, sample_weight=weight)
    assert score.dtype == np.float32
    assert 0 <= score.min() <= score.max() <= 1
    assert auroc(score, away) > 0.9
    # of what is sure about one in twenty is offered
    sure = ~away & (probabilities.argmax(axis=1) == labels)
    assert (score[sure] >= 0.95).mean() < 0.08


def test_an_unknown_class_makes_nothing_known_and_is_unknown_itself():
    features, labels, fold, probabilities, weight, away = make_world()
    labels = np.where(away, 3, labels)
    probabilities = probabilities.copy()
    probabilities[away] = [0.0, 0.1, 0.0, 0.9]
    score = unknown_score(features, labels, fold, probabilities, unknown=3)
    assert (score[away] >= np.float32(0.9)).all()
    without = unknown_score(features, labels, fold, probabilities, unknown=3, sample_weight=weight)
    np.testing.assert_array_equal(score, without)


def test_order_does_not_matter():
    features, labels, fold, probabilities, weight, _ = make_world()
    order = np.random.default_rng(1).permutation(len(labels))
    first = unknown_score(features, labels, fold, probabilities, sample_weight=weight)
    second = unknown_score(
        features[order], labels[order], fold[order], probabilities[order], sample_weight=weight[order]
    )
    np.testing.assert_allclose(second, first[order], atol=0.02)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_regions(n):
    score = unknown_score(np.ones((n, 3)), np.zeros(n, int), np.full(n, -1), np.full((n, 2), 0.5))
    np.testing.assert_array_equal(score, np.zeros(n))


def test_bad_input_is_a_parameter_error():
    with pytest.raises(ParameterError, match="same regions"):
        unknown_score(np.ones((3, 2)), np.zeros(3, int), np.zeros(2, int), np.full((3, 2), 0.5))
    with pytest.raises(ParameterError, match="finite"):
        unknown_score(np.full((3, 2), np.nan), np.zeros(3, int), np.zeros(3, int), np.full((3, 2), 0.5))
