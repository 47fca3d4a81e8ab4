"""Rows of all regions written some at a time, so that a decision need not wait for all of them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

_Row = TypeVar("_Row")

_ROWS = 2500
"""In one transaction: some 20 ms."""
_PAUSE = 0.01
"""Seconds between two of them. Whoever waits for the store asks again after up to that time at first, and
would come too late each time if the next transaction began at once."""


def in_chunks(rows: Iterable[_Row], *, size: int = _ROWS, pause: float = _PAUSE) -> Iterator[list[_Row]]:
    """Split rows into chunks, with a pause before each but the first.

    Parameters
    ----------
    rows : iterable
        What is to be written.
    size : int
        Rows of a chunk.
    pause : float
        Seconds.

    Yields
    ------
    list
        The next rows.

    Examples
    --------
    >>> list(in_chunks(range(5), size=2, pause=0.0))
    [[0, 1], [2, 3], [4]]
    """
    left = iter(rows)
    chunk = list(itertools.islice(left, size))
    while chunk:
        yield chunk
        if chunk := list(itertools.islice(left, size)):
            time.sleep(pause)
