"""Links in texts that go to a region, for the mouse and the keyboard."""

from __future__ import annotations

import html

from qtpy.QtCore import Qt
from qtpy.QtGui import QFocusEvent
from qtpy.QtWidgets import QWidget

from seco_viewer import words
from seco_viewer.docks.texts import TextLabel

_MOUSE, _KEYS = (
    Qt.TextInteractionFlag.LinksAccessibleByMouse,
    Qt.TextInteractionFlag.LinksAccessibleByKeyboard,
)


def region_link(row: int, text: str, around: QWidget) -> str:
    """A link whose target is a region's row.

    Parameters
    ----------
    row : int
        The region.
    text : str
        What the link says.
    around : QWidget
        Where it is shown: links have the colour of its text, as Qt's own cannot be read in dark themes.
    """
    color = around.palette().color(around.foregroundRole()).name()
    return f"<a href='{row}' style='color: {color}'>{html.escape(text)}</a>"


def reason_link(told: words.Reason, name: words.Name, around: QWidget) -> str:
    """A decision that changed a noise score, in words, as a link to the decided region."""
    return region_link(told.row, words.reason(told, name), around)


class LinkLabel(TextLabel):
    """Text with links that the mouse follows, and Enter once Tab has come to them.

    While there is none Tab passes it by, and the focus goes to the widget around it.
    """

    def setText(self, text: str) -> None:  # noqa: N802
        """Show rich text."""
        super().setText(text)
        has_links = "<a " in text
        flags = _MOUSE | _KEYS if has_links else _MOUSE
        if self.textInteractionFlags() == flags:
            return
        self.setTextInteractionFlags(flags)
        # a click elsewhere in the text leaves the keys where they are
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if has_links else Qt.FocusPolicy.NoFocus)
        around = self.parentWidget()
        if self.hasFocus() and around is not None:
            around.setFocus()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Go to the first link, or to the last when coming from below: Qt would wait for another Tab."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.focusNextPrevChild(event.reason() == Qt.FocusReason.TabFocusReason)
