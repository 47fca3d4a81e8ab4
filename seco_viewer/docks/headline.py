"""The classes in question: those of what is selected as a line, the likeliest as bars."""

from __future__ import annotations

import html

import numpy as np
from numpy.typing import NDArray

from seco_core.scheme import ClassScheme
from seco_viewer.offers import Offer

LARGE, SMALL = 14, 11
"""Points of the text."""
_MOST_LARGE = 20
"""So many letters of two classes fit in the larger size."""


def headline(scheme: ClassScheme, offer: Offer, *, part: bool) -> str:
    """What is selected in a line.

    Parameters
    ----------
    scheme : ClassScheme
        Of the classes.
    offer : Offer
        The classes in question.
    part : bool
        Whether it is about a part of the region.
    """
    before = "part of " if part else ""
    named, text = {offer.called}, before + _chip(scheme, offer.called)
    if offer.decided is not None:
        named.add(offer.decided)
        changed = offer.decided != offer.called
        text += f"  →  {_chip(scheme, offer.decided)}  ✓" if changed else "  ✓"
    elif offer.suggested is not None and offer.suggests:
        named.add(offer.suggested)
        text += f"  or  {_chip(scheme, offer.suggested)}  ?"
    length = len(before) + sum(len(scheme.label(c)) for c in named)
    return f"<span style='font-size: {LARGE if length <= _MOST_LARGE else SMALL}pt'>{text}</span>"


def likely(
    scheme: ClassScheme, probabilities: NDArray[np.float32], most: int
) -> list[tuple[str, tuple[int, int, int], float]]:
    """Name, colour and probability of the likeliest classes, for `ShareBars`; none before scoring."""
    order = np.argsort(-probabilities, kind="stable")[:most].tolist()
    return [
        (scheme.label(c), _color(scheme, c), float(probabilities[c])) for c in order if probabilities[c] > 0
    ]


def _color(scheme: ClassScheme, class_id: int) -> tuple[int, int, int]:
    red, green, blue = scheme.palette[class_id].tolist()
    return red, green, blue


def _chip(scheme: ClassScheme, class_id: int) -> str:
    name = html.escape(scheme.label(class_id))
    return f"<span style='color: rgb{_color(scheme, class_id)}'>■</span> <b>{name}</b>"
