"""The graph's file: what goes in comes out."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seco_core.errors import ProjectError
from seco_core.graph import EdgeKind, RelationalGraph, neighbours_of
from seco_core.project.graph_file import read_graph, write_graph


def random_graph(n, seed):
    rng = np.random.default_rng(seed)
    a, b = np.triu_indices(n, k=1)
    parts = []
    for kind in EdgeKind:
        kept = rng.random(len(a)) < 0.3
        parts.append(
            (a[kept], b[kept], rng.random(kept.sum()).astype(np.float32) + 0.01, np.full(kept.sum(), kind))
        )
    return RelationalGraph(*(np.concatenate(p) for p in zip(*parts, strict=True)))


@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 25), seed=st.integers(0, 1000))
def test_a_stored_graph_is_the_graph(tmp_path_factory, n, seed):
    root = tmp_path_factory.mktemp("project")
    rng = np.random.default_rng(seed)
    graph, ids = random_graph(n, seed), np.sort(rng.choice(1000, n, replace=False))
    file, digest = write_graph(root, ids, graph)
    assert hashlib.sha256((root / file).read_bytes()).hexdigest() == digest
    stored = read_graph(root, file)
    np.testing.assert_array_equal(stored.region_ids, ids)
    asked = np.unique(np.concatenate([ids[rng.random(n) < 0.6], rng.integers(0, 1000, 3)]))
    usable = rng.random(n) < 0.8
    for kind in EdgeKind:
        dense = neighbours_of(graph, n, kind=kind).toarray()
        np.testing.assert_array_equal(stored.links[kind].toarray(), dense)
        np.testing.assert_array_equal(stored.between(ids, kind, np.ones(n, bool)).toarray(), dense)
        expected = np.zeros((1000, 1000), np.float32)
        expected[np.ix_(ids[usable], ids[usable])] = dense[np.ix_(usable, usable)]
        between = stored.between(asked, kind, usable)
        np.testing.assert_array_equal(between.toarray(), expected[np.ix_(asked, asked)])
        assert between.has_sorted_indices
    for row in range(min(n, 3)):
        found = {(region, kind): weight for region, weight, kind in stored.of(int(ids[row]))}
        for kind in EdgeKind:
            dense = stored.links[kind].toarray()[row]
            links = {(int(ids[j]), int(kind)): dense[j] for j in np.flatnonzero(dense)}
            assert links == {key: weight for key, weight in found.items() if key[1] == kind}


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"no array" + data[8:]])
def test_a_damaged_file_is_named(tmp_path, damage):
    file, _ = write_graph(tmp_path, np.arange(9), random_graph(9, 0))
    (tmp_path / file).write_bytes(damage((tmp_path / file).read_bytes()))
    with pytest.raises(ProjectError, match=file.rpartition("/")[2]):
        read_graph(tmp_path, file)
