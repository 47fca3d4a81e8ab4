"""The line below the tabs that says what came of things; a report's detail can be copied from it."""

from __future__ import annotations

import html

from napari.utils.notifications import show_warning
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QLabel, QPushButton, QVBoxLayout, QWidget

from seco_core.texts import capitalized
from seco_viewer import project_words
from seco_viewer.workers import failures


class Message(QWidget):
    """What was said last.

    Attributes
    ----------
    label : QLabel
        The text.
    copy_button : QPushButton
        Copies the detail; there only if there is one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._detail = ""
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setTextFormat(Qt.TextFormat.RichText)
        self.label.setContentsMargins(6, 2, 6, 4)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.copy_button = QPushButton("Copy detail")
        self.copy_button.setToolTip("What a report of this needs: the error, where it arose, versions.")
        self.copy_button.setVisible(False)
        self.copy_button.clicked.connect(self._copy_detail)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.label)
        layout.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignLeft)
        failures.unexpected.connect(self._say_unexpected)

    def text(self) -> str:
        """The text, with its marks."""
        return self.label.text()

    def say(self, text: str, *, wrong: bool = False, detail: str = "") -> None:
        """Show a message; what is wrong on the canvas if the line is hidden. A detail can be copied then."""
        self._detail = detail
        text = project_words.in_window(text)
        if text.partition(" ")[0].isalpha():  # else it begins with a name or a path
            text = capitalized(text)
        self.copy_button.setVisible(bool(detail))
        self.label.setText(f"<b>⚠ {html.escape(text)}</b>" if wrong else html.escape(text))
        if wrong and not self.isVisible():
            show_warning(text)

    def _say_unexpected(self, text: str, detail: str) -> None:
        self.say(text, wrong=True, detail=detail)

    def _copy_detail(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self._detail)
