"""Uncertainty under the graph VAE."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from seco_core.errors import ParameterError
from seco_core.graph import neighbours_of, relational_graph, standardise
from seco_core.metrics import auroc
from seco_core.progress import Cancelled, CancelToken
from seco_core.scc import graph_vae
from seco_core.scc.graph_vae import aggregated_inputs, graph_uncertainty
from seco_core.scc.uncertainty import Parts, uncertainty

N_CLASSES = 4


def make_regions(n=160, images=12, seed=0, mixed=0.25):
    """Features around a centre for each class, `mixed` of them half way to another, labelled by chance."""
    rng = np.random.default_rng(seed)
    centres = 2.0 * rng.normal(size=(N_CLASSES, 8))
    labels = rng.integers(0, N_CLASSES, n)
    other = (labels + rng.integers(1, N_CLASSES, n)) % N_CLASSES
    doubtful = rng.random(n) < mixed
    features = centres[labels] + 0.6 * rng.normal(size=(n, 8))
    features[doubtful] += 0.5 * (centres[other] - centres[labels])[doubtful]
    noisy = np.where(doubtful & (rng.random(n) < 0.5), other, labels)
    corner = 0.8 * rng.random((n, 2))
    groups = np.sort(rng.integers(0, images, n))
    graph = relational_graph(
        features, np.hstack([corner, corner + 0.1]), groups, np.zeros((0, 2), int), np.zeros(0), neighbours=6
    )
    return features, neighbours_of(graph, n), noisy, groups, doubtful


def run(features, adjacency, labels, groups, **changes):
    settings = {"n_classes": N_CLASSES, "epochs": 5, "folds": 3, **changes}
    return graph_uncertainty(features, adjacency, labels, groups, **settings)


def test_regions_between_classes_are_uncertain_and_the_parts_make_the_sum():
    features, adjacency, labels, groups, doubtful = make_regions()
    found = run(features, adjacency, labels, groups, epochs=10)
    assert auroc(found.entropy, doubtful) > 0.8
    assert auroc(found.uncertainty, doubtful) > 0.7
    parts = Parts(*(torch.tensor(p) for p in (found.rec_error, found.entropy, found.kl)))
    np.testing.assert_allclose(found.uncertainty, uncertainty(parts), atol=1e-4)
    assert found.uncertainty.dtype == np.float32
    assert 0 <= found.uncertainty.min() <= found.uncertainty.max() <= 3
    assert (found.rec_error >= 0).all()
    assert (found.kl >= -1e-6).all()


def test_a_regions_own_image_teaches_nothing_about_it():
    features, adjacency, labels, groups, _ = make_regions()
    first = run(features, adjacency, labels, groups)
    part = first.weights["fold"] == 0
    changed = labels.copy()
    changed[part] = (labels[part] + 1) % N_CLASSES
    second = run(features, adjacency, changed, groups)
    np.testing.assert_array_equal(second.weights["fold"], first.weights["fold"])
    for name in ("rec_error", "entropy", "kl"):
        np.testing.assert_array_equal(getattr(first, name)[part], getattr(second, name)[part])
        assert (getattr(first, name)[~part] != getattr(second, name)[~part]).any()


def test_neither_order_nor_block_size_matters(monkeypatch):
    features, adjacency, labels, groups, _ = make_regions()
    first = run(features, adjacency, labels, groups)
    order = np.random.default_rng(1).permutation(len(labels))
    # images change their numbers too
    shuffled = run(features[order], adjacency[order][:, order], labels[order], (99 - groups)[order])
    np.testing.assert_allclose(shuffled.uncertainty, first.uncertainty[order], atol=1e-3)
    np.testing.assert_array_equal(shuffled.weights["fold"], first.weights["fold"][order])
    monkeypatch.setattr(graph_vae, "_ROWS_AT_ONCE", 7)
    blocks = run(features, adjacency, labels, groups)
    np.testing.assert_allclose(blocks.uncertainty, first.uncertainty, atol=1e-3)


def test_same_seed_same_bits_whatever_the_threads_and_nothing_global_moves():
    regions = make_regions()[:4]
    torch.manual_seed(7)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        first = run(*regions)
        torch.set_num_threads(1)
        second = run(*regions)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(first.uncertainty, second.uncertainty)
    for name, layer in first.weights.items():
        np.testing.assert_array_equal(layer, second.weights[name])
    assert (run(*regions, seed=1).uncertainty != first.uncertainty).any()


def test_the_graph_layer_is_trained():
    regions = make_regions()[:4]
    short, long = run(*regions, epochs=1), run(*regions, epochs=2)
    for name in ("graph", "mu", "logvar", "decoder", "classifier"):
        change = np.abs(long.weights[f"{name}.weight"] - short.weights[f"{name}.weight"])
        assert change.max() > 1e-3, name


def test_stored_weights_give_the_parts_again():
    features, adjacency, labels, groups, _ = make_regions()
    found = run(features, adjacency, labels, groups)
    w = found.weights
    inputs = aggregated_inputs(features, adjacency)
    for row in (0, 100, 159):
        k = w["fold"][row]
        hidden = np.maximum(inputs[row] @ w["graph.weight"][k] + w["graph.bias"][k, 0], 0)
        hidden = (hidden - hidden.mean()) / np.sqrt(hidden.var() + 1e-5)
        mu = hidden @ w["mu.weight"][k] + w["mu.bias"][k, 0]
        rec = mu @ w["decoder.weight"][k] + w["decoder.bias"][k, 0]
        assert ((rec - hidden) ** 2).mean() == pytest.approx(found.rec_error[row], rel=1e-3)
        logits = hidden @ w["classifier.weight"][k] + w["classifier.bias"][k, 0]
        p = np.exp(logits - logits.max())
        p /= p.sum()
        assert -(p * np.log(p + 1e-30)).sum() == pytest.approx(found.entropy[row], rel=1e-3, abs=1e-5)


def test_inputs_are_own_features_next_to_the_neighbours_mean():
    features = np.random.default_rng(0).normal(size=(4, 3))
    adjacency = sparse.csr_matrix(np.array([[0, 1, 3, 0], [1, 0, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0]], float))
    inputs, own = aggregated_inputs(features, adjacency), standardise(features)
    np.testing.assert_allclose(inputs[:, :3], own, atol=1e-6)
    np.testing.assert_allclose(inputs[0, 3:], (own[1] + 3 * own[2]) / 4, atol=1e-6)
    np.testing.assert_array_equal(inputs[3, 3:], 0)


def test_regions_of_weight_zero_do_not_teach():
    features, adjacency, labels, groups, _ = make_regions()
    weight = np.ones(len(labels))
    weight[::4] = 0
    changed = labels.copy()
    changed[::4] = (labels[::4] + 1) % N_CLASSES
    first, second = (run(features, adjacency, y, groups, sample_weight=weight) for y in (labels, changed))
    np.testing.assert_array_equal(first.uncertainty, second.uncertainty)


@pytest.mark.parametrize(("n", "images"), [(0, 1), (1, 1), (2, 2), (3, 1)])
def test_hardly_any_regions(n, images):
    features = np.random.default_rng(0).normal(size=(n, 5))
    found = run(features, sparse.csr_matrix((n, n)), np.zeros(n, int), np.arange(n) % images)
    for values in (found.uncertainty, found.rec_error, found.entropy, found.kl):
        assert values.shape == (n,)
        assert np.isfinite(values).all()
    if n == 1:  # nothing to learn from
        assert found.entropy[0] == pytest.approx(np.log(N_CLASSES))
        assert found.weights["fold"].tolist() == [-1]


def test_progress_and_cancel():
    regions, events, cancel = make_regions(60)[:4], [], CancelToken()

    def watch(event):
        events.append((event.stage, event.done, event.total))
        if event.done == 2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        run(*regions, progress=watch, cancel=cancel)
    assert events == [("scc-unc", 1, 5), ("scc-unc", 2, 5)]


@pytest.mark.parametrize(
    "change",
    [
        {"adjacency": sparse.csr_matrix((3, 3))},
        {"epochs": 0},
        {"folds": 1},
        {"labels": np.array([0, 1, 2, 9])},
        {"features": np.full((4, 2), np.nan)},
        {"sample_weight": np.full(4, -1.0)},
    ],
)
def test_bad_input_is_a_parameter_error(change):
    values = {
        "features": np.eye(4)[:, :2],
        "adjacency": sparse.csr_matrix((4, 4)),
        "labels": np.arange(4),
        "groups": np.arange(4),
        **change,
    }
    with pytest.raises(ParameterError):
        run(**values)
