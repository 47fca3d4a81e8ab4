from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.common import store_digest
from seco_core.errors import ProjectError
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline, teach
from seco_core.progress import Cancelled, CancelToken, ProgressEvent
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from tests.test_pipeline import QUICK


def decide(project: Project, image_id: int, number: int, class_id: int) -> int:
    """Relabel the region of a number in an image; its row."""
    mask = project.read_region_ids(image_id) == number
    box = (0, 0, mask.shape[1], mask.shape[0])
    project.overrides.record([Decision(Action.RELABEL, image_id, class_id, box, mask)])
    return project.regions().rows_of(image_id).start + number - 1


def stages(path: Path, parameters: Parameters = QUICK) -> set[str]:
    events: list[ProgressEvent] = []
    run_pipeline(path, parameters, progress=events.append)
    return {e.stage for e in events if e.total}


def test_teaching_changes_scores_and_a_run_finds_them_up_to_date(scored: Path):
    with Project.open(scored) as project:
        row = decide(project, 0, 2, 11)
        before = project.regions()
    events: list[ProgressEvent] = []
    result = teach(scored, QUICK, progress=events.append)
    assert result.taught == 1
    assert max(e.total for e in events if e.stage == "scc") == 10, "trained further, not anew"
    assert "graph" not in {e.stage for e in events}
    with Project.open(scored) as project:
        after = project.regions()
        others = np.arange(len(after)) != row
        moved = np.abs(after.noise_score - before.noise_score)[others] >= 0.01
        assert result.changed == moved.sum()
        assert not np.array_equal(after.loss, before.loss)
        assert project.runs()[-1].status == "finished"
        assert project.runs()[-1].summary["taught"] == 1
    digest = store_digest(scored, ("runs",))
    assert stages(scored) == set()
    assert store_digest(scored, ("runs",)) == digest
    assert not list((scored / "models").glob("*.tmp"))


def test_teaching_twice_trains_once(scored: Path):
    with Project.open(scored) as project:
        decide(project, 0, 2, 11)
    teach(scored, QUICK)
    digest = store_digest(scored)
    assert teach(scored, QUICK).taught == 0
    assert store_digest(scored) == digest


def test_undo_is_taught_too(scored: Path):
    with Project.open(scored) as project:
        row = decide(project, 0, 2, 11)
        teach(scored, QUICK)
        project.overrides.undo()
    assert teach(scored, QUICK).taught == 0
    with Project.open(scored) as project:
        assert project.regions().noise_score[row] > 0


def test_what_is_taken_back_meanwhile_is_not_learnt(scored: Path):
    with Project.open(scored) as project:
        decide(project, 0, 2, 11)
        teach(scored, QUICK)
        expected = project.regions()
        decide(project, 1, 1, 5)
        began = 0

        def take_back(event: ProgressEvent) -> None:
            nonlocal began
            if event.stage == "noise" and event.done == 0:
                began += 1
                if began == 1:
                    project.overrides.undo()

        teach(scored, QUICK, progress=take_back)
        found = project.regions()
    np.testing.assert_array_equal(found.noise_score, expected.noise_score)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_parameters_of_another_encoder_are_refused(scored: Path):
    with Project.open(scored) as project:
        decide(project, 0, 2, 11)
    with pytest.raises(ProjectError, match="Run the pipeline"):
        teach(scored, QUICK.replace(**{"scc.encoder": "cnn"}))


def test_cancelled_teaching_leaves_everything_as_it_was(scored: Path):
    with Project.open(scored) as project:
        decide(project, 0, 2, 11)
    digest, files = store_digest(scored, ("runs",)), sorted((scored / "models").iterdir())
    for stage in ("scc", "scc-unc", "refine"):
        cancel = CancelToken()
        with pytest.raises(Cancelled):
            teach(
                scored,
                QUICK,
                cancel=cancel,
                progress=lambda e, stage=stage, cancel=cancel: cancel.cancel() if e.stage == stage else None,
            )
        assert store_digest(scored, ("runs",)) == digest
        assert sorted((scored / "models").iterdir()) == files
    with Project.open(scored) as project:
        assert project.runs()[-1].status == "cancelled"


def test_decisions_made_meanwhile_are_kept_and_seen(scored: Path):
    with Project.open(scored) as project:
        decide(project, 0, 2, 11)
        late: list[int] = []

        def decide_more(event: ProgressEvent) -> None:
            if not late:
                late.append(decide(project, 1, 1, 12))  # a key press of the window, which must not wait

        teach(scored, QUICK, progress=decide_more)
        assert len(project.overrides) == 2
        assert (project.curated(1)[project.read_region_ids(1) == 1] == 12).all()
    assert "scc" in stages(scored), "the later decision has not been taught yet"


def test_teaching_needs_scores_of_the_present_regions(project_path: Path):
    with pytest.raises(ProjectError, match="Run the pipeline first"):
        teach(project_path, QUICK)
    run_pipeline(project_path, QUICK)
    with pytest.raises(ProjectError, match="Run the pipeline first"):
        teach(project_path, QUICK.replace(**{"graph.neighbours": 3}))


def test_teaching_and_a_run_exclude_each_other(scored: Path):
    with Project.open(scored) as project:
        decide(project, 0, 2, 11)
    refused = []

    def run_too(event: ProgressEvent) -> None:
        if not refused:
            with pytest.raises(ProjectError, match="another run") as caught:
                run_pipeline(scored, QUICK)
            refused.append(caught.value)

    teach(scored, QUICK, progress=run_too)
    assert refused


def test_without_networks_to_go_on_from_the_training_is_a_full_one(scored: Path):
    for file in (scored / "models").glob("scc-[0-9a-f]*.npz"):
        file.unlink()
    with Project.open(scored) as project:
        decide(project, 0, 2, 11)
    events: list[ProgressEvent] = []
    teach(scored, QUICK, progress=events.append)
    assert max(e.total for e in events if e.stage == "scc") == QUICK.scc.epochs


def test_further_training_is_the_same_each_time(tmp_path: Path, scored: Path):
    import shutil

    with Project.open(scored) as project:
        decide(project, 0, 2, 11)
    shutil.copytree(scored, tmp_path / "copy")
    teach(scored, QUICK)
    teach(tmp_path / "copy", QUICK)
    without = ("runs", "meta")
    assert store_digest(scored, without) == store_digest(tmp_path / "copy", without)
