"""What the descriptor is made of: histograms of colour and patterns, form of regions."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seco_core.encoders.base import membership
from seco_core.encoders.histograms import brighter_neighbours, histograms, patterns
from seco_core.encoders.shapes import form

RANKS, FIXED = slice(0, 8), slice(8, 20)  # of lightness
PATTERNS, BRIGHTER = slice(60, 80), slice(80, 96)


def histograms_of(lightness, ids):
    lab = np.zeros((*lightness.shape, 3), np.float32)
    lab[:, :, 0] = lightness
    return histograms(lab, membership(ids, int(ids.max()), ids.shape))


def noise(seed=0, shape=(24, 32)):
    return np.random.default_rng(seed).uniform(5, 60, shape).astype(np.float32)


def test_histograms_are_roots_of_shares():
    ids = np.ones((24, 32), np.uint16)
    ids[:, 20:] = 2
    found = histograms_of(noise(), ids)
    assert found.shape == (2, 96)
    limits = [0, 8, 20, 28, 40, 48, 60, 70, 80]
    for first, last in itertools.pairwise(limits):
        np.testing.assert_allclose(np.square(found[:, first:last]).sum(axis=1), 1.0)
    assert ((found[:, BRIGHTER] >= 0) & (found[:, BRIGHTER] <= 1)).all()


def test_a_mixture_is_told_from_its_mean():
    ids = np.ones((24, 32), np.uint16)
    ids[:, 16:] = 2
    lightness = np.full(ids.shape, 50.0, np.float32)
    lightness[:, :16:2], lightness[:, 1:16:2] = 20.0, 80.0
    mixed, plain = histograms_of(lightness, ids)[:, FIXED]
    assert np.count_nonzero(mixed) == 2
    assert np.count_nonzero(plain) == 1
    assert mixed @ plain == 0


def test_ranks_do_not_change_with_the_light():
    ids = np.ones((24, 32), np.uint16)
    ids[:10] = 2
    bright, dim = (histograms_of(noise() * light, ids) for light in (1.0, 0.4))
    np.testing.assert_allclose(bright[:, RANKS], dim[:, RANKS])
    assert np.abs(bright[:, FIXED] - dim[:, FIXED]).max() > 0.2


def test_patterns_tell_stripes_by_their_direction():
    ids = np.ones((32, 32), np.uint16)
    stripes = np.zeros((32, 32), np.float32)
    stripes[:, ::4] = stripes[:, 1::4] = 60.0
    upright, lying = histograms_of(stripes, ids)[0], histograms_of(stripes.T, ids)[0]
    np.testing.assert_allclose(upright[PATTERNS], lying[PATTERNS])
    assert np.abs(upright[BRIGHTER] - lying[BRIGHTER]).max() > 0.2


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 7))
def test_patterns_do_not_change_when_turned(seed, turn):
    brighter = np.random.default_rng(seed).random((8, 5, 6)) < 0.4
    np.testing.assert_array_equal(patterns(brighter), patterns(np.roll(brighter, turn, axis=0)))
    row = np.arange(8) < turn
    assert patterns(np.roll(row, seed % 8)) == turn


def test_brighter_neighbours_go_round_in_a_circle():
    values = np.zeros((5, 5), np.float32)
    values[1, 3] = 9.0  # up and to the right of the middle
    assert np.flatnonzero(brighter_neighbours(values, 1)[:, 2, 2]).tolist() == [2]
    assert not brighter_neighbours(values, 2)[:, 2, 2].any()


def ellipse(angle, scale=1):
    ids = np.zeros((120 * scale, 160 * scale), np.uint8)
    cv2.ellipse(ids, (80 * scale, 60 * scale), (40 * scale, 15 * scale), angle, 0, 360, 1, -1)
    return ids.astype(np.uint16)


def test_form_of_an_ellipse():
    size = np.sqrt(120 * 160)
    lying, rising, falling = (form(ellipse(angle), 1)[0] for angle in (0, -45, 45))
    np.testing.assert_allclose(np.exp(lying[:2]) * size, [20.25, 7.75], rtol=0.01)  # a quarter of the axes
    np.testing.assert_allclose(lying[4], 1.0, atol=0.02)
    np.testing.assert_allclose(np.exp(lying[5]) * size, 16, rtol=0.06)
    assert lying[2] > 0.7
    np.testing.assert_allclose(lying[[3, 7]], 0.0, atol=0.01)
    np.testing.assert_allclose(falling[2], 0.0, atol=0.02)
    assert falling[3] > 0.7
    np.testing.assert_allclose(rising[3], -falling[3], atol=0.02)


def test_form_does_not_depend_on_resolution():
    np.testing.assert_allclose(form(ellipse(30), 1), form(ellipse(30, scale=3), 1), atol=0.1)


def test_form_of_few_pixels_and_of_none_is_finite():
    ids = np.zeros((3, 4), np.uint16)
    ids[0, 0], ids[2, 1:] = 1, 2
    assert np.isfinite(form(ids, 3)).all()
