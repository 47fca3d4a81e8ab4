"""How a store stands: whether anybody has written, and what runs have left. For whoever watches a project."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from seco_core.project.store import is_busy, store_errors, without_waiting


@dataclass(frozen=True)
class Standing:
    """What runs have left in a store at some moment.

    Attributes
    ----------
    version : int
        Another number whenever another program, window or thread has written.
    run : (int, str) or None
        Number and status of the newest run; None before the first one.
    cut : frozenset of (int, str)
        Images and the files that their regions are in: made anew, they are in others.
    """

    version: int
    run: tuple[int, str] | None
    cut: frozenset[tuple[int, str]]

    def cut_since(self, before: Standing) -> list[int]:
        """Images whose regions are others than before, ascending."""
        return sorted({image_id for image_id, _ in self.cut ^ before.cut})

    def ended_since(self, before: Standing) -> bool:
        """Whether a run has come to its end, whatever end."""
        return self.run is not None and self.run != before.run and self.run[1] != "running"


def read_standing(connection: sqlite3.Connection, before: Standing | None = None) -> Standing | None:
    """How a store stands now; None while another program writes, if that shuts readers out.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the store.
    before : Standing, optional
        What was read earlier: it costs next to nothing if nobody has written since.

    Raises
    ------
    ProjectError
        If the store cannot be read.
    """
    with store_errors(connection), without_waiting(connection):
        try:
            version = int(connection.execute("PRAGMA data_version").fetchone()[0])
            if before is not None and version == before.version:
                return before
            run = connection.execute("SELECT id, status FROM runs ORDER BY id DESC LIMIT 1").fetchone()
            cut = connection.execute("SELECT image_id, file FROM rasters WHERE kind IN ('psa', 'regions')")
            return Standing(version, None if run is None else tuple(run), frozenset(map(tuple, cut)))
        except sqlite3.OperationalError as error:
            if is_busy(error):
                return None
            raise
