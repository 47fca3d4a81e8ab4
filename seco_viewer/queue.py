"""The regions to look at, in an order that follows decisions, and how one goes through them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class ReviewQueue:
    """An order of all regions in which some are open, and a cursor that moves on through the open ones.

    Whoever goes on from a region has passed those before it; they come again after the end. A region that
    moves to the front later has not been passed and comes next.

    Parameters
    ----------
    order : ndarray of int64, (R,)
        Every region's row, the first to look at first.
    is_open : ndarray of bool, (R,)
        Which regions are to be looked at.
    keys : ndarray of uint64, (R,), optional
        What `order` sorts ascending, by row, no two alike; needed for `move` only.

    Examples
    --------
    >>> queue = ReviewQueue(np.array([2, 0, 1]), np.array([True, True, False]))
    >>> queue.current(), queue.position(1), len(queue)
    (0, 2, 2)
    """

    def __init__(
        self, order: NDArray[np.int64], is_open: NDArray[np.bool_], keys: NDArray[np.uint64] | None = None
    ):
        self._order = order.copy()
        self._rank = np.empty(len(order), dtype=np.int64)
        self._rank[order] = np.arange(len(order))
        self._keys = None if keys is None else keys[order]
        # by rank, so that the next open one is one argmax away
        self._open = is_open[order]
        self._passed = np.zeros(len(order), dtype=bool)

    @classmethod
    def by_keys(cls, keys: NDArray[np.uint64], is_open: NDArray[np.bool_]) -> ReviewQueue:
        """A queue in ascending order of numbers, see `seco_core.review.queue_keys`."""
        return cls(np.argsort(keys), is_open, keys)

    def __len__(self) -> int:
        """How many regions are open."""
        return int(np.count_nonzero(self._open))

    def set_open(self, rows: NDArray[np.int64], values: NDArray[np.bool_]) -> None:
        """Open or close some regions."""
        self._open[self._rank[rows]] = values

    def replace(self, is_open: NDArray[np.bool_]) -> None:
        """Open other regions in the same order and begin with the first of them again."""
        self._open = is_open[self._order]
        self._passed[:] = False

    def move(self, rows: NDArray[np.int64], keys: NDArray[np.uint64]) -> None:
        """Put some regions, each named once, where their new keys belong; the others stay in order."""
        if not len(rows):
            return
        assert self._keys is not None, "a queue without keys has a fixed order"
        by_key = np.argsort(keys)
        rows, keys = rows[by_key], keys[by_key]
        old = np.sort(self._rank[rows])
        # only what lies between the first and the last place that changes is moved
        low = min(int(old[0]), int(np.searchsorted(self._keys, keys[0])))
        high = max(int(old[-1]) + 1, int(np.searchsorted(self._keys, keys[-1])))
        staying = np.ones(high - low, dtype=bool)
        staying[old - low] = False
        stay = low + np.flatnonzero(staying)
        before = np.searchsorted(self._keys[stay], keys)
        source = np.insert(stay, before, self._rank[rows])
        moved = np.insert(self._keys[stay], before, keys)
        for by_rank in (self._order, self._open, self._passed):
            by_rank[low:high] = by_rank[source]
        self._keys[low:high] = moved
        self._rank[self._order[low:high]] = np.arange(low, high)

    def current(self) -> int | None:
        """The open region that the queue stands at: the first that was not passed, else the first."""
        return self._first(self._open & ~self._passed, self._open)

    def go_to(self, row: int) -> None:
        """Go on from a region: what comes before it is passed."""
        rank = int(self._rank[row])
        if self._passed[rank]:  # back to it by hand, or around the end
            self._passed[rank:] = False
        self._passed[:rank] = True

    def after(self, row: int) -> int | None:
        """The open region that comes after `row`, around the end; never `row` itself."""
        rank = int(self._rank[row])
        others = self._open.copy()
        others[rank] = False
        later = others.copy()
        later[:rank] = False
        return self._first(later & ~self._passed, later, others)

    def worst_among(self, rows: slice, *, after: int | None = None) -> int | None:
        """The first open region of a range of rows; of those past `after` in the order if that is given."""
        ranks = self._rank[rows]
        ranks = ranks[self._open[ranks]]
        if after is not None:
            ranks = ranks[ranks > self._rank[after]]
        return int(self._order[ranks.min()]) if len(ranks) else None

    def first(self, count: int) -> NDArray[np.int64]:
        """The rows of the open regions that come next in order, at most `count`."""
        return self._order[np.flatnonzero(self._open)[:count]]

    def position(self, row: int) -> int:
        """The how-manieth of the open regions a row is, from 1; 0 if it is not open."""
        rank = int(self._rank[row])
        return int(np.count_nonzero(self._open[: rank + 1])) if self._open[rank] else 0

    def _first(self, *choices: NDArray[np.bool_]) -> int | None:
        """The first region of the first choice that has any."""
        for chosen in choices:
            if chosen.any():
                return int(self._order[chosen.argmax()])
        return None
