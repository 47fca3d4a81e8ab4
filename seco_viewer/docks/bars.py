"""Classes or scores with a share each, as a small bar chart; what the colours of a map mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from seco_viewer.docks.cut_names import cut_name

_NAMES = 0.34, 0.5
"""Share of the width that names have at least, and at most."""
_CHEQUERS = QColor(150, 150, 150), QColor(215, 215, 215)


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
        widest = max((metrics.horizontalAdvance(name) for name, _, _ in self._bars), default=0)
        left = int(min(max(_NAMES[0] * self.width(), widest + 9), _NAMES[1] * self.width()))
        right = self.width() - metrics.horizontalAdvance("0.000")
        for i, (name, color, share) in enumerate(self._bars):
            top = i * line
            painter.setPen(text)
            label = cut_name(name, metrics, left - 8)
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


class ColorBar(QWidget):
    """The colours of a score from 0 to 1 on a chequered ground, seen where they are transparent, with a word
    at either end.

    Parameters
    ----------
    least, most : str
        What 0 and 1 mean.
    """

    def __init__(self, least: str, most: str):
        super().__init__()
        self._least, self._most = least, most
        self._colors: list[tuple[float, QColor]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_colors(self, colors: NDArray[np.floating[Any]], low: float, high: float) -> None:
        """Show the colours, RGBA 0..1 (N, 4), of scores from `low` to `high`; others have the ends'."""
        stops = low + (high - low) * np.linspace(0, 1, len(colors))
        shown = [(0.0, colors[0]), *zip(stops.tolist(), colors, strict=True), (1.0, colors[-1])]
        self._colors = [
            (min(max(stop, 0.0), 1.0), QColor.fromRgbF(*(float(c) for c in color))) for stop, color in shown
        ]
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """One line."""
        return QSize(200, self.fontMetrics().height() + 2)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the words, and the colours between them."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        metrics, height = self.fontMetrics(), self.height()
        left, right = (metrics.horizontalAdvance(word) + 8 for word in (self._least, self._most))
        painter.drawText(QRectF(0, 0, left, height), Qt.AlignmentFlag.AlignVCenter, self._least)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(self.width() - right, 0, right, height), flags, self._most)
        bar = QRectF(left, 3, self.width() - left - right, height - 6)
        ramp = QLinearGradient(bar.left(), 0, bar.right(), 0)
        for stop, color in self._colors:
            ramp.setColorAt(stop, color)
        side = bar.height() / 2
        for i in range(2 * math.ceil(bar.width() / side)):
            column, row = divmod(i, 2)
            square = QRectF(bar.left() + column * side, bar.top() + row * side, side, side)
            painter.fillRect(square & bar, _CHEQUERS[(column + row) % 2])
        painter.fillRect(bar, ramp)
        painter.end()
