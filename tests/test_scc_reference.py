"""Rules, dense graph, uncertainty and training loss against the published code's values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import scc_reference
from seco_core.errors import ParameterError
from seco_core.parameters import SccParameters
from seco_core.scc.graph_published import published_adjacency
from seco_core.scc.rules import RULES, kept_by_rule, quantile_thresholds
from seco_core.scc.uncertainty import Parts, kl_weight, min_max, training_loss, training_weight, uncertainty

FOLDER = Path(__file__).parent / "data/reference/scc"


def reference(name):
    return json.loads((FOLDER / name).read_text())


@pytest.mark.parametrize("case", reference("thresholds.json")["ratios"], ids=lambda c: f"ratio {c['ratio']}")
def test_thresholds_and_the_nine_rules_are_the_published_ones(case):
    data = reference("thresholds.json")
    arguments = (np.array(data["loss"]), np.array(data["score"]), np.array(data["predicted_class"]))
    t = quantile_thresholds(*arguments, case["ratio"])
    np.testing.assert_allclose(t.loss, case["loss_threshold"], atol=1e-6)
    np.testing.assert_allclose(t.score, case["score_threshold"], atol=1e-6)
    np.testing.assert_allclose(t.local_loss, case["local_loss_threshold"], atol=1e-6)
    np.testing.assert_allclose(t.local_score, case["local_score_threshold"], atol=1e-6)
    np.testing.assert_allclose(t.mean_loss, case["global_loss_threshold"], atol=1e-6)
    np.testing.assert_allclose(t.mean_score, case["global_score_threshold"], atol=1e-6)
    assert set(case["kept"]) == set(RULES)
    for rule in RULES:
        np.testing.assert_array_equal(kept_by_rule(rule, *arguments, case["ratio"]), case["kept"][rule], rule)


def test_the_comparison_sees_what_is_not_equal():
    rules, graph = reference("thresholds.json"), reference("graph.json")
    of_uncertainty = reference("uncertainty.json")
    assert scc_reference.compare_rules(rules) == (pytest.approx(0, abs=1e-6), 0)
    assert scc_reference.compare_graph(graph) <= 1e-6
    assert scc_reference.compare_uncertainty(of_uncertainty) <= 1e-6
    rules["ratios"][0]["kept"]["both"][0] ^= 1
    assert scc_reference.compare_rules(rules)[1] == 1
    graph["cases"][-1]["adjacency"][3][5] += 1e-3
    assert scc_reference.compare_graph(graph) == pytest.approx(1e-3, rel=1e-2)
    of_uncertainty["training_loss"][-1]["loss"] += 1
    assert scc_reference.compare_uncertainty(of_uncertainty) == pytest.approx(1)


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 1), st.integers(0, 4)), min_size=1), st.floats(0, 1))
def test_a_laxer_rule_keeps_more(regions, ratio):
    loss, score, predicted = (np.array(column) for column in zip(*regions, strict=True))
    kept = {rule: kept_by_rule(rule, loss, score, predicted, ratio) for rule in RULES}
    for prefix in ("", "local_", "both_"):
        both = kept["both"] if not prefix else kept[f"{prefix}both"]
        np.testing.assert_array_equal(both, kept[f"{prefix}loss"] & kept[f"{prefix}score"])
    assert (kept["both_loss"] >= kept["local_loss"]).all()
    assert (kept["both_score"] >= kept["local_score"]).all()
    assert kept["loss"].any()
    assert kept_by_rule("loss", loss, score, predicted, 1.0).all()


def test_rules_refuse_what_makes_no_sense():
    one = (np.ones(1), np.ones(1), np.zeros(1, int))
    with pytest.raises(ParameterError, match="no rule"):
        kept_by_rule("mixture", *one, 0.5)
    with pytest.raises(ParameterError, match="ratio"):
        kept_by_rule("loss", *one, 1.5)
    with pytest.raises(ParameterError):
        quantile_thresholds(np.ones(2), np.ones(1), np.zeros(1, int), 0.5)
    assert kept_by_rule("both", np.zeros(0), np.zeros(0), np.zeros(0, int), 0.5).shape == (0,)
    choices = SccParameters.__dataclass_fields__["rule"].metadata["choices"]
    assert choices == ("mixture", *RULES)


GRAPH = reference("graph.json")


@pytest.mark.parametrize(
    "case", GRAPH["cases"], ids=lambda c: f"{c['settings']}{' history' if c['history'] else ''}"
)
def test_dense_graph_is_the_published_one(case):
    names = scc_reference.SETTINGS
    history = {
        "history_features": np.array(GRAPH["history_features"]).reshape(-1, 16),
        "history_boxes": np.array(GRAPH["history_boxes"]).reshape(-1, 4),
    }
    found = published_adjacency(
        np.array(GRAPH["features"]),
        np.array(GRAPH["boxes_x1y1x2y2_normalized"]),
        **{names.get(name, name): value for name, value in case["settings"].items()},
        **(history if case["history"] else {}),
    )
    np.testing.assert_allclose(found, case["adjacency"], atol=1e-6)


def test_dense_graph_symmetric_normalisation_and_cross_weight():
    rng = np.random.default_rng(0)
    features, boxes = rng.random((5, 3)), rng.random((5, 4))
    plain = published_adjacency(features, boxes, topk=0, normalise="none")
    joined = published_adjacency(
        features[:3], boxes[:3], history_features=features[3:], history_boxes=boxes[3:],
        cross_weight=0.25, topk=0, normalise="none",
    )  # fmt: skip
    np.testing.assert_allclose(joined[:3, :3], plain[:3, :3])
    np.testing.assert_allclose(joined[3:, 3:], plain[3:, 3:])
    np.testing.assert_allclose(joined[:3, 3:], 0.25 * plain[:3, 3:])
    clamped = np.maximum(plain, 0)
    root = np.sqrt(clamped.sum(axis=1))
    found = published_adjacency(features, boxes, topk=0, clamp_negative=True)
    np.testing.assert_allclose(found, clamped / np.outer(root, root))


@pytest.mark.parametrize("change", [{"normalise": "both"}, {"topk": -1}, {"history_boxes": np.zeros((1, 4))}])
def test_dense_graph_refuses_what_makes_no_sense(change):
    with pytest.raises(ParameterError):
        published_adjacency(np.eye(2), np.zeros((2, 4)), **change)


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=20))
def test_min_max_is_within_0_and_1(values):
    scaled = min_max(torch.tensor(values, dtype=torch.float64))
    assert scaled.min() == 0
    assert scaled.max() <= 1
    if max(values) - min(values) > 1e-3:
        assert scaled.max() == pytest.approx(1, abs=1e-4)


def test_min_max_is_over_the_last_dimension_only():
    u = uncertainty(Parts(*torch.tensor([[[0.0, 1.0], [5.0, 7.0]]] * 3)))
    np.testing.assert_allclose(u, [[0, 3], [0, 3]], atol=1e-6)


def test_weights_fall_to_their_floor_and_beta_rises():
    weight = training_weight(torch.tensor([0.0, 0.5, 3.0]))
    np.testing.assert_allclose(weight, [1, np.exp(-1), 0.1], rtol=1e-6)
    assert [kl_weight(s, 10) for s in (0, 5, 10, 11)] == pytest.approx([1e-4, 5.05e-3, 1e-2, 1e-2])


def test_a_batch_without_classes_has_a_loss():
    zero, one = torch.zeros(3), torch.ones(3)
    assert float(training_loss(one, one, one, zero, beta=0.5)) == pytest.approx(1.5)
