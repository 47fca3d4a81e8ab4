"""The cache of embeddings and masks: what it saves, what it refuses, how it stays small."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seco_core.errors import StorageFullError
from seco_core.masks import cache as cache_module
from seco_core.masks.base import MaskSet, Prompt, crop_masks
from seco_core.masks.cache import CachedSource, FileCache, pack_masks, unpack_masks
from seco_core.masks.sources import open_mask_source
from seco_core.parameters import Parameters
from seco_core.pipeline import run_pipeline, workers
from seco_core.progress import Cancelled, CancelToken

IMAGE = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)
PROMPTS = [Prompt((1, 2, 5, 6), np.array([[3.0, 4.0]]), np.array([1]))]


class FakeSam:
    """A mask source that embeds, and counts what it does."""

    name = "sam"
    concurrent = False

    def __init__(self, sha256="0", points_per_side=4):
        self.embedding_signature = {"source": "sam", "weights_sha256": sha256}
        self.signature = {**self.embedding_signature, "points_per_side": points_per_side}
        self.calls = []

    def prepare(self, image, image_name, cancel=None):
        self.calls.append("embed")
        mean = image.mean(axis=2, dtype=np.float32)
        return FakeMasks(self.calls, (np.stack([mean, -mean])[None], np.ones((1, 3), np.float32)))

    def resume(self, embedding, image, image_name, cancel=None):
        self.calls.append("resume")
        return FakeMasks(self.calls, tuple(embedding))


class FakeMasks:
    padded = True

    def __init__(self, calls, parts):
        self.calls, self.parts = calls, parts

    def arrays(self):
        return self.parts

    def embedding(self):
        return self.parts[0][0]

    def proposals(self):
        self.calls.append("proposals")
        mean = self.parts[0][0, 0]
        return crop_masks([mean > np.quantile(mean, q) for q in (0.2, 0.5, 1.0)], mean.shape)

    def answer(self, prompts):
        self.calls.append("answer")
        mean = self.parts[0][0, 0]
        return crop_masks([mean > mean[int(p.box[1]), int(p.box[0])] for p in prompts], mean.shape)


def cached(folder, limit=10**8, **options):
    source = FakeSam(**options)
    return source, CachedSource(source, FileCache(folder, limit))


def ask_all(source):
    seen = source.prepare(IMAGE, "x")
    return seen.proposals(), seen.answer(PROMPTS), seen.embedding()


def assert_equal(one: MaskSet, other: MaskSet):
    assert one.shape == other.shape
    np.testing.assert_array_equal(one.boxes, other.boxes)
    assert len(one) == len(other)
    for a, b in zip(one.crops, other.crops, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nothing_is_asked_twice_and_answers_are_the_same(tmp_path):
    first, source = cached(tmp_path)
    expected = ask_all(source)
    assert first.calls == ["embed", "proposals", "answer"]
    again, source = cached(tmp_path)
    found = ask_all(source)
    assert again.calls == ["resume"]  # for the embedding itself
    assert_equal(found[0], expected[0])
    assert_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[2], expected[2])
    masks_only, source = cached(tmp_path)
    source.prepare(IMAGE, "x").proposals()
    assert masks_only.calls == []


def test_other_prompts_need_the_decoder_but_not_the_encoder(tmp_path):
    ask_all(cached(tmp_path)[1])
    asked, source = cached(tmp_path)
    seen = source.prepare(IMAGE, "x")
    seen.answer([Prompt((2, 2, 5, 6))])
    seen.answer([*PROMPTS, Prompt((2, 2, 5, 6))])
    seen.answer([Prompt((1, 2, 5, 6), np.array([[3.0, 4.0]]), np.array([0]))])
    assert asked.calls == ["resume", "answer", "answer", "answer"]


@pytest.mark.parametrize("options", [{"points_per_side": 5}, {"sha256": "1"}])
def test_other_settings_and_weights_are_other_masks(tmp_path, options):
    ask_all(cached(tmp_path)[1])
    asked, source = cached(tmp_path, **options)
    ask_all(source)
    assert asked.calls[1:] == ["proposals", "answer"]
    # settings of automatic masks do not decide the embedding, weights do
    assert asked.calls[0] == ("resume" if "points_per_side" in options else "embed")


def test_another_image_or_version_is_asked_anew(tmp_path, monkeypatch):
    ask_all(cached(tmp_path)[1])
    for image in (255 - IMAGE, IMAGE.reshape(12, 8, 3)):
        asked, source = cached(tmp_path)
        source.prepare(image, "x").proposals()
        assert asked.calls == ["embed", "proposals"]
    monkeypatch.setattr(cache_module, "__version__", "99")
    asked, source = cached(tmp_path)
    ask_all(source)
    assert asked.calls == ["embed", "proposals", "answer"]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "foreign"])
def test_a_damaged_or_foreign_file_is_made_anew(tmp_path, damage):
    expected = ask_all(cached(tmp_path)[1])
    files = sorted(tmp_path.iterdir())
    assert sorted(f.suffix for f in files) == [".answers", ".embedding", ".masks"]
    contents = [f.read_bytes() for f in files]
    for i, file in enumerate(files):
        data = bytearray(contents[i])
        data[len(data) // 2] ^= 1
        file.write_bytes(
            {
                "cut": contents[i][: len(data) // 2],
                "flip": bytes(data),
                "empty": b"",
                "foreign": contents[i - 1],
            }[damage]
        )
    asked, source = cached(tmp_path)
    found = ask_all(source)
    assert asked.calls == ["embed", "proposals", "answer"]
    assert_equal(found[0], expected[0])
    assert_equal(found[1], expected[1])
    assert [f.read_bytes()[:32] for f in files] == [c[:32] for c in contents]
    assert ask_all(cached(tmp_path)[1])[0].shape == (8, 12)


def put(cache, kind, number, size):
    cache.put(kind, {"n": number}, {"a": np.zeros(size, np.uint8)})


def test_size_is_bounded_and_the_longest_unused_go_first(tmp_path):
    cache = FileCache(tmp_path, 10_000)
    for number in range(4):
        put(cache, "masks", number, 2000)
    for number, path in enumerate(cache._path("masks", {"n": n})[0] for n in range(4)):
        os.utime(path, (number, number))
    assert cache.get("masks", {"n": 0}) is not None  # and so it is the one used last
    put(cache, "masks", 4, 2000)
    kept = [n for n in range(5) if cache.get("masks", {"n": n}) is not None]
    assert kept == [0, 3, 4]  # a tenth of the limit is left free
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) <= 10_000


def test_embeddings_go_before_masks(tmp_path):
    cache = FileCache(tmp_path, 10_000)
    put(cache, "masks", 0, 2000)
    os.utime(next(tmp_path.iterdir()), (0, 0))
    for number in range(20):
        put(cache, "embedding", number, 2000)
    assert cache.get("masks", {"n": 0}) is not None
    assert cache.get("embedding", {"n": 19}) is not None
    assert cache.get("embedding", {"n": 0}) is None
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) <= 10_000


def test_what_was_there_before_counts(tmp_path):
    put(FileCache(tmp_path, 10_000), "masks", 0, 8000)
    put(FileCache(tmp_path, 10_000), "masks", 1, 8000)
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) <= 10_000


def test_what_is_larger_than_the_cache_is_left_out(tmp_path):
    cache = FileCache(tmp_path, 1000)
    put(cache, "masks", 0, 300)
    put(cache, "masks", 1, 5000)
    assert cache.get("masks", {"n": 0}) is not None
    assert cache.get("masks", {"n": 1}) is None


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch, caplog):
    def full(path, data):
        raise StorageFullError("cannot be written, the disk is full.", path=path)

    monkeypatch.setattr(cache_module, "write_bytes", full)
    asked, source = cached(tmp_path / "cache")
    ask_all(source)
    assert asked.calls == ["embed", "proposals", "answer"]
    assert caplog.text.count("disk is full") == 1


def test_cancelling_is_heard(tmp_path):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        cached(tmp_path)[1].prepare(IMAGE, "x", token)


@settings(deadline=None)
@given(
    st.lists(arrays(bool, (5, 7), elements=st.booleans()), max_size=4),
)
def test_packing_masks_loses_nothing(masks):
    given_masks = crop_masks(masks, (5, 7))
    assert_equal(unpack_masks(pack_masks(given_masks)), given_masks)


def test_changing_psa_never_runs_sam_again(project_path, tmp_path, monkeypatch):
    import torch
    from segment_anything import sam_model_registry
    from segment_anything.modeling import ImageEncoderViT, TwoWayTransformer

    from benchmarks.random_sam import random_sam

    monkeypatch.setitem(sam_model_registry, "vit_b", lambda: random_sam(64, width=768))
    torch.save(random_sam(64, width=768).state_dict(), tmp_path / "sam.pth")
    calls = []
    for part in (ImageEncoderViT, TwoWayTransformer):
        monkeypatch.setattr(part, "__call__", _counted(part, calls))
    parameters = Parameters(device="cpu").replace(
        **{
            "masks.source": "sam",
            "masks.checkpoint": str(tmp_path / "sam.pth"),
            "masks.points_per_side": 3,
            "masks.pred_iou_thresh": 0.0,
            "masks.stability_score_thresh": 0.0,
            "scc.encoder": "sam",
            "scc.epochs": 1,
            "scc.folds": 2,
        }
    )
    assert run_pipeline(project_path, parameters).done == 3
    assert calls.count("ImageEncoderViT") == 3
    assert calls.count("TwoWayTransformer") >= 3
    assert list((project_path / "cache").glob("*.masks"))
    calls.clear()
    changed = parameters.replace(**{"psa.min_region_area": 5, "psa.reliable_share": 0.8})
    assert run_pipeline(project_path, changed).done == 3
    assert calls == []


def _counted(part, calls):
    call = part.__call__

    def counted(self, *args, **options):
        calls.append(part.__name__)
        return call(self, *args, **options)

    return counted


@pytest.mark.parametrize("seen", [True, False])
def test_workers_of_a_cluster_use_the_cache_where_they_see_the_project(tmp_path, monkeypatch, seen: bool):
    asked = []

    def open_source(parameters, device, *, cache_folder):
        asked.append(cache_folder)
        return open_mask_source(parameters, device, cache_folder=cache_folder)

    class Task:
        def run(self, source, encoder, cancel):
            return source.name

    project = tmp_path if seen else tmp_path / "elsewhere"
    monkeypatch.setattr(workers, "open_mask_source", open_source)
    workers._tools.cache_clear()
    for _ in range(2):
        assert workers.run_on_worker(Task(), Parameters(), project / "cache") == "hierarchy"
    workers._tools.cache_clear()
    assert asked == [project / "cache" if seen else None], "made once in a process"
