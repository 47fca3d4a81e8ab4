"""The classes of the scheme: legend, buttons, and a search line for the keyboard."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap
from qtpy.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from seco_core.scheme import ClassScheme
from seco_viewer.class_search import find_classes

_COLUMNS = 3
_MOST_ROWS = 8
"""More of them scroll by themselves, so that what is below stays near."""
_MOST_FOUND = 6
_BUTTON = "font-size: 8.5pt; text-align: left; padding: 0px;"


class ClassChooser(QWidget):
    """Chooses a class by a click, or by first letters or number and Enter.

    Attributes
    ----------
    left : Signal()
        The search is over; the keys should work again.
    """

    left = Signal()

    def __init__(self, scheme: ClassScheme, choose: Callable[[int], None], hint: str):
        super().__init__()
        self._scheme = scheme
        self._choose = choose
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        self.search = QLineEdit()
        self.search.setPlaceholderText(hint)
        self.search.setToolTip("Enter takes the marked class, Escape goes back to the keys.")
        self.search.textChanged.connect(self._narrow)
        self.search.returnPressed.connect(self._enter)
        self.search.installEventFilter(self)
        layout.addWidget(self.search)
        self.found = QLabel()
        self.found.setTextFormat(Qt.TextFormat.RichText)
        self.found.setWordWrap(True)
        self.found.setVisible(False)
        layout.addWidget(self.found)
        legend = QWidget()
        legend.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        grid = QGridLayout(legend)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        self.buttons: dict[int, QToolButton] = {}
        for i, c in enumerate(scheme.classes):
            button = QToolButton()
            button.setIcon(swatch(c.color))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setText(f"{c.id} {c.name}")
            button.setToolTip(f"relabel the region: {c.name} ({c.kind}, class {c.id})")
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, class_id=c.id: self._choose(class_id))
            self.buttons[c.id] = button
            grid.addWidget(button, i // _COLUMNS, i % _COLUMNS)
        self._area: QScrollArea | None = None
        if len(scheme.classes) > _COLUMNS * _MOST_ROWS:
            row = next(iter(self.buttons.values())).sizeHint().height() + grid.spacing()
            self._area = QScrollArea()
            self._area.setWidget(legend)
            self._area.setWidgetResizable(True)
            self._area.setFrameShape(QFrame.Shape.NoFrame)
            self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self._area.setFixedHeight(_MOST_ROWS * row)
        layout.addWidget(legend if self._area is None else self._area)
        self.emphasise(())

    def start(self) -> None:
        """Begin to type."""
        self.search.clear()
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def emphasise(self, class_ids: tuple[int, ...]) -> None:
        """Show some classes in bold, as long as nothing is typed."""
        self._meant = class_ids
        self._embolden(class_ids)

    def _embolden(self, class_ids: tuple[int, ...]) -> None:
        for class_id, button in self.buttons.items():
            weight = "bold" if class_id in class_ids else "normal"
            style = f"QToolButton {{ font-weight: {weight}; {_BUTTON} }}"
            if button.styleSheet() != style:  # Qt works it all out anew, and paints, even if nothing changes
                button.setStyleSheet(style)

    def _narrow(self, text: str) -> None:
        found = find_classes(self._scheme, text)
        for class_id, button in self.buttons.items():
            button.setEnabled(class_id in found)
        self._embolden(tuple(found[:1]) if text.strip() else self._meant)
        if self._area is not None and found:
            self._area.ensureWidgetVisible(self.buttons[found[0]])
        names = [
            html.escape(f"{class_id} {self._scheme.label(class_id)}").replace(" ", "\xa0")
            for class_id in found
        ]
        first = f"Enter: <b>{names[0]}</b>" if names else "no such class"
        more = f"; or {', '.join(names[1:_MOST_FOUND])}" + (" …" if len(names) > _MOST_FOUND else "")
        self.found.setText(first + (more if len(names) > 1 else ""))
        self.found.setVisible(bool(text.strip()))

    def _enter(self) -> None:
        found = find_classes(self._scheme, self.search.text())
        if self.search.text().strip() and found:
            self._end()
            self._choose(found[0])

    def _end(self) -> None:
        self.search.clear()
        self.left.emit()

    def eventFilter(self, watched: Any, event: QEvent) -> bool:  # noqa: N802
        """Escape leaves the search."""
        kinds = (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride)
        # PyQt may take an event for one of another class that lay at its place before
        if (
            watched is self.search
            and isinstance(event, QKeyEvent)
            and event.type() in kinds
            and event.key() == Qt.Key.Key_Escape
        ):
            if event.type() == QEvent.Type.KeyPress:
                self._end()
            event.accept()  # so that Escape does not do what it does elsewhere
            return True
        return bool(super().eventFilter(watched, event))


def swatch(color: tuple[int, int, int], size: int = 12) -> QIcon:
    """A square of a colour."""
    pixmap = QPixmap(size, size)
    pixmap.fill(QColor(128, 128, 128))  # an edge, for classes as dark as the window
    painter = QPainter(pixmap)
    painter.fillRect(1, 1, size - 2, size - 2, QColor(*color))
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # Qt would tint it
    return icon
