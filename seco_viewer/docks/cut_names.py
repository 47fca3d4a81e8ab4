"""Names of classes where there is no room for all of them: cut so that those that begin alike differ."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem


def cut_name(name: str, metrics: QFontMetrics, width: int) -> str:
    """A name as it fits in some pixels.

    One word is cut at its end. Of several the last one stays, as it is what tells traffic lights from traffic
    signs; where that leaves no letter of the others, the middle goes.
    """
    if metrics.horizontalAdvance(name) <= width:
        return name
    first, _, last = name.rpartition(" ")
    if not first:
        return metrics.elidedText(name, Qt.TextElideMode.ElideRight, width)
    for letters in range(len(first) - 1, 0, -1):
        cut = f"{first[:letters].rstrip()}… {last}"
        if metrics.horizontalAdvance(cut) <= width:
            return cut
    return metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, width)


class NameDelegate(QStyledItemDelegate):
    """Draws the cells of a column of a table with their texts cut as names."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:  # noqa: N802
        """Cut the text where the cell has no room for it."""
        super().initStyleOption(option, index)
        if option is None or option.rect.isEmpty():
            return
        widget = option.widget
        style = QApplication.style() if widget is None else widget.style()
        if style is None:
            return
        room = style.subElementRect(QStyle.SubElement.SE_ItemViewItemText, option, widget).width()
        margin = style.pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, None, widget) + 1
        option.text = cut_name(option.text, option.fontMetrics, room - 2 * margin)
