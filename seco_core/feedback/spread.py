"""Decisions spread on the relational graph: label propagation with clamped nodes, one push from each.

A decided region says to each region that is linked to it "what looks like me is of class d". What a region
believes is a function of three things alone: what the machine said of it, the graph, and which of its
neighbours are decided on what. A decision (or undoing one) therefore recomputes the regions linked to it and
no others, and undoing in any order restores every number bit for bit.

People slip. A decision that goes against the machine and against the decisions on regions like it is doubted,
and when it is more likely a slip than not it is worth a second look. The same said twice stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from seco_core.errors import ParameterError
from seco_core.scheme import IGNORE

SHARPNESS = 4
"""Power of the similarity that a decision counts with: 0.95 counts 0.81, 0.7 counts 0.24."""

CROSS_CLASS = 0.5
"""What a decision on a region of another class counts: it tells what things are, not what was mistaken."""

MACHINE = 1.0
"""What the machine's own opinion of a region counts: as much as one decision on a region just like it."""

SLIP = 0.05
"""How often a decision is a slip, of the finger or the mind, to any class alike: assumed of people."""

ANY_CLASS = 0.1
"""Share of the machine's opinion of other classes that is spread evenly: it hardly knows rare ones."""

LOOK_AGAIN = 0.5
"""Doubt from which a decision is worth a second look: it is more likely a slip than not."""


@dataclass(frozen=True)
class Influence:
    """What one decided region does to the noise score of another.

    Attributes
    ----------
    row : int
        The decided region.
    class_id : int
        What the machine had called it.
    decided : int
        What a person called it; 255 for ignore.
    similarity : float
        Weight of the link, 0..1.
    raises : bool
        Whether it speaks against the other region's class.
    """

    row: int
    class_id: int
    decided: int
    similarity: float
    raises: bool


class Feedback:
    """Noise scores and suggested classes of all regions, as decisions change them.

    Parameters
    ----------
    graph : scipy.sparse.csr_matrix of float, (R, R), or None
        Similarity of regions, 0..1, symmetric, columns ascending within rows, nothing on the diagonal. Only
        read. None: no region is linked.
    class_id : ndarray of uint8, (R,)
        Class that the machine gave each region.
    label : ndarray of uint8, (R,)
        Class that the machine would end with: another one where it relabels a region by itself.
    noise_score : ndarray of float32, (R,)
        Probability that `class_id` is wrong as the machine says, also of decided regions, 0..1; NaN where
        there is none.
    probabilities : ndarray of float32, (R, C)
        Predicted class probabilities; a row of zeros where there are none.
    predicted : ndarray of uint8, (R,)
        The most probable class.
    reviewed : ndarray of bool, (R,)
        Which regions are decided. Kept, not copied: change it in place and call `update`.
    decided : ndarray of uint8, (R,)
        On which class, 255 for ignore. Kept, not copied.
    confirmed : ndarray of bool, (R,)
        Which decisions were made a second time and are beyond doubt. Kept, not copied.

    Attributes
    ----------
    noise : ndarray of float32, (R,)
        Probability that `class_id` is wrong by all that is known: 0 where reviewed, else in 0..1, NaN where
        neither the machine nor a decision says anything.
    wrong : ndarray of float32, (R,)
        The same of `label`; where reviewed the doubt, if it is worth a second look.
    doubt : ndarray of float32, (R,)
        Probability that the decision was a slip, 0..1; 0 where not reviewed, confirmed, or ignored, as
        nothing speaks for or against that.
    suggested : ndarray of uint8, (R,)
        The class that a region is if a person has to name one: what the machine predicts, unless decisions on
        regions like it say otherwise; 255 for ignore.
    belief : ndarray of float32, (R,)
        Probability of `suggested`, 0..1.
    held_out : ndarray of float32, (R,)
        `wrong` by what the machine and other regions say, whether or not the region itself is reviewed.
    open_links : ndarray of int32, (R,)
        How many regions linked to it nobody has decided.

    Raises
    ------
    ParameterError
        If the arrays do not belong to the same regions.

    Notes
    -----
    Belief of region j in class c: (prior_j(c) + sum s_ij^4 k_ij [d_i = c]) / (1 + sum s_ij^4 k_ij) over the
    decided regions i linked to it, d_i what was decided, k_ij = 1 where the machine called both the same and
    0.5 elsewhere; prior_j is 1 - noise score for its own class, the rest shared out as predicted.

    The doubt about a decision d_j is (1 - b) e q / ((1 - b) e q + b (1 - e)) with b the belief in d_j but for
    the decision itself (a tenth of what the prior leaves to other classes shared out evenly), e = `SLIP`, and
    q one in so many classes. Deciding the same a second time ends it.
    """

    def __init__(
        self,
        graph: sparse.csr_matrix | None,
        class_id: NDArray[np.uint8],
        label: NDArray[np.uint8],
        noise_score: NDArray[np.float32],
        probabilities: NDArray[np.float32],
        predicted: NDArray[np.uint8],
        reviewed: NDArray[np.bool_],
        decided: NDArray[np.uint8],
        confirmed: NDArray[np.bool_],
    ):
        n = len(class_id)
        if graph is None:
            graph = sparse.csr_matrix((n, n), dtype=np.float32)
        arrays = (label, noise_score, probabilities, predicted, reviewed, decided, confirmed)
        if graph.shape != (n, n) or any(len(a) != n for a in arrays):
            raise ParameterError(f"graph {graph.shape} and scores are not of the same {n} regions.")
        self._graph = graph
        self._class_id, self._label = class_id, label
        self._noise_score, self._probabilities, self._predicted = noise_score, probabilities, predicted
        self._reviewed, self._decided, self._confirmed = reviewed, decided, confirmed
        self._any_class = 1.0 / max(len(np.union1d(class_id, predicted)), 2)
        self.noise = np.empty(n, dtype=np.float32)
        self.wrong = np.empty(n, dtype=np.float32)
        self.doubt = np.zeros(n, dtype=np.float32)
        self.suggested = predicted.copy()
        self.belief = np.empty(n, dtype=np.float32)
        self.held_out = np.empty(n, dtype=np.float32)
        self.open_links = np.diff(graph.indptr).astype(np.int32)
        self._without_decisions(np.arange(n))
        self.update(np.flatnonzero(reviewed))

    def update(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Follow decisions that were just made, changed or taken back.

        Parameters
        ----------
        rows : ndarray of int64
            Regions whose `reviewed` or `decided` may have changed.

        Returns
        -------
        ndarray of int64
            The regions whose numbers may have changed, ascending: those and all that are linked to them.
        """
        if not len(rows):
            return np.zeros(0, dtype=np.int64)
        _, linked, _ = self._links(rows)
        touched = np.unique(np.concatenate([rows, linked]))
        self._without_decisions(touched)
        self._question(touched)
        at, other, weight = self._links(touched)
        teaches = self._reviewed[other]
        self.open_links[touched] = np.bincount(at[~teaches], minlength=len(touched))
        self._learn(touched, at[teaches], other[teaches], weight[teaches])
        clamped = touched[self._reviewed[touched]]
        self.noise[clamped] = 0
        self.wrong[clamped] = np.where(self.again(clamped), self.doubt[clamped], 0)
        return touched

    def again(self, rows: NDArray[np.int64] | slice | int = slice(None)) -> NDArray[np.bool_]:
        """Which of some regions, or whether one, is decided but worth a second look."""
        return np.asarray(self.doubt[rows] > LOOK_AGAIN)

    def influences(self, row: int) -> list[Influence]:
        """The decided regions that a region's numbers come from, the most alike first."""
        part = slice(self._graph.indptr[row], self._graph.indptr[row + 1])
        found = [
            Influence(
                other,
                int(self._class_id[other]),
                int(self._decided[other]),
                weight,
                bool(self._decided[other] != self._class_id[row]),
            )
            for other, weight in zip(
                self._graph.indices[part].tolist(), self._graph.data[part].tolist(), strict=True
            )
            if self._reviewed[other]
        ]
        return sorted(found, key=lambda i: (-i.similarity, i.row))

    def similar(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Regions linked to any of some regions, ascending, and the largest weight of each one's links."""
        _, linked, weight = self._links(np.asarray(rows, dtype=np.int64))
        others, position = np.unique(linked, return_inverse=True)
        largest = np.zeros(len(others), dtype=np.float32)
        np.maximum.at(largest, position, weight)
        return others, largest

    # ----------------------------------------------------------------- inside

    def _links(
        self, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """All links of some regions: position in `rows`, the other region, weight."""
        start = self._graph.indptr[rows].astype(np.int64)
        count = self._graph.indptr[rows + 1].astype(np.int64) - start
        at = np.repeat(np.arange(len(rows)), count)
        entry = np.arange(len(at)) + np.repeat(start - (np.cumsum(count) - count), count)
        return at, self._graph.indices[entry].astype(np.int64), self._graph.data[entry]

    def _prior(self, rows: NDArray[np.int64], classes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """What the machine alone believes of one class for each row."""
        own = self._class_id[rows]
        noise = self._noise_score[rows].astype(np.float64)
        columns = self._probabilities.shape[1]
        # ignore is no class that is predicted
        named = np.minimum(classes, columns - 1)
        of_class = np.where(classes < columns, self._probabilities[rows, named], 0).astype(np.float64)
        others = 1.0 - self._probabilities[rows, np.minimum(own, columns - 1)].astype(np.float64)
        share = np.clip(np.divide(of_class, others, out=np.zeros_like(of_class), where=others > 0), 0, 1)
        return np.where(classes == own, 1.0 - noise, noise * share)

    def _without_decisions(self, rows: NDArray[np.int64]) -> None:
        self.noise[rows] = self._noise_score[rows]
        self.wrong[rows] = self.held_out[rows] = 1.0 - self._prior(rows, self._label[rows])
        self.suggested[rows] = self._predicted[rows]
        self.belief[rows] = self._prior(rows, self._predicted[rows])

    def _question(self, rows: NDArray[np.int64]) -> None:
        """How likely decisions are slips, by what the machine and the other decisions say."""
        self.doubt[rows] = 0
        doubtful = self._reviewed[rows] & ~self._confirmed[rows] & (self._decided[rows] != IGNORE)
        rows = rows[doubtful]
        at, other, weight = self._links(rows)
        speaks = self._reviewed[other]
        at, other = at[speaks], other[speaks]
        strength = self._strength(rows[at], other, weight[speaks])
        agrees = self._decided[other] == self._decided[rows[at]]
        said = self._decided[rows]
        prior = np.nan_to_num(self._prior(rows, said), nan=0.5)
        noise = np.nan_to_num(self._noise_score[rows].astype(np.float64), nan=0.5)
        # what else a region may be the machine hardly knows
        elsewise = (1.0 - ANY_CLASS) * prior + ANY_CLASS * noise * self._any_class
        prior = np.where(said == self._class_id[rows], prior, elsewise)
        for_it = MACHINE * prior + np.bincount(at, strength * agrees, minlength=len(rows))
        belief = for_it / (MACHINE + np.bincount(at, strength, minlength=len(rows)))
        slip = (1.0 - belief) * SLIP * self._any_class
        self.doubt[rows] = slip / (slip + belief * (1.0 - SLIP))

    def _strength(
        self, rows: NDArray[np.int64], other: NDArray[np.int64], weight: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """How loudly decided regions speak about regions linked to them."""
        same = self._class_id[other] == self._class_id[rows]
        return np.asarray(weight.astype(np.float64) ** SHARPNESS * np.where(same, 1.0, CROSS_CLASS))

    def _learn(
        self,
        touched: NDArray[np.int64],
        at: NDArray[np.int64],
        other: NDArray[np.int64],
        weight: NDArray[np.float32],
    ) -> None:
        """Let decided regions speak about the touched ones that they are linked to."""
        taught, at = np.unique(at, return_inverse=True)
        rows = touched[taught]
        if not len(rows):
            return
        strength = self._strength(rows[at], other, weight)
        slots = self._probabilities.shape[1] + 1  # the last one is ignore
        slot = np.minimum(self._decided[other], slots - 1).astype(np.int64)
        votes = np.bincount(at * slots + slot, strength, minlength=len(rows) * slots)
        votes = votes.reshape(len(rows), slots)
        total = MACHINE + votes.sum(axis=1)
        each = np.arange(len(rows))

        def believed(classes: NDArray[np.uint8]) -> NDArray[np.float64]:
            # where the machine has no score it has no opinion either way
            prior = np.nan_to_num(self._prior(rows, classes), nan=0.5)
            return (MACHINE * prior + votes[each, np.minimum(classes, slots - 1)]) / total

        predicted = np.pad(self._probabilities[rows], ((0, 0), (0, 1)))
        best = (MACHINE * predicted + votes).argmax(axis=1)
        suggested = np.where(best == slots - 1, IGNORE, best).astype(np.uint8)
        self.noise[rows] = 1.0 - believed(self._class_id[rows])
        self.wrong[rows] = self.held_out[rows] = 1.0 - believed(self._label[rows])
        self.suggested[rows] = suggested
        self.belief[rows] = believed(suggested)
