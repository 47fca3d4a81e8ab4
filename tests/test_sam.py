import hashlib
import json
import os
import sys
from functools import partial

import numpy as np
import pytest
import torch
from segment_anything import sam_model_registry
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

import seco_core.masks.sam as sam_module
from seco_core.errors import MaskSourceError, WeightsError
from seco_core.masks.base import Prompt
from seco_core.masks.sam import SamSource, load_sam
from seco_core.masks.sources import open_mask_source
from seco_core.parameters import MaskParameters
from seco_core.progress import Cancelled, CancelToken

SIZE = 64


def build_tiny_sam(width=48):
    """The library's own model, as small as it gets, with random weights."""
    torch.manual_seed(0)
    grid = SIZE // 16
    return Sam(
        image_encoder=ImageEncoderViT(
            img_size=SIZE, depth=1, embed_dim=width, num_heads=2, mlp_ratio=1, out_chans=32,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6), use_rel_pos=True, global_attn_indexes=[0],
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=32, image_embedding_size=(grid, grid), input_image_size=(SIZE, SIZE), mask_in_chans=4
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3, transformer_dim=32, iou_head_hidden_dim=16,
            transformer=TwoWayTransformer(depth=1, embedding_dim=32, mlp_dim=32, num_heads=2),
        ),
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def source():
    return SamSource(
        build_tiny_sam(),
        sha256="0" * 64,
        points_per_side=3,
        device="cpu",
        pred_iou_thresh=-1e9,
        stability_score_thresh=0.0,
    )


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (30, 50, 3)).astype(np.uint8)


@pytest.fixture
def encodings(monkeypatch):
    """Counts how often an image goes through the encoder."""
    calls = []
    forward = ImageEncoderViT.forward

    def counted(self, x):
        calls.append(1)
        return forward(self, x)

    monkeypatch.setattr(ImageEncoderViT, "forward", counted)
    return calls


def full(masks, i):
    mask = np.zeros(masks.shape, bool)
    x0, y0, x1, y1 = masks.boxes[i]
    mask[y0:y1, x0:x1] = masks.crops[i]
    return mask


def test_proposals_are_those_of_the_stock_generator(source, image):
    from segment_anything import SamAutomaticMaskGenerator

    stock = SamAutomaticMaskGenerator(
        source._sam, points_per_side=3, pred_iou_thresh=-1e9, stability_score_thresh=0.0
    ).generate(image)
    found = source.prepare(image, "x").proposals()
    assert found.shape == (30, 50)
    assert len(found) == len(stock) > 0
    for i, record in enumerate(stock):
        assert np.array_equal(full(found, i), record["segmentation"])


def test_prompts_in_one_pass_are_answered_like_one_at_a_time(source, image):
    one, two = np.array([[10.0, 10.0]]), np.array([[10.0, 10.0], [30.0, 12.0]])
    prompts = [
        Prompt((2, 3, 20, 25), one, np.array([1])),
        Prompt((5, 5, 45, 20), two, np.array([1, 0])),
        Prompt((0, 0, 50, 30)),
        Prompt((20, 3, 40, 25), one + 15, np.array([1])),
    ]
    seen = source.prepare(image, "x")
    together = seen.answer(prompts)
    assert len(together) == 4
    for i, prompt in enumerate(prompts):
        alone, among = full(seen.answer([prompt]), 0), full(together, i)
        assert np.mean(alone != among) < 0.01
    assert len({full(together, i).tobytes() for i in range(4)}) > 1
    assert len(seen.answer([])) == 0


def test_an_image_is_embedded_once(source, encodings):
    image = np.random.default_rng(7).integers(0, 256, (30, 50, 3)).astype(np.uint8)
    seen = source.prepare(image, "x")
    seen.proposals()
    seen.answer([Prompt((2, 3, 20, 25))])
    again = source.prepare(image.copy(), "x").embedding()
    assert len(encodings) == 1
    assert again.shape == (32, 4, 4)
    assert again.dtype == np.float32
    other = source.prepare(255 - image, "x").embedding()
    assert len(encodings) == 2
    assert not np.array_equal(again, other)


def test_an_earlier_image_keeps_its_own_embedding(source, image):
    first = source.prepare(image, "a")
    before = first.embedding()
    source.prepare(255 - image, "b")
    assert np.array_equal(first.embedding(), before)


def test_running_out_of_memory_halves_the_batch(source, image, monkeypatch):
    seen = source.prepare(image, "x")
    prompts = [Prompt((i, 3, i + 20, 25)) for i in range(5)]
    expected = seen.answer(prompts)
    predict = sam_module.SamPredictor.predict_torch
    sizes = []

    def scarce(self, points, labels, boxes, **options):
        sizes.append(len(boxes))
        if len(boxes) > limit:
            raise torch.OutOfMemoryError
        return predict(self, points, labels, boxes, **options)

    monkeypatch.setattr(sam_module.SamPredictor, "predict_torch", scarce)
    limit = 2
    found = seen.answer(prompts)
    assert sizes[0] == 5
    assert sizes[-3:] == [2, 2, 1]
    assert all(np.mean(full(found, i) != full(expected, i)) < 0.01 for i in range(5))
    limit = 0
    with pytest.raises(MaskSourceError, match="memory"):
        seen.answer(prompts)


def test_cancelling_stops_between_passes(source, image):
    token = CancelToken()
    seen = source.prepare(image, "x", token)
    token.cancel()
    for work in (seen.proposals, lambda: seen.answer([Prompt((2, 3, 20, 25))])):
        with pytest.raises(Cancelled):
            work()
    with pytest.raises(Cancelled):
        source.prepare(image, "x", token)


@pytest.mark.parametrize("shape", [(1, 1), (2, 60)])
def test_small_images(source, shape):
    seen = source.prepare(np.zeros((*shape, 3), np.uint8), "small")
    assert seen.proposals().shape == shape
    assert len(seen.answer([Prompt((0, 0, shape[1], shape[0]))])) == 1


def test_an_image_too_narrow_is_named(source):
    with pytest.raises(MaskSourceError, match="strip"):
        source.prepare(np.zeros((1, 500, 3), np.uint8), "strip")


def test_the_signature_says_what_decides_the_masks(source):
    assert source.signature["weights_sha256"] == "0" * 64
    assert source.signature["points_per_side"] == 3
    assert json.loads(json.dumps(source.signature)) == source.signature
    assert not source.concurrent


# weights


@pytest.fixture
def small_vit_b(tmp_path, monkeypatch):
    """A file whose encoder is as wide as vit_b's, and a builder of models that fit it."""
    monkeypatch.setitem(sam_model_registry, "vit_b", partial(build_tiny_sam, width=768))
    path = tmp_path / "sam.pth"
    torch.save(build_tiny_sam(width=768).state_dict(), path)
    return path


def test_weights_are_loaded_and_their_type_is_found(small_vit_b, image):
    sam, sha256 = load_sam(small_vit_b)
    assert sha256 == hashlib.sha256(small_vit_b.read_bytes()).hexdigest()
    assert not sam.training
    parameters = MaskParameters(source="sam", checkpoint=str(small_vit_b), points_per_side=2)
    source = open_mask_source(parameters, "cpu")
    assert source.signature["weights_sha256"] == sha256
    assert len(source.prepare(image, "x").answer([Prompt((2, 3, 20, 25))])) == 1


def test_another_type_than_asked_for_is_refused(small_vit_b):
    with pytest.raises(WeightsError, match="holds vit_b, not vit_h"):
        load_sam(small_vit_b, "vit_h")


def test_truncated_weights_are_refused(small_vit_b):
    whole = small_vit_b.read_bytes()
    for length in (0, 100, len(whole) // 2):
        small_vit_b.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="damaged") as caught:
            load_sam(small_vit_b)
        assert caught.value.path == small_vit_b
        assert "sam_vit_h_4b8939.pth (2.6 GB)" in str(caught.value)


@pytest.mark.parametrize("content", [{"a": torch.zeros(3)}, [1, 2], torch.zeros(2)])
def test_files_of_other_models_are_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="does not hold"):
        load_sam(tmp_path / "other.pth")


def test_incomplete_weights_are_refused(small_vit_b):
    state = torch.load(small_vit_b)
    del state["mask_decoder.iou_token.weight"]
    torch.save(state, small_vit_b)
    with pytest.raises(WeightsError, match="iou_token"):
        load_sam(small_vit_b)


def test_missing_weights_say_where_to_get_them(tmp_path):
    for path in ("", tmp_path / "none.pth"):
        with pytest.raises(WeightsError, match=r"sam_vit_b_01ec64\.pth \(375 MB\)"):
            load_sam(path)


def test_a_broken_installation_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "seco_core.masks.sam", None)
    with pytest.raises(WeightsError, match="torchvision"):
        open_mask_source(MaskParameters(source="sam"))


@pytest.mark.sam_weights
@pytest.mark.skipif("SECO_SAM_CHECKPOINT" not in os.environ, reason="SECO_SAM_CHECKPOINT names no weights")
def test_real_weights_find_a_square():
    sam, sha256 = load_sam(os.environ["SECO_SAM_CHECKPOINT"])
    image = np.full((120, 160, 3), 90, np.uint8)
    image[40:80, 50:110] = (220, 40, 40)
    seen = SamSource(sam, sha256=sha256).prepare(image, "square")
    answer = full(seen.answer([Prompt((45, 35, 115, 85), np.array([[80.0, 60.0]]), np.array([1]))]), 0)
    truth = np.zeros((120, 160), bool)
    truth[40:80, 50:110] = True
    assert np.count_nonzero(answer & truth) / np.count_nonzero(answer | truth) > 0.9
