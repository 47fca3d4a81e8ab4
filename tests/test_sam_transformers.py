"""SAM, SAM-HQ, SAM 2 and SAM 3 of transformers, as tiny models with random weights."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch

from seco_core.encoders.sam import pool_embedding
from seco_core.errors import WeightsError
from seco_core.masks.base import Prompt
from seco_core.masks.sam import SamSource, load_model
from seco_core.masks.sam.automatic import AutomaticSettings
from seco_core.masks.sam.prompts import to_input_prompts

transformers = pytest.importorskip("transformers")

KINDS = ("sam", "sam_hq", "sam2", "sam3_tracker")
SHAPE = (30, 50)
DECODER = {"hidden_size": 32, "mlp_dim": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


def tiny(kind):
    """The library's own model, as small as it gets."""
    torch.manual_seed(0)
    name = {"sam": "Sam", "sam_hq": "SamHQ", "sam2": "Sam2", "sam3_tracker": "Sam3Tracker"}[kind]
    decoder = {**DECODER, "iou_head_hidden_dim": 16}
    prompts = {"hidden_size": 32, "image_size": 64, "patch_size": 16, "mask_input_channels": 4}
    sizes = [[16, 16], [8, 8], [4, 4]]
    if kind in ("sam", "sam_hq"):
        vision = {
            "hidden_size": 32,
            "output_channels": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 64,
            "window_size": 2,
            "global_attn_indexes": [1],
            "num_pos_feats": 16,
            "initializer_range": 0.02,
        }
        if kind == "sam_hq":
            decoder["vit_dim"] = 32
    elif kind == "sam2":
        backbone = {
            "model_type": "sam2_hiera_det_model",
            "hidden_size": 8,
            "image_size": [64, 64],
            "blocks_per_stage": [1, 1, 2, 1],
            "embed_dim_per_stage": [8, 16, 32, 64],
            "num_attention_heads_per_stage": [1, 1, 2, 2],
            "window_size_per_stage": [4, 2, 2, 2],
            "global_attention_blocks": [3],
        }
        vision = {
            "model_type": "sam2_vision_model",
            "backbone_config": backbone,
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": sizes,
            "fpn_hidden_size": 32,
        }
    else:
        backbone = {
            "model_type": "sam3_vit_model",
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 56,
            "patch_size": 14,
            "window_size": 2,
            "global_attn_indexes": [1],
            "pretrain_image_size": 28,
        }
        vision = {
            "model_type": "sam3_vision_model",
            "backbone_config": backbone,
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": sizes,
        }
        prompts = {**prompts, "image_size": 56, "patch_size": 14}
    config = getattr(transformers, f"{name}Config")(
        vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder
    )
    return getattr(transformers, f"{name}Model")(config).eval()


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param)
    tiny(request.param).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def model(folder):
    return load_model(folder, device="cpu")[0]


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (*SHAPE, 3)).astype(np.uint8)


def prompts_of(count, points=1):
    rng = np.random.default_rng(count)
    low = rng.uniform(0, 20, (count, 2))
    return [
        Prompt((*xy, *(xy + 9)), xy + rng.uniform(0, 9, (points, 2)), np.arange(points) % 2) for xy in low
    ]


def test_a_folder_is_recognised(folder, model):
    assert folder.name.startswith(model.kind)
    assert model.padded == (model.kind in ("sam", "sam_hq"))
    assert model.size == (56 if model.kind == "sam3_tracker" else 64)
    assert load_model(folder, model.kind, device="cpu")[0].kind == model.kind


@pytest.mark.parametrize("points", [0, 1, 2])
def test_answers_are_those_of_the_model_itself(folder, model, image, points):
    """From pixels to logits in one call, with what its own processor would have given it."""
    network = tiny(model.kind)
    prompts = to_input_prompts(model, SHAPE, prompts_of(3, points))
    rows, columns = model.scaled(SHAPE)
    resized = torch.from_numpy(model.resize(image)).permute(2, 0, 1) / 255
    mean, std = (0.5, 0.5) if model.kind == "sam3_tracker" else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    pixels = torch.zeros(1, 3, model.size, model.size)
    pixels[0, :, :rows, :columns] = (resized - torch.tensor(mean).reshape(-1, 1, 1)) / torch.tensor(
        std
    ).reshape(-1, 1, 1)
    with torch.no_grad():
        expected = network(
            pixel_values=pixels,
            input_points=None if points == 0 else torch.tensor(prompts.points).float()[None],
            input_labels=None if points == 0 else torch.tensor(prompts.labels)[None],
            input_boxes=torch.tensor(prompts.boxes).float()[None],
            multimask_output=True,
        )
    found = model.decode(model.embed(image), prompts, multimask=True)
    torch.testing.assert_close(found.logits, expected.pred_masks[0].flatten(0, 1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.iou, expected.iou_scores[0].flatten(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("points", [0, 1, 2])
def test_prompts_in_one_pass_equal_those_one_at_a_time(model, image, points):
    embedding = model.embed(image)
    prompts = to_input_prompts(model, SHAPE, prompts_of(5, points))
    together = model.decode(embedding, prompts, multimask=False)
    alone = [model.decode(embedding, prompts.part(slice(i, i + 1)), multimask=False) for i in range(5)]
    assert together.logits.shape[0] == 5
    torch.testing.assert_close(torch.cat([one.logits for one in alone]), together.logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.cat([one.iou for one in alone]), together.iou, rtol=0, atol=1e-5)


def test_only_wanted_masks_come_back(model, image):
    embedding = model.embed(image)
    prompts = to_input_prompts(model, SHAPE, prompts_of(5))
    everything = model.decode(embedding, prompts, multimask=True)
    assert len(everything.iou) == 15
    least = float(everything.iou.median())
    wanted = model.decode(embedding, prompts, multimask=True, least_iou=least)
    assert torch.equal(wanted.logits, everything.logits[everything.iou > least])
    assert 0 < len(wanted.iou) < 15


def test_coordinates_meet_the_image(model):
    """The image's corner is the input's, or the end of what of it the image covers."""
    rows, columns = model.scaled(SHAPE)
    assert model.to_input(np.array([50, 30]), SHAPE).tolist() == pytest.approx([columns, rows])
    logits = torch.zeros(1, 16, 16)
    logits[:, : round(16 * rows / model.size / 2)] = 1.0  # the upper half of the image
    full = model.upscale(logits, SHAPE)
    assert full.shape == (1, *SHAPE)
    assert full[0, :10].min() > 0.9
    assert full[0, -10:].max() < 0.1


def test_as_a_source_with_bfloat16_and_from_its_embedding(folder, image):
    model, sha256 = load_model(folder, device="cpu", precision="bfloat16")
    chosen = AutomaticSettings(3, 0.0, 0.0)
    source = SamSource(model, sha256=sha256, settings=chosen)
    seen = source.prepare(image, "x")
    masks, answers = seen.proposals(), seen.answer(prompts_of(3))
    assert masks.shape == SHAPE
    assert len(masks) > 0
    assert len(answers) == 3
    assert seen.embedding().shape[0] == 32
    assert source.signature["precision"] == "bfloat16"
    again = source.resume(seen.arrays(), image, "x").answer(prompts_of(3))
    for one, other in zip(answers.crops, again.crops, strict=True):
        np.testing.assert_array_equal(one, other)


def test_its_own_normalization_is_used(folder, model, image):
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.1] * 3, "image_std": [1] * 3})
    )
    try:
        other, _ = load_model(folder, device="cpu")
    finally:
        (folder / "preprocessor_config.json").unlink()
    assert not torch.allclose(other.embed(image)[0], model.embed(image)[0])


def test_the_hash_covers_weights_and_configuration(folder):
    before = load_model(folder, device="cpu")[1]
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config + " ")
    after = load_model(folder, device="cpu")[1]
    (folder / "config.json").write_text(config)
    assert before == load_model(folder, device="cpu")[1] != after


def test_sam_2_loads_from_the_file_of_its_video_model(tmp_path):
    image_model = tiny("sam2")
    parts = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
    config = transformers.Sam2VideoConfig(
        **{part: getattr(image_model.config, part).to_dict() for part in parts},
        memory_attention_hidden_size=32,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=16,
        memory_encoder_hidden_size=32,
        memory_encoder_output_channels=8,
        mask_downsampler_embed_dim=32,
        memory_fuser_embed_dim=32,
        memory_fuser_intermediate_dim=16,
        memory_attention_rope_feat_sizes=[4, 4],
    )
    video = transformers.Sam2VideoModel(config)
    video.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "sam2_video"
    model, _ = load_model(tmp_path, device="cpu")
    assert model.kind == "sam2"
    for name, weight in model._network.state_dict().items():
        assert torch.equal(weight, video.state_dict()[name])


def test_sam_3_loads_from_the_file_of_its_video_model(tmp_path):
    """Names of weights as in facebook/sam3: one encoder for detector and tracker."""
    from safetensors.torch import save_file

    tracker = tiny("sam3_tracker")
    tracker.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config = {"model_type": "sam3_video", "tracker_config": {**config, "model_type": "sam3_tracker_video"}}
    (tmp_path / "config.json").write_text(json.dumps(config))

    def published(name):
        if name.startswith("vision_encoder.backbone."):
            return f"detector_model.{name}"
        if name.startswith("vision_encoder.neck."):
            return name.replace("vision_encoder.neck", "tracker_neck")
        return f"tracker_model.{name}"

    state = {published(name): weight.clone() for name, weight in tracker.state_dict().items()}
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    model, _ = load_model(tmp_path, device="cpu")
    assert model.kind == "sam3_tracker"
    for name, weight in model._network.state_dict().items():
        assert torch.equal(weight, tracker.state_dict()[name])


def test_the_encoder_pools_stretched_and_padded_embeddings_where_the_image_is(model):
    rows = int(np.ceil(64 * model.scaled(SHAPE)[0] / model.size))
    embedding = np.full((1, 64, 64), 1e6, np.float32)
    embedding[:, :rows] = np.linspace(0, 1, rows)[:, None]
    ids = np.ones(SHAPE, np.uint16)
    pooled = pool_embedding(embedding, ids, 1, padded=model.padded)
    assert pooled.item() == pytest.approx(0.5, abs=0.02)


# what can be wrong with a folder


@pytest.fixture
def sam_folder(tmp_path):
    tiny("sam").save_pretrained(tmp_path / "sam")
    return tmp_path / "sam"


def test_another_type_than_asked_for_is_refused(sam_folder):
    with pytest.raises(WeightsError, match="holds sam, not sam2"):
        load_model(sam_folder, "sam2", device="cpu")


def test_a_folder_of_another_model_is_refused(sam_folder):
    (sam_folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(WeightsError, match="no model that SeCo can use"):
        load_model(sam_folder, device="cpu")


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_folder_without_configuration_is_refused(sam_folder, content):
    (sam_folder / "config.json").unlink()
    if content is not None:
        (sam_folder / "config.json").write_text(content)
    with pytest.raises(WeightsError, match=r"config\.json"):
        load_model(sam_folder, device="cpu")


@pytest.mark.parametrize("size", [None, 0, 1000])
def test_missing_and_cut_off_weights_are_refused(sam_folder, size):
    file = sam_folder / "model.safetensors"
    content = file.read_bytes()
    file.unlink()
    if size is not None:
        file.write_bytes(content[:size])
    with pytest.raises(WeightsError, match="cannot be loaded as sam"):
        load_model(sam_folder, device="cpu")


def test_incomplete_weights_are_refused(sam_folder):
    from safetensors.torch import load_file, save_file

    state = load_file(sam_folder / "model.safetensors")
    del state["mask_decoder.iou_token.weight"]
    save_file(state, sam_folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="iou_token"):
        load_model(sam_folder, device="cpu")


def test_without_transformers_the_way_is_said(sam_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(WeightsError, match=r"seco-viewer\[sam\]"):
        load_model(sam_folder, device="cpu")
