"""How SAM's weights are opened and checked, and what comes of real ones."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import partial

import numpy as np
import pytest
import torch
from segment_anything import sam_model_registry

from benchmarks.random_sam import random_sam
from seco_core.errors import WeightsError
from seco_core.masks.base import Prompt
from seco_core.masks.sam import SamSource, load_model
from seco_core.masks.sam.automatic import AutomaticSettings
from seco_core.masks.sources import open_mask_source
from seco_core.parameters import MaskParameters
from tests.conftest import full


@pytest.fixture
def small_vit_b(tmp_path, monkeypatch):
    """A file whose encoder is as wide as vit_b's, and a builder of models that fit it."""
    build = partial(random_sam, 64, width=768)
    monkeypatch.setitem(sam_model_registry, "vit_b", build)
    path = tmp_path / "sam.pth"
    torch.save(build().state_dict(), path)
    return path


def test_weights_are_loaded_and_their_type_is_found(small_vit_b):
    model, sha256 = load_model(small_vit_b, device="cpu")
    assert sha256 == hashlib.sha256(small_vit_b.read_bytes()).hexdigest()
    assert model.kind == "vit_b"
    assert model.precision == torch.float32
    parameters = MaskParameters(source="sam", checkpoint=str(small_vit_b), points_per_side=2)
    source = open_mask_source(parameters, "cpu")
    assert source.signature["weights_sha256"] == sha256
    image = np.zeros((60, 100, 3), np.uint8)
    assert len(source.prepare(image, "x").answer([Prompt((2, 3, 20, 25))])) == 1


def test_every_parameter_reaches_the_source(small_vit_b):
    changes = {
        "precision": "bfloat16",
        "points_per_side": 5,
        "pred_iou_thresh": 0.5,
        "stability_score_thresh": 0.4,
        "min_mask_region_area": 7,
    }
    source = open_mask_source(MaskParameters(source="sam", checkpoint=str(small_vit_b), **changes), "cpu")
    assert changes.items() <= source.signature.items()


def test_another_type_than_asked_for_is_refused(small_vit_b):
    with pytest.raises(WeightsError, match="holds vit_b, not vit_h"):
        load_model(small_vit_b, "vit_h", device="cpu")


def test_truncated_weights_are_refused(small_vit_b):
    whole = small_vit_b.read_bytes()
    for length in (0, 100, len(whole) // 2):
        small_vit_b.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="damaged") as caught:
            load_model(small_vit_b, device="cpu")
        assert caught.value.path == small_vit_b
        assert "seco weights verify" in str(caught.value)


@pytest.mark.parametrize("content", [{"a": torch.zeros(3)}, [1, 2], torch.zeros(2)])
def test_files_of_other_models_are_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="does not hold"):
        load_model(tmp_path / "other.pth", device="cpu")


def test_incomplete_weights_are_refused(small_vit_b):
    state = torch.load(small_vit_b)
    del state["mask_decoder.iou_token.weight"]
    torch.save(state, small_vit_b)
    with pytest.raises(WeightsError, match="iou_token"):
        load_model(small_vit_b, device="cpu")


def test_missing_weights_say_where_to_get_them(tmp_path):
    for path in ("", tmp_path / "none.pth"):
        with pytest.raises(WeightsError, match=r"sam_vit_b_01ec64\.pth \(375 MB\)"):
            load_model(path)


@pytest.mark.parametrize("missing", ["seco_core.masks.sam", "seco_core.masks.sam.segment_anything"])
def test_a_broken_installation_is_explained(monkeypatch, small_vit_b, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(WeightsError, match="torchvision"):
        open_mask_source(MaskParameters(source="sam", checkpoint=str(small_vit_b)), "cpu")


@pytest.mark.sam_weights
@pytest.mark.skipif("SECO_SAM_CHECKPOINT" not in os.environ, reason="SECO_SAM_CHECKPOINT names no weights")
def test_real_weights_find_a_square():
    model, sha256 = load_model(os.environ["SECO_SAM_CHECKPOINT"])
    image = np.full((120, 160, 3), 90, np.uint8)
    image[40:80, 50:110] = (220, 40, 40)
    truth = np.zeros((120, 160), bool)
    truth[40:80, 50:110] = True

    def overlap(mask):
        return np.count_nonzero(mask & truth) / np.count_nonzero(mask | truth)

    chosen = AutomaticSettings(points_per_side=8)
    seen = SamSource(model, sha256=sha256, settings=chosen).prepare(image, "square")
    found = seen.answer([Prompt((45, 35, 115, 85), np.array([[80.0, 60.0]]), np.array([1]))])
    assert overlap(full(found, 0)) > 0.9
    masks = seen.proposals()
    assert max(overlap(full(masks, i)) for i in range(len(masks))) > 0.9
