"""The list of images with what is left to do in each."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtGui import QColor, QShowEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from seco_core.texts import counted
from seco_viewer import project_words
from seco_viewer.docks.headed_table import FittedColumns, HeadedTable
from seco_viewer.docks.lost_images import LostImages
from seco_viewer.docks.texts import TextLabel
from seco_viewer.session import Session

_WRONG_ON_DARK, _WRONG_ON_LIGHT = QColor(255, 160, 60), QColor(140, 50, 0)
_MOST_TOLD = 20
_NAME, _REGIONS, _FLAGGED, _REVIEWED, _STATE = range(5)


class ImageTable(HeadedTable):
    """The images of a session, one a row; numbers are counted when a row is drawn."""

    headers = ("image", "regions", "flagged", "reviewed", "state")
    tips = (
        "Click an image to go to its worst region.",
        "Regions of the image",
        "Regions that the machine does not keep as they are and nobody has looked at",
        "Regions that a person has decided",
        "new: not processed; cut anew: a run has just made its regions anew and has not scored them yet; "
        "not scored: a run was stopped before it had looked for what is wrong; done; "
        "skipped or unusable: rest the pointer on it to see why. One whose file is back is in the queue "
        "again once it has been looked at.",
    )

    def __init__(self, session: Session, around: QWidget):
        super().__init__()
        self._session, self._around = session, around

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Number of images."""
        return 0 if parent is not None and parent.isValid() else len(self._session.project.images)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, number, alignment or problem of a cell."""
        record, column = self._session.project.images[index.row()], index.column()
        unusable = self._session.unusable.get(record.id)
        problem = unusable or record.problem
        if role == Qt.ItemDataRole.ToolTipRole:
            return project_words.in_window(problem) if problem else str(record.image)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (_REGIONS, _FLAGGED, _REVIEWED):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole and column == _STATE:
            if not problem and not self._session.count_unscored(record.id):
                return None
            text = self._around.palette().color(self._around.foregroundRole())
            return _WRONG_ON_LIGHT if text.lightness() < 128 else _WRONG_ON_DARK
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if column == _NAME:
            return record.name
        unscored = record.status == "done" and self._session.count_unscored(record.id) > 0
        cut_anew = record.id in self._session.cut_anew
        if column == _STATE:
            if unusable and record.status == "done":
                return "unusable"
            return "cut anew" if cut_anew else "not scored" if unscored else record.status
        if cut_anew or (column == _FLAGGED and (unscored or unusable)):
            return None  # nobody knows yet
        return self._session.counts(record.id)[column - _REGIONS]

    def widest(self) -> dict[int, list[str]]:
        """The longest texts of all columns but the names', by columns."""
        # every image's regions may come to be flagged and reviewed; words of states need more than "done"
        largest = np.bincount(self._session.regions.image_id).max(initial=0)
        numbers = [f"{largest}"]
        return {
            _REGIONS: numbers, _FLAGGED: numbers, _REVIEWED: numbers,
            _STATE: ["not scored", "cut anew", "unusable", "skipped"],
        }  # fmt: skip

    def changed(self, image_id: int) -> None:
        """An image's numbers are no longer the same."""
        self.dataChanged.emit(self.index(image_id, 0), self.index(image_id, len(self.headers) - 1))

    def reset(self) -> None:
        """Everything may have changed."""
        self.beginResetModel()
        self.endResetModel()


class ImagesPanel(QWidget):
    """The list with a filter line and the project's totals."""

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        self.totals = QLabel()
        # always two lines: a click shall not hit another row because a problem was found meanwhile
        self.totals.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.left_out = TextLabel()
        self.left_out.setVisible(False)
        self.search = QLineEdit()
        self.search.setPlaceholderText("find an image by its name")
        self.search.setClearButtonEnabled(True)
        self.model = ImageTable(session, self)
        self.sorted = QSortFilterProxyModel()
        self.sorted.setSourceModel(self.model)
        self.sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search.textChanged.connect(self.sorted.setFilterFixedString)
        self.table = QTableView()
        self.table.setModel(self.sorted)
        # in the project's order to begin with, before Qt would sort them by name
        self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.table.setSortingEnabled(True)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setStyleSheet("QTableView, QHeaderView { font-size: 8.5pt; }")
        self.table.verticalHeader().setVisible(False)
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.table.setTextElideMode(Qt.TextElideMode.ElideLeft)
        self.table.setWordWrap(False)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        self.columns = FittedColumns(self.table, self.model, self.model.widest)
        self.table.clicked.connect(self._clicked)
        self.table.activated.connect(self._clicked)
        self.table.setTabKeyNavigation(False)
        for part in (self.totals, self.left_out, self.search, self.table):
            layout.addWidget(part)
        session.regions_decided.connect(self._decided)
        session.others_decided.connect(self._others_decided)
        session.scores_changed.connect(self._others_decided)
        session.image_changed.connect(self._mark_current)
        session.reloaded.connect(self._reloaded)
        session.images_cut_anew.connect(self._cut_anew)
        session.reviewable_changed.connect(self.model.changed)
        session.reviewable_changed.connect(self._show_totals)
        self.lost = LostImages(session)
        self._show_totals()
        self._mark_current()

    def release(self) -> None:
        """Let go of the session."""
        self.lost.forget()
        self._session.regions_decided.disconnect(self._decided)
        self._session.others_decided.disconnect(self._others_decided)
        self._session.scores_changed.disconnect(self._others_decided)
        self._session.image_changed.disconnect(self._mark_current)
        self._session.reloaded.disconnect(self._reloaded)
        self._session.images_cut_anew.disconnect(self._cut_anew)
        self._session.reviewable_changed.disconnect(self.model.changed)
        self._session.reviewable_changed.disconnect(self._show_totals)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Say of all images whether they can be judged."""
        super().showEvent(event)
        self.lost.look()

    def tell_left_out(self, text: str, problems: Sequence[str]) -> None:
        """Show that images are not in the project, with the reason of each in the tip."""
        self.left_out.setText(f"⚠ {html.escape(text)}".replace("/", "/\u200b"))
        self.left_out.setToolTip("\n".join(problems[:_MOST_TOLD]))
        self.left_out.setVisible(True)

    def _clicked(self, index: QModelIndex) -> None:
        self._session.go_to_image(self.sorted.mapToSource(index).row())

    def _decided(self) -> None:
        self.model.changed(self._session.image_id)
        self._show_totals()

    def _others_decided(self, rows: NDArray[np.int64]) -> None:
        for image_id in np.unique(self._session.regions.image_id[rows]).tolist():
            self.model.changed(image_id)
        self._show_totals()

    def _cut_anew(self, image_ids: tuple[int, ...]) -> None:
        for image_id in image_ids:
            self.model.changed(image_id)
        self._show_totals()

    def _reloaded(self) -> None:
        self.model.reset()
        self.columns.fit()
        self._show_totals()
        self._mark_current()
        self.lost.forget()  # a run may have taken what lies there now
        if self.isVisible():
            self.lost.look()

    def _mark_current(self) -> None:
        self.model.changed(self._session.image_id)
        index = self.sorted.mapFromSource(self.model.index(self._session.image_id, 0))
        if index.isValid():
            self.table.selectRow(index.row())
            self.table.scrollTo(index)

    def _show_totals(self) -> None:
        regions, flagged, reviewed = self._session.counts()
        images = self._session.project.images
        skipped = sum(record.status == "skipped" for record in images)
        first = counted(len(images), "image")
        first += f", {skipped:,} skipped" if skipped else ""
        unusable = len(self._session.unusable)
        first += f", {unusable:,} cannot be judged" if unusable else ""
        second = f"{counted(regions, 'region')}: {flagged:,} flagged, {reviewed:,} reviewed"
        if unscored := self._session.count_unscored():
            second += f", {unscored:,} not scored"
        if left_out := self._session.count_left_out():
            second += f", {left_out:,} left out"
        self.totals.setText(f"{first}\n{second}")
        self.totals.setToolTip(self.totals.text())
