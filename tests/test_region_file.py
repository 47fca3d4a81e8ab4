"""The file of all regions says what the store says, or is not read."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic_projects import synthetic_project
from seco_core.parameters import Parameters
from seco_core.pipeline.ledger import Ledger
from seco_core.project import Project, RegionArrays
from seco_core.project.arrays import load_regions
from seco_core.project.region_file import FILE, keep_regions, read_kept
from seco_core.project.store import STORE_NAME


@pytest.fixture
def project(tmp_path: Path):
    with Project.open(synthetic_project(tmp_path, 3, (32, 48), 9, different=2)) as project:
        project.keep_regions(at_least=0)
        yield project


def _same(a: RegionArrays, b: RegionArrays) -> None:
    for field in fields(RegionArrays):
        x, y = getattr(a, field.name), getattr(b, field.name)
        assert x.dtype == y.dtype, field.name
        np.testing.assert_array_equal(x, y, err_msg=field.name)


def test_file_has_what_the_store_has(project: Project):
    kept = read_kept(project.connection, project.path)
    assert kept is not None
    _same(kept, load_regions(project.connection, project.scheme.size))
    _same(kept, project.regions())
    with Project.open(project.path, readonly=True) as other:
        assert read_kept(other.connection, other.path) is not None


def test_small_projects_go_without(tmp_path: Path):
    with Project.open(synthetic_project(tmp_path, 1, (32, 48), 9, different=1)) as project:
        project.keep_regions()
        assert not (project.path / FILE).exists()


@pytest.mark.parametrize("writer", ["verdicts", "uncertainty", "scores", "noise", "adopt"])
def test_what_the_pipeline_writes_is_seen(project: Project, writer: str):
    r = project.regions()
    other = np.linspace(0, 1, len(r), dtype=np.float32)
    ledger = Ledger.start_run(project, Parameters(), {}, "cpu")
    if writer == "verdicts":
        ledger.store_verdicts(r.id, (r.verdict + 1) % 3, "x")
    elif writer == "scores":
        ledger.store_scores(r.id, r.loss, other, r.predicted, r.probabilities, "x")
    elif writer == "noise":
        ledger.store_noise(r.id, other, other, other, "x")
    elif writer == "adopt":
        ledger.adopt_scores(project)
    else:
        with project.connection:
            project.connection.execute("UPDATE scores SET uncertainty = 0.5")
    assert read_kept(project.connection, project.path) is None
    _same(project.regions(), load_regions(project.connection, project.scheme.size))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE regions SET class_id = 3 WHERE id = 1",
        "DELETE FROM regions WHERE image_id = 1",
        "DELETE FROM scores",
    ],
)
def test_what_anybody_writes_is_seen(project: Project, statement: str):
    other = sqlite3.connect(project.path / STORE_NAME)
    with other:
        other.execute(statement)
    other.close()
    assert read_kept(project.connection, project.path) is None
    project.keep_regions(at_least=0)
    kept = read_kept(project.connection, project.path)
    assert kept is not None
    _same(kept, load_regions(project.connection, project.scheme.size))


def test_decisions_leave_it_alone(project: Project):
    from seco_core.project import Action
    from seco_core.project.overrides import Decision

    mask = np.ones((2, 2), dtype=bool)
    project.overrides.record([Decision(Action.IGNORE, 0, 255, (0, 0, 2, 2), mask, None)])
    assert read_kept(project.connection, project.path) is not None


@pytest.mark.parametrize("damage", [lambda d: d[: len(d) // 2], lambda d: b"", lambda d: b"no archive"])
def test_damaged_or_missing_file_is_not_read(project: Project, damage):
    file = project.path / FILE
    file.write_bytes(damage(file.read_bytes()))
    assert len(project.regions())
    assert read_kept(project.connection, project.path) is None
    file.unlink()
    assert len(project.regions())


def test_another_writer_meanwhile_leaves_the_file_unnamed(project: Project, monkeypatch):
    project.connection.execute("UPDATE regions SET area = area + 1")

    def read_while_another_writes(connection, n_classes):
        found = load_regions(connection, n_classes)
        other = sqlite3.connect(project.path / STORE_NAME)
        with other:
            other.execute("UPDATE regions SET class_id = 5")
        other.close()
        return found

    monkeypatch.setattr("seco_core.project.region_file.load_regions", read_while_another_writes)
    keep_regions(project.connection, project.path, project.scheme.size)
    assert read_kept(project.connection, project.path) is None
    assert (project.regions().class_id == 5).all()
