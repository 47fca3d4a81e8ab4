"""Review: where one is in the queue, what can be decided, and what is known about the region."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace

import numpy as np
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
from seco_viewer.docks.later import Soon
from seco_viewer.docks.links import LinkLabel, reason_link
from seco_viewer.docks.progress_box import ProgressBox
from seco_viewer.docks.queue_box import QueueBox
from seco_viewer.docks.texts import Lines, TextLabel, card
from seco_viewer.docks.thumbnails import NeighbourStrip
from seco_viewer.session import Session

_LARGE, _SMALL = 14, 11
"""Points of the headline."""
_MOST_LARGE = 20
"""So many letters of two classes fit in the larger size."""
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
        self._suggests = False
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

    # ------------------------------------------------------------------ build

    def _make_head(self) -> QWidget:
        box, layout = card()
        self.headline = Lines()
        self.headline.setStyleSheet(f"font-size: {_LARGE}pt")
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
        for action_id in ("relabel", "ignore", "unknown"):
            self.buttons[action_id].setEnabled(session.patch.area > 0)
        known = session.patch.area > 0 and session.meant is not None
        self.buttons["accept"].setEnabled(known or session.picked_class is not None)
        self.buttons["take_suggestion"].setEnabled(known and self._suggests)

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
        row = session.meant
        self._suggests = row is not None
        self.buttons["accept"].setText(with_key("accept"))
        self.buttons["take_suggestion"].setText(with_key("take_suggestion"))
        if row is None:
            self.bars.show_shares([])
            self.chooser.emphasise(())
            self.headline.setText("No region is selected")
            if (picked := session.picked_class) is not None:
                self.headline.setText(f"<span style='font-size: {_SMALL}pt'>{self._chip(picked)}</span>")
                self.sentence.setText("Not scored yet. What is decided here stays.")
                self.buttons["accept"].setText(f"✓ {scheme.label(picked)}  {in_brackets('accept')}")
            elif not session.frame.reviewable:
                self.headline.setText("This image cannot be judged")
                self.sentence.setText(f"{with_key('resume')} goes on with the queue.")
            elif not len(session.regions):
                self.sentence.setText("There are no regions yet: run the pipeline.")
            else:
                self.sentence.setText("Click a region, or go on with the queue.")
            self.details.setText("")
            return
        facts, part = session.facts(row), session.part if row == session.row else None
        if part is not None:
            facts = replace(facts, decided=part.override.class_id)
        name = scheme.label
        suggested = int(session.suggested[row])
        self.chooser.emphasise((facts.class_id, suggested))
        self.headline.setText(self._headline(facts, suggested, before="part of " if part else ""))
        selected = self._selected(row)
        self.sentence.setText(
            (f"<b>{selected}</b><br>" if selected else "") + html.escape(words.sentence(facts, name))
        )
        probabilities = session.regions.probabilities[row]
        likely = np.argsort(-probabilities, kind="stable")[:3].tolist()
        self.bars.show_shares(
            [(name(c), tuple(scheme.palette[c].tolist()), float(probabilities[c])) for c in likely]
        )
        lines = [words.verdict(facts, name), words.votes(facts, name), words.surroundings(facts, name)]
        told = [html.escape(line) for line in lines if line]
        if facts.decided is None:
            told[1:1] = [reason_link(reason, name, self) for reason in facts.reasons[:1]]
        self.details.setText("<br>".join(told))
        kept = facts.decided if facts.again and facts.decided is not None else facts.class_id
        self.buttons["accept"].setText(f"✓ {name(kept)}  {in_brackets('accept')}")
        self._suggests = suggested != kept
        other = name(suggested) if self._suggests else "nothing else"
        self.buttons["take_suggestion"].setText(f"→ {other}  {in_brackets('take_suggestion')}")

    def _selected(self, row: int) -> str:
        """What is selected of a region if it is not all of it; what tools select is said elsewhere."""
        session = self._session
        patch, area = session.patch, int(session.regions.area[row])
        whole = session.part is None and patch.area == area
        if session.edited or whole or not patch.area:
            return ""
        box, mask = session.mask(row)
        within = int(np.count_nonzero(mask & patch.on(box)))
        return decision_words.selected(patch.area, within, area, decided=session.part is not None)

    def _headline(self, facts: words.RegionFacts, suggested: int, *, before: str) -> str:
        text = before + self._chip(facts.class_id)
        if facts.decided is not None:
            text += "  ✓" if facts.decided == facts.class_id else f"  →  {self._chip(facts.decided)}  ✓"
        elif suggested != facts.class_id:
            text += f"  or  {self._chip(suggested)}  ?"
        names = (facts.class_id, suggested if facts.decided is None else facts.decided)
        length = len(before) + sum(len(self._session.scheme.label(c)) for c in set(names))
        size = _LARGE if length <= _MOST_LARGE else _SMALL
        return f"<span style='font-size: {size}pt'>{text}</span>"

    def _left_out(self) -> list[str]:
        images = self._session.project.images
        return [images[i].name for i in sorted(self._session.unusable) if i != self._session.image_id]

    def _chip(self, class_id: int) -> str:
        red, green, blue = self._session.scheme.palette[class_id].tolist()
        name = html.escape(self._session.scheme.label(class_id))
        return f"<span style='color: rgb({red},{green},{blue})'>■</span> <b>{name}</b>"
