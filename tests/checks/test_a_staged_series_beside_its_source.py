"""A staged series is the source's but for the mask: counts, structure, pixels, the mask's image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from deidflow.checks.elements import NotReadable
from deidflow.checks.file_search import NOT_READ
from deidflow.checks.findings import DIFFER, LEAK, Defect, Finding, PlacedHits, leaks_of
from deidflow.checks.leaks import ANOTHERS, OWN, Hit, LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.checks.series import ExpectedSeries, check_series
from deidflow.checks.source import SourceReader
from deidflow.checks.staged import check_leaks, check_names, check_others
from tests.synthetic import mr_instance, save

NAME = "003-MR"
CLEAN = {
    "PatientName": "P001",
    "PatientID": "P001",
    "PatientBirthDate": "",
    "StudyDescription": "",
    "SeriesDescription": "T1",
    "StudyInstanceUID": "2.25.1",
    "SeriesInstanceUID": "2.25.2",
    "FrameOfReferenceUID": "2.25.4",
}
VALUES = np.arange(64, dtype="<u2")


def search() -> LeakSearch:
    own = OwnIdentifiers.of([("name", "Zimmerquast^Adelheid")])
    return LeakSearch(own, Ours(frozenset(("P001", "M00"))))


class Staged:
    """A series of three slices: its source, and what is staged of it."""

    def __init__(self, folder: Path, *, defaced: bool = False) -> None:
        self.root = folder / "staged"
        self.masks = folder / "masks.npz" if defaced else None
        self.instances = self.root / NAME / ("defaced_dicom" if defaced else "dicom")
        self.scratch = folder
        self.sources = []
        for number in (1, 2, 3):
            source = mr_instance(**self.place(number), SOPInstanceUID=f"1.2.{number}")
            path = save(source, folder / "source" / f"{number}.dcm")
            self.sources.append(SourceReader(frozenset()).read(path))
            self.write(number)

    def place(self, number: int) -> dict[str, Any]:
        return {"InstanceNumber": number, "ImagePositionPatient": ["0", "0", str(number)]}

    def write(self, number: int, **changes: Any) -> Path:
        identity = {"SOPInstanceUID": f"2.25.9{number}"}
        header = mr_instance(**CLEAN | self.place(number) | identity | changes)
        return save(header, self.instances / f"slice_{number:03d}.dcm")

    def findings(self) -> list[tuple[str, int]]:
        expected = ExpectedSeries(NAME, tuple(self.sources), self.masks, self.scratch)
        found = check_series(self.root / NAME, expected, search())
        return [(finding.what, finding.count) for finding in found]


def test_a_series_that_is_its_source_has_no_findings(tmp_path: Path) -> None:
    assert Staged(tmp_path).findings() == []


def test_instances_are_matched_by_what_is_in_them(tmp_path: Path) -> None:
    staged = Staged(tmp_path)
    staged.sources.reverse()
    first = staged.instances / "slice_001.dcm"
    first.rename(staged.instances / "slice_009.dcm")
    assert staged.findings() == []


def test_missing_and_added_instances_are_counted(tmp_path: Path) -> None:
    staged = Staged(tmp_path)
    (staged.instances / "slice_001.dcm").unlink()
    (staged.instances / "slice_002.dcm").unlink()
    assert staged.findings() == [(Defect.WRONG_COUNT, 2)]
    staged.sources.clear()
    assert staged.findings() == [(Defect.WRONG_COUNT, 1)]


@pytest.mark.parametrize(
    "changes",
    [{"InstanceNumber": 7}, {"ImagePositionPatient": ["0", "0", "7"]}, {"NumberOfFrames": 1}],
)
def test_an_instance_that_no_source_has_is_found(tmp_path: Path, changes: dict[str, Any]) -> None:
    staged = Staged(tmp_path)
    staged.write(1, **changes)
    assert staged.findings() == [(Defect.NO_SOURCE, 1)]


def test_changed_values_are_counted_by_instance(tmp_path: Path) -> None:
    staged = Staged(tmp_path)
    for number in (1, 3):
        changed = VALUES.copy()
        changed[number] += 1
        staged.write(number, PixelData=changed.tobytes())
    assert staged.findings() == [(DIFFER, 2)]


def test_one_of_several_sources_in_one_place_may_be_the_right_one(tmp_path: Path) -> None:
    staged = Staged(tmp_path)
    changed = VALUES.copy()
    changed[5] += 1
    place = staged.place(1)
    twin = save(mr_instance(**place, PixelData=changed.tobytes()), tmp_path / "source" / "9.dcm")
    staged.sources.append(SourceReader(frozenset()).read(twin))
    added = staged.write(1, PixelData=changed.tobytes())
    added.rename(staged.instances / "slice_004.dcm")
    staged.write(1)
    assert staged.findings() == []


def test_bytes_after_the_pixels_are_found(tmp_path: Path) -> None:
    staged = Staged(tmp_path)
    staged.write(1, PixelData=VALUES.tobytes() + b"Zimmerquast.")
    assert (Defect.TRAILING_BYTES, 1) in staged.findings()


def test_a_leak_is_counted_by_place_and_attribute(tmp_path: Path) -> None:
    staged = Staged(tmp_path)
    for number in (1, 2):
        staged.write(number, ReceiveCoilName="for Zimmerquast")
    assert staged.findings() == [("leak: name", 2)]


@pytest.mark.parametrize(
    ("position", "content"),
    [(0, b"x"), (100, b"Zimm"), (127, b"x")],
)
def test_a_preamble_that_is_not_empty_is_found(
    tmp_path: Path, position: int, content: bytes
) -> None:
    staged = Staged(tmp_path)
    path = staged.write(1)
    whole = bytearray(path.read_bytes())
    whole[position : position + len(content)] = content
    path.write_bytes(whole)
    assert staged.findings() == [(Defect.WRONG_META, 1)]


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("MediaStorageSOPInstanceUID", "1.2.3"),
        ("MediaStorageSOPClassUID", "1.2.840.10008.5.1.4.1.1.2"),
        ("SourceApplicationEntityTitle", "SENDER"),
    ],
)
def test_a_file_meta_of_its_own_is_found(tmp_path: Path, keyword: str, value: str) -> None:
    staged = Staged(tmp_path)
    path = staged.write(1)
    header = mr_instance(**CLEAN | staged.place(1) | {"SOPInstanceUID": "2.25.91"})
    save(header, path)
    setattr(header.file_meta, keyword, value)
    header.preamble = bytes(128)
    header.save_as(path, enforce_file_format=False)
    assert staged.findings() == [(Defect.WRONG_META, 1)]


def write_masks(staged: Staged, removed: int) -> None:
    """Masks that remove the first values of each slice."""
    mask = np.zeros((1, 8, 8), bool)
    mask.ravel()[:removed] = True
    assert staged.masks is not None
    packed: dict[str, Any] = {f"slice_{number:03d}.dcm": np.packbits(mask) for number in (1, 2, 3)}
    np.savez(staged.masks, **packed)


def write_mask_image(staged: Staged, removed: int) -> None:
    voxels = np.ones((8, 8, 3), np.uint8)
    voxels.ravel()[:removed] = 0
    image = nibabel.Nifti1Image(voxels, np.eye(4))
    nibabel.save(image, staged.root / NAME / "defaced_mask.nii.gz")


def defaced(folder: Path, *, in_image: int) -> Staged:
    """A series of which four pixels are removed in each slice."""
    staged = Staged(folder, defaced=True)
    write_masks(staged, removed=4)
    blank = VALUES.copy()
    blank[:4] = 0
    for number in (1, 2, 3):
        staged.write(number, PixelData=blank.tobytes())
    write_mask_image(staged, removed=in_image)
    return staged


def test_a_defaced_series_with_its_mask_has_no_findings(tmp_path: Path) -> None:
    assert defaced(tmp_path, in_image=12).findings() == []


@pytest.mark.parametrize(("in_image", "difference"), [(13, 1), (0, 12), (192, 180)])
def test_the_image_of_the_mask_must_remove_as_much(
    tmp_path: Path, in_image: int, difference: int
) -> None:
    staged = defaced(tmp_path, in_image=in_image)
    assert staged.findings() == [(Defect.MASKS_DIFFER, difference)]


def test_an_instance_without_a_mask_must_be_whole(tmp_path: Path) -> None:
    staged = defaced(tmp_path, in_image=12)
    assert staged.masks is not None
    masks = dict(np.load(staged.masks))
    del masks["slice_002.dcm"]
    np.savez(staged.masks, **masks)
    assert staged.findings() == [(DIFFER, 1)]


def test_a_broken_instance_is_an_error_of_the_check(tmp_path: Path) -> None:
    staged = Staged(tmp_path)
    path = staged.instances / "slice_001.dcm"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(NotReadable):
        staged.findings()


@pytest.mark.parametrize("length", range(0, 1000, 50))
def test_an_instance_cut_anywhere_is_an_error_of_reading_or_a_finding(
    tmp_path: Path, length: int
) -> None:
    staged = Staged(tmp_path)
    path = staged.instances / "slice_001.dcm"
    path.write_bytes(path.read_bytes()[:length])
    try:
        found = staged.findings()
    except NOT_READ:
        return
    assert found != []


def test_a_broken_file_of_a_release_is_a_finding(tmp_path: Path) -> None:
    staged = Staged(tmp_path)
    path = staged.instances / "slice_001.dcm"
    path.write_bytes(path.read_bytes()[:-3])
    assert check_leaks(staged.root, search()) == [Finding(NAME, Defect.BROKEN_FILE, 1)]


def test_others_are_searched_without_reading_dicom_again(tmp_path: Path) -> None:
    staged = Staged(tmp_path)
    staged.write(1, ReceiveCoilName="for Zimmerquast")
    (staged.root / NAME / "image.bval").write_text("Zimmerquast")
    (staged.root / "Zimmerquast").write_text("Zimmerquast")

    found = check_others(staged.root, search())
    assert [(finding.place, finding.what, finding.attribute) for finding in found] == [
        (NAME, ".bval file is not what it should be", ""),
        ("Zimmerquast", "leak: name", "file name"),
        ("Zimmerquast", "leak: name", "content"),
    ]


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("session.json", True),
        ("003-MR/dicom/slice_001.dcm", True),
        ("003-MR/image_e2.nii.gz", True),
        ("003-MR/image.bvec", True),
        ("003-MR/dicom/slice_x.dcm", False),
        ("003-MR/dicom/more/slice_001.dcm", False),
        ("003-MR/defaced.nii.gz", False),
        ("003-MR/session.json", False),
        ("004-MR/dicom/slice_001.dcm", False),
        ("README", False),
    ],
)
def test_a_session_holds_only_files_that_belong(tmp_path: Path, name: str, fits: bool) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    found = check_names(tmp_path, [ExpectedSeries(NAME, (), None, tmp_path)])
    assert (found == []) is fits


def test_leaks_are_reported_by_place_attribute_and_owner() -> None:
    hits = PlacedHits()
    hits["a", Hit("PatientName", OWN, "name")] += 2
    hits["b", Hit("PatientName", ANOTHERS, "name")] += 1
    assert leaks_of(hits) == [
        Finding("a", f"{LEAK}: name", 2, "PatientName", OWN),
        Finding("b", f"{LEAK}: name", 1, "PatientName", ANOTHERS),
    ]
