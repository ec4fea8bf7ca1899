"""Scenarios of whole tables: who is in, what leaves, what stays in the vault."""

from __future__ import annotations

import csv
import stat
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from deidflow.dicom.demographics import Demographics
from deidflow.errors import UsageError
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.settings.tables import TableSettings
from deidflow.tables.deidentify import deidentify_table
from tests.commands import command_here
from tests.tables.conftest import fill_vault, pseudonyms

Make = Callable[..., TableSettings]
TABLE = (
    "PatNr;Name;Geburtsdatum;Alter;Diagnose;Bemerkung;Visite;MMSE\n"
    "77120;Zimmerquast, Adelheid;12.04.1960;62;AD;ok;10.05.2022;28\n"
    "PID-77120;Adelheid Zimmerquast;12.04.1960;62;AD;"
    "Frau Zimmerquast kam mit Grossmann Joerg;01.06.2022;-2.5\n"
    ";Joerg Peter Grossmann;;90;MCI;Kontrolle am 12.05.2018, Tel. 0551 39 12345;04.03.2021;25\n"
    "123;Ganz Anders;01.01.1970;50;NC;;;30\n"
)


def rows_of(path: Path, delimiter: str = ";") -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def test_a_table_leaves_with_pseudonyms_and_without_names(settings: Make) -> None:
    wanted = settings(TABLE, columns={"id": ("PatNr",)})
    result = deidentify_table(wanted)

    rows = rows_of(wanted.out / "demographics.csv")
    text = (wanted.out / "demographics.csv").read_text()
    known = pseudonyms(wanted.vault, "low")
    assert {row["subject"] for row in rows} == {known["PID-77120"][0], known["0004711"][0]}
    assert set(rows[0]) == {"subject", "Alter", "Diagnose", "Bemerkung", "Visite", "MMSE"}
    for secret in ("Zimmerquast", "Adelheid", "Gro", "77120", "12.05", "39 12345", "1960"):
        assert secret not in text
    assert result.without_images == 2


def test_dates_move_by_the_shift_of_the_images_and_ages_end_at_90(settings: Make) -> None:
    wanted = settings(TABLE)
    deidentify_table(wanted)

    known = pseudonyms(wanted.vault, "low")
    rows = {row["MMSE"]: row for row in rows_of(wanted.out / "demographics.csv")}
    shift = timedelta(known["PID-77120"][1])
    assert rows["-2.5"]["Visite"] == (date(2022, 6, 1) + shift).isoformat()
    assert rows["25"]["Alter"] == "90+"
    assert rows["-2.5"]["Alter"] == "62"


def test_at_level_high_dates_are_on_the_clock_of_the_nearest_session(settings: Make) -> None:
    wanted = settings(TABLE, level="high")
    deidentify_table(wanted)

    rows = {row["MMSE"]: row for row in rows_of(wanted.out / "demographics.csv")}
    assert rows["-2.5"]["Visite"] == "1900-01-23"
    assert rows["-2.5"]["Visite_session"] == "M00"
    assert rows["-2.5"]["Alter"] == "60"


def test_who_is_missing_is_said_by_pseudonym_and_by_name_in_the_vault_only(settings: Make) -> None:
    wanted = settings(TABLE)
    result = deidentify_table(wanted)

    known = pseudonyms(wanted.vault, "low")
    missing = rows_of(wanted.out / "missing.csv")
    folder = wanted.vault / "tables" / "default-low"
    assert missing == [{"subject": known["9001"][0], "missing_in": "table"}]
    assert result.without_row == 1
    assert "Siobhán" in (folder / "missing.csv").read_text()
    assert "Ganz Anders" in (folder / "missing.csv").read_text()
    assert stat.S_IMODE((folder / "mapping.csv").stat().st_mode) == 0o600
    assert "Zimmerquast, Adelheid" not in (wanted.out / "missing.csv").read_text()


def test_an_ambiguous_match_is_an_error_with_candidates_in_the_vault(settings: Make) -> None:
    table = "Name,score\nSiobhan O'Neill,1\nSiobhan Mary O'Neill,2\nSiobhan Ann O'Neill,3\n"
    wanted = settings(table.replace("Siobhan O'Neill,1\n", ""))
    result = deidentify_table(wanted)

    candidates = (wanted.vault / "tables" / "default-low" / "ambiguous.csv").read_text()
    assert result.ambiguous == 1
    assert result.exit_code == 4
    assert "Siobhan Mary" in candidates
    assert "Siobhan Ann" in candidates
    assert len(rows_of(wanted.out / "demographics.csv", ",")) == 0


def test_one_number_with_two_names_is_ambiguous(settings: Make) -> None:
    table = "PatientID,Name,score\nPID-77120,Adelheid Zimmerquast,1\nPID-77120,Karl Huber,2\n"
    assert deidentify_table(settings(table)).ambiguous == 1


def test_a_number_whose_name_is_another_persons_is_ambiguous(settings: Make) -> None:
    table = "PatientID,Name,score\nPID-77120,Karl Huber,1\n"
    assert deidentify_table(settings(table)).ambiguous == 1


def test_another_patients_name_in_free_text_empties_the_cell(settings: Make) -> None:
    table = "PatientID,remark\nPID-77120,seen with Joerg Grossmann today\n9001,walks well\n"
    wanted = settings(table)
    result = deidentify_table(wanted)

    rows = rows_of(wanted.out / "demographics.csv", ",")
    assert {row["remark"] for row in rows} == {"", "walks well"}
    assert result.emptied == 1


def test_a_table_alone_names_everybody(tmp_path: Path, settings: Make) -> None:
    wanted = settings(TABLE, vault=tmp_path / "new")
    result = deidentify_table(wanted)
    again = deidentify_table(wanted)

    missing = rows_of(wanted.out / "missing.csv")
    assert result.subjects == again.subjects == 4
    assert {row["missing_in"] for row in missing} == {"images"}
    assert rows_of(wanted.out / "demographics_shortened.csv") == []


def test_images_alone_make_a_table_of_age_and_sex(settings: Make) -> None:
    wanted = settings(TABLE).model_copy(update={"table": None})
    result = deidentify_table(wanted)

    rows = {row["subject"]: row for row in rows_of(wanted.out / "demographics.csv", ",")}
    known = pseudonyms(wanted.vault, "low")
    assert result.rows == 3
    assert rows[known["PID-77120"][0]]["age"] == "62"
    assert rows[known["0004711"][0]]["age"] == "90+"


def test_a_workbook_comes_out_as_a_workbook(tmp_path: Path, settings: Make) -> None:
    book = Workbook()
    book.active.append(["Patient ID", "Name", "Visit", "remark", "formula"])
    book.active.append(["9001", "Siobhan O'Neill", date(2020, 2, 1), "=HYPERLINK(1)", 3])
    book.save(tmp_path / "table.xlsx")
    wanted = settings(tmp_path / "table.xlsx")
    deidentify_table(wanted)

    sheet = load_workbook(wanted.out / "demographics.xlsx").active
    header, row = list(sheet.iter_rows(values_only=True))
    shift = timedelta(pseudonyms(wanted.vault, "low")["9001"][1])
    assert header == ("subject", "Visit", "remark", "formula")
    assert row[1] == (date(2020, 2, 1) + shift).isoformat()
    assert not str(row[2] or "").startswith("=")
    assert row[3] == 3


def test_a_column_named_after_a_person_is_dropped(settings: Make) -> None:
    table = "PatientID,Adelheid Zimmerquast,score\nPID-77120,1,2\n9001,1,2\n"
    wanted = settings(table)
    deidentify_table(wanted)

    assert "Adelheid" not in (wanted.out / "demographics.csv").read_text()


def test_only_subjects_of_the_release_are_present(tmp_path: Path, settings: Make) -> None:
    wanted = settings(TABLE)
    known = pseudonyms(wanted.vault, "low")
    release = tmp_path / "release"
    (release / known["PID-77120"][0]).mkdir(parents=True)
    deidentify_table(wanted.model_copy(update={"release": release}))

    rows = rows_of(wanted.out / "demographics_shortened.csv")
    assert {row["subject"] for row in rows} == {known["PID-77120"][0]}


def test_an_output_inside_a_release_is_refused(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "dataset.json").write_text("{}")

    with pytest.raises(UsageError, match="inside a release"):
        settings(TABLE, out=tmp_path / "release" / "tables")


def test_the_command_prints_counts_and_no_name(tmp_path: Path) -> None:
    fill_vault(tmp_path / "vault", "high")
    (tmp_path / "table.csv").write_text(TABLE)
    result = command_here(
        "tables", tmp_path / "table.csv", "--vault", tmp_path / "vault", "--out", tmp_path / "out"
    )

    assert result.returncode == 0
    assert "subjects written" in result.stdout
    assert "Zimmerquast" not in result.stdout + result.stderr


@pytest.mark.parametrize("row", ["4711;;", ";Jörg Peter Großmann;01.02.1931"])
def test_who_has_withdrawn_is_not_taken_in_by_a_table(settings: Make, row: str) -> None:
    made = settings(f"PatientID;Name;Geburtsdatum\n{row}\n9001;Siobhán O'Neill;\n", everyone=True)
    vault = Vault(made.vault, Keys(load_secret(made.vault, {}, create=False), "default", "low"))
    gone = Demographics("0004711", "", "Großmann^Jörg Peter", "19310201", "M")
    vault.add_withdrawn([gone], ["1.2.11.0"])
    vault.close()
    result = deidentify_table(made)

    assert (result.rows, result.withdrawn) == (1, 1)
    for record in (made.vault / "tables").rglob("*.csv"):
        assert row not in record.read_text()
    assert len(pseudonyms(made.vault, "low")) == 3
