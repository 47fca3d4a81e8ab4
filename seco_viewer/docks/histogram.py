"""A histogram with a threshold that is dragged, or moved with the arrow keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from seco_core.texts import counted

_GRIP = 8
"""Pixels around the line in which it can be taken."""
_KEY_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_PageDown: -10, Qt.Key.Key_PageUp: 10}


class HistogramView(QWidget):
    """Stacked bars, curves over them, and a threshold.

    Attributes
    ----------
    moved : Signal(float)
        The threshold is being moved to this place of the axis.
    """

    moved = Signal(float)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._edges: NDArray[np.float64] = np.array([0.0, 1.0])
        self._stacks: NDArray[np.float64] = np.zeros((0, 1))
        self._colors: list[QColor] = []
        self._curves: list[tuple[QColor, NDArray[np.float64]]] = []
        self.threshold = math.nan
        self._label = ""
        self._dragging = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("Drag the line, or move it with the arrow keys (Page up and down: farther).")

    def show_bars(
        self,
        edges: NDArray[np.float64],
        stacks: NDArray[np.float64],
        colors: Sequence[str],
        curves: Sequence[tuple[str, NDArray[np.float64]]] = (),
        label: str = "",
    ) -> None:
        """Show other bars.

        Parameters
        ----------
        edges : ndarray of float64, (B + 1,)
            Borders of the bins, ascending.
        stacks : ndarray of float64, (K, B)
            Regions in each part of every bar, from the bottom up.
        colors : sequence of str, (K,)
            Colours of the parts.
        curves : sequence of (str, ndarray of float64, (P,))
            Colour and heights, in regions, of lines from the first border to the last.
        label : str
            What the axis is.
        """
        self._edges, self._stacks, self._label = edges, stacks, label
        self._colors = [QColor(c) for c in colors]
        self._curves = [(QColor(c), heights) for c, heights in curves]
        self.update()

    def set_threshold(self, at: float) -> None:
        """Put the line somewhere on the axis; NaN for none."""
        self.threshold = at
        self.setAccessibleDescription("" if math.isnan(at) else f"threshold at {at:.3f}")
        self.update()

    def x_of(self, value: float) -> float:
        """Pixels from the left where a value of the axis is."""
        area, (low, high) = self._area(), self._limits()
        return area.left() + (value - low) / (high - low) * area.width()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide and not high."""
        return QSize(300, 170)

    # ------------------------------------------------------------------ input

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take the line, which comes to the mouse."""
        if event.button() == Qt.MouseButton.LeftButton and not math.isnan(self.threshold):
            self._dragging = True
            self._drag_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Move the line, or show that it can be."""
        x = event.position().x()
        if self._dragging:
            self._drag_to(x)
        near = not math.isnan(self.threshold) and abs(x - self.x_of(self.threshold)) <= _GRIP
        self.setCursor(Qt.CursorShape.SplitHCursor if near else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Let go of the line."""
        self._dragging = False

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Move the line by a hundredth of the axis, or a tenth."""
        step = _KEY_STEPS.get(Qt.Key(event.key()))
        if step is None or math.isnan(self.threshold):
            super().keyPressEvent(event)
            return
        low, high = self._limits()
        self._move(self.threshold + step * (high - low) / 100)

    def _drag_to(self, x: float) -> None:
        area, (low, high) = self._area(), self._limits()
        self._move(low + (x - area.left()) / area.width() * (high - low))

    def _move(self, at: float) -> None:
        low, high = self._limits()
        self.set_threshold(min(max(at, low), high))
        self.moved.emit(self.threshold)

    # ---------------------------------------------------------------- drawing

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw bars, curves, line and axis."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area, text = self._area(), self.palette().color(self.foregroundRole())
        top = max(float(self._stacks.sum(axis=0).max(initial=0.0)), 1.0)
        self._draw_bars(painter, area, top)
        painter.setClipRect(area)
        for color, heights in self._curves:
            x = np.linspace(area.left(), area.right(), len(heights))
            y = area.bottom() - heights / top * area.height()
            painter.setPen(QPen(text, 3.5))
            line = QPolygonF([QPointF(*p) for p in zip(x.tolist(), y.tolist(), strict=True)])
            painter.drawPolyline(line)
            painter.setPen(QPen(color, 2))
            painter.drawPolyline(line)
        painter.setClipping(False)
        self._draw_axis(painter, area, text, top)
        if not math.isnan(self.threshold):
            x_line = min(max(self.x_of(self.threshold), area.left()), area.right())
            painter.setPen(QPen(text, 2, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x_line, area.top() - 6), QPointF(x_line, area.bottom()))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(text)
            painter.drawEllipse(QPointF(x_line, area.top() - 6), 4, 4)
        if self.hasFocus():
            painter.setPen(QPen(self.palette().highlight().color(), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _draw_bars(self, painter: QPainter, area: QRectF, top: float) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        n = self._stacks.shape[1]
        left = np.round(area.left() + np.arange(n + 1) / n * area.width())
        base = np.zeros(n)
        for color, part in zip(self._colors, self._stacks, strict=True):
            painter.setBrush(color)
            y0 = area.bottom() - base / top * area.height()
            base = base + part
            y1 = area.bottom() - base / top * area.height()
            for i in np.flatnonzero(part > 0).tolist():
                painter.drawRect(QRectF(left[i], y1[i], left[i + 1] - left[i], y0[i] - y1[i]))

    def _draw_axis(self, painter: QPainter, area: QRectF, text: QColor, top: float) -> None:
        painter.setPen(text)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        low, high = self._limits()
        line = self.fontMetrics().height()
        for share, align in ((0.0, "left"), (0.5, "centre"), (1.0, "right")):
            flag = {
                "left": Qt.AlignmentFlag.AlignLeft,
                "centre": Qt.AlignmentFlag.AlignHCenter,
                "right": Qt.AlignmentFlag.AlignRight,
            }[align]
            box = QRectF(area.left() + share * area.width() - share * 60, area.bottom() + 1, 60, line)
            painter.drawText(box, flag, f"{low + share * (high - low):.2g}")
        under = QRectF(area.left(), area.bottom() + line, area.width(), line)
        painter.drawText(under, Qt.AlignmentFlag.AlignHCenter, self._label)
        over = QRectF(area.left(), 0, area.width(), line)
        painter.drawText(over, Qt.AlignmentFlag.AlignLeft, f"highest bar: {counted(round(top), 'region')}")

    def _area(self) -> QRectF:
        line = self.fontMetrics().height()
        return QRectF(8, line + 8, max(self.width() - 16, 1), max(self.height() - 3 * line - 12, 1))

    def _limits(self) -> tuple[float, float]:
        return float(self._edges[0]), float(self._edges[-1])
