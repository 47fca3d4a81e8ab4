"""A project at a glance: what is done, what is to do, who decided how much. Nothing is written."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from seco_core.errors import SecoError
from seco_core.feedback.forecast import Forecast, forecast
from seco_core.feedback.spread import Feedback
from seco_core.pipeline.freshness import StageState, freshness
from seco_core.pipeline.inputs import was_replaced
from seco_core.pipeline.region_inputs import settled_regions
from seco_core.project import Project, RegionArrays
from seco_core.project.records import foreign_ids
from seco_core.refine import region_labels
from seco_core.review import Order, doubted_regions, order_scores
from seco_core.scc.correction import Verdict
from seco_core.texts import counted, typed

AHEAD = 40
"""Reviews that the forecast looks ahead."""


@dataclass(frozen=True)
class Status:
    """What is known of a project without computing anything anew.

    Attributes
    ----------
    project, scheme : str
        Folder, and name of the class scheme.
    images : dict of str to int
        Images by "up to date", "stale", "to do" and "skipped".
    skipped : dict of str to str
        Why, by name of the image.
    replaced : int
        How many of them lie there as another file than the one people decided on.
    stages : dict of str to StageState
        Every stage, in order.
    last_run : dict or None
        ``started``, ``finished``, ``status`` of the newest run.
    regions : int
        All regions.
    verdicts : dict of str to int
        How many of them by what the machine says.
    without_verdict : int
        How many of them a stopped run left without.
    flagged : int
        Regions still to be looked at, as in the window's queue.
    overrides : int
        Overrides that hold.
    by : dict of str to int
        How many of them by whom, the most first.
    reviewed : int
        Regions that people have decided.
    reviewed_area : float
        Their share of the area of all regions, 0..1.
    forecast : Forecast or None
        Share of the area that is right; None before there are scores, and while a run makes them anew.
    foreign_pixels : int
        Pixels of pseudo-labels that are of no class and were read as ignore.
    problems : tuple of str
        What could not be read, or was read otherwise than it is.
    next : tuple of str
        Commands that come next, the most urgent first.
    """

    project: str
    scheme: str
    images: dict[str, int]
    skipped: dict[str, str]
    replaced: int
    stages: dict[str, StageState]
    last_run: dict[str, Any] | None
    regions: int
    verdicts: dict[str, int]
    without_verdict: int
    flagged: int
    overrides: int
    by: dict[str, int]
    reviewed: int
    reviewed_area: float
    forecast: Forecast | None
    foreign_pixels: int
    problems: tuple[str, ...]
    next: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 if a run would find nothing to do but decisions to learn from, else 1."""
        settled = (StageState.UP_TO_DATE, StageState.DECIDED_SINCE)
        return 0 if not self.skipped and all(s in settled for s in self.stages.values()) else 1

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return dataclasses.asdict(self)


def status(project: Project) -> Status:
    """Look at a project.

    Parameters
    ----------
    project : Project
        Open, if need be read-only; a run or a window may be working on it.
    """
    fresh = freshness(project)
    states = {r.id: r.status for r in project.images}
    images = Counter(
        {"done": "up to date" if i in fresh.images else "stale", "new": "to do"}.get(state, state)
        for i, state in states.items()
    )
    skipped = {r.name: r.problem or "" for r in project.images if r.status == "skipped"}
    replaced = sum(was_replaced(record) for record in project.images)
    regions = project.regions()
    reviewed, decided, confirmed = settled_regions(project, regions)
    without = project.without_verdict(regions)
    runs = project.runs()
    told, flagged, problem = _outlook(project, regions, reviewed, decided, confirmed)
    verdicts = np.bincount(regions.verdict[~without], minlength=len(Verdict))
    by = Counter(e.by for e in project.overrides.history() if e.holds)
    area = int(regions.area.sum())
    return Status(
        project=str(project.path),
        scheme=project.scheme.name,
        images={name: images[name] for name in ("up to date", "stale", "to do", "skipped")},
        skipped=skipped,
        replaced=replaced,
        stages=fresh.stages,
        last_run={k: getattr(runs[-1], k) for k in ("started", "finished", "status")} if runs else None,
        regions=len(regions),
        verdicts={v.name.lower(): int(verdicts[v]) for v in Verdict},
        without_verdict=int(np.count_nonzero(without)),
        flagged=flagged,
        overrides=len(project.overrides),
        by=dict(by.most_common()),
        reviewed=int(np.count_nonzero(reviewed)),
        reviewed_area=int(regions.area[reviewed].sum()) / area if area else 0.0,
        # noise scores that are still to be made anew are no probabilities yet
        forecast=None if (without & ~np.isnan(regions.noise_score)).any() else told,
        foreign_pixels=sum(r.foreign_pixels for r in project.images),
        problems=tuple(p for p in (problem, foreign_ids(project.images)) if p),
        next=_next(project, fresh.stages, len(skipped), replaced, flagged),
    )


def _outlook(
    project: Project, regions: RegionArrays, reviewed: Any, decided: Any, confirmed: Any
) -> tuple[Forecast | None, int, str | None]:
    """Forecast, regions to be looked at, and what could not be read for them."""
    run = project.scoring_run()
    if run is None or np.isnan(regions.noise_score).all():
        return None, 0, None
    graph = problem = None
    try:
        graph = project.graph(regions.id)
    except SecoError as error:
        problem = str(error)
    label = region_labels(regions.class_id, regions.verdict, regions.predicted, state="all")
    feedback = Feedback(
        graph, regions.class_id, label, regions.noise_score, regions.probabilities, regions.predicted,
        reviewed, decided, confirmed,
    )  # fmt: skip
    doubted = doubted_regions(regions.verdict, regions.noise_score, feedback.noise, run.parameters.scc.tau_ns)
    gain = order_scores(
        Order.GAIN,
        noise=feedback.noise,
        wrong=feedback.wrong,
        area=regions.area,
        open_links=feedback.open_links,
        class_id=regions.class_id,
    )
    open_ = np.flatnonzero(~reviewed)
    following = open_[np.argsort(-np.nan_to_num(gain[open_]), kind="stable")[:AHEAD]]
    was_wrong = reviewed & (decided != label)
    told = forecast(feedback.held_out, regions.area, reviewed, was_wrong, following)
    return told, int(np.count_nonzero(np.where(reviewed, feedback.again(), doubted))), problem


def _next(
    project: Project, stages: dict[str, StageState], skipped: int, replaced: int, flagged: int
) -> tuple[str, ...]:
    path, steps = typed(project.path), []
    to_run = {StageState.STALE, StageState.UNFINISHED, StageState.TO_DO} & set(stages.values())
    if to_run:
        steps.append(f"seco run --project {path}")
    elif skipped > replaced:
        steps.append(f"seco run --project {path}    (when the skipped images' files are put right)")
    if replaced:
        steps.append(f"seco run --project {path} --accept-replaced    (if the new files show the same)")
    if flagged:
        steps.append(f"seco view {path}    ({counted(flagged, 'region')} to look at)")
    if not to_run and StageState.DECIDED_SINCE in stages.values():
        steps.append(f"seco teach {path}    (the scores do not know the newest decisions)")
    if StageState.TO_DO not in stages.values():
        steps.append(f"seco export {path}")
    return tuple(steps)
