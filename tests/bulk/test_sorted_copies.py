"""`organize`: sorted copies without duplicates, whatever files and headers are called."""

from __future__ import annotations

import csv
import os
import shutil
from collections import Counter
from pathlib import Path

import pydicom
import pytest

from deidflow.bulk.organize import CONFLICTS, TABLE, organize
from deidflow.errors import UsageError
from tests.commands import command_here
from tests.places import tree_digest
from tests.synthetic import mr_instance, save, save_series

HOSTILE = (
    "../../etc/passwd",
    "a\nb",
    "=cmd()",
    "-rf",
    "Zimmerquast^Adelheid",
    "CON",
    "日本",
    "\\\\server\\share",
)


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / TABLE).open(newline="", errors="surrogateescape") as stream:
        return list(csv.DictReader(stream))


def copies_in(out: Path) -> list[str]:
    return sorted(str(path.relative_to(out)) for path in out.rglob("*.dcm"))


def test_slices_are_sorted_by_position_and_copies_are_dropped(tmp_path: Path) -> None:
    source = tmp_path / "source"
    save_series(source, 3)
    shutil.copy(next(source.glob("*-1.dcm")), source / "again")
    (source / "README").write_text("hello")
    before = tree_digest(source)
    result = organize([source], tmp_path / "out", workers=1)

    folder = tmp_path / "out" / "subject-001" / "study-01" / "003-MR"
    heights = [
        float(pydicom.dcmread(path).ImagePositionPatient[2]) for path in sorted(folder.iterdir())
    ]
    assert heights == [1.0, 2.0, 3.0]
    assert result.counts == Counter({"copied": 3, "duplicate": 1, "skipped": 1})
    assert result.exit_code == 0
    assert tree_digest(source) == before


def test_different_files_of_one_uid_lie_apart(tmp_path: Path) -> None:
    save(mr_instance(), tmp_path / "source" / "a")
    save(mr_instance(PatientWeight="80"), tmp_path / "source" / "b")
    result = organize([tmp_path / "source"], tmp_path / "out", workers=1)

    assert copies_in(tmp_path / "out") == [f"{CONFLICTS}/0001.dcm", f"{CONFLICTS}/0002.dcm"]
    assert result.exit_code == 4


def test_hostile_headers_and_file_names_make_no_names(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for number, name in enumerate(HOSTILE, 1):
        header = mr_instance(
            PatientID=name,
            PatientName=name,
            Modality="MR",
            SOPInstanceUID=f"1.2.3.{number}",
            StudyInstanceUID=f"1.2.9.{number}",
            SeriesInstanceUID=f"1.2.9.{number}.1",
        )
        header.SpecificCharacterSet = "ISO_IR 192"
        save(header, source / f"folder {number}" / name.replace("/", "_").replace("\\", "_"))
    os.mkfifo(source / "pipe")
    (source / "link").symlink_to("/etc/passwd")
    result = organize([source], tmp_path / "out", workers=1)

    names = copies_in(tmp_path / "out")
    assert len(names) == len(HOSTILE) == result.counts["copied"]
    assert all(name.endswith("study-01/003-MR/0001.dcm") for name in names)
    assert {name.split("/")[0] for name in names} == {
        f"subject-{number:03d}" for number in range(1, len(HOSTILE) + 1)
    }
    assert not (tmp_path / "etc").exists()


def test_odd_modalities_and_numbers_get_plain_names(tmp_path: Path) -> None:
    for number, modality in enumerate(("../MR", "", "mr"), 1):
        header = mr_instance(
            Modality=modality,
            SOPInstanceUID=f"1.2.3.{number}",
            SeriesInstanceUID=f"1.2.4.{number}",
        )
        save(header, tmp_path / "source" / str(number))
    organize([tmp_path / "source"], tmp_path / "out", workers=1)

    folders = {name.split("/")[2] for name in copies_in(tmp_path / "out")}
    assert folders == {"003-OT", "003-OT-2", "003-OT-3"}


def test_names_in_paths_that_are_not_utf8_are_in_the_table(tmp_path: Path) -> None:
    name = os.fsdecode(b"M\xfcller.dcm")
    save(mr_instance(), tmp_path / "source" / "a")
    os.rename(tmp_path / "source" / "a", tmp_path / "source" / name)
    organize([tmp_path / "source"], tmp_path / "out", workers=1)

    assert b"M\xfcller.dcm" in (tmp_path / "out" / TABLE).read_bytes()
    assert rows_of(tmp_path / "out")[0]["verdict"] == "copied"


@pytest.mark.parametrize("place", ["source/out", "."])
def test_an_output_in_the_source_is_refused(tmp_path: Path, place: str) -> None:
    save(mr_instance(), tmp_path / "source" / "a")

    with pytest.raises(UsageError):
        organize([tmp_path / "source"], tmp_path / place, workers=1)
    assert list((tmp_path / "source").iterdir()) == [tmp_path / "source" / "a"]


def test_an_output_that_holds_files_is_refused(tmp_path: Path) -> None:
    save(mr_instance(), tmp_path / "source" / "a")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").touch()

    with pytest.raises(UsageError, match="not an empty folder"):
        organize([tmp_path / "source"], tmp_path / "out", workers=1)


def test_the_command_says_counts_and_no_names(tmp_path: Path) -> None:
    save(mr_instance(), tmp_path / "source" / "Zimmerquast")
    result = command_here("organize", tmp_path / "source", tmp_path / "out")

    assert result.returncode == 0
    assert "1 copied" in result.stdout
    assert "Zimmerquast" not in result.stdout + result.stderr
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0
