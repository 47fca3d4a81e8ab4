"""From the start page to the exported label set without a mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from seco_core.parameters import Parameters
from seco_viewer.docks import keys
from seco_viewer.docks.main import SecoDock
from seco_viewer.docks.parameters import ParameterForm
from tests.viewer.scenes import go_to_a_reason

pytestmark = pytest.mark.gui
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def dock(bare_dock: SecoDock, qtbot) -> SecoDock:
    bare_dock.resize(390, 700)
    bare_dock.show()
    bare_dock.activateWindow()
    qtbot.waitUntil(bare_dock.isActiveWindow)
    return bare_dock


def press(key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key wherever the focus is."""
    QTest.keyClick(QApplication.focusWidget(), key, modifiers)


def tab_to(wanted: QWidget, most: int = 60) -> None:
    for _ in range(most):
        if wanted.hasFocus():
            return
        press(Qt.Key.Key_Tab)
    raise AssertionError(f"Tab does not come to {wanted}")


@pytest.mark.parametrize("page", ["review", "why"])
def test_tab_comes_to_the_reason_and_enter_follows_it(dock: SecoDock, qtbot, scored_path: Path, page: str):
    assert dock.open_project(scored_path)
    session, panel = dock.session, getattr(dock.opened, page)
    label = panel.details if page == "review" else panel.reasons
    go_to_a_reason(session)
    reason = session.facts(session.row).reasons[0]
    dock.tabs.go_to(panel)
    panel.setFocus()
    qtbot.waitUntil(lambda: "<a " in label.text())
    tab_to(label)
    press(Qt.Key.Key_Return)
    assert session.row == reason.row
    assert session.facts(session.row).decided is not None
    qtbot.waitUntil(lambda: page == "why" or "<a " not in label.text())
    row = session.row
    press(Qt.Key.Key_G)  # the page's keys still work
    assert session.row != row


def test_a_review_from_start_page_to_export(dock: SecoDock, qtbot, scored_path: Path, tmp_path: Path):
    dock.start.example_folder.line.setFocus()
    tab_to(dock.start.project_folder.line)
    QTest.keyClicks(QApplication.focusWidget(), str(scored_path))
    press(Qt.Key.Key_Return)
    session = dock.session
    assert session is not None
    while not dock.opened.review.hasFocus():
        press(Qt.Key.Key_F6)
    row = session.row
    press(Qt.Key.Key_A)
    assert session.reviewed[row]
    row = session.row
    press(Qt.Key.Key_R)
    assert dock.opened.review.chooser.search.hasFocus()
    QTest.keyClicks(QApplication.focusWidget(), "sky")
    press(Qt.Key.Key_Return)
    assert session.decided[row] == 10
    assert dock.opened.review.hasFocus()
    tab_to(dock.opened.review.queue.which)
    press(Qt.Key.Key_Down)
    assert not session.only_flagged
    decided = len(session.project.overrides)
    QTest.keyClicks(QApplication.focusWidget(), "anit")
    assert len(session.project.overrides) == decided
    press(Qt.Key.Key_Escape)
    assert dock.opened.review.hasFocus()
    while dock.tabs.page(dock.tabs.currentIndex()) is not dock.opened.queue:
        press(Qt.Key.Key_F6)
    assert dock.opened.queue.table.hasFocus()
    press(Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    press(Qt.Key.Key_Down, SHIFT)
    assert len(dock.opened.queue.selected()) == 2
    before = int(session.reviewed.sum())
    press(Qt.Key.Key_I)
    assert session.reviewed.sum() > before
    press(Qt.Key.Key_F6, SHIFT)
    press(Qt.Key.Key_F6)
    while dock.tabs.page(dock.tabs.currentIndex()) is not dock.opened.images:
        press(Qt.Key.Key_F6)
    press(Qt.Key.Key_Down)
    press(Qt.Key.Key_Tab)  # not to the next cell
    assert not dock.opened.images.table.hasFocus()
    while dock.tabs.page(dock.tabs.currentIndex()) is not dock.opened.export:
        press(Qt.Key.Key_F6)
    assert dock.opened.export.export_button.hasFocus()
    tab_to(dock.opened.export.folder.line)
    press(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(QApplication.focusWidget(), str(tmp_path / "labels"))
    tab_to(dock.opened.export.export_button)
    with qtbot.waitSignal(dock.opened.export.ended):
        press(Qt.Key.Key_Space)
    assert (tmp_path / "labels" / "manifest.json").is_file()


def test_every_page_takes_the_keys_and_gives_them_on(dock: SecoDock, scored_path: Path):
    dock.open_project(scored_path)
    dock.opened.review.setFocus()
    seen = []
    for _ in range(dock.tabs.count()):
        page = dock.tabs.page(dock.tabs.currentIndex())
        assert page is QApplication.focusWidget() or page.isAncestorOf(QApplication.focusWidget()), page
        seen.append(page)
        press(Qt.Key.Key_F6)
    assert len(set(seen)) == dock.tabs.count()
    assert dock.tabs.page(dock.tabs.currentIndex()) is seen[0]


def test_the_review_page_begins_at_its_top(dock: SecoDock, qtbot, scored_path: Path):
    dock.open_project(scored_path)
    dock.opened.review.setFocus()
    bar = dock.tabs.widget(0).verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 100)  # the window is too low for the page
    press(Qt.Key.Key_F6)
    press(Qt.Key.Key_F6, SHIFT)
    assert dock.opened.review.hasFocus()
    assert bar.value() == 0
    bar.setValue(bar.maximum())
    dock.perform("noise")
    assert bar.value() == bar.maximum()
    press(Qt.Key.Key_S)
    assert bar.value() == 0


def test_overlays_are_hidden_while_the_key_is_held(dock: SecoDock, qtbot, scored_path: Path, monkeypatch):
    dock.open_project(scored_path)
    now = 100.0
    monkeypatch.setattr(keys.time, "monotonic", lambda: now)
    before = [layer.visible for layer in dock.opened.layers.all]
    for page, widget in (
        (dock.opened.review, dock.opened.review),
        (dock.opened.queue, dock.opened.queue.table),
        (dock.opened.images, dock.opened.images.table),
    ):
        dock.tabs.go_to(page)
        widget.setFocus()
        QTest.keyPress(widget, Qt.Key.Key_H)
        assert not dock.opened.layers.curated.visible
        now += 2.0
        QTest.keyRelease(widget, Qt.Key.Key_H)
        QTest.keyPress(widget, Qt.Key.Key_H)  # a repeat that is told as a key of its own
        assert not dock.opened.layers.curated.visible
        QTest.keyRelease(widget, Qt.Key.Key_H)
        qtbot.waitUntil(lambda: [layer.visible for layer in dock.opened.layers.all] == before)
        QTest.keyPress(widget, Qt.Key.Key_H)
        now += 0.1
        QTest.keyRelease(widget, Qt.Key.Key_H)
        assert not dock.opened.layers.curated.visible  # a short press stays
        QTest.keyClick(widget, Qt.Key.Key_H)
        assert [layer.visible for layer in dock.opened.layers.all] == before


def test_seeds_beyond_a_spin_box_can_be_typed(qtbot):
    form = ParameterForm(Parameters())
    qtbot.addWidget(form)
    form.show()
    seed = form._fields["seed"]
    seed.selectAll()
    QTest.keyClicks(seed, "4294967295")
    assert form.parameters().seed == 2**32 - 1
    form.set_parameters(Parameters().replace(seed=2**31))
    assert form.parameters().seed == 2**31
    for wrong in ("", "4294967296", "many"):
        seed.setText(wrong)
        with pytest.raises(Exception, match="seed"):
            form.parameters()
