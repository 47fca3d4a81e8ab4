from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from seco_core.feedback.proposals import Proposal
from seco_core.review import Order
from seco_viewer.docks.main import SecoDock

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(dock: SecoDock) -> SecoDock:
    dock.resize(390, 900)
    dock.show()
    return dock


def test_ticked_proposals_follow_as_one_step(dock: SecoDock, qtbot, monkeypatch):
    session, panel = dock.session, dock.opened.proposals
    session.relabel(13)
    rows = [r for r in range(len(session.regions)) if not session.reviewed[r]][:3]
    monkeypatch.setattr(session, "proposals", lambda seq: [Proposal(r, 13, 0.9, 0.8) for r in rows])
    panel.refresh()
    assert "3 similar regions" in panel.title.text()
    assert panel.take.isVisible()
    panel.strip.item(1).setCheckState(Qt.CheckState.Unchecked)
    panel.take.click()
    assert session.reviewed[[rows[0], rows[2]]].all()
    assert not session.reviewed[rows[1]]
    assert "2 regions followed" in dock.message.text()
    panel.refresh()
    assert not panel.take.isVisible()  # the newest was itself a proposal
    dock.perform("undo")
    assert session.reviewed.sum() == 1


def test_the_key_shows_what_would_follow_before_it_accepts_it(dock: SecoDock, qtbot, monkeypatch):
    session, review, panel = dock.session, dock.opened.review, dock.opened.proposals
    dock.resize(390, 420)
    assert not review.notice.text()
    dock.perform("follow")
    assert "Nothing similar" in dock.message.text()
    session.relabel(13)
    rows = [r for r in range(len(session.regions)) if not session.reviewed[r]][:3]
    monkeypatch.setattr(session, "proposals", lambda seq: [Proposal(r, 13, 0.9, 0.8) for r in rows])
    panel.refresh()
    pictures = panel.strip.viewport()
    qtbot.waitUntil(lambda: pictures.isVisible() and pictures.visibleRegion().isEmpty())
    assert review.notice.text() == "3 similar would become car (Shift+A)"
    dock.tabs.go_to(dock.opened.queue)
    dock.perform("follow")
    assert session.reviewed.sum() == 1  # they were not seen yet
    qtbot.waitUntil(lambda: pictures.visibleRegion().boundingRect().height() == pictures.height())
    dock.perform("skip")  # back at the top of the page
    dock.perform("follow")
    told = "3 similar regions would follow: Shift+A again accepts those ticked."
    assert dock.message.text() == told
    assert session.reviewed.sum() == 1
    dock.perform("follow")
    assert session.reviewed[rows].all()
    panel.refresh()
    assert not review.notice.text()


def test_order_of_the_queue_and_flicker(dock: SecoDock):
    for order in Order:
        dock.opened.review.queue.order.setCurrentIndex(dock.opened.review.queue.order.findData(order))
        assert dock.session.order == order
    layers = dock.opened.layers
    seen = []
    for _ in range(4):  # SCC has a layer of its own
        dock.perform("compare")
        seen += [m for m in (layers.pseudo_label, layers.psa, layers.curated) if m.visible]
    assert seen == [layers.pseudo_label, layers.psa, layers.curated]
