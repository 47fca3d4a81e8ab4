"""What would follow from a decision: regions like it that now are believed to be of the same class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seco_core.feedback.spread import Feedback


@dataclass(frozen=True)
class Proposal:
    """A region that a decision is proposed for. It changes nothing until a person agrees.

    Attributes
    ----------
    row : int
        The region.
    class_id : int
        Class that it would get; 255 for ignore.
    similarity : float
        To the region that was decided, or the most alike of several, 0..1.
    belief : float
        Probability that this is its class, by all that is known, 0..1.
    """

    row: int
    class_id: int
    similarity: float
    belief: float


def proposals(
    feedback: Feedback,
    sources: NDArray[np.int64],
    class_id: int,
    open_rows: NDArray[np.bool_],
    *,
    least_belief: float = 0.5,
) -> list[Proposal]:
    """Regions that a decision on other regions would settle too.

    Parameters
    ----------
    feedback : Feedback
        After the decision.
    sources : ndarray of int64
        The regions that were decided.
    class_id : int
        On what; 255 for ignore.
    open_rows : ndarray of bool, (R,)
        The regions that may be proposed: those that nobody has decided and that need it.
    least_belief : float
        Least probability that the class is right, 0..1.

    Returns
    -------
    list of Proposal
        The most believed first, then the most alike, then the lower row.
    """
    rows, similarity = feedback.similar(sources)
    wanted = (
        open_rows[rows] & (feedback.suggested[rows] == class_id) & (feedback.belief[rows] >= least_belief)
    )
    found = [
        Proposal(row, class_id, alike, float(feedback.belief[row]))
        for row, alike in zip(rows[wanted].tolist(), similarity[wanted].tolist(), strict=True)
    ]
    return sorted(found, key=lambda p: (-p.belief, -p.similarity, p.row))
