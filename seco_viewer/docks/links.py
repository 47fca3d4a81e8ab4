"""Links in texts that go to a region."""

from __future__ import annotations

import html

from qtpy.QtWidgets import QWidget

from seco_viewer import words


def reason_link(told: words.Reason, name: words.Name, around: QWidget) -> str:
    """A decision that changed a noise score, in words, as a link whose target is the decided region's row.

    Parameters
    ----------
    told : Reason
        The decision.
    name : callable
        Gives a class id's name.
    around : QWidget
        Where it is shown: links have the colour of its text, as Qt's own cannot be read in dark themes.
    """
    color = around.palette().color(around.foregroundRole()).name()
    return f"<a href='{told.row}' style='color: {color}'>{html.escape(words.reason(told, name))}</a>"
