"""`anonymize` opens archives and asks for consent by the bounds and verdicts of `run`."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

import deidflow
from deidflow.bulk.result import Result
from deidflow.errors import ConfigError
from deidflow.verdicts import Reason, Verdict
from tests.archives.test_hostile_archives import tarred, zipped
from tests.commands import command_here
from tests.places import tree_digest, write_secret
from tests.synthetic import as_file, mr_instance

NAME = "Zimmerquast^Ottilie"


def slice_of(number: int, patient: str = "QX-1", name: str = NAME) -> bytes:
    uid = f"1.2.3.{patient[-1]}"
    header = mr_instance(
        PatientID=patient,
        PatientName=name,
        StudyInstanceUID=uid,
        SeriesInstanceUID=f"{uid}.1",
        SOPInstanceUID=f"{uid}.1.{number}",
        InstanceNumber=number,
        ImagePositionPatient=[0, 0, -number],
    )
    return as_file(header)


def anonymized(folder: Path, name: str = "out", **changes: object) -> Result:
    given = {"vault": folder / "vault", "level": "low", "workers": 1, "quiet": True}
    return deidflow.anonymize(folder / "in", folder / name, **{**given, **changes})  # type: ignore[arg-type]


def write(folder: Path, **files: bytes) -> None:
    (folder / "in").mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / "in" / name).write_bytes(content)


@pytest.mark.parametrize("layout", [None, "mirror"])
def test_members_come_out_as_plain_files_do(tmp_path: Path, layout: str | None) -> None:
    contents = [slice_of(number) for number in range(1, 5)]
    trees = []
    for kind in ("plain", "packed"):
        folder = tmp_path / kind
        folder.mkdir()
        write_secret(folder / "vault")
        if kind == "plain":
            (folder / "in" / "a").mkdir(parents=True)
            for number, content in enumerate(contents):
                (folder / "in" / "a" / str(number)).write_bytes(content)
        else:
            write(
                folder, a=zipped(*((f"{NAME}/{place}", one) for place, one in enumerate(contents)))
            )
        assert anonymized(folder, layout=layout).exit_code == 0
        trees.append(tree_digest(folder / "out"))

    assert trees[0] == trees[1]
    assert len(trees[0]) == 5
    assert not list((tmp_path / "packed" / "vault" / "work" / "anonymize").glob("archives*"))


def test_each_bad_member_has_a_verdict_and_costs_nobody_else_one(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(40 << 20))
    write(
        tmp_path,
        a=zipped((NAME, slice_of(1)), ("../x", slice_of(2)), ("in.zip", zipped(("x", b"")))),
        b=tarred(("x", slice_of(3))),
        c=bomb,
        d=slice_of(4),
        e=b"PK\x03\x04 nothing more",
    )
    before = tree_digest(tmp_path / "in")
    result = anonymized(tmp_path)

    assert tree_digest(tmp_path / "in") == before
    assert result.verdicts[Verdict.RELEASED] == 3
    assert result.exit_code == 4
    with (tmp_path / "vault" / "quarantine" / "anonymize.csv").open() as stream:
        rows = {row["source_path"]: row["reason"] for row in csv.DictReader(stream)}
    assert rows == {
        "a": Reason.ARCHIVE_UNPACKED,
        "a!/00002": Reason.ARCHIVE_PATH,
        "a!/00003": Reason.ARCHIVE_NESTED,
        "b": Reason.ARCHIVE_UNPACKED,
        "c": Reason.ARCHIVE_UNPACKED,
        "c!/00001": Reason.ARCHIVE_RATIO,
        "e": Reason.ARCHIVE_BROKEN,
    }
    assert sum(result.verdicts.values()) == result.files
    paths = [str(path) for path in (tmp_path / "vault").rglob("*")]
    texts = [path.read_bytes() for path in (tmp_path / "vault").rglob("*.csv")]
    assert not any("Zimmer" in path for path in paths)
    assert not any(b"Zimmer" in text for text in texts)


def test_a_resumed_call_knows_members_again(tmp_path: Path) -> None:
    write(tmp_path, a=zipped(("x", slice_of(1)), ("y", slice_of(2))))
    anonymized(tmp_path)

    assert anonymized(tmp_path, on_exists="resume").reused == 2


def test_without_a_vault_and_in_a_dry_run_archives_are_opened_too(tmp_path: Path) -> None:
    write(tmp_path, a=zipped(("x", slice_of(1))))

    assert anonymized(tmp_path, vault=None).verdicts[Verdict.RELEASED] == 1
    assert anonymized(tmp_path, "dry", dry_run=True).verdicts[Verdict.RELEASED] == 1


def test_who_is_not_on_the_list_is_excluded_and_nothing_is_kept_of_them(tmp_path: Path) -> None:
    write(
        tmp_path,
        a=zipped(("x", slice_of(1)), ("y", slice_of(1, "QX-2", "Abernathy^Max"))),
        b=slice_of(2),
        c=slice_of(2, "QX-2", "Abernathy^Max"),
    )
    (tmp_path / "list.csv").write_text("PatientID\nQX-1\n")
    consent = {"list": tmp_path / "list.csv"}
    result = anonymized(tmp_path, consent=consent, backup=tmp_path / "backup")

    assert result.verdicts[Verdict.RELEASED] == 2
    assert result.verdicts[Verdict.EXCLUDED] == 2
    copied = {
        str(path.relative_to(tmp_path / "backup")) for path in (tmp_path / "backup").rglob("*")
    }
    assert copied == {"a!", "a!/00001", "b"}
    for path in (*(tmp_path / "vault").rglob("*"), *(tmp_path / "backup").rglob("*")):
        if path.is_file():
            assert b"Abernathy" not in path.read_bytes()
            assert b"QX-2" not in path.read_bytes()


def test_a_list_that_is_not_understood_ends_the_call_before_a_file_is_read(tmp_path: Path) -> None:
    write(tmp_path, a=slice_of(1))
    (tmp_path / "list.csv").write_text("favourite colour\nblue\n")

    with pytest.raises(ConfigError, match="IDs or names"):
        anonymized(tmp_path, consent={"list": tmp_path / "list.csv"})
    assert not (tmp_path / "out").exists()


def test_who_takes_consent_back_and_is_in_the_output_is_told(tmp_path: Path) -> None:
    write(tmp_path, a=slice_of(1), b=slice_of(1, "QX-2", "Abernathy^Max"))
    anonymized(tmp_path)
    (tmp_path / "list.csv").write_text("PatientID\nQX-1\n")
    result = anonymized(tmp_path, on_exists="resume", consent={"list": tmp_path / "list.csv"})

    assert "1 subjects of earlier calls" in result.warnings[0]


def test_a_person_of_two_projects_without_releases_withdraws_from_both(tmp_path: Path) -> None:
    write(tmp_path, a=slice_of(1))
    anonymized(tmp_path)
    anonymized(tmp_path, "b", project="b")
    result = command_here("withdraw", "QX-1", "--vault", tmp_path / "vault", "--yes")

    assert result.returncode == 0, result.stderr
    assert result.stdout.count("erased from the vault") == 2
    assert result.stdout.count("delete yourself: 1 files of P001") == 2
    assert not list((tmp_path / "vault").glob(".no-release*"))
    again = anonymized(tmp_path, "c", project="c")
    assert [row.reason for row in again.not_released] == [Reason.CONSENT_WITHDRAWN]
