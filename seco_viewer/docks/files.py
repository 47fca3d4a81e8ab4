"""A line for a path with a button that opens the system's dialog."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

Kind = Literal["folder", "file", "either"]


class PathLine(QWidget):
    """A path to type, or to choose in a dialog.

    Parameters
    ----------
    kind : {"folder", "file", "either"}
        What the dialog offers; with "either" there are two buttons.
    hint : str
        Shown while it is empty.
    pattern : str
        For files, in Qt's form: ``"Weights (*.pth)"``.
    """

    def __init__(self, kind: Kind, hint: str = "", pattern: str = ""):
        super().__init__()
        self._pattern = pattern
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.line = QLineEdit()
        self.line.setPlaceholderText(hint)
        layout.addWidget(self.line)
        if kind != "file":
            layout.addWidget(_button("…", "choose a folder", self._choose_folder))
        if kind != "folder":
            text = "…" if kind == "file" else "list"
            layout.addWidget(_button(text, "choose a file", self._choose_file))

    def text(self) -> str:
        """What is in the line, without spaces around it."""
        return str(self.line.text().strip())

    def path(self) -> Path | None:
        """The path, ``~`` expanded; None if the line is empty."""
        return Path(self.text()).expanduser() if self.text() else None

    def set_text(self, text: str) -> None:
        """Fill the line."""
        self.line.setText(text)

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Choose a folder", self._start())
        self.line.setText(chosen or self.line.text())

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Choose a file", self._start(), self._pattern)
        self.line.setText(chosen or self.line.text())

    def _start(self) -> str:
        return self.text() or str(Path.home())


def _button(text: str, tip: str, clicked: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    button.setFixedWidth(button.fontMetrics().horizontalAdvance(text) + 18)
    button.setToolTip(tip)
    button.clicked.connect(lambda _=False: clicked())
    return button
