"""A plan decides by the run's own code, with the run's own settings, and writes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deidflow.errors import ConfigError, UsageError
from deidflow.run.dry_run import make_plan
from deidflow.run.plan import RunPlan
from deidflow.settings.load import load_plan_settings
from tests.places import tree_digest
from tests.synthetic import mr_instance, save, save_series


def planned(source: Path, file: Path | None = None, **flags: Any) -> RunPlan:
    settings = {"source": source, "burned_in": {"read": "never"}, **flags}
    return make_plan(load_plan_settings(settings, file, {}))


def counts(plan: RunPlan) -> dict[str, int]:
    return {f"{row.verdict} {row.reason or ''}".strip(): row.files for row in plan.verdicts}


def fates(plan: RunPlan) -> list[str]:
    sessions = [session for subject in plan.subjects for session in subject.sessions]
    return [series.fate for session in sessions for series in session.series]


def save_chest(folder: Path, body_part: str = "CHEST") -> None:
    """A CT of an elliptic trunk of 34 by 22 cm."""
    rows, columns = np.mgrid[-100:100, -100:100]
    cells = np.where((columns / 85) ** 2 + (rows / 55) ** 2 < 1, 1064, 24).astype("<u2")
    for number in range(1, 13):
        header = mr_instance(
            SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID=f"1.2.3.7.{number}", SeriesInstanceUID="1.2.3.7",
            Modality="CT", BodyPartExamined=body_part, SeriesDescription="Routine", StudyDescription="Routine",
            ImagePositionPatient=["-200", "-200", str(number * 5)], PixelSpacing=["2", "2"], SliceThickness="5",
            Rows=200, Columns=200, RescaleSlope="1", RescaleIntercept="-1024", InstanceNumber=number, SeriesNumber=7,
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"], PixelData=cells.tobytes(),
        )  # fmt: skip
        save(header, folder / f"chest-{number}.dcm")


def test_a_chest_is_planned_to_be_released_as_it_is(tmp_path: Path) -> None:
    save_chest(tmp_path)
    plan = planned(tmp_path)
    assert (counts(plan), fates(plan)) == ({"to be released": 12}, ["released (not a head)"])


def test_a_chest_that_does_not_say_so_goes_the_way_of_heads(tmp_path: Path) -> None:
    save_chest(tmp_path, body_part="")
    assert fates(planned(tmp_path)) == ["face removed if the gate passes, else quarantined"]


def test_a_rule_that_the_image_contradicts_is_planned_as_quarantined(tmp_path: Path) -> None:
    save_series(tmp_path / "source")
    file = tmp_path / "site.yaml"
    file.write_text(
        "deface:\n  scope:\n    - {modality: MR, action: skip, reason: phantoms only}\n"
    )
    assert counts(planned(tmp_path / "source", file)) == {
        "to be released": 0,
        "quarantined skip-refused": 3,
    }
    file.write_text(file.read_text() + "  when: always\nlevel: low\n")
    assert fates(planned(tmp_path / "source", file)) == ["released (spared by a rule)"]


def test_who_is_a_subject_is_decided_by_the_settings(tmp_path: Path) -> None:
    for number in (1, 2):
        uids = {"StudyInstanceUID": f"1.9.{number}", "SeriesInstanceUID": f"1.9.{number}.1"}
        save_series(tmp_path / "source" / f"folder{number}", 1, **uids)
    file = tmp_path / "site.yaml"
    assert len(planned(tmp_path / "source").subjects) == 1
    file.write_text("ids: {discovery: one_per_study}\n")
    assert len(planned(tmp_path / "source", file).subjects) == 2


def test_classes_of_a_profile_are_let_through(tmp_path: Path) -> None:
    header = mr_instance(SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    save(header, tmp_path / "source" / "secondary.dcm")
    own = tmp_path / "own.yaml"
    own.write_text("extends: low\nclasses: [SecondaryCaptureImageStorage]\n")
    assert counts(planned(tmp_path / "source", level="low"))["to be released"] == 0
    assert (
        counts(planned(tmp_path / "source", level="low", profile=str(own)))["to be released"] == 1
    )


def test_a_selection_is_planned_and_one_of_nobody_is_refused(tmp_path: Path) -> None:
    save_series(tmp_path, 2)
    save_series(
        tmp_path / "b",
        1,
        PatientID="PID-2",
        PatientName="B",
        StudyInstanceUID="1.8",
        SeriesInstanceUID="1.8.1",
    )
    plan = planned(tmp_path, level="low", subjects=("PID-2",))
    assert counts(plan) == {"to be released": 1, "excluded not-selected": 2}
    with pytest.raises(UsageError, match="names nobody"):
        planned(tmp_path, subjects=("PID-3",))


def test_what_a_run_refuses_a_plan_refuses(tmp_path: Path) -> None:
    save_series(tmp_path / "source")
    with pytest.raises(UsageError, match="contradict"):
        planned(tmp_path / "source", header={"keep_uids": True, "uid_root": "1.2.3"})
    with pytest.raises(ConfigError, match="unknown key 'levle'"):
        planned(tmp_path / "source", levle="low")
    with pytest.raises(UsageError, match="inside the source"):
        planned(tmp_path / "source", vault=tmp_path / "source" / "vault")


def test_a_plan_with_a_vault_names_its_subjects_and_leaves_it_as_it_is(tmp_path: Path) -> None:
    import deidflow

    save_series(tmp_path / "source")
    vault = tmp_path / "vault"
    ids = {"prefix": "S", "start": 7}
    deidflow.anonymize(
        tmp_path / "source", tmp_path / "out", level="low", vault=vault, ids=ids, quiet=True
    )
    before = tree_digest(vault)
    plan = planned(tmp_path / "source", level="low", vault=vault)
    assert [row.subject for row in plan.subjects] == ["S007"]
    assert tree_digest(vault) == before


def test_warnings_of_a_run_are_those_of_its_plan(tmp_path: Path) -> None:
    save_series(tmp_path)
    assert planned(tmp_path).warnings == ()
    plan = planned(
        tmp_path, ids={"strategy": "none"}, header={"keep": ["OperatorsName", "Modality"]}
    )
    text = "\n".join(plan.warnings)
    assert "identity strategy none" in text and "not de-identified" in text
    assert (
        "--keep OperatorsName lets out what profile high replaces by a dummy" in text
        and "Modality" not in text
    )
    assert "keeps every attribute" in planned(tmp_path, profile="research").warnings[0]


def test_members_of_an_archive_are_planned_like_files(tmp_path: Path) -> None:
    save_series(tmp_path / "plain")
    shutil.make_archive(str(tmp_path / "source" / "a"), "zip", tmp_path / "plain")
    before = tree_digest(tmp_path)

    plan = planned(tmp_path / "source", level="low")

    assert counts(plan)["to be released"] == 3
    assert fates(plan) == ["released"]
    assert tree_digest(tmp_path) == before
