"""Progress of long work and a way to stop it, without any window."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class Cancelled(Exception):
    """Work was stopped on request. What had been stored before stays."""


@dataclass(frozen=True)
class ProgressEvent:
    """One step of long work.

    Attributes
    ----------
    stage : str
        The stage that is running, such as ``"psa"``.
    done, total : int
        Steps done and steps in all; ``total`` is 0 when it is not known.
    message : str
        What was just done, such as an image's name.
    """

    stage: str
    done: int
    total: int
    message: str = ""


ProgressCallback = Callable[[ProgressEvent], None]


def ignore_progress(event: ProgressEvent) -> None:
    """Take a progress event and do nothing."""


class CancelToken:
    """A flag that asks running work to stop; safe to set from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._tell: list[Callable[[], object]] = []

    def __reduce__(self) -> tuple[type[CancelToken], tuple[()]]:
        # in another process it is a token of its own: work there is cancelled by its scheduler
        return CancelToken, ()

    def cancel(self) -> None:
        """Ask the work to stop at its next check."""
        with self._lock:
            told = () if self._event.is_set() else tuple(self._tell)
            self._event.set()
        for tell in told:
            tell()

    @contextmanager
    def told(self, tell: Callable[[], object]) -> Iterator[None]:
        """Have a function called once when `cancel` is, in whose thread that is, or at once if it was."""
        with self._lock:
            before = self._event.is_set()
            self._tell.append(tell)
        try:
            if before:
                tell()
            yield
        finally:
            with self._lock:
                self._tell.remove(tell)

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` if `cancel` was called."""
        if self._event.is_set():
            raise Cancelled
