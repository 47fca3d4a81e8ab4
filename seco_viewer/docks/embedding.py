"""The map of all regions: those that are alike lie together; a lasso lists them in the queue."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPoint, QPointF, QSize, Qt, Signal
from qtpy.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent, QShowEvent
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from seco_core.texts import counted
from seco_viewer.look import noise_colormap
from seco_viewer.region_map import draw_map, inside, load_plane, to_pixels
from seco_viewer.session import Session
from seco_viewer.workers import Job

_HEIGHT = 230
_NEAR = 12
"""Pixels within which a click means a dot."""
_NO_COLOR = (128, 128, 128)


class EmbeddingView(QWidget):
    """Dots on a plane. A click goes to the nearest, a drag draws a lasso.

    Attributes
    ----------
    clicked : Signal(int)
        A dot.
    lassoed : Signal(object)
        The dots inside a lasso, ndarray of int64.
    """

    clicked = Signal(int)
    lassoed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._place: NDArray[np.float32] = np.zeros((0, 2), dtype=np.float32)
        self._colors: NDArray[np.uint8] = np.zeros((0, 3), dtype=np.uint8)
        self._pixels: NDArray[np.int64] = np.zeros((0, 2), dtype=np.int64)
        self._picture: QImage | None = None
        self._marked: int | None = None
        self._lasso: list[QPoint] = []
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMinimumHeight(120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_dots(self, place: NDArray[np.float32], colors: NDArray[np.uint8]) -> None:
        """Show dots at x, y in 0..1 (NaN: not shown) in RGB colours."""
        self._place, self._colors = place, colors
        if self.isVisible():
            self._draw()

    def mark(self, dot: int | None) -> None:
        """Put a ring around a dot."""
        self._marked = dot
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As high as the table below leaves it."""
        return QSize(300, _HEIGHT)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Draw what there was to show while nobody saw it."""
        super().showEvent(event)
        self._draw()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Draw the dots anew."""
        super().resizeEvent(event)
        self._draw()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a click or a lasso."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._lasso = [event.pos()]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Draw the lasso on."""
        if self._lasso:
            self._lasso.append(event.pos())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End the click or lasso."""
        if not self._lasso:
            return
        line = np.array([(p.x(), p.y()) for p in self._lasso], dtype=np.int64)
        self._lasso = []
        self.update()
        if np.ptp(line, axis=0).max() < 4:
            self._click(line[0])
        else:
            found = inside(self._pixels, line, (self.width(), self.height()))
            if len(found):
                self.lassoed.emit(found)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the dots, the ring and the lasso."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(self.foregroundRole())
        if self._picture is not None:
            painter.drawImage(0, 0, self._picture)
        if (
            self._marked is not None
            and self._marked < len(self._pixels)
            and self._pixels[self._marked][0] >= 0
        ):
            x, y = self._pixels[self._marked].tolist()
            for width, color in ((4, self.palette().color(self.backgroundRole())), (2, text)):
                painter.setPen(QPen(color, width))
                painter.drawEllipse(QPointF(x, y), 7, 7)
        if len(self._lasso) > 1:
            painter.setPen(QPen(text, 1, Qt.PenStyle.DashLine))
            painter.drawPolygon(QPolygonF([QPointF(p) for p in self._lasso]))
        painter.end()

    def _draw(self) -> None:
        size = (self.width(), self.height())
        self._pixels = to_pixels(self._place, size)
        picture = draw_map(self._pixels, self._colors, size)
        image = QImage(picture.data, *size, 4 * size[0], QImage.Format.Format_RGBA8888)
        self._picture = image.copy()  # the array may go
        self.update()

    def _click(self, place: NDArray[np.int64]) -> None:
        if not len(self._pixels):
            return
        distance = np.abs(self._pixels - place).max(axis=1)
        nearest = int(distance.argmin())
        if distance[nearest] <= _NEAR and self._pixels[nearest, 0] >= 0:
            self.clicked.emit(nearest)


class EmbeddingPanel(QWidget):
    """The map with its choice of colours. It is laid out in the background when it is first seen.

    Attributes
    ----------
    lassoed : Signal(object)
        Rows of the regions inside a lasso.
    """

    lassoed = Signal(object)

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._job: Job | None = None
        self._place: NDArray[np.float32] | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self.color = QComboBox()
        self.color.addItems(["class", "predicted class", "noise score"])
        self.color.currentIndexChanged.connect(self._paint)
        self.told = QLabel()
        self.view = EmbeddingView()
        self.view.setToolTip(
            "Alike regions lie together. Draw around some to list them; click one to go there."
        )
        self.view.lassoed.connect(self.lassoed)
        self.view.clicked.connect(session.go_to)
        top = QHBoxLayout()
        top.addWidget(QLabel("colour"))
        top.addWidget(self.color)
        top.addWidget(self.told, 1)
        layout.addLayout(top)
        layout.addWidget(self.view)
        session.region_changed.connect(self._mark)
        session.reloaded.connect(self._reloaded)

    @property
    def running(self) -> bool:
        """Whether the regions are being laid out."""
        return self._job is not None

    def release(self) -> None:
        """Let go of the session; work that is going on stops."""
        self._session.region_changed.disconnect(self._mark)
        self._session.reloaded.disconnect(self._reloaded)
        if self._job is not None:
            self._job.cancel()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Lay the regions out if that was not done yet."""
        super().showEvent(event)
        self._start()
        self._paint()

    def _start(self) -> None:
        if self._job is not None or self._place is not None or not len(self._session.regions):
            return
        self.told.setText("laying regions out…")
        self._job = Job(partial(load_plane, self._session.project.path), "SeCo map of regions")
        self._job.succeeded.connect(self._laid_out)
        self._job.failed.connect(self.told.setText)
        self._job.ended.connect(self._ended)
        self._job.start()

    def _laid_out(self, place: NDArray[np.float32]) -> None:
        if len(place) != len(self._session.regions):
            self.told.setText("the regions are being made anew")
            return
        self._place = place
        self.told.setText(counted(int(np.count_nonzero(~np.isnan(place[:, 0]))), "region"))
        self._paint()

    def _ended(self) -> None:
        self._job = None

    def _reloaded(self) -> None:
        self._place = None
        self.view.show_dots(np.zeros((0, 2), dtype=np.float32), np.zeros((0, 3), dtype=np.uint8))
        if self.isVisible():
            self._start()

    def _mark(self) -> None:
        self.view.mark(self._session.row)

    def _paint(self) -> None:
        if self._place is not None:
            self.view.show_dots(self._place, self._region_colors())
        self._mark()

    def _region_colors(self) -> NDArray[np.uint8]:
        session, r = self._session, self._session.regions
        if self.color.currentIndex() < 2:
            palette = np.full((256, 3), _NO_COLOR, dtype=np.uint8)
            palette[: len(session.scheme.palette)] = session.scheme.palette[:, :3]
            return palette[r.class_id if self.color.currentIndex() == 0 else r.predicted]
        noise = session.noise(slice(None))
        colors = np.round(noise_colormap().map(np.nan_to_num(noise))[:, :3] * 255).astype(np.uint8)
        colors[np.isnan(noise)] = _NO_COLOR
        return colors
