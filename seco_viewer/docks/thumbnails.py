"""A strip of regions of any image as small pictures: click one to go there, or tick some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon, QImage, QPixmap, QShowEvent
from qtpy.QtWidgets import QLabel, QListView, QListWidget, QListWidgetItem, QSizePolicy, QVBoxLayout, QWidget

from seco_core.graph import EdgeKind
from seco_viewer.crops import CropReader
from seco_viewer.docks.later import Later
from seco_viewer.session import Session

_SIDE = 76
_MOST = 24
_REST_MILLISECONDS = 120
_ROW = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Thumbnail:
    """One region of a strip.

    Attributes
    ----------
    row : int
        The region.
    caption, tip : str
        Below it, and shown when the pointer rests on it.
    """

    row: int
    caption: str
    tip: str


class ThumbnailStrip(QListWidget):
    """Pictures side by side, read in the background.

    Parameters
    ----------
    session : Session
        Whose regions.
    ticked : bool
        Whether pictures have a tick, set to begin with.

    Attributes
    ----------
    chosen : Signal(int)
        The region of the picture that was clicked (twice, if it has a tick), or on which Enter was pressed.
    """

    chosen = Signal(int)
    _arrived = Signal(int, int, object)

    def __init__(self, session: Session, *, ticked: bool = False):
        super().__init__()
        self._session = session
        self._ticked = ticked
        self._items: dict[int, QListWidgetItem] = {}
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(QListView.Movement.Static)
        self.setIconSize(QSize(_SIDE, _SIDE))
        self.setSpacing(1)
        self.setUniformItemSizes(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setFixedHeight(_SIDE + self.fontMetrics().height() + 28)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        blank = QPixmap(_SIDE, _SIDE)
        blank.fill(Qt.GlobalColor.darkGray)
        self._blank = QIcon(blank)
        self.reader = CropReader(
            session.project.path, self._arrived.emit, known=session.frames.known, size=_SIDE
        )
        self._arrived.connect(self._show_picture)
        if not ticked:  # there a click sets the tick
            self.itemClicked.connect(lambda item: self.chosen.emit(item.data(_ROW)))
        self.itemActivated.connect(lambda item: self.chosen.emit(item.data(_ROW)))

    def show_regions(self, thumbnails: Sequence[Thumbnail]) -> None:
        """Show some regions; their pictures follow."""
        self.clear()
        self._items = {}
        for thumbnail in thumbnails:
            item = QListWidgetItem(self._blank, thumbnail.caption)
            item.setToolTip(thumbnail.tip)
            item.setData(_ROW, thumbnail.row)
            item.setSizeHint(QSize(_SIDE + 10, _SIDE + self.fontMetrics().height() + 8))
            if self._ticked:
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Checked)
            self.addItem(item)
            self._items[thumbnail.row] = item
        self.reader.want(self._session.regions, list(self._items))

    def ticked_rows(self) -> NDArray[np.int64]:
        """Regions whose tick is set."""
        rows = [row for row, item in self._items.items() if item.checkState() == Qt.CheckState.Checked]
        return np.array(rows, dtype=np.int64)

    def release(self) -> None:
        """End the reading thread."""
        self.reader.close()

    def _show_picture(self, generation: int, row: int, picture: NDArray[np.uint8]) -> None:
        if self.reader.keep(generation, row, picture) and row in self._items:
            self._items[row].setIcon(QIcon(to_pixmap(picture)))


class NeighbourStrip(QWidget):
    """The regions of other images that are most like the current one, by the relational graph.

    It follows when the keys rest: reading pictures takes a core, and some of Python's time.
    """

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._later = Later(self, self.refresh, _REST_MILLISECONDS)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self.title = QLabel()
        self.title.setWordWrap(True)
        self.strip = ThumbnailStrip(session)
        self.strip.chosen.connect(session.go_to)
        layout.addWidget(self.title)
        layout.addWidget(self.strip)
        session.region_changed.connect(self._changed)
        session.reloaded.connect(self._reloaded)
        self._later.ask()

    def release(self) -> None:
        """Let go of the session and end the reading thread."""
        self._later.stop()
        self._session.region_changed.disconnect(self._changed)
        self._session.reloaded.disconnect(self._reloaded)
        self.strip.release()

    def refresh(self) -> None:
        """Show the current region's neighbours."""
        session = self._session
        found = [] if session.row is None else alike_elsewhere(session, session.row)
        if found:
            self.title.setText(f"Alike in other images ({len(found)}): class and similarity")
        else:
            self.title.setText("No region of another image is linked to this one.")
        self.strip.show_regions(found)

    def _changed(self) -> None:
        self.strip.reader.rest()
        self._later.ask()

    def _reloaded(self) -> None:
        self.strip.reader.forget()
        self._later.ask()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Show what became current meanwhile."""
        self._later.ask()
        super().showEvent(event)


def alike_elsewhere(session: Session, row: int) -> list[Thumbnail]:
    """Regions of other images that the relational graph links to a region, the most alike first."""
    image_id = session.regions.image_id
    links = [
        (other, weight)
        for other, weight, kind in session.links(row)
        if kind == EdgeKind.FEATURE and image_id[other] != image_id[row]
    ][:_MOST]
    labels = session.label(np.array([other for other, _ in links], dtype=np.int64)).tolist()
    found = []
    for (other, weight), class_id in zip(links, labels, strict=True):
        name = session.scheme.label(class_id)
        image = session.project.images[int(image_id[other])].name
        done = ", reviewed" if session.reviewed[other] else ""
        found.append(
            Thumbnail(other, f"{name} {weight:.2f}", f"{name}{done}, similarity {weight:.2f}, image {image}")
        )
    return found


def to_pixmap(picture: NDArray[np.uint8]) -> QPixmap:
    """A picture, uint8 (H, W, 3) RGB, as Qt draws it."""
    height, width = picture.shape[:2]
    data = np.ascontiguousarray(picture)
    # a pixmap copies, so that the array may go
    return QPixmap.fromImage(QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888))
