"""Thresholds by their numbers: tried on stored scores, put back, stored."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from seco_core.parameters import Parameters, SccParameters
from seco_core.pipeline import apply_thresholds
from seco_core.progress import CancelToken, ProgressCallback
from seco_core.project import Project
from seco_core.texts import counted
from seco_viewer.docks.parameters import parameter_tip
from seco_viewer.session import Session
from seco_viewer.tables import Tables
from seco_viewer.threshold_trial import ThresholdTrial
from seco_viewer.workers import Job

_SHARES = {
    "tau_ns": "noisy from noise score",
    "tau_cr": "relabelled from confidence",
    "class_share": "doubted share of a class",
    "certain_share": "kept share (uncertainty)",
}
_METHODS = {"mixture": "noise score", "uncertainty": "uncertainty"}
_NAMES = tuple(f"scc.{name}" for name in ("method", "rule", *_SHARES))


class ThresholdForm(QWidget):
    """The thresholds that are tried, to be typed, with Use and Reset. Only Use stores anything.

    Parameters
    ----------
    session : Session
        The project under review.

    Attributes
    ----------
    trial : ThresholdTrial
        What thresholds would make of the regions.
    scc : SccParameters
        Those that are tried, among the other parameters of the stage.
    preview : QCheckBox
        Whether the curated layer is to show what they would make of the current image.
    changed : Signal(bool)
        Others are tried; whether they were typed or put back, and not dragged.
    used : Signal(Parameters, tuple)
        Parameters that were stored, and the names of those that may have changed.
    told, failed : Signal(str)
        Something to say to the user, and what went wrong.
    """

    changed = Signal(bool)
    used = Signal(object, tuple)
    told = Signal(str)
    failed = Signal(str)

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._job: Job | None = None
        self._tables: Tables | None = None
        self.trial = ThresholdTrial(session)
        self._in_use = self._stored()
        self.scc = self._in_use.scc
        self.method = QComboBox()
        self.method.addItems(list(_METHODS.values()))
        self.spins = {name: QDoubleSpinBox() for name in _SHARES}
        form = QFormLayout()
        form.addRow("decide by", self.method)
        for name, spin in self.spins.items():
            spin.setRange(0.0, 1.0)
            spin.setDecimals(3)
            spin.setSingleStep(0.01)
            spin.setKeyboardTracking(False)  # what is half typed is no threshold yet
            spin.valueChanged.connect(partial(self._typed, name))
            label = QLabel(_SHARES[name])
            for part in (label, spin):
                part.setToolTip(parameter_tip(f"scc.{name}"))
            form.addRow(label, spin)
        self.preview = QCheckBox("show in the curated layer")
        self.use_button = QPushButton("Use")
        self.use_button.setStyleSheet("font-weight: bold")
        self.use_button.setToolTip(
            "Decides about all regions anew with these thresholds. Decisions are kept."
        )
        self.reset_button = QPushButton("Reset")
        self.reset_button.setToolTip("Back to the thresholds that are in use.")
        buttons = QHBoxLayout()
        buttons.addWidget(self.use_button, 1)
        buttons.addWidget(self.reset_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.preview)
        layout.addLayout(buttons)
        self.method.currentIndexChanged.connect(self._method_chosen)
        self.use_button.clicked.connect(lambda _=False: self.use())
        self.reset_button.clicked.connect(lambda _=False: self._try(self._in_use.scc))

    @property
    def running(self) -> bool:
        """Whether thresholds are being stored."""
        return self._job is not None

    def change(self, changes: dict[str, Any], *, dragged: bool = False) -> None:
        """Try other values of some of the stage's parameters."""
        self._try(dataclasses.replace(self.scc, **changes), dragged=dragged)

    def use(self) -> None:
        """Store the thresholds: the verdicts on all regions are made anew in the background."""
        if self._job is not None:
            return
        for spin in self.spins.values():
            spin.interpretText()  # a click on a button need not take the focus from it
        parameters = dataclasses.replace(self._in_use, scc=self.scc)
        self._job = Job(partial(_apply, self._session.project.path, parameters), "SeCo thresholds")
        self._job.succeeded.connect(partial(self._applied, parameters))
        self._job.failed.connect(self.failed.emit)
        self._job.ended.connect(self._ended)
        self._enable()
        self.told.emit("Deciding about all regions anew with these thresholds.")
        self._job.start()

    def take(self) -> None:
        """Begin with what is in use: the session has read other regions or scores."""
        self.trial.take()
        self._in_use = self._stored()
        self.scc = self._in_use.scc

    def refresh(self) -> None:
        """Show what is tried and what can be done."""
        for name, spin in self.spins.items():
            with QSignalBlocker(spin):
                spin.setValue(getattr(self.scc, name))
        with QSignalBlocker(self.method):
            self.method.setCurrentIndex(list(_METHODS).index(self.scc.method))
        self._enable()

    # ----------------------------------------------------------------- inside

    def _applied(self, parameters: Parameters, tables: Tables) -> None:
        self._tables = tables
        self.used.emit(parameters, _NAMES)

    def _ended(self) -> None:
        self._job = None
        tables, self._tables = self._tables, None
        if tables is not None:
            self.preview.setChecked(False)
            session = self._session  # whose maps are as they were
            session.reload(tables, frame=session.frames.known(session.image_id))
            _, flagged, _ = self._session.counts()
            told = counted(flagged, "region is", "regions are")
            self.told.emit(f"The thresholds are in use: {told} flagged.")
        self._enable()

    def _typed(self, name: str, value: float) -> None:
        changes: dict[str, Any] = {name: value}
        if name == "certain_share":
            changes["method"] = "uncertainty"
        elif name != "tau_cr":
            changes |= {"method": "mixture", "rule": "mixture"}
        self.change(changes)

    def _method_chosen(self, index: int) -> None:
        self.change({"method": list(_METHODS)[index]})

    def _try(self, scc: SccParameters, *, dragged: bool = False) -> None:
        self.scc = scc
        self.refresh()
        self.changed.emit(not dragged)

    def _stored(self) -> Parameters:
        run = self._session.project.scoring_run()
        return run.parameters if run is not None else Parameters()

    def _enable(self) -> None:
        scored = len(self.trial.scored) > 0 and not self._session.tables.unscored.any()
        possible = scored and not self.running and not self._session.project.readonly
        changed = self.scc != self._in_use.scc
        self.use_button.setEnabled(possible and changed)
        self.reset_button.setEnabled(changed and not self.running)


def _apply(path: Path, parameters: Parameters, progress: ProgressCallback, cancel: CancelToken) -> Tables:
    apply_thresholds(path, parameters, progress=progress)
    # seconds in a large project: not on the main thread
    with Project.open(path, readonly=True) as project:
        return Tables.read(project)
