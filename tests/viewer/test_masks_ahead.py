"""The mask source looks at the image that is wanted, and at no other for long."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from seco_core.pipeline.image_masks import see_image
from seco_core.progress import CancelToken
from seco_viewer import masks_ahead
from seco_viewer.masks_ahead import MasksAhead
from seco_viewer.session import Session

pytestmark = pytest.mark.gui


def test_an_image_that_was_left_is_looked_at_no_longer(session: Session, qtbot, monkeypatch):
    begun, left = threading.Event(), []

    def see(path: Any, image_id: int, parameters: Any, *, cancel: CancelToken, **more: Any) -> Any:
        if image_id == 0:
            begun.set()
            with cancel.told((cancelled := threading.Event()).set):
                assert cancelled.wait(60)
            left.append(image_id)
            cancel.raise_if_cancelled()
        return see_image(path, image_id, parameters, cancel=cancel, **more)

    monkeypatch.setattr(masks_ahead, "see_image", see)
    ahead, ready = MasksAhead(session.project), []
    ahead.ready.connect(lambda seen: ready.append(seen.image_id))
    assert ahead.want(0) is None
    assert begun.wait(60)
    assert ahead.want(0) is None
    assert not left
    assert ahead.want(1) is None
    qtbot.waitUntil(lambda: ready == [1])
    assert left == [0]
