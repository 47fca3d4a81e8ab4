"""Decisions on many regions: at once where they are in few images, else in a thread that can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from seco_core.errors import SecoError
from seco_core.progress import ProgressEvent
from seco_core.texts import counted
from seco_viewer import project_words
from seco_viewer.bulk import Found, decisions, read_and_decide, record
from seco_viewer.bulk_plans import Plan
from seco_viewer.docks.actions import Say, takes_it_back
from seco_viewer.session import Session
from seco_viewer.workers import Job

FEW_IMAGES = 4
"""Images that are read while the window waits."""


class BulkBar(QWidget):
    """Carries out one plan at a time; shows how far it is, and nothing otherwise.

    Parameters
    ----------
    session : Session
        Whose project.
    say : callable
        Shows a message; ``wrong=True`` for errors.

    Attributes
    ----------
    decided : Signal()
        The regions were decided.
    ended : Signal()
        After that, or when nothing was decided, for whatever reason.
    """

    decided = Signal()
    ended = Signal()

    def __init__(self, session: Session, say: Say):
        super().__init__()
        self._session, self._say = session, say
        self._job: Job | None = None
        self._plan: Plan | None = None
        self._verb = ""
        self.progress = QProgressBar()
        self.progress.setFormat("deciding image %v of %m")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Nothing is decided then.")
        self.cancel_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.cancel_button.clicked.connect(self.cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.progress, 1)
        layout.addWidget(self.cancel_button)
        self.setVisible(False)

    @property
    def running(self) -> bool:
        """Whether a plan is being carried out."""
        return self._job is not None

    def carry_out(self, make_plan: Callable[[], Plan], verb: str = "decided") -> None:
        """Decide as planned, now or soon, and say so.

        Parameters
        ----------
        make_plan : callable
            Gives the plan; what it raises is said.
        verb : str
            What is said of the regions.
        """
        if self._job is not None:
            self._say("Other regions are just being decided: wait, or cancel that.", wrong=True)
            return
        self._verb = verb
        try:
            self._plan = make_plan()
            if len(self._plan.images) <= FEW_IMAGES:
                self._succeeded(decisions(self._plan, self._session.project))
                return
        except SecoError as error:
            self._end(str(error))
            return
        self._job = Job(
            partial(read_and_decide, self._session.project.path, self._plan), "SeCo decides many regions"
        )
        self._job.progressed.connect(self._progressed)
        self._job.succeeded.connect(self._succeeded)
        self._job.failed.connect(self._end)
        self._job.cancelled.connect(self._cancelled)
        self.progress.setRange(0, len(self._plan.images))
        self.progress.setValue(0)
        self.setVisible(True)
        self._job.start()

    def cancel(self) -> None:
        """Stop; nothing is decided then."""
        if self._job is not None:
            self._job.cancel()

    def release(self) -> None:
        """Let go of the session; what was not recorded is dropped."""
        if self._job is not None:
            self._job.cancel()
            self._job.blockSignals(True)

    def _progressed(self, event: ProgressEvent) -> None:
        self.progress.setValue(event.done)

    def _succeeded(self, found: Found) -> None:
        assert self._plan is not None
        try:
            self._recorded(record(self._session, self._plan, found), found.left_out)
        except SecoError as error:
            self._end(str(error))

    def _recorded(self, count: int, left_out: Mapping[int, SecoError]) -> None:
        told = f"{counted(count, 'region')} {self._verb}. {takes_it_back(self._session)}"
        if left_out:
            images = self._session.project.images
            why = project_words.not_decided({images[i].name: error for i, error in left_out.items()})
            self._say(f"{told} {why}", wrong=True)
        else:
            self._say(f"✓ {told}")
        self.decided.emit()
        self._end()

    def _cancelled(self) -> None:
        self._say("Cancelled: nothing was decided.")
        self._end()

    def _end(self, problem: str = "") -> None:
        self._job = self._plan = None
        self.setVisible(False)
        if problem:
            self._say(problem, wrong=True)
        self.ended.emit()
