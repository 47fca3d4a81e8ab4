"""Review: where one is in the queue, what can be decided, and what is known about the region."""

from __future__ import annotations

import html
from collections.abc import Callable

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import (
    QGridLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from seco_viewer import decision_words, project_words, words
from seco_viewer.docks.bars import ShareBars
from seco_viewer.docks.buttons import ActionButton, in_brackets, with_key
from seco_viewer.docks.classes import ClassChooser
from seco_viewer.docks.edit_tools import EditBar
from seco_viewer.docks.headline import LARGE, headline, likely
from seco_viewer.docks.later import Soon
from seco_viewer.docks.links import LinkLabel, reason_link
from seco_viewer.docks.progress_box import ProgressBox
from seco_viewer.docks.queue_box import QueueBox
from seco_viewer.docks.texts import Lines, TextLabel, card
from seco_viewer.docks.thumbnails import NeighbourStrip
from seco_viewer.offers import ONE_KEY
from seco_viewer.session import Session

_FACT_LINES = 6


class ReviewPanel(QWidget):
    """The part of the dock one works with most.

    Parameters
    ----------
    session : Session
        What is shown.
    perform : callable
        Does the action of an id of the table of shortcuts.
    relabel : callable
        Gives the current region a class.
    """

    def __init__(self, session: Session, perform: Callable[[str], None], relabel: Callable[[int], None]):
        super().__init__()
        self._session = session
        self._perform = perform
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(6)
        self.progress = ProgressBox(session)
        self.chooser = ClassChooser(
            session.scheme, relabel, f"first letters or number of a class, Enter  {in_brackets('relabel')}"
        )
        self.chooser.left.connect(self.setFocus)
        self.edit_bar = EditBar(perform)
        self.queue = QueueBox(session)
        self.queue.left.connect(self.setFocus)
        self.neighbours = NeighbourStrip(session)
        # what is decided with stands above all text that may be longer or shorter, and never moves
        for part in (
            self.progress,
            self._make_head(),
            self._make_actions(),
            self.chooser,
            self._make_facts(),
            self.edit_bar,
            self.queue,
            self.neighbours,
        ):
            layout.addWidget(part)
        layout.addStretch(1)
        self._soon = Soon(self)
        session.region_changed.connect(self._changed)
        session.queue_changed.connect(self._changed)
        session.selection_changed.connect(self._changed)
        session.awaited_changed.connect(self._enable)
        self.refresh()

    def release(self) -> None:
        """Let go of the session."""
        self.queue.release()
        self._soon.drop()
        self._soon.blockSignals(True)  # the theme may still change while Qt takes the page away
        self._session.region_changed.disconnect(self._changed)
        self._session.queue_changed.disconnect(self._changed)
        self.neighbours.release()
        self._session.selection_changed.disconnect(self._changed)
        self._session.awaited_changed.disconnect(self._enable)

    # ------------------------------------------------------------------ build

    def _make_head(self) -> QWidget:
        box, layout = card()
        self.headline = Lines()
        self.headline.setStyleSheet(f"font-size: {LARGE}pt")
        self.bars = ShareBars()
        layout.addWidget(self.headline)
        layout.addWidget(self.bars)
        return box

    def _make_facts(self) -> QWidget:
        box, layout = card()
        self.notice, self.problem = TextLabel(), TextLabel()
        self.notice.setStyleSheet("font-weight: bold")
        self.notice.setVisible(False)
        self.sentence = TextLabel()
        self.sentence.setToolTip("Neighbours are the regions of all images that are most like this one.")
        self.details = LinkLabel()
        self.details.linkActivated.connect(lambda row: self._session.go_to(int(row)))
        for part in (self.notice, self.problem, self.sentence, self.details):
            layout.addWidget(part)
        layout.addStretch(1)
        box.setMinimumHeight(_FACT_LINES * box.fontMetrics().lineSpacing() + 16)
        return box

    def _make_actions(self) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        self.buttons: dict[str, QPushButton] = {}
        places = {
            "accept": (0, 0, 3), "take_suggestion": (0, 3, 3),
            "relabel": (1, 0, 2), "ignore": (1, 2, 2), "unknown": (1, 4, 2),
            "skip": (2, 0, 2), "back": (2, 2, 2), "resume": (2, 4, 2),
            "undo": (3, 0, 2), "redo": (3, 2, 2), "help": (3, 4, 2),
        }  # fmt: skip
        for action_id, (row, column, span) in places.items():
            button = ActionButton(action_id, self._perform)
            button.setStyleSheet("padding: 3px")
            self.buttons[action_id] = button
            grid.addWidget(button, row, column, 1, span)
        for action_id in ("accept", "take_suggestion"):
            self.buttons[action_id].setMinimumHeight(32)
            self.buttons[action_id].setStyleSheet("font-weight: bold; padding: 3px")
        return box

    # ------------------------------------------------------------------- show

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Give links the colour of the window's new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._soon.ask(self._show_facts)

    def _changed(self) -> None:
        self._enable()
        self._soon.ask(self.refresh)

    def refresh(self) -> None:
        """Show the session as it is now."""
        self.progress.refresh()
        self._show_facts()
        self._enable()
        self.queue.ask()

    def _enable(self) -> None:
        session = self._session
        self.buttons["undo"].setEnabled(session.can_undo)
        self.buttons["redo"].setEnabled(session.can_redo)
        for action_id in (*ONE_KEY, "relabel"):
            self.buttons[action_id].setEnabled(session.refusal(action_id) is None)

    def notify(self, text: str) -> None:
        """Show a line above the facts; none if it is empty."""
        self.notice.setText(html.escape(text))
        self.notice.setVisible(bool(text))

    def add(self, part: QWidget) -> None:
        """Put another part above what is about the queue."""
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(layout.indexOf(self.queue), part)

    def _show_facts(self) -> None:
        session, scheme = self._session, self._session.scheme
        problems = [session.frame.problem or "", project_words.left_out(self._left_out())]
        warnings = "<br>".join(f"⚠ {html.escape(problem)}" for problem in problems if problem)
        self.problem.setText(warnings.replace("/", "/\u200b"))  # long paths may break there
        self.problem.setVisible(any(problems))
        facts, offer, number = session.facts_here, session.offer, session.meant_number
        self.buttons["accept"].setText(with_key("accept"))
        self.buttons["take_suggestion"].setText(with_key("take_suggestion"))
        if facts is None or offer is None or number is None:
            self._show_nothing()
            return
        name = scheme.label
        self.chooser.emphasise(
            (offer.called,) if offer.suggested is None else (offer.called, offer.suggested)
        )
        part = session.part is not None and number == session.number
        self.headline.setText(headline(scheme, offer, part=part))
        said = [f"<b>{self._selected(number)}</b>", html.escape(words.sentence(facts, name))]
        told = [words.verdict(facts, name), words.votes(facts, name), words.surroundings(facts, name)]
        self.sentence.setText("<br>".join(line for line in said if line != "<b></b>"))
        details = [html.escape(line) for line in told if line]
        if facts.decided is None:
            details[1:1] = [reason_link(reason, name, self) for reason in facts.reasons[:1]]
        self.details.setText("<br>".join(details))
        row = session.meant
        self.bars.show_shares([] if row is None else likely(scheme, session.regions.probabilities[row], 3))
        self.buttons["accept"].setText(f"✓ {name(offer.kept)}  {in_brackets('accept')}")
        other = name(offer.suggested) if offer.suggested is not None and offer.suggests else "nothing else"
        self.buttons["take_suggestion"].setText(f"→ {other}  {in_brackets('take_suggestion')}")

    def _show_nothing(self) -> None:
        """Say why there is nothing to decide on."""
        session = self._session
        self.bars.show_shares([])
        self.chooser.emphasise(())
        self.headline.setText("No region is selected")
        self.details.setText("")
        if not session.frame.reviewable:
            self.headline.setText("This image cannot be judged")
            self.sentence.setText(f"{with_key('resume')} goes on with the queue.")
        elif not len(session.regions):
            then = "the pipeline makes them." if session.run_goes_on else "run the pipeline."
            self.sentence.setText(f"There are no regions yet: {then}")
        else:
            self.sentence.setText(str(session.no_region.remedy))

    def _selected(self, number: int) -> str:
        """What is selected of a region if it is not all of it; what tools select is said elsewhere."""
        session, patch, region = self._session, self._session.patch, self._session.region(number)
        whole = session.part is None and patch.area == region.area
        if session.edited or whole or not patch.area:
            return ""
        return decision_words.selected(
            patch.area, (region & patch).area, region.area, decided=session.part is not None
        )

    def _left_out(self) -> list[str]:
        images = self._session.project.images
        return [images[i].name for i in sorted(self._session.unusable) if i != self._session.image_id]
