"""What the window remembers until it is opened again: a small JSON file beside the user's keys."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from seco_core.errors import SecoError
from seco_core.files import write_bytes
from seco_core.review import Order
from seco_viewer.session import Session

logger = logging.getLogger(__name__)

FILE_VARIABLE = "SECO_VIEWER_MEMORY"
"""Environment variable that names another file."""

_MOST_PROJECTS = 100


def memory_file() -> Path:
    """Where things are remembered; it need not exist."""
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else platformdirs.user_config_path("seco-viewer") / "memory.json"


@dataclass
class Memory:
    """What is remembered of the window, and of each project where the reviewer was.

    Attributes
    ----------
    project : str
        The project that was open last.
    tab : str
        Name of the page that was in front.
    width : int
        Of the dock; 0 before it was ever shown.
    side : str
        ``"left"`` or ``"right"``.
    learn_after : int
        Decisions after which the classifier learns; -1 if nobody has changed that.
    keep_zoom : bool
        Whether going to a region only centres it.
    sides : list of str
        The maps on either side of the line when two are compared.
    layers : dict
        For each layer's name ``{"visible": bool, "opacity": float}``.
    places : dict
        For each project's path what `place_of` says.
    """

    project: str = ""
    tab: str = ""
    width: int = 0
    side: str = "right"
    learn_after: int = -1
    keep_zoom: bool = False
    sides: list[str] = field(default_factory=list)
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, dict[str, Any]] = field(default_factory=dict)


def recall(path: Path) -> Memory:
    """Read what is remembered; what cannot be used is as at first."""
    memory = Memory()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return memory
    except (OSError, ValueError) as error:
        logger.warning("%s: what was remembered cannot be read: %s", path, error)
        return memory
    for entry in fields(Memory) if isinstance(found, dict) else ():
        if type(found.get(entry.name)) is type(getattr(memory, entry.name)):
            setattr(memory, entry.name, found[entry.name])
    return memory


def remember(memory: Memory, path: Path) -> None:
    """Write what shall be remembered, the projects that other windows have added meanwhile included."""
    others = {p: place for p, place in recall(path).places.items() if p not in memory.places}
    memory.places = dict([*others.items(), *memory.places.items()][-_MOST_PROJECTS:])
    try:
        write_bytes(path, json.dumps(asdict(memory), indent=1).encode())
    except SecoError as error:  # a review goes on without it
        logger.warning("%s", error)


def place_of(session: Session) -> dict[str, Any]:
    """Where the reviewer is: the region, and what the queue holds in which order."""
    r, row = session.regions, session.row
    return {
        "region": None if row is None else int(r.id[row]),
        "box": None if row is None else r.box[row].tolist(),
        "order": session.order.value,
        "only_flagged": session.only_flagged,
        "only_class": session.only_class,
    }


def go_back_to(session: Session, place: dict[str, Any]) -> None:
    """Go where the reviewer was, as far as it is still there: a run of the pipeline makes other regions."""
    order = next((o for o in Order if o.value == place.get("order")), session.order)
    only_flagged, only_class = place.get("only_flagged", True), place.get("only_class")
    if order is not session.order:
        session.sort(order)
    if only_flagged is False or only_class in session.scheme:
        session.set_filter(
            only_flagged=only_flagged is not False,
            only_class=only_class if only_class in session.scheme else None,
        )
    region, ids = place.get("region"), session.regions.id
    row = int(np.searchsorted(ids, region)) if isinstance(region, int) else len(ids)
    if row < len(ids) and ids[row] == region and session.regions.box[row].tolist() == place.get("box"):
        session.go_to(row)
    else:
        session.resume()
