"""The engine in a process of its own: the window never waits for Python's lock while it computes.

It also keeps from the window what long work may do to its process: an exhausted memory, a crash in a library,
what torch and a graphics card's driver hold on to. The two talk through the process's standard input and
output, one pickled message after the other. When the window is gone the input ends: what is being done is
cancelled, and the process ends.

A process that has done its work is kept for the next, because starting one takes seconds.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from multiprocessing.spawn import get_executable
from typing import IO, Any

from seco_core.errors import SecoError
from seco_core.progress import Cancelled, CancelToken

_NICE = 15
"""Priority of the process as Unix counts it; a window has 0."""


class EngineEnded(SecoError):
    """The engine's process has ended before its work had, or could not be started."""


def in_engine_process(
    work: Callable[..., Any],
    *args: object,
    cancel: CancelToken,
    callbacks: Mapping[str, Callable[..., object]],
    **options: object,
) -> Any:
    """Do a piece of the engine's work in another process; what it returns.

    Parameters
    ----------
    work : callable
        A function of a module. It, its arguments and what it returns are pickled.
    *args, **options
        Its arguments.
    cancel : CancelToken
        Cancels the work there; `work` gets a token of its own by this name.
    callbacks : mapping from str to callable
        Those of its arguments that are functions. They are called in this thread, in the order of the calls
        there, which do not wait for them.

    Raises
    ------
    EngineEnded
        If there is no such process, or it ended meanwhile.
    Exception
        Whatever `work` raised. Errors that are not SeCo's are the same by name, text and traceback, not by
        type: that may be of a library that this process has not loaded.
    """
    process = _idle.take()
    try:
        outcome = process.do(work, args, options, cancel, callbacks)
    except BaseException:  # a callback's, or it has ended: whatever it still does nobody waits for
        process.close()
        raise
    _idle.put_back(process)
    if isinstance(outcome, _Raised):
        raise outcome.again()
    return outcome


@dataclass(frozen=True)
class _Raised:
    """An error, on its way from one process to the other."""

    error: BaseException | None
    name: str = ""
    module: str = ""
    text: str = ""
    trace: str = ""

    @classmethod
    def of(cls, error: BaseException) -> _Raised:
        if isinstance(error, SecoError | Cancelled):
            return cls(error)
        kind = type(error)
        return cls(None, kind.__name__, kind.__module__, str(error), traceback.format_exc())

    def again(self) -> BaseException:
        if self.error is not None:
            return self.error
        error = type(self.name, (Exception,), {"__module__": self.module})(self.text)
        error.add_note(self.trace)
        return error


class _Process:
    """The engine's process, as the window's sees it."""

    def __init__(self) -> None:
        self._number = 0
        self._lock = threading.Lock()
        # a group of its own: Ctrl+C in the terminal is the window's. Not a session: Linux would share the
        # cores out between the two as equals, whatever the priorities
        apart: dict[str, Any] = {"process_group": 0}
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
            apart = {"creationflags": flags | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
        python = os.fsdecode(get_executable() or sys.executable)
        try:
            self._process = subprocess.Popen(
                # -P: what lies in the working folder is not imported here either
                [python, "-P", "-X", "faulthandler", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                **apart,
            )
        except OSError as error:
            raise EngineEnded(
                f"the engine's process could not be started: {error}.",
                remedy="In a terminal, seco run does the same without another process.",
            ) from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def do(
        self,
        work: Callable[..., Any],
        args: tuple[object, ...],
        options: dict[str, object],
        cancel: CancelToken,
        callbacks: Mapping[str, Callable[..., object]],
    ) -> Any:
        self._number += 1
        self._ask(self._number, (work, args, options, tuple(callbacks)))
        with cancel.told(partial(self._ask, self._number, None)):
            while True:
                try:
                    called, content = pickle.load(self._answers)
                except (EOFError, OSError, pickle.UnpicklingError) as error:
                    raise self._ended() from error
                if called is None:
                    return content[0]
                callbacks[called](*content)

    def close(self) -> None:
        """Let it end: at once if it does nothing, else soon."""
        with contextlib.suppress(OSError):  # it may have ended with something unread
            self._requests.close()
        threading.Thread(target=self._process.wait, daemon=True).start()

    def _ask(self, number: int, request: object) -> None:
        with contextlib.suppress(OSError, ValueError), self._lock:  # the answers tell if it has ended
            pickle.dump((number, request), self._requests)
            self._requests.flush()

    def _ended(self) -> EngineEnded:
        status = self._process.wait()
        how = f"with exit status {status}" if status >= 0 else f"by {signal.Signals(-status).name}"
        return EngineEnded(
            f"the engine's process was ended {how}, as happens when memory runs out.",
            remedy="What was stored is kept: run again, with fewer workers if memory was short.",
        )


class _Idle:
    """Keeps one process that has nothing to do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: _Process | None = None
        atexit.register(self.put_back, None)

    def take(self) -> _Process:
        with self._lock:
            process, self._process = self._process, None
        return process if process is not None and process.alive else _Process()

    def put_back(self, process: _Process | None) -> None:
        with self._lock:
            before, self._process = self._process, process
        if before is not None:
            before.close()


_idle = _Idle()


def _serve() -> None:
    """Do what is asked for until the input ends; in the engine's process."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    # whatever a library reads or prints
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    if sys.platform != "win32":
        os.nice(_NICE)
    asked: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, asked), daemon=True).start()
    lock = threading.Lock()

    def answer(called: str | None, *content: object) -> None:
        rest = memoryview(pickle.dumps((called, content)))
        with lock, contextlib.suppress(BrokenPipeError):  # a window that is gone has cancelled the work
            while rest:
                rest = rest[answers.write(rest) :]

    while (request := asked.get()) is not None:
        token, (work, args, options, names) = request
        calls = {name: partial(answer, name) for name in names}
        try:
            outcome = work(*args, **options, **calls, cancel=token)
        except BaseException as error:
            outcome = _Raised.of(error)
        answer(None, outcome)


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
    from seco_viewer.engine_process import _serve as serve  # its classes are pickled by this module's name

    serve()
