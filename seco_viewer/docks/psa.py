"""Trying other PSA parameters on the current image before they are used for all."""

from __future__ import annotations

import html
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from seco_core.errors import SecoError
from seco_core.parameters import Parameters, parameter_fields
from seco_core.pipeline import PsaTrial, try_psa
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent
from seco_core.texts import capitalized
from seco_viewer import project_words
from seco_viewer.docks.parameters import ParameterForm
from seco_viewer.docks.work_bar import WorkBar
from seco_viewer.engine_process import in_engine_process
from seco_viewer.outline import border_counts
from seco_viewer.session import Session
from seco_viewer.workers import Job

_MAIN = ("psa.profile", "psa.reliable_share", "psa.min_region_area", "masks.source", "masks.parts")
_NAMES = tuple(
    name for name, _ in parameter_fields() if name.startswith(("psa.", "masks.")) or name == "device"
)


class PsaPanel(QWidget):
    """The form, Try, and in words what would change. Nothing is stored.

    Attributes
    ----------
    tried : Signal(PsaTrial, ndarray)
        There is a trial of the current image to look at; with it its map of the masks' borders.
    cleared : Signal()
        There is none any more.
    adopted : Signal(Parameters, tuple)
        The tried parameters, and the names of those meant, are wanted for the whole project.
    """

    tried = Signal(object, object)
    cleared = Signal()
    adopted = Signal(object, tuple)

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._job: Job | None = None
        self._abandoned = False
        self._trial: PsaTrial | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(6)
        self.form = ParameterForm(session.project.parameters(), _NAMES, _MAIN)
        self._of_project = self.form.parameters()
        self._tried_on = session.image_id
        self.try_button = QPushButton("Try on this image")
        self.try_button.setToolTip("Shows what these parameters would change. Nothing is stored.")
        self.try_button.setStyleSheet("font-weight: bold")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setEnabled(False)
        self.clear_button = QPushButton("Clear")
        self.clear_button.setToolTip("Takes the layers of the trial away.")
        self.use_button = QPushButton("Use for the whole project")
        self.use_button.setToolTip("Takes the tried parameters to the Pipeline tab; nothing runs yet.")
        for button, clicked in (
            (self.try_button, self.start),
            (self.cancel_button, self.cancel),
            (self.clear_button, self.clear),
            (self.use_button, self._use),
        ):
            button.clicked.connect(lambda _=False, clicked=clicked: clicked())
        self.progress = WorkBar()
        self.result = QLabel()
        self.result.setWordWrap(True)
        self.result.setTextFormat(Qt.TextFormat.RichText)
        self.result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self.form)
        for row in ((self.try_button, self.cancel_button), (self.use_button, self.clear_button)):
            line = QHBoxLayout()
            line.addWidget(row[0], 2)
            line.addWidget(row[1], 1)
            layout.addLayout(line)
        for part in (self.progress, self.result):
            layout.addWidget(part)
        layout.addStretch(1)
        session.image_changed.connect(self._leave)
        session.reloaded.connect(self._follow)
        self._enable()

    def release(self) -> None:
        """Let go of the session."""
        self._session.image_changed.disconnect(self._leave)
        self._session.reloaded.disconnect(self._follow)

    @property
    def running(self) -> bool:
        """Whether a trial is going on."""
        return self._job is not None

    def start(self) -> None:
        """Begin a trial with the form's parameters."""
        if self._job is not None:
            return
        try:
            parameters = self.form.parameters()
        except SecoError as error:
            self._tell(str(error), wrong=True)
            return
        self._tried_on = self._session.image_id
        work = partial(_try, self._session.project.path, self._tried_on, parameters)
        self._abandoned = False
        self._job = Job(work, "SeCo PSA")
        self._job.progressed.connect(self._progressed)
        self._job.succeeded.connect(self._succeeded)
        self._job.failed.connect(self._failed)
        self._job.cancelled.connect(self._cancelled)
        self._job.ended.connect(self._ended)
        self.progress.begin()
        self._tell("starting")
        self._enable()
        self._job.start()

    def cancel(self) -> None:
        """Ask the trial to stop."""
        if self._job is not None:
            self._job.cancel()
            self.cancel_button.setEnabled(False)

    def clear(self) -> None:
        """Forget the trial."""
        self._trial = None
        self._tell("")
        self._enable()
        self.cleared.emit()

    def _leave(self) -> None:
        """Another image, or this one anew: what was tried means nothing here."""
        trying = self._job is not None
        if trying:
            self._abandoned = True
            self.cancel()
        self.clear()
        if trying and self._tried_on == self._session.image_id:
            self._tell("The image's regions were made anew meanwhile: try again.")

    def _follow(self) -> None:
        """Show the parameters of the latest run, unless others were chosen here."""
        try:
            chosen = self.form.parameters() != self._of_project
        except SecoError:
            chosen = True
        if not chosen:
            self.form.set_parameters(self._session.project.parameters())
            self._of_project = self.form.parameters()

    def _use(self) -> None:
        if self._trial is not None:
            self.adopted.emit(self._trial.parameters, _NAMES)

    def _progressed(self, event: ProgressEvent) -> None:
        self.progress.follow(event)
        if not self._abandoned:
            self._tell(event.message or event.stage)

    def _succeeded(self, found: tuple[PsaTrial, NDArray[np.uint16]]) -> None:
        if self._abandoned:
            return
        trial, borders = found
        self._trial = trial
        first, *others = project_words.trial(trial, self._session.scheme.label)
        self.result.setText("<br>".join([f"<b>{html.escape(first)}</b>", *map(html.escape, others)]))
        self.tried.emit(trial, borders)

    def _failed(self, text: str) -> None:
        if not self._abandoned:
            self._tell(text, wrong=True)

    def _cancelled(self) -> None:
        if not self._abandoned:
            self._tell("Cancelled.")

    def _ended(self) -> None:
        self._job = None
        self.progress.setVisible(False)
        self._enable()

    def _enable(self) -> None:
        self.form.setEnabled(not self.running)
        self.try_button.setEnabled(not self.running)
        self.cancel_button.setEnabled(self.running)
        for button in (self.use_button, self.clear_button):
            button.setEnabled(self._trial is not None and not self.running)

    def _tell(self, text: str, *, wrong: bool = False) -> None:
        self.result.setText(f"⚠ {html.escape(capitalized(text))}" if wrong else html.escape(text))


def _try(
    path: Path, image_id: int, parameters: Parameters, progress: ProgressCallback, cancel: CancelToken
) -> tuple[PsaTrial, NDArray[np.uint16]]:
    trial = in_engine_process(
        try_psa, path.absolute(), image_id, parameters, cancel=cancel, callbacks={"progress": progress}
    )
    return trial, border_counts(trial.proposals)
