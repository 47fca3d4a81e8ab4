"""SCC-LD: cross-fitted loss, loss mixture, correction."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seco_core.errors import ParameterError
from seco_core.metrics import auroc
from seco_core.progress import Cancelled, CancelToken
from seco_core.scc.correction import Verdict, correct, correct_by_uncertainty
from seco_core.scc.further import fits, train_further
from seco_core.scc.held_out import assign_folds
from seco_core.scc.loss import CrossFit, cross_fit, remove_smoothing
from seco_core.scc.mixture import LossMixture, fit_mixture


def blobs(n, n_classes=4, dimensions=12, noise=0.2, images=10, seed=0):
    """Gaussian blobs, some with a wrong label: features, labels, groups, which are wrong."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_classes, dimensions)) * 2.0
    truth = rng.integers(0, n_classes, n)
    features = centres[truth] + rng.normal(size=(n, dimensions))
    wrong = rng.random(n) < noise
    labels = np.where(wrong, (truth + rng.integers(1, n_classes, n)) % n_classes, truth)
    return features.astype(np.float32), labels, rng.integers(0, images, n), wrong


def assert_sound(fit: CrossFit, n, n_classes):
    assert fit.loss.shape == (n,)
    assert fit.loss.dtype == np.float32
    assert fit.probabilities.shape == (n, n_classes)
    assert fit.probabilities.dtype == np.float32
    assert np.isfinite(fit.loss).all()
    assert (fit.loss >= 0).all()
    np.testing.assert_allclose(fit.probabilities.sum(axis=1), 1.0, atol=1e-5)


def test_wrong_labels_get_high_losses_and_the_mixture_finds_them():
    features, labels, groups, wrong = blobs(400)
    fit = cross_fit(features, labels, groups, n_classes=4, epochs=15)
    assert_sound(fit, 400, 4)
    assert fit.by_image
    assert auroc(fit.loss, wrong) > 0.97
    eta = fit_mixture(fit.loss).eta(fit.loss)
    assert wrong[eta > 0.6].mean() > 0.86
    assert wrong[eta <= 0.6].mean() < 0.063
    verdict, predicted = correct(
        labels.astype(np.uint8), eta, fit.loss, fit.probabilities, tau_cr=0.7, class_share=0
    )
    relabelled = verdict == Verdict.RELABEL
    assert relabelled.sum() > 20
    assert wrong[relabelled].mean() > 0.95
    assert (predicted[relabelled] != labels[relabelled]).all()


def test_a_region_is_scored_without_its_image():
    # every image has its own mark and its own class: only a network that saw the image could know
    groups = np.repeat(np.arange(10), 20)
    features = np.eye(10, dtype=np.float32)[groups]
    fit = cross_fit(features, groups, groups, n_classes=10, folds=5, epochs=20)
    assert fit.probabilities[np.arange(200), groups].max() < 0.2
    assert fit.loss.min() > 2.0
    for image in range(10):
        assert len(np.unique(fit.fold[groups == image])) == 1


def test_same_seed_same_bits_whatever_the_threads_and_nothing_global_moves():
    import torch

    features, labels, groups, _ = blobs(150)
    arguments = {"n_classes": 4, "epochs": 4}
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    first = cross_fit(features, labels, groups, seed=3, **arguments)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    try:
        torch.set_num_threads(threads + 1)
        with torch.no_grad():
            second = cross_fit(features, labels, groups, seed=3, **arguments)
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(first.loss, second.loss)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    assert not np.array_equal(first.loss, cross_fit(features, labels, groups, seed=4, **arguments).loss)


def test_the_order_of_images_and_regions_does_not_matter():
    features, labels, groups, _ = blobs(150)
    first = cross_fit(features, labels, groups, n_classes=4, epochs=4)
    rng = np.random.default_rng(9)
    order, number = rng.permutation(150), rng.permutation(10)
    other = cross_fit(features[order], labels[order], number[groups[order]], n_classes=4, epochs=4)
    np.testing.assert_array_equal(other.loss, first.loss[order])
    np.testing.assert_array_equal(other.probabilities, first.probabilities[order])
    np.testing.assert_array_equal(other.fold, first.fold[order])


@pytest.mark.parametrize(
    ("n", "images", "n_classes"),
    [(0, 1, 3), (1, 1, 3), (2, 2, 3), (3, 1, 2), (7, 3, 5), (9, 9, 1), (30, 2, 30)],
)
@pytest.mark.filterwarnings("ignore:All regions are of one image")
def test_small_and_degenerate_inputs(n, images, n_classes):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(n, 5))
    labels = np.arange(n) % n_classes
    fit = cross_fit(features, labels, np.arange(n) % images, n_classes=n_classes, epochs=3)
    assert_sound(fit, n, n_classes)


def test_constant_and_wild_features_are_harmless():
    features, labels, groups, wrong = blobs(200)
    features[:, 0] = 1e8
    features[:, 1] = 0.0
    features[0, 2] = 1e12
    fit = cross_fit(features, labels, groups, n_classes=4, epochs=10)
    assert_sound(fit, 200, 4)
    assert auroc(fit.loss, wrong) > 0.9


def test_a_class_with_one_region_is_unlikely():
    features, labels, groups, _ = blobs(100, n_classes=3, noise=0.0)
    labels[7] = 3
    fit = cross_fit(features, labels, groups, n_classes=4, epochs=10)
    assert_sound(fit, 100, 4)
    assert fit.loss[7] > np.quantile(fit.loss, 0.95)


def test_a_single_image_is_cut_by_region_and_says_so():
    features, labels, _, _ = blobs(60)
    with pytest.warns(UserWarning, match="one image"):
        fit = cross_fit(features, labels, np.zeros(60, int), n_classes=4, epochs=3)
    assert not fit.by_image
    assert sorted(np.bincount(fit.fold)) == [12] * 5


def test_regions_of_weight_zero_do_not_teach():
    features, labels, groups, _ = blobs(120)
    weight = np.ones(120)
    weight[::3] = 0.0
    other = labels.copy()
    other[::3] = (labels[::3] + 1) % 4
    fits = [
        cross_fit(features, y, groups, n_classes=4, epochs=3, sample_weight=weight) for y in (labels, other)
    ]
    np.testing.assert_array_equal(fits[0].probabilities, fits[1].probabilities)
    nothing = cross_fit(features, labels, groups, n_classes=4, sample_weight=np.zeros(120))
    np.testing.assert_allclose(nothing.probabilities, 0.25)
    np.testing.assert_allclose(nothing.loss, np.log(4), rtol=1e-6)
    assert (nothing.fold == -1).all()


def test_progress_and_cancel():
    features, labels, groups, _ = blobs(40)
    token, events = CancelToken(), []

    def note(event):
        events.append((event.stage, event.done, event.total))
        if event.done == 2:
            token.cancel()

    with pytest.raises(Cancelled):
        cross_fit(features, labels, groups, n_classes=4, epochs=5, progress=note, cancel=token)
    assert events == [("scc", 1, 5), ("scc", 2, 5)]


@pytest.mark.parametrize(
    "change",
    [
        {"folds": 1},
        {"epochs": 0},
        {"label_smoothing": 1.0},
        {"n_classes": 3},
        {"groups": np.zeros(3)},
        {"features": np.full((20, 12), np.nan)},
        {"sample_weight": np.full(20, -1.0)},
        {"labels": np.full(20, 255)},
    ],
)
def test_bad_input_is_a_parameter_error(change):
    features, labels, groups, _ = blobs(20)
    labels[0] = 3
    values = {"features": features, "labels": labels, "groups": groups, "n_classes": 4, **change}
    with pytest.raises(ParameterError):
        cross_fit(**values)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(2, 7), st.integers(0, 99))
def test_folds_keep_groups_whole_and_are_balanced(groups, folds, seed):
    groups = np.array(groups)
    fold = assign_folds(groups, folds, np.random.default_rng(seed))
    assert sorted(set(fold)) == list(range(min(folds, len(np.unique(groups)))))
    for group in np.unique(groups):
        assert len(np.unique(fold[groups == group])) == 1
    counts = np.bincount(fold)
    assert counts.max() - counts.min() <= np.bincount(groups).max()


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 19), st.floats(0.0, 0.5), st.integers(0, 999))
def test_smoothing_is_inverted(n_classes, smoothing, seed):
    p = np.random.default_rng(seed).dirichlet(np.ones(n_classes), 5)
    smooth = (1 - smoothing) * p + smoothing / n_classes
    np.testing.assert_allclose(remove_smoothing(smooth, smoothing), p, atol=1e-9)


def two_populations(clean=300, noisy=100, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0.2, 0.05, clean), rng.normal(2.0, 0.6, noisy)])


def test_mixture_recovers_two_populations():
    mixture = fit_mixture(two_populations())
    assert not mixture.one_sided
    np.testing.assert_allclose(mixture.means, [0.2, 2.0], atol=0.15)
    np.testing.assert_allclose(np.sqrt(mixture.variances), [0.05, 0.6], rtol=0.3)
    np.testing.assert_allclose(mixture.weights, [0.75, 0.25], atol=0.03)
    eta = mixture.eta(two_populations())
    assert eta.dtype == np.float32
    assert (eta[:300] < 0.6).mean() > 0.98
    assert (eta[300:] > 0.6).mean() > 0.98


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(st.floats(0, 5), st.floats(0.01, 5)),
    st.tuples(st.floats(1e-4, 4), st.floats(1e-4, 4)),
    st.floats(0.01, 0.99),
)
def test_eta_never_falls_as_loss_rises(means, variances, weight):
    mixture = LossMixture(
        np.array([means[0], means[0] + means[1]]),
        np.array(variances),
        np.array([1 - weight, weight]),
        one_sided=False,
        low=0.0,
        high=10.0,
    )
    eta = mixture.eta(np.linspace(-20, 40, 3001))
    assert np.isfinite(eta).all()
    assert (np.diff(eta) >= 0).all()
    assert eta.min() >= 0
    assert eta.max() <= 1


def test_eta_stays_low_far_below_the_clean_component():
    loss = np.concatenate([np.random.default_rng(0).normal(5.0, 0.05, 300), np.linspace(3.0, 12.0, 100)])
    mixture = fit_mixture(loss)
    assert mixture.eta(np.array([0.0]))[0] <= mixture.eta(np.array([5.0]))[0] < 0.5


@pytest.mark.parametrize(
    "loss",
    [[], [0.3], [0.1, 0.2, 5.0], [0.7] * 50, [0.0] * 10],
    ids=["none", "one", "three", "alike", "zero"],
)
def test_no_two_populations_falls_back_and_warns(loss):
    loss = np.array(loss)
    with pytest.warns(UserWarning, match="No region is called noisy"):
        mixture = fit_mixture(loss)
    assert mixture.one_sided
    eta = mixture.eta(loss)
    assert eta.shape == loss.shape
    assert (eta <= 0.5).all()
    assert (np.diff(eta[np.argsort(loss, kind="stable")]) >= 0).all()


def test_an_equal_or_empty_component_is_one_sided(monkeypatch):
    from sklearn.mixture import GaussianMixture

    def fake(means, weights):
        def fit(self, x):
            self.means_, self.weights_ = np.array(means)[:, None], np.array(weights)
            self.covariances_ = np.full((2, 1, 1), 0.04)

        return fit

    for means, weights in (([0.50, 0.52], [0.5, 0.5]), ([0.1, 0.9], [0.999, 0.001])):
        monkeypatch.setattr(GaussianMixture, "fit", fake(means, weights))
        with pytest.warns(UserWarning, match="two populations"):
            assert fit_mixture(np.linspace(0, 1, 50)).one_sided


def test_a_few_extreme_losses_do_not_take_a_component():
    loss = np.append(two_populations(), [500.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mixture = fit_mixture(loss)
    assert mixture.means[1] < 3.0
    assert mixture.eta(np.array([500.0]))[0] > 0.99


def test_correction_at_its_thresholds():
    p = np.array([[0.02, 0.98], [0.02, 0.98], [0.98, 0.02], [0.05, 0.95], [0.4, 0.6]])
    eta = np.array([0.60, 0.61, 0.99, 0.99, 0.1])
    verdict, predicted = correct(np.zeros(5, np.uint8), eta, eta, p, tau_ns=0.60, tau_cr=0.95, class_share=0)
    assert verdict.tolist() == [Verdict.KEEP, Verdict.RELABEL, Verdict.KEEP, Verdict.DROP, Verdict.KEEP]
    assert predicted.tolist() == [1, 1, 0, 1, 1]
    assert verdict.dtype == predicted.dtype == np.uint8
    none = correct(np.zeros(0, np.uint8), np.zeros(0), np.zeros(0), np.zeros((0, 3)))
    assert [len(part) for part in none] == [0, 0]


def test_best_of_each_class_is_doubted_instead_of_dropped():
    class_id = np.repeat(np.array([0, 1], np.uint8), [10, 5])
    loss = np.concatenate([np.linspace(3, 4, 10), np.linspace(6, 5, 5)])
    flat = np.full((15, 2), 0.5)
    verdict, _ = correct(class_id, np.ones(15), loss, flat, class_share=0.8)
    assert (verdict[:8] == Verdict.DOUBT).all()
    assert (verdict[8:10] == Verdict.DROP).all()
    assert verdict[10:].tolist() == [Verdict.DROP] + [Verdict.DOUBT] * 4


def test_a_rule_can_say_what_is_noisy():
    sure, unsure = [0.01, 0.99], [0.6, 0.4]
    p = np.array([sure, sure, unsure, unsure])
    noisy = np.array([True, False, True, False])
    verdict, _ = correct(np.zeros(4, np.uint8), np.ones(4), np.ones(4), p, class_share=0, noisy=noisy)
    assert verdict.tolist() == [Verdict.RELABEL, Verdict.KEEP, Verdict.DROP, Verdict.KEEP]


def test_correction_by_uncertainty_keeps_a_share_of_each_class():
    class_id = np.repeat(np.array([0, 1], np.uint8), [10, 5])
    u = np.concatenate([np.arange(10), 3.0 - np.arange(5) / 10]).astype(np.float32)
    p = np.full((15, 2), 0.5)
    p[1], p[9], p[14] = [0.05, 0.95], [0.0, 1.0], [0.0, 1.0]
    verdict, predicted = correct_by_uncertainty(class_id, u, p, tau_cr=0.95, certain_share=0.8)
    # class 1 counts for itself, however its uncertainties compare with those of class 0
    assert np.flatnonzero(verdict == Verdict.DROP).tolist() == [8, 9, 10]
    assert np.flatnonzero(verdict == Verdict.RELABEL).tolist() == [1]
    assert predicted[1] == 1
    all_kept, _ = correct_by_uncertainty(class_id, u, p, certain_share=1.0)
    assert (all_kept != Verdict.DROP).all()
    none = correct_by_uncertainty(np.zeros(0, np.uint8), np.zeros(0), np.zeros((0, 2)))
    assert none[0].shape == (0,)


def noisy_blobs(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features of three classes in ten images, true classes, labels of which a fifth are wrong, images."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 200)
    features = rng.normal(0, 1.0, (200, 6)) + np.eye(3, 6)[truth] * 3
    labels = np.where(rng.random(200) < 0.2, (truth + 1) % 3, truth)
    return features, truth, labels, np.repeat(np.arange(10), 20)


def test_further_training_keeps_images_apart_and_learns_what_was_corrected():
    features, truth, labels, images = noisy_blobs()
    first = cross_fit(features, labels, images, n_classes=4, epochs=3)
    again = train_further(first.networks, features, truth, images, n_classes=4, asked=labels)
    assert fits(first.networks, features, images, 4)
    np.testing.assert_array_equal(again.fold, first.fold)
    wrong = labels != truth
    assert again.loss[wrong].mean() > first.loss[wrong].mean()
    assert (again.probabilities.argmax(axis=1) == truth).mean() > 0.9
    np.testing.assert_allclose(again.probabilities.sum(axis=1), 1, atol=1e-5)
    assert fits(again.networks, features, images, 4)
    once_more = train_further(first.networks, features, truth, images, n_classes=4, asked=labels)
    np.testing.assert_array_equal(once_more.loss, again.loss)


def test_further_training_never_shows_an_image_to_its_own_networks():
    features, truth, labels, images = noisy_blobs()
    first = cross_fit(features, labels, images, n_classes=3, epochs=2)
    part = first.fold == first.fold[0]
    other = truth.copy()
    other[part] = (truth[part] + 1) % 3  # whatever is taught about these images ...
    one = train_further(first.networks, features, truth, images, n_classes=3, asked=labels, epochs=2)
    two = train_further(first.networks, features, other, images, n_classes=3, asked=labels, epochs=2)
    np.testing.assert_array_equal(one.loss[part], two.loss[part])  # ... their own scores do not know
    assert not np.array_equal(one.loss[~part], two.loss[~part])


def test_networks_of_other_regions_are_refused():
    features, _, labels, images = noisy_blobs()
    networks = cross_fit(features, labels, images, n_classes=3, epochs=1).networks
    for bad, n_classes in ((features[:, :5], 3), (features, 4)):
        assert not fits(networks, bad, images, n_classes)
        with pytest.raises(ParameterError, match="anew"):
            train_further(networks, bad, labels, images, n_classes=n_classes)
    assert not fits(networks, features, images + 1, 3)
    assert not fits({}, features, images, 3)


def test_loss_is_of_the_class_that_is_asked_about():
    features, truth, labels, images = noisy_blobs()
    taught = cross_fit(features, truth, images, n_classes=3, epochs=3, asked=labels)
    wrong = labels != truth
    assert taught.loss[wrong].mean() > 2 * taught.loss[~wrong].mean()
