"""With `mirror` the tree stays, but no name of it: folders and files are counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deidflow.bulk.mirror import MirroredTree

NAMES = st.text("abc äZ.-_19", min_size=1, max_size=8).filter(lambda name: name.strip(".") != "")
PATHS = st.lists(
    st.lists(NAMES, min_size=1, max_size=4).map("/".join),
    min_size=1,
    max_size=30,
    unique=True,
)


def without_files_that_are_folders(paths: list[str]) -> list[str]:
    return [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]


def test_the_common_folder_disappears() -> None:
    paths = ["Doe/2022/T1/a", "Doe/2022/T1/b", "Doe/2022/T2/a"]
    tree = MirroredTree.of(paths)

    assert tree.base == "Doe/2022"
    assert [tree.place_of(path) for path in paths] == [
        ("001", "001.dcm"),
        ("001", "002.dcm"),
        ("002", "001.dcm"),
    ]


def test_a_single_file_has_no_folder() -> None:
    tree = MirroredTree.of(["Doe/scan.dcm"])

    assert tree.place_of("Doe/scan.dcm") == ("", "001.dcm")


def test_files_beside_folders_share_their_numbers() -> None:
    tree = MirroredTree.of(["a", "b/1", "c"])

    assert tree.base == "."
    assert tree.place_of("a") == ("", "001.dcm")
    assert tree.place_of("b/1") == ("002", "001.dcm")
    assert tree.place_of("c") == ("", "003.dcm")


def test_a_folder_with_a_thousand_files_has_names_of_four_digits() -> None:
    paths = [f"scan {number}" for number in range(1000)]
    tree = MirroredTree.of(paths)

    names = {tree.place_of(path)[1] for path in paths}
    assert len(names) == 1000
    assert {len(name) for name in names} == {len("0001.dcm")}


def test_folders_with_a_common_beginning_of_their_names_are_two() -> None:
    tree = MirroredTree.of(["scans/1", "scans2/1"])

    assert tree.base == "."
    assert tree.place_of("scans/1")[0] != tree.place_of("scans2/1")[0]


@given(PATHS)
def test_every_file_has_a_place_of_its_own(paths: list[str]) -> None:
    sources = sorted(without_files_that_are_folders(paths))
    tree = MirroredTree.of(sources)

    places = [tree.place_of(path) for path in sources]
    assert len(set(places)) == len(sources)


@given(PATHS)
def test_no_name_of_the_source_stays(paths: list[str]) -> None:
    sources = sorted(without_files_that_are_folders(paths))
    tree = MirroredTree.of(sources)

    for path in sources:
        folder, name = tree.place_of(path)
        digits = "/".join([folder, name.removesuffix(".dcm")]).strip("/")
        assert digits.replace("/", "").isdigit()
