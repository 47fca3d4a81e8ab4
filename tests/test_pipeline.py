from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.common import store_digest
from seco_core.console import print_evaluation
from seco_core.dataset import Dataset
from seco_core.evaluate import evaluate
from seco_core.pipeline import run_pipeline
from seco_core.progress import Cancelled, CancelToken, ProgressEvent
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_core.scc.correction import Verdict
from seco_core.scheme import IGNORE, ClassScheme, load_scheme
from tests.conftest import QUICK


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


@pytest.mark.parametrize(
    "decide",
    [{"scc.method": "uncertainty", "scc.certain_share": 0.0}, {"scc.rule": "both", "scc.rule_ratio": 0.0}],
)
def test_decisions_hold_whatever_the_machine_says_and_undo_gives_that_back(
    project_path: Path, decide: dict[str, object]
):
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
        assert (project.curated(0)[mask] == 11).all()
        project.overrides.undo()
        regions = project.regions()
        assert regions.verdict[row] == Verdict.DROP
        assert regions.uncertainty[row] > 0
        assert regions.noise_score[row] > 0
        assert (project.curated(0)[mask] == IGNORE).all()


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


def test_overrides_hold_through_a_re_run(project_path: Path):
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


def test_evaluation_counts_regions_of_the_images_it_measures(tmp_path: Path, project_path: Path, capsys):
    run_pipeline(project_path, QUICK)
    (tmp_path / "data" / "image" / "frame_1.png").write_bytes(b"")
    run_pipeline(project_path, QUICK)
    (tmp_path / "data" / "ground_truth" / "frame_2.png").write_bytes(b"")
    with Project.open(project_path) as project:
        numbers = evaluate(project)
        assert (numbers["images"], len(numbers["problems"])) == (1, 1)
        assert numbers["regions"] == len(project.regions(0))
    print_evaluation(numbers)
    assert f"{numbers['regions']} regions, 0 decided by people" in capsys.readouterr().out


def test_cluster_makes_the_same_store(tmp_path: Path, dataset: Dataset):
    distributed = pytest.importorskip("distributed")
    for name in ("here", "there"):
        Project.create(tmp_path / name, load_scheme("cityscapes19"), dataset).close()
    run_pipeline(tmp_path / "here", QUICK)
    with distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster:
        result = run_pipeline(tmp_path / "there", QUICK, cluster=cluster.scheduler_address)
    assert result.done == 3
    assert store_digest(tmp_path / "here") == store_digest(tmp_path / "there")
