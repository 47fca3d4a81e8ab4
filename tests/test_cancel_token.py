"""Whoever waits is told of a cancellation, once."""

from __future__ import annotations

import pytest

from seco_core.progress import Cancelled, CancelToken


def test_who_waits_is_told_once():
    token, told = CancelToken(), []
    with token.told(lambda: told.append("first")):
        assert not told
        token.cancel()
        token.cancel()
        assert told == ["first"]
    with token.told(lambda: told.append("late")):
        assert told == ["first", "late"]
    with pytest.raises(Cancelled):
        token.raise_if_cancelled()


def test_who_waits_no_more_is_not_told():
    token, told = CancelToken(), []
    with token.told(lambda: told.append("first")):
        pass
    token.cancel()
    assert not told
