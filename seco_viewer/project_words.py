"""Said in words: how much is right, which images cannot be judged, what other PSA parameters would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np

from seco_core.feedback.forecast import WORTH_GOING_ON, Forecast
from seco_core.pipeline import PsaTrial
from seco_core.pipeline.inputs import ACCEPT_REPLACED, NAME_IT
from seco_core.project.store import MAKE_ONE
from seco_core.review import Order
from seco_core.texts import counted
from seco_viewer.words import Name

RUNNING = "The pipeline is running; scores come when it ends."
ACCEPT_BUTTON = "Accept the new files and run"
_MOVED = "If it was moved, close the project (×) and open it where it is now."
_MOST_CHANGES = 3
_MOST_NAMES = 3


def trial(tried: PsaTrial, name: Name) -> list[str]:
    """How many pixels would change, from what to what, and what was found, each in a line."""
    changed = tried.changed
    n_changed = int(np.count_nonzero(changed))
    share = f"{counted(n_changed, 'pixel')} ({_percent(n_changed / changed.size)})"
    if tried.stored:
        lines = [f"{share} would change." if n_changed else "No pixel would change."]
    else:
        lines = [f"There is no PSA map of this image yet; {share} would differ from the pseudo-label."]
    if n_changed:
        pairs = tried.before[changed].astype(np.int64) * 256 + tried.class_map[changed]
        counts = np.bincount(pairs)
        largest = np.argsort(-counts, kind="stable")[:_MOST_CHANGES]
        told = [
            f"{name(int(pair) // 256)} → {name(int(pair) % 256)} {counts[pair]:,}"
            for pair in largest
            if counts[pair]
        ]
        lines.append("Most: " + ", ".join(told))
    lines.append(
        f"{counted(tried.regions, 'region')} ({tried.regions_before:,} before) from "
        f"{counted(len(tried.proposals), 'mask')} and {counted(len(tried.prompts), 'prompt')} for things"
    )
    return lines


def limited(listed: int, undecided: int, queued: int, flagged_alone: bool) -> str:
    """How many of the regions that the Queue tab lists came into the queue, and why not all.

    Parameters
    ----------
    listed, undecided, queued : int
        Regions that are listed, those of them that are to be decided, and those of these in the queue.
    flagged_alone : bool
        Whether the queue is for all classes and images: where some are not in it, they are not flagged.

    Examples
    --------
    >>> limited(248, 240, 73, True)
    '73 of the 248 listed are flagged and in the queue. Choose “not reviewed” on the Review tab for all.'
    >>> limited(248, 248, 248, True)
    'The queue holds the 248 listed.'
    """
    if queued == listed:
        return f"The queue holds the {listed:,} listed."
    be = "is" if queued == 1 else "are"
    if queued == undecided:
        why = f"{be} in the queue. The others are decided, or cannot be judged now."
    elif flagged_alone:
        why = f"{be} flagged and in the queue. Choose “not reviewed” on the Review tab for all."
    else:
        why = f"{be} in the queue. The filters on the Review tab leave out the others."
    return f"{queued:,} of the {listed:,} listed {why}"


def chosen_gone(count: int, limited: bool) -> str:
    """How many of the regions that the queue was limited to a run has cut anew; nothing if there are none.

    Examples
    --------
    >>> chosen_gone(12, True)
    'A run has cut 12 of the chosen regions anew: the queue is limited to the others.'
    >>> chosen_gone(12, False)
    'A run has cut all chosen regions anew: the queue is not limited to them any more.'
    """
    if not count:
        return ""
    if not limited:
        return "A run has cut all chosen regions anew: the queue is not limited to them any more."
    return f"A run has cut {count:,} of the chosen regions anew: the queue is limited to the others."


def distinct_parts(names: Sequence[str], most: int = 11) -> list[str]:
    """Names without the words that all of them begin with, those still too long shortened in the middle.

    Examples
    --------
    >>> distinct_parts(["0001TP_006690", "0001TP_006720"]), distinct_parts(["street"])
    (['006690', '006720'], ['street'])
    >>> distinct_parts(["a_very_long_name_000019"])
    ['a_v…_000019']
    """
    cut = 0
    if len(names) > 1:
        # what the first and the last in the alphabet share, all share
        shared = takewhile(lambda pair: pair[0] == pair[1], zip(min(names), max(names), strict=False))
        cut = max((i + 1 for i, (letter, _) in enumerate(shared) if not letter.isalnum()), default=0)
    parts = [name[cut:] or name for name in names]
    # the ends of names differ more often than their beginnings
    return [p if len(p) <= most else f"{p[: most // 3]}…{p[-(most - most // 3 - 1) :]}" for p in parts]


def outlook(found: Forecast, best: Forecast) -> str:
    """How much is right, and what more reviews would bring.

    Parameters
    ----------
    found : Forecast
        In the order of the queue.
    best : Forecast
        In the order of the largest expected gain.

    Examples
    --------
    >>> found = Forecast(40, 0.912, 0.88, 0.94, 0.953, 0.92, 0.97, False, 30)
    >>> outlook(found, found)
    'about 91 % of the area is right (88 to 94); after 40 more about 95 %'
    """
    between = f"{100 * found.now_low:.0f} to {100 * found.now_high:.0f}"
    now = f"about {found.now:.0%} of the area is right ({between})"
    if not found.reviews:
        return now.replace("%", " %")
    after = (
        f"the next {found.reviews} in this order change little"
        if found.stop
        else f"after {found.reviews} more about {found.after:.0%}"
    )
    if quicker(found, best):
        after += f', in the order "{Order.GAIN.value}" about {best.after:.0%}'
    return f"{now}; {after}".replace("%", " %")


def quicker(found: Forecast, best: Forecast) -> bool:
    """Whether as many reviews in the order of `best` would put clearly more right."""
    return best.after - found.after >= WORTH_GOING_ON


def progress(reviewed: int, decisions: int, flagged: int, unscored: int, left_out: int) -> str:
    """How many regions are reviewed, by how many decisions if by more or fewer, and what is still to come.

    Examples
    --------
    >>> progress(12, 12, 30, 0, 0), progress(63, 56, 17, 34, 5)
    ('12 reviewed, 30 flagged to go', '63 reviewed (56 decisions), 17 flagged, 34 not scored, 5 left out')
    """
    text = f"{reviewed:,} reviewed"
    if reviewed != decisions:
        text += f" ({counted(decisions, 'decision')})"
    text += f", {flagged:,} flagged"
    text += f", {unscored:,} not scored" if unscored else " to go"
    return text + (f", {left_out:,} left out" if left_out else "")


def unscored(count: int, total: int) -> str:
    """That a stopped run has left regions without a verdict; nothing if it has not.

    Examples
    --------
    >>> unscored(34, 97)
    '34 of 97 regions are not scored: the last run has not come to its end.'
    >>> unscored(0, 97)
    ''
    """
    if not count:
        return ""
    verb = "is" if count == 1 else "are"
    return f"{count:,} of {counted(total, 'region')} {verb} not scored: the last run has not come to its end."


def left_out(names: Sequence[str]) -> str:
    """Which images cannot be judged, and what that means; nothing if there are none.

    Examples
    --------
    >>> left_out(["a", "b", "c", "d"])
    '4 images cannot be judged (a, b, c …) and are left out of the queue: the Images tab says why'
    """
    if not names:
        return ""
    verb = "is" if len(names) == 1 else "are"
    unusable = f"{counted(len(names), 'image')} cannot be judged ({_listed(names)})"
    return f"{unusable} and {verb} left out of the queue: the Images tab says why"


def not_taken(problems: Sequence[str]) -> str:
    """Why images of the dataset are not in the project.

    Examples
    --------
    >>> not_taken(["a.png: there is no pseudo-label."])
    'Left out when the project was made: a.png: there is no pseudo-label.'
    """
    more = len(problems) - _MOST_NAMES
    told = " ".join(problems[:_MOST_NAMES]) + (f" And {more:,} more." if more > 0 else "")
    return f"Left out when the project was made: {told}"


def away(path: Path) -> str:
    """That an open project is no longer where it was."""
    return f"{path}: the project is here no more: moved or deleted, or its disk is gone. {_MOVED}"


def not_decided(left_out: Mapping[str, Exception]) -> str:
    """Which images a decision on many regions has left out, and why, by their names.

    Examples
    --------
    >>> not_decided({"a": OSError("a is gone."), "b": OSError("b is gone.")})
    'Nothing was decided in 2 images (a, b): a is gone.'
    """
    kinds: dict[type[Exception], list[str]] = {}
    for name, error in left_out.items():
        kinds.setdefault(type(error), []).append(name)
    return " ".join(
        f"Nothing was decided in {counted(len(names), 'image')} ({_listed(names)}): {left_out[names[0]]}"
        for names in kinds.values()
    )


def replaced(names: Sequence[str]) -> str:
    """Which images are other files than those that people decided on, and what accepting them does.

    Examples
    --------
    >>> replaced(["a", "b"]).partition(". ")[0]
    '⚠ 2 images were replaced by others of the same name and size after people had decided on them (a, b)'
    """
    return (
        f"⚠ {counted(len(names), 'image was', 'images were')} replaced by others of the same name and size "
        f"after people had decided on them ({_listed(names)}). Runs leave them out. Put the earlier files "
        "back, and all is as before. Or accept the new ones: every decision then holds for the same pixels "
        "of the new picture, and the machine looks at it anew. Do so only if it shows the same, as when it "
        "was saved again: where things have moved, decisions would lie on the wrong ones."
    )


def in_window(text: str) -> str:
    """What the engine says, with what there is in the window in place of commands for a terminal.

    Where a dataset has gone to can only be said in a terminal.

    Examples
    --------
    >>> in_window("Put it back, or run `seco run --accept-replaced` if it shows the same.")
    'Put it back, or press “Accept the new files and run” on the Pipeline tab if it shows the same.'
    """
    text = text.replace(ACCEPT_REPLACED, f"press “{ACCEPT_BUTTON}” on the Pipeline tab")
    return text.replace(MAKE_ONE, _MOVED).replace(NAME_IT, NAME_IT.replace("it:", "it in a terminal:"))


def _listed(names: Sequence[str]) -> str:
    """A few names."""
    return ", ".join(names[:_MOST_NAMES]) + (" …" if len(names) > _MOST_NAMES else "")


def _percent(share: float) -> str:
    """A share as people say it; never 0 % of something."""
    return "less than 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"
