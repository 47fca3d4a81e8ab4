"""What has to be read and worked out of a whole project before it is reviewed, in any thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seco_core.errors import SecoError
from seco_core.feedback.spread import Feedback
from seco_core.pipeline.region_inputs import settled, settled_regions
from seco_core.project import Project, RegionArrays
from seco_core.refine import region_labels
from seco_core.review import tie_ranks


@dataclass(frozen=True, eq=False)
class Tables:
    """All regions of a project, what was decided about them, and what follows from that.

    Attributes
    ----------
    regions : RegionArrays
        All regions as the pipeline left them.
    machine_label : ndarray of uint8, (R,)
        The class that the machine ends with: the correction's, else PSA's.
    tau : float
        Noise score from which the run that scored them flags a region.
    tie : ndarray of uint32, (R,)
        Which of two regions with equal scores comes first.
    reviewed : ndarray of bool, (R,)
        Which of them a person has decided.
    decided : ndarray of uint8, (R,)
        On which class; ignore where nobody has, or where that was decided.
    confirmed : ndarray of bool, (R,)
        Where the same was decided twice.
    feedback : Feedback
        What decisions say about the other regions.
    problem : SecoError or None
        What the regions lack: verdicts that a stopped run never made, or the graph, whose file is gone.
    linked : bool
        Whether the graph could be read.
    unscored : ndarray of bool, (R,)
        Regions without a verdict of the machine: a run was stopped before it came to them.
    """

    regions: RegionArrays
    machine_label: NDArray[np.uint8]
    tau: float
    tie: NDArray[np.uint32]
    reviewed: NDArray[np.bool_]
    decided: NDArray[np.uint8]
    confirmed: NDArray[np.bool_]
    feedback: Feedback
    problem: SecoError | None
    linked: bool
    unscored: NDArray[np.bool_]
    _counted: dict[int, tuple[int, ...]] = field(repr=False)

    @classmethod
    def read(cls, project: Project) -> Tables:
        """Read the tables of a project that this thread has opened."""
        regions = project.regions()
        reviewed, decided, confirmed = settled_regions(project, regions)
        counted = {image_id: _seqs(project, image_id) for image_id in project.overrides.images()}
        machine_label = region_labels(regions.class_id, regions.verdict, regions.predicted, state="all")
        run = project.scoring_run()
        problem: SecoError | None = project.unfinished()
        linked, graph = True, None
        try:
            graph = project.graph(regions.id)
        except SecoError as error:
            # all but what spreads on it works without
            linked, problem = False, problem or error
        feedback = Feedback(
            graph,
            regions.class_id,
            machine_label,
            regions.noise_score,
            regions.probabilities,
            regions.predicted,
            reviewed,
            decided,
            confirmed,
        )
        tau = run.parameters.scc.tau_ns if run is not None else 1.0
        tie = tie_ranks(regions.area)
        return cls(
            regions, machine_label, tau, tie, reviewed, decided, confirmed, feedback, problem, linked,
            project.without_verdict(regions), counted,
        )  # fmt: skip

    def same_regions(self, other: Tables) -> bool:
        """Whether a row means the same region in both."""
        return all(
            np.array_equal(getattr(self.regions, name), getattr(other.regions, name))
            for name in ("id", "image_id", "area", "box")
        )

    def catch_up(self, project: Project) -> None:
        """Take in what was decided, undone or redone since the tables were read."""
        before = self._counted
        images = {*project.overrides.images(), *before}
        changed = [i for i in sorted(images) if _seqs(project, i) != before.get(i, ())]
        if changed:
            self.feedback.update(self.recount(project, changed))
        before.clear()  # whoever has the tables keeps them up to date

    def recount(self, project: Project, image_ids: Sequence[int]) -> NDArray[np.int64]:
        """Find out anew what is decided in some images; the rows where that has changed."""
        known = (self.reviewed, self.decided, self.confirmed)
        changed = [np.zeros(0, dtype=np.int64)]
        # all are read before any is changed: if one cannot be, nothing is half done
        read = [settled(project, self.regions, image_id) for image_id in image_ids]
        for image_id, now in zip(image_ids, read, strict=True):
            of_image = self.regions.rows_of(image_id)
            other = np.any([a[of_image] != b for a, b in zip(known, now, strict=True)], axis=0)
            for array, values in zip(known, now, strict=True):
                array[of_image] = values
            changed.append(of_image.start + np.flatnonzero(other))
        return np.concatenate(changed)


def _seqs(project: Project, image_id: int) -> tuple[int, ...]:
    return tuple(override.seq for override in project.overrides.active(image_id))
