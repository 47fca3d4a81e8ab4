"""The relational graph."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seco_core import nearest as nearest_module
from seco_core.errors import ParameterError
from seco_core.graph import (
    EdgeKind,
    neighbours_of,
    position_encoding,
    relational_graph,
    similarity_vectors,
)

REFERENCE = json.loads((Path(__file__).parent / "data/reference/scc/graph.json").read_text())
NO_PAIRS = np.zeros((0, 2), int), np.zeros(0)


def random_regions(n, seed=0, dimensions=6):
    rng = np.random.default_rng(seed)
    corner = rng.random((n, 2)) * 0.8
    boxes = np.hstack([corner, corner + 0.2 * rng.random((n, 2))])
    return rng.normal(size=(n, dimensions)), boxes, rng.integers(0, 3, n)


def dense_graph(features, boxes, neighbours, alpha):
    """The definition, written the slow way."""
    n = len(features)
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    vectors = similarity_vectors(standard, boxes, alpha=alpha)
    similarity = np.round(vectors @ vectors.T, 6)
    chosen = np.zeros((n, n), bool)
    for i in range(n):
        others = [j for j in range(n) if j != i]
        others.sort(key=lambda j: (-similarity[i, j], j))
        chosen[i, others[:neighbours]] = True
    return np.where(chosen | chosen.T, np.clip(similarity, 0, None), 0)


@pytest.mark.parametrize(
    "case",
    [c for c in REFERENCE["cases"] if c["settings"]["topk"] == 0 and not c["history"]],
    ids=lambda c: f"alpha {c['settings'].get('alpha', 0.95)}",
)
def test_similarity_is_the_published_one(case):
    vectors = similarity_vectors(
        np.array(REFERENCE["features"]),
        np.array(REFERENCE["boxes_x1y1x2y2_normalized"]),
        alpha=case["settings"].get("alpha", 0.95),
        frequencies=case["settings"].get("num_pos_freqs", 4),
    )
    np.testing.assert_allclose(vectors @ vectors.T, case["adjacency"], atol=5e-7)


def test_position_encoding_tells_boxes_apart():
    encoded = position_encoding(np.array([[0.0, 0.25, 0.5, 1.0]]), frequencies=2)
    sines, cosines = encoded[0, :8].reshape(4, 2), encoded[0, 8:].reshape(4, 2)
    np.testing.assert_allclose(sines, [[0, 0], [1, 0], [0, 0], [0, 0]], atol=1e-12)
    np.testing.assert_allclose(cosines, [[1, 1], [0, -1], [-1, 1], [1, 1]], atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.integers(1, 45), st.sampled_from([0.0, 0.5, 0.95, 1.0]), st.integers(0, 99))
def test_feature_edges_are_the_definition(n, neighbours, alpha, seed):
    features, boxes, image = random_regions(n, seed)
    graph = relational_graph(features, boxes, image, *NO_PAIRS, neighbours=neighbours, alpha=alpha)
    assert (graph.a < graph.b).all()
    assert (graph.weight > 0).all()
    assert graph.weight.dtype == np.float32
    assert (graph.kind == EdgeKind.FEATURE).all()
    dense = neighbours_of(graph, n).toarray()
    np.testing.assert_allclose(dense, dense_graph(features, boxes, neighbours, alpha), atol=3e-6)
    np.testing.assert_array_equal(dense, dense.T)


def test_row_blocks_do_not_change_the_graph(monkeypatch):
    features, boxes, image = random_regions(100)
    whole = relational_graph(features, boxes, image, *NO_PAIRS, neighbours=5)
    monkeypatch.setattr(nearest_module, "_CHUNK_ENTRIES", 700)
    blocks = relational_graph(features, boxes, image, *NO_PAIRS, neighbours=5)
    np.testing.assert_array_equal(whole.a, blocks.a)
    np.testing.assert_array_equal(whole.b, blocks.b)
    np.testing.assert_allclose(whole.weight, blocks.weight, atol=2e-6)


def test_of_equals_the_lower_rows_are_chosen():
    features = np.array([[1.0, 0.0]] * 5 + [[-1.0, 0.5]] * 2)
    boxes = np.tile([0.1, 0.1, 0.2, 0.2], (7, 1))
    graph = relational_graph(features, boxes, np.zeros(7, int), *NO_PAIRS, neighbours=2)
    pairs = set(zip(graph.a.tolist(), graph.b.tolist(), strict=True))
    # 5 and 6 are unlike the rest: their second choice has no positive similarity
    assert pairs == {(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (0, 4), (1, 4), (5, 6)}
    np.testing.assert_allclose(graph.weight, 1.0, atol=1e-6)


def test_touching_edges_are_shares_of_the_smaller_border():
    features, boxes, _ = random_regions(5)
    pairs, contact = np.array([[2, 0], [0, 1], [1, 2]]), np.array([6, 2, 2])
    image = np.array([0, 0, 0, 1, 1])
    graph = relational_graph(features, boxes, image, pairs, contact, neighbours=1)
    touching = graph.kind == EdgeKind.TOUCHES
    assert graph.a[touching].tolist() == [0, 0, 1]
    assert graph.b[touching].tolist() == [1, 2, 2]
    # borders: 0 has 8, 1 has 4, 2 has 8
    np.testing.assert_allclose(graph.weight[touching], [0.5, 0.75, 0.5])
    assert (np.diff(graph.kind.astype(int)) >= 0).all()
    shuffled = relational_graph(features, boxes, image, pairs[::-1, ::-1], contact[::-1], neighbours=1)
    for name in ("a", "b", "weight", "kind"):
        np.testing.assert_array_equal(getattr(graph, name), getattr(shuffled, name))
    both = neighbours_of(graph, 5, kind=None) - neighbours_of(graph, 5, kind=EdgeKind.FEATURE)
    np.testing.assert_allclose(both.toarray(), neighbours_of(graph, 5, kind=EdgeKind.TOUCHES).toarray())


def test_features_of_any_scale_count_alike():
    features, boxes, image = random_regions(30)
    scaled = features * np.array([1e4, 1, 1, 1e-4, 1, 1]) + 7
    first, second = (relational_graph(f, boxes, image, *NO_PAIRS, neighbours=3) for f in (features, scaled))
    np.testing.assert_array_equal(first.a, second.a)
    np.testing.assert_allclose(first.weight, second.weight, atol=3e-6)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_regions(n):
    features, boxes, image = random_regions(n)
    graph = relational_graph(np.ones_like(features), boxes, image, *NO_PAIRS)
    weights = neighbours_of(graph, n)
    assert weights.shape == (n, n)
    assert np.isfinite(weights.toarray()).all()


@pytest.mark.parametrize(
    "change",
    [
        {"boxes_normalised": np.zeros((3, 4))},
        {"adjacency_pairs": np.array([[0, 9]])},
        {"adjacency_pairs": np.array([[1, 1]])},
        {"image_index": np.array([0, 1, 0, 0])},
        {"contact": np.zeros(1)},
        {"contact": np.ones(2)},
        {"features": np.full((4, 2), np.inf)},
        {"neighbours": 0},
        {"alpha": 1.5},
    ],
)
def test_bad_input_is_a_parameter_error(change):
    values = {
        "features": np.eye(4)[:, :2],
        "boxes_normalised": np.zeros((4, 4)),
        "image_index": np.zeros(4, int),
        "adjacency_pairs": np.array([[0, 1]]),
        "contact": np.ones(1),
        **change,
    }
    with pytest.raises(ParameterError):
        relational_graph(**values)
