from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common import store_digest
from seco_core.errors import ProjectError
from seco_core.graph import EdgeKind, similarity_vectors, standardise
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline
from seco_core.progress import Cancelled, CancelToken, ProgressEvent
from seco_core.project import Project
from seco_core.project.models import read_model
from seco_core.scc.correction import Verdict, correct_by_uncertainty
from seco_core.scc.rules import kept_by_rule
from tests.conftest import QUICK


def test_every_region_has_an_uncertainty_and_the_networks_are_kept(project_path: Path):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        regions = project.regions()
        parts = (regions.rec_error, regions.entropy, regions.kl)
        assert all(np.isfinite(values).all() for values in (regions.uncertainty, *parts))
        assert ((regions.unknown_score >= 0) & (regions.unknown_score <= 1)).all()
        scaled = sum((v - v.min()) / (v.max() - v.min()) for v in parts)
        np.testing.assert_allclose(regions.uncertainty, scaled, atol=1e-4)
        (row,) = project.connection.execute("SELECT * FROM models WHERE stage = 'scc-unc'").fetchall()
        data = (project_path / row["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        weights = read_model(project_path, row["file"])
        assert len(weights["fold"]) == len(regions)
        before = store_digest(project_path, ("runs",))
    (project_path / row["file"]).unlink()
    with pytest.raises(ProjectError, match="Run the pipeline again"):
        read_model(project_path, row["file"])
    run_pipeline(project_path, QUICK)
    assert (project_path / row["file"]).read_bytes() == data
    with Project.open(project_path) as project:
        np.testing.assert_array_equal(project.regions().uncertainty, regions.uncertainty)
    assert store_digest(project_path, ("runs", "models", "project_ledger")) != before


def test_graph_of_the_store_is_the_graph_that_was_stored(project_path: Path):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        regions = project.regions()
        row = len(regions) // 2
        of_one = []
        for kind in EdgeKind:
            graph = project.graph(kind=kind)
            assert graph.nnz
            assert (graph != graph.T).nnz == 0
            links = graph[row].tocoo()
            found = zip(links.col, links.data, strict=True)
            of_one += [(int(regions.id[j]), float(w), int(kind)) for j, w in found]
            some = project.graph(regions.id[1:], kind=kind)
            np.testing.assert_array_equal(some.toarray(), graph.toarray()[1:, 1:])
        neighbours = project.neighbours(int(regions.id[row]))
        assert sorted(of_one) == sorted(neighbours)
        weights = [weight for _, weight, _ in neighbours]
        assert weights == sorted(weights, reverse=True)
        assert project.neighbours(int(regions.id[-1]) + 1) == []


def test_links_of_regions_that_were_made_anew_are_void(project_path: Path):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        regions, graph = project.regions(), project.graph()
        fresh = regions.image_id == 1
        project.connection.execute("DELETE FROM ledger WHERE image_id = 1 AND stage = 'graph'")
        expected = graph.toarray() * np.outer(~fresh, ~fresh)
        np.testing.assert_array_equal(project.graph().toarray(), expected)
        for row, region_id in enumerate(regions.id.tolist()):
            alike = [other for other, _, kind in project.neighbours(region_id) if kind == EdgeKind.FEATURE]
            assert sorted(alike) == regions.id[np.flatnonzero(expected[row])].tolist()


def test_a_graph_whose_file_is_gone_is_made_again(project_path: Path):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        before = project.graph().toarray()
    (file,) = (project_path / "graph").iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    with Project.open(project_path) as project, pytest.raises(ProjectError, match="run the pipeline"):
        project.graph()
    file.unlink()
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        np.testing.assert_array_equal(project.graph().toarray(), before)
    assert [f.name for f in (project_path / "graph").iterdir()] == [file.name]


def test_positions_in_the_graph_are_shares_of_the_image_from_the_first_run_on(project_path: Path):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        first = project.regions()
        graph = project.graph().tocoo()
        features = np.concatenate([project.read_raster(i, "features") for i in range(3)])
    vectors = similarity_vectors(standardise(features), first.box / np.array([64, 48, 64, 48]))
    np.testing.assert_allclose(graph.data, (vectors @ vectors.T)[graph.row, graph.col], atol=1e-5)


def test_uncertainty_stage_runs_when_it_must(project_path: Path):
    run_pipeline(project_path, QUICK)

    def stages(parameters: Parameters) -> set[str]:
        events: list[ProgressEvent] = []
        run_pipeline(project_path, parameters, progress=events.append)
        return {e.stage for e in events if e.total}

    assert stages(QUICK.replace(**{"scc.uncertainty_epochs": 1})) == {"scc-unc", "noise", "refine"}
    assert stages(QUICK.replace(**{"graph.neighbours": 2})) == {"graph", "scc-unc", "noise", "refine"}
    assert stages(QUICK.replace(**{"graph.neighbours": 2, "scc.score": "loss"})) == {"noise", "refine"}
    assert stages(QUICK.replace(**{"graph.neighbours": 2, "scc.rule": "loss"})) == {"noise", "refine"}
    assert stages(QUICK.replace(**{"graph.neighbours": 2, "scc.rule": "score"})) == {"refine"}


@pytest.mark.parametrize("stop_at", ["graph", "scc-unc"])
def test_a_cancelled_run_leaves_no_gap_for_the_earlier_parameters(project_path: Path, stop_at: str):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        before = project.regions()
    cancel = CancelToken()
    other = QUICK.replace(**{"scc.epochs": 2, "graph.neighbours": 3})
    with pytest.raises(Cancelled):
        run_pipeline(
            project_path,
            other,
            progress=lambda e: cancel.cancel() if e.stage == stop_at else None,
            cancel=cancel,
        )
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        after = project.regions()
    for name in ("loss", "verdict", "uncertainty", "kl"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


def test_uncertainty_or_a_published_rule_can_decide(project_path: Path):
    run_pipeline(project_path, QUICK.replace(**{"scc.method": "uncertainty", "scc.certain_share": 0.5}))
    with Project.open(project_path) as project:
        r = project.regions()
    expected, _ = correct_by_uncertainty(r.class_id, r.uncertainty, r.probabilities, certain_share=0.5)
    np.testing.assert_array_equal(r.verdict, expected)
    assert (r.verdict == Verdict.DROP).any()
    rule = {"scc.rule": "local_loss", "scc.rule_ratio": 0.3, "scc.class_share": 0.0}
    run_pipeline(project_path, QUICK.replace(**rule))
    with Project.open(project_path) as project:
        r = project.regions()
    kept = kept_by_rule("local_loss", r.loss, r.probabilities.max(axis=1), r.predicted, 0.3)
    assert (r.verdict[kept] == Verdict.KEEP).all()
    sure = (r.probabilities.max(axis=1) > QUICK.scc.tau_cr) & (r.predicted == r.class_id)
    assert (r.verdict[~kept & ~sure] != Verdict.KEEP).all()


def test_graph_of_a_first_run_is_that_of_any_later_run(project_path: Path):
    run_pipeline(project_path, QUICK)
    query = "SELECT sha256 FROM models WHERE stage = 'graph'"
    with Project.open(project_path) as project:
        first = project.connection.execute(query).fetchone()["sha256"]
        project.connection.execute("DELETE FROM project_ledger WHERE stage = 'graph'")
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        assert project.connection.execute(query).fetchone()["sha256"] == first
