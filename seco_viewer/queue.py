"""The regions to look at, worst first, and how one goes through them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class ReviewQueue:
    """A fixed order of all regions in which some are open, and a cursor that moves on through the open ones.

    Parameters
    ----------
    order : ndarray of int64, (R,)
        Every region's row, worst first.
    is_open : ndarray of bool, (R,)
        Which regions are to be looked at.

    Examples
    --------
    >>> queue = ReviewQueue(np.array([2, 0, 1]), np.array([True, True, False]))
    >>> queue.current(), queue.position(1), len(queue)
    (0, 2, 2)
    """

    def __init__(self, order: NDArray[np.int64], is_open: NDArray[np.bool_]):
        self._order = order
        self._rank = np.empty(len(order), dtype=np.int64)
        self._rank[order] = np.arange(len(order))
        self._open = is_open[order]  # by rank, so that the next open one is one argmax away
        self._cursor = 0

    def __len__(self) -> int:
        """How many regions are open."""
        return int(np.count_nonzero(self._open))

    def set_open(self, rows: NDArray[np.int64], values: NDArray[np.bool_]) -> None:
        """Open or close some regions."""
        self._open[self._rank[rows]] = values

    def replace(self, is_open: NDArray[np.bool_]) -> None:
        """Open other regions in the same order and begin with the worst of them again."""
        self._open = is_open[self._order]
        self._cursor = 0

    def current(self) -> int | None:
        """The open region that the queue stands at: the worst one from the cursor on, around the end."""
        return self._next(self._cursor)

    def go_to(self, row: int) -> None:
        """Put the cursor on a region."""
        self._cursor = int(self._rank[row])

    def after(self, row: int) -> int | None:
        """The next open region that is not worse than `row`, around the end; never `row` itself."""
        found = self._next(int(self._rank[row]) + 1)
        return None if found == row else found

    def worst_among(self, rows: slice, *, after: int | None = None) -> int | None:
        """The worst open region of a range of rows; of those past `after` in the order if that is given."""
        ranks = self._rank[rows]
        ranks = ranks[self._open[ranks]]
        if after is not None:
            ranks = ranks[ranks > self._rank[after]]
        return int(self._order[ranks.min()]) if len(ranks) else None

    def position(self, row: int) -> int:
        """The how-manieth of the open regions a row is, from 1; 0 if it is not open."""
        rank = int(self._rank[row])
        return int(np.count_nonzero(self._open[: rank + 1])) if self._open[rank] else 0

    def _next(self, rank: int) -> int | None:
        for begin, end in ((rank, len(self._open)), (0, rank)):
            part = self._open[begin:end]
            if part.any():
                return int(self._order[begin + int(part.argmax())])
        return None
