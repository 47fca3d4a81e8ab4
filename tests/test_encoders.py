"""Region encoders: pooling, the descriptor, timm backbones, SAM embeddings."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seco_core.encoders import DescriptorEncoder, make_encoder, pool_feature_map
from seco_core.encoders.base import membership
from seco_core.encoders.sam import pool_embedding
from seco_core.encoders.shapes import border_lengths
from seco_core.errors import ParameterError, WeightsError
from seco_core.regions import RegionTable


def table_of(region_ids, class_id=None):
    n = int(region_ids.max())
    boxes, centroids = [], []
    for i in range(1, n + 1):
        rows, columns = np.nonzero(region_ids == i)
        boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        centroids.append([rows.mean(), columns.mean()])
    return RegionTable(
        class_id=np.zeros(n, np.uint8) if class_id is None else class_id,
        area=np.bincount(region_ids.ravel(), minlength=n + 1)[1:].astype(np.int64),
        box=np.array(boxes, np.int32).reshape(n, 4),
        centroid=np.array(centroids, np.float32).reshape(n, 2),
    )


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    image = np.zeros((60, 80, 3), np.uint8)
    image[:30] = (90, 140, 220)
    image[30:] = (80, 80, 80)
    image[35:50, 10:30] = (200, 30, 30)
    image = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    ids = np.ones((60, 80), np.uint16)
    ids[30:] = 2
    ids[35:50, 10:30] = 3
    ids[0, 0] = 4
    ids[:, 78:] = 0
    return image, ids


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4))
def test_pooling_is_the_area_weighted_mean_of_the_cells(seed, rows, columns, row_factor, column_factor):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(3, rows, columns)).astype(np.float32)
    ids = rng.integers(0, 5, (rows * row_factor, columns * column_factor)).astype(np.uint16)
    pooled = pool_feature_map(features, ids, 4)
    full = features.repeat(row_factor, axis=1).repeat(column_factor, axis=2)
    for i in range(4):
        inside = ids == i + 1
        expected = full[:, inside].mean(axis=1) if inside.any() else np.zeros(3)
        np.testing.assert_allclose(pooled[i], expected, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 20), st.integers(1, 20), st.integers(1, 6))
def test_every_region_has_cells_at_any_resolution(height, width, rows, columns, n):
    ids = (np.arange(height * width) % (n + 1)).reshape(height, width).astype(np.uint16)
    present = np.isin(np.arange(1, n + 1), ids)
    shares = membership(ids, n, (rows, columns))
    np.testing.assert_allclose(np.asarray(shares.sum(axis=1)).ravel(), present, atol=1e-12)


def test_pooling_does_not_depend_on_area():
    features = np.full((2, 8, 8), 3.0, np.float32)
    ids = np.ones((64, 64), np.uint16)
    ids[0, 0] = 2
    np.testing.assert_allclose(pool_feature_map(features, ids, 2), 3.0)


def test_padding_of_a_sam_embedding_is_left_out():
    embedding = np.zeros((1, 64, 64), np.float32)
    embedding[:, :32] = np.arange(64)
    embedding[:, 32:] = 1e6
    ids = np.ones((100, 200), np.uint16)
    ids[:, 100:] = 2
    np.testing.assert_allclose(pool_embedding(embedding, ids, 2).ravel(), [15.5, 47.5], atol=0.05)
    portrait = pool_embedding(embedding.transpose(0, 2, 1), ids.T, 2)
    np.testing.assert_allclose(portrait.ravel(), [15.5, 47.5], atol=0.05)


def test_descriptor_is_finite_repeatable_and_of_one_width(scene):
    image, ids = scene
    encoder = DescriptorEncoder()
    features = encoder.encode(image, ids, table_of(ids))
    assert features.shape == (4, 172)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(features, encoder.encode(image, ids, table_of(ids)))
    assert json.loads(json.dumps(encoder.signature)) == encoder.signature


def test_descriptor_does_not_know_the_class(scene):
    image, ids = scene
    features = [
        DescriptorEncoder().encode(image, ids, table_of(ids, np.array(classes, np.uint8)))
        for classes in ([0, 1, 2, 3], [9, 9, 9, 9])
    ]
    np.testing.assert_array_equal(*features)


def test_descriptor_does_not_know_the_order_of_regions(scene):
    image, ids = scene
    order = np.array([2, 0, 3, 1])
    renumbered = np.append(0, np.argsort(order) + 1).astype(np.uint16)[ids]
    first = DescriptorEncoder().encode(image, ids, table_of(ids))
    second = DescriptorEncoder().encode(image, renumbered, table_of(renumbered))
    np.testing.assert_allclose(second, first[order], rtol=1e-5, atol=1e-5)


def test_descriptor_sees_colour_and_surroundings(scene):
    image, ids = scene
    plain = DescriptorEncoder().encode(image, ids, table_of(ids))
    np.testing.assert_allclose(plain[2, 1], 60, atol=12)  # the red box: Lab a is about 60
    blue_road = image.copy()
    blue_road[(ids == 2)] = (20, 20, 160)
    changed = DescriptorEncoder().encode(blue_road, ids, table_of(ids))
    around = slice(158, 172)
    assert np.abs(changed[2, around] - plain[2, around]).max() > 0.5


def test_darker_image_has_nearly_the_same_relative_features(scene):
    image, ids = scene
    dark = (image * 0.6).astype(np.uint8)
    bright, dim = (DescriptorEncoder().encode(i, ids, table_of(ids)) for i in (image, dark))
    relative = slice(28, 31)
    assert np.abs(bright[:3, 0] - dim[:3, 0]).max() > 8
    assert np.abs(bright[:3, relative] - dim[:3, relative]).max() < 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (2, 2), (900, 20)])
def test_descriptor_of_odd_shapes(shape):
    image = np.full((*shape, 3), 128, np.uint8)
    ids = np.ones(shape, np.uint16)
    features = DescriptorEncoder().encode(image, ids, table_of(ids))
    assert features.shape == (1, 172)
    assert np.isfinite(features).all()


def test_descriptor_without_regions():
    ids = np.zeros((8, 8), np.uint16)
    assert DescriptorEncoder().encode(np.zeros((8, 8, 3), np.uint8), ids, table_of(ids)).shape == (0, 172)


def test_border_lengths_of_a_ring_count_its_hole():
    ids = np.ones((3, 3), np.uint16)
    ids[1, 1] = 2
    assert border_lengths(ids, 3).tolist() == [16, 4, 0]


@pytest.mark.parametrize("model", ["test_resnet", "test_vit"])
def test_timm_encoder_is_decided_by_its_seed(model, scene):
    import torch

    image, ids = scene
    torch.manual_seed(123)
    state = torch.random.get_rng_state()
    first, again, other = (make_encoder(f"timm:{model}", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    features = first.encode(image, ids, table_of(ids))
    assert features.dtype == np.float32
    assert len(features) == 4
    assert np.isfinite(features).all()
    assert np.abs(features[0] - features[2]).max() > 1e-4
    np.testing.assert_array_equal(features, again.encode(image, ids, table_of(ids)))
    assert first.signature == again.signature != other.signature
    assert json.loads(json.dumps(first.signature)) == first.signature


def test_timm_maps_with_channels_last_are_turned(scene):
    image, ids = scene
    features = make_encoder("timm:swin_tiny_patch4_window7_224").encode(image, ids, table_of(ids))
    assert features.shape == (4, 192 + 384)


def test_weights_that_cannot_be_had_are_a_typed_error(monkeypatch):
    import timm

    def offline(*args, **kwargs):
        raise ConnectionError("no route to host.")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(WeightsError, match="no route to host"):
        make_encoder("timm:test_resnet+pretrained")


class FakeSam:
    name = "sam"
    signature = {"source": "sam", "weights": "none"}  # noqa: RUF012
    concurrent = False
    padded = True

    def prepare(self, image, image_name, cancel=None):
        self.seen = image.shape
        return self

    def embedding(self):
        return np.ones((5, 64, 64), np.float32)


def test_sam_encoder_pools_its_sources_embedding(scene):
    image, ids = scene
    source = FakeSam()
    encoder = make_encoder("sam", mask_source=source)
    np.testing.assert_allclose(encoder.encode(image, ids, table_of(ids)), np.ones((4, 5)))
    assert source.seen == image.shape
    assert encoder.signature["source"] == source.signature
    assert encoder.concurrent is False


@pytest.mark.parametrize("spec", ["", "nothing", "timm", "timm:", "timm:no_such_model", "sam", "Descriptor"])
def test_a_bad_specification_is_a_parameter_error(spec):
    with pytest.raises(ParameterError):
        make_encoder(spec)
