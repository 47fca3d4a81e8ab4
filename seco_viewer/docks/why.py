"""Why a region is flagged: its picture, every score behind the noise score, and what was decided on it."""

from __future__ import annotations

import html

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPolygonF, QShowEvent
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from seco_core.graph import EdgeKind
from seco_core.project.overrides import Event
from seco_viewer import decision_words, words
from seco_viewer.crops import region_crop
from seco_viewer.docks.bars import ShareBars
from seco_viewer.docks.buttons import in_brackets
from seco_viewer.docks.headline import likely
from seco_viewer.docks.later import Later
from seco_viewer.docks.links import LinkLabel, reason_link, region_link
from seco_viewer.docks.texts import TextLabel
from seco_viewer.docks.thumbnails import to_pixmap
from seco_viewer.selection import Patch
from seco_viewer.session import Session

_SIDE = 150
_BINS = 60
_SCORE_COLOR = (230, 159, 0)
"""Orange that all kinds of colour vision tell from the greys around it."""
_HEIGHT = 84
_MOST_REASONS = _MOST_LINKS = 12


class Histogram(QWidget):
    """All regions' values as a histogram, and where one value is among them."""

    def __init__(self, unit: str):
        super().__init__()
        self._unit = unit
        self._counts: NDArray[np.int64] = np.zeros(_BINS, dtype=np.int64)
        self._top = 1.0
        self._value = float("nan")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_values(self, values: NDArray[np.float32]) -> None:
        """Values of all regions, 0 or more, NaN left out. The highest half percent share the last bar."""
        known = values[~np.isnan(values)]
        self._top = max(float(np.quantile(known, 0.995)), 1e-6) if len(known) else 1.0
        self._counts, _ = np.histogram(np.minimum(known, self._top), _BINS, (0.0, self._top))
        self.update()

    def mark(self, value: float) -> None:
        """Point at one value; NaN for none."""
        self._value = value
        self.setToolTip("" if np.isnan(value) else f"{self._unit} {value:.3f}")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As high as it is drawn."""
        return QSize(200, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw bars (square roots of the counts, so that few are seen beside many), axis and mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(self.foregroundRole())
        faint = QColor(text)
        faint.setAlpha(110)
        metrics = self.fontMetrics()
        floor = self.height() - metrics.height() - 2
        width = self.width() / _BINS
        peak = np.sqrt(max(1, int(self._counts.max())))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(faint)
        for i, height in enumerate((np.sqrt(self._counts) / peak * (floor - 10)).tolist()):
            painter.drawRect(QRectF(i * width, floor - height, max(1.0, width - 1), height))
        painter.setPen(text)
        painter.drawLine(QPointF(0, floor), QPointF(self.width(), floor))
        painter.drawText(QPointF(0, self.height() - 3), "0")
        end = f"{self._unit} {self._top:.1f}"
        painter.drawText(QPointF(self.width() - metrics.horizontalAdvance(end), self.height() - 3), end)
        if not np.isnan(self._value):
            x = min(self._value / self._top, 1.0) * (self.width() - 2) + 1
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(*_SCORE_COLOR))
            painter.drawRect(QRectF(x - 1, 8, 2, floor - 8))
            painter.drawPolygon(QPolygonF([QPointF(x - 5, 1), QPointF(x + 5, 1), QPointF(x, 9)]))
        painter.end()


class WhyPanel(QWidget):
    """What is known of the current region. It follows a moment later, and only while it is seen."""

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        self._later = Later(self, self.refresh)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(6)
        top = QHBoxLayout()
        self.picture = QLabel()
        self.picture.setFixedSize(_SIDE, _SIDE)
        self.summary = TextLabel()
        self.summary.setAlignment(Qt.AlignmentFlag.AlignTop)
        top.addWidget(self.picture)
        top.addWidget(self.summary, 1)
        layout.addLayout(top)
        self.classes = ShareBars(5)
        self.parts = ShareBars(6)
        self.loss = Histogram("loss")
        self.standing, self.past = TextLabel(), TextLabel()
        self.reasons, self.neighbours = LinkLabel(), LinkLabel()
        for label in (self.reasons, self.neighbours):
            label.linkActivated.connect(self._go)
        self.scores = [
            _group("The model's probabilities", self.classes),
            _group("Scores: 0 is fine, 1 is suspicious", self.parts),
            _group("Its loss among all regions' losses", self.loss, self.standing),
        ]
        self.links = [
            _group("What decisions on regions like it say", self.reasons),
            _group("Neighbours", self.neighbours),
        ]
        self.history = _group("Decisions on it", self.past)
        for group in (*self.scores, *self.links, self.history):
            layout.addWidget(group)
        layout.addStretch(1)
        session.region_changed.connect(self._later.ask)
        session.reloaded.connect(self._reloaded)
        self._reloaded()

    def release(self) -> None:
        """Let go of the session."""
        self._later.stop()
        self._session.region_changed.disconnect(self._later.ask)
        self._session.reloaded.disconnect(self._reloaded)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Show what became current meanwhile."""
        self._later.ask()
        super().showEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Give links the colour of the window's new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._later.ask()

    def refresh(self) -> None:
        """Show the current region."""
        session, row, number = self._session, self._session.row, self._session.number
        scored = row is not None and bool(session.has_prediction(slice(row, row + 1))[0])
        for groups, known in (
            (self.scores, scored), (self.links, row is not None), ([self.history], number is not None)
        ):  # fmt: skip
            for group in groups:
                group.setVisible(known)
        self.picture.setVisible(number is not None)
        if number is None:
            self.summary.setText(
                f"No region is selected. Click one, or go on with the queue {in_brackets('resume')}."
            )
        else:
            box = session.region(number).box
            picture = region_crop(session.frame.image, session.region_ids_here, number, box, _SIDE)
            self.picture.setPixmap(to_pixmap(picture))
            past = decision_words.past(events_on(session, number), session.scheme.label)
            self.past.setText("<br>".join(html.escape(line) for line in past) or "none yet")
        if row is not None:
            self._show_scores(row)
        elif number is not None and session.new_regions is not None:
            self._summarise(session.new_regions.facts(number, session.decided_of(number)))

    def _summarise(self, facts: words.RegionFacts) -> None:
        name = self._session.scheme.label
        lines = [words.sentence(facts, name), words.verdict(facts, name), words.votes(facts, name)]
        self.summary.setText("<br>".join(html.escape(line) for line in lines))

    def _show_scores(self, row: int) -> None:
        session, r, name = self._session, self._session.regions, self._session.scheme.label
        facts = session.facts(row)
        self._summarise(facts)
        self.classes.show_shares(likely(session.scheme, r.probabilities[row], 5))
        self.parts.show_shares(
            [(text, _SCORE_COLOR, value) for text, value in score_parts(session, row) if not np.isnan(value)]
        )
        self.loss.mark(float(r.loss[row]))
        self.standing.setText(
            f"loss {words.standing(float(r.loss[row]), r.loss)}; "
            f"noise score {words.standing(float(r.noise_score[row]), r.noise_score)}"
        )
        self.reasons.setText(self._told_reasons(facts))
        self.neighbours.setText(f"{html.escape(words.alike(facts, name))}<br>{self._touching(row)}")

    def _told_reasons(self, facts: words.RegionFacts) -> str:
        """Each decision that changed the region's noise score as a link to what was decided."""
        if not facts.reasons:
            return "nothing yet: no region like it was decided"
        if facts.decided is not None:
            before = "it is decided itself; before that:<br>"
        elif facts.machine_noise != facts.noise_score:
            before = f"noise score {facts.machine_noise:.2f} → {facts.noise_score:.2f}:<br>"
        else:
            before = ""
        name = self._session.scheme.label
        return before + "<br>".join(reason_link(told, name, self) for told in facts.reasons[:_MOST_REASONS])

    def _touching(self, row: int) -> str:
        """The regions around it, each with its side, as links."""
        session = self._session
        beside = [other for other, _, kind in session.links(row) if kind == EdgeKind.TOUCHES][:_MOST_LINKS]
        center, label = session.regions.centroid, session.scheme.label
        classes = session.label(np.array(beside, dtype=np.int64)).tolist()
        links = [
            region_link(other, f"{label(c)} {words.side(*(center[other] - center[row]).tolist())}", self)
            for other, c in zip(beside, classes, strict=True)
        ]
        return f"touches {', '.join(links)}" if links else "touches none"

    def _go(self, link: str) -> None:
        self._session.go_to(int(link))

    def _reloaded(self) -> None:
        self.loss.show_values(self._session.regions.loss)
        self._later.ask()


def score_parts(session: Session, row: int) -> list[tuple[str, float]]:
    """The scores of a region and what they say, 0..1, high for a label that looks wrong; NaN if unknown."""
    r = session.regions
    return [
        ("noise score", float(r.noise_score[row])),
        ("loss is high", float(r.eta[row])),
        ("neighbours differ", float(r.disagreement[row])),
        ("graph unsure", float(r.uncertainty[row]) / 3),
        ("label unsure", 1 - float(r.confidence[row])),
        ("cleanlab doubts", 1 - float(r.label_quality[row])),
    ]


def events_on(session: Session, number: int) -> list[Event]:
    """Decisions on pixels of a region on screen, by its id there, and what undid or redid them.

    Ids do not tell: a run gives them to other regions.
    """
    region, log = session.region(number), session.project.overrides
    about = [o for o in log.ever(session.image_id) if (region & Patch(o.box, o.mask)).area]
    seqs, batches = {o.seq for o in about}, {o.batch for o in about}
    return [event for event in log.history() if event.seq in seqs or event.target_batch in batches]


def _group(title: str, *parts: QWidget) -> QGroupBox:
    box = QGroupBox(title)
    layout = QVBoxLayout(box)
    layout.setContentsMargins(6, 4, 6, 4)
    layout.setSpacing(2)
    for part in parts:
        layout.addWidget(part)
    return box
