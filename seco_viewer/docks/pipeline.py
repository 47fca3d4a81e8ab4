"""Running the pipeline: parameters, run, cancel, progress, what came of it."""

from __future__ import annotations

import html
import time
from functools import partial

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from seco_core.errors import SecoError
from seco_core.parameters import Parameters
from seco_core.pipeline import RunResult
from seco_core.pipeline.inputs import was_replaced
from seco_core.progress import ProgressEvent
from seco_core.project.standing import Standing
from seco_core.texts import capitalized, counted
from seco_viewer import project_words
from seco_viewer.docks.later import Later
from seco_viewer.docks.parameters import ParameterForm
from seco_viewer.docks.run_job import Halfway, run
from seco_viewer.docks.work_bar import WorkBar
from seco_viewer.frames import Frame
from seco_viewer.session import Session
from seco_viewer.tables import Tables
from seco_viewer.workers import Job

_STAGES = {
    "psa": "cutting images into regions (PSA)",
    "masks": "asking SAM for masks: points",
    "cnn": "learning to see regions",
    "scc": "looking for wrong labels (SCC)",
    "graph": "linking regions (graph)",
    "scc-unc": "measuring uncertainty on the graph (SCC-Unc)",
    "noise": "scoring noise",
    "refine": "deciding what to keep",
}
_LOOK_MILLISECONDS = 100
"""How often the window takes over what a run has done."""
_MOST_PROBLEMS = 20
_MOST_DIFFERENCES = 4
CANCELLED = "Cancelled. What was done is kept: Run goes on."


class PipelinePanel(QWidget):
    """The form, Run and Cancel, and a line for the result.

    Attributes
    ----------
    failure : str
        Why the last run failed; empty if it did not.
    cancelled : bool
        Whether the last run was cancelled.
    started : Signal()
        A run has begun.
    ended : Signal()
        A run has ended, however.
    replaced_in_hand : Signal()
        The run has made the regions of the image in hand anew; they are on screen, none is selected.
    """

    started = Signal()
    ended = Signal()
    replaced_in_hand = Signal()

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._job: Job | None = None
        self._after: tuple[Tables, Frame] | None = None
        self._halfway = Halfway(session.image_id)
        self._before: Standing | None = None
        self.failure, self.cancelled = "", False
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MILLISECONDS)
        self._look.timeout.connect(self._take_halfway)
        self._stage, self._since = "", 0.0
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(6)
        self.form = ParameterForm(session.project.parameters())
        self.differs = QLabel()
        self.differs.setWordWrap(True)
        self.differs.setTextFormat(Qt.TextFormat.PlainText)
        self._compare = Later(self, self._show_differences)
        self.form.edited.connect(self._compare.ask)
        self.run_button = QPushButton("Run the pipeline")
        self.run_button.setToolTip("What is up to date is not done again; decisions are kept.")
        self.run_button.setStyleSheet("font-weight: bold")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setEnabled(False)
        self.cancel_button.setToolTip("Stops soon; what is done stays and is not done again.")
        self.run_button.clicked.connect(self.run)
        self.cancel_button.clicked.connect(self.cancel)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button, 2)
        buttons.addWidget(self.cancel_button, 1)
        self.progress = WorkBar()
        self.stage = QLabel()
        self.stage.setWordWrap(True)
        self.result = QLabel()
        self.result.setWordWrap(True)
        self.result.setTextFormat(Qt.TextFormat.RichText)
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self._make_replaced())
        layout.addWidget(self.form)
        layout.addWidget(self.differs)
        layout.addLayout(buttons)
        for part in (self.progress, self.stage, self.result):
            layout.addWidget(part)
        layout.addStretch(1)
        if session.project.readonly:
            for button in (self.run_button, self.accept_button):
                button.setEnabled(False)
            self.result.setText("The project is open for reading only.")
        session.reloaded.connect(self._reloaded)
        self._reloaded()

    def release(self) -> None:
        """Let go of the session."""
        self._compare.stop()
        self._look.stop()
        self._session.reloaded.disconnect(self._reloaded)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Compare what was changed from elsewhere."""
        super().showEvent(event)
        self._compare.ask()

    def _make_replaced(self) -> QWidget:
        self.replaced = QFrame()
        self.replaced.setFrameShape(QFrame.Shape.StyledPanel)
        layout = QVBoxLayout(self.replaced)
        self.replaced_text = QLabel()
        self.replaced_text.setWordWrap(True)
        self.accept_button = QPushButton(project_words.ACCEPT_BUTTON)
        self.accept_button.clicked.connect(partial(self._start, accept_replaced=True))
        layout.addWidget(self.replaced_text)
        layout.addWidget(self.accept_button)
        return self.replaced

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self._job is not None

    def run(self) -> None:
        """Begin a run with the form's parameters."""
        self._start(accept_replaced=False)

    def _start(self, *_: object, accept_replaced: bool) -> None:
        if self._job is not None:
            return
        try:
            parameters = self.form.parameters()
            self._before = self._session.project.standing()
        except SecoError as error:
            self._tell(str(error), wrong=True)
            return
        self._halfway = Halfway(self._session.image_id)
        self._session.run_goes_on = True
        self.failure, self.cancelled = "", False
        self._job = Job(
            partial(run, self._session.project.path, parameters, accept_replaced, self._halfway),
            "SeCo pipeline",
        )
        self._job.progressed.connect(self._progressed)
        self._job.succeeded.connect(self._succeeded)
        self._job.failed.connect(self._failed)
        self._job.cancelled.connect(self._cancelled)
        self._job.ended.connect(self._ended)
        self.run_button.setEnabled(False)
        self.replaced.setEnabled(False)
        self.cancel_button.setEnabled(True)
        self.form.setEnabled(False)
        self.progress.begin()
        self.stage.setText("starting")
        self.result.setText("")
        self._job.start()
        self._look.start()
        self.started.emit()

    def cancel(self) -> None:
        """Ask the run to stop."""
        if self._job is not None:
            self._job.cancel()
            self.cancel_button.setEnabled(False)
            self.stage.setText("stopping after this step")

    def _progressed(self, event: ProgressEvent) -> None:
        if event.stage != self._stage:
            self._stage, self._since = event.stage, time.monotonic()
        self.progress.follow(event)
        text = _STAGES.get(event.stage, event.stage)
        if event.total > 1:
            text += f": {event.done} of {event.total}"
            spent = time.monotonic() - self._since
            if 0 < event.done < event.total and spent > 1:
                text += f", {_duration(spent / event.done * (event.total - event.done))} left"
        self.stage.setText(text)

    def _take_halfway(self) -> None:
        """Show what the run has done so far: single images, and all their regions once they are cut."""
        session, halfway = self._session, self._halfway
        halfway.on_screen = session.image_id
        whole = halfway.tables.pop() if halfway.tables else None  # of images all named by then
        if ready := [halfway.images.popleft() for _ in range(len(halfway.images))]:
            session.regions_replaced(ready)
        if whole is not None:
            tables, frame = whole
            session.reload(tables, frame=frame, running=True)
        if not session.edited and session.show_new_regions():
            self.replaced_in_hand.emit()

    def _succeeded(self, ran: tuple[RunResult, Tables, Frame]) -> None:
        result, tables, frame = ran
        self._after = tables, frame
        text = f"Done in {_duration(result.seconds)}: {counted(result.done, 'image')} worked on"
        if result.up_to_date:
            text += f", {counted(result.up_to_date, 'was', 'were')} up to date"
        if result.skipped:
            text += f"; <b>{len(result.skipped)} skipped</b>:<br>" + "<br>".join(
                html.escape(project_words.in_window(f"⚠ {name}: {error}"))
                for name, error in result.skipped[:_MOST_PROBLEMS]
            )
            if len(result.skipped) > _MOST_PROBLEMS:
                text += "<br>… the list of images says why for all of them."
        self.result.setText(text)

    def _reloaded(self) -> None:
        runs = self._session.project.runs()
        self._last = runs[-1].parameters if runs else None
        self._compare.ask()
        self._show_replaced()

    def _show_differences(self) -> None:
        """Say which parameters a run would change."""
        try:
            found = self.form.differences(self._last or Parameters())
        except SecoError as error:
            self.differs.setText(f"⚠ {error}")
            return
        than = "the last run" if self._last is not None else "the defaults"
        more = len(found) - _MOST_DIFFERENCES
        told = "; ".join(found[:_MOST_DIFFERENCES]) + (f"; and {more} more, in bold" if more > 0 else "")
        self.differs.setText(f"Differs from {than}: {told}." if found else f"Nothing differs from {than}.")

    def _show_replaced(self) -> None:
        """Say which images are other files than those that people decided on."""
        names = [record.name for record in self._session.project.images if was_replaced(record)]
        self.replaced.setVisible(bool(names))
        self.replaced_text.setText(project_words.replaced(names) if names else "")

    def _tell(self, text: str, *, wrong: bool = False) -> None:
        text = html.escape(project_words.in_window(capitalized(text)))
        self.result.setText(f"⚠ {text}" if wrong else text)

    # methods of the widget, which Qt calls no more when it is gone
    def _failed(self, text: str) -> None:
        self.failure = text
        self._tell(text, wrong=True)

    def _cancelled(self) -> None:
        self.cancelled = True
        self._tell(CANCELLED)

    def _ended(self) -> None:
        self._job = None
        self._look.stop()
        self._stage = ""
        self.run_button.setEnabled(True)
        self.replaced.setEnabled(True)
        self.cancel_button.setEnabled(False)
        self.form.setEnabled(True)
        self.progress.setVisible(False)
        self.stage.setText("")
        self._session.run_goes_on = False
        try:
            self._take_end()
        except SecoError as error:
            self._failed(str(error))
        self.ended.emit()

    def _take_end(self) -> None:
        """Show what the run has left; nothing is read again if it has left nothing."""
        session = self._session
        if self._after is not None:
            (tables, frame), self._after = self._after, None
            session.reload(tables, frame=frame)
        elif session.project.standing(self._before) is not self._before:
            session.regions_replaced(tuple(self._halfway.images))
            session.reload(running=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
