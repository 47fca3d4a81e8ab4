"""Metrics against brute force and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seco_core.errors import LabelError
from seco_core.metrics import (
    auroc,
    average_precision,
    confusion,
    majority_truth,
    noise_rate,
    precision_at,
    region_accuracy,
    scores,
    weighted_purity,
)

C = 4
class_ids = st.sampled_from([0, 1, 2, 3, 255])


@st.composite
def map_pairs(draw, second=class_ids):
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    first = draw(hnp.arrays(np.uint8, shape, elements=class_ids))
    return first, draw(hnp.arrays(np.uint8, shape, elements=second))


@st.composite
def rankings(draw):
    n = draw(st.integers(1, 30))
    score = draw(hnp.arrays(np.float32, n, elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])))
    return score, draw(hnp.arrays(np.bool_, n))


@given(map_pairs())
def test_confusion_counts_every_pair_once(maps):
    truth, predicted = maps
    expected = np.zeros((C, C), dtype=np.int64)
    for t, p in zip(truth.ravel(), predicted.ravel(), strict=True):
        if t != 255 and p != 255:
            expected[t, p] += 1
    matrix = confusion(truth, predicted, C)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, expected)
    top, bottom = confusion(truth[:2], predicted[:2], C), confusion(truth[2:], predicted[2:], C)
    np.testing.assert_array_equal(top + bottom, matrix)


@given(map_pairs())
def test_scores_are_set_overlaps(maps):
    truth, predicted = maps
    counted = (truth != 255) & (predicted != 255)
    result = scores(confusion(truth, predicted, C))
    present = []
    for c in range(C):
        t, p = (truth == c) & counted, (predicted == c) & counted
        if (t | p).any():
            present.append((t & p).sum() / (t | p).sum())
            assert result.iou[c] == pytest.approx(present[-1])
        else:
            assert math.isnan(result.iou[c])
    if present:
        assert result.miou == pytest.approx(np.mean(present))
        assert result.accuracy == pytest.approx((truth == predicted)[counted].mean())
    else:
        assert math.isnan(result.miou)
        assert math.isnan(result.accuracy)


def test_class_never_true_but_predicted_counts_as_zero():
    result = scores(confusion(np.array([0, 0]), np.array([0, 1]), 3))
    assert result.miou == pytest.approx((0.5 + 0.0) / 2)


@given(map_pairs(second=st.integers(0, 3)))
def test_majority_is_the_most_frequent_class(maps):
    truth, ids = maps
    majority, purity = majority_truth(ids.astype(np.uint16), truth, 5, C)
    assert (majority.dtype, purity.dtype, len(majority)) == (np.uint8, np.float32, 5)
    for row in range(5):
        inside = truth[(ids == row + 1) & (truth != 255)]
        if inside.size:
            counts = np.bincount(inside, minlength=C)
            assert majority[row] == counts.argmax()
            assert purity[row] == pytest.approx(counts.max() / inside.size)
        else:
            assert majority[row] == 255
            assert math.isnan(purity[row])


def test_region_measures():
    class_id = np.array([0, 1, 2, 255, 3], dtype=np.uint8)
    majority = np.array([0, 2, 2, 2, 255], dtype=np.uint8)
    area = np.array([60, 30, 10, 500, 500])
    assert region_accuracy(class_id, majority) == pytest.approx(2 / 3)
    assert region_accuracy(class_id, majority, area) == pytest.approx(0.7)
    assert noise_rate(class_id, majority) == pytest.approx(1 / 3)
    assert noise_rate(class_id, majority, np.array([False, True, True, True, True])) == pytest.approx(0.5)
    assert math.isnan(noise_rate(class_id, majority, np.zeros(5, dtype=bool)))
    purity = np.array([1.0, 0.5, np.nan], dtype=np.float32)
    assert weighted_purity(purity, np.array([30, 10, 1000])) == pytest.approx(0.875)
    assert math.isnan(weighted_purity(purity[2:], np.array([1])))


@given(rankings())
@settings(deadline=None)
def test_auroc_and_average_precision_equal_scikit_learn(ranking):
    from sklearn.metrics import average_precision_score, roc_auc_score

    score, wrong = ranking
    if wrong.any() and not wrong.all():
        assert auroc(score, wrong) == pytest.approx(roc_auc_score(wrong, score))
    else:
        assert math.isnan(auroc(score, wrong))
    if wrong.any():
        assert average_precision(score, wrong) == pytest.approx(average_precision_score(wrong, score))
    else:
        assert math.isnan(average_precision(score, wrong))


@given(rankings(), st.floats(0.01, 1.0))
def test_precision_at_is_the_mean_over_orders_of_equals(ranking, share):
    score, wrong = ranking
    first = min(max(math.ceil(share * len(score) - 1e-9), 1), len(score))
    rest, expected = first, 0.0
    for value in sorted(set(score.tolist()), reverse=True):
        here = wrong[score == value]
        taken = min(rest, len(here))
        expected += taken * here.mean()
        rest -= taken
    assert precision_at(score, wrong, share) == pytest.approx(expected / first)


def test_precision_at_takes_a_tenth_and_not_one_more():
    score = np.arange(30, 0, -1).astype(float)
    wrong = np.arange(30) < 3
    assert precision_at(score, wrong) == 1.0
    assert precision_at(score, wrong, 0.2) == 0.5


def test_regions_without_a_score_are_left_out():
    score = np.array([0.9, np.nan, 0.1, np.nan])
    wrong = np.array([True, False, False, True])
    assert auroc(score, wrong) == 1.0
    assert average_precision(score, wrong) == 1.0
    assert precision_at(score, wrong, 0.5) == 1.0
    nothing = np.full(4, np.nan)
    for measure in (auroc, average_precision, precision_at):
        assert math.isnan(measure(nothing, wrong))


def test_maps_that_cannot_be_compared():
    good = np.zeros((2, 2), dtype=np.uint8)
    with pytest.raises(LabelError, match="shape"):
        confusion(good, np.zeros((2, 3), dtype=np.uint8), C)
    with pytest.raises(LabelError, match="class id 7"):
        confusion(good + 7, good, C)
    with pytest.raises(LabelError, match="id 3 but there are 2"):
        majority_truth(np.full((2, 2), 3, dtype=np.uint16), good, 2, C)
