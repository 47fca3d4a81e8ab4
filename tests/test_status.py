from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from seco_core.cli import app
from seco_core.errors import SecoError
from seco_core.pipeline import apply_thresholds, run_pipeline, teach
from seco_core.pipeline.freshness import StageState
from seco_core.pipeline.ledger import Ledger
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from seco_core.scc.correction import Verdict
from seco_core.status import Status, status
from tests.conftest import QUICK

BEHIND = {"scc", "scc-unc", "noise", "refine"}


def look(path: Path) -> Status:
    with Project.open(path, readonly=True) as project:
        return status(project)


def seco(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def accept(path: Path, row: int) -> None:
    with Project.open(path) as project:
        r = project.regions()
        image, (x0, y0, x1, y1) = int(r.image_id[row]), r.box[row].tolist()
        ids = project.read_region_ids(image)
        assert ids is not None
        mask = ids[y0:y1, x0:x1] == row - r.rows_of(image).start + 1
        class_id, region_id = int(r.class_id[row]), int(r.id[row])
        project.overrides.record(
            [Decision(Action.ACCEPT, image, class_id, (x0, y0, x1, y1), mask, region_id)]
        )


def test_a_new_project_is_all_to_do(project_path: Path):
    found = look(project_path)
    assert found.images == {"up to date": 0, "stale": 0, "to do": 3, "skipped": 0}
    assert set(found.stages.values()) == {StageState.TO_DO}
    assert (found.regions, found.forecast, found.last_run, found.exit_code) == (0, None, None, 1)
    assert found.next == (f"seco run --project {project_path}",)


def test_commands_that_come_next_can_be_typed_as_they_are(project_path: Path):
    path = project_path.rename(project_path.with_name("my #1 project"))
    command, *arguments = shlex.split(look(path).next[0], comments=True)
    assert (command, arguments) == ("seco", ["run", "--project", str(path)])


def test_what_a_run_has_done_is_up_to_date_and_counted(scored: Path):
    found = look(scored)
    assert set(found.stages.values()) == {StageState.UP_TO_DATE}
    assert found.exit_code == 0
    with Project.open(scored, readonly=True) as project:
        r = project.regions()
    assert found.regions == len(r) == sum(found.verdicts.values())
    assert found.flagged == np.count_nonzero(r.verdict != Verdict.KEEP)
    assert found.forecast is not None
    assert 0 < found.forecast.now_low <= found.forecast.now <= found.forecast.now_high <= 1


def test_decisions_are_counted_and_wait_to_be_taught(scored: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("seco_core.project.override_log._author", lambda: "ada")
    accept(scored, 0)
    accept(scored, 1)
    monkeypatch.setattr("seco_core.project.override_log._author", lambda: "bob")
    accept(scored, 2)
    found = look(scored)
    assert (found.overrides, found.reviewed, found.by) == (3, 3, {"ada": 2, "bob": 1})
    with Project.open(scored) as project:
        area = project.regions().area
        assert found.reviewed_area == pytest.approx(area[:3].sum() / area.sum())
    assert {name for name, state in found.stages.items() if state is StageState.DECIDED_SINCE} == BEHIND
    assert found.exit_code == 0
    assert any(step.startswith("seco teach") for step in found.next)
    teach(scored, QUICK)
    assert set(look(scored).stages.values()) == {StageState.UP_TO_DATE}
    with Project.open(scored) as project:
        project.overrides.undo()
    assert look(scored).by == {"ada": 2}


def test_other_thresholds_leave_nothing_stale(scored: Path):
    apply_thresholds(scored, QUICK.replace(**{"scc.tau_ns": 0.3}))
    assert set(look(scored).stages.values()) == {StageState.UP_TO_DATE}


@pytest.mark.parametrize("changes", [{}, {"workers": 1, "foreign_ids": "ignore"}])
def test_a_run_that_had_nothing_to_do_leaves_only_decisions_to_be_learnt(scored: Path, changes: dict):
    assert run_pipeline(scored, QUICK.replace(**changes)).done == 0
    accept(scored, 0)
    found = look(scored)
    assert {name for name, state in found.stages.items() if state is StageState.DECIDED_SINCE} == BEHIND
    assert found.exit_code == 0


def test_a_changed_file_makes_its_image_stale_and_a_copied_one_does_not(scored: Path, tmp_path: Path):
    label = tmp_path / "data" / "pseudo_label" / "frame_1.png"
    os.utime(label, (1, 1))
    assert look(scored).images["up to date"] == 3
    shutil.copy(tmp_path / "data" / "pseudo_label" / "frame_2.png", label)
    found = look(scored)
    assert found.images == {"up to date": 2, "stale": 1, "to do": 0, "skipped": 0}
    assert set(found.stages.values()) == {StageState.STALE}
    assert found.exit_code == 1
    assert found.next[0] == f"seco run --project {scored}"


def test_skipped_images_are_named_with_the_reason(scored: Path, tmp_path: Path):
    (tmp_path / "data" / "pseudo_label" / "frame_1.png").write_bytes(b"\x89PNG\r\n")
    run_pipeline(scored, QUICK)
    done = seco("status", scored)
    assert done.exit_code == 1, done.output
    assert "2 up to date, 1 skipped" in done.output
    assert "skipped frame_1" in done.output
    assert "put right" in done.output


def test_a_run_with_other_parameters_that_was_stopped_leaves_stages_stale(scored: Path):
    with Project.open(scored) as project:
        sources = project.runs()[-1].sources
        other = QUICK.replace(**{"scc.epochs": 4})
        Ledger.start_run(project, other, sources, "cpu").end_run("cancelled", {})
    found = look(scored)
    assert {name for name, state in found.stages.items() if state is StageState.STALE} == BEHIND
    assert found.exit_code == 1


def test_scores_made_by_other_weights_are_stale_and_not_waiting_for_decisions(
    scored: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("seco_core.pipeline.signatures.fitted_weights", lambda profile: {"doubt": 1.0})
    found = look(scored)
    stale = {name for name, state in found.stages.items() if state is StageState.STALE}
    assert (stale, found.exit_code) == ({"noise", "refine"}, 1)
    assert found.next[0] == f"seco run --project {scored}"


def test_scores_that_are_being_stored_are_unfinished(scored: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise SecoError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("seco_core.pipeline.ledger.Ledger._write_rows", fail)
        with pytest.raises(SecoError):
            run_pipeline(scored, QUICK.replace(seed=1))
    found = look(scored)
    assert found.stages["scc"] is StageState.UNFINISHED
    assert found.stages["refine"] is StageState.TO_DO
    assert found.without_verdict == found.regions
    assert (found.forecast, found.exit_code) == (None, 1)


def test_json_holds_everything_and_nothing_is_written(scored: Path):
    before = {p: p.read_bytes() for p in sorted(scored.rglob("*")) if p.is_file()}
    done = seco("status", scored, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["images"]["up to date"] == 3
    assert told["stages"]["graph"] == "up to date"
    assert told["exit_code"] == 0
    assert told["forecast"]["now"] > 0
    assert {p: p.read_bytes() for p in before} == before
    assert seco("status", scored.parent).exit_code == 2


def test_it_is_told_while_another_holds_the_project(scored: Path):
    with Project.open(scored) as project:
        project.connection.execute("BEGIN IMMEDIATE")
        assert look(scored).regions > 0
        project.connection.execute("ROLLBACK")
