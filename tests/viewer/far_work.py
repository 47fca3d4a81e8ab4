"""Work for another process, which loads nothing of a window."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable

from seco_core.errors import ForeignIdsError
from seco_core.progress import Cancelled, CancelToken


def who(*, cancel: CancelToken) -> tuple[int, list[str], int]:
    print("what a library prints is no answer")
    return os.getpid(), sorted(sys.modules), os.getpriority(os.PRIO_PROCESS, 0)


def count(number: int, *, tell: Callable[[int], None], cancel: CancelToken) -> int:
    for i in range(number):
        tell(i)
    return number


def until_cancelled(*, tell: Callable[[int], None], cancel: CancelToken) -> None:
    tell(os.getpid())
    with cancel.told((cancelled := threading.Event()).set):
        assert cancelled.wait(60)
    cancel.raise_if_cancelled()


def fail(how: str, *, cancel: CancelToken) -> None:
    if how == "seco":
        raise ForeignIdsError("has ids.", path="a.png", remedy="Look.", pixels=3)
    if how == "cancelled":
        raise Cancelled
    raise ZeroDivisionError("by nothing")


def warn(*, cancel: CancelToken) -> None:
    warnings.warn("few regions.", stacklevel=1)


def die(how: int, *, cancel: CancelToken) -> None:
    os.kill(os.getpid(), how)


class Unreadable:
    """Can be sent, not received."""

    def __reduce__(self) -> tuple[type[Unreadable], tuple[str]]:
        return Unreadable, ("one too many",)


def answer_what_cannot_be_read(*, cancel: CancelToken) -> Unreadable:
    return Unreadable()
