"""The table of all regions: a model over the session's arrays, where only what is seen costs anything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QModelIndex, QSize, Qt
from qtpy.QtGui import QFont
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from seco_core.texts import counted
from seco_viewer.docks.classes import swatch
from seco_viewer.docks.cut_names import NameDelegate
from seco_viewer.docks.headed_table import FittedColumns, HeadedTable
from seco_viewer.project_words import distinct_parts
from seco_viewer.region_list import Column, RegionState, RowFilter, listed_rows, region_states, sorted_rows
from seco_viewer.session import Session

_STATES = {
    RegionState.FLAGGED: "flagged",
    RegionState.NOT_SCORED: "not scored",
    RegionState.KEPT: "kept",
}
_NAME_LETTERS = 9
_SWATCH = 12
"""Side of a class's colour, in pixels: what is left is for names."""
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class QueueTable(HeadedTable):
    """Regions of a session, narrowed and sorted with numpy; cells are made when they are drawn.

    Decisions change what the rows say, not which rows there are: those that are done stay, checked off, until
    the list is narrowed again. Nothing is listed before anybody looks at `rows` or narrows the list: sorting
    all regions of a large project takes a moment.

    Attributes
    ----------
    image_names : list of str
        What is shown of the name of each image: not what all begin with.
    """

    headers = ("image", "class", "predicted", "noise", "pixels", "state")
    tips = (
        "Click or Enter goes to the region.",
        "Class after PSA",
        "Class that the model predicts; empty as long as the region is not scored",
        "Noise score: how likely the class is wrong; 0 once a person has decided",
        "Size of the region in pixels; from ten thousand on in thousands (k) or millions (M)",
        "flagged: the machine does not keep it as it is; not scored: the last run was stopped, or goes on, "
        "before it had looked for what is wrong; kept; ✓: a person has decided; cut anew: a run has "
        "just made the regions of its image anew; unusable: its image cannot be judged. The last two are "
        "left out of the queue and of decisions on many",
    )

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._filter = RowFilter()
        self._column, self._descending = Column.NOISE, True
        self._swatches = {c.id: swatch(c.color) for c in session.scheme.classes}
        self.image_names = distinct_parts([record.name for record in session.project.images], _NAME_LETTERS)
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

    def widest(self) -> dict[int, list[str]]:
        """The longest texts of the columns that are to be read whole, by columns."""
        session = self._session
        states = ["flagged", "✓"]
        if session.count_unscored():
            states.append(_STATES[RegionState.NOT_SCORED])
        if session.gone.any():
            states += ["cut anew", "unusable"]
        area = int(session.regions.area.max(initial=0))
        return {
            Column.IMAGE: [max(self.image_names, key=len, default="")],
            Column.NOISE: ["0.00"],
            # of all shorter numbers this is the widest
            Column.AREA: [short_count(min(area, 9_999)), short_count(area)],
            Column.STATE: states,
        }

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Number of listed regions."""
        return 0 if self._rows is None or (parent is not None and parent.isValid()) else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour of the class, alignment; the class of the current region is bold."""
        row, column = int(self.rows[index.row()]), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column in (Column.NOISE, Column.AREA) else None
        if role == Qt.ItemDataRole.DecorationRole and column in (Column.CLASS, Column.PREDICTED):
            class_id = self._class_id(row, column)
            return None if class_id is None else self._swatches.get(class_id)
        if role == Qt.ItemDataRole.FontRole:
            return self._bold if row == self._session.row and column == Column.CLASS else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row, column)
        return None

    def _class_id(self, row: int, column: int) -> int | None:
        """The class that a cell names; None if nothing is predicted."""
        r = self._session.regions
        if column == Column.CLASS:
            return int(r.class_id[row])
        return int(r.predicted[row]) if self._session.has_prediction(slice(row, row + 1))[0] else None

    def _tip(self, row: int, column: int) -> str | None:
        """What a cell says, in full; what it does not fully say if it is a number."""
        r = self._session.regions
        if column == Column.IMAGE:
            return self._session.project.images[int(r.image_id[row])].name
        if column == Column.AREA:
            return counted(int(r.area[row]), "pixel")
        return None if column == Column.NOISE else self._text(row, column)

    def _text(self, row: int, column: int) -> str:
        session, r = self._session, self._session.regions
        if column == Column.IMAGE:
            return self.image_names[int(r.image_id[row])]
        if column in (Column.CLASS, Column.PREDICTED):
            class_id = self._class_id(row, column)
            return "" if class_id is None else session.scheme.label(class_id)
        if column == Column.NOISE:
            noise = float(session.noise(slice(row, row + 1))[0])
            return "" if np.isnan(noise) else f"{noise:.2f}"
        if column == Column.AREA:
            return short_count(int(r.area[row]))
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

    Attributes
    ----------
    columns : FittedColumns
        Those that are read whole; what they leave is for the names of classes.
    """

    def __init__(self, model: QueueTable):
        super().__init__()
        self.setModel(model)
        self.setSortingEnabled(True)
        self.sortByColumn(int(Column.NOISE), Qt.SortOrder.DescendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(_SWATCH, _SWATCH))
        self.setStyleSheet("QTableView, QHeaderView { font-size: 8.5pt; }")
        self.verticalHeader().setVisible(False)
        # every row alike: with rows that fit their text, Qt would ask each of them
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(24)
        self.setMinimumHeight(180)
        header = self.horizontalHeader()
        for column in (Column.CLASS, Column.PREDICTED):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self._names = NameDelegate(self)
        for column in (Column.CLASS, Column.PREDICTED, Column.STATE):
            self.setItemDelegateForColumn(column, self._names)
        self.columns = FittedColumns(self, model, model.widest)


def short_count(number: int) -> str:
    """A number in five letters at most, below ten thousand millions.

    Examples
    --------
    >>> [short_count(n) for n in (9_999, 10_499, 999_499, 999_500, 12_345_678)]
    ['9,999', '10k', '999k', '1.0M', '12M']
    """
    if number < 10_000:
        return f"{number:,}"
    if number < 999_500:
        return f"{number / 1_000:.0f}k"
    return f"{number / 1_000_000:.1f}M" if number < 9_950_000 else f"{number / 1_000_000:.0f}M"
