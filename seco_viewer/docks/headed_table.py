"""What the tables of images and of regions share: fixed columns with headers that explain themselves."""

from __future__ import annotations

from typing import Any, ClassVar

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt


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

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self.headers)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """What a column is."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.headers[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return self.tips[section]
        return None
