from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QScrollArea,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from seco_viewer.docks.main import SecoDock
from seco_viewer.docks.tabs import scrolling

pytestmark = pytest.mark.gui

_EDITORS = (QComboBox, QSpinBox, QDoubleSpinBox, QSlider)


def _turn_wheel(over: QWidget, steps: int) -> None:
    """Turn the wheel over a widget.

    The event goes from the innermost widget outwards until one takes it, as Qt does only with a mouse's own.
    """
    center = over.rect().center()
    at = over.childAt(center) or over
    while at is not None:
        event = QWheelEvent(
            QPointF(at.mapFromGlobal(over.mapToGlobal(center))),
            QPointF(over.mapToGlobal(center)),
            QPoint(),
            QPoint(0, 120 * steps),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(at, event)
        at = None if event.isAccepted() or at.isWindow() else at.parentWidget()


def _value(editor: QWidget) -> object:
    return editor.currentIndex() if isinstance(editor, QComboBox) else editor.value()


def test_scrolling_over_any_page_changes_nothing_on_it(dock: SecoDock, qapp):
    dock.resize(370, 400)
    dock.show()
    checked = 0
    for index in range(dock.tabs.count()):
        dock.tabs.setCurrentIndex(index)
        page = dock.tabs.page(index)
        page.setFocus()
        if page is dock.opened.pipeline:
            dock.opened.pipeline.form.unfold.setChecked(True)
        qapp.processEvents()
        for editor in page.findChildren(_EDITORS):
            before = _value(editor)
            for steps in (1, -1):
                _turn_wheel(editor, steps)
                assert _value(editor) == before, (dock.tabs.tabText(index), editor.toolTip())
            assert editor.focusPolicy() != Qt.FocusPolicy.WheelFocus
            checked += 1
    assert checked > 40


def test_the_start_page_is_guarded_too(bare_dock: SecoDock):
    scheme = bare_dock.start.scheme
    scheme.setCurrentIndex(1)
    _turn_wheel(scheme, 1)
    assert scheme.currentIndex() == 1


def test_the_wheel_over_a_number_scrolls_the_page(dock: SecoDock, qapp):
    dock.resize(370, 400)
    dock.show()
    pipeline = dock.opened.pipeline
    dock.tabs.go_to(pipeline)
    pipeline.form.unfold.setChecked(True)
    qapp.processEvents()
    bar = dock.tabs.currentWidget().verticalScrollBar()
    assert bar.maximum() > 0
    _turn_wheel(pipeline.form.findChild(QDoubleSpinBox), -1)
    assert bar.value() > 0


def test_the_wheel_changes_what_has_the_focus(qtbot, qapp):
    area, number, _ = _page(qtbot)
    area.activateWindow()
    number.setFocus()
    qtbot.waitUntil(number.hasFocus)
    _turn_wheel(number, 1)
    assert number.value() == 1


@pytest.mark.parametrize("kind", _EDITORS)
@pytest.mark.parametrize("hidden", [False, True])
def test_what_is_added_to_a_page_later_is_guarded(qtbot, qapp, kind: type[QWidget], hidden: bool):
    area, _, inner = _page(qtbot)
    area.setVisible(not hidden)
    later = kind()
    later.setFocusPolicy(Qt.FocusPolicy.WheelFocus)  # a slider's depends on the system
    if isinstance(later, QComboBox):
        later.addItems(["a", "b"])
    inner.layout().addWidget(later)
    area.show()
    qtbot.waitUntil(lambda: later.focusPolicy() == Qt.FocusPolicy.StrongFocus)
    for steps in (1, -1):
        _turn_wheel(later, steps)
        assert _value(later) == 0


def _page(qtbot) -> tuple[QScrollArea, QSpinBox, QWidget]:
    """A page with something that takes the focus first, a number, and a part that has a layout of its own."""
    page, inner, number = QWidget(), QWidget(), QSpinBox()
    layout = QVBoxLayout(page)
    QVBoxLayout(inner)
    for part in (QLineEdit(), number, inner):
        layout.addWidget(part)
    area = scrolling(page)
    qtbot.addWidget(area)
    area.show()
    return area, number, inner
