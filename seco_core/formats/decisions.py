"""``decisions.csv``: everything people decided, undone and redone, in order."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seco_core.files import write_bytes
from seco_core.scheme import ClassScheme

if TYPE_CHECKING:
    from seco_core.project.overrides import Event

NAME = "decisions.csv"
COLUMNS = (
    "seq", "time", "by", "kind", "batch", "target_batch", "action",
    "image", "region", "class_id", "class", "x0", "y0", "x1", "y1",
    "origin", "source_seq", "holds",
)  # fmt: skip
"""``batch`` is what one key press decided; an undo or redo names the one it turned in ``target_batch``.
``origin`` is ``person``, ``import`` for what a label set said, or ``proposal`` for what followed from the
decision ``source_seq`` and a person agreed with; ``holds`` is 1 for what is in force, 0 for what is undone.
New columns only ever come at the end."""


def write(folder: Path, events: Sequence[Event], image_names: Mapping[int, str], scheme: ClassScheme) -> Path:
    """Write the log of overrides as CSV (UTF-8, comma, header `COLUMNS`); its path.

    Parameters
    ----------
    folder : Path
        Folder of the export.
    events : sequence of Event
        All events, oldest first.
    image_names : mapping of int to str
        Names by image id.
    scheme : ClassScheme
        Names of the classes; the ignore index is written as the scheme's own ignore id.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError, ProjectError
        If it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for e in events:
        image = "" if e.image_id is None else image_names.get(e.image_id, str(e.image_id))
        class_id, class_name = e.class_id, ""
        if class_id is not None:
            class_name = scheme.label(class_id)
            class_id = class_id if class_id in scheme else scheme.ignore
        writer.writerow(
            (e.seq, e.time, e.by, e.kind, e.batch, e.target_batch, e.action)
            + (image, e.region_id, class_id, class_name)
            + (e.box or (None,) * 4)
            + (e.origin, e.source_seq, None if e.holds is None else int(e.holds))
        )
    path = folder / NAME
    write_bytes(path, text.getvalue().encode())
    return path
