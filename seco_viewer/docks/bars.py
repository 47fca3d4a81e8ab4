"""Classes or scores with a share each, as a small bar chart."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget


class ShareBars(QWidget):
    """A few labelled bars.

    Parameters
    ----------
    most : int
        Bars there is room for, so that nothing below moves from region to region.
    """

    def __init__(self, most: int = 3):
        super().__init__()
        self._most = most
        self._bars: list[tuple[str, QColor, float]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_shares(self, bars: Sequence[tuple[str, tuple[int, int, int], float]]) -> None:
        """Show (name, RGB colour, share 0..1) for each bar, from the top down."""
        self._bars = [(name, QColor(*color), share) for name, color, share in bars[: self._most]]
        self.setToolTip(", ".join(f"{name} {share:.2f}" for name, _, share in bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Room for all bars."""
        return QSize(200, self._most * self._line())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw name, bar and number on a line each."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(self.foregroundRole())
        line, metrics = self._line(), self.fontMetrics()
        left = int(self.width() * 0.34)
        right = self.width() - metrics.horizontalAdvance("0.000")
        for i, (name, color, share) in enumerate(self._bars):
            top = i * line
            painter.setPen(text)
            label = metrics.elidedText(name, Qt.TextElideMode.ElideRight, left - 8)
            painter.drawText(QRectF(0, top, left - 8, line), Qt.AlignmentFlag.AlignVCenter, label)
            number = QRectF(right, top, self.width() - right, line)
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(number, flags, f"{share:.2f}")
            track = QRectF(left, top + line * 0.25, right - left - 4, line * 0.5)
            faint = QColor(text)
            faint.setAlpha(40)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(faint)
            painter.drawRoundedRect(track, 3, 3)
            track.setWidth(track.width() * share)
            painter.setBrush(color)
            faint.setAlpha(120)
            painter.setPen(faint)  # an edge, for classes as dark as the window
            painter.drawRoundedRect(track, 3, 3)
        painter.end()

    def _line(self) -> int:
        return int(self.fontMetrics().height()) + 3
