"""Links in texts that go to a region."""

from __future__ import annotations

import html

from qtpy.QtWidgets import QWidget

from seco_viewer import words


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
