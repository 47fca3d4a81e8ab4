import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seco_core.dataset import open_dataset
from seco_core.errors import DatasetError


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def write_list(root, text, name="all.txt"):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def relative(dataset):
    def short(path):
        return None if path is None else path.relative_to(dataset.root).as_posix()

    return [
        (s.name, short(s.image), short(s.pseudo_label), short(s.confidence), short(s.ground_truth))
        for s in dataset.samples
    ]


# folder layouts


def test_plain_folders_match_by_stem(tmp_path):
    touch(tmp_path, "image/b.jpg", "image/a.png", "pseudo_label/a.png", "pseudo_label/b.npy")
    touch(tmp_path, "confidence/b.npz", "ground_truth/a.png", "image/.hidden.png", "image/notes.txt")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "folders"
    assert dataset.problems == ()
    assert relative(dataset) == [
        ("a", "image/a.png", "pseudo_label/a.png", None, "ground_truth/a.png"),
        ("b", "image/b.jpg", "pseudo_label/b.npy", "confidence/b.npz", None),
    ]


@pytest.mark.parametrize(
    "name", ["pseudo_label", "pseudo-labels", "Pseudo Label", "pixel-level pseudo-label", "pseudo_label_hrda"]
)
def test_names_of_the_pseudo_label_folder(tmp_path, name):
    touch(tmp_path, "images/a.png", f"{name}/a.png")
    assert open_dataset(tmp_path).samples[0].pseudo_label == tmp_path / name / "a.png"


def test_several_pseudo_label_folders_need_a_choice(tmp_path):
    touch(tmp_path, "image/a.png", "pseudo_label_1/a.png", "pseudo_label_2/a.png")
    with pytest.raises(DatasetError, match="pseudo_label_1, pseudo_label_2"):
        open_dataset(tmp_path)
    touch(tmp_path, "pseudo_label/a.png")
    assert open_dataset(tmp_path).samples[0].pseudo_label == tmp_path / "pseudo_label/a.png"


def test_image_without_pseudo_label_is_reported(tmp_path):
    touch(tmp_path, "image/a.png", "image/b.png", "pseudo_label/a.png")
    dataset = open_dataset(tmp_path)
    assert [s.name for s in dataset.samples] == ["a"]
    (problem,) = dataset.problems
    assert isinstance(problem, DatasetError)
    assert problem.path == tmp_path / "image/b.png"
    assert f"no pseudo-label, no b.png in {tmp_path / 'pseudo_label'}" in problem.message
    assert problem.remedy


def test_two_labels_or_images_of_one_name_are_reported(tmp_path):
    touch(tmp_path, "image/a.png", "image/b.png", "image/c.png", "image/c.jpg")
    touch(tmp_path, "pseudo_label/a.png", "pseudo_label/a.npy", "pseudo_label/b.png", "pseudo_label/c.png")
    dataset = open_dataset(tmp_path)
    assert [s.name for s in dataset.samples] == ["b"]
    assert sorted(p.path.name for p in dataset.problems) == ["a.png", "c.jpg"]


def test_same_stem_in_several_folders(tmp_path):
    touch(tmp_path, "image/x/1.png", "image/y/1.png", "image/y/2.png")
    touch(tmp_path, "pseudo_label/x/1.png", "pseudo_label/y/1.png", "pseudo_label/y/2.png")
    dataset = open_dataset(tmp_path)
    assert [(s.name, s.pseudo_label.parent.name) for s in dataset.samples] == [
        ("x__1", "x"),
        ("y__1", "y"),
        ("2", "y"),
    ]


def test_flat_labels_match_by_name_unless_names_repeat(tmp_path):
    touch(
        tmp_path,
        "image/x/1.png",
        "image/y/1.png",
        "image/y/2.png",
        "pseudo_label/1.png",
        "pseudo_label/2.png",
    )
    dataset = open_dataset(tmp_path)
    assert [s.name for s in dataset.samples] == ["2"]
    assert len(dataset.problems) == 2
    assert "no subfolders" in dataset.problems[0].message


def test_cityscapes(tmp_path):
    for split, city in [("train", "aachen"), ("train", "ulm"), ("val", "munster")]:
        stem = f"{split}/{city}/{city}_000000_000019"
        touch(tmp_path, f"leftImg8bit/{stem}_leftImg8bit.png")
        touch(tmp_path, f"gtFine/{stem}_gtFine_labelTrainIds.png", f"gtFine/{stem}_gtFine_labelIds.png")
        touch(tmp_path, f"gtFine/{stem}_gtFine_color.png", f"gtFine/{stem}_gtFine_polygons.json")
    touch(tmp_path, "pseudo_label_hrda/train/aachen/aachen_000000_000019_leftImg8bit.png")
    touch(tmp_path, "pseudo_label_hrda/train/ulm/ulm_000000_000019.png")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "cityscapes"
    # val was not predicted at all, so it is no part of the dataset
    assert dataset.problems == ()
    assert relative(dataset)[1] == (
        "ulm_000000_000019_leftImg8bit",
        "leftImg8bit/train/ulm/ulm_000000_000019_leftImg8bit.png",
        "pseudo_label_hrda/train/ulm/ulm_000000_000019.png",
        None,
        "gtFine/train/ulm/ulm_000000_000019_gtFine_labelTrainIds.png",
    )
    assert len(dataset.samples) == 2


def test_bdd(tmp_path):
    touch(tmp_path, "images/10k/train/a.jpg", "images/10k/train/b.jpg", "images/10k/val/c.jpg")
    touch(tmp_path, "labels/sem_seg/masks/train/a.png", "labels/sem_seg/masks/val/c.png")
    touch(tmp_path, "pseudo_label/train/a.png", "pseudo_label/val/c.png", "confidence/train/a.png")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "bdd"
    assert relative(dataset)[0] == (
        "a",
        "images/10k/train/a.jpg",
        "pseudo_label/train/a.png",
        "confidence/train/a.png",
        "labels/sem_seg/masks/train/a.png",
    )
    assert [s.name for s in dataset.samples] == ["a", "c"]
    assert [p.path.name for p in dataset.problems] == ["b.jpg"]


def test_a_circle_of_links_ends(tmp_path):
    touch(tmp_path, "image/x/a.png", "pseudo_label/x/a.png")
    (tmp_path / "image/x/again").symlink_to(tmp_path / "image")
    assert [s.name for s in open_dataset(tmp_path).samples] == ["a"]


# list files


def test_list_in_a_list_folder_is_relative_to_the_folder_above(tmp_path):
    touch(tmp_path, "image/a.png", "labels/a.png", "conf/a.npy", "gt/a.png")
    write_list(tmp_path, "image/a.png\tlabels/a.png\tconf/a.npy\tgt/a.png\n", "list/all.txt")
    from_folder = open_dataset(tmp_path)
    from_file = open_dataset(tmp_path / "list/all.txt")
    assert (from_folder.layout, from_file.layout) == ("seco", "list")
    assert from_folder.root == from_file.root == tmp_path
    assert from_folder.samples == from_file.samples
    assert relative(from_folder) == [("a", "image/a.png", "labels/a.png", "conf/a.npy", "gt/a.png")]


def test_single_list_of_another_name_is_taken_and_several_are_not(tmp_path):
    touch(tmp_path, "image/a.png", "image/b.png", "pseudo_label/a.png", "pseudo_label/b.png")
    write_list(tmp_path, "image/a.png pseudo_label/a.png\n", "list/train.txt")
    assert [s.name for s in open_dataset(tmp_path).samples] == ["a"]
    write_list(tmp_path, "image/b.png pseudo_label/b.png\n", "list/val.txt")
    assert open_dataset(tmp_path).layout == "folders"
    with pytest.raises(DatasetError, match=r"list/all\.txt"):
        open_dataset(tmp_path, layout="seco")


def test_columns_comments_and_paths(tmp_path):
    touch(tmp_path, "i/a.png", "i/b.png", "i/my photo.png", "l/a.png", "l/b.png", "l/my photo.png", "c/b.npy")
    listed = write_list(
        tmp_path,
        "\ufeff# image label confidence truth\n"
        "i/a.png   l/a.png - l/a.png\r\n"
        "\n"
        f"  {tmp_path}/i/b.png ./i/../l/b.png c/b.npy\n"
        "i/my photo.png\tl/my photo.png\t\t\n",
    )
    dataset = open_dataset(listed)
    assert dataset.problems == ()
    assert relative(dataset) == [
        ("a", "i/a.png", "l/a.png", None, "l/a.png"),
        ("b", "i/b.png", "l/b.png", "c/b.npy", None),
        ("my photo", "i/my photo.png", "l/my photo.png", None, None),
    ]


def test_bad_lines_are_reported_and_the_rest_is_used(tmp_path):
    touch(tmp_path, "i/a.png", "i/b.png", "l/a.png", "l/b.png")
    listed = write_list(
        tmp_path,
        "i/a.png l/a.png\n"
        "i/b.png l/none.png\n"
        "i/none.png l/b.png\n"
        "i/b.png l/b.png c/none.npy\n"
        "i/b.png\n"
        "i/b.png l/b.png - - -\n"
        "\tl/b.png\tl/b.png\n"
        "i/b.png -\n"
        "i/../i/a.png l/a.png\n"
        "i\0x/b.png l/b.png\n"
        "i l/b.png\n"
        "i/b.png l/b.png\n",
    )
    dataset = open_dataset(listed)
    assert [s.name for s in dataset.samples] == ["a", "b"]
    assert all(p.path == listed and p.remedy for p in dataset.problems)
    messages = [p.message for p in dataset.problems]
    assert [m.split(" is left out")[0] for m in messages] == [f"line {n}" for n in range(2, 12)]
    assert f"{tmp_path}/l/none.png does not exist" in messages[0]
    assert f"{tmp_path}/i/none.png does not exist" in messages[1]
    assert f"{tmp_path}/c/none.npy does not exist" in messages[2]
    assert "1 column instead" in messages[3]
    assert "5 columns" in messages[4]
    assert "missing" in messages[5]
    assert "missing" in messages[6]
    assert "already on line 1" in messages[7]
    assert ["tabs must" in p.remedy for p in dataset.problems] == [True] * 5 + [False] + [True] * 4


def test_names_that_only_suffix_or_case_would_tell_apart(tmp_path):
    touch(tmp_path, "i/a.png", "i/a.jpg", "i/A.tif", "l/a.png")
    listed = write_list(tmp_path, "i/a.png l/a.png\ni/a.jpg l/a.png\ni/A.tif l/a.png\n")
    dataset = open_dataset(listed)
    assert [s.name for s in dataset.samples] == ["a"]
    assert [p.path.name for p in dataset.problems] == ["a.jpg", "A.tif"]


folders = st.sampled_from(["a", "b", "a__b", "B", "c"])


@given(
    st.lists(
        st.tuples(folders, folders, folders), unique_by=lambda t: "/".join(t).lower(), min_size=1, max_size=8
    )
)
def test_names_are_unique_flat_and_independent_of_order(tmp_path_factory, triples):
    root = tmp_path_factory.mktemp("names")
    touch(root, "l.png", *("/".join(t) + ".png" for t in triples))

    def names(order):
        listed = write_list(root, "".join("/".join(t) + ".png l.png\n" for t in order))
        dataset = open_dataset(listed)
        return dataset, {s.image: s.name for s in dataset.samples}

    dataset, by_image = names(triples)
    assert len(dataset.samples) + len(dataset.problems) == len(triples)
    assert len({n.casefold() for n in by_image.values()}) == len(by_image)
    assert not any("/" in n for n in by_image.values())
    if not dataset.problems:
        assert names(triples[::-1])[1] == by_image


# what cannot be opened


def test_nothing_usable_shows_the_accepted_layouts(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    touch(tmp_path, "no_label/image/a.png", "unmatched/image/a.png", "unmatched/pseudo_label/b.png", "a.png")
    touch(tmp_path, "city/leftImg8bit/train/x/x_leftImg8bit.png", "blank.txt")
    bad = write_list(tmp_path, "x.png y.png\n", "bad.txt")
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00\x81")
    cases = [empty, tmp_path / "missing", tmp_path / "no_label", tmp_path / "unmatched", tmp_path / "city"]
    for path in [*cases, bad, binary, tmp_path / "a.png", tmp_path / "blank.txt"]:
        with pytest.raises(DatasetError) as error:
            open_dataset(path)
        assert error.value.path == path
        assert "pseudo_label/" in error.value.remedy
        assert "list file" in error.value.remedy


def test_the_first_problem_is_told_when_all_lines_are_bad(tmp_path):
    listed = write_list(tmp_path, "x.png y.png\nz.png y.png\n")
    with pytest.raises(DatasetError, match=r"first of 2 problems: .*line 1 .*x\.png does not exist"):
        open_dataset(listed)


def test_layout_that_does_not_fit(tmp_path):
    touch(tmp_path, "image/a.png", "pseudo_label/a.png")
    listed = write_list(tmp_path, "image/a.png pseudo_label/a.png\n")
    with pytest.raises(DatasetError, match="no layout 'voc'"):
        open_dataset(tmp_path, layout="voc")
    for path, layout in [
        (tmp_path, "list"),
        (listed, "folders"),
        (tmp_path, "cityscapes"),
        (tmp_path, "bdd"),
    ]:
        with pytest.raises(DatasetError):
            open_dataset(path, layout=layout)
    assert open_dataset(tmp_path, layout="folders").samples == open_dataset(listed, layout="list").samples


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may read everything")
def test_folder_that_may_not_be_listed(tmp_path):
    touch(tmp_path, "image/a.png", "pseudo_label/a.png")
    (tmp_path / "image").chmod(0)
    try:
        with pytest.raises(DatasetError, match="cannot be listed"):
            open_dataset(tmp_path)
    finally:
        (tmp_path / "image").chmod(0o755)


# size


def test_3000_samples_open_without_asking_for_each_file(tmp_path, monkeypatch):
    roles = ("image", "pseudo_label", "confidence", "ground_truth")
    for role in roles:
        (tmp_path / role).mkdir()
        for number in range(3000):
            os.close(os.open(tmp_path / role / f"{number:05d}.png", os.O_CREAT))
    rows = ("\t".join(f"{role}/{n:05d}.png" for role in roles) for n in range(3000))
    listed = write_list(tmp_path, "\n".join(rows), "list/all.txt")

    asked = []
    real = os.path.isfile
    monkeypatch.setattr(os.path, "isfile", lambda path: asked.append(path) or real(path))
    for path, layout in [(tmp_path, "folders"), (listed, "list")]:
        dataset = open_dataset(path, layout=layout)
        assert len(dataset.samples) == 3000
        assert dataset.problems == ()
        assert all(s.confidence and s.ground_truth for s in dataset.samples)
    assert asked == []
