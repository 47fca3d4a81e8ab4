"""Scores as histograms whose thresholds can be dragged, reliability, and labels against predictions."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QTimer, Signal
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from seco_core.metrics import reliability
from seco_core.report.counts import judged_regions, region_confusion, score_limits
from seco_core.report.figures import BLUE, GREEN, ORANGE, component_density
from seco_core.scc.correction import Verdict
from seco_core.texts import counted
from seco_viewer import project_words
from seco_viewer.docks.histogram import HistogramView
from seco_viewer.docks.pictures import ConfusionView, ReliabilityView
from seco_viewer.docks.texts import TextLabel
from seco_viewer.docks.thresholds import ThresholdForm
from seco_viewer.session import Session
from seco_viewer.threshold_trial import SCORES, ThresholdTrial

AMBER = "#E69F00"
_VERDICTS = (
    (Verdict.KEEP, BLUE, "kept"),
    (Verdict.RELABEL, GREEN, "relabelled"),
    (Verdict.DOUBT, AMBER, "doubted"),
    (Verdict.DROP, ORANGE, "dropped"),
)
_AXES = {"noise_score": "noise score", "loss": "loss (nats)", "uncertainty": "uncertainty"}
_BINS = 60


class PlotsPanel(QWidget):
    """Plots of the open project, and the thresholds that are tried on them.

    Attributes
    ----------
    thresholds : ThresholdForm
        What is tried.
    previewed : Signal(object)
        The current image's curated map under the thresholds; None when it is not to be shown any more.
    told : Signal(str)
        Something to say to the user.
    """

    previewed = Signal(object)
    told = Signal(str)

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._stale = True
        self._sets: list[tuple[str, int | None]] = []
        self.thresholds = ThresholdForm(session)
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

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Draw what has changed since this was last looked at."""
        super().showEvent(event)
        self._refresh()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """End the preview: elsewhere the curated layer is what holds."""
        super().hideEvent(event)
        if not event.spontaneous():  # minimised
            self.thresholds.preview.setChecked(False)

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
        layout.addWidget(self.thresholds)
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
        self.histogram.moved.connect(self._dragged)
        self.thresholds.changed.connect(self._tried)
        self.thresholds.preview.toggled.connect(self._toggle_preview)
        self.thresholds.told.connect(self.told)
        self.confusion.chosen.connect(self._filter)
        self.all_button.clicked.connect(lambda _=False: self._session.set_filter())

    def _dragged(self, at: float) -> None:
        self.thresholds.change(self._trial.changes(self._column(), at, self._class()), dragged=True)

    def _tried(self, typed: bool) -> None:
        if typed:
            self._place_line()
        self._soon.start()

    # ------------------------------------------------------------------ plots

    def _redraw(self) -> None:
        self._place_line()
        self._show_verdicts()

    def _place_line(self) -> None:
        self.histogram.set_threshold(self._trial.position(self._column(), self.thresholds.scc, self._class()))

    def _show_verdicts(self) -> None:
        """Bars by verdict, curves, counts and preview under the present thresholds."""
        column, only = self._column(), self._class()
        verdict, value = self._trial.verdicts(self.thresholds.scc), self._trial.value(column)
        limits = (0.0, 1.0) if column == "noise_score" else score_limits(value)
        if not limits[1] > limits[0]:
            limits = (limits[0] - 0.5, limits[0] + 0.5)
        if only is not None:
            chosen = self._trial.class_id() == only
            verdict, value = verdict[chosen], value[chosen]
        counts = np.bincount(verdict, minlength=len(_VERDICTS))
        known = ~np.isnan(value)
        span = limits[1] - limits[0]
        position = np.clip((value[known] - limits[0]) / span * _BINS, 0, _BINS - 1).astype(np.int64)
        cells = np.bincount(verdict[known].astype(np.int64) * _BINS + position, minlength=4 * _BINS)
        stacks = cells.reshape(-1, _BINS).astype(np.float64)[[v for v, _, _ in _VERDICTS]]
        edges = np.linspace(*limits, _BINS + 1)
        curves = []
        mixture = self._trial.components(only) if column == "loss" else None
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
        if self.thresholds.preview.isChecked() and len(session.frame.areas):
            self.previewed.emit(
                self._trial.curated(self.thresholds.scc, session.image_id, session.frame.region_ids)
            )

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
        self.lack.setText(project_words.RUNNING if session.run_goes_on else f"⚠ {lack}")
        self.lack.setVisible(bool(lack))
        self._fill_classes()
        self.thresholds.refresh()
        self._redraw()
        score, changed = judged_regions(r.noise_score, r.class_id, session.reviewed, session.decided)
        self.reliability.show_reliability(reliability(score, changed))
        size, rows = session.scheme.size, self._trial.scored
        matrix = region_confusion(r.class_id[rows], r.predicted[rows], size)
        self.confusion.show_counts(matrix, [session.scheme.label(i) for i in range(size)])

    def _fill_classes(self) -> None:
        """All classes that have scored regions, the choice kept."""
        there = set(np.unique(self._trial.class_id()).tolist())
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

    def _reload(self) -> None:
        self.thresholds.take()
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

    @property
    def _trial(self) -> ThresholdTrial:
        return self.thresholds.trial

    def _column(self) -> str:
        return SCORES[self.score.currentText()]

    def _class(self) -> int | None:
        index = self.of_class.currentIndex()
        return self._sets[index][1] if 0 <= index < len(self._sets) else None


def _line(*widgets: QWidget) -> QHBoxLayout:
    line = QHBoxLayout()
    for widget in widgets:
        line.addWidget(widget, 1)
    return line
