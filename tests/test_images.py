import errno
import os
import warnings

import numpy as np
import pytest
from PIL import Image

from seco_core.confidence_files import read_confidence
from seco_core.errors import (
    ImageFileError,
    ProjectError,
    ProjectReadOnlyError,
    SecoError,
    StorageFullError,
)
from seco_core.images import read_image
from seco_core.label_files import read_label, write_label
from tests.image_files import CAMVID, LABELS, pixels, raw_png


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.PNG"])
def test_rgb_is_read_as_it_is(tmp_path, name):
    Image.fromarray(pixels()).save(tmp_path / name)
    got = read_image(tmp_path / name)
    assert got.dtype == np.uint8
    assert np.array_equal(got, pixels())
    assert got.flags.writeable


def test_jpeg_is_read_and_its_exif_orientation_is_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(np.full((6, 9, 3), 90, np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").shape == (6, 9, 3)


def test_grey_palette_and_alpha_become_rgb(tmp_path):
    grey = pixels((6, 9))
    Image.fromarray(grey).save(tmp_path / "l.png")
    assert np.array_equal(read_image(tmp_path / "l.png"), np.stack([grey] * 3, axis=2))
    palette = Image.fromarray(np.array([[0, 1]], dtype=np.uint8))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.save(tmp_path / "p.png")
    assert read_image(tmp_path / "p.png").tolist() == [[[10, 20, 30], [40, 50, 60]]]
    Image.fromarray(pixels((6, 9, 4))).save(tmp_path / "rgba.png")
    assert np.array_equal(read_image(tmp_path / "rgba.png"), pixels((6, 9, 4))[..., :3])


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_their_upper_eight(tmp_path, suffix):
    deep = np.array([[0, 255, 256, 65535]], dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / f"a.{suffix}")
    assert read_image(tmp_path / f"a.{suffix}")[0, :, 1].tolist() == [0, 0, 1, 255]


def test_one_pixel(tmp_path):
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[1, 2, 3]]]
    write_label(tmp_path / "l.png", np.array([[4]], dtype=np.uint8))
    assert read_label(tmp_path / "l.png", CAMVID, (1, 1)).tolist() == [[4]]


def test_floating_point_image_is_refused(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ImageFileError, match="floating-point"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_cut_off_file(tmp_path, name, share):
    path = tmp_path / name
    Image.fromarray(pixels((60, 60, 3))).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ImageFileError) as error:
        read_image(path)
    assert error.value.path == path
    assert error.value.remedy


def test_missing_file_folder_and_text(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    for name, match in [
        ("none.png", "does not exist"),
        (".", "cannot be read"),
        ("text.png", "is no image of a kind"),
    ]:
        for read in (read_image, lambda p: read_label(p, CAMVID), read_confidence):
            with pytest.raises(ImageFileError, match=match):
                read(tmp_path / name)


def test_postscript_is_not_run(tmp_path):
    (tmp_path / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(ImageFileError):
        read_image(tmp_path / "a.png")


def test_large_images_pass_without_a_warning_and_absurd_ones_fail(tmp_path):
    Image.new("L", (14000, 14000)).save(tmp_path / "large.png")  # above what Pillow warns of
    (tmp_path / "absurd.png").write_bytes(raw_png(40000, 40000, 8, 0, b""))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_label(tmp_path / "large.png", CAMVID).shape == (14000, 14000)
        with pytest.raises(ImageFileError, match="40000 x 40000"):
            read_image(tmp_path / "absurd.png")


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (errno.ENOSPC, StorageFullError),
        (errno.EDQUOT, StorageFullError),
        (errno.EACCES, ProjectReadOnlyError),
        (errno.EROFS, ProjectReadOnlyError),
        (errno.EIO, ProjectError),
    ],
)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, code, wanted, step):
    path = tmp_path / "a.png"
    write_label(path, LABELS)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(wanted) as error:
        write_label(path, np.zeros_like(LABELS))
    assert error.value.path == path
    assert error.value.remedy
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_writing_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "some" / "where" / "a.png"
    write_label(path, LABELS)
    write_label(path, LABELS[::-1])
    assert np.array_equal(read_label(path, CAMVID), LABELS[::-1])
    (tmp_path / "file").write_text("")
    with pytest.raises(SecoError):
        write_label(tmp_path / "file" / "a.png", LABELS)
