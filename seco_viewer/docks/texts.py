"""Labels and frames for texts that change with every region, in a dock that stays as wide as it is."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout


def card() -> tuple[QFrame, QVBoxLayout]:
    """A frame round what belongs together, and its layout."""
    card = QFrame()
    card.setFrameShape(QFrame.Shape.StyledPanel)
    layout = QVBoxLayout(card)
    layout.setContentsMargins(8, 4, 8, 4)
    layout.setSpacing(3)
    return card, layout


class Lines(QLabel):
    """Text that is always as high, or buttons would move under the mouse."""

    def __init__(self, count: int = 1):
        super().__init__()
        self._count = count
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Room for all lines, in the font of the window's theme."""
        return QSize(0, self._count * self.fontMetrics().lineSpacing() + 2)

    minimumSizeHint = sizeHint  # noqa: N815


class TextLabel(QLabel):
    """Text of any length that breaks into lines and leaves the page as wide as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        # a long word must not make the page wider than the dock
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
