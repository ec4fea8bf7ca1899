"""`deidflow anonymize` leaves an audit in the vault: whole, chained, its values sealed."""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msoffcrypto
import openpyxl
import pytest

import deidflow
from deidflow.audit.check import audit_problems
from deidflow.audit.ledger import Event, Ledger, record_event, remember_end
from deidflow.audit.reading import FileRow
from deidflow.audit.segment import AuditRecord, SegmentWriter
from deidflow.audit.tables import AuditTables, Table
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from tests.commands import command_here
from tests.synthetic import save_series

SLICES = 5
NAME = "Zimmerquast^Adelheid"


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """A vault after one call."""
    save_series(tmp_path / "in", SLICES)
    anonymize(tmp_path)
    return tmp_path / "vault"


def anonymize(folder: Path, **changes: object) -> deidflow.Result:
    settings = {"vault": folder / "vault", "workers": 1, "on_exists": "resume", **changes}
    return deidflow.anonymize(folder / "in", folder / "out", **settings)  # type: ignore[arg-type]


def opened(folder: Path) -> Vault:
    return Vault(folder, Keys(load_secret(folder, create=False), "default", "high"))


def problems(folder: Path) -> list[str]:
    with closing(opened(folder)) as vault:
        return audit_problems(vault)


def files(folder: Path, *, sealed: bool = False) -> list[FileRow]:
    with closing(opened(folder)) as vault:
        return list(AuditTables(vault, opened=not sealed).files())


def rows(folder: Path, table: Table) -> list[tuple[str | int, ...]]:
    with closing(opened(folder)) as vault:
        return list(AuditTables(vault).rows(table))


def segment(folder: Path) -> Path:
    (path,) = (folder / "audit").glob("*/P001/*.jsonl")
    return path


def ledger(folder: Path) -> Path:
    return folder / "audit" / "default-high" / "ledger.jsonl"


def test_every_file_has_every_attribute_with_action_reason_hashes_and_time(vault: Path) -> None:
    audited = files(vault)

    assert len(audited) == SLICES
    for file in audited:
        by_name = {row.attribute: row for row in file.attributes}
        name = by_name["PatientName"]
        assert (name.action, name.original) == ("pseudonym", NAME)
        assert name.reason.startswith("profile: PatientName")
        assert len(name.old) == len(name.new) == 24
        assert name.old != name.new
        assert by_name["Rows"].action == "kept"
        assert by_name["InstanceNumber"].action == "kept"
        assert file.time.startswith("20")
        assert (vault.parent / "out" / file.file).exists()
        assert Path(file.source).exists()
    uids = {row.original for file in audited for row in file.attributes if is_uid(row.attribute)}
    assert len(uids) == SLICES


def is_uid(attribute: str) -> bool:
    return attribute == "SOPInstanceUID"


def test_no_value_and_no_path_lies_open(vault: Path) -> None:
    said = b"".join(path.read_bytes() for path in (vault / "audit").rglob("*.jsonl"))

    for value in (b"Zimmerquast", b"PID-77120", b"19600412", str(vault.parent / "in").encode()):
        assert value not in said
    row = next(
        row for row in files(vault, sealed=True)[0].attributes if row.attribute == "PatientID"
    )
    assert row.original == ""
    assert row.old


def test_studies_and_the_cohort_are_counted(vault: Path) -> None:
    anonymize(vault.parent)
    (first, second) = rows(vault, Table.STUDIES)
    cohort = rows(vault, Table.COHORT)

    assert first[2:6] == ("M00", SLICES, 0, 0)
    assert second[2:6] == ("M00", 0, SLICES, 0)
    assert int(first[6]) > SLICES
    assert cohort[0][2] == SLICES
    assert json.loads(str(cohort[0][3]))["released"] == SLICES


Change = Callable[[list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[:3] + lines[4:], "line 4 is missing"),
        (lambda lines: lines[:-2], "are missing"),
        (lambda lines: [*lines[:3], lines[3].replace(b"e", b"f", 1), *lines[4:]], "line 4 was"),
        (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], "was line 3"),
        (lambda lines: [*lines, lines[-1]], "out of its place"),
        (lambda lines: [*lines[:3], b"{}\n", *lines[4:]], "line 4 was changed"),
    ],
)
@pytest.mark.parametrize("which", [segment, ledger])
def test_a_line_that_is_not_as_it_was_is_named(
    vault: Path, which: Callable[[Path], Path], change: Change, said: str
) -> None:
    anonymize(vault.parent)
    anonymize(vault.parent)
    path = which(vault)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(change(lines)))

    (found, *_) = problems(vault)
    assert found.startswith(path.relative_to(vault).as_posix())
    assert said in " ".join(problems(vault))


def test_the_command_names_file_and_line(vault: Path) -> None:
    assert command_here("vault", "check", "--vault", vault).returncode == 0
    segment(vault).unlink()

    checked = command_here("vault", "check", "--vault", vault)
    assert checked.returncode == 6
    assert "audit/default-high/P001/000001.jsonl is missing" in checked.stdout


def test_a_cut_ledger_is_still_found_after_another_call(vault: Path) -> None:
    path = ledger(vault)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    anonymize(vault.parent)

    assert "was changed" in problems(vault)[0]


def test_what_a_killed_call_left_is_no_tampering_but_a_later_cut_is(vault: Path) -> None:
    with closing(opened(vault)) as open_vault:
        own = Ledger.of(vault, open_vault.keys)
    writer = SegmentWriter.create(own.folder, own.key, "P001")
    writer.add([AuditRecord("", b'"file":"a"'), AuditRecord("", b'"file":"b"')])
    left = own.folder / writer.name
    left.write_bytes(left.read_bytes() + b'{"n":3,"fi')
    ledger(vault).write_bytes(ledger(vault).read_bytes() + b'{"n":9,"ev')
    assert problems(vault) == []

    anonymize(vault.parent)
    assert problems(vault) == []
    left.write_bytes(left.read_bytes().splitlines(keepends=True)[0])
    assert problems(vault) == [f"audit/default-high/{writer.name}, line 2 is missing"]


def test_events_of_several_processes_make_one_chain(vault: Path) -> None:
    for number in range(3):
        record_event(vault, "default", "high", Event.DECIDED, {"case": f"P001/M00/{number}"})

    assert problems(vault) == []
    said = [row[3] for row in rows(vault, Table.EVENTS) if row[1] == "decided"]
    assert said == [json.dumps({"case": f"P001/M00/{number}"}) for number in range(3)]


def test_erased_values_open_no_more_and_the_chain_holds(vault: Path) -> None:
    with closing(opened(vault)) as open_vault:
        open_vault.erase_patient("P001")
        open_vault.wipe_deleted()
        remember_end(open_vault)

    assert problems(vault) == []
    file = files(vault)[0]
    assert file.source == ""
    assert not any(row.original for row in file.attributes)


def test_the_export_opens_originals_only_on_request(vault: Path, tmp_path: Path) -> None:
    arguments = ("--vault", vault, "--audit", "--subject", "P001")
    shut = command_here("vault", "export", tmp_path / "shut.csv", *arguments, "--changes")
    assert shut.returncode == 0, shut.stderr
    command_here("vault", "export", tmp_path / "open.jsonl", *arguments, "--originals")

    table = list(csv.DictReader(io.StringIO((tmp_path / "shut.csv").read_text())))
    assert {row["original"] for row in table} == {""}
    assert "kept" not in {row["action"] for row in table}
    lines = [json.loads(line) for line in (tmp_path / "open.jsonl").read_text().splitlines()]
    assert NAME in {row["original"] for row in lines}
    assert (tmp_path / "open.jsonl").stat().st_mode & 0o077 == 0
    assert [row[1] for row in rows(vault, Table.EVENTS)][-2:] == ["exported", "exported"]
    assert problems(vault) == []


def test_a_workbook_needs_a_password_from_the_environment_or_a_terminal(
    vault: Path, tmp_path: Path
) -> None:
    arguments = ("vault", "export", tmp_path / "a.xlsx", "--vault", vault, "--audit")
    refused = command_here(*arguments)
    assert refused.returncode == 2
    assert "DEIDFLOW_AUDIT_PASSWORD" in refused.stderr
    password = secrets.token_hex(8)
    made = command_here(*arguments, DEIDFLOW_AUDIT_PASSWORD=password)
    assert made.returncode == 0, made.stderr

    book = msoffcrypto.OfficeFile((tmp_path / "a.xlsx").open("rb"))
    assert book.is_encrypted()
    book.load_key(password=password)
    plain = io.BytesIO()
    book.decrypt(plain)
    sheets = openpyxl.load_workbook(plain)
    assert sheets.sheetnames == [table.value for table in Table]
    assert sheets["files"].max_row == SLICES + 1
