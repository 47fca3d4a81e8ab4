"""Scores as histograms whose thresholds can be dragged, reliability, and labels against predictions."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QTimer, Signal
from qtpy.QtGui import QShowEvent
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

from seco_core.metrics import reliability
from seco_core.parameters import Parameters, SccParameters
from seco_core.pipeline import apply_thresholds
from seco_core.progress import CancelToken, ProgressCallback
from seco_core.project import Project
from seco_core.report.counts import judged_regions, region_confusion, score_limits
from seco_core.report.figures import BLUE, GREEN, ORANGE, component_density
from seco_core.scc.correction import Verdict
from seco_core.texts import counted
from seco_viewer import project_words
from seco_viewer.docks.histogram import HistogramView
from seco_viewer.docks.parameters import parameter_tip
from seco_viewer.docks.pictures import ConfusionView, ReliabilityView
from seco_viewer.docks.texts import TextLabel
from seco_viewer.session import Session
from seco_viewer.tables import Tables
from seco_viewer.threshold_trial import SCORES, ThresholdTrial
from seco_viewer.workers import Job

AMBER = "#E69F00"
_VERDICTS = (
    (Verdict.KEEP, BLUE, "kept"),
    (Verdict.RELABEL, GREEN, "relabelled"),
    (Verdict.DOUBT, AMBER, "doubted"),
    (Verdict.DROP, ORANGE, "dropped"),
)
_SHARES = {
    "tau_ns": "noisy from noise score",
    "tau_cr": "relabelled from confidence",
    "class_share": "doubted share of a class",
    "certain_share": "kept share (uncertainty)",
}
_AXES = {"noise_score": "noise score", "loss": "loss (nats)", "uncertainty": "uncertainty"}
_METHODS = {"mixture": "noise score", "uncertainty": "uncertainty"}
_NAMES = tuple(f"scc.{name}" for name in ("method", "rule", *_SHARES))
_BINS = 60


class PlotsPanel(QWidget):
    """Plots of the open project. What is tried with the thresholds is stored by Use only.

    Attributes
    ----------
    trial : ThresholdTrial
        What the thresholds would make of the regions.
    previewed : Signal(object)
        The current image's curated map under the thresholds; None when it is not to be shown any more.
    used : Signal(Parameters, tuple)
        Parameters that were stored, and the names of those that may have changed.
    told, failed : Signal(str)
        Something to say to the user, and what went wrong.
    """

    previewed = Signal(object)
    used = Signal(object, tuple)
    told = Signal(str)
    failed = Signal(str)

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._job: Job | None = None
        self._tables: Tables | None = None
        self._stale = True
        self._sets: list[tuple[str, int | None]] = []
        self.trial = ThresholdTrial(session)
        self._in_use = self._stored()
        self.scc = self._in_use.scc
        # counts follow the line, but never hold it up
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._show_verdicts)
        self._build()
        session.reloaded.connect(self._reload)
        session.regions_decided.connect(self._decided)
        session.image_changed.connect(self._show_preview)

    def release(self) -> None:
        """Let go of the session."""
        self._soon.stop()
        self._session.reloaded.disconnect(self._reload)
        self._session.regions_decided.disconnect(self._decided)
        self._session.image_changed.disconnect(self._show_preview)

    @property
    def running(self) -> bool:
        """Whether thresholds are being stored."""
        return self._job is not None

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Draw what has changed since this was last looked at."""
        super().showEvent(event)
        self._refresh()

    # ------------------------------------------------------------------ build

    def _build(self) -> None:
        self.score = QComboBox()
        self.score.addItems(list(SCORES))
        self.score.setAccessibleName("score")
        self.of_class = QComboBox()
        self.of_class.setAccessibleName("class")
        self.histogram = HistogramView()
        self.histogram.setAccessibleName("histogram with threshold")
        self.lack = TextLabel()
        self.lack.setStyleSheet("font-weight: bold")
        self.counts = QLabel()
        self.counts.setWordWrap(True)
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
        self.reliability = ReliabilityView(BLUE)
        self.reliability.setAccessibleName("reliability of the noise score")
        self.confusion = ConfusionView()
        self.confusion.setAccessibleName("labels against predictions")
        self.confusion.setToolTip("A click, or Enter, fills the queue with the regions of a cell.")
        self.all_button = QPushButton("All flagged regions again")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(6)
        layout.addWidget(self.lack)
        layout.addLayout(_line(self.score, self.of_class))
        layout.addWidget(self.histogram)
        layout.addWidget(self.counts)
        layout.addLayout(form)
        layout.addWidget(self.preview)
        layout.addLayout(_line(self.use_button, self.reset_button))
        for part in (
            QLabel("<b>What reviewers changed</b>"),
            self.reliability,
            QLabel("<b>Labels and predictions</b> (% of the label)"),
            self.confusion,
            self.all_button,
        ):
            layout.addWidget(part)
        layout.addStretch(1)
        self.score.currentIndexChanged.connect(lambda _: self._redraw())
        self.of_class.currentIndexChanged.connect(lambda _: self._redraw())
        self.method.currentIndexChanged.connect(self._method_chosen)
        self.histogram.moved.connect(self._dragged)
        self.preview.toggled.connect(self._toggle_preview)
        self.use_button.clicked.connect(lambda _=False: self.use())
        self.reset_button.clicked.connect(lambda _=False: self._set(self._in_use.scc))
        self.confusion.chosen.connect(self._filter)
        self.all_button.clicked.connect(lambda _=False: self._session.set_filter())

    # ------------------------------------------------------------- thresholds

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

    def _applied(self, parameters: Parameters, tables: Tables) -> None:
        self._tables = tables
        self.used.emit(parameters, _NAMES)

    def _ended(self) -> None:
        self._job = None
        tables, self._tables = self._tables, None
        if tables is not None:
            self.preview.setChecked(False)
            self._session.reload(tables)
            _, flagged, _ = self._session.counts()
            told = counted(flagged, "region is", "regions are")
            self.told.emit(f"The thresholds are in use: {told} flagged.")
        self._enable()

    def _dragged(self, at: float) -> None:
        self._change(self.trial.changes(self._column(), at, self._class()), line=False)

    def _typed(self, name: str, value: float) -> None:
        changes: dict[str, Any] = {name: value}
        if name == "certain_share":
            changes["method"] = "uncertainty"
        elif name != "tau_cr":
            changes |= {"method": "mixture", "rule": "mixture"}
        self._change(changes)

    def _method_chosen(self, index: int) -> None:
        self._change({"method": list(_METHODS)[index]})

    def _change(self, changes: dict[str, Any], *, line: bool = True) -> None:
        self._set(dataclasses.replace(self.scc, **changes), line=line)

    def _set(self, scc: SccParameters, *, line: bool = True) -> None:
        self.scc = scc
        self._fill_form()
        if line:
            self._place_line()
        self._enable()
        self._soon.start()

    def _fill_form(self) -> None:
        widgets: list[tuple[Any, Any]] = [(s, getattr(self.scc, n)) for n, s in self.spins.items()]
        for widget, value in widgets:
            blocked = widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(blocked)
        blocked = self.method.blockSignals(True)
        self.method.setCurrentIndex(list(_METHODS).index(self.scc.method))
        self.method.blockSignals(blocked)

    # ------------------------------------------------------------------ plots

    def _redraw(self) -> None:
        self._place_line()
        self._show_verdicts()

    def _place_line(self) -> None:
        self.histogram.set_threshold(self.trial.position(self._column(), self.scc, self._class()))

    def _show_verdicts(self) -> None:
        """Bars by verdict, curves, counts and preview under the present thresholds."""
        column, only = self._column(), self._class()
        verdict, value = self.trial.verdicts(self.scc), self.trial.value(column)
        limits = (0.0, 1.0) if column == "noise_score" else score_limits(value)
        if not limits[1] > limits[0]:
            limits = (limits[0] - 0.5, limits[0] + 0.5)
        if only is not None:
            chosen = self.trial.class_id() == only
            verdict, value = verdict[chosen], value[chosen]
        counts = np.bincount(verdict, minlength=len(_VERDICTS))
        known = ~np.isnan(value)
        span = limits[1] - limits[0]
        position = np.clip((value[known] - limits[0]) / span * _BINS, 0, _BINS - 1).astype(np.int64)
        cells = np.bincount(verdict[known].astype(np.int64) * _BINS + position, minlength=4 * _BINS)
        stacks = cells.reshape(-1, _BINS).astype(np.float64)[[v for v, _, _ in _VERDICTS]]
        edges = np.linspace(*limits, _BINS + 1)
        curves = []
        mixture = self.trial.components(only) if column == "loss" else None
        if mixture is not None and not mixture.one_sided:
            x = np.linspace(*limits, 200)
            per_bin = known.sum() * span / _BINS
            curves = [
                (color, component_density(mixture, k, x) * per_bin) for k, color in enumerate((BLUE, ORANGE))
            ]
        colors = [color for _, color, _ in _VERDICTS]
        self.histogram.show_bars(edges, stacks, colors, curves, _AXES[column])
        told = [
            f'<span style="color:{color}">■</span>&nbsp;{counts[v]:,}&nbsp;{name}'
            for v, color, name in _VERDICTS
        ]
        self.counts.setText(" &nbsp; ".join(told))
        self._show_preview()

    def _show_preview(self) -> None:
        session = self._session
        # without regions where a run has just replaced them
        if self.preview.isChecked() and len(session.frame.areas):
            self.previewed.emit(self.trial.curated(self.scc, session.image_id, session.frame.region_ids))

    def _toggle_preview(self, shown: bool) -> None:
        if shown:
            self._show_preview()
        else:
            self.previewed.emit(None)

    def _refresh(self) -> None:
        if not self._stale:
            return
        self._stale = False
        session, r = self._session, self._session.regions
        lack = project_words.unscored(session.count_unscored(), len(r))
        self.lack.setText(f"⚠ {lack}")
        self.lack.setVisible(bool(lack))
        self._fill_classes()
        self._fill_form()
        self._redraw()
        score, changed = judged_regions(r.noise_score, r.class_id, session.reviewed, session.decided)
        self.reliability.show_reliability(reliability(score, changed))
        size, rows = session.scheme.size, self.trial.scored
        matrix = region_confusion(r.class_id[rows], r.predicted[rows], size)
        self.confusion.show_counts(matrix, [session.scheme.label(i) for i in range(size)])
        self._enable()

    def _fill_classes(self) -> None:
        """All classes that have scored regions, the choice kept."""
        there = set(np.unique(self.trial.class_id()).tolist())
        wanted = [
            ("all classes", None),
            *((c.name, c.id) for c in self._session.scheme.classes if c.id in there),
        ]
        if wanted == self._sets:
            return
        before = self._class()
        self._sets = wanted
        blocked = self.of_class.blockSignals(True)
        self.of_class.clear()
        self.of_class.addItems([name for name, _ in wanted])
        ids = [class_id for _, class_id in wanted]
        self.of_class.setCurrentIndex(ids.index(before) if before in ids else 0)
        self.of_class.blockSignals(blocked)

    def _decided(self, *_: object) -> None:
        self._stale = True
        if self.isVisible():
            self._refresh()
        elif self.preview.isChecked():
            self._show_preview()

    def _reload(self) -> None:
        self.trial.take()
        self._in_use = self._stored()
        self.scc = self._in_use.scc
        self._stale = True
        if self.isVisible():
            self._refresh()

    def _filter(self, class_id: int, predicted: int) -> None:
        session, r, label = self._session, self._session.regions, self._session.scheme.label
        chosen = (r.class_id == class_id) & (r.predicted == predicted) & ~np.isnan(r.noise_score)
        cell = f"labelled {label(class_id)}, predicted {label(predicted)}"
        if not (chosen & session.to_settle()).any():
            self.told.emit(f"No regions {cell} are left to look at. The queue stays as it is.")
            return
        session.set_filter(only_flagged=False, only_rows=chosen)
        count = len(session.queue)
        self.told.emit(f"The queue holds {counted(count, 'region')} {cell}, that nobody has looked at.")

    # ----------------------------------------------------------------- inside

    def _column(self) -> str:
        return SCORES[self.score.currentText()]

    def _class(self) -> int | None:
        index = self.of_class.currentIndex()
        return self._sets[index][1] if 0 <= index < len(self._sets) else None

    def _stored(self) -> Parameters:
        run = self._session.project.scoring_run()
        return run.parameters if run is not None else Parameters()

    def _enable(self) -> None:
        scored = len(self.trial.scored) > 0 and not self._session.tables.unscored.any()
        possible = scored and not self.running and not self._session.project.readonly
        changed = self.scc != self._in_use.scc
        self.use_button.setEnabled(possible and changed)
        self.reset_button.setEnabled(changed and not self.running)


def _line(*widgets: QWidget) -> QHBoxLayout:
    line = QHBoxLayout()
    for widget in widgets:
        line.addWidget(widget, 1)
    return line


def _apply(path: Path, parameters: Parameters, progress: ProgressCallback, cancel: CancelToken) -> Tables:
    apply_thresholds(path, parameters, progress=progress)
    # seconds in a large project: not on the main thread
    with Project.open(path, readonly=True) as project:
        return Tables.read(project)
