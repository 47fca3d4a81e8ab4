from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import write_dataset
from PIL import Image

from benchmarks.common import store_digest
from seco_core.dataset import Dataset
from seco_core.errors import ParameterError, ProjectError, StorageFullError
from seco_core.evaluate import evaluate
from seco_core.export import export
from seco_core.graph import EdgeKind, similarity_vectors, standardise
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline
from seco_core.progress import Cancelled, CancelToken, ProgressEvent
from seco_core.project import Action, Project
from seco_core.project.models import read_model
from seco_core.project.overrides import Decision
from seco_core.scc.correction import Verdict, correct_by_uncertainty
from seco_core.scc.rules import kept_by_rule
from seco_core.scheme import ClassScheme, load_scheme

QUICK = Parameters().replace(
    **{
        "masks.parts": 100,
        "scc.epochs": 3,
        "scc.folds": 2,
        "scc.uncertainty_epochs": 2,
        "psa.min_region_area": 20,
        "device": "cpu",
    }
)


def test_run_scores_every_region_and_reaches_a_curated_map(project_path: Path):
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.up_to_date, result.skipped, result.exit_code) == (3, 0, (), 0)
    with Project.open(project_path) as project:
        regions = project.regions()
        assert len(regions) >= 9
        assert not np.isnan(regions.noise_score).any()
        np.testing.assert_allclose(regions.probabilities.sum(axis=1), 1, atol=1e-5)
        assert project.neighbours(int(regions.id[0]))
        for record in project.images:
            region_ids = project.read_region_ids(record.id)
            rows = regions.rows_of(record.id)
            area = np.bincount(region_ids.ravel(), minlength=rows.stop - rows.start + 1)[1:]
            np.testing.assert_array_equal(area, regions.area[rows])
            assert (project.curated(record.id, "all") != 255).mean() > 0.97
        assert project.runs()[-1].parameters == QUICK
        assert project.runs()[-1].status == "finished"


def test_two_runs_make_identical_stores_on_any_number_of_workers(tmp_path: Path, dataset: Dataset):
    for name, workers in (("one", 1), ("two", 3)):
        Project.create(tmp_path / name, load_scheme("cityscapes19"), dataset).close()
        run_pipeline(tmp_path / name, QUICK.replace(workers=workers))
    without = ("runs",)  # records the number of workers
    assert store_digest(tmp_path / "one", without) == store_digest(tmp_path / "two", without)


def test_second_run_has_nothing_to_do(project_path: Path):
    run_pipeline(project_path, QUICK)
    before = store_digest(project_path, ("runs",))
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.up_to_date) == (0, 3)
    assert store_digest(project_path, ("runs",)) == before


def test_cancelled_run_goes_on_where_it_stopped(project_path: Path):
    cancel = CancelToken()
    seen: list[ProgressEvent] = []

    def stop_after_one(event: ProgressEvent) -> None:
        seen.append(event)
        if event.stage == "psa" and event.done == 1:
            cancel.cancel()

    with pytest.raises(Cancelled):
        run_pipeline(project_path, QUICK.replace(workers=1), progress=stop_after_one, cancel=cancel)
    with Project.open(project_path) as project:
        done = sum(r.status == "done" for r in project.images)
        assert 1 <= done < 3
        assert project.runs()[-1].status == "cancelled"
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.up_to_date) == (3 - done, done)


def test_changed_thresholds_do_not_run_psa_again(project_path: Path):
    run_pipeline(project_path, QUICK)
    events: list[ProgressEvent] = []
    result = run_pipeline(project_path, QUICK.replace(**{"scc.tau_ns": 0.3}), progress=events.append)
    assert result.done == 0
    assert {e.stage for e in events if e.total} == {"refine"}


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
    with pytest.raises(ProjectError, match="run the pipeline"):
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


@pytest.mark.parametrize(
    "decide",
    [{"scc.method": "uncertainty", "scc.certain_share": 0.0}, {"scc.rule": "both", "scc.rule_ratio": 0.0}],
)
def test_what_a_person_decided_is_certain_and_kept(project_path: Path, decide: dict[str, object]):
    parameters = QUICK.replace(**{"scc.class_share": 0.0, **decide})
    run_pipeline(project_path, parameters)
    with Project.open(project_path) as project:
        dropped = np.flatnonzero(project.regions().verdict == Verdict.DROP)
        row = int(dropped[project.regions().image_id[dropped] == 0][0])
        mask = project.read_region_ids(0) == row + 1
        box = (0, 0, mask.shape[1], mask.shape[0])
        project.overrides.record([Decision(Action.RELABEL, 0, 11, box, mask)])
    run_pipeline(project_path, parameters)
    with Project.open(project_path) as project:
        assert project.regions().verdict[row] == Verdict.KEEP
        assert project.regions().uncertainty[row] == 0


def test_other_encoder_keeps_the_regions(project_path: Path):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        before = project.regions()
        width = project.read_raster(0, "features").shape[1]
    run_pipeline(project_path, QUICK.replace(**{"scc.encoder": "timm:test_resnet"}))
    with Project.open(project_path) as project:
        after = project.regions()
        assert project.read_raster(0, "features").shape[1] != width
    np.testing.assert_array_equal(before.box, after.box)
    assert not np.array_equal(before.loss, after.loss)


def test_going_back_and_forth_between_parameters_never_leaves_regions_unscored(project_path: Path):
    run_pipeline(project_path, QUICK)
    other = QUICK.replace(**{"psa.min_region_area": 200})
    cancel = CancelToken()

    def stop_before_scc(event: ProgressEvent) -> None:
        if event.stage == "scc":
            cancel.cancel()

    with pytest.raises(Cancelled):
        run_pipeline(project_path, other, progress=stop_before_scc, cancel=cancel)
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        assert not np.isnan(project.regions().noise_score).any()


def spoil_truncated(data: Path) -> None:
    path = data / "image" / "frame_1.png"
    path.write_bytes(path.read_bytes()[:200])


def spoil_class_id(data: Path) -> None:
    Image.fromarray(np.full((48, 64), 77, np.uint8)).save(data / "pseudo_label" / "frame_1.png")


def spoil_size(data: Path) -> None:
    Image.fromarray(np.zeros((48, 30), np.uint8)).save(data / "pseudo_label" / "frame_1.png")


def spoil_mode(data: Path) -> None:
    Image.new("1", (64, 48)).save(data / "pseudo_label" / "frame_1.png")


def spoil_all_ignore(data: Path) -> None:
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save(data / "pseudo_label" / "frame_1.png")


def spoil_missing(data: Path) -> None:
    (data / "confidence" / "frame_1.png").unlink()


@pytest.mark.parametrize(
    "spoil", [spoil_truncated, spoil_class_id, spoil_size, spoil_mode, spoil_all_ignore, spoil_missing]
)
def test_bad_image_is_reported_and_the_rest_goes_on(tmp_path: Path, project_path: Path, spoil):
    spoil(tmp_path / "data")
    result = run_pipeline(project_path, QUICK)
    assert result.done == 2
    assert result.exit_code == 1
    ((name, error),) = result.skipped
    assert name == "frame_1"
    assert "frame_1" in str(error)
    with Project.open(project_path) as project:
        assert [r.status for r in project.images] == ["done", "skipped", "done"]
        assert project.images[1].problem
        assert not np.isnan(project.regions().noise_score).any()


def test_image_that_turns_bad_keeps_what_was_stored(tmp_path: Path, project_path: Path):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        before = project.regions(1)
    good = (tmp_path / "data" / "image" / "frame_1.png").read_bytes()
    spoil_truncated(tmp_path / "data")
    assert run_pipeline(project_path, QUICK).exit_code == 1
    with Project.open(project_path) as project:
        np.testing.assert_array_equal(project.regions(1).box, before.box)
        assert not np.isnan(project.regions(1).noise_score).any()
    (tmp_path / "data" / "image" / "frame_1.png").write_bytes(good)
    assert run_pipeline(project_path, QUICK).exit_code == 0


@pytest.mark.parametrize("kind", ["regions", "features"])
def test_deleted_raster_is_made_again(project_path: Path, kind: str):
    run_pipeline(project_path, QUICK)
    file = next((project_path / "rasters" / kind).glob("000001-*"))
    before = file.read_bytes()
    file.unlink()
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.up_to_date) == (1, 2)
    with Project.open(project_path) as project:
        assert not np.isnan(project.regions().noise_score).any()
    assert file.read_bytes() == before


def test_skipped_image_is_left_out_of_the_export_and_named(tmp_path: Path, project_path: Path):
    run_pipeline(project_path, QUICK)
    (tmp_path / "data" / "image" / "frame_1.png").unlink()
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        report = export(project, tmp_path / "out", state="all")
    assert report.images == 2
    assert "frame_1" in str(report.problems[0])
    assert "frame_1" not in (tmp_path / "out" / "labeled.txt").read_text()


def test_dataset_that_has_gone_is_exit_code_two(tmp_path: Path, project_path: Path):
    run_pipeline(project_path, QUICK)
    (tmp_path / "data" / "image").rename(tmp_path / "elsewhere")
    result = run_pipeline(project_path, QUICK)
    assert result.exit_code == 2
    with Project.open(project_path) as project:
        assert not np.isnan(project.regions().noise_score).any(), "what was stored stays"


def test_two_runs_of_one_project_at_once_are_refused(project_path: Path):
    refused: list[ProjectError] = []

    def run_again(event: ProgressEvent) -> None:
        if event.stage == "psa" and not refused:
            with pytest.raises(ProjectError, match="another run") as caught:
                run_pipeline(project_path, QUICK)
            refused.append(caught.value)

    assert run_pipeline(project_path, QUICK, progress=run_again).exit_code == 0
    assert len(refused) == 1


def test_graph_of_a_first_run_is_that_of_any_later_run(project_path: Path):
    run_pipeline(project_path, QUICK)
    query = "SELECT sha256 FROM models WHERE stage = 'graph'"
    with Project.open(project_path) as project:
        first = project.connection.execute(query).fetchone()["sha256"]
        project.connection.execute("DELETE FROM project_ledger WHERE stage = 'graph'")
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        assert project.connection.execute(query).fetchone()["sha256"] == first


def test_run_cancelled_between_scores_and_verdicts_does_not_keep_everything(project_path: Path):
    strict = QUICK.replace(**{"scc.tau_ns": 0.0, "scc.class_share": 0.0})
    run_pipeline(project_path, strict)
    with Project.open(project_path) as project:
        verdicts = project.regions().verdict
    assert verdicts.any()
    cancel = CancelToken()

    def stop_before_refinement(event: ProgressEvent) -> None:
        if event.stage == "graph" or (event.stage == "scc" and event.done == event.total):
            cancel.cancel()

    with pytest.raises(Cancelled):
        run_pipeline(project_path, strict.replace(seed=5), progress=stop_before_refinement, cancel=cancel)
    run_pipeline(project_path, strict)
    with Project.open(project_path) as project:
        np.testing.assert_array_equal(project.regions().verdict, verdicts)


def test_class_map_of_the_machine_does_not_depend_on_overrides(project_path: Path):
    run_pipeline(project_path, QUICK.replace(seed=1))
    with Project.open(project_path) as project:
        before = project.read_psa(0)
        mask = np.random.default_rng(0).random((30, 40)) < 0.5
        project.overrides.record([Decision(Action.RELABEL, 0, 11, (10, 5, 50, 35), mask)])
        project.connection.execute("DELETE FROM ledger")
    run_pipeline(project_path, QUICK.replace(seed=1))
    with Project.open(project_path) as project:
        np.testing.assert_array_equal(project.read_psa(0), before)


def test_nothing_is_predicted_that_is_no_class(tmp_path: Path, dataset: Dataset):
    classes = [{"id": i, "name": f"c{i}", "color": [i, 0, 0], "kind": "stuff"} for i in (2, 8, 10)]
    scheme = ClassScheme.from_dict({"name": "gaps", "ignore": 0, "classes": classes})
    Project.create(tmp_path / "gaps", scheme, dataset).close()
    run_pipeline(tmp_path / "gaps", QUICK)
    with Project.open(tmp_path / "gaps") as project:
        regions = project.regions()
        assert set(np.unique(regions.predicted)) <= {2, 8, 10}
        np.testing.assert_allclose(regions.probabilities[:, [2, 8, 10]].sum(axis=1), 1, atol=1e-5)


def test_nothing_usable_is_exit_code_two(tmp_path: Path, project_path: Path):
    for i in range(3):
        (tmp_path / "data" / "image" / f"frame_{i}.png").write_bytes(b"")
    assert run_pipeline(project_path, QUICK).exit_code == 2


def test_image_of_one_pixel(tmp_path: Path):
    dataset = write_dataset(tmp_path / "data")
    Image.new("RGB", (1, 1)).save(tmp_path / "data" / "image" / "frame_1.png")
    for kind in ("pseudo_label", "confidence"):
        Image.new("L", (1, 1)).save(tmp_path / "data" / kind / "frame_1.png")
    Project.create(tmp_path / "project", load_scheme("cityscapes19"), dataset).close()
    assert run_pipeline(tmp_path / "project", QUICK).exit_code == 0
    with Project.open(tmp_path / "project") as project:
        assert project.curated(1, "all").shape == (1, 1)


def test_overrides_hold_through_a_re_run_and_teach(project_path: Path):
    run_pipeline(project_path, QUICK)
    mask = np.zeros((10, 30), dtype=bool)
    mask[2:9, 3:28] = True
    with Project.open(project_path) as project:
        project.overrides.record([Decision(Action.RELABEL, 0, 11, (8, 4, 38, 14), mask)])
    run_pipeline(project_path, QUICK.replace(**{"psa.min_region_area": 5, "seed": 3}))
    with Project.open(project_path) as project:
        for state in ("all", "clean", "reviewed"):
            assert (project.curated(0, state)[4:14, 8:38][mask] == 11).all()
        assert (project.curated(0, "reviewed") != 255).sum() == mask.sum()
        region_ids = project.read_region_ids(0)
        inside = np.zeros(region_ids.shape, bool)
        inside[4:14, 8:38] = mask
        cut = np.unique(region_ids[inside])
        assert not np.isin(region_ids[~inside], cut).any(), "regions are cut along the override"
        rows = project.regions(0)
        assert (rows.noise_score[cut - 1] == 0).all()
        project.overrides.undo()
        assert (project.curated(0, "all")[4:14, 8:38] != 11).any()


def test_pipeline_does_not_open_ground_truth(tmp_path: Path, project_path: Path):
    for path in (tmp_path / "data" / "ground_truth").iterdir():
        path.write_bytes(b"not to be read")
    assert run_pipeline(project_path, QUICK).exit_code == 0


def test_evaluation_counts_what_can_be_counted_by_hand(project_path: Path, dataset: Dataset):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        numbers = evaluate(project)
    wrong = [
        (np.array(Image.open(s.pseudo_label)) != np.array(Image.open(s.ground_truth))).mean()
        for s in dataset.samples
    ]
    assert numbers["accuracy_raw"] == pytest.approx(1 - np.mean(wrong))
    assert numbers["coverage_raw"] == 1
    assert numbers["purity_raw"] == pytest.approx(1, abs=0.2)
    assert numbers["images"] == 3
    for name in ("miou_psa", "miou_curated", "coverage_curated", "auroc_noise_score", "noise_rate"):
        assert name in numbers
    for score in ("uncertainty", "entropy"):
        assert {f"auroc_{score}", f"ap_{score}", f"precision10_{score}"} <= set(numbers)


def test_crash_of_a_library_is_a_skipped_image(project_path: Path, monkeypatch: pytest.MonkeyPatch):
    import seco_core.pipeline.image_work as work

    real = work.aggregate

    def crash(pseudo_label, *rest):
        if crash.left:
            crash.left -= 1
            raise ZeroDivisionError("deep inside")
        return real(pseudo_label, *rest)

    crash.left = 1
    monkeypatch.setattr(work, "aggregate", crash)
    result = run_pipeline(project_path, QUICK.replace(workers=1))
    assert result.exit_code == 1
    assert "ZeroDivisionError" in str(result.skipped[0][1])


def test_cluster_makes_the_same_store(tmp_path: Path, dataset: Dataset):
    distributed = pytest.importorskip("distributed")
    for name in ("here", "there"):
        Project.create(tmp_path / name, load_scheme("cityscapes19"), dataset).close()
    run_pipeline(tmp_path / "here", QUICK)
    with distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster:
        result = run_pipeline(tmp_path / "there", QUICK, cluster=cluster.scheduler_address)
    assert result.done == 3
    assert store_digest(tmp_path / "here") == store_digest(tmp_path / "there")


def test_cluster_that_does_not_answer(project_path: Path):
    pytest.importorskip("distributed")
    with pytest.raises(ParameterError, match="dask scheduler"):
        run_pipeline(project_path, QUICK, cluster="tcp://127.0.0.1:1")


def test_full_disk_in_the_middle_loses_nothing(project_path: Path, monkeypatch: pytest.MonkeyPatch):
    real, left = os.fsync, [6]

    def full_after_some(fd: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_after_some)
        with pytest.raises(StorageFullError, match="space"):
            run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        assert [r.status for r in project.images] == ["done", "new", "new"]
        assert project.read_psa(0) is not None
        assert project.runs()[-1].status == "failed"
    result = run_pipeline(project_path, QUICK)
    assert (result.done, result.up_to_date) == (2, 1)
