"""A region in words: its scores and neighbours."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seco_core.scc.correction import Verdict
from seco_core.scc.unknown import OFFERED_FROM
from seco_core.texts import counted

SURE = 0.5
"""Confidence from which a predicted class is said without doubt."""

_FEW_VOTES = 0.05


@dataclass(frozen=True)
class Reason:
    """A decision on a region like it that raised or lowered a region's noise score.

    Attributes
    ----------
    where : str
        Where the decided region is: to which side of this one, or in which image.
    class_id, decided : int
        What the machine called it, and what a person did; 255 for ignore.
    similarity : float
        How alike the two are, 0..1.
    raises : bool
        Whether it speaks against the region's class.
    row : int
        Row of the decided region.
    """

    where: str
    class_id: int
    decided: int
    similarity: float
    raises: bool
    row: int


@dataclass(frozen=True)
class RegionFacts:
    """What there is to say about a region; class ids throughout.

    Attributes
    ----------
    class_id : int
        Class after PSA.
    predicted : int
        The classifier's.
    probability : float
        Its probability of `predicted`; NaN before it has run.
    noise_score : float
        0..1, as decisions on regions like it have changed it; 0 once decided, NaN before scoring.
    verdict : Verdict
        What refinement makes of it.
    votes : tuple of (int, float)
        Classes of the pseudo-label inside it and their shares, largest first.
    confidence : float
        Mean confidence of the pseudo-label; NaN if there is none.
    neighbours : tuple of int
        Present class of each region of any image that is most like it, by the relational graph.
    touching : tuple of int
        Present class of each region that it touches, the longest border first.
    area : int
        Pixels.
    decided : int or None
        Class that a person gave it, 255 for ignore; None if nobody looked.
    machine_noise : float
        The noise score without decisions.
    reasons : tuple of Reason
        Decisions that changed the noise score, the most alike first.
    unknown_score : float
        How likely it fits no class, 0..1; NaN before scoring.
    again : bool
        Whether what was decided is worth a second look.
    suggested : int or None
        The class that is suggested: the predicted one, or what was decided for regions like it.
    coming : bool
        Whether a run that goes on is about to score it.
    """

    class_id: int
    predicted: int
    probability: float
    noise_score: float
    verdict: Verdict
    votes: tuple[tuple[int, float], ...]
    confidence: float
    neighbours: tuple[int, ...]
    touching: tuple[int, ...]
    area: int
    decided: int | None
    machine_noise: float = math.nan
    reasons: tuple[Reason, ...] = ()
    unknown_score: float = math.nan
    again: bool = False
    suggested: int | None = None
    coming: bool = False


Name = Callable[[int], str]
"""Gives a class id's name, such as `ClassScheme.label`."""


def sentence(facts: RegionFacts, name: Name) -> str:
    """What it is called, what it looks like, and what regions like it are.

    Examples
    --------
    >>> facts = RegionFacts(0, 1, 0.91, 0.93, Verdict.DROP, ((0, 1.0),), 0.8, (1, 1, 0), (), 50, None)
    >>> sentence(facts, ["wall", "building"].__getitem__)
    'called wall, looks like building (0.91), 2 of 3 look-alikes are building'
    """
    parts = [f"called {name(facts.class_id)}"]
    if not math.isnan(facts.probability):
        if facts.predicted == facts.class_id:
            parts.append(f"looks it ({facts.probability:.2f})")
        elif facts.probability >= SURE:
            parts.append(f"looks like {name(facts.predicted)} ({facts.probability:.2f})")
        else:
            parts.append(f"could be {name(facts.predicted)} ({facts.probability:.2f})")
    if facts.suggested is not None and facts.suggested not in (facts.predicted, facts.class_id):
        parts.append(f"decisions on regions like it say {name(facts.suggested)}")
    if facts.neighbours:
        # the predicted class wins a draw: it is what the sentence is about
        votes_for = Counter(facts.neighbours)
        commonest = max(
            votes_for, key=lambda c: (votes_for[c], c == facts.predicted, c == facts.class_id, -c)
        )
        verb = "is" if len(facts.neighbours) == 1 else "are"
        of_all = counted(len(facts.neighbours), "look-alike")
        parts.append(f"{votes_for[commonest]} of {of_all} {verb} {name(commonest)}")
    if facts.unknown_score >= OFFERED_FROM and facts.decided is None:
        share = math.floor(100 * facts.unknown_score)
        than = f"{share} % of what is sure" if share < 100 else "all that is sure"
        parts.append(f"may be unknown: stranger than {than}")
    return ", ".join(parts)


def votes(facts: RegionFacts, name: Name) -> str:
    """What the original pseudo-label said inside the region, and how surely.

    Examples
    --------
    >>> facts = RegionFacts(0, 0, 1.0, 0.1, Verdict.KEEP, ((0, 0.71), (1, 0.29)), 0.84, (), (), 50, None)
    >>> votes(facts, ["wall", "building"].__getitem__)
    'pseudo-label: 71 % wall, 29 % building, confidence 0.84'
    """
    if not facts.votes:
        return "pseudo-label: nothing here"
    told = [v for v in facts.votes if v[1] >= _FEW_VOTES][:3] or list(facts.votes[:1])
    text = "pseudo-label: " + ", ".join(f"{100 * share:.0f} % {name(c)}" for c, share in told)
    if not math.isnan(facts.confidence):
        text += f", confidence {facts.confidence:.2f}"
    return text


def surroundings(facts: RegionFacts, name: Name) -> str:
    """How large it is and what it touches, each class once."""
    classes = list(dict.fromkeys(facts.touching))
    touches = f", touches {', '.join(name(c) for c in classes)}" if classes else ""
    return f"{counted(facts.area, 'pixel')}{touches}"


def verdict(facts: RegionFacts, name: Name) -> str:
    """What becomes of the region, and why."""
    if facts.again and facts.decided is not None:
        return f"look again: {name(facts.decided)} was decided against all that is known; accepting keeps it"
    if facts.decided is not None:
        if facts.decided == facts.class_id:
            return f"reviewed: {name(facts.decided)} is right"
        return f"reviewed: {name(facts.class_id)} → {name(facts.decided)}"
    if facts.coming:
        return "not scored yet: scores come when the run ends, and what is decided here stays"
    if math.isnan(facts.noise_score):
        return "not scored yet: run the pipeline"
    score = f"noise score {facts.noise_score:.2f}"
    if facts.verdict == Verdict.RELABEL:
        return f"corrected to {name(facts.predicted)} ({score})"
    if facts.verdict == Verdict.DOUBT:
        return f"flagged: {score}, but among the likeliest of its class, so it stays for now"
    if facts.verdict == Verdict.DROP:
        if facts.predicted == facts.class_id or math.isnan(facts.probability):
            return f"flagged: {score}, though no other class is likelier"
        said = f"{name(facts.predicted)} ({facts.probability:.2f})"
        return f"flagged: {score}; {said} is not sure enough to correct it"
    if any(r.raises for r in facts.reasons) and not facts.machine_noise >= facts.noise_score:
        return f"kept, but regions like it were not what they were called: {score}"
    return f"kept ({score})"


def reason(told: Reason, name: Name) -> str:
    """One decision that changed the noise score of a region like it.

    Examples
    --------
    >>> reason(Reason("in image 0007", 0, 1, 0.93, True, 5021), ["wall", "building"].__getitem__)
    'raised: wall in image 0007 → building, similarity 0.93'
    """
    verb = "raised" if told.raises else "lowered"
    done = "is right" if told.decided == told.class_id else f"→ {name(told.decided)}"
    return f"{verb}: {name(told.class_id)} {told.where} {done}, similarity {told.similarity:.2f}"


def side(down: float, right: float) -> str:
    """On which side something lies that is so many pixels further down and to the right.

    Examples
    --------
    >>> side(2, -40), side(-30, 35)
    ('to the left', 'above to the right')
    """
    vertical = "below" if down > 0 else "above"
    horizontal = "to the right" if right > 0 else "to the left"
    if abs(down) > 2 * abs(right):
        return vertical
    return horizontal if abs(right) > 2 * abs(down) else f"{vertical} {horizontal}"


def conflicts(regions: int, pixels: int) -> str:
    """How many regions of an image are cut by decisions that disagree with the machine.

    Examples
    --------
    >>> conflicts(2, 412)
    'decisions cut through 2 regions that are called something else: 412 pixels, striped'
    """
    if not regions:
        return "no decision cuts through a region of another class here"
    noun = "a region that is" if regions == 1 else f"{regions:,} regions that are"
    return f"decisions cut through {noun} called something else: {counted(pixels, 'pixel')}, striped"


def alike(facts: RegionFacts, name: Name) -> str:
    """What the regions of all images are called that are most like it.

    Examples
    --------
    >>> facts = RegionFacts(0, 1, 0.9, 0.9, Verdict.DROP, (), 0.8, (1, 1, 0), (0,), 50, None)
    >>> alike(facts, ["wall", "building"].__getitem__)
    'alike: 2 building, 1 wall'
    """
    found = sorted(Counter(facts.neighbours).items(), key=lambda item: (-item[1], item[0]))
    return "alike: " + (", ".join(f"{count} {name(c)}" for c, count in found) or "none")


def standing(value: float, values: NDArray[np.float32]) -> str:
    """A score among the scores of all regions, NaN left out on both sides.

    Examples
    --------
    >>> standing(0.5, np.array([0.1, 0.2, 0.5, 0.9], dtype=np.float32))
    'higher than 50 % of all regions'
    """
    known = values[~np.isnan(values)]
    if math.isnan(value) or not len(known):
        return "not scored"
    return f"higher than {100 * np.count_nonzero(known < value) / len(known):.0f} % of all regions"
