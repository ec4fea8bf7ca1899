"""Protocols of scanners as BIDS: names, what is set apart, field maps, and the official validator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deidflow.bids.export import BidsExport, export_release
from tests.bids.conftest import write_top_file
from tests.bids.protocols import FUNCTIONAL, NAMES, OTHERS, REASONS
from tests.bids.scans import validated, write_scan

PEOPLE = "subject,age,sex,age ,\nP001,90+,F,3,\nP002,,M\nP004,5,F,4,x,too many\n"


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BidsExport]:
    """The data set of all protocols, and what was said of it."""
    folder = tmp_path_factory.mktemp("protocols")
    for scan in (*FUNCTIONAL, *OTHERS):
        write_scan(folder / "release", scan)
    write_top_file(folder / "release")
    for session, days in (("M00", 0), ("M06", 183)):
        facts = {"days_since": days, "series": []}
        (folder / "release" / "P001" / session / "session.json").write_text(json.dumps(facts))
    people = folder / "people.csv"
    people.write_text(PEOPLE)
    return folder / "bids", export_release(folder / "release", folder / "bids", participants=people)


def sidecar(export: tuple[Path, BidsExport], name: str) -> dict[str, Any]:
    (path,) = export[0].glob(f"sub-*/ses-*/*/{name}.json")
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def test_each_image_gets_its_name(export: tuple[Path, BidsExport]) -> None:
    expected = set()
    for line in NAMES.strip().splitlines():
        visit, datatype, *names = line.split()
        expected.update(f"{datatype}/sub-{visit}_{name}.nii.gz" for name in names)

    root, result = export
    found = {"/".join(path.parts[-2:]) for path in root.glob("sub-*/**/*.nii.gz")}
    assert found == expected
    assert result.invalid == ()


def test_what_lacks_something_is_listed_with_the_reason(export: tuple[Path, BidsExport]) -> None:
    reasons = {}
    for entry in export[1].unnamed:
        reasons["/".join(entry.image.series.parts[-3:])] = entry.why

    assert reasons.keys() == REASONS.keys()
    for series, words in REASONS.items():
        assert words in reasons[series]


def test_the_line_to_add_has_a_place_for_what_is_lacking(export: tuple[Path, BidsExport]) -> None:
    lines = [entry.line for entry in export[1].unnamed]
    (line,) = [line for line in lines if "mp2rage" in line]
    assert "name: anat/MP2RAGE, entities: {inv: '1'}, sidecar: {FlipAngle: VALUE," in line


def test_a_field_map_is_for_the_images_that_it_was_taken_for(
    export: tuple[Path, BidsExport],
) -> None:
    first, second = "sub-P001_ses-M00_dir-PA_run-1_epi", "sub-P001_ses-M00_dir-AP_run-2_epi"
    early = sidecar(export, "sub-P001_ses-M00_task-rest_run-1_echo-1_bold")["B0FieldSource"]
    late = sidecar(export, "sub-P001_ses-M00_task-rest_run-2_bold")["B0FieldSource"]

    assert early == ["b0mapM00pepolar1", "b0mapM00gre1"]
    assert late == ["b0mapM00pepolar2", "b0mapM00gre1"]
    assert sidecar(export, first)["B0FieldIdentifier"] == "b0mapM00pepolar1"
    assert sidecar(export, second)["IntendedFor"] == [
        "bids::sub-P001/ses-M00/func/sub-P001_ses-M00_task-rest_run-2_bold.nii.gz"
    ]
    assert len(sidecar(export, "sub-P001_ses-M00_phasediff")["IntendedFor"]) == 5


def test_echo_times_of_a_phase_difference_come_from_its_magnitudes(
    export: tuple[Path, BidsExport],
) -> None:
    phase = sidecar(export, "sub-P001_ses-M00_phasediff")
    assert (phase["EchoTime1"], phase["EchoTime2"]) == (0.00492, 0.00738)


def test_values_that_cannot_be_true_are_left_out(export: tuple[Path, BidsExport]) -> None:
    phase = sidecar(export, "sub-P002_ses-M00_part-phase_T1w")
    assert phase["Units"] == "arbitrary"
    assert not {"FlipAngle", "SoftwareVersions"} & phase.keys()
    assert "SliceTiming" not in sidecar(export, "sub-P002_ses-M00_task-unknown_bold")
    assert "EffectiveEchoSpacing" not in sidecar(export, "sub-P004_ses-M00_task-faces_bold")


def test_tables_hold_days_and_the_columns_of_people(export: tuple[Path, BidsExport]) -> None:
    people = (export[0] / "participants.tsv").read_text().splitlines()
    days = (export[0] / "sub-P001" / "sub-P001_sessions.tsv").read_text().split()

    assert people[0] == "participant_id\tage\tsex"
    assert people[1:3] == ["sub-P001\t90+\tF", "sub-P002\tn/a\tM"]
    assert days == ["session_id", "days_since", "ses-M00", "0", "ses-M06", "183"]
    assert not (export[0] / "sub-P002" / "sub-P002_sessions.tsv").exists()


def test_the_validator_of_bids_finds_no_error(export: tuple[Path, BidsExport]) -> None:
    errors, others, data_sets = validated(export[0])

    assert data_sets == 2
    assert errors == []
    assert others == set()
