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
import logging
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from multiprocessing.spawn import get_executable
from typing import IO, Any

from seco_core.errors import SecoError
from seco_core.progress import Cancelled, CancelToken
from seco_viewer import engine_service
from seco_viewer.engine_service import BEGUN, DONE, WARNING, Raised

logger = logging.getLogger(__name__)

LISTENER = "engine"
"""Name of the thread that hears what an engine's process tells, as long as there is one."""

_ENDED, _LET_GO = "<ended>", "<let go>"
"""What is told on this side, besides what the engine tells."""


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
    process = _processes.take()
    try:
        outcome = process.do(work, args, options, cancel, callbacks)
    except BaseException:  # a callback's, or it has ended: whatever it still does nobody waits for
        _processes.give_up(process)
        raise
    _processes.put_back(process)
    if isinstance(outcome, Raised):
        raise outcome.again()
    return outcome


def let_go() -> None:
    """Wait no more for work that is going on: it is cancelled, and its processes end by themselves."""
    _processes.let_go()


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
                [python, "-P", "-X", "faulthandler", "-m", engine_service.__name__],
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
        self._requests = self._process.stdin
        self._told: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._begun = False
        threading.Thread(
            target=self._listen, args=(self._process.stdout,), name=LISTENER, daemon=True
        ).start()

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
        self._number, self._begun = self._number + 1, False
        self._ask(self._number, (work, args, options, tuple(callbacks)))
        with cancel.told(self._cancel):
            while (told := self._told.get())[0] != DONE:
                called, content = told
                if called == _ENDED:
                    raise self._ended()
                if called == _LET_GO:
                    raise Cancelled
                if called == BEGUN:
                    self._begun = True
                elif called == WARNING:
                    logger.warning(*content)
                else:
                    callbacks[called](*content)
        return told[1][0]

    def let_go(self) -> None:
        """Have `do` end at once, cancelled."""
        self._told.put((_LET_GO, ()))

    def close(self) -> None:
        """Let it end: at once if it does nothing, else soon."""
        with contextlib.suppress(OSError):  # it may have ended with something unread
            self._requests.close()
        with contextlib.suppress(RuntimeError):  # Python is ending, and starts no thread any more
            threading.Thread(target=self._process.wait, daemon=True).start()

    def _cancel(self) -> None:
        self._ask(self._number, None)
        if not self._begun:  # it takes seconds to get ready
            self.let_go()

    def _listen(self, answers: IO[bytes]) -> None:
        try:
            while True:
                self._told.put(pickle.load(answers))
        except (EOFError, OSError):
            pass
        except Exception:  # whatever unpickling makes of it: nobody shall wait for what comes after it
            logger.exception("what the engine's process tells cannot be read")
            self._process.terminate()
        self._told.put((_ENDED, ()))

    def _ask(self, number: int, request: object) -> None:
        with contextlib.suppress(OSError, ValueError), self._lock:  # the answers tell if it has ended
            pickle.dump((number, request), self._requests)
            self._requests.flush()

    def _ended(self) -> EngineEnded:
        status = self._process.wait()
        how = f"with exit status {status}" if status >= 0 else f"by {signal.Signals(-status).name}"
        if how.endswith("SIGKILL"):
            return EngineEnded(
                f"the engine's process was ended {how}, as happens when memory runs out.",
                remedy="What was stored is kept: try again, with fewer workers if memory was short.",
            )
        return EngineEnded(
            f"the engine's process has ended {how}.",
            remedy="The terminal that SeCo was started in says why. What was stored is kept: try again.",
        )


class _Processes:
    """Those at work, and one that has nothing to do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: _Process | None = None
        self._busy: set[_Process] = set()
        atexit.register(self._leave)

    def take(self) -> _Process:
        with self._lock:
            process, self._idle = self._idle, None
            if process is None or not process.alive:
                process = _Process()
            self._busy.add(process)
        return process

    def put_back(self, process: _Process) -> None:
        with self._lock:
            self._busy.discard(process)
            before, self._idle = self._idle, process
        if before is not None:
            before.close()

    def give_up(self, process: _Process) -> None:
        with self._lock:
            self._busy.discard(process)
        process.close()

    def let_go(self) -> None:
        with self._lock:
            for process in self._busy:
                process.let_go()

    def _leave(self) -> None:
        if self._idle is not None:
            self._idle.close()


_processes = _Processes()
