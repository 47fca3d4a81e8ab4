"""A run in the window's own process, where a test can hold it up or have it fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seco_core.progress import CancelToken
from seco_viewer.docks import run_job
from seco_viewer.workers import import_torch


def instead(monkeypatch: pytest.MonkeyPatch, run: Callable[..., Any]) -> None:
    """Have a function of `run_pipeline`'s parameters run in its place, in the window's thread for it."""

    import_torch()  # another test may have drawn a window

    def here(work: object, *args: Any, cancel: CancelToken, callbacks: Any, **options: Any) -> Any:
        return run(*args, cancel=cancel, **callbacks, **options)

    monkeypatch.setattr(run_job, "in_engine_process", here)
