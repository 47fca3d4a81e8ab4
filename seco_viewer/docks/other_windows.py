"""What other windows on the same project decide and do, shown in this one while nothing is done in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from seco_core.errors import SecoError
from seco_core.project.store import STORE_NAME, StorePlace
from seco_core.texts import counted
from seco_viewer import project_words
from seco_viewer.docks.other_runs import OtherRuns
from seco_viewer.session import Session

_MILLISECONDS = 1500
_LONGEST_MILLISECONDS = 48_000


class OtherWindows:
    """Looks every now and then for decisions that were made elsewhere, and for runs.

    A project that is no longer where it was opened is told of once here, and stays said on the Review page:
    what is decided in it may be lost.

    What cannot be looked at, because a share does not answer or the like, is tried again, each time later. It
    is said once, and once more when all is well again.

    Parameters
    ----------
    session : Session
        The project under review.
    say : callable
        Shows a message; ``wrong=True`` for errors.
    busy : callable
        Whether this window works on the project in the background.
    parent : QObject
        When Qt deletes it, nobody looks any more.

    Attributes
    ----------
    runs : OtherRuns
        Follows them.
    """

    away_changed = Signal()
    """The project is no longer where it was opened, or is there again."""

    def __init__(self, session: Session, say: Callable[..., None], busy: Callable[[], bool], parent: QObject):
        self._session, self._say = session, say
        self.runs = OtherRuns(session, say, busy)
        self._problem = ""
        self._place = StorePlace(session.project.path / STORE_NAME)
        self.timer = QTimer(parent)
        self.timer.setInterval(_MILLISECONDS)
        self.timer.timeout.connect(self.look)
        self.timer.start()

    def release(self) -> None:
        """Look no more."""
        self.timer.stop()
        self.timer.deleteLater()
        self.runs.release()

    def look(self) -> None:
        """Show what was decided elsewhere since; say so if the image that is looked at is concerned."""
        if self._is_away():
            return
        before = self._decided_here()
        try:
            if self._session.catch_up():
                self._tell(*before)
            self.runs.look()
        except SecoError as error:
            self._failed(str(error))
            return
        self._looked()

    def _decided_here(self) -> tuple[set[int], NDArray[np.int64]]:
        """Decisions on the current image, and what holds of each of its regions, (2, n)."""
        session, rows = self._session, self._session.rows
        standing = np.stack([session.reviewed[rows], session.decided[rows]]).astype(np.int64)
        return {o.seq for o in session.project.overrides.active(session.image_id)}, standing

    def _tell(self, before: set[int], standing_before: NDArray[np.int64]) -> None:
        row, (now, standing) = self._session.row, self._decided_here()
        if now == before:
            return
        changed = np.flatnonzero((standing != standing_before).any(axis=0)) + self._session.rows.start
        what = counted(len(changed), "region") + " of this image" if len(changed) else "a part of this image"
        if row in changed.tolist():
            what = "this region" if len(changed) == 1 else f"{what}, this one among them"
        self._say(f"Another window or program has just decided {what}, or taken that back.")

    def _is_away(self) -> bool:
        session = self._session
        told, session.away = session.away, not self._place.is_kept()
        if session.away and not told:
            self._say(project_words.away(session.project.path), wrong=True)
        if session.away != told:
            self.away_changed.emit()
        return session.away

    def _failed(self, problem: str) -> None:
        self.timer.setInterval(min(2 * self.timer.interval(), _LONGEST_MILLISECONDS))
        if problem != self._problem:
            self._problem = problem
            self._say(
                f"{problem} Until that works again, what other windows decide is not shown.", wrong=True
            )

    def _looked(self) -> None:
        # well again when it was so twice: what comes and goes is not said each time
        if self._problem and self.timer.interval() == _MILLISECONDS:
            self._problem = ""
            self._say("What other windows decide is shown again.")
        self.timer.setInterval(_MILLISECONDS)
