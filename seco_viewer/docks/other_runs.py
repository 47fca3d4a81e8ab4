"""What runs of other windows and programs make of the project, shown in this one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from seco_core.pipeline.run import run_goes_on
from seco_core.progress import CancelToken, ProgressCallback
from seco_core.project import Project
from seco_core.project.standing import Standing
from seco_core.texts import capitalized, counted
from seco_viewer import project_words
from seco_viewer.new_regions import TOLD
from seco_viewer.session import Session
from seco_viewer.tables import Tables
from seco_viewer.workers import Job


class OtherRuns:
    """Follows runs that this window has not begun: the pipeline's, and what was learnt or set elsewhere.

    Images that such a run has cut anew are shown so, as those of the window's own run are, and once it has
    ended all regions are read again. One stays where one is.

    Parameters
    ----------
    session : Session
        The project under review.
    say : callable
        Shows a message; ``wrong=True`` for errors.
    busy : callable
        Whether this window works on the project itself: then nobody else can.
    """

    def __init__(self, session: Session, say: Callable[..., None], busy: Callable[[], bool]):
        self._session, self._say, self._busy = session, say, busy
        self._job: Job | None = None
        self.take_stock()
        session.reloaded.connect(self.take_stock)

    def release(self) -> None:
        """Let go of the session."""
        self._session.reloaded.disconnect(self.take_stock)
        if self._job is not None:
            self._job.cancel()
            self._job.blockSignals(True)

    def take_stock(self, *_: object) -> None:
        """Take what is stored for known: the session has it, or has asked for it."""
        self._known = self._session.project.standing()

    def look(self) -> None:
        """Show what was done since.

        Raises
        ------
        SecoError
            If the store cannot be read.
        """
        session, before = self._session, self._known
        if self._busy() or self._job is not None:
            return
        self._known = session.project.standing(before) or before
        if before is not None and self._known is not None and self._known is not before:
            session.regions_replaced(self._known.cut_since(before))
            if self._known.ended_since(before):
                self._read(before)
        elif self._was_killed():
            self._read(before)
        elif not session.edited and session.show_new_regions():
            self._say(capitalized(TOLD))

    def _was_killed(self) -> bool:
        """Whether the run that has cut images anew will never come to its end."""
        project, known = self._session.project, self._known
        going_on = known is not None and known.run is not None and known.run[1] == "running"
        return going_on and bool(self._session.cut_anew) and not project.readonly and not run_goes_on(project)

    def _read(self, before: Standing | None) -> None:
        self._job = Job(partial(_read_tables, self._session.project.path), "SeCo reads another run")
        self._job.succeeded.connect(partial(self._take, before))
        self._job.failed.connect(partial(self._say, wrong=True))
        self._job.ended.connect(self._ended)
        self._job.start()

    def _take(self, before: Standing | None, tables: Tables) -> None:
        if self._busy():
            self._known = before  # when it is done, they are read as they are then
            return
        session = self._session
        session.reload(tables, running=True)
        _, flagged, _ = session.counts()
        told = f"{counted(flagged, 'region is', 'regions are')} flagged now."
        unscored = project_words.unscored(session.count_unscored(), len(session.regions))
        gone = project_words.chosen_gone(*session.take_chosen_gone())
        self._say(f"Another window or program has worked on the regions. {unscored or told} {gone}".strip())

    def _ended(self) -> None:
        self._job = None


def _read_tables(path: Path, progress: ProgressCallback, cancel: CancelToken) -> Tables:
    # seconds in a large project: not on the main thread
    with Project.open(path, readonly=True) as project:
        return Tables.read(project)
