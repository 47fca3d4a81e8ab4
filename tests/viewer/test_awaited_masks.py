"""While the mask source is looking nothing is decided, and its answer is about what it was asked about."""

from __future__ import annotations

import numpy as np
import pytest

from seco_core.project import Action
from seco_viewer.bulk import carry_out
from seco_viewer.bulk_plans import plan_many
from seco_viewer.docks.main import SecoDock
from tests.viewer.test_editing import large_row

pytestmark = pytest.mark.gui


def box(dock: SecoDock) -> None:
    dock.perform("prompt")
    dock.opened.tools._drawn([(8, 10), (32, 50)], adds=False)


def part(dock: SecoDock) -> None:
    patch = dock.session.patch
    rows = np.argwhere(patch.mask) + patch.box[1::-1]
    dock.perform("parts")
    dock.opened.tools._clicked(tuple(rows[len(rows) // 2].astype(float)), adds=False)


def looked(dock: SecoDock) -> bool:
    ahead = dock.opened.tools.masks.ahead
    return ahead.seen is not None and ahead.seen.image_id == dock.session.image_id and ahead._job is None


@pytest.mark.parametrize("ask", [box, part])
def test_nothing_is_decided_while_an_answer_is_awaited(dock: SecoDock, qtbot, ask):
    session, review = dock.session, dock.opened.review
    large_row(session)
    ask(dock)
    assert session.awaited
    assert "is looking at the image" in dock.message.text()
    for action_id in ("accept", "ignore", "unknown", "relabel"):
        assert not review.buttons[action_id].isEnabled()
        dock.perform(action_id)
        assert "Wait for the mask, or press Esc" in dock.message.text()
    dock.opened.relabel(7)
    assert len(session.project.overrides) == 0
    qtbot.waitUntil(lambda: session.edited)
    assert not session.awaited
    assert review.buttons["ignore"].isEnabled()
    answer = session.patch
    dock.perform("ignore")
    (decided,) = session.project.overrides.active(session.image_id)
    assert decided.box == answer.box
    assert np.array_equal(decided.mask, answer.mask)


def test_escape_leaves_what_is_awaited(dock: SecoDock, qtbot):
    session, tools = dock.session, dock.opened.tools
    large_row(session)
    box(dock)
    dock.perform("leave")
    assert not session.awaited
    assert tools.tool is not None
    assert session.refusal("ignore") is None
    qtbot.waitUntil(lambda: looked(dock))
    assert not session.edited


def test_an_answer_after_something_else_was_selected_or_decided_is_dropped(dock: SecoDock, qtbot):
    session = dock.session
    row = large_row(session)
    session.ignore()
    session.go_to(row)
    asked_at = session.image_id
    part(dock)
    assert session.awaited
    dock.perform("nothing")  # other pixels of the same region
    assert not session.awaited
    dock.perform("leave")
    session.undo()
    large_row(session)
    box(dock)
    assert session.awaited
    # the same region, decided by another way than these keys
    carry_out(session, plan_many(session, np.array([row]), Action.RELABEL, 7))
    session.go_to(row)
    assert not session.awaited
    assert session.image_id == asked_at
    qtbot.waitUntil(lambda: looked(dock))
    assert not session.edited
