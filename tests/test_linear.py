"""The linear discriminant's opinion of regions that it was not taught."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from seco_core.errors import ParameterError
from seco_core.metrics import auroc
from seco_core.scc.linear import linear_loss


def clusters(n: int = 600, *, share: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features, noisy labels, images and which labels are wrong."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, n)
    features = (rng.normal(0, 2, (4, 12))[truth] + rng.normal(size=(n, 12))).astype(np.float32)
    labels = np.where(rng.random(n) < share, rng.integers(0, 4, n), truth)
    return features, labels, np.arange(n) // 40, labels != truth


def test_wrong_labels_have_the_higher_loss_and_are_not_memorised():
    features, labels, image, wrong = clusters()
    loss = linear_loss(features, labels, image, n_classes=4)
    assert auroc(loss, wrong) > 0.97
    assert (loss >= 0).all()
    # what an image is called teaches nothing about itself
    here = image == 3
    other = np.where(here, (labels + 1) % 4, labels)
    order = np.random.default_rng(1).permutation(len(labels))
    kept = linear_loss(features, other, image, n_classes=4, asked=labels)
    assert auroc(kept[here], wrong[here]) > 0.97
    shuffled = linear_loss(features[order], labels[order], 90 - image[order], n_classes=4)
    np.testing.assert_array_equal(shuffled, loss[order])


def test_threads_change_nothing():
    features, labels, image, _ = clusters()
    with threadpool_limits(2):
        two = linear_loss(features, labels, image, n_classes=4)
    with threadpool_limits(1):
        np.testing.assert_array_equal(linear_loss(features, labels, image, n_classes=4), two)


def test_what_is_weighted_nothing_teaches_nothing():
    features, labels, image, wrong = clusters(share=0.6)
    trusted = np.where(wrong, 0.0, 1.0)
    everything = linear_loss(features, labels, image, n_classes=4)
    taught = linear_loss(features, labels, image, n_classes=4, sample_weight=trusted)
    assert auroc(taught, wrong) > auroc(everything, wrong)
    assert auroc(taught, wrong) > 0.98


def test_losses_are_finite_where_anything_is_taught():
    features, labels, image, _ = clusters()
    features[:, 0] = 7.0
    only_here = np.where(image == 3, 5, labels)
    loss = linear_loss(features, only_here, image, n_classes=7)
    assert np.isfinite(loss).all()
    assert np.median(loss[image == 3]) > np.quantile(loss[image != 3], 0.9)
    assert linear_loss(features[:0], labels[:0], image[:0], n_classes=4).shape == (0,)
    assert np.isnan(linear_loss(features[:1], labels[:1], image[:1], n_classes=4)).all()


def test_features_that_are_not_finite_are_refused():
    features, labels, image, _ = clusters(80)
    features[5, 1] = np.nan
    with pytest.raises(ParameterError, match="not finite"):
        linear_loss(features, labels, image, n_classes=4)
