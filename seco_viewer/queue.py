"""The regions to look at, in an order that follows decisions, and how one goes through them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LAST = np.uint64(2**64 - 1)


class ReviewQueue:
    """An order of all regions in which some are open, and a cursor that moves on through the open ones.

    Whoever goes on from a region has passed those before it; they come again after the end. A region that
    moves to the front later has not been passed and comes next.

    Every region has a key, and the least comes first. Nothing is kept sorted: what comes next is one pass
    over the keys, about a millisecond for 300 000 regions, and a decision changes a few keys.

    Parameters
    ----------
    order : ndarray of int64, (R,)
        Every region's row, the first to look at first.
    is_open : ndarray of bool, (R,)
        Which regions are to be looked at.

    Examples
    --------
    >>> queue = ReviewQueue(np.array([2, 0, 1]), np.array([True, True, False]))
    >>> queue.current(), queue.position(1), len(queue)
    (0, 2, 2)
    """

    def __init__(self, order: NDArray[np.int64], is_open: NDArray[np.bool_]):
        keys = np.empty(len(order), dtype=np.uint64)
        keys[order] = np.arange(len(order), dtype=np.uint64)
        self._begin(keys, is_open)

    @classmethod
    def by_keys(cls, keys: NDArray[np.uint64], is_open: NDArray[np.bool_]) -> ReviewQueue:
        """A queue in ascending order of keys, by row, no two alike: see `seco_core.review.queue_keys`."""
        queue = cls.__new__(cls)
        queue._begin(keys.copy(), is_open)
        return queue

    def _begin(self, keys: NDArray[np.uint64], is_open: NDArray[np.bool_]) -> None:
        self._keys = keys
        self._open = is_open.copy()
        self._passed = np.zeros(len(keys), dtype=bool)

    def __len__(self) -> int:
        """How many regions are open."""
        return int(np.count_nonzero(self._open))

    def set_open(self, rows: NDArray[np.int64], values: NDArray[np.bool_]) -> None:
        """Open or close some regions."""
        self._open[rows] = values

    def replace(self, is_open: NDArray[np.bool_]) -> None:
        """Open other regions in the same order and begin with the first of them again."""
        self._open = is_open.copy()
        self._passed[:] = False

    def move(self, rows: NDArray[np.int64], keys: NDArray[np.uint64]) -> None:
        """Put some regions where their new keys belong; the others stay in order."""
        self._keys[rows] = keys

    def current(self) -> int | None:
        """The open region that the queue stands at: the first that was not passed, else the first."""
        return self._first(self._open & ~self._passed, self._open)

    def go_to(self, row: int) -> None:
        """Go on from a region: what comes before it is passed."""
        before = self._keys < self._keys[row]
        # back to it by hand, or around the end: what comes after it is to be seen again
        self._passed = before if self._passed[row] else self._passed | before

    def after(self, row: int) -> int | None:
        """The open region that comes after `row`, around the end; never `row` itself."""
        others = self._open.copy()
        others[row] = False
        later = others & (self._keys > self._keys[row])
        return self._first(later & ~self._passed, later, others)

    def worst_among(self, rows: slice, *, after: int | None = None) -> int | None:
        """The first open region of a range of rows; of those past `after` in the order if that is given."""
        wanted = self._open[rows]
        if after is not None:
            wanted = wanted & (self._keys[rows] > self._keys[after])
        if not wanted.any():
            return None
        return rows.start + int(np.where(wanted, self._keys[rows], _LAST).argmin())

    def first(self, count: int) -> NDArray[np.int64]:
        """The rows of the open regions that come next in order, at most `count`."""
        rows = np.flatnonzero(self._open)
        if count < len(rows):
            rows = rows[np.argpartition(self._keys[rows], count)[:count]]
        return rows[np.argsort(self._keys[rows])]

    def position(self, row: int) -> int:
        """The how-manieth of the open regions a row is, from 1; 0 if it is not open."""
        if not self._open[row]:
            return 0
        return int(np.count_nonzero(self._open & (self._keys <= self._keys[row])))

    def _first(self, *choices: NDArray[np.bool_]) -> int | None:
        """The first region of the first choice that has any."""
        for chosen in choices:
            if chosen.any():
                return int(np.where(chosen, self._keys, _LAST).argmin())
        return None
