"""`deidflow anonymize` and its Python call: folders in, de-identified folders out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pydicom
import pytest

import deidflow
from deidflow.errors import ConfigError, UsageError
from deidflow.store.locks import held
from tests.commands import command_here, command_line
from tests.places import tree_digest
from tests.synthetic import mr_instance, save, save_series

NAMES = (b"zimmerquast", b"adelheid", b"pid-77120", b"1.2.3.4.5")


def two_patients(root: Path) -> Path:
    """Two patients in one folder, one of them with two studies."""
    save_series(root / "mixed")
    save_series(
        root / "mixed",
        SeriesInstanceUID="1.2.3.4.6.1",
        StudyInstanceUID="1.2.3.4.6",
        StudyDate="20221111",
    )
    other = {
        "PatientID": "OTHER-5",
        "PatientName": "Unterberger^Max",
        "StudyInstanceUID": "1.2.9.9",
    }
    save_series(root / "mixed", SeriesInstanceUID="1.2.9.9.1", **other)
    (root / "notes.txt").write_text("seen by Zimmerquast")
    return root


def images(out: Path) -> list[Path]:
    return sorted(out.rglob("*.dcm"))


def test_a_folder_becomes_subjects_sessions_and_series(tmp_path: Path) -> None:
    source = two_patients(tmp_path / "in")
    before = tree_digest(source)
    result = deidflow.anonymize(source, tmp_path / "out", level="low", workers=2)
    assert (result.files, result.subjects, result.exit_code) == (10, 2, 0)
    assert sum(result.verdicts.values()) == 10
    assert result.verdicts["skipped"] == 1
    folders = {
        path.parent.relative_to(tmp_path / "out").as_posix() for path in images(tmp_path / "out")
    }
    assert {folder[4:] for folder in folders} == {"/M00/003-MR", "/M06/003-MR"}
    content = b"".join(path.read_bytes().lower() for path in images(tmp_path / "out"))
    assert not [name for name in (*NAMES, b"unterberger") if name in content]
    assert tree_digest(source) == before
    assert any("thrown away" in warning for warning in result.warnings)
    assert not list(tmp_path.glob("out/**/.*"))
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_the_same_identities_as_a_run_whatever_the_workers(tmp_path: Path) -> None:
    source, vault = two_patients(tmp_path / "in"), tmp_path / "vault"
    for number, workers in enumerate((1, 2, 1)):
        deidflow.anonymize(source, tmp_path / str(number), vault=vault, workers=workers)
    assert tree_digest(tmp_path / "0") == tree_digest(tmp_path / "1") == tree_digest(tmp_path / "2")
    assert vault.stat().st_mode & 0o077 == 0


def test_files_folders_lists_and_manifests(tmp_path: Path) -> None:
    source = two_patients(tmp_path / "in")
    some = [source / "mixed" / ".4.5.1-1.dcm", source / "mixed" / ".4.5.1-2.dcm"]
    (tmp_path / "list.txt").write_text("\n".join(map(str, some)))
    (tmp_path / "raw.json").write_text(
        json.dumps({"T1DCM": str(source), "corepath": "/nowhere", "#T1DCM": 3})
    )
    for number, (given, count) in enumerate(
        [
            (some[0], 1),
            (some, 2),
            (f"@{tmp_path / 'list.txt'}", 2),
            (tmp_path / "raw.json", 9),
            ({"x": str(source)}, 9),
        ]
    ):
        result = deidflow.anonymize(given, tmp_path / f"out{number}", workers=1)
        assert result.verdicts["released"] == count


def test_mirror_keeps_the_tree_with_counted_names(tmp_path: Path) -> None:
    save_series(tmp_path / "in" / "Zimmerquast" / "2022" / "T1")
    save_series(tmp_path / "in" / "Zimmerquast" / "2022" / "T2", SeriesInstanceUID="1.2.3.4.5.7")
    deidflow.anonymize(tmp_path / "in", tmp_path / "out", layout="mirror", workers=1)
    names = [path.relative_to(tmp_path / "out").as_posix() for path in images(tmp_path / "out")]
    assert names == [
        f"P001/{folder}/{number}.dcm"
        for folder in ("001", "002")
        for number in ("001", "002", "003")
    ]


def test_slices_are_numbered_along_the_stack(tmp_path: Path) -> None:
    for name, place in (("c", "1"), ("a", "3"), ("b", "2")):
        where = {"ImagePositionPatient": ["0", "0", place], "SOPInstanceUID": f"1.2.3.{place}"}
        save(mr_instance(InstanceNumber=9 - int(place), **where), tmp_path / "in" / name)
    deidflow.anonymize(tmp_path / "in", tmp_path / "out", workers=1)
    places = [pydicom.dcmread(path).ImagePositionPatient[2] for path in images(tmp_path / "out")]
    assert places == [1, 2, 3]


def test_an_output_that_is_there_fails_is_cleaned_or_resumed(tmp_path: Path) -> None:
    source, out, vault = two_patients(tmp_path / "in"), tmp_path / "out", tmp_path / "vault"
    deidflow.anonymize(source, out, vault=vault, workers=1)
    first = tree_digest(out)
    with pytest.raises(UsageError, match="not empty"):
        deidflow.anonymize(source, out, vault=vault)
    with pytest.raises(ConfigError, match="needs a vault"):
        deidflow.anonymize(source, out, on_exists="resume")
    damaged = images(out)[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    save_series(source / "late", SeriesInstanceUID="1.2.3.4.5.8", SeriesNumber=8)
    resumed = deidflow.anonymize(source, out, vault=vault, on_exists="resume", workers=1)
    assert resumed.reused == 6
    assert {name: first[name] for name in first} == {name: tree_digest(out)[name] for name in first}
    assert len(images(out)) == 12
    other = deidflow.anonymize(
        source, out, vault=vault, on_exists="resume", keep=["Manufacturer"], workers=1
    )
    assert other.reused == 0
    cleaned = deidflow.anonymize(source, out, vault=vault, on_exists="clean", workers=1)
    assert (cleaned.reused, len(images(out))) == (0, 12)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(UsageError, match="did not write"):
        deidflow.anonymize(source, tmp_path / "mine", on_exists="clean")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_dry_run_writes_nothing_and_names_no_file(tmp_path: Path) -> None:
    source = two_patients(tmp_path / "in")
    result = command_here(
        "anonymize", source, tmp_path / "out", "--dry-run", "--vault", tmp_path / "vault"
    )
    assert result.returncode == 0
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "vault").exists()
    assert any(
        line.split() == ["000002", "PatientName", "pseudonym"]
        for line in result.stdout.splitlines()
    )
    assert "000001  skipped: not a DICOM file" in result.stdout
    said = (result.stdout + result.stderr).lower().encode()
    assert not [name for name in (*NAMES, b"notes.txt", b"mixed") if name in said]
    refused = command_here("anonymize", source, tmp_path / "out", "--dry-run", "--show-paths")
    assert refused.returncode == 2
    assert "terminal" in refused.stderr


def test_audit_backup_log_and_console_hold_no_value(tmp_path: Path) -> None:
    source = two_patients(tmp_path / "in")
    result = command_line(
        "anonymize",
        source,
        tmp_path / "out",
        "--vault",
        tmp_path / "vault",
        "--audit",
        tmp_path / "audit.csv",
        "--backup",
        tmp_path / "backup",
        "--log",
        tmp_path / "log.txt",
        "--verbose",
        "--remove",
        "0008,0070",
        "--replace",
        "BodyPartExamined=BRAIN",
        "--keep",
        "SeriesDescription",
    )
    assert result.returncode == 0, result.stderr
    audit = (tmp_path / "audit.csv").read_text()
    assert "000002,P0" in audit
    assert "Manufacturer,removed" in audit
    assert "BodyPartExamined,replace" in audit
    said = (
        (audit + (tmp_path / "log.txt").read_text() + result.stdout + result.stderr)
        .lower()
        .encode()
    )
    assert not [name for name in (*NAMES, b"mixed", b"notes") if name in said]
    assert tree_digest(tmp_path / "backup") == tree_digest(source)
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    released = pydicom.dcmread(images(tmp_path / "out")[0])
    assert (released.BodyPartExamined, released.SeriesDescription) == ("BRAIN", "T1 MPRAGE SAG KIM")
    assert "notes.txt" in (tmp_path / "vault" / "quarantine" / "anonymize.csv").read_text()


def test_one_bad_file_costs_nobody_else(tmp_path: Path) -> None:
    source = two_patients(tmp_path / "in")
    good = (source / "mixed" / ".4.5.1-1.dcm").read_bytes()
    (source / "cut.dcm").write_bytes(good[:700])
    (source / "no_mark").write_bytes(good[132:])
    (source / "mixed" / "copy.dcm").write_bytes(good)
    (source / "\udcff\udcfe.dcm").write_bytes(b"")
    os.mkfifo(source / "pipe")
    (source / "link.dcm").symlink_to(source / "mixed" / ".4.5.1-1.dcm")
    result = deidflow.anonymize(source, tmp_path / "out", workers=2)
    assert result.exit_code == 4
    assert sum(result.verdicts.values()) == result.files == 14
    assert {key: count for key, count in result.verdicts.items() if count} == {
        "released": 9,
        "duplicate": 1,
        "skipped": 2,
        "quarantined": 2,
    }
    forced = deidflow.anonymize(source / "no_mark", tmp_path / "forced", force=True, workers=1)
    assert forced.verdicts["released"] == 1
    assert (
        pydicom.dcmread(images(tmp_path / "forced")[0]).file_meta.TransferSyntaxUID
        == "1.2.840.10008.1.2.1"
    )


def test_places_that_would_mix_private_and_shared_are_refused(tmp_path: Path) -> None:
    source = two_patients(tmp_path / "in")
    places: list[dict[str, Any]] = [
        {"out": source / "x"},
        {"out": tmp_path},
        {"out": tmp_path / "o", "vault": tmp_path / "o" / "v"},
        {"out": tmp_path / "o", "backup": tmp_path / "o" / "b"},
        {"out": tmp_path / "o", "audit": source / "a.csv"},
        {"out": tmp_path / "v" / "o", "vault": tmp_path / "v"},
    ]
    for place in places:
        with pytest.raises(UsageError, match="lies inside"):
            deidflow.anonymize(source, **place)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--layout", "{subject}"], "must hold"),
        (["--layout", "{subject}/{name}"], "unknown field 'name'"),
        (["--uid-root", "1.02.3"], "not a valid UID"),
        (["--uid-root", "1.2.840.10008.5"], "belongs to the DICOM standard"),
        (["--profile", "basik"], "did you mean 'basic'"),
        (["--keep", "PatientNam"], "did you mean 'PatientName'"),
        (["--replace", "PatientName"], "ATTRIBUTE=VALUE"),
        (["--shift-dates", "many"], "many"),
        (["--project", "A B"], "project"),
    ],
)
def test_bad_arguments_say_what_is_wrong(tmp_path: Path, arguments: list[str], said: str) -> None:
    save_series(tmp_path / "in", 1)
    result = command_here("anonymize", tmp_path / "in", tmp_path / "out", *arguments)
    assert result.returncode == 2, result.stderr
    assert said in result.stderr
    assert not (tmp_path / "out").exists()
    assert len(result.stderr.strip().splitlines()) == 1


def test_an_output_at_work_is_busy(tmp_path: Path) -> None:
    save_series(tmp_path / "in", 1)
    (tmp_path / ".out.deidflow").mkdir()
    with held(tmp_path / ".out.deidflow" / "lock", "output"):
        assert command_here("anonymize", tmp_path / "in", tmp_path / "out").returncode == 7


def test_dates_are_shifted_by_a_given_number_of_days(tmp_path: Path) -> None:
    save_series(tmp_path / "in", 1)
    deidflow.anonymize(
        tmp_path / "in", tmp_path / "out", level="low", shift_dates=-10, keep_uids=True, workers=1
    )
    released = pydicom.dcmread(images(tmp_path / "out")[0])
    assert (released.StudyDate, released.SOPInstanceUID) == ("20220430", "1.2.3.4.5.1.1")


def test_uids_have_the_root_of_the_site(tmp_path: Path) -> None:
    save_series(tmp_path / "in", 2)
    deidflow.anonymize(tmp_path / "in", tmp_path / "out", uid_root="1.3.6.1.4.1.99999", workers=1)
    uids = [pydicom.dcmread(path).SOPInstanceUID for path in images(tmp_path / "out")]
    assert len(set(uids)) == 2
    assert all(
        uid.startswith("1.3.6.1.4.1.99999.") and len(uid) <= 64 and uid.is_valid for uid in uids
    )


def test_header_only_objects_pass_when_a_profile_lets_them(tmp_path: Path) -> None:
    report = mr_instance(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR", PixelData=None, ImageType=None
    )
    save(report, tmp_path / "in" / "report.dcm")
    assert deidflow.anonymize(tmp_path / "in", tmp_path / "a", workers=1).verdicts["excluded"] == 1
    own = tmp_path / "own.yaml"
    own.write_text("extends: low\nclasses: [BasicTextSRStorage]\n")
    result = deidflow.anonymize(tmp_path / "in", tmp_path / "b", profile=own, workers=1)
    assert result.verdicts["quarantined"] == 1
    own.write_text(own.read_text() + "options: [clean_structured_content]\n")
    result = deidflow.anonymize(tmp_path / "in", tmp_path / "c", profile=own, workers=1)
    assert result.verdicts["released"] == 1


def test_the_vault_is_looked_up_exported_and_checked(tmp_path: Path) -> None:
    source, vault = two_patients(tmp_path / "in"), tmp_path / "vault"
    deidflow.anonymize(source, tmp_path / "out", vault=vault, workers=1)
    found = command_here("vault", "lookup", "PID-77120", "--vault", vault)
    assert found.returncode == 0
    assert "Zimmerquast^Adelheid" in found.stdout
    assert "2022-05-10" in found.stdout
    assert command_here("vault", "lookup", "Nobody", "--vault", vault).returncode == 8
    exported = command_here("vault", "export", tmp_path / "who.csv", "--vault", vault)
    assert exported.returncode == 0
    assert (tmp_path / "who.csv").stat().st_mode & 0o077 == 0
    assert "OTHER-5,Unterberger^Max" in (tmp_path / "who.csv").read_text()
    assert (
        command_here("vault", "export", tmp_path / "out" / "who.csv", "--vault", vault).returncode
        == 2
    )
    assert command_here("vault", "check", "--vault", vault).returncode == 0
    (vault / "secret.key").write_text("another secret of enough length 0123456789\n")
    assert command_here("vault", "check", "--vault", vault).returncode == 2


def test_show_tells_what_identifies_and_changes_nothing(tmp_path: Path) -> None:
    header = mr_instance(ImageComments="of Zimmerquast")
    header.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(
        0x10, "OB", b'tPatientName = "Secret^Name" '
    )
    path = save(header, tmp_path / "x.dcm")
    before = path.read_bytes(), path.stat().st_mtime_ns
    shown = command_here("show", path)
    assert shown.returncode == 0
    for value in ("Zimmerquast^Adelheid", "PID-77120", "of Zimmerquast", "Secret^Name", "19600412"):
        assert value in shown.stdout
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
