"""What the tables of images and of regions share: headers that explain themselves, numbers never cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtWidgets import QTableView

_MARGIN = 8
"""Pixels that styles keep free beside the text of a cell."""


class HeadedTable(QAbstractTableModel):
    """A table model with fixed columns.

    Attributes
    ----------
    headers : tuple of str
        What stands over the columns.
    tips : tuple of str
        What each column holds, for who rests the pointer on its header.
    """

    headers: ClassVar[tuple[str, ...]] = ()
    tips: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self._marks: dict[int, str] = {}

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self.headers)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """What a column is."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.headers[section] + self._marks.get(section, "")
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return self.tips[section]
        return None

    def mark_order(self, column: int, *, descending: bool) -> None:
        """Say in the header which column the table is sorted by; -1 for none."""
        self._marks = {column: "▾" if descending else "▴"}
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.headers) - 1)


class FittedColumns:
    """Keeps columns as wide as their header and their longest texts need, and leaves the rest to the others.

    The mark of the order is a letter of the header: Qt's own arrow takes as much room as half a word.

    Parameters
    ----------
    table : QTableView
        With its model, and sorting enabled.
    headed : HeadedTable
        The model, or the one that it sorts.
    texts : callable
        Gives the texts, by columns, that those columns have to show whole.
    """

    def __init__(
        self, table: QTableView, headed: HeadedTable, texts: Callable[[], Mapping[int, Sequence[str]]]
    ):
        self._table, self._headed, self._texts = table, headed, texts
        self._needed: dict[int, int] = {}
        header = table.horizontalHeader()
        header.setHighlightSections(False)  # in bold letters, which need more room
        header.setMinimumSectionSize(30)
        header.setSortIndicatorShown(False)
        header.sortIndicatorChanged.connect(self._sorted)
        self._sorted(header.sortIndicatorSection(), header.sortIndicatorOrder())

    def fit(self) -> None:
        """Make room for what the texts are now; columns that need what they did stay as drawn."""
        table, header = self._table, self._table.horizontalHeader()
        for widget in (table, header):
            widget.ensurePolished()  # they have a smaller font
        metrics = table.fontMetrics()
        for column, texts in self._texts().items():
            longest = max(metrics.horizontalAdvance(text) for text in texts)
            needed = max(header.sectionSizeHint(column), longest + _MARGIN)
            if needed != self._needed.get(column):
                self._needed[column] = needed
                table.setColumnWidth(column, needed)

    def _sorted(self, column: int, order: Qt.SortOrder) -> None:
        self._headed.mark_order(column, descending=order == Qt.SortOrder.DescendingOrder)
        self.fit()
