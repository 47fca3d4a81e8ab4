"""What other windows on the same project decide, shown in this one while nothing is done in it."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

from seco_core.errors import SecoError
from seco_viewer.session import Session

_MILLISECONDS = 1500


class OtherWindows:
    """Looks every now and then for decisions that were made elsewhere.

    Parameters
    ----------
    session : Session
        The project under review.
    say : callable
        Shows a message; ``wrong=True`` for errors.
    parent : QObject
        When Qt deletes it, nobody looks any more.
    """

    def __init__(self, session: Session, say: Callable[..., None], parent: QObject):
        self._session, self._say = session, say
        self.timer = QTimer(parent)
        self.timer.setInterval(_MILLISECONDS)
        self.timer.timeout.connect(self.look)
        self.timer.start()

    def release(self) -> None:
        """Look no more."""
        self.timer.stop()
        self.timer.deleteLater()

    def look(self) -> None:
        """Show what was decided elsewhere since; say so if the region that is looked at is among it."""
        session, row = self._session, self._session.row
        before = () if row is None else (bool(session.reviewed[row]), int(session.decided[row]))
        try:
            session.catch_up()
        except SecoError as error:
            self.timer.stop()  # the next decision says the same if it lasts
            self._say(str(error), wrong=True)
            return
        if row is not None and before != (bool(session.reviewed[row]), int(session.decided[row])):
            self._say("Another window has just decided this region, or taken that back.")
