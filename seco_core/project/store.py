"""The SQLite file of a project: opening, durability, and errors that say what to do."""

from __future__ import annotations

import contextlib
import datetime
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path, PurePath

import psutil

from seco_core.errors import ProjectError, ProjectReadOnlyError, ProjectVersionError, StorageFullError
from seco_core.files import storage_errors
from seco_core.project.schema import APPLICATION_ID, MIGRATIONS, TABLES, VERSION

STORE_NAME = "seco.sqlite"
MAKE_ONE = "Make one with `seco run DATASET --project DIR`."
_BUSY_SECONDS = 30.0
_NETWORK_FILESYSTEMS = {"nfs", "nfs4", "cifs", "smbfs", "smb3", "afpfs", "fuse.sshfs", "9p", "lustre", "gpfs"}


@contextlib.contextmanager
def new_store(path: Path) -> Iterator[sqlite3.Connection]:
    """Create the store of a new project, with what the block fills into its tables.

    The store appears whole when the block ends; a crash or an exception before leaves none.

    Raises
    ------
    ProjectError
        If there is a store already, or the folder cannot be written.
    """
    if path.exists():
        raise ProjectError("there is a project here already.", path=path.parent)
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with _typed_errors(path), contextlib.closing(_connect(temporary, readonly=False)) as connection:
            # a single file, so that it can be moved
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.executescript(
                f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {TABLES}"
            )
            yield connection
            connection.execute("COMMIT")
        if path.exists():
            raise ProjectError("there is a project here already.", path=path.parent)
        with storage_errors(path):
            os.replace(temporary, path)
    except BaseException:
        for suffix in ("", "-journal", "-wal", "-shm"):
            temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)
        raise


def open_store(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """Open the store of an existing project.

    Raises
    ------
    ProjectError
        If it is missing or no SeCo store.
    ProjectVersionError
        If another version of SeCo wrote it.
    ProjectReadOnlyError
        If it cannot be written and `readonly` is false.
    """
    if not path.is_file():
        raise ProjectError(
            "there is no project here.",
            path=path.parent,
            remedy=MAKE_ONE,
        )
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if not readonly and not writable:
        raise ProjectReadOnlyError(
            "the project cannot be written.", path=path.parent, remedy="Change its permissions or copy it."
        )
    with _typed_errors(path):
        connection = _connect(path, readonly=readonly)
        try:
            application_id = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if application_id != APPLICATION_ID:
                if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise unfinished_store(path)
                raise ProjectError(
                    "is no SeCo project store.", path=path, remedy="Choose another project folder."
                )
            if version in MIGRATIONS and writable:
                if readonly:  # looking at an older project is enough to bring its store up to date
                    connection.close()
                    open_store(path).close()
                    return open_store(path, readonly=True)
                version = _migrate(connection, version)
            if version != VERSION:
                age = "a newer" if version > VERSION else "an older"
                remedy = "Update SeCo." if version > VERSION else "Open it once where it can be written."
                raise ProjectVersionError(
                    f"was written by {age} version of SeCo (store {version}, this one reads {VERSION}).",
                    path=path.parent,
                    remedy=remedy,
                )
        except BaseException:
            connection.close()
            raise
    return connection


def _migrate(connection: sqlite3.Connection, version: int) -> int:
    """Bring the tables to this version, all or nothing; the version reached."""
    steps = "".join(MIGRATIONS[v] for v in range(version, VERSION))
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION}; COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return VERSION


def unfinished_store(path: Path) -> ProjectError:
    """The error about a store that lacks what every project has."""
    return ProjectError(
        "the store holds no project, making it was cut off.",
        path=path,
        remedy="Delete this file and make the project again with `seco run DATASET --project DIR`.",
    )


class StorePlace:
    """Where an open store was found, to notice when it is moved, deleted or replaced.

    Parameters
    ----------
    path : Path
        The store.
    """

    def __init__(self, path: Path):
        self._path = path
        # elsewhere a file's number may be another one each time
        self._numbered = os.name == "posix" and not on_network_share(path)
        self._before = self._identity()

    def is_kept(self) -> bool:
        """Whether the same store is still there; where that cannot be told, whether any is."""
        found = self._identity()
        return found is not None and (found == self._before or not self._numbered)

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def timestamp() -> str:
    """The present time in UTC, as stores note it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


@contextlib.contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """All reads within see the store as it is at the first, whatever others write meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing, on disk when it returns.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError, ProjectError
        If it cannot be written; what was stored before is intact.
    """
    with store_errors(connection):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether another program is just writing."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


@contextlib.contextmanager
def without_waiting(connection: sqlite3.Connection) -> Iterator[None]:
    """What another program holds is an error within at once, not after half a minute."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * _BUSY_SECONDS)}")


def _connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    uri = sqlite_uri(path.resolve()) + ("?mode=ro" if readonly else "")
    if readonly and not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists():
        # in WAL mode even readers write files beside the store; nobody can change it here, so do without
        uri += "&immutable=1"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    if not readonly:
        # WAL needs shared memory, which network shares do not give reliably (sqlite.org/wal.html)
        mode = "DELETE" if on_network_share(path) else "WAL"
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("PRAGMA synchronous = FULL")
    return connection


def sqlite_uri(path: PurePath) -> str:
    """The URI of an absolute path as SQLite wants it: a share's server is part of the path, no authority."""
    uri = path.as_uri()
    return uri if uri.startswith("file:///") else uri.replace("file://", "file:////", 1)


def on_network_share(path: Path) -> bool:
    """Whether a path lies on a file system of another machine."""
    resolved = path.resolve()
    best, kind = -1, ""
    for partition in psutil.disk_partitions(all=True):
        mount = Path(partition.mountpoint)
        if (resolved == mount or mount in resolved.parents) and len(mount.parts) > best:
            best, kind = len(mount.parts), partition.fstype
    return kind.lower() in _NETWORK_FILESYSTEMS or str(resolved).startswith("\\\\")


@contextlib.contextmanager
def store_errors(connection: sqlite3.Connection) -> Iterator[None]:
    """Turn SQLite's errors into SeCo's, naming the store and what to do.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError, ProjectError
        Instead of an `sqlite3.Error`.
    """
    path = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    with _typed_errors(path):
        yield


@contextlib.contextmanager
def _typed_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "full" in text:
            raise StorageFullError(
                "the disk is full; what was stored before is intact.",
                path=path.parent,
                remedy="Free some space and try again.",
            ) from error
        if "readonly" in text or "unable to open" in text:
            raise ProjectReadOnlyError(
                "the project cannot be written.",
                path=path.parent,
                remedy="Change its permissions or copy it.",
            ) from error
        if "locked" in text or "busy" in text:
            raise ProjectError(
                "another program holds the project's store.", path=path, remedy="Close it and try again."
            ) from error
        if "not a database" in text or "malformed" in text:
            raise ProjectError(
                f"the store is damaged: {text}.", path=path, remedy="Restore it from a copy."
            ) from error
        raise ProjectError(
            f"the store failed: {text}.", path=path, remedy="Check the disk, or restore it from a copy."
        ) from error
