"""What a run that was stopped leaves is told from what one that finished leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seco_core.errors import ExportError, ProjectError
from seco_core.evaluate import evaluate
from seco_core.export import export
from seco_core.pipeline import apply_thresholds, run_pipeline, teach
from seco_core.progress import Cancelled, CancelToken, ProgressEvent
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from tests.conftest import QUICK

OTHER = QUICK.replace(**{"seed": 5, "scc.tau_ns": 0.3})


def stop_after(path: Path, stage: str) -> None:
    cancel = CancelToken()

    def stop(event: ProgressEvent) -> None:
        if event.stage == stage and event.done == event.total:
            cancel.cancel()

    with pytest.raises(Cancelled):
        run_pipeline(path, OTHER, progress=stop, cancel=cancel)


@pytest.mark.parametrize("stage", ["psa", "scc"])
def test_nothing_is_exported_or_taught_by_verdicts_that_were_never_made(
    project_path: Path, tmp_path: Path, stage: str
):
    stop_after(project_path, stage)
    with Project.open(project_path) as project:
        assert project.unfinished() is not None
        for state in ("clean", "all"):
            with pytest.raises(ExportError, match=r"not all regions have a verdict.*Run the pipeline again"):
                export(project, tmp_path / state, state=state)
        export(project, tmp_path / "reviewed", state="reviewed")
        assert any("verdict" in problem for problem in evaluate(project)["problems"])
    with pytest.raises(ProjectError, match="Run the pipeline"):
        teach(project_path, OTHER)
    run_pipeline(project_path, OTHER)
    with Project.open(project_path) as project:
        assert project.unfinished() is None
        export(project, tmp_path / "clean")


def test_scores_know_the_run_that_they_come_from(project_path: Path):
    with Project.open(project_path) as project:
        assert project.scoring_run() is None
    run_pipeline(project_path, QUICK)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        run_pipeline(project_path, OTHER, cancel=cancel)
    with Project.open(project_path) as project:
        assert project.runs()[-1].parameters == OTHER
        assert project.scoring_run().parameters == QUICK
        assert project.unfinished() is None


def test_thresholds_do_not_depend_on_decisions_that_were_taken_back(project_path: Path):
    run_pipeline(project_path, QUICK)
    strict = QUICK.replace(**{"scc.tau_ns": 0.0, "scc.class_share": 0.0})
    apply_thresholds(project_path, strict)
    with Project.open(project_path) as project:
        before = project.regions().verdict
        project.overrides.record([Decision(Action.ACCEPT, 0, 0, (0, 0, 40, 40), np.ones((40, 40), bool))])
    apply_thresholds(project_path, QUICK)
    apply_thresholds(project_path, strict)
    with Project.open(project_path) as project:
        project.overrides.undo()
    apply_thresholds(project_path, strict)
    with Project.open(project_path) as project:
        np.testing.assert_array_equal(project.regions().verdict, before)


def test_export_tells_when_a_run_changed_the_project_meanwhile(project_path: Path, tmp_path: Path):
    run_pipeline(project_path, QUICK)

    def change(event: ProgressEvent) -> None:
        if event.done == 1:
            apply_thresholds(project_path, OTHER)

    with Project.open(project_path) as project, pytest.raises(ExportError, match=r"meanwhile.*Export again"):
        export(project, tmp_path / "out", progress=change)
    assert not (tmp_path / "out").exists()
