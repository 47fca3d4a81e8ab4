from __future__ import annotations

from pathlib import Path

import pytest

from seco_core.pipeline import run_pipeline
from seco_core.progress import Cancelled, ProgressEvent
from seco_core.project import Project
from tests.conftest import QUICK


def test_what_a_run_leaves_is_seen_by_whoever_watches(project_path: Path):
    with Project.open(project_path) as watching:
        before = watching.standing()
        assert before is not None
        assert (before.run, before.cut) == (None, frozenset())
        assert watching.standing(before) is before
        halfway = []

        def look(event: ProgressEvent) -> None:
            if event.stage == "psa" and event.done == 1:
                halfway.append(watching.standing(before))

        run_pipeline(project_path, QUICK, progress=look)
        (during,) = halfway
        assert during.cut_since(before) == [0]
        assert not during.ended_since(before)
        after = watching.standing(during)
        assert after.cut_since(during) == [1, 2]
        assert after.ended_since(during)
        assert after.ended_since(before)
        assert not after.ended_since(after)
        run_pipeline(project_path, QUICK.replace(**{"scc.tau_ns": 0.31}))
        again = watching.standing(after)
        assert again.cut_since(after) == []
        assert again.ended_since(after)


def test_a_run_that_was_stopped_has_ended(project_path: Path):
    def stop(event: ProgressEvent) -> None:
        raise Cancelled

    with Project.open(project_path) as watching:
        before = watching.standing()
        with pytest.raises(Cancelled):
            run_pipeline(project_path, QUICK, progress=stop)
        assert watching.standing(before).ended_since(before)


def test_watching_does_not_wait_for_whoever_is_writing(project_path: Path, monkeypatch: pytest.MonkeyPatch):
    # where writing shuts readers out
    monkeypatch.setattr("seco_core.project.store.on_network_share", lambda path: True)
    with Project.open(project_path) as one, Project.open(project_path) as two:
        one.connection.execute("BEGIN EXCLUSIVE")
        assert two.standing() is None
        one.connection.execute("ROLLBACK")
        assert two.standing() is not None
