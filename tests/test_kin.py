"""What the regions most like a region say of its class."""

from __future__ import annotations

import numpy as np
import pytest
from test_linear import clusters
from threadpoolctl import threadpool_limits

from seco_core.errors import ParameterError
from seco_core.metrics import auroc
from seco_core.scc.evidence import corroborated, normal_ranks
from seco_core.scc.kin import kin_doubt
from seco_core.scc.linear import linear_loss


def test_kin_finds_wrong_labels_where_classes_are_no_single_clouds():
    rng = np.random.default_rng(0)
    # two clouds for each class, so that no mean describes one
    cloud = rng.integers(0, 8, 900)
    features = rng.normal(0, 3, (8, 3))[cloud] + rng.normal(size=(900, 3))
    truth = cloud % 4
    labels = np.where(rng.random(900) < 0.3, rng.integers(0, 4, 900), truth)
    wrong = labels != truth
    loss = linear_loss(features, labels, np.arange(900) // 40, n_classes=4)
    doubt = kin_doubt(features, labels, loss, n_classes=4)
    assert auroc(doubt, wrong) > auroc(loss, wrong) + 0.02


def test_neither_order_nor_threads_matter():
    features, labels, image, _ = clusters()
    loss = linear_loss(features, labels, image, n_classes=4)
    order = np.random.default_rng(1).permutation(len(labels))
    with threadpool_limits(2):
        doubt = kin_doubt(features, labels, loss, n_classes=4)
    with threadpool_limits(1):
        shuffled = kin_doubt(features[order], labels[order], loss[order], n_classes=4)
    np.testing.assert_array_equal(shuffled, doubt[order])


def test_a_region_has_no_vote_on_itself_and_another_class_may_be_asked_for():
    features, labels, _, wrong = clusters()
    loss = np.zeros(len(labels))
    doubt = kin_doubt(features, labels, loss, n_classes=4)
    row = int(np.flatnonzero(~wrong)[0])
    assert doubt[row] < 0
    asked = labels.copy()
    asked[row] = (labels[row] + 1) % 4
    other = kin_doubt(features, labels, loss, n_classes=4, asked=asked)
    assert other[row] > 2
    np.testing.assert_array_equal(np.delete(other, row), np.delete(doubt, row))
    # what it teaches itself moves nothing but the directions
    taught = kin_doubt(features, asked, loss, n_classes=4, asked=labels)
    assert abs(taught[row] - doubt[row]) < 0.5


def test_labels_that_other_images_contradict_count_little():
    features, labels, _, wrong = clusters(share=0.6)
    unknown, known = np.full(len(labels), np.nan), np.where(wrong, 5.0, 0.0)
    untold = auroc(kin_doubt(features, labels, unknown, n_classes=4), wrong)
    told = auroc(kin_doubt(features, labels, known, n_classes=4), wrong)
    assert told > max(untold, 0.98)
    weighed = kin_doubt(features, labels, unknown, n_classes=4, sample_weight=np.where(wrong, 0.0, 1.0))
    assert auroc(weighed, wrong) > 0.98


def test_without_kin_nothing_is_known():
    features, labels, _, _ = clusters(40)
    nothing = np.zeros(40)
    assert np.isnan(kin_doubt(features, labels, nothing, n_classes=4, sample_weight=nothing)).all()
    assert np.isnan(kin_doubt(features, np.zeros(40, int), nothing, n_classes=4)).all()
    assert np.isnan(kin_doubt(features[:1], labels[:1], nothing[:1], n_classes=4)).all()
    assert kin_doubt(features[:0], labels[:0], nothing[:0], n_classes=4).shape == (0,)
    two = kin_doubt(features[:2], np.array([0, 3]), nothing[:2], n_classes=4)
    assert (two > 0).all()
    constant = np.full_like(features, 3.0)
    assert np.isnan(kin_doubt(constant, labels, nothing, n_classes=4)).all()


def test_features_that_are_not_finite_are_refused():
    features, labels, _, _ = clusters(80)
    features[5, 1] = np.inf
    with pytest.raises(ParameterError, match="not finite"):
        kin_doubt(features, labels, np.zeros(80), n_classes=4)


def test_form_counts_as_far_as_it_agrees_with_the_witness():
    rng = np.random.default_rng(0)
    wrong = rng.random(1000) < 0.4
    small, enclosed, loss = (wrong + rng.normal(size=1000) for _ in range(3))
    small[:10] = np.nan
    for found, values in zip(corroborated([small, enclosed], loss), (small, enclosed), strict=True):
        np.testing.assert_allclose(found, normal_ranks(values))
    independent = rng.random(1000)
    for found in corroborated([small, enclosed], independent):
        assert np.abs(found).max() < np.abs(normal_ranks(small)).max()
    assert not np.any(corroborated([small, enclosed], -loss))
    unknown = np.full(1000, np.nan)
    assert not np.any(corroborated([unknown, enclosed], unknown))
