"""How far some work is."""

from __future__ import annotations

from qtpy.QtWidgets import QProgressBar

from seco_core.progress import ProgressEvent


class WorkBar(QProgressBar):
    """A bar that never moves by itself, hidden until work begins.

    Qt's own bar moves as long as nobody knows how far the work is, and has the whole window, canvas and all,
    composed anew for every step of that: half a processor core, which the work needs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setVisible(False)

    def begin(self) -> None:
        """Show that nothing is done yet."""
        self.setRange(0, 1)
        self.setValue(0)
        self.setVisible(True)

    def follow(self, event: ProgressEvent) -> None:
        """Show how much is done."""
        self.setRange(0, max(event.total, 1))
        self.setValue(event.done)
