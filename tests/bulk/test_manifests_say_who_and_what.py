"""A manifest's subjects and sessions group and name; its categories are held against the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import deidflow
from deidflow.bulk.result import Result
from deidflow.errors import UsageError
from deidflow.verdicts import Reason, Verdict
from tests.bulk.test_raw_data_of_pet import raw_object
from tests.synthetic import mr_instance, save

PEOPLE = {
    "a": ("MRN-77110", "Zimmerquast^Otto", "1"),
    "b": ("HOSP-2210", "Zimmerquast^Otto", "2"),
    "c": ("MRN-88120", "Abernathy^Ida", "3"),
}


def source(folder: Path, **people: tuple[str, str, str]) -> Path:
    """A folder for each study, by PatientID, name, and number of the study."""
    for name, (number, patient, study) in (people or PEOPLE).items():
        uid = f"1.2.3.{study}"
        header = mr_instance(
            PatientID=number,
            PatientName=patient,
            StudyDate=f"202{study}0105",
            StudyInstanceUID=uid,
            SeriesInstanceUID=f"{uid}.1",
            SOPInstanceUID=f"{uid}.1.1",
        )
        save(header, folder / "in" / name / "1.dcm")
    return folder


def call(folder: Path, rows: str, out: str = "out", **changes: Any) -> Result:
    manifest = folder / "in" / "cohort.csv"
    manifest.write_text(f"path,subject,session,category\n{rows}\n")
    given = {"vault": folder / "vault", "level": "low", "workers": 1, "quiet": True}
    return deidflow.anonymize(manifest, folder / out, **{**given, **changes})


def sessions(folder: Path, out: str = "out") -> list[str]:
    paths = (folder / out).glob("*/*")
    return sorted(str(path.relative_to(folder / out)) for path in paths if path.is_dir())


def test_subjects_and_sessions_are_called_as_the_manifest_says(tmp_path: Path) -> None:
    call(source(tmp_path), "a,S01,base,MR\nb,S01,ses-fu,\nc,,,")

    assert sessions(tmp_path) == ["P002/M00", "S01/base", "S01/fu"]
    names = [path.name for path in (tmp_path / "out").rglob("*.dcm")]
    assert len(names) == 3


def test_one_patient_id_can_be_two_subjects(tmp_path: Path) -> None:
    people = {"a": ("ANON", "", "1"), "b": ("ANON", "", "2")}
    call(source(tmp_path, **people), "a,S01,,\nb,S02,,")

    assert sessions(tmp_path) == ["S01/M00", "S02/M00"]


def test_files_that_are_not_named_go_with_their_patient(tmp_path: Path) -> None:
    people = {"a": ("MRN-77110", "Doe^J", "1"), "b": ("MRN-77110", "Doe^J", "2")}
    call(source(tmp_path, **people), "a,S01,,\nb,,,")

    assert sessions(tmp_path) == ["S01/M00", "S01/M12"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("a,MRN-77110,,", "1 subjects .* identifier"),
        ("a,mrn77110,,", "1 subjects .* identifier"),
        ("a,Zimmerquast,,", "1 subjects .* identifier"),
        ("c,Zimmerquast,,\na,,,", "1 subjects .* identifier"),
        ("a,S01,20210105,", "1 sessions .* date"),
        ("a,S01,Otto,", "1 sessions .* date"),
        ("a,S 01,,", "no names of folders"),
        ("a,report,,", "no names of folders"),
        ("a,S_1,,\nc,S1,,", "2 subjects .* only in signs"),
    ],
)
def test_what_identifies_is_no_name(tmp_path: Path, rows: str, words: str) -> None:
    source(tmp_path)
    with pytest.raises(UsageError, match=words) as error:
        call(tmp_path, rows)

    assert "77110" not in str(error.value)
    assert "immerquast" not in str(error.value)
    assert not (tmp_path / "out").exists()
    groups = call(tmp_path, rows, ids={"manifest": "groups"})
    assert groups.verdicts[Verdict.RELEASED] == rows.count("\n") + 1
    assert all(name.startswith("P00") for name in sessions(tmp_path))


def test_labels_are_kept_where_the_configuration_says_so(tmp_path: Path) -> None:
    result = call(source(tmp_path), "a,MRN-77110,20210105,", ids={"manifest": "kept"})

    assert sessions(tmp_path) == ["MRN-77110/20210105"]
    assert any("not de-identified" in warning for warning in result.warnings)


def test_common_words_are_names_of_sessions_whoever_is_called_so(tmp_path: Path) -> None:
    people = {"a": ("MRN-77110", "Doe^J", "1"), "b": ("MRN-1", "Line^Base", "2")}
    call(source(tmp_path, **people), "a,S01,baseline,\nb,S02,M00,")

    assert sessions(tmp_path) == ["S01/baseline", "S02/M00"]


def test_files_of_another_person_are_quarantined(tmp_path: Path) -> None:
    result = call(source(tmp_path), "a,S01,,\nb,S01,,\nc,S01,,")

    assert [row.reason for row in result.not_released] == [Reason.MANIFEST_PERSON]
    assert result.exit_code == 4
    assert sessions(tmp_path) == ["S01/M00", "S01/M12"]


def test_a_study_has_one_session(tmp_path: Path) -> None:
    source(tmp_path, a=PEOPLE["a"])
    more = mr_instance(
        PatientID="MRN-77110",
        PatientName="Zimmerquast^Otto",
        StudyInstanceUID="1.2.3.1",
        SOPInstanceUID="1.2.3.1.9.1",
    )
    save(more, tmp_path / "in" / "a" / "2.dcm")
    with pytest.raises(UsageError, match="1 studies more than one session"):
        call(tmp_path, "a/1.dcm,S01,base,\na/2.dcm,S01,fu,")


def test_two_studies_of_one_session_are_told_apart(tmp_path: Path) -> None:
    call(source(tmp_path), "a,S01,base,\nb,S01,base,")

    assert sessions(tmp_path) == ["S01/base", "S01/baseb"]


def test_names_never_change_once_published(tmp_path: Path) -> None:
    call(source(tmp_path), "a,,,\nc,S03,base,")
    with pytest.raises(UsageError, match=r"1 subjects .* other names in this vault"):
        call(tmp_path, "a,S01,,", "out2")
    with pytest.raises(UsageError, match="published under another name"):
        call(tmp_path, "c,S03,other,", "out2")
    call(tmp_path, "c,S03,base,\nb,S01,,", "out3")
    assert sessions(tmp_path, "out3") == ["S01/M00", "S03/base"]


def test_categories_are_held_against_the_files(tmp_path: Path) -> None:
    source(tmp_path)
    raw_object(tmp_path / "in" / "n.dcm", 1, "PET_NORM")
    raw_object(tmp_path / "in" / "s.dcm", 2, "PET_EM_SINO")
    raw_object(tmp_path / "in" / "u.dcm", 3, "RAWDATA")
    rows = "a,,,CT\nb,,,T1DCM\nc,,,lm_dcm\nn.dcm,,,lm_dcm\ns.dcm,,,nrm_dcm\nu.dcm,,,lm_ima"
    result = call(tmp_path, rows)

    reasons = [row.reason for row in result.not_released]
    assert reasons == [Reason.MANIFEST_CATEGORY] * 4
    assert result.verdicts[Verdict.RELEASED] == 2


def test_what_an_object_does_not_say_it_is_not_without_a_category(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    raw_object(tmp_path / "in" / "u.dcm", 4, "RAWDATA")
    result = call(tmp_path, "u.dcm,,,")

    assert [row.reason for row in result.not_released] == [Reason.RAW_DATA]


def test_keys_of_datain_are_categories(tmp_path: Path) -> None:
    source(tmp_path)
    datain = {"T1DCM": str(tmp_path / "in" / "a"), "lm_dcm": str(tmp_path / "in" / "c" / "1.dcm")}
    (tmp_path / "datain.json").write_text(json.dumps(datain))
    result = deidflow.anonymize(tmp_path / "datain.json", tmp_path / "out", workers=1)

    assert [row.reason for row in result.not_released] == [Reason.MANIFEST_CATEGORY]
