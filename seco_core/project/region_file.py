"""All regions of a big project in one file beside the store, which reads in a fraction of the time.

The store stays the truth. It names the file's contents by a token, and its triggers strike the token out with
the first change to regions or scores, whoever makes it; a file that is not named is not read.
"""

from __future__ import annotations

import io
import secrets
import sqlite3
import zipfile
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from seco_core.files import write_bytes
from seco_core.project.arrays import RegionArrays, load_regions

FILE = "regions.npz"
KEY = "region_file"
"""Row of the table `meta` with the token of the file."""


def keep_regions(connection: sqlite3.Connection, root: Path, n_classes: int) -> None:
    """Write the file anew, unless it is up to date.

    If another connection changes the store meanwhile, the file stays unnamed and is not read.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the project's store, writable and in no transaction.
    root : Path
        The project's folder.
    n_classes : int
        Classes of its scheme.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError
        If the file cannot be written.
    """
    if read_kept(connection, root) is not None:
        return
    connection.execute("BEGIN")  # reads one state of the store and lets others write
    try:
        regions = load_regions(connection, n_classes)
        token = secrets.token_hex(16)
        buffer = io.BytesIO()
        np.savez(buffer, token=np.array(token), **asdict(regions))
        write_bytes(root / FILE, buffer.getvalue())
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (KEY, token))
        connection.execute("COMMIT")
    except sqlite3.OperationalError:
        pass  # somebody has written since: what was read is old already
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def read_kept(connection: sqlite3.Connection, root: Path) -> RegionArrays | None:
    """The regions as the file has them; None if it is missing, damaged or not of the store as it is now."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (KEY,)).fetchone()
    if row is None:
        return None
    try:
        with np.load(root / FILE, allow_pickle=False) as arrays:
            if str(arrays["token"]) != row[0]:
                return None
            return RegionArrays(**{field.name: arrays[field.name] for field in fields(RegionArrays)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
