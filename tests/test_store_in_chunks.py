"""Results of all regions are written some at a time: decisions get in between, a run cut off is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seco_core.errors import ProjectError
from seco_core.pipeline import ledger, run_pipeline, teach
from seco_core.pipeline.chunks import in_chunks
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision
from tests.conftest import QUICK

Rows = Iterable[tuple[Any, ...]]


def pausing(monkeypatch: pytest.MonkeyPatch, between: Callable[[], None]) -> None:
    """Do something after each chunk of two rows."""

    def chunks(rows: Rows) -> Iterator[list[tuple[Any, ...]]]:
        for chunk in in_chunks(rows, size=2, pause=0.0):
            yield chunk
            between()

    monkeypatch.setattr(ledger, "in_chunks", chunks)


def relabel(project: Project, class_id: int) -> None:
    mask = np.ones((4, 4), dtype=bool)
    project.overrides.record([Decision(Action.RELABEL, 0, class_id, (0, 0, 4, 4), mask)])


def test_chunks_have_all_rows_in_order():
    for n in range(6):
        chunks = list(in_chunks(range(n), size=2, pause=0.0))
        assert [row for chunk in chunks for row in chunk] == list(range(n))
        assert all(1 <= len(chunk) <= 2 for chunk in chunks)


def test_a_decision_need_not_wait_for_all_regions(project_path: Path, monkeypatch: pytest.MonkeyPatch):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as window:
        window.connection.execute("PRAGMA busy_timeout = 0")  # whoever has to wait fails
        decided: list[int] = []

        def decide() -> None:
            relabel(window, 1)
            decided.append(len(window.overrides))

        pausing(monkeypatch, decide)
        run_pipeline(project_path, QUICK.replace(**{"seed": 5}))
    assert len(decided) > 4
    with Project.open(project_path) as project:
        assert len(project.overrides) == len(decided)
        assert project.unfinished() is None


def test_a_decision_need_not_wait_for_a_lesson(project_path: Path, monkeypatch: pytest.MonkeyPatch):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as window:
        relabel(window, 1)
        window.connection.execute("PRAGMA busy_timeout = 0")
        decided: list[int] = []

        def decide() -> None:
            relabel(window, 2)
            decided.append(len(window.overrides))

        pausing(monkeypatch, decide)
        teach(project_path, QUICK)
        assert len(decided) > 4
        assert window.unfinished() is None
        assert len(window.overrides) == 1 + len(decided)


def test_a_lesson_killed_while_it_is_stored_is_told_and_made_good(
    project_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        relabel(project, 1)

    def kill() -> None:
        with Project.open(project_path) as project:
            # not while the draft in memory is written
            if project.unfinished() is not None:
                raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        pausing(killed, kill)
        with pytest.raises(KeyboardInterrupt):
            teach(project_path, QUICK)
    with Project.open(project_path) as project:
        assert project.unfinished() is not None
    with pytest.raises(ProjectError, match="Run the pipeline first"):
        teach(project_path, QUICK)
    run_pipeline(project_path, QUICK)
    with Project.open(project_path) as project:
        assert project.unfinished() is None
        models = {row["file"] for row in project.connection.execute("SELECT file FROM models")}
        assert all((project_path / file).exists() for file in models)


@pytest.mark.parametrize("stage", ledger.SCORING_STAGES)
def test_a_run_killed_while_it_writes_is_told_and_made_good(
    project_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
):
    other = QUICK.replace(**{"seed": 5})
    run_pipeline(project_path, other)
    with Project.open(project_path) as project:
        whole = project.regions()
    run_pipeline(project_path, QUICK)
    with monkeypatch.context() as killed:
        writing: list[str] = []
        store_rows = ledger.Ledger._store_rows
        killed.setattr(
            ledger.Ledger,
            "_store_rows",
            lambda self, name, *rest: (writing.append(name), store_rows(self, name, *rest))[1],
        )

        def kill() -> None:
            if writing[-1] == stage:
                raise KeyboardInterrupt

        pausing(killed, kill)
        with pytest.raises(KeyboardInterrupt):
            run_pipeline(project_path, other)
    with Project.open(project_path) as project:
        assert project.unfinished() is not None
    run_pipeline(project_path, other)
    with Project.open(project_path) as project:
        assert project.unfinished() is None
        for name, values in vars(project.regions()).items():
            np.testing.assert_array_equal(values, getattr(whole, name), err_msg=name)
