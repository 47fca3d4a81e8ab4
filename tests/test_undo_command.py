from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from seco_core.cli import app
from seco_core.project import Action, Project
from seco_core.project.overrides import Decision, Origin
from seco_core.scheme import IGNORE

MASK = np.ones((4, 5), dtype=bool)


def decision(action: Action, image_id: int, class_id: int, origin: Origin = Origin.PERSON) -> Decision:
    return Decision(action, image_id, class_id, (2, 3, 7, 7), MASK, origin=origin)


def seco(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def decided(project_path: Path) -> Path:
    """A project with a decision, and an import of two more."""
    with Project.open(project_path) as project:
        project.overrides.record([decision(Action.RELABEL, 1, 13)], by="bob")
        imported = [(Action.DRAW, 0, 8), (Action.IGNORE, 2, IGNORE)]
        project.overrides.record([decision(*what, Origin.IMPORT) for what in imported], by="ada")
    return project_path


def held(path: Path) -> list[int]:
    with Project.open(path, readonly=True) as project:
        return [o.seq for image in project.images for o in project.overrides.active(image.id)]


def test_steps_are_taken_back_newest_first_and_decided_again(decided: Path):
    done = seco("undo", decided)
    assert done.exit_code == 0, done.output
    assert "took back: 2 overrides in 2 images (draw 1, ignore 1), imported by ada, 20" in done.output
    assert "1 override holds now" in done.output
    assert held(decided) == [1]
    done = seco("undo", decided)
    assert "took back: 1 override in frame_1 (relabel: car), decided by bob, 20" in done.output
    assert held(decided) == []
    assert "decided again: 1 override in frame_1" in seco("redo", decided).output
    assert "2 overrides in 2 images" in seco("redo", decided).output
    assert sorted(held(decided)) == [1, 2, 3]


def test_a_dry_run_says_it_and_changes_nothing(decided: Path):
    before = (decided / "seco.sqlite").read_bytes()
    for _ in range(2):
        done = seco("undo", decided, "--dry-run")
        assert (done.exit_code, "would take back: 2 overrides" in done.output) == (0, True)
    assert (decided / "seco.sqlite").read_bytes() == before
    seco("undo", decided)
    assert "would decide again: 2 overrides" in seco("redo", decided, "--dry-run").output
    assert held(decided) == [1]


def test_an_ignored_region_is_told_by_one_word(project_path: Path):
    with Project.open(project_path) as project:
        project.overrides.record([decision(Action.IGNORE, 0, IGNORE)])
    assert "1 override in frame_0 (ignore), decided by" in seco("undo", project_path).output


def test_nothing_to_take_back_is_said_with_exit_code_two(project_path: Path, tmp_path: Path):
    for command in ("undo", "redo"):
        done = seco(command, project_path)
        assert (done.exit_code, project_path.name in done.output) == (2, True)
        assert seco(command, tmp_path / "nowhere").exit_code == 2


def test_a_window_that_has_the_project_open_sees_it(decided: Path):
    with Project.open(decided) as window:
        assert len(window.overrides) == 3
        assert seco("undo", decided).exit_code == 0
        assert window.overrides.look()
        assert window.overrides.changed_by_others() == {0, 2}
        assert len(window.overrides) == 1
        assert [o.seq for o in window.overrides.to_redo()] == [2, 3]
