"""Progress of long work and a way to stop it, without any window."""

from __future__ import annotations

import threading
from collections.abc import Callable
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

    def __reduce__(self) -> tuple[type[CancelToken], tuple[()]]:
        # in another process it is a token of its own: work there is cancelled by its scheduler
        return CancelToken, ()

    def cancel(self) -> None:
        """Ask the work to stop at its next check."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` if `cancel` was called."""
        if self._event.is_set():
            raise Cancelled
