import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from seco_core.confidence_files import read_confidence
from seco_core.errors import (
    ImageFileError,
    LabelError,
)
from seco_core.label_files import read_label, resize_nearest, write_color, write_label
from seco_core.scheme import IGNORE, ClassInfo, ClassScheme
from tests.image_files import CAMVID, LABELS, raw_png


def scheme_with(ignore=255, colors=((9, 9, 9), (1, 2, 3))):
    classes = tuple(ClassInfo(i, f"class {i}", c, "stuff") for i, c in enumerate(colors))
    return ClassScheme("small", classes, ignore=ignore)


@pytest.mark.parametrize(
    "name", ["a.png", "a.tif", "a.npy", "deep.png", "palette.png", "color.png", "rgba.png"]
)
def test_every_kind_of_label_reads_the_same(tmp_path, name):
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, LABELS.astype(np.int64))
    elif name == "deep.png":
        Image.fromarray(LABELS.astype(np.uint16)).save(path)
    elif name == "palette.png":
        write_color(path, LABELS, CAMVID)
    elif name == "color.png":
        Image.fromarray(CAMVID.palette[LABELS]).save(path)
    elif name == "rgba.png":
        alpha = np.full((*LABELS.shape, 1), 255, np.uint8)
        Image.fromarray(np.concatenate([CAMVID.palette[LABELS], alpha], axis=2)).save(path)
    else:
        Image.fromarray(LABELS).save(path)
    got = read_label(path, CAMVID)
    assert got.dtype == np.uint8
    assert np.array_equal(got, LABELS)


@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 11))
)
def test_written_labels_read_back(tmp_path_factory, labels):
    labels = np.where(labels == 11, IGNORE, labels).astype(np.uint8)
    labels.flat[0] = 3
    folder = tmp_path_factory.mktemp("labels")
    write_label(folder / "l.png", labels)
    write_color(folder / "c.png", labels, CAMVID)
    assert np.array_equal(read_label(folder / "l.png", CAMVID), labels)
    assert np.array_equal(read_label(folder / "c.png", CAMVID), labels)
    with Image.open(folder / "c.png") as image:
        assert np.array_equal(np.array(image.convert("RGB")), CAMVID.palette[labels])


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_of_few_bits_keeps_its_ids(tmp_path, bits):
    packed = {2: bytes([0b00011011]), 4: bytes([0x01, 0x23])}[bits]
    (tmp_path / "a.png").write_bytes(raw_png(4, 1, bits, 0, b"\0" + packed))
    assert read_label(tmp_path / "a.png", CAMVID).tolist() == [[0, 1, 2, 3]]


def test_own_ignore_id_and_255_are_ignore(tmp_path):
    scheme = scheme_with(ignore=7)
    write_label(tmp_path / "a.png", np.array([[0, 1, 7, 255]], dtype=np.uint8))
    assert read_label(tmp_path / "a.png", scheme).tolist() == [[0, 1, 255, 255]]
    write_color(tmp_path / "c.png", np.array([[0, 1, 255]], dtype=np.uint8), scheme)
    with Image.open(tmp_path / "c.png") as image:
        assert np.array(image).tolist() == [[0, 1, 7]]


def test_black_is_ignore_unless_a_class_is_black(tmp_path):
    Image.fromarray(np.array([[[0, 0, 0], [1, 2, 3]]], dtype=np.uint8)).save(tmp_path / "a.png")
    assert read_label(tmp_path / "a.png", scheme_with()).tolist() == [[255, 1]]
    black = scheme_with(colors=((0, 0, 0), (1, 2, 3)))
    assert read_label(tmp_path / "a.png", black).tolist() == [[0, 1]]


def test_unknown_colour_is_named_with_its_pixels(tmp_path):
    colors = CAMVID.palette[LABELS]
    colors[0, :3] = (250, 1, 2)
    Image.fromarray(colors).save(tmp_path / "a.png")
    with pytest.raises(LabelError, match=r"\(250, 1, 2\), 1 in all \(3 pixels\)"):
        read_label(tmp_path / "a.png", CAMVID)


def test_colours_shared_by_classes_cannot_be_read(tmp_path):
    shared = scheme_with(colors=((1, 2, 3), (1, 2, 3)))
    Image.fromarray(np.full((2, 2, 3), (1, 2, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(LabelError, match="one colour for several"):
        read_label(tmp_path / "a.png", shared)


@pytest.mark.parametrize(
    ("values", "listed"),
    [
        (np.array([[0, 11, 40]], np.uint8), "11, 40 "),
        (np.array([[0, 300]], np.uint16), "300"),
        (np.array([[0, 256 + 3]], np.uint16), "259"),
    ],
)
def test_ids_outside_the_scheme_are_listed(tmp_path, values, listed):
    Image.fromarray(values).save(tmp_path / "a.png")
    with pytest.raises(LabelError, match=listed):
        read_label(tmp_path / "a.png", CAMVID)


def test_negative_and_many_unknown_ids(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[0, -1]]))
    with pytest.raises(LabelError, match="-1"):
        read_label(tmp_path / "a.npy", CAMVID)
    np.save(tmp_path / "b.npy", np.arange(100)[None])
    with pytest.raises(LabelError, match="20 and 79 more"):
        read_label(tmp_path / "b.npy", CAMVID)


@pytest.mark.parametrize("mode", ["1", "LA", "CMYK"])
def test_modes_that_cannot_be_ids(tmp_path, mode):
    Image.new(mode, (4, 3)).save(tmp_path / "a.tif")
    with pytest.raises(LabelError, match="mode"):
        read_label(tmp_path / "a.tif", CAMVID)


def test_jpeg_and_floating_point_labels(tmp_path):
    Image.fromarray(LABELS).save(tmp_path / "a.jpg")
    with pytest.raises(LabelError, match="JPEG"):
        read_label(tmp_path / "a.jpg", CAMVID)
    Image.fromarray(LABELS.astype(np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(LabelError, match="mode 'F'"):
        read_label(tmp_path / "a.tif", CAMVID)


@pytest.mark.parametrize(
    "array", [LABELS.astype(float), LABELS[None], LABELS > 1, np.zeros((0, 4), int), np.array(["a"])]
)
def test_arrays_that_are_no_class_map(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(LabelError, match="no class map"):
        read_label(tmp_path / "a.npy", CAMVID)


def test_pickled_and_cut_off_arrays(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "b.npy", LABELS)
    (tmp_path / "b.npy").write_bytes((tmp_path / "b.npy").read_bytes()[:-3])
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ImageFileError):
        read_label(tmp_path / "a.npy", CAMVID)
    with pytest.raises(ImageFileError):
        read_label(tmp_path / "b.npy", CAMVID)
    with pytest.raises(ImageFileError):
        read_confidence(tmp_path / "c.npz")


def test_all_ignore_is_an_error(tmp_path):
    write_label(tmp_path / "a.png", np.full((3, 3), 255, np.uint8))
    Image.new("RGB", (3, 3)).save(tmp_path / "b.png")
    for name in ("a.png", "b.png"):
        with pytest.raises(LabelError, match="no labelled pixel"):
            read_label(tmp_path / name, CAMVID)


def test_label_follows_the_image_by_nearest_neighbour(tmp_path):
    write_label(tmp_path / "a.png", np.array([[1, 2], [3, 255]], dtype=np.uint8))
    got = read_label(tmp_path / "a.png", CAMVID, (4, 6))
    assert got.tolist() == [[1] * 3 + [2] * 3] * 2 + [[3] * 3 + [255] * 3] * 2


@pytest.mark.parametrize(
    ("given_shape", "shape", "fits"),
    [
        ((360, 480), (720, 960), True),
        ((360, 480), (721, 960), True),
        ((512, 1024), (1024, 2048), True),
        ((33, 50), (66, 101), True),  # 2:3 rounded
        ((480, 360), (360, 480), False),
        ((360, 480), (360, 500), False),
        ((5, 5), (50, 70), False),
    ],
)
def test_proportions(tmp_path, given_shape, shape, fits):
    write_label(tmp_path / "a.png", np.zeros(given_shape, np.uint8))
    if fits:
        assert read_label(tmp_path / "a.png", CAMVID, shape).shape == shape
    else:
        with pytest.raises(LabelError, match="wrong size"):
            read_label(tmp_path / "a.png", CAMVID, shape)


sides = st.integers(1, 20)


@given(st.tuples(sides, sides), st.tuples(sides, sides))
def test_resize_nearest_takes_the_pixel_under_each_centre(given_shape, shape):
    source = np.arange(np.prod(given_shape)).reshape(given_shape)
    got = resize_nearest(source, shape)
    assert got.shape == shape
    rows = np.floor((np.arange(shape[0]) + 0.5) * given_shape[0] / shape[0] + 1e-9).astype(int)
    columns = np.floor((np.arange(shape[1]) + 0.5) * given_shape[1] / shape[1] + 1e-9).astype(int)
    assert np.array_equal(got, source[np.ix_(rows, columns)])


@given(st.tuples(sides, sides), st.integers(1, 4))
def test_enlarging_and_shrinking_by_a_whole_factor_is_exact(shape, factor):
    source = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    large = resize_nearest(source, (shape[0] * factor, shape[1] * factor))
    assert np.array_equal(large, np.kron(source, np.ones((factor, factor), np.uint8)))
    assert np.array_equal(resize_nearest(large, shape), source)
