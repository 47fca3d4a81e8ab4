"""What is wrong with a file beside the store that only the pipeline can make again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from seco_core.errors import ProjectError


@contextlib.contextmanager
def reading(what: str, path: Path) -> Iterator[None]:
    """Turn errors of reading such a file into SeCo's.

    Parameters
    ----------
    what : str
        What the file holds.
    path : Path
        The file.

    Raises
    ------
    ProjectError
        If the file is missing or damaged.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise ProjectError(
            f"{what} is gone.", path=path, remedy="Run the pipeline again: it makes it anew."
        ) from error
    except (OSError, ValueError) as error:
        raise ProjectError(
            f"{what} cannot be read: {error}.",
            path=path,
            remedy="Delete that file and run the pipeline again.",
        ) from error
