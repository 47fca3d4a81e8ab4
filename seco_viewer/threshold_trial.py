"""What other thresholds would make of the regions. Nothing is stored and no window is needed."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seco_core.parameters import SccParameters
from seco_core.refine import paint_overrides, paint_regions, region_labels
from seco_core.report.gather import class_mixtures, loss_mixture
from seco_core.scc.class_mixture import ClassMixtures
from seco_core.scc.correction import Verdict
from seco_core.scc.mixture import LossMixture
from seco_core.scc.verdicts import loss_at, verdicts
from seco_viewer.review_state import ReviewState

SCORES = {"noise score": "noise_score", "loss": "loss", "uncertainty": "uncertainty"}
"""Scores with a threshold: what they are called, and their column."""


class ThresholdTrial:
    """The scores of a project's regions, and the verdicts that thresholds give on them.

    Parameters
    ----------
    state : ReviewState
        The regions.

    Attributes
    ----------
    scored : ndarray of int64, (S,)
        Rows of the regions that have scores, and verdicts of a run that came to its end.
    """

    def __init__(self, state: ReviewState):
        self._state = state
        self.take()

    def take(self) -> None:
        """Begin with the regions that the state has now."""
        missing = np.isnan(self._state.regions.noise_score) | self._state.tables.unscored
        self.scored = np.flatnonzero(~missing)
        for name in ("mixture", "class_mixtures"):
            self.__dict__.pop(name, None)

    @functools.cached_property
    def mixture(self) -> LossMixture | None:
        """The two components of the losses, fitted when first asked for; None before SCC."""
        return loss_mixture(self._state.regions.loss, self._state.reviewed)

    @functools.cached_property
    def class_mixtures(self) -> ClassMixtures | None:
        """The components within each class; None where the last run has one mixture for all."""
        runs = self._state.project.runs()
        return (
            class_mixtures(self._state.regions, self._state.reviewed, runs[-1].parameters) if runs else None
        )

    def components(self, only_class: int | None = None) -> LossMixture | None:
        """The two components of all losses, or those that a class has of its own; None if there are none."""
        if only_class is None:
            return self.mixture
        return None if self.class_mixtures is None else self.class_mixtures.own.get(only_class)

    def value(self, score: str) -> NDArray[np.float32]:
        """A score, by its column, of the scored regions, (S,)."""
        found: NDArray[np.float32] = getattr(self._state.regions, score)[self.scored]
        return found

    def class_id(self) -> NDArray[np.uint8]:
        """Classes of the scored regions after PSA, (S,)."""
        return self._state.regions.class_id[self.scored]

    def verdicts(self, scc: SccParameters) -> NDArray[np.uint8]:
        """What thresholds say of the scored regions, (S,); reviewed regions are kept."""
        r, rows = self._state.regions, self.scored
        found = verdicts(
            scc,
            r.class_id[rows],
            r.noise_score[rows],
            r.loss[rows],
            r.uncertainty[rows],
            r.probabilities[rows],
        )
        found[self._state.reviewed[rows]] = Verdict.KEEP
        return found

    def position(self, score: str, scc: SccParameters, only_class: int | None = None) -> float:
        """Where on a score's axis its threshold is; NaN if nowhere.

        The noise score's is `tau_ns`; the loss's is where the posterior of the mixture, the class's own if it
        has one, passes `tau_ns`; the uncertainty's is the quantile `certain_share` of the class, or of all
        regions.
        """
        if score == "noise_score":
            return scc.tau_ns
        if score == "loss":
            mixture = self.components(only_class) or self.mixture
            return float("nan") if mixture is None else loss_at(mixture, scc.tau_ns)
        value = self._of_class(score, only_class)
        return float(np.quantile(value, scc.certain_share)) if len(value) else float("nan")

    def changes(self, score: str, at: float, only_class: int | None = None) -> dict[str, Any]:
        """The parameters of `SccParameters` that put a score's threshold at a place of its axis."""
        if score == "uncertainty":
            value = self._of_class(score, only_class)
            share = float((value <= at).mean()) if len(value) else 1.0
            return {"method": "uncertainty", "certain_share": round(share, 3)}
        mixture = self.components(only_class) or self.mixture
        if score == "loss" and mixture is not None:
            at = float(mixture.eta(np.array([at]))[0])
        return {"method": "mixture", "rule": "mixture", "tau_ns": round(min(max(at, 0.0), 1.0), 3)}

    def curated(self, scc: SccParameters, image_id: int, region_ids: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """The curated map of an image as thresholds would make it, overrides on top, uint8 (H, W)."""
        r = self._state.regions
        verdict = np.full(len(r), Verdict.KEEP, dtype=np.uint8)
        verdict[self.scored] = self.verdicts(scc)
        rows = r.rows_of(image_id)
        labels = region_labels(r.class_id[rows], verdict[rows], r.predicted[rows])
        return paint_overrides(
            paint_regions(region_ids, labels), self._state.project.overrides.active(image_id)
        )

    def _of_class(self, score: str, only_class: int | None) -> NDArray[np.float32]:
        value = self.value(score)
        if only_class is not None:
            value = value[self.class_id() == only_class]
        return value[~np.isnan(value)]
