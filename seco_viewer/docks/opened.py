"""Everything in the window that belongs to one open project: layers, pages, and how they are joined."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.parameters import Parameters
from seco_core.pipeline import PsaTrial
from seco_core.texts import capitalized, counted
from seco_viewer import project_words, shortcuts
from seco_viewer.compare import Comparison
from seco_viewer.conflict_layer import ConflictLayer
from seco_viewer.docks.actions import Actions, Say, queue_ended
from seco_viewer.docks.export import ExportPanel
from seco_viewer.docks.images import ImagesPanel
from seco_viewer.docks.keys import PageKeys
from seco_viewer.docks.later import Afterwards, AtRest, Later, Soon
from seco_viewer.docks.learn import LearnBar
from seco_viewer.docks.other_windows import OtherWindows
from seco_viewer.docks.pipeline import CANCELLED, PipelinePanel
from seco_viewer.docks.plots import PlotsPanel
from seco_viewer.docks.proposals import ProposalsPanel
from seco_viewer.docks.psa import PsaPanel
from seco_viewer.docks.queue import QueuePanel
from seco_viewer.docks.review import ReviewPanel
from seco_viewer.docks.tabs import ProjectTabs
from seco_viewer.docks.view_bar import ViewBar
from seco_viewer.docks.why import WhyPanel
from seco_viewer.edit_tools import EditTools
from seco_viewer.layers import ReviewLayers
from seco_viewer.new_regions import TOLD
from seco_viewer.projects import all_skipped
from seco_viewer.session import Session
from seco_viewer.trial_layers import TrialLayers

_RUNNING = "The pipeline is running; the Pipeline tab says how far it is."


class OpenProject:
    """A project on screen, from when it is opened until `release`.

    Parameters
    ----------
    viewer : napari.Viewer
        Gets the layers.
    session : Session
        The project under review.
    tabs : ProjectTabs
        Get the pages.
    keys : PageKeys
        Bind the keys on them.
    perform : callable
        Does the action of an id of the table of shortcuts.
    say : callable
        Shows a message; ``wrong=True`` for errors.
    """

    def __init__(
        self,
        viewer: Any,
        session: Session,
        tabs: ProjectTabs,
        keys: PageKeys,
        perform: shortcuts.Perform,
        say: Say,
    ):
        self.session = session
        self._viewer, self._tabs, self._perform, self._say = viewer, tabs, perform, say
        self._soon, self._afterwards, self._at_rest = Soon(), Afterwards(tabs), AtRest(tabs)
        self._left_out = ""
        self._place = session.image_id, session.number
        self._make_canvas()
        self._make_review()
        self.why = WhyPanel(session)
        self.queue = QueuePanel(session, perform, say)
        self.images = ImagesPanel(session)
        self.plots = PlotsPanel(session)
        self.pipeline = PipelinePanel(session)
        self.psa = PsaPanel(session)
        self.export = ExportPanel(session)
        self.others = OtherWindows(session, say, lambda: self.busy or self.learn.running, tabs)
        self._join()
        for name, page, first in (
            ("Review", self.review, None),
            ("Why", self.why, None),
            ("Queue", self.queue, self.queue.table),
            ("Images", self.images, self.images.table),
            ("Plots", self.plots, None),
            ("Pipeline", self.pipeline, self.pipeline.run_button),
            ("PSA", self.psa, self.psa.try_button),
            ("Export", self.export, self.export.export_button),
        ):
            tabs.add(name, page, first)
        # only where no text or numbers are typed
        for page in (self.review, self.why, self.images):
            keys.bind(page)
        keys.bind(self.queue.table, self.queue.perform)
        shortcuts.bind([viewer, *self.layers.all], perform)

    @property
    def busy(self) -> bool:
        """Whether long work is going on."""
        return any(panel.running for panel in (self.pipeline, self.psa, self.plots.thresholds, self.export))

    def go_to_first_page(self) -> None:
        """Show the page where work on the project goes on."""
        if len(self.session.regions):
            self._tabs.go_to(self.review)
        else:
            self._tabs.go_to(self.images if all_skipped(self.session) else self.pipeline)

    def say_what_is_next(self) -> None:
        """What to do with a project that has nothing to review yet, or lacks something; nothing otherwise."""
        session = self.session
        if len(session.regions):
            # the Review page says what the last run has left undone
            ended = session.queue.current() is None and not session.run_goes_on
            self._say(f"{queue_ended(session)} Click a region to decide it." if ended else "")
            self._tell_unusable()
        elif all_skipped(session):
            self._say(
                f"No image could be used. The first: {session.project.images[0].problem} The Images tab says "
                "why for each. Put it right, then run the pipeline again.",
                wrong=True,
            )
        else:
            self._say("Nothing has been worked on yet. Next: run the pipeline (Pipeline tab).")

    def tell_left_out(self, problems: Sequence[str]) -> None:
        """Say why images are not in the project that was just made; it is said again after its first run."""
        self._left_out = project_words.not_taken(problems)
        self.images.tell_left_out(self._left_out, problems)
        self._say(self._left_out, wrong=True)

    def relabel(self, class_id: int) -> None:
        """Give the current region a class and say so."""
        self.actions.relabel(class_id)

    def release(self) -> None:
        """Take the layers away, let go of the pages and close the project."""
        self.psa.clear()
        shortcuts.unbind([self._viewer, *self.layers.all])
        for part in (
            self.others,
            self.proposals,
            self.tools,
            self.view_bar,
            self.review,
            self.learn,
            self.why,
            self.queue,
            self.images,
            self.psa,
            self.pipeline,
            self.plots,
            self.comparison,
            self.conflicts,
        ):
            part.release()
        self._viewer.layers.events.removed.disconnect(self._layer_gone)
        self._viewer.dims.events.ndisplay.disconnect(self._turned)
        self.session.region_changed.disconnect(self._show_top)
        self.session.reviewable_changed.disconnect(self._reviewable_changed)
        self.session.reloaded.disconnect(self._reloaded)
        self._settled.stop()
        self._soon.drop()
        self._afterwards.drop()
        self._at_rest.drop()
        self.layers.remove()
        self.session.close()

    # ------------------------------------------------------------------ build

    def _make_canvas(self) -> None:
        viewer, session = self._viewer, self.session
        self.layers = ReviewLayers(viewer, session, self._soon.ask, self._afterwards.ask, self._at_rest.ask)
        self.tools = EditTools(viewer, session, self.layers, self._say)
        self.comparison = Comparison(viewer, session, self.layers)
        self.conflicts = ConflictLayer(viewer, session, self.layers)
        self.trial_layers = TrialLayers(viewer, session.scheme)

    def _make_review(self) -> None:
        session = self.session
        self.review = ReviewPanel(session, self._perform, self.relabel)
        self.learn = LearnBar(session, self._may_learn, self._say)
        self.review.layout().addWidget(self.learn)
        self.view_bar = ViewBar(self._perform, self.layers, self.comparison, self.conflicts)
        self.review.add(self.view_bar)
        self.proposals = ProposalsPanel(session, self._say)
        self.review.add(self.proposals)
        self.actions = Actions(
            session,
            self.layers,
            self.tools,
            self.comparison,
            self.conflicts,
            self._tabs,
            self.review,
            self._say,
        )
        self.actions.table["learn"] = self.learn.learn
        self.actions.table["follow"] = self._follow
        self.actions.table["next_page"] = partial(self._tabs.turn, 1)
        self.actions.table["previous_page"] = partial(self._tabs.turn, -1)

    def _join(self) -> None:
        """Let the parts hear of each other."""
        run_button = self.pipeline.run_button
        self._viewer.layers.events.removed.connect(self._layer_gone)
        self._viewer.dims.events.ndisplay.connect(self._turned)
        self.tools.tool_changed.connect(self._show_tool)
        self.comparison.changed.connect(self._take_other_layers)
        self.conflicts.changed.connect(self._take_other_layers)
        self._settled = Later(self.proposals, self._proposals_settled)
        self.proposals.noticed.connect(self.review.notify)
        self.view_bar.left.connect(self.review.setFocus)
        self.actions.view_changed.connect(self.view_bar.look)
        self.session.region_changed.connect(self._show_top)
        self.session.reviewable_changed.connect(self._reviewable_changed)
        self.session.reloaded.connect(self._reloaded)
        self.review.progress.run_wanted.connect(self._run)
        self.plots.told.connect(self._say)
        self.review.queue.chosen_anew.connect(partial(self._say, ""))  # what was said of it was before
        self.plots.thresholds.failed.connect(partial(self._say, wrong=True))
        self.plots.previewed.connect(self.layers.preview)
        self.plots.thresholds.used.connect(self.pipeline.form.set_parameters)
        self.pipeline.started.connect(partial(self._say, _RUNNING))
        self.pipeline.replaced_in_hand.connect(partial(self._say, capitalized(TOLD)))
        self.others.away_changed.connect(self.review.refresh)
        self.pipeline.started.connect(self.review.refresh)
        self.pipeline.ended.connect(self.review.refresh)
        self.pipeline.ended.connect(self._run_ended)
        self.pipeline.ended.connect(self.export.forget_refusal)
        for ended in (self.pipeline.ended, self.learn.ended, self.plots.thresholds.failed):
            ended.connect(self.others.runs.take_stock)
        self.learn.started.connect(partial(run_button.setEnabled, False))
        self.learn.ended.connect(partial(run_button.setEnabled, not self.session.project.readonly))
        self.psa.tried.connect(self._show_trial)
        self.psa.cleared.connect(self._clear_trial)
        self.psa.adopted.connect(self._adopt)

    # ----------------------------------------------------------- what happens

    def _run(self) -> None:
        self._tabs.go_to(self.pipeline)
        self.pipeline.run_button.click()  # which is off during a run, and while decisions are learnt from

    def _follow(self) -> bool:
        return self.proposals.follow(self._bring_proposals)

    def _bring_proposals(self) -> None:
        self._tabs.bring_into_view(self.proposals)
        self._settled.ask()  # a page that was hidden, or has new pictures, is laid out a little later

    def _proposals_settled(self) -> None:
        self._tabs.bring_into_view(self.proposals)

    def _may_learn(self) -> bool:
        return not self.busy

    def _layer_gone(self, event: Any) -> None:
        """Without one of its layers a review would go on unseen."""
        if event.value in self.layers.all:
            name = event.value.name
            self.actions.hindrance = f"The layer {name} is gone: close the project (×) and open it again."
            self._say(f"{self.actions.hindrance} Everything decided is stored.")
            for page in (self.queue, self.proposals):
                page.setEnabled(False)  # they decide without a key

    def _turned(self) -> None:
        if not self.layers.flat:
            self._say("The review is in 2D: in 3D the mouse selects nothing. Any tool goes back to 2D.")

    def _show_top(self) -> None:
        """Another region: what it is called stands at the top of the page."""
        place = self.session.image_id, self.session.number
        if place != self._place:
            self._place = place
            self._tabs.scroll_up(self.review)

    def _reviewable_changed(self) -> None:
        self._soon.ask(self._tell_unusable)  # once, after whatever is said of the decision

    def _tell_unusable(self) -> None:
        images = self.session.project.images
        told = project_words.left_out([images[i].name for i in sorted(self.session.unusable)])
        if told and len(self.session.regions):
            self._say(f"{told}. What was decided there is kept.", wrong=True)

    def _reloaded(self) -> None:
        if self.session.renumbered:
            self._soon.ask(self._tell_chosen_gone)

    def _tell_chosen_gone(self) -> None:
        if gone := project_words.chosen_gone(*self.session.take_chosen_gone()):
            self._say(gone)

    def _show_tool(self) -> None:
        self.review.edit_bar.show_tool(self.tools.tool)

    def _run_ended(self) -> None:
        session, pipeline = self.session, self.pipeline
        gone = project_words.chosen_gone(*session.take_chosen_gone())
        if pipeline.failure:
            self._say(f"{pipeline.failure} {gone}".strip(), wrong=True)
        elif unscored := project_words.unscored(session.count_unscored(), len(session.regions)):
            self._say(f"{unscored} {gone}".strip(), wrong=True)
        elif pipeline.cancelled and len(session.regions):
            self._say(f"{CANCELLED} {gone}".strip())
        elif len(session.regions):
            _, flagged, _ = session.counts()
            told = f"{counted(flagged, 'region is', 'regions are')} flagged."
            told += " The Review tab has the worst first." if flagged else ""
            self._say(" ".join(filter(None, (told, gone, self._left_out))))
            self._left_out = ""
        else:
            self.say_what_is_next()

    def _show_trial(self, trial: PsaTrial, borders: NDArray[np.uint16]) -> None:
        self.trial_layers.show(trial, borders)
        self._take_other_layers()

    def _clear_trial(self) -> None:
        self.trial_layers.clear()
        self._take_other_layers()

    def _take_other_layers(self) -> None:
        """Keys work on the layers that come and go, and they are hidden with the others."""
        self.layers.others = [*self.trial_layers.all, *self.comparison.all, *self.conflicts.all]
        shortcuts.bind(self.layers.others, self._perform)

    def _adopt(self, parameters: Parameters, names: tuple[str, ...]) -> None:
        self.pipeline.form.set_parameters(parameters, names)
        self.pipeline.form.unfold.setChecked(True)  # some of them are among the others
        self._tabs.go_to(self.pipeline)
        self._say("The tried parameters are in the form. Run the pipeline to use them for all images.")
