"""What would follow from the newest decision: alike regions as pictures, to be taken all, or only some."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from seco_core.project import Override
from seco_core.project.overrides import Origin
from seco_core.texts import counted
from seco_viewer.bulk_plans import plan_proposals
from seco_viewer.docks.actions import Say
from seco_viewer.docks.bulk import BulkBar
from seco_viewer.docks.buttons import in_brackets
from seco_viewer.docks.later import Later
from seco_viewer.docks.thumbnails import Thumbnail, ThumbnailStrip
from seco_viewer.session import Session
from seco_viewer.shortcuts import shortcut, shown

_MOST = 40


class ProposalsPanel(QWidget):
    """Proposals of the newest decision, a moment after it was made; nothing where there are none.

    Attributes
    ----------
    noticed : Signal(str)
        What would follow, in a line; empty if nothing would.
    """

    noticed = Signal(str)

    def __init__(self, session: Session, say: Say):
        super().__init__()
        self._session, self._say = session, say
        self._seq: int | None = None
        # the decision whose proposals were brought into view
        self._brought: int | None = None
        self._later = Later(self, self.refresh)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self.title = QLabel()
        self.title.setWordWrap(True)
        self.strip = ThumbnailStrip(session, ticked=True)
        self.strip.chosen.connect(session.go_to)
        self.take = QPushButton("Accept ticked")
        self.take.setToolTip("Every ticked region gets the class of that decision; one step to undo.")
        self.take.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.take.clicked.connect(self.accept)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.take)
        layout.addLayout(top)
        layout.addWidget(self.strip)
        self.bulk = BulkBar(session, say)
        layout.addWidget(self.bulk)
        session.regions_decided.connect(self._later.ask)
        session.others_decided.connect(self._later.ask)
        session.reloaded.connect(self._reloaded)
        self._show([])

    def release(self) -> None:
        """Let go of the session and end the reading thread."""
        self._later.stop()
        self.bulk.release()
        self._session.regions_decided.disconnect(self._later.ask)
        self._session.others_decided.disconnect(self._later.ask)
        self._session.reloaded.disconnect(self._reloaded)
        self.strip.release()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Show what was decided meanwhile."""
        self._later.ask()
        super().showEvent(event)

    def refresh(self) -> None:
        """Show what would follow from the newest decision."""
        session = self._session
        newest = newest_decision(session)
        self._seq = None if newest is None else newest.seq
        found = [] if newest is None else session.proposals(newest.seq)[:_MOST]
        name = session.scheme.label
        images = {int(session.regions.image_id[p.row]) for p in found}
        if found:
            self.title.setText(
                f"{counted(len(found), 'similar region')} in {counted(len(images), 'image')} would follow: "
                f"{name(found[0].class_id)}"
            )
        key = in_brackets("follow")
        self.noticed.emit(
            f"{len(found)} similar would become {name(found[0].class_id)} {key}" if found else ""
        )
        self._show(
            [
                Thumbnail(
                    p.row,
                    f"{p.similarity:.2f}",
                    f"{name(int(session.regions.class_id[p.row]))} → {name(p.class_id)}, "
                    f"similarity {p.similarity:.2f}, belief {p.belief:.2f}, "
                    f"image {session.project.images[int(session.regions.image_id[p.row])].name}",
                )
                for p in found
            ]
        )

    def follow(self, bring_into_view: Callable[[], None]) -> bool:
        """Bring the proposals into view; where that was done and they are seen, accept those ticked.

        Parameters
        ----------
        bring_into_view : callable
            Shows the page and scrolls it here.

        Returns
        -------
        bool
            Whether anything would follow.
        """
        newest = newest_decision(self._session)
        if newest is None or newest.seq != self._seq:
            self.refresh()
        if self.take.isHidden():
            return False
        pictures = self.strip.viewport()
        seen = pictures.visibleRegion().boundingRect().height() == pictures.height()
        if seen and self._brought == self._seq:
            self.accept()
        else:
            self._brought = self._seq
            bring_into_view()
            keys = shortcut("follow").keys
            again = f"{shown(keys[0])} again" if keys else self.take.text()
            self._say(
                f"{counted(self.strip.count(), 'similar region')} would follow: {again} accepts those ticked."
            )
        return True

    def accept(self) -> None:
        """Decide the ticked ones."""
        if self._seq is None:
            return
        seq = self._seq
        self.bulk.carry_out(lambda: plan_proposals(self._session, self.strip.ticked_rows(), seq), "followed")

    def _show(self, thumbnails: list[Thumbnail]) -> None:
        self.strip.show_regions(thumbnails)
        for part in (self.title, self.take, self.strip):
            part.setVisible(bool(thumbnails))

    def _reloaded(self) -> None:
        self.strip.reader.forget()
        self._later.ask()


def newest_decision(session: Session) -> Override | None:
    """The newest decision that holds, if a person made it by hand."""
    log = session.project.overrides
    newest = max((o for i in log.images() for o in log.active(i)), key=lambda o: o.seq, default=None)
    return newest if newest is not None and newest.origin is Origin.PERSON else None
