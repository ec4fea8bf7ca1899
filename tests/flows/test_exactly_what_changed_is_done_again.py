"""Input, outputs, configuration, code or tools change: the affected steps of the affected subjects
run, no others."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from deidflow.run.status import status_of
from deidflow.steps.step import installed
from deidflow.store.code import code_digest
from deidflow.store.files import read_json
from tests.flows.conftest import ALL, Site
from tests.places import give_template, tree_digest
from tests.synthetic import save_series


def owner_of(site: Site, folder: str) -> str:
    """The pseudonym of the subject whose files lie in a folder."""
    order = {name: read_json(site.work / name / "order.json") for name in ("P001", "P002")}
    return next(name for name, one in order.items() if folder in str(one["sessions"]))


def test_nothing_changed_and_files_touched_or_moved_with_their_folder(site: Site) -> None:
    for path in site.source.rglob("*.dcm"):
        os.utime(path)
    before = tree_digest(site.release)
    assert site.run() == {"P001": set(), "P002": set()}
    assert tree_digest(site.release) == before


def test_a_table_that_somebody_deleted_comes_back(site: Site) -> None:
    before = tree_digest(site.release)
    (site.release / "subjects.tsv").unlink()

    assert site.run() == {"P001": set(), "P002": set()}
    assert tree_digest(site.release) == before


def change_a_byte(site: Site) -> None:
    """Another value of the same length in a file of the same size and date."""
    path = site.file(1)
    stat = path.stat()
    header = pydicom.dcmread(path)
    header.PatientWeight = "99.5"
    header.save_as(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size


def remove_a_file(site: Site) -> None:
    site.file(1).unlink()


def add_a_series(site: Site) -> None:
    names = {"PatientID": "PID-10000", "PatientName": "Person1^Xaver"}
    uids = {"StudyInstanceUID": "1.2.2", "SeriesInstanceUID": "1.2.2.9", "SeriesNumber": 9}
    save_series(site.source / "late for Xaver 1", 2, **names, **uids)


@pytest.mark.parametrize("change", [change_a_byte, remove_a_file, add_a_series])
def test_input_of_one_subject_changes(site: Site, change: Callable[[Site], None]) -> None:
    changed = owner_of(site, "Xaver 1")
    change(site)
    assert site.run() == {"P001": set(), "P002": set()} | {changed: ALL}


def test_a_late_series_makes_a_new_version_and_recipients_are_told(site: Site) -> None:
    changed = owner_of(site, "Xaver 1")
    assert (
        site.release / "changes.tsv"
    ).read_text() == "subject\tsession\tversion\tseries\tchange\n"
    before = tree_digest(site.release / changed / "M00" / "001-MR")
    add_a_series(site)
    site.run()
    assert (site.release / "changes.tsv").read_text().splitlines()[1:] == [
        f"{changed}\tM00\t2\t009-MR\tadded"
    ]
    assert tree_digest(site.release / changed / "M00" / "001-MR") == before
    shutil.rmtree(site.source / "late for Xaver 1")
    site.run()
    assert (site.release / "changes.tsv").read_text().splitlines()[2:] == [
        f"{changed}\tM00\t3\t009-MR\tremoved"
    ]
    assert not (site.release / changed / "M00" / "009-MR").exists()


def test_a_subject_added_later_leaves_the_others_alone(site: Site) -> None:
    before = tree_digest(site.release)
    uids = {"StudyInstanceUID": "1.9", "SeriesInstanceUID": "1.9.1"}
    save_series(site.source / "new", 4, PatientID="NEW-1", PatientName="New^Nina", **uids)
    assert site.run() == {"P001": set(), "P002": set(), "P003": ALL}
    tables = {"manifest.sha256", "subjects.tsv"}
    after = {
        name: data
        for name, data in tree_digest(site.release).items()
        if not name.startswith("P003")
    }
    assert {name for name in after if after[name] != before.get(name)} == tables
    assert set(after) == set(before)


def test_a_session_that_may_not_go_out_any_more_is_withdrawn(
    site: Site, template_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Published at low with its pixels; then faces must go, and no head passes the gate."""
    give_template(site.root / "vault", template_file)
    site.run(deface={"when": "always"})
    assert site.summary.exit_code == 4
    assert "P001 M00: withdrawn" in capfd.readouterr().err
    tables = ["changes.tsv", "dataset.json", "manifest.sha256", "subjects.tsv"]
    assert sorted(path.name for path in site.release.iterdir()) == tables
    assert "P001" not in (site.release / "manifest.sha256").read_text()


def delete(site: Site) -> None:
    next(site.published("P002").rglob("slice_001.dcm")).unlink()


def damage(site: Site) -> None:
    next(site.published("P002").rglob("slice_001.dcm")).write_bytes(b"edited")


def swap(site: Site) -> None:
    one, other = (next(site.published("P002").rglob(f"slice_00{number}.dcm")) for number in (1, 2))
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def remove_the_session(site: Site) -> None:
    shutil.rmtree(site.release / "P002" / "M00")


@pytest.mark.parametrize("harm", [delete, damage, swap, remove_the_session])
def test_published_files_of_one_subject_are_harmed(
    site: Site, harm: Callable[[Site], None]
) -> None:
    before = tree_digest(site.release)
    harm(site)
    assert site.run() == {"P001": set(), "P002": {"reconstruct", "publish"}}
    assert tree_digest(site.release) == before


@pytest.mark.parametrize("step", ["anonymize", "convert"])
def test_an_intermediate_result_is_lost(site: Site, step: str) -> None:
    """It is made again; as it comes out the same, nothing that follows is."""
    shutil.rmtree(site.work / "P002" / "M00" / step)
    assert site.run() == {"P001": set(), "P002": {step}}


def test_a_setting_changes_and_is_changed_back(site: Site) -> None:
    before = tree_digest(site.release)
    affected = {"anonymize", "reconstruct", "publish", "verify"}
    other = {"remove": ["PatientSex"]}
    assert site.run(header=other) == {"P001": affected, "P002": affected}
    assert tree_digest(site.release) != before
    assert site.run() == {"P001": affected, "P002": affected}
    told = {"changes.tsv", "manifest.sha256"}
    after = tree_digest(site.release)
    assert {name: data for name, data in after.items() if name not in told} == {
        name: data for name, data in before.items() if name not in told
    }


def test_a_profile_is_edited(site: Site) -> None:
    profile = site.root / "ours.yaml"
    profile.write_text("extends: low\n")
    site.run(profile=str(profile))
    assert site.run(profile=str(profile)) == {"P001": set(), "P002": set()}
    profile.write_text(
        "extends: low\ndeviations:\n- {attribute: PatientSex, action: remove, reason: test}\n"
    )
    done = site.run(profile=str(profile))
    assert {"anonymize", "reconstruct", "publish"} <= done["P001"] & done["P002"]
    assert "convert" not in done["P001"] | done["P002"]


FOLLOWING = {
    "anonymize": {"anonymize"},
    "convert": {"convert"},
    "reconstruct": {"reconstruct"},
    "verify": {"verify"},
}
"""Its output comes out the same, so that nothing but the step itself is done; what was built is not
published again."""


@pytest.mark.slow
@pytest.mark.parametrize("step", list(FOLLOWING))
def test_the_code_of_a_step_changes(site: Site, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = f"deidflow.steps.{step}"

    def digest(module: str) -> str:
        return "another" if module == changed else code_digest(module)

    monkeypatch.setattr("deidflow.steps.step.code_digest", digest)
    before = tree_digest(site.release)
    done = site.run()
    assert done["P001"] == done["P002"]
    assert done["P001"] - {"publish"} == FOLLOWING[step]
    assert tree_digest(site.release) == before


def update(monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    """Another version of a distribution is installed."""

    def version(name: str) -> str:
        return "another" if name == tool else installed(name)

    monkeypatch.setattr("deidflow.steps.step.installed", version)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "steps"),
    [
        ("dcm2niix", {"convert", "reconstruct"}),
        ("pydicom", {"anonymize", "convert", "reconstruct", "verify"}),
        ("SimpleITK", {"reconstruct"}),
    ],
)
def test_a_tool_has_another_version(
    site: Site, tool: str, steps: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    update(monkeypatch, tool)
    done = site.run()
    assert done["P001"] - {"publish"} == done["P002"] - {"publish"} == steps


@pytest.mark.slow
def test_settings_of_faces_concern_the_face_steps(
    site: Site, template_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of these images is a head, so that all is held back; the steps run all the same."""
    give_template(site.root / "vault", template_file)
    faces: dict[str, Any] = {"when": "always"}
    assert site.run(deface=faces)["P001"] == {"deface", "reconstruct"}
    assert site.run(deface=faces)["P001"] == set()
    assert site.run(deface=faces | {"fill": 7})["P001"] == {"reconstruct"}
    assert site.run(deface=faces | {"fill": 7, "margin_mm": 3})["P001"] == {"deface"}, (
        "the same comes out"
    )
    update(monkeypatch, "SimpleITK")
    assert site.run(deface=faces | {"fill": 7, "margin_mm": 3})["P001"] == {"deface", "reconstruct"}


def test_redo_from_a_step_on_for_one_subject(site: Site) -> None:
    before = tree_digest(site.release)
    assert site.run(redo="reconstruct", subjects=("P002",)) == {
        "P002": {"reconstruct", "verify", "publish"}
    }
    assert tree_digest(site.release) == before
    assert site.run() == {"P001": set(), "P002": set()}


def test_a_subject_that_left_the_source_is_gone_and_stays_published(site: Site) -> None:
    left = owner_of(site, "Xaver 1")
    before = tree_digest(site.release)
    shutil.rmtree(site.source / "Xaver 1")
    site.run()
    assert site.summary.gone == 1
    assert tree_digest(site.release) == before
    rows = status_of(site.release, site.root / "vault").sessions
    assert {row.subject: row.gone for row in rows} == {"P001": False, "P002": False} | {left: True}


def test_another_time_zone_and_a_clock_that_went_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    for path in (site.root / "vault").rglob("*.json"):
        os.utime(path, (4e9, 4e9))
    assert site.run() == {"P001": set(), "P002": set()}
    monkeypatch.undo()
    time.tzset()
