"""Reliability and confusion as small pictures; a cell of the confusion can be chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from seco_core.metrics import Reliability
from seco_core.texts import counted
from seco_viewer.docks.cut_names import cut_name

_ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class ReliabilityView(QWidget):
    """Noise score against the share of reviewed regions that were changed."""

    def __init__(self, color: str, parent: QWidget | None = None):
        super().__init__(parent)
        self._color = QColor(color)
        self._found: Reliability | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_reliability(self, found: Reliability) -> None:
        """Show other numbers."""
        self._found = found
        told = [
            f"score {s:.2f}: {c:.0%} of {n:,} changed"
            for s, c, n in zip(found.predicted, found.observed, found.regions, strict=True)
        ]
        self.setToolTip("\n".join(told))
        self.setAccessibleDescription("; ".join(told))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """About square."""
        return QSize(220, 190)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the diagonal and a dot with its interval for each bin."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text, line = self.palette().color(self.foregroundRole()), self.fontMetrics().height()
        left = self.fontMetrics().horizontalAdvance("100% ") + 4
        area = QRectF(left, 6, self.width() - left - 10, self.height() - line * 2 - 12)
        painter.setPen(text)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.drawLine(area.bottomLeft(), area.topLeft())
        painter.setPen(QPen(text, 1, Qt.PenStyle.DotLine))
        painter.drawLine(area.bottomLeft(), area.topRight())
        painter.setPen(text)
        right = Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(0, area.top(), left - 4, line), right, "100%")
        painter.drawText(QRectF(0, area.bottom() - line, left - 4, line), right, "0%")
        under = QRectF(area.left(), area.bottom() + 2, area.width(), line)
        painter.drawText(under, Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(under, right, "1")
        painter.drawText(under, Qt.AlignmentFlag.AlignHCenter, "noise score")

        def point(x: float, y: float) -> QPointF:
            return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())

        if self._found is not None and len(self._found.regions):
            found, most = self._found, int(self._found.regions.max())
            numbers = (found.predicted, found.observed, found.low, found.high, found.regions)
            for score, share, low, high, n in zip(*(a.tolist() for a in numbers), strict=True):
                painter.setPen(QPen(self._color, 1.5))
                painter.drawLine(point(score, low), point(score, high))
                painter.setBrush(self._color)
                radius = 2.5 + 4.5 * np.sqrt(n / most)
                painter.drawEllipse(point(score, share), radius, radius)
        else:
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "nothing reviewed yet")
        painter.end()


class ConfusionView(QWidget):
    """Labels against predictions; a click, or Enter, chooses a cell.

    Attributes
    ----------
    chosen : Signal(int, int)
        Class after PSA and predicted class of a cell that was chosen.
    """

    chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._ids: list[int] = []
        self._names: list[str] = []
        self._counts: NDArray[np.int64] = np.zeros((0, 0), dtype=np.int64)
        self._cell = (0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_counts(self, matrix: NDArray[np.int64], names: Sequence[str]) -> None:
        """Show other numbers.

        Parameters
        ----------
        matrix : ndarray of int64, (C, C)
            Regions by class after PSA (rows) and predicted class.
        names : sequence of str, (C,)
            Names of the classes.
        """
        there = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
        self._ids = there.tolist()
        self._names = [names[i] for i in self._ids]
        self._counts = matrix[np.ix_(there, there)]
        self._cell = (0, 0)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """A line of text for every class."""
        return QSize(300, (len(self._ids) + 2) * (self.fontMetrics().height() + 2))

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Where a cell is drawn."""
        n, left = max(len(self._ids), 1), self._left()
        height = (self.height() - self._line()) / n
        width = (self.width() - left - 4) / n
        return QRectF(left + column * width, row * height, width, height)

    # ------------------------------------------------------------------ input

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the cell under the mouse."""
        cell = self._at(event.position())
        if cell is not None:
            self._choose(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Go about the cells with the arrow keys, choose one with Enter."""
        step, last = _ARROWS.get(Qt.Key(event.key())), len(self._ids) - 1
        if step is not None and last >= 0:
            row, column = (min(max(a + b, 0), last) for a, b in zip(self._cell, step, strict=True))
            self._cell = (row, column)
            self.setAccessibleDescription(self._told(self._cell))
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and last >= 0:
            self._choose(self._cell)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Say what the cell under the mouse holds."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self._at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), "" if cell is None else self._told(cell), self)
            return True
        return super().event(event)

    def _choose(self, cell: tuple[int, int]) -> None:
        self._cell = cell
        self.update()
        self.chosen.emit(self._ids[cell[0]], self._ids[cell[1]])

    def _at(self, point: QPointF) -> tuple[int, int] | None:
        n = len(self._ids)
        if not n or point.x() < self._left():
            return None
        first = self.cell_rect(0, 0)
        row, column = int(point.y() / first.height()), int((point.x() - first.left()) / first.width())
        return (row, column) if row < n and column < n else None

    def _told(self, cell: tuple[int, int]) -> str:
        row, column = cell
        count = int(self._counts[row, column])
        share = count / max(int(self._counts[row].sum()), 1)
        regions = f"{counted(count, 'region')} ({share:.0%})"
        return f"{regions} labelled {self._names[row]}, predicted {self._names[column]}"

    # ---------------------------------------------------------------- drawing

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the cells, darker to lighter with the share of the row, and the rows' names."""
        painter = QPainter(self)
        text, left = self.palette().color(self.foregroundRole()), self._left()
        share = self._counts / np.maximum(self._counts.sum(axis=1, keepdims=True), 1)
        vertical = Qt.AlignmentFlag.AlignVCenter
        for row, name in enumerate(self._names):
            for column in range(len(self._names)):
                box, part = self.cell_rect(row, column), float(share[row, column])
                painter.fillRect(box.adjusted(0, 0, -1, -1), _cividis(part))
                if part >= 0.005 and box.width() > 16:
                    painter.setPen(QColor("black" if part > 0.5 else "white"))
                    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{part * 100:.0f}")
            painter.setPen(text)
            first = self.cell_rect(row, 0)
            label = cut_name(name, self.fontMetrics(), int(left) - 6)
            painter.drawText(QRectF(0, first.top(), left - 6, first.height()), vertical, label)
        under = QRectF(left, self.height() - self._line(), self.width() - left, self._line())
        painter.setPen(text)
        painter.drawText(under, Qt.AlignmentFlag.AlignHCenter, "predicted class, in the order of the rows")
        if self.hasFocus() and self._ids:
            painter.setPen(QPen(QColor("white"), 2))
            painter.drawRect(self.cell_rect(*self._cell).adjusted(1, 1, -2, -2))
        painter.end()

    def _left(self) -> float:
        return float(min(self.width() * 0.3, 110))

    def _line(self) -> int:
        return int(self.fontMetrics().height()) + 2


def _cividis(share: float) -> QColor:
    """Colour for a share 0..1: blue over grey to yellow, alike for every kind of colour vision."""
    stops = np.array([[0, 32, 77], [87, 92, 109], [147, 141, 120], [203, 186, 105], [255, 234, 70]])
    at = share * (len(stops) - 1)
    return QColor(*(int(np.interp(at, range(len(stops)), stops[:, k])) for k in range(3)))
