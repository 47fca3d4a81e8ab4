"""What each key and button does to an open project, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from psygnal import Signal

from seco_core.errors import SecoError
from seco_core.project import Override
from seco_core.texts import counted
from seco_viewer import decision_words, shortcuts, words
from seco_viewer.compare import Comparison
from seco_viewer.conflict_layer import ConflictLayer
from seco_viewer.docks.review import ReviewPanel
from seco_viewer.docks.tabs import ProjectTabs
from seco_viewer.edit_tools import EditTools, Tool
from seco_viewer.layers import ReviewLayers
from seco_viewer.offers import ONE_KEY, Offer
from seco_viewer.session import Session

Say = Callable[..., None]
"""Shows a message; ``wrong=True`` for errors."""

_NOTHING = {
    "undo": "Nothing to undo.",
    "redo": "Nothing to redo.",
    "back": "Nothing before this.",
    "next_image": "This is the last image.",
    "previous_image": "This is the first image.",
    "follow": "Nothing similar would follow from the newest decision.",
}
_DONE = {"undo": "Taken back", "redo": "Done again"}
_SELECTED_AGAIN = " What you had selected is selected again."
_DROPPED = "What you had selected was not decided, and is dropped."


class Actions:
    """The actions of the table of shortcuts, for one open project.

    Parameters
    ----------
    session, layers, tools, comparison, conflicts
        What they act on.
    tabs, review
        What they bring to the front.
    say : callable
        Shows a message.

    Attributes
    ----------
    hindrance : str
        Why nothing can be done any more; empty as long as all is well.
    """

    view_changed = Signal()
    """The camera keeps the zoom now, or zooms to each region."""

    def __init__(
        self,
        session: Session,
        layers: ReviewLayers,
        tools: EditTools,
        comparison: Comparison,
        conflicts: ConflictLayer,
        tabs: ProjectTabs,
        review: ReviewPanel,
        say: Say,
    ):
        self._session, self._layers = session, layers
        self._tools, self._comparison, self._conflicts = tools, comparison, conflicts
        self._tabs, self._review = tabs, review
        self._say = say
        self.hindrance = ""
        self._dropped = False
        self.table: dict[str, Callable[[], Any]] = {
            "accept": session.accept,
            "take_suggestion": session.take_suggestion,
            "relabel": self._start_relabel,
            "ignore": session.ignore,
            "unknown": session.unknown,
            "skip": session.skip,
            "back": session.back,
            "undo": session.undo,
            "redo": session.redo,
            "resume": session.resume,
            "next_image": partial(self._turn, session.next_image),
            "previous_image": partial(self._turn, session.previous_image),
            **{tool.value: partial(tools.take, tool) for tool in Tool},
            "nothing": tools.nothing,
            "other": tools.other,
            "smaller": tools.smaller,
            "larger": tools.larger,
            "merge_alike": tools.merge_alike,
            "leave": self._leave,
            "overlays": layers.toggle_overlays,
            "bare": partial(layers.toggle_overlays, outline=True),
            "noise": layers.toggle_noise,
            "compare": self._compare,
            "graph": layers.graph.toggle,
            "keep_zoom": self._toggle_keep_zoom,
            "wipe": self._wipe,
            "conflicts": self._toggle_conflicts,
        }
        session.edit_dropped.connect(self._drop)
        session.region_changed.connect(self._moved)

    def perform(self, action_id: str) -> None:
        """Do an action and say what came of it."""
        if self.hindrance:
            self._say(self.hindrance, wrong=True)
            return
        if action_id in ONE_KEY:
            self._decide(self.table[action_id])
            return
        try:
            done = self.table[action_id]()
        except SecoError as error:
            self._say(str(error), wrong=True)
            return
        if done is False:
            self._say(_NOTHING.get(action_id) or queue_ended(self._session))
        elif action_id in _DONE:
            again = self._session.turned and self._session.edited
            self._say(f"{_DONE[action_id]}: {self._turned()}.{_SELECTED_AGAIN if again else ''}")

    def relabel(self, class_id: int) -> None:
        """Give the current region a class and say so."""
        if self.hindrance:
            self._say(self.hindrance, wrong=True)
            return
        self._decide(partial(self._session.relabel, class_id))

    def _decide(self, decide: Callable[[], Override]) -> None:
        session, offer = self._session, self._session.offer
        try:
            override = decide()
        except SecoError as error:
            self._say(str(error), wrong=True)
            return
        told = f"✓ {self._told(override, offer)}. "
        # an edit after a decision is what that has left of the region
        rest = f"Now selected: what is left of the region, {counted(session.patch.area, 'pixel')}."
        self._say(f"{told}{rest if session.edited else takes_it_back(session)}")

    def _moved(self) -> None:
        """What was said is about what was on screen before; whoever moved on says more after it."""
        self._say(_DROPPED if self._dropped else "")
        self._dropped = False

    def _drop(self) -> None:
        """An image shown anew tells of the region after it: until then there is nothing to say."""
        self._dropped = True

    def _turned(self) -> str:
        """What undo and redo were about."""
        session = self._session
        if not session.turned:
            return "a step of the selection"
        if len(session.turned) > 1:
            return f"{len(session.turned):,} decisions, made at once"
        (override,) = session.turned
        return f"{self._told(override, session.offer)} ({session.project.images[override.image_id].name})"

    def _told(self, override: Override, offer: Offer | None) -> str:
        """What a decision said, and what it was about."""
        called = None if offer is None else offer.called
        return decision_words.decided(override.action, called, override.class_id, self._session.scheme.label)

    def _start_relabel(self) -> None:
        if (refusal := self._session.refusal("relabel")) is not None:
            raise refusal
        self._tabs.go_to(self._review)
        self._review.chooser.start()

    def _turn(self, turn: Callable[[], None]) -> bool:
        """Go to another image; false at the end."""
        before = self._session.image_id
        turn()
        return self._session.image_id != before

    def _compare(self) -> None:
        self._say(f"On screen: {self._comparison.flick()}.")

    def _leave(self) -> None:
        if not self._tools.leave():
            self._comparison.leave()
            self._say("")

    def _wipe(self) -> None:
        self._comparison.wipe()
        if self._comparison.wiping:
            left, right = self._comparison.left, self._comparison.right
            self._say(f"Left: {left}, right: {right}. Drag the line between them.")
        else:
            self._say("")

    def _toggle_conflicts(self) -> None:
        self._conflicts.toggle()
        if self._conflicts.all:
            self._say(words.conflicts(self._conflicts.regions, self._conflicts.pixels))
        else:
            self._say("")

    def _toggle_keep_zoom(self) -> None:
        self._layers.view.keep_zoom = not self._layers.view.keep_zoom
        self.view_changed.emit()
        self._say("Your zoom is kept." if self._layers.view.keep_zoom else "The camera zooms to each region.")


def takes_it_back(session: Session) -> str:
    """What is said after any decision: the key that undoes it, and whether it was the last."""
    key = next(iter(shortcuts.shortcut("undo").keys), "Undo")
    told = f"{shortcuts.shown(key)} takes it back."
    return told if session.queue.current() is not None else f"{told} {queue_ended(session)}"


def queue_ended(session: Session) -> str:
    """What is said where the queue has nothing to go on to."""
    if session.run_goes_on:
        return "The queue is empty until the run that is going on has scored all regions."
    if unscored := session.count_unscored():
        return f"The queue is empty, but {counted(unscored, 'region is', 'regions are')} not scored."
    if session.unusable:
        return "All that can be seen is reviewed."
    if session.cut_anew:
        return "The queue is empty until the run has scored what it has cut anew."
    return (
        "The queue is empty: well done."
        if session.reviewed.any()
        else "The queue is empty: nothing is flagged."
    )
