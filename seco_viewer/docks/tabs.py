"""The tabs of an open project: pages that scroll, gone to by the page they hold."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSlider,
    QTabWidget,
    QWidget,
)

from seco_viewer.docks.later import Later

_ONE_LINE = (QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit, QProgressBar)
_PROBES, _ROWS = 8, 3
_TURNED_BY_WHEEL = (QComboBox, QAbstractSpinBox, QSlider)


class ProjectTabs(QTabWidget):
    """Pages of the dock, and a button that closes the project.

    Attributes
    ----------
    close_button : QPushButton
        In the corner.
    """

    def __init__(self) -> None:
        super().__init__()
        self._first: list[QWidget] = []
        self.setDocumentMode(True)
        self.tabBar().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.tabBar().setExpanding(False)
        self.tabBar().setDrawBase(False)
        self.tabBar().setStyleSheet(
            # PyQt5 takes the width of a tab from the font of the bar, PyQt6 from its own
            "QTabBar { font-size: 8pt; background: transparent; }"
            "QTabBar::tab { padding: 3px; margin: 0px; min-width: 0px; font-size: 8pt; }"
        )
        self.close_button = QPushButton("×")
        self.close_button.setAccessibleName("close the project")
        self.close_button.setFixedWidth(18)
        self.close_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCornerWidget(self.close_button)

    def add(self, name: str, page: QWidget, first: QWidget | None = None) -> None:
        """Add a page; it scrolls where the window is too low for it.

        Parameters
        ----------
        name : str
            What its tab says.
        page : QWidget
            The page.
        first : QWidget, optional
            What takes the keys when one goes to the page with a key; the page itself if left out.
        """
        self.addTab(scrolling(page), name)
        self._first.append(first or page)

    def go_to(self, page: QWidget) -> None:
        """Show a page that was added."""
        for index in range(self.count()):
            if self.page(index) is page:
                self.setCurrentIndex(index)

    def turn(self, by: int) -> None:
        """Show the page so many further on, around the end, with the keys in it."""
        self.setCurrentIndex((self.currentIndex() + by) % self.count())
        self._first[self.currentIndex()].setFocus(Qt.FocusReason.TabFocusReason)

    def bring_into_view(self, part: QWidget) -> None:
        """Show the page that holds a part of it, scrolled to that."""
        for index in range(self.count()):
            if self.page(index).isAncestorOf(part):
                area = self.widget(index)
                assert isinstance(area, QScrollArea)
                self.setCurrentIndex(index)
                area.ensureWidgetVisible(part)

    def scroll_up(self, page: QWidget) -> None:
        """Scroll a page to its top."""
        for index in range(self.count()):
            if self.page(index) is page:
                area = self.widget(index)
                assert isinstance(area, QScrollArea)
                area.verticalScrollBar().setValue(0)

    def go_to_name(self, name: str) -> None:
        """Show the page of that name, if there is one."""
        for index in range(self.count()):
            if self.tabText(index) == name:
                self.setCurrentIndex(index)

    def page(self, index: int) -> QWidget:
        """The page of a tab."""
        area = self.widget(index)
        assert isinstance(area, QScrollArea)
        return area.widget()

    def clear_pages(self) -> None:
        """Take all pages out; they are destroyed."""
        self._first.clear()
        while self.count():
            area = self.widget(0)
            self.removeTab(0)
            area.deleteLater()


def scrolling(page: QWidget) -> QScrollArea:
    """A page that scrolls up and down if it does not fit.

    The wheel changes no number or choice on it, unless that has the focus: it is there to scroll.
    """
    area = _Scrolling()
    area.setWidget(page)
    area.guard()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


class _Scrolling(QScrollArea):
    def __init__(self) -> None:
        super().__init__()
        # half a millisecond on a full page: not while a key waits
        self._later = Later(self, self._settle)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)

    def guard(self) -> None:
        """See the wheel before the page's numbers and choices do; it does not bring them the focus either."""
        for editor in self.widget().findChildren(_TURNED_BY_WHEEL):
            editor.installEventFilter(self)
            if editor.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                editor.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _settle(self) -> None:
        self.guard()
        self._end_with_a_line()

    def _end_with_a_line(self) -> None:
        """Leave the bottom free where half a line would be seen there, as long as nobody has scrolled."""
        page, edge = self.widget(), self.height()
        if self.verticalScrollBar().value() == 0 and page.height() > edge:
            for _ in range(_ROWS):  # what stands side by side may begin at different heights
                edge = min(_last_line(page, page.width() * i // _PROBES, edge) for i in range(1, _PROBES))
        free = self.height() - edge
        if free != self.viewportMargins().bottom():
            self.setViewportMargins(0, 0, 0, free)

    def _scrolled(self, value: int) -> None:
        if value == 0:
            self._later.ask()
        elif self.viewportMargins().bottom():
            self.setViewportMargins(0, 0, 0, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Another line may be the last one now."""
        super().resizeEvent(event)
        self._later.ask()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Guard what was added while the page was hidden."""
        super().showEvent(event)
        self._later.ask()

    def eventFilter(self, watched: Any, event: QEvent) -> bool:  # noqa: N802
        """Let the wheel pass to the page, and make the page as high as its texts want before it is laid out.

        Qt does that some time after: until then everything on the page is squeezed.
        """
        kind = event.type()
        if kind == QEvent.Type.Wheel and isinstance(watched, _TURNED_BY_WHEEL) and not watched.hasFocus():
            event.ignore()
            return True
        if kind == QEvent.Type.LayoutRequest and watched is self.widget():
            self._later.ask()  # something may have been added
            wanted = max(watched.heightForWidth(watched.width()), watched.minimumSizeHint().height())
            height = max(wanted, self.viewport().height())
            if height != watched.height():
                watched.resize(watched.width(), height)
        return bool(super().eventFilter(watched, event))

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802
        """Stay where the page was scrolled to when the focus leaves it or comes to the page itself.

        Qt brings what has the focus into view: of a page higher than the window the middle, also while it is
        being hidden.
        """
        bar = self.verticalScrollBar()
        seen = bar.value()
        found = bool(super().focusNextPrevChild(forward))
        if self.focusWidget() in (None, self.widget()):
            bar.setValue(seen)
        return found


def _last_line(page: QWidget, x: int, edge: int) -> int:
    """Where the last whole line above an edge ends, at some place of a page; the edge if it cuts none."""
    part = page.childAt(x, edge)
    if part is None:
        return edge
    top = part.mapTo(page, QPoint(0, 0)).y()
    if isinstance(part, QLabel) and part.text():
        # lines of rich text are a little higher than the font says
        line = part.height() / max(1, part.height() // part.fontMetrics().lineSpacing())
        return top + round((edge - top) // line * line)
    return top if isinstance(part, _ONE_LINE) else edge
