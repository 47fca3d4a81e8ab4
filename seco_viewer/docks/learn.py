"""Learning from decisions in the background, on demand and after every so many of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from seco_core.parameters import Parameters
from seco_core.pipeline import TeachResult, teach
from seco_core.progress import CancelToken, ProgressCallback, ProgressEvent
from seco_core.project import Project
from seco_core.texts import counted
from seco_viewer.docks.buttons import with_key
from seco_viewer.docks.work_bar import WorkBar
from seco_viewer.engine_process import in_engine_process
from seco_viewer.session import Session
from seco_viewer.tables import Tables
from seco_viewer.workers import Job

AFTER = 25
"""Decisions after which the classifier learns by itself."""

_STAGES = {"scc": "training", "scc-unc": "uncertainty", "noise": "scores", "refine": "verdicts"}


class LearnBar(QWidget):
    """A button, how often to learn without it, and how far it is.

    Parameters
    ----------
    session : Session
        Whose decisions are learnt from; people go on deciding meanwhile.
    may_start : callable
        Whether nothing else works on the project.
    say : callable
        Shows a message; ``wrong=True`` for errors.

    Attributes
    ----------
    started, ended : Signal()
        Learning has begun, or has ended, however.
    """

    started = Signal()
    ended = Signal()

    def __init__(self, session: Session, may_start: Callable[[], bool], say: Callable[..., None]):
        super().__init__()
        self._session, self._may_start, self._say = session, may_start, say
        self._job: Job | None = None
        self._learnt = session.project.overrides.seqs()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        line = QHBoxLayout()
        self.button = QPushButton(with_key("learn"))
        self.button.setToolTip(
            "Train the classifier further on everything decided, and score all other regions anew. "
            "You can go on deciding meanwhile."
        )
        self.button.clicked.connect(self._clicked)
        self.after = QSpinBox()
        self.after.setRange(0, 100_000)
        self.after.setValue(AFTER)
        self.after.setKeyboardTracking(False)
        self.after.setSpecialValueText("off")
        self.after.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.after.setToolTip("Learn by itself after so many decisions; 0 = off.")
        self.after.valueChanged.connect(self._learn_if_due)
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # the panel must not become wider than the dock
        self.button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.after.setMaximumWidth(64)
        line.addWidget(self.button, 1)
        line.addWidget(QLabel("after"))
        line.addWidget(self.after)
        self.progress = WorkBar()
        layout.addLayout(line)
        layout.addWidget(self.progress)
        self.setEnabled(not session.project.readonly)
        session.regions_decided.connect(self._decided)
        session.others_decided.connect(self._others_decided)

    def release(self) -> None:
        """Let go of the session; what is being learnt is dropped."""
        if self._job is not None:
            self._job.cancel()
            self._job.blockSignals(True)
        self._session.regions_decided.disconnect(self._decided)
        self._session.others_decided.disconnect(self._others_decided)

    @property
    def running(self) -> bool:
        """Whether the classifier is learning."""
        return self._job is not None

    def learn(self) -> None:
        """Learn now; only the button stops what is going on."""
        if self._job is not None:
            self._say("Learning is going on already; the button Stop learning ends it.")
        elif not self._may_start():
            self._say("Something else is working on the project: learning has to wait for its end.")
        else:
            self._start()

    def _clicked(self) -> None:
        if self._job is None:
            self.learn()
        else:
            self._job.cancel()

    def _start(self) -> None:
        project = self._session.project
        run = project.scoring_run()
        self._learnt = project.overrides.seqs()
        self._job = Job(
            partial(_learn, project.path, run.parameters if run is not None else Parameters()),
            "SeCo learns from decisions",
        )
        self._job.progressed.connect(self._progressed)
        self._job.succeeded.connect(self._succeeded)
        self._job.failed.connect(self._failed)
        self._job.cancelled.connect(self._cancelled)
        self._job.ended.connect(self._ended)
        self.button.setText("Stop learning")
        self.progress.begin()
        self.progress.setFormat("learning")
        self._job.start()
        self.started.emit()

    def _decided(self, rows: np.ndarray, box: tuple[int, ...]) -> None:
        self._learn_if_due()

    def _others_decided(self, rows: np.ndarray) -> None:
        self._learn_if_due()

    def _learn_if_due(self) -> None:
        # decisions that were taken back do not count, but for those that were learnt
        if self._session.catching_up:
            return  # whoever decides has their own window learn
        new = len(self._session.project.overrides.seqs() ^ self._learnt)
        if new >= self.after.value() > 0 and self._job is None and self._may_start():
            self._start()

    def _progressed(self, event: ProgressEvent) -> None:
        self.progress.follow(event)
        self.progress.setFormat(f"learning: {_STAGES.get(event.stage, event.stage)}")

    def _succeeded(self, found: tuple[TeachResult, Tables]) -> None:
        result, tables = found
        self._learnt = set(result.decisions)  # without what was taken back meanwhile
        if not result.taught and not result.changed:
            self._say("Nothing new to learn: everything decided is in the scores already.")
            return
        session = self._session  # whose maps are as they were
        session.reload(tables, frame=session.frames.known(session.image_id))
        self._say(told(result))

    # methods of the widget, which Qt calls no more when it is gone
    def _failed(self, text: str) -> None:
        self._say(text, wrong=True)

    def _cancelled(self) -> None:
        self._say("Stopped learning. Nothing has changed.")

    def _ended(self) -> None:
        self._job = None
        self.button.setText(with_key("learn"))
        self.progress.setVisible(False)
        self.ended.emit()
        self._learn_if_due()


def told(result: TeachResult) -> str:
    """What learning changed, in a sentence.

    Examples
    --------
    >>> told(TeachResult(50, 412, 31, 1, 4.0))
    'Learnt from 50 decided regions: 412 scores changed; 31 regions newly flagged, 1 no longer.'
    >>> told(TeachResult(0, 924, 32, 9, 4.0))
    'Everything decided was taken back, and learnt anew without it: 924 scores changed; 32 regions newly \
flagged, 9 no longer.'
    """
    learnt = f"Learnt from {counted(result.taught, 'decided region')}"
    if not (result.taught or result.decisions):
        # not as the run had them: the training went on
        learnt = "Everything decided was taken back, and learnt anew without it"
    return (
        f"{learnt}: "
        f"{counted(result.changed, 'score')} changed; "
        f"{counted(result.newly_flagged, 'region')} newly flagged, {result.no_longer_flagged:,} no longer."
    )


def _learn(
    path: Path, parameters: Parameters, progress: ProgressCallback, cancel: CancelToken
) -> tuple[TeachResult, Tables]:
    result = in_engine_process(
        teach, path.absolute(), parameters, cancel=cancel, callbacks={"progress": progress}
    )
    # seconds in a large project: not on the main thread
    with Project.open(path, readonly=True) as project:
        return result, Tables.read(project)
