import numpy as np
import pytest
from PIL import Image

from seco_core.confidence_files import read_confidence
from seco_core.errors import (
    LabelError,
)
from tests.image_files import LABELS, pixels


@pytest.mark.parametrize(
    "name", ["8.png", "16.png", "8.npy", "16.npy", "f.npy", "half.npy", "f.tif", "one.npz"]
)
def test_every_kind_of_confidence_reads_the_same(tmp_path, name):
    path = tmp_path / name
    wanted = np.array([[0, 0.2, 1], [0.6, 0.4, 0.8]], dtype=np.float32)
    kind = name.split(".")[0]
    array = wanted
    if kind in ("8", "16"):
        array = np.round(wanted * (2 ** int(kind) - 1)).astype(f"uint{kind}")
    elif kind == "half":
        array = wanted.astype(np.float16)
    if name.endswith(".npy"):
        np.save(path, array)
    elif name.endswith(".npz"):
        np.savez(path, anything=array)
    else:
        Image.fromarray(array).save(path)
    got = read_confidence(path)
    assert got.dtype == np.float32
    assert got == pytest.approx(wanted, abs=1e-3 if kind == "half" else 1e-5)


def test_npz_with_several_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", label=LABELS, conf=np.full((2, 4), 0.5, np.float32))
    assert read_confidence(tmp_path / "a.npz")[0, 0] == 0.5
    np.savez(tmp_path / "b.npz", x=LABELS, y=LABELS)
    with pytest.raises(LabelError, match="x, y"):
        read_confidence(tmp_path / "b.npz")


def test_confidence_is_resized_bilinearly(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[0.0, 1.0]]))
    got = read_confidence(tmp_path / "a.npy", (2, 4))
    assert got == pytest.approx(np.array([[0, 0.25, 0.75, 1]] * 2))
    with pytest.raises(LabelError, match="wrong size"):
        read_confidence(tmp_path / "a.npy", (40, 20))


def test_confidence_that_rounding_pushed_over_the_edge(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[0.5, 1.0000001, 1.00005, -1e-7]], dtype=np.float32))
    got = read_confidence(tmp_path / "a.npy")
    assert got.tolist() == [[0.5, 1, 1, 0]]


@pytest.mark.parametrize("bad", [-0.1, 1.01, np.nan, np.inf])
def test_confidence_outside_its_range(tmp_path, bad):
    np.save(tmp_path / "a.npy", np.array([[0.5, bad]]))
    with pytest.raises(LabelError, match=r"outside 0\.\.1"):
        read_confidence(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "array", [np.zeros((3, 2, 2)), np.zeros((2, 2), np.int64), np.ones((2, 2), bool), np.zeros((0, 3))]
)
def test_arrays_that_are_no_confidence(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(LabelError, match="no confidence map"):
        read_confidence(tmp_path / "a.npy")


def test_coloured_confidence(tmp_path):
    Image.fromarray(pixels()).save(tmp_path / "a.png")
    with pytest.raises(LabelError, match="mode 'RGB'"):
        read_confidence(tmp_path / "a.png")
