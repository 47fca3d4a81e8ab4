"""Long work of the engine in a thread of napari's, with progress, cancelling and readable errors."""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import importlib.util
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.qt.threading import WorkerBase, create_worker
from qtpy.QtCore import QObject, Signal

from seco_core.errors import SecoError
from seco_core.progress import Cancelled, CancelToken, ProgressCallback, ProgressEvent
from seco_viewer.activity_bar import ActivityBar
from seco_viewer.engine_process import let_go
from seco_viewer.error_detail import error_detail

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_EVENTS = 0.2
_SHORT_TURN = 0.0005
"""Seconds that a working thread may keep Python's lock while the window waits for it; Python's own are ten
times that, and a key takes the lock many times."""

_NICE = 10
"""Priority of working threads as Unix counts it; a window has 0."""

Work = Callable[[ProgressCallback, CancelToken], Any]
"""What is done in the thread. It must open its own store."""


def import_torch() -> None:
    """Import torch's compiler, which its optimisers need, in a process that draws a window.

    It looks for Triton, whose LLVM crashes on loading when Mesa's OpenGL has brought its own; nothing here
    compiles, so it is told that there is no Triton. Others can still import it.
    """
    if "triton" in sys.modules or "torch._dynamo" in sys.modules:
        return
    _load_libraries()
    sys.modules["triton"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("torch._dynamo")
    finally:
        del sys.modules["triton"]
    if gc.get_freeze_count():  # a project is open: see SecoDock
        gc.freeze()


def _load_libraries() -> None:
    """Load torch's libraries ahead of its import, which would stop the window for half a second.

    An import holds Python's lock while the system loads and links a library; a call by ctypes does not. What
    cannot be loaded so is left to the import.
    """
    found = importlib.util.find_spec("torch")
    if os.name != "posix" or found is None or found.origin is None or "torch" in sys.modules:
        return
    system = ctypes.CDLL(None)
    system.dlopen.argtypes, system.dlopen.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    for name in ("libtorch_cpu", "libtorch", "libtorch_python"):
        for path in (Path(found.origin).parent / "lib").glob(f"{name}.*"):
            system.dlopen(os.fsencode(path), os.RTLD_NOW)


_going_on: set[Job] = set()
_usual_turn = sys.getswitchinterval()


def _take_turns() -> None:
    """Make working threads give way to the window while there are any."""
    sys.setswitchinterval(_SHORT_TURN if _going_on else _usual_turn)


@atexit.register
def _stop_all() -> None:
    """Let no thread outlive Python, which would hang or crash, where no window was closed before."""
    if _going_on:
        WorkerBase.await_workers()  # others' workers too: it waits for all of Qt's threads


def _give_way() -> None:
    """Let the window's thread go first where this one and those that it will start want its core.

    Only Linux has priorities of threads; elsewhere the system is left to decide.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        if os.getpriority(os.PRIO_PROCESS, thread) < _NICE:
            os.setpriority(os.PRIO_PROCESS, thread, _NICE)


class Failures(QObject):
    """Tells of errors in work that nobody foresaw, whoever began it.

    Attributes
    ----------
    unexpected : Signal(str, str)
        What to say, and what to copy; on the main thread, after all that the work's end has led to.
    """

    unexpected = Signal(str, str)


failures = Failures()


class Job(QObject):
    """One piece of work. Make it on the main thread; its signals arrive there.

    It lives until its work has ended, also when the widget that began it is gone: a thread that reports to an
    object that Qt has deleted ends the process.

    Parameters
    ----------
    work : callable
        Called in a thread with a progress callback and a cancel token.
    title : str
        What napari's activity dock shows.

    Attributes
    ----------
    progressed : Signal(ProgressEvent)
        Not more often than five times a second, but for the first and last of a stage.
    succeeded : Signal(object)
        What the work returned.
    failed : Signal(str)
        What went wrong and what can be done about it.
    cancelled : Signal()
        It was stopped on request.
    ended : Signal()
        After any of the three.
    """

    progressed = Signal(object)
    succeeded = Signal(object)
    failed = Signal(str)
    cancelled = Signal()
    ended = Signal()

    def __init__(self, work: Work, title: str):
        super().__init__()
        self._work = work
        self._token = CancelToken()
        self._last = ("", 0.0)
        self._bar = ActivityBar(title)
        self.progressed.connect(self._bar.follow)
        self._worker = create_worker(self._run, _start_thread=False, _ignore_errors=True)
        self._worker.quit = self._quit
        self._worker.returned.connect(self._returned)
        self._worker.errored.connect(self._errored)

    def start(self) -> None:
        """Begin."""
        _going_on.add(self)
        _take_turns()
        self._bar.begin()
        self._worker.start()

    def cancel(self) -> None:
        """Ask the work to stop; `cancelled` or another ending follows."""
        self._token.cancel()

    def _quit(self) -> None:
        """Napari or Python is ending; it waits for all work."""
        self._token.cancel()
        let_go()

    def _run(self) -> Any:
        _give_way()
        return self._work(self._report, self._token)

    def _report(self, event: ProgressEvent) -> None:
        """Pass an event on to the main thread; called in the work's."""
        now = time.monotonic()
        stage, then = self._last
        if event.stage != stage or event.done == event.total or now - then >= _SECONDS_BETWEEN_EVENTS:
            self._last = (event.stage, now)
            self.progressed.emit(event)

    def _over(self) -> None:
        self._bar.end()
        _going_on.discard(self)
        _take_turns()

    def _returned(self, value: Any) -> None:
        self._over()
        self.succeeded.emit(value)
        self.ended.emit()

    def _errored(self, error: BaseException) -> None:
        self._over()
        if isinstance(error, Cancelled):
            self.cancelled.emit()
        elif isinstance(error, SecoError):
            self.failed.emit(str(error))
        else:
            logger.error("unexpected error", exc_info=error)
            unexpected = f"Unexpected {type(error).__name__}: {error}. Nothing that was stored is lost."
            self.failed.emit(unexpected)
            self.ended.emit()
            failures.unexpected.emit(f"{unexpected} Try again; if it stays, report it.", error_detail(error))
            return
        self.ended.emit()
