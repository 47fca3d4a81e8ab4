"""The list of all keys, over the window while one works."""

from __future__ import annotations

import html
from itertools import groupby
from typing import Any

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QStyle, QVBoxLayout, QWidget

from seco_viewer.shortcuts import BUILT_IN, KEY_PROBLEMS, SHORTCUTS, Shortcut, shown, with_keys
from seco_viewer.user_keys import keys_file

_CHOSEN = "#e69f00"
"""Marks keys that the user chose; seen on light and dark, by all kinds of colour vision."""
_MARGIN = 16
_COLUMN = 330
_GAP = 8
_FRAME = 16
"""Pixels for borders on both sides."""


class KeyList(QFrame):
    """A panel without a frame in the middle of the window. A click on it puts it away.

    Parameters
    ----------
    owner : QWidget
        Whose window it lies over.

    Attributes
    ----------
    change_button : QPushButton
        Asks for the dialog that changes keys.
    """

    def __init__(self, owner: QWidget):
        super().__init__(owner)
        self._owner = owner
        self._focused: QWidget | None = None
        self.setObjectName("keyList")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("keys")
        self.setVisible(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2, 2, 2, _GAP)
        self._content = QWidget()
        self._content.setObjectName("keyListContent")
        columns = QHBoxLayout(self._content)
        columns.setContentsMargins(16, 12, 16, 12)
        columns.setSpacing(24)
        self._columns: list[QLabel] = []
        texts = group_texts()
        for text in (texts[0] + texts[1], texts[2], texts[3] + footer()):
            label = QLabel(text)
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            label.setWordWrap(True)
            label.setFixedWidth(_COLUMN)
            columns.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
            self._columns.append(label)
        area = QScrollArea()
        area.setWidget(self._content)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.viewport().setAutoFillBackground(False)
        outer.addWidget(area)
        self.change_button = QPushButton("Change keys…")
        self.change_button.setToolTip("Choose keys of your own.")
        outer.addWidget(self.change_button, 0, Qt.AlignmentFlag.AlignHCenter)

    def toggle(self) -> None:
        """Show or put away."""
        if self.isVisible():
            self.put_away()
            return
        window = top_window(self._owner)
        if self.parentWidget() is not window:
            self.setParent(window)
            window.installEventFilter(self)
        self._focused = window.focusWidget()
        self.setStyleSheet(_style(self._owner))
        self._place()
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    def put_away(self) -> bool:
        """Hide, and give the keys back to where they were; whether it was there."""
        if not self.isVisible():
            return False
        self.hide()
        if self._focused is not None:
            self._focused.setFocus(Qt.FocusReason.PopupFocusReason)
            self._focused = None
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A click puts it away."""
        self.put_away()

    def eventFilter(self, watched: Any, event: QEvent) -> bool:  # noqa: N802
        """Stay in the middle of the window."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return bool(super().eventFilter(watched, event))

    def _place(self) -> None:
        room = self.parentWidget().size() - QSize(2 * _MARGIN, 2 * _MARGIN)
        for label in self._columns:  # the window's fonts are known only now
            label.ensurePolished()
            label.setFixedHeight(label.heightForWidth(_COLUMN))
        self._content.adjustSize()
        button = self.change_button.sizeHint().height() + _GAP
        size = self._content.sizeHint() + QSize(_FRAME, _FRAME + button)
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        # a scroll bar that one direction needs takes room from the other
        size += QSize(bar * (size.height() > room.height()), bar * (size.width() > room.width()))
        size = size.boundedTo(room)
        self.resize(size)
        self.move(
            (self.parentWidget().width() - size.width()) // 2, _MARGIN + (room.height() - size.height()) // 2
        )


def group_texts() -> list[str]:
    """Each group of the table as rich text, keys that the user chose in another colour."""
    built_in = {entry.id: entry.keys for entry in BUILT_IN}
    return [
        f"<h3>{html.escape(name)}</h3><table cellspacing='3'>"
        + "".join(_row(entry, built_in[entry.id]) for entry in entries)
        + "</table>"
        for name, entries in groupby(SHORTCUTS, key=lambda entry: entry.group)
    ]


def footer() -> str:
    """Where keys of one's own are, and what is wrong with them, as rich text."""
    away = with_keys("{} or a click puts this away.", "leave") or "A click puts this away."
    text = f"<p>{html.escape(f'{away} Keys of your own: {keys_file()}')}</p>"
    if KEY_PROBLEMS:
        lines = "<br>".join(f"⚠ {html.escape(problem)}" for problem in KEY_PROBLEMS)
        text += f"<p style='color: {_CHOSEN}'>{lines}</p>"
    return text


def top_window(widget: QWidget) -> QWidget:
    """The main window, also of a dock that floats."""
    while (parent := widget.parentWidget()) is not None:
        widget = parent
    return widget


def _row(entry: Shortcut, built_in: tuple[str, ...]) -> str:
    spellings = [html.escape(shown(key)) for key in entry.keys]
    keys = ("<br>" if any(len(key) > 1 for key in entry.keys) else "&nbsp;&nbsp;").join(spellings) or "–"
    text = f"<b>{html.escape(entry.text)}</b>: {html.escape(entry.help)}"
    if entry.keys != built_in:
        keys = f"<span style='color: {_CHOSEN}'>{keys}</span>"
        text += f" <span style='color: {_CHOSEN}'>(yours; built in: {', '.join(map(shown, built_in))})</span>"
    return f"<tr><td style='white-space: nowrap'><b>{keys}</b>&nbsp;&nbsp;</td><td>{text}</td></tr>"


def _style(owner: QWidget) -> str:
    back = owner.palette().color(owner.backgroundRole()).name()
    return (
        f"#keyList {{ background: {back}; border: 2px solid {_CHOSEN}; border-radius: 8px; }}"
        f"#keyListContent {{ background: {back}; }}"
    )
