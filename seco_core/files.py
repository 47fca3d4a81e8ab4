"""Writing files so that a crash or a full disk leaves the old file or the new one, never half of one."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seco_core.errors import ProjectError, ProjectReadOnlyError, StorageFullError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp(-journal|-wal|-shm)?")
_ABANDONED_SECONDS = 3600.0
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write a file under a temporary name beside it, flush it to the disk and move it into place.

    Parameters
    ----------
    path : path-like
        File to write or replace; missing folders are made.
    data : bytes
        What it shall hold.

    Raises
    ------
    StorageFullError
        If the disk or the quota is full. A file of that name is left as it was.
    ProjectReadOnlyError
        If the folder or file cannot be written.
    ProjectError
        If writing fails for any other reason.
    """
    path = Path(path)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def remove_leftovers(folder: Path) -> None:
    """Delete what `write_bytes` and the making of a store left in a folder and below when they were killed.

    Only files older than an hour go, as others may be writing theirs.
    """
    for path in folder.rglob(".*.tmp*"):
        if _TEMPORARY.fullmatch(path.name):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink()


def read_named(path: Path) -> bytes:
    """Content of a file whose name ends in ``-`` and the first 16 hex digits of its SHA-256.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If its content is not what its name says.
    """
    data = path.read_bytes()
    if not path.stem.endswith("-" + hashlib.sha256(data).hexdigest()[:16]):
        raise ValueError("its content is not what was written")
    return data


@contextmanager
def storage_errors(path: Path | str) -> Iterator[None]:
    """Turn an operating system's errors about writing into SeCo's, naming `path` and what to do.

    Raises
    ------
    StorageFullError, ProjectReadOnlyError, ProjectError
        Instead of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError(
                "cannot be written, the disk is full.", path=path, remedy="Free some space and try again."
            ) from error
        if error.errno in _READ_ONLY:
            raise ProjectReadOnlyError(
                f"cannot be written ({error.strerror}).",
                path=path,
                remedy="Make the folder writable or choose another one.",
            ) from error
        raise ProjectError(
            f"cannot be written ({error.strerror or error}).", path=path, remedy="Choose another folder."
        ) from error
