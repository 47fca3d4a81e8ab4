"""The most alike vectors: the definition, and what the cells make of it."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from seco_core import nearest as module
from seco_core.nearest import nearest


def unit_vectors(n=3000, dimensions=12, seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(60, dimensions))[rng.integers(0, 60, n)] + 0.5 * rng.normal(
        size=(n, dimensions)
    )
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def cells(monkeypatch):
    monkeypatch.setattr(module, "EXACT_UP_TO", 100)
    monkeypatch.setattr(module, "_CELL", 50)
    monkeypatch.setattr(module, "_PROBES", 12)


def test_cells_find_nearly_all_with_exact_products(cells, monkeypatch):
    vectors = unit_vectors()
    row, column, product = nearest(vectors, 8)
    assert (np.bincount(row, minlength=len(vectors)) == 8).all()
    assert (row != column).all()
    np.testing.assert_allclose(product, np.einsum("nd,nd->n", vectors[row], vectors[column]), atol=1e-6)
    monkeypatch.setattr(module, "EXACT_UP_TO", 10_000)
    exact = nearest(vectors, 8)
    n = len(vectors)
    found = np.isin(exact[0] * n + exact[1], row * n + column).mean()
    assert found > 0.95


def test_cells_give_the_same_whatever_the_threads(cells):
    vectors = unit_vectors()
    with threadpool_limits(1):
        one = nearest(vectors, 5)
    with threadpool_limits(4):
        four = nearest(vectors, 5)
    for first, second in zip(one, four, strict=True):
        np.testing.assert_array_equal(first, second)


def test_probing_every_cell_is_exact(cells, monkeypatch):
    vectors = unit_vectors(400)
    monkeypatch.setattr(module, "_PROBES", 99)
    some = nearest(vectors, 7)
    monkeypatch.setattr(module, "EXACT_UP_TO", 10_000)
    for first, second in zip(some, nearest(vectors, 7), strict=True):
        np.testing.assert_array_equal(first, second)
