"""What several benchmarks need."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from seco_core.project.store import STORE_NAME

TIMES = {"runs": {"started", "finished"}, "events": {"time", "by"}, "meta": {"value"}}
"""Columns of the store that say when and where, not what."""


def report(numbers: dict[str, Any]) -> None:
    """Print the closing JSON line."""
    plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in numbers.items()}
    print(json.dumps(plain))


def hardware() -> str:
    """The machine in a few words."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def run_seco(*arguments: str | Path) -> tuple[float, float]:
    """Run the `seco` command in a process of its own; (seconds, peak memory in GB)."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "seco_core.cli", *map(str, arguments)], check=False)
    seconds = time.perf_counter() - started
    if done.returncode not in (0, 1):
        raise SystemExit(f"seco {' '.join(map(str, arguments))} ended with {done.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e9


def store_digest(project: Path, without: Collection[str] = ()) -> str:
    """SHA-256 of a project's store but for times, places and the tables named, and of its rasters."""
    digest = hashlib.sha256()
    connection = sqlite3.connect(f"file:{project / STORE_NAME}?mode=ro", uri=True)
    tables = [r[0] for r in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in sorted(set(tables) - set(without)):
        columns = [r[1] for r in connection.execute(f"PRAGMA table_info({table})")]
        kept = ", ".join(c for c in columns if c not in TIMES.get(table, ()))
        digest.update(table.encode())
        for row in connection.execute(f"SELECT {kept} FROM {table} ORDER BY {kept}"):
            digest.update(repr(row).encode())
    connection.close()
    for path in sorted((project / "rasters").rglob("*.*")):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
