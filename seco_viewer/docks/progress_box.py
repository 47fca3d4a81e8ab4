"""Where one is: the image, the place in the queue, what is reviewed, what a run has left undone."""

from __future__ import annotations

import html

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QFont, QFontMetrics, QResizeEvent
from qtpy.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from seco_viewer import project_words
from seco_viewer.docks.buttons import with_key
from seco_viewer.docks.texts import Lines, TextLabel, card
from seco_viewer.session import Session

_MARGIN = 28
_TO_RUN = "Run the pipeline", "Goes on where the last run stopped, with the parameters of the Pipeline tab."
_TO_THE_RUN = "Show how far it is", "The Pipeline tab shows it, and cancels it."


class ProgressBox(QWidget):
    """The top of the Review page.

    Parameters
    ----------
    session : Session
        What is shown.

    Attributes
    ----------
    run_wanted : Signal()
        What a run has left undone is to be done.
    """

    run_wanted = Signal()

    def __init__(self, session: Session):
        super().__init__()
        self._session = session
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        self.place = Lines(2)
        self.done = QProgressBar()
        self.done.setTextVisible(True)
        self.done.setToolTip(
            "A region is reviewed when decisions cover it. One decision may cover several, such as those "
            "that a later run has cut."
        )
        for part in (self.place, self.done, self._make_lack()):
            layout.addWidget(part)

    def _make_lack(self) -> QWidget:
        self.lack, layout = card()
        self.lack_text = TextLabel()
        self.lack_text.setStyleSheet("font-weight: bold")
        self.lack_text.setToolTip("Nothing is flagged there before a run has come to its end.")
        self.run_button = QPushButton()
        self.run_button.setEnabled(not self._session.project.readonly)
        self.run_button.clicked.connect(self.run_wanted)
        layout.addWidget(self.lack_text)
        layout.addWidget(self.run_button)
        return self.lack

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit the image's name."""
        super().resizeEvent(event)
        self._show_place()

    def refresh(self) -> None:
        """Show the session as it is now."""
        self._show_place()
        self._show_done()
        self._show_lack()

    def _show_place(self) -> None:
        session = self._session
        record = session.project.images[session.image_id]
        count = f"(image {record.id + 1} of {len(session.project.images)})"
        room = self.width() - self.fontMetrics().horizontalAdvance(count) - _MARGIN
        bold = QFont(self.font())
        bold.setBold(True)
        name = QFontMetrics(bold).elidedText(record.name, Qt.TextElideMode.ElideMiddle, max(room, _MARGIN))
        self.place.setToolTip(record.name)
        place = f"<b>{html.escape(name)}</b> {count}"
        if not len(session.queue):
            what = "flagged region" if session.only_flagged else "region"
            chosen = "of those chosen" if session.only_rows is not None else "in the queue"
            if session.run_goes_on and session.count_unscored():
                place += "<br>the queue fills when the run ends"
            else:
                place += f"<br>no {what} is left {chosen}" if len(session.regions) else ""
        elif session.row is not None and (position := session.queue.position(session.row)):
            place += f"<br>{position:,} of {self._count()} in the queue, {session.order}"
        else:
            place += f"<br>beside the queue of {self._count()}: {with_key('resume')} goes on"
        self.place.setText(place)

    def _count(self) -> str:
        """How many regions are in the queue, and whether it is limited to chosen ones."""
        session = self._session
        return f"{len(session.queue):,}" + (" chosen" if session.only_rows is not None else "")

    def _show_done(self) -> None:
        session = self._session
        _, flagged, reviewed = session.counts()
        unscored, left_out = session.count_unscored(), session.count_left_out()
        self.done.setUpdatesEnabled(False)  # setValue paints at once, and the canvas with it
        self.done.setRange(0, max(1, flagged + reviewed + unscored + left_out))
        self.done.setValue(reviewed)
        decisions = len(session.project.overrides)
        self.done.setFormat(project_words.progress(reviewed, decisions, flagged, unscored, left_out))
        self.done.setUpdatesEnabled(True)

    def _show_lack(self) -> None:
        """What a run has left undone stays said until one has done it, and that the project is gone."""
        session = self._session
        problem = session.tables.problem
        if session.away:
            text = "⚠ " + project_words.away(session.project.path)
        elif session.run_goes_on:
            text = project_words.RUNNING
        else:
            unscored = project_words.unscored(session.count_unscored(), len(session.regions))
            text = "⚠ " + (unscored or project_words.in_window(str(problem or "")))
        self.lack_text.setText(html.escape(text).replace("/", "/\u200b"))
        self.run_button.setVisible(not session.away)
        label, tip = _TO_THE_RUN if session.run_goes_on else _TO_RUN
        self.run_button.setText(label)
        self.run_button.setToolTip(tip)
        self.lack.setVisible(session.away or (bool(problem) and len(session.regions) > 0))
