"""The log of what people decided: append-only, undone and redone by adding to it."""

from __future__ import annotations

import getpass
import sqlite3
from collections import defaultdict
from collections.abc import Sequence

from seco_core.errors import OverrideError
from seco_core.project.overrides import Action, Decision, Event, Origin, Override
from seco_core.project.store import is_busy, store_errors, timestamp, transaction, without_waiting
from seco_core.rle import decode_mask, encode_mask


class OverrideLog:
    """The overrides of a project.

    A batch is what one key press decided; it is undone and redone as a whole. A new decision after an undo
    makes the undone batches unreachable, but they stay in the log.
    """

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        self._last_seq = 0
        self._last_batch = 0
        self._seen: int | None = None  # version of the store when `look` last looked
        self._own = 0  # batch that this window has written last
        self._done: list[int] = []
        self._undone: list[int] = []
        self._batches: defaultdict[int, list[Override]] = defaultdict(list)
        self._active: defaultdict[int, list[Override]] = defaultdict(list)
        self._surprised = False  # whether another window has written since
        self._changed = set[int]()  # images on which it has
        self.refresh()
        self._surprised = False
        self._changed.clear()

    @property
    def can_undo(self) -> bool:
        """Whether there is a decision to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone decision to redo."""
        return bool(self._undone)

    def to_undo(self) -> tuple[Override, ...]:
        """What `undo` would take back, as far as is known here; empty if there is none."""
        return tuple(self._batches[self._done[-1]]) if self._done else ()

    def to_redo(self) -> tuple[Override, ...]:
        """What `redo` would apply again, as far as is known here; empty if there is none."""
        return tuple(self._batches[self._undone[-1]]) if self._undone else ()

    @property
    def last_seq(self) -> int:
        """Number of the newest event; 0 when nothing was ever decided."""
        return self._last_seq

    def active(self, image_id: int) -> tuple[Override, ...]:
        """The overrides of an image that hold, oldest first."""
        return tuple(self._active.get(image_id, ()))

    def ever(self, image_id: int) -> list[Override]:
        """All overrides that an image has ever had, also those that were undone, oldest first."""
        return [o for batch in self._batches.values() for o in batch if o.image_id == image_id]

    def images(self) -> list[int]:
        """Ids of the images that have overrides that hold, ascending."""
        return sorted(i for i, overrides in self._active.items() if overrides)

    def seqs(self) -> set[int]:
        """Numbers of the overrides that hold."""
        return {override.seq for overrides in self._active.values() for override in overrides}

    def __len__(self) -> int:
        return sum(len(overrides) for overrides in self._active.values())

    def record(self, decisions: Sequence[Decision], *, by: str | None = None) -> tuple[Override, ...]:
        """Add decisions as one batch. They are on disk when this returns.

        Parameters
        ----------
        decisions : sequence of Decision
            What was decided.
        by : str, optional
            Who decided; the user of this computer if left out.

        Raises
        ------
        OverrideError
            If there is none, or a mask is empty or does not fit its box.
        StorageFullError, ProjectReadOnlyError
            If the store cannot be written; nothing was recorded.
        """
        if not decisions:
            raise OverrideError("there is nothing to record.")
        for decision in decisions:
            _check(decision)
        with transaction(self._connection):
            self.refresh()
            batch = self._last_batch + 1
            now, author = timestamp(), by or _author()
            self._connection.executemany(
                "INSERT INTO events (batch, time, by, kind, action, image_id, region_id, class_id,"
                " x0, y0, x1, y1, mask, origin, source_seq)"
                " VALUES (?, ?, ?, 'override', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        batch,
                        now,
                        author,
                        d.action,
                        d.image_id,
                        d.region_id,
                        d.class_id,
                        *d.box,
                        encode_mask(d.mask),
                        None if d.origin is Origin.PERSON else d.origin,
                        d.source_seq,
                    )
                    for d in decisions
                ],
            )
            last = int(self._connection.execute("SELECT last_insert_rowid()").fetchone()[0])
        # known without reading them back, which costs five times the recording
        for seq, decision in enumerate(decisions, start=last - len(decisions) + 1):
            own = {**vars(decision), "mask": decision.mask.copy(), "seq": seq, "batch": batch}
            self._take(Override(**own))
        return tuple(self._batches[batch])

    def undo(self) -> tuple[Override, ...]:
        """Take back the newest batch; its overrides. Empty if there is none.

        Raises
        ------
        OverrideError
            If another window has decided or undone anything since: what is newest is not what the caller
            takes for it. Nothing was undone; the next call takes back what is newest then.
        """
        return self._turn("undo")

    def redo(self) -> tuple[Override, ...]:
        """Apply again the batch that was undone last; its overrides. Empty if there is none.

        Raises
        ------
        OverrideError
            As for `undo`.
        """
        return self._turn("redo")

    def refresh(self) -> None:
        """Take in decisions that another window or thread has recorded since."""
        with store_errors(self._connection):
            self._read_on()

    def look(self) -> bool:
        """Take in what others have recorded since, unless one is writing right now; whether there are
        `changed_by_others`.

        It costs next to nothing if nobody has written: it may be asked for every second.
        """
        with store_errors(self._connection), without_waiting(self._connection):
            try:
                version = self._connection.execute("PRAGMA data_version").fetchone()[0]
                if version != self._seen:
                    self._read_on()
                    self._seen = version
            except sqlite3.OperationalError as error:
                if is_busy(error):
                    return False
                raise
        return bool(self._changed)

    def changed_by_others(self) -> set[int]:
        """Images on which another window has decided or undone anything since `forget_changed`."""
        return set(self._changed)

    def forget_changed(self) -> None:
        """Begin `changed_by_others` anew: what others have decided so far is shown."""
        self._changed.clear()

    def history(self) -> list[Event]:
        """Every event ever recorded, oldest first."""
        rows = self._connection.execute("SELECT * FROM events ORDER BY seq").fetchall()
        undone = set[int]()
        for r in rows:
            if r["kind"] != "override":
                (undone.add if r["kind"] == "undo" else undone.discard)(r["target_batch"])
        return [
            Event(
                r["seq"], r["batch"], r["time"], r["by"], r["kind"], r["target_batch"], r["action"],
                r["image_id"], r["region_id"], r["class_id"],
                (r["x0"], r["y0"], r["x1"], r["y1"]) if r["x0"] is not None else None,
                *((r["origin"] or Origin.PERSON, r["source_seq"], r["batch"] not in undone)
                  if r["kind"] == "override" else ()),
            )
            for r in rows
        ]  # fmt: skip

    def _read_on(self) -> None:
        rows = self._connection.execute(
            "SELECT * FROM events WHERE seq > ? ORDER BY seq", (self._last_seq,)
        ).fetchall()
        for row in rows:
            self._last_seq, self._last_batch = row["seq"], row["batch"]
            others = row["batch"] != self._own
            self._surprised |= others
            if row["kind"] == "override":
                self._take(_override(row))
            elif row["kind"] == "undo":
                batch = self._done.pop()
                self._undone.append(batch)
                for override in self._batches[batch]:
                    self._active[override.image_id].remove(override)
            else:
                batch = self._undone.pop()
                self._done.append(batch)
                for override in self._batches[batch]:
                    self._active[override.image_id].append(override)
            if others:
                about = row["target_batch"] if row["kind"] != "override" else row["batch"]
                self._changed |= {override.image_id for override in self._batches[about]}

    def _take(self, override: Override) -> None:
        """Let an override hold that comes after all that is known."""
        self._last_seq, self._last_batch = override.seq, override.batch
        if not self._done or self._done[-1] != override.batch:
            self._done.append(override.batch)
            self._undone.clear()
        self._batches[override.batch].append(override)
        self._active[override.image_id].append(override)

    def _turn(self, kind: str) -> tuple[Override, ...]:
        with transaction(self._connection):
            self.refresh()
            if self._surprised:
                self._surprised = False
                raise OverrideError(
                    "another window has decided or undone something since; nothing was changed.",
                    remedy=f"Look at it, then {kind} again: it takes the newest of all decisions.",
                )
            stack = self._done if kind == "undo" else self._undone
            if not stack:
                return ()
            target, batch = stack[-1], self._last_batch + 1
            self._connection.execute(
                "INSERT INTO events (batch, time, by, kind, target_batch) VALUES (?, ?, ?, ?, ?)",
                (batch, timestamp(), _author(), kind, target),
            )
        self._own = batch
        self.refresh()
        return tuple(self._batches[target])


def _check(decision: Decision) -> None:
    x0, y0, x1, y1 = decision.box
    if decision.mask.shape != (y1 - y0, x1 - x0) or min(x0, y0) < 0:
        raise OverrideError(f"a mask of shape {decision.mask.shape} does not fit its box {decision.box}.")
    if not decision.mask.any():
        raise OverrideError("an override needs at least one pixel.")


def _override(row: sqlite3.Row) -> Override:
    box = (row["x0"], row["y0"], row["x1"], row["y1"])
    return Override(
        action=Action(row["action"]),
        image_id=row["image_id"],
        class_id=row["class_id"],
        box=box,
        mask=decode_mask(row["mask"], (box[3] - box[1], box[2] - box[0])),
        region_id=row["region_id"],
        origin=Origin(row["origin"] or Origin.PERSON),
        source_seq=row["source_seq"],
        seq=row["seq"],
        batch=row["batch"],
    )


def _author() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user in a container
        return "unknown"
