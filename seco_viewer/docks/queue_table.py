"""The table of all regions: a model over the session's arrays, where only what is seen costs anything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QFont
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from seco_viewer.docks.classes import swatch
from seco_viewer.docks.headed_table import HeadedTable
from seco_viewer.project_words import distinct_parts
from seco_viewer.region_list import Column, RegionState, RowFilter, listed_rows, region_states, sorted_rows
from seco_viewer.session import Session

_STATES = {RegionState.FLAGGED: "flagged", RegionState.KEPT: "kept"}
_CELL_MARGIN = 12
"""Pixels that a style keeps free beside the text of a cell."""
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class QueueTable(HeadedTable):
    """Regions of a session, narrowed and sorted with numpy; cells are made when they are drawn.

    Decisions change what the rows say, not which rows there are: those that are done stay, checked off, until
    the list is narrowed again. Nothing is listed before anybody looks at `rows` or narrows the list: sorting
    all regions of a large project takes a moment.

    Attributes
    ----------
    longest_name : int
        Letters of the longest name of an image, without what all begin with.
    """

    headers = ("image", "class", "predicted", "noise", "pixels", "state")
    tips = (
        "Click or Enter goes to the region.",
        "Class after PSA",
        "Class that the model predicts",
        "Noise score: how likely the class is wrong; 0 once a person has decided",
        "Size of the region",
        "flagged: the machine does not keep it as it is; kept; ✓: a person has decided; cut anew: a run has "
        "just made the regions of its image anew; unusable: its image cannot be judged. The last two are "
        "left out of the queue and of decisions on many",
    )

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._filter = RowFilter()
        self._column, self._descending = Column.NOISE, True
        self._swatches = {c.id: swatch(c.color) for c in session.scheme.classes}
        self._names = distinct_parts([record.name for record in session.project.images])
        self.longest_name = max(map(len, self._names), default=0)
        self._bold = QFont()
        self._bold.setBold(True)
        self._rows: NDArray[np.int64] | None = None
        self._places: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The listed regions from the top down, (N,)."""
        return self._take(listed_rows(self._session, self._filter)) if self._rows is None else self._rows

    @property
    def filled(self) -> bool:
        """Whether anything has been listed since the session's regions are what they are."""
        return self._rows is not None

    def forget(self) -> None:
        """List nothing, and everything when it is looked at again."""
        self.beginResetModel()
        self._filter, self._rows = RowFilter(), None
        self.endResetModel()

    def narrow(self, wanted: RowFilter) -> None:
        """List what a filter lets through, as the regions are now."""
        self._filter = wanted
        self._take(listed_rows(self._session, wanted))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 is worst first."""
        self._column = Column(column) if column >= 0 else Column.NOISE
        self._descending = column < 0 or order == Qt.SortOrder.DescendingOrder
        if self._rows is not None:
            self._take(self._rows)

    def place(self, row: int) -> int:
        """Where a region is in the list; -1 if it is not."""
        return int(self._places[row]) if self.filled else -1

    def touch(self) -> None:
        """What the rows say may have changed."""
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, len(self.headers) - 1))

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Number of listed regions."""
        return 0 if self._rows is None or (parent is not None and parent.isValid()) else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour of the class, alignment; the current region is bold."""
        row, column = int(self.rows[index.row()]), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column in (Column.NOISE, Column.AREA) else None
        if role == Qt.ItemDataRole.DecorationRole and column in (Column.CLASS, Column.PREDICTED):
            r = self._session.regions
            return self._swatches.get(int((r.class_id if column == Column.CLASS else r.predicted)[row]))
        if role == Qt.ItemDataRole.FontRole:
            return self._bold if row == self._session.row else None
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == Column.IMAGE:
                return self._session.project.images[int(self._session.regions.image_id[row])].name
            return self._text(row, column) if column in (Column.CLASS, Column.PREDICTED) else None
        return None

    def _text(self, row: int, column: int) -> str:
        session, r = self._session, self._session.regions
        if column == Column.IMAGE:
            return self._names[int(r.image_id[row])]
        if column == Column.CLASS:
            return session.scheme.label(int(r.class_id[row]))
        if column == Column.PREDICTED:
            return session.scheme.label(int(r.predicted[row]))
        if column == Column.NOISE:
            noise = float(session.noise(slice(row, row + 1))[0])
            return "" if np.isnan(noise) else f"{noise:.2f}"
        if column == Column.AREA:
            return f"{int(r.area[row]):,}"
        state = RegionState(int(region_states(session, slice(row, row + 1))[0]))
        if state is RegionState.REVIEWED:
            return f"✓ {session.scheme.label(int(session.decided[row]))}"
        if state is RegionState.LEFT_OUT:
            return "cut anew" if int(r.image_id[row]) in session.cut_anew else "unusable"
        return _STATES[state]

    def _take(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        self.beginResetModel()
        self._rows = sorted_rows(self._session, rows, self._column, descending=self._descending)
        self._places = np.full(len(self._session.regions), -1, dtype=np.int64)
        self._places[self._rows] = np.arange(len(self._rows))
        self.endResetModel()
        return self._rows


class QueueView(QTableView):
    """The list of regions as it looks.

    Parameters
    ----------
    model : QueueTable
        The list.
    largest : int
        Pixels of the largest region: its column is wide enough for it.
    """

    def __init__(self, model: QueueTable, largest: int):
        super().__init__()
        self.setModel(model)
        self.setSortingEnabled(True)
        self.sortByColumn(int(Column.NOISE), Qt.SortOrder.DescendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # "traffic light", "traffic sign"
        self.setStyleSheet("QTableView, QHeaderView { font-size: 8.5pt; }")
        self.verticalHeader().setVisible(False)
        # every row alike: with rows that fit their text, Qt would ask each of them
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(24)
        self.setMinimumHeight(180)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(36)
        for column in (Column.CLASS, Column.PREDICTED):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self.ensurePolished()  # it has a smaller font
        letters = self.fontMetrics().horizontalAdvance("0")
        header_text = model.headerData(Column.AREA, Qt.Orientation.Horizontal)
        area = _CELL_MARGIN + max(
            self.fontMetrics().horizontalAdvance(f"{largest:,}"),
            header.fontMetrics().horizontalAdvance(header_text),
        )
        for column, width in (
            (Column.IMAGE, max(42, letters * model.longest_name + 8)),
            (Column.NOISE, 40), (Column.AREA, area), (Column.STATE, 58),
        ):  # fmt: skip
            # room for the arrow only where sorting begins: what is left is the classes' names
            hint = header.sectionSizeHint(column) if column == Column.NOISE else 0
            self.setColumnWidth(column, max(width, hint))
