"""SAM as a mask source, on the library's own model with random weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from segment_anything import SamAutomaticMaskGenerator, SamPredictor
from segment_anything.modeling import ImageEncoderViT
from segment_anything.utils.amg import remove_small_regions

from benchmarks.random_sam import calibrate, random_sam
from seco_core.errors import MaskSourceError
from seco_core.masks.base import Prompt, crop_masks
from seco_core.masks.sam import SamSource
from seco_core.masks.sam.automatic import AutomaticSettings, automatic_masks
from seco_core.masks.sam.batches import in_batches
from seco_core.masks.sam.cleanup import remove_small_parts
from seco_core.masks.sam.prompts import to_input_prompts
from seco_core.masks.sam.segment_anything import SegmentAnythingModel
from seco_core.progress import Cancelled, CancelToken
from tests.conftest import full

SHAPE = (60, 100)
EVERYTHING = AutomaticSettings(points_per_side=3, pred_iou_thresh=0.0, stability_score_thresh=0.0)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (*SHAPE, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def sam(image):
    sam = random_sam()
    calibrate(sam, image)
    return sam


@pytest.fixture(scope="module")
def model(sam):
    return SegmentAnythingModel(sam, "vit_b")


@pytest.fixture
def source(model):
    return SamSource(model, sha256="0" * 64, settings=EVERYTHING)


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


def prompts_of(count, points=1):
    rng = np.random.default_rng(count)
    low = rng.uniform(0, 40, (count, 2))
    return [
        Prompt((*xy, *(xy + 20)), xy + rng.uniform(0, 20, (points, 2)), np.arange(points) % 2) for xy in low
    ]


# automatic masks


@pytest.mark.parametrize("area", [0, 200])
@pytest.mark.parametrize(("iou", "stability"), [(0.0, 0.0), (0.88, 0.0), (0.88, 0.6)])
def test_automatic_masks_are_those_of_the_stock_generator(sam, model, image, iou, stability, area):
    stock = SamAutomaticMaskGenerator(
        sam,
        points_per_side=8,
        pred_iou_thresh=iou,
        stability_score_thresh=stability,
        min_mask_region_area=area,
    ).generate(image)
    chosen = AutomaticSettings(8, iou, stability, area)
    found = automatic_masks(model, model.embed(image), SHAPE, chosen, points_per_batch=7)
    assert len(found) == len(stock) > 1
    for i, record in enumerate(stock):
        ours, theirs = full(found, i), record["segmentation"]
        assert np.count_nonzero(ours & theirs) >= 0.99 * np.count_nonzero(ours | theirs)


def test_the_thresholds_matter_in_these_tests(model, image):
    embedding = model.embed(image)
    counts = [
        len(automatic_masks(model, embedding, SHAPE, AutomaticSettings(8, *s), points_per_batch=64))
        for s in [(0.0, 0.0), (0.88, 0.0), (0.88, 0.6), (0.88, 1.0)]
    ]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 4


@pytest.mark.parametrize("batch", [1, 5, 64])
def test_the_batch_size_does_not_matter(model, image, batch):
    embedding = model.embed(image)
    chosen = AutomaticSettings(6, 0.88, 0.6)
    one = automatic_masks(model, embedding, SHAPE, chosen, points_per_batch=36)
    other = automatic_masks(model, embedding, SHAPE, chosen, points_per_batch=batch)
    assert len(one) == len(other) > 1
    for i in range(len(one)):
        assert np.mean(full(one, i) != full(other, i)) < 0.001


def test_only_wanted_masks_are_decoded_and_they_are_the_same(model, image):
    embedding = model.embed(image)
    prompts = to_input_prompts(model, SHAPE, prompts_of(9))
    everything = model.decode(embedding, prompts, multimask=True)
    least = float(everything.iou.median())
    wanted = model.decode(embedding, prompts, multimask=True, least_iou=least)
    assert len(wanted.iou) == 13
    torch.testing.assert_close(wanted.iou, everything.iou[everything.iou > least])
    torch.testing.assert_close(wanted.logits, everything.logits[everything.iou > least], rtol=1e-3, atol=1e-2)
    nothing = model.decode(embedding, prompts, multimask=True, least_iou=1e9)
    assert nothing.logits.shape == (0, 32, 32)


def test_bfloat16_masks_are_nearly_the_same(image):
    torch.manual_seed(0)
    full_precision = SegmentAnythingModel(random_sam(tied=False), "vit_b")
    half = SegmentAnythingModel(random_sam(tied=False), "vit_b", precision=torch.bfloat16)
    prompts = to_input_prompts(half, SHAPE, prompts_of(5))
    one = full_precision.decode(full_precision.embed(image), prompts, multimask=True)
    other = half.decode(half.embed(image), prompts, multimask=True)
    assert other.logits.dtype == other.iou.dtype == torch.float32
    scale = one.logits.abs().max()
    assert 0 < (one.logits - other.logits).abs().max() < 0.1 * scale


def test_progress_tells_the_time_left_and_cancel_stops(model, image):
    events, token = [], CancelToken()

    def see(event):
        events.append(event)
        if event.done >= 8:
            token.cancel()

    chosen = AutomaticSettings(6, 0.88, 0.0)
    source = SamSource(model, sha256="0", settings=chosen, points_per_batch=4, progress=see)
    with pytest.raises(Cancelled):
        source.prepare(image, "frame_7", token).proposals()
    assert [e.done for e in events] == [4, 8]
    assert all(e.stage == "masks" and e.total == 36 for e in events)
    assert "frame_7: point 4 of 36, about 0 s left" in events[0].message


# clean-up


@settings(max_examples=150, deadline=None)
@given(
    mask=arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.booleans()),
    pad=st.tuples(*[st.integers(0, 5)] * 4),
    least=st.integers(1, 30),
)
def test_clean_up_equals_that_of_the_whole_image(mask, pad, least):
    image = np.pad(mask, (pad[:2], pad[2:]))
    expected, holes = remove_small_regions(image, least, "holes")
    expected, islands = remove_small_regions(expected, least, "islands")
    given_mask = crop_masks([image], image.shape)
    crop, box, changed = remove_small_parts(
        given_mask.crops[0], tuple(given_mask.boxes[0].tolist()), image.shape, least
    )
    found = np.zeros_like(image)
    found[box[1] : box[3], box[0] : box[2]] = crop
    np.testing.assert_array_equal(found, expected)
    assert changed == (holes or islands)


# prompts


@pytest.mark.parametrize("points", [0, 1, 2])
def test_prompts_in_one_pass_equal_those_one_at_a_time(image, points):
    model = SegmentAnythingModel(random_sam(tied=False), "vit_b")
    embedding = model.embed(image)
    prompts = to_input_prompts(model, SHAPE, prompts_of(9, points))
    together = model.decode(embedding, prompts, multimask=False)
    alone = [model.decode(embedding, prompts.part(slice(i, i + 1)), multimask=False) for i in range(9)]
    scale = float(together.logits.abs().max())
    logits = torch.cat([one.logits for one in alone])
    assert float((logits - together.logits).abs().max()) < 1e-5 * scale
    assert float((torch.cat([one.iou for one in alone]) - together.iou).abs().max()) < 1e-5


def test_prompts_are_answered_like_the_stock_predictor_does(sam, model, image, source):
    predictor = SamPredictor(sam)
    predictor.set_image(image)
    prompts = [*prompts_of(2, 1), *prompts_of(3, 2), Prompt((0, 0, 100, 60)), *prompts_of(2, 1)]
    found = source.prepare(image, "x").answer(prompts)
    assert len(found) == len(prompts)
    for i, prompt in enumerate(prompts):
        points = len(prompt.points) > 0
        expected = predictor.predict(
            prompt.points if points else None,
            prompt.labels if points else None,
            np.array(prompt.box),
            multimask_output=False,
        )[0][0]
        assert np.mean(full(found, i) != expected) < 0.001
    assert len({full(found, i).tobytes() for i in range(len(found))}) > 3
    assert len(source.prepare(image, "x").answer([])) == 0


# memory


def test_batches_are_halved_and_go_on():
    sizes, limit = [], 3

    def work(batch):
        sizes.append(batch.stop - batch.start)
        if sizes[-1] > limit:
            raise torch.OutOfMemoryError
        return list(range(batch.start, batch.stop))

    done = list(in_batches(10, 8, work))
    assert sizes == [8, 4, 2, 2, 2, 2, 2]
    assert [d for d, _ in done] == [2, 4, 6, 8, 10]
    assert [i for _, result in done for i in result] == list(range(10))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError(),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("MPS backend out of memory"),
    ],
)
def test_no_memory_for_one_prompt_is_an_error_of_the_image(error):
    def work(batch):
        raise error

    with pytest.raises(MaskSourceError, match="one prompt"):
        list(in_batches(4, 4, work))


def test_other_errors_are_not_taken_for_lack_of_memory():
    def work(batch):
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape"):
        list(in_batches(4, 4, work))


def test_running_out_of_memory_does_not_change_answers(source, image, monkeypatch):
    seen = source.prepare(image, "x")
    prompts = prompts_of(5)
    expected = seen.answer(prompts)
    decode = SegmentAnythingModel.decode

    def scarce(self, embedding, prompts, **options):
        if len(prompts.boxes) > 2:
            raise torch.OutOfMemoryError
        return decode(self, embedding, prompts, **options)

    monkeypatch.setattr(SegmentAnythingModel, "decode", scarce)
    found = seen.answer(prompts)
    assert all(np.mean(full(found, i) != full(expected, i)) < 0.01 for i in range(5))


def test_no_memory_to_embed_names_the_image(source, image, monkeypatch):
    def scarce(self, image):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(SegmentAnythingModel, "embed", scarce)
    with pytest.raises(MaskSourceError, match="frame_3"):
        source.prepare(image, "frame_3")


# the source


def test_an_image_is_embedded_once(source, encodings, image):
    seen = source.prepare(image, "x")
    seen.proposals()
    seen.answer([Prompt((2, 3, 20, 25))])
    again = source.prepare(image.copy(), "x").embedding()
    assert len(encodings) == 1
    assert again.shape == (32, 8, 8)
    assert again.dtype == np.float32
    other = source.prepare(255 - image, "x").embedding()
    assert len(encodings) == 2
    assert not np.array_equal(again, other)


def test_an_earlier_image_keeps_its_own_embedding(source, image):
    first = source.prepare(image, "a")
    before = first.embedding()
    source.prepare(255 - image, "b")
    assert np.array_equal(first.embedding(), before)


def test_cancelling_stops_between_passes(source, image):
    token = CancelToken()
    seen = source.prepare(image, "x", token)
    token.cancel()
    for work in (seen.proposals, lambda: seen.answer([Prompt((2, 3, 20, 25))])):
        with pytest.raises(Cancelled):
            work()
    with pytest.raises(Cancelled):
        source.prepare(image, "x", token)


@pytest.mark.parametrize("shape", [(1, 1), (2, 60), (128, 128)])
def test_small_and_square_images(source, shape):
    seen = source.prepare(np.zeros((*shape, 3), np.uint8), "small")
    assert seen.proposals().shape == shape
    assert len(seen.answer([Prompt((0, 0, shape[1], shape[0]))])) == 1


def test_an_image_too_narrow_is_named(source):
    with pytest.raises(MaskSourceError, match="strip"):
        source.prepare(np.zeros((1, 500, 3), np.uint8), "strip")


def test_the_signature_says_what_decides_the_masks(source, model):
    assert source.signature["weights_sha256"] == "0" * 64
    assert source.signature["points_per_side"] == 3
    assert source.signature["precision"] == "float32"
    assert json.loads(json.dumps(source.signature)) == source.signature
    assert not source.concurrent
    other = SamSource(model, sha256="0" * 64, settings=AutomaticSettings(min_mask_region_area=9))
    assert other.signature != source.signature
    assert other.embedding_signature == source.embedding_signature
