from __future__ import annotations

import pytest

from seco_core.console import progress_bars
from seco_core.progress import ProgressEvent


def test_a_log_gets_few_lines_of_each_stage(capsys: pytest.CaptureFixture[str]):
    with progress_bars() as show:
        for stage in ("psa", "scc"):
            for done in range(3001):
                show(ProgressEvent(stage, done, 3000, f"image {done}"))
    told = capsys.readouterr().err
    assert told.count("\r") <= 8
    assert told.count("3000/3000") == 2
    assert "image 3000" in told
