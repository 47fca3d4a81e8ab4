"""The engine's side of its own process: does what is asked for until its input ends."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import sys
import threading
import traceback
import warnings
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from seco_core.errors import SecoError
from seco_core.progress import Cancelled, CancelToken

_NICE = 19
"""Priority of the process as Unix counts it, the lowest; a window has 0. Stalls were measured with it."""


BEGUN, DONE, WARNING = "<begun>", "<done>", "<warning>"
"""What is told besides calls, which have their names."""


@dataclass(frozen=True)
class Raised:
    """An error, on its way from one process to the other."""

    error: BaseException | None
    name: str = ""
    module: str = ""
    text: str = ""
    trace: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Raised:
        """Of an error that is being handled."""
        if isinstance(error, SecoError | Cancelled):
            return cls(error)
        kind = type(error)
        return cls(None, kind.__name__, kind.__module__, str(error), traceback.format_exc())

    def again(self) -> BaseException:
        """To be raised where it arrives."""
        if self.error is not None:
            return self.error
        error = type(self.name, (Exception,), {"__module__": self.module})(self.text)
        error.add_note(self.trace)
        return error


def serve() -> None:
    """Do what is asked for until the input ends."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    # whatever a library reads or prints
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    if sys.platform != "win32":
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    asked: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, asked), daemon=True).start()
    lock = threading.Lock()

    def answer(called: str, *content: object) -> None:
        rest = memoryview(pickle.dumps((called, content)))
        with lock, contextlib.suppress(BrokenPipeError):  # a window that is gone has cancelled the work
            while rest:
                rest = rest[answers.write(rest) :]

    def warn(message: Warning | str, *_: object, **__: object) -> None:
        answer(WARNING, str(message))

    warnings.showwarning = warn
    while (request := asked.get()) is not None:
        token, (work, args, options, names) = request
        calls = {name: partial(answer, name) for name in names}
        try:
            token.raise_if_cancelled()
            answer(BEGUN)
            outcome = work(*args, **options, **calls, cancel=token)
        except BaseException as error:
            outcome = Raised.of(error)
        answer(DONE, outcome)


def _listen(requests: IO[bytes], asked: queue.SimpleQueue[Any]) -> None:
    """Take in what is asked for and what is cancelled."""
    current, token = 0, CancelToken()
    try:
        while True:
            number, request = pickle.load(requests)
            if request is not None:
                current, token = number, CancelToken()
                asked.put((token, request))
            elif number == current:
                token.cancel()
    except EOFError:
        token.cancel()
        asked.put(None)


if __name__ == "__main__":
    from seco_viewer.engine_service import serve as serve_by_name  # what it pickles is of this module

    serve_by_name()
