"""Files that were read, who a patient was said to be, and what is published."""

from __future__ import annotations

from datetime import date

from deidflow.dicom.demographics import Demographics
from deidflow.identity.persons import Person
from deidflow.identity.vault import Vault

DAY = date(2020, 1, 1)


def person(key: str, original: dict[str, str] | None = None, **studies: date | None) -> Person:
    return Person(key, original or {}, frozenset(), studies)


def test_a_new_patient_has_no_demographics(vault: Vault) -> None:
    assert vault.demographics("id||new") is None


def test_a_patient_is_who_the_first_delivery_said(vault: Vault) -> None:
    first = {
        "patient_id": "7",
        "issuer": "SITE",
        "patient_name": "Doe^Jane",
        "birth_date": "19600412",
        "patient_sex": "F",
    }
    vault.identify([person("id||7", first)])
    vault.identify([person("id||7", first | {"patient_name": "Roe^Jane"})])
    assert vault.demographics("id||7") == Demographics("7", "SITE", "Doe^Jane", "19600412", "F")


def test_what_a_header_did_not_say_is_empty(vault: Vault) -> None:
    vault.identify([person("id||7", {"patient_id": "7"})])
    assert vault.demographics("id||7") == Demographics("7", "", "", "", "")


def test_nothing_is_published_until_it_is_marked(vault: Vault) -> None:
    vault.identify([person("id||7", first=DAY, second=None)])
    assert vault.published_of(["first", "second"]) == set()
    vault.mark_published([("P001", "M00")])
    assert vault.published_of(["first", "second", "unknown"]) == {("P001", "M00")}
    assert vault.published_of(["second"]) == set()


def test_marking_what_is_not_there_changes_nothing(vault: Vault) -> None:
    vault.identify([person("id||7", first=DAY)])
    vault.mark_published([("P001", "M99"), ("P999", "M00")])
    assert vault.published_of(["first"]) == set()


def test_a_published_study_keeps_its_label_when_its_date_changes(vault: Vault) -> None:
    vault.identify([person("id||7", first=DAY)])
    vault.mark_published([("P001", "M00")])
    changed = vault.identify([person("id||7", first=date(2021, 1, 1))])
    assert changed["id||7"].labels == {"first": "M00"}


def test_a_study_that_was_not_published_and_is_gone_is_forgotten(vault: Vault) -> None:
    vault.identify([person("id||7", first=DAY, second=date(2020, 7, 1))])
    vault.identify([person("id||7", second=date(2020, 7, 1))])
    (original,) = vault.originals()
    assert original.sessions == (("M00", "2020-07-01"),)


def test_a_published_study_that_is_gone_is_remembered(vault: Vault) -> None:
    vault.identify([person("id||7", first=DAY)])
    vault.mark_published([("P001", "M00")])
    identities = vault.identify([person("id||7", second=date(2020, 7, 1))])
    (original,) = vault.originals()
    assert identities["id||7"].labels == {"second": "M06"}
    assert original.sessions == (("M00", "2020-01-01"), ("M06", "2020-07-01"))


def test_a_published_study_without_a_date_fixes_no_anchor(vault: Vault) -> None:
    vault.identify([person("id||7", first=None)])
    vault.mark_published([("P001", "M00")])
    identities = vault.identify([person("id||7", first=None, second=DAY)])
    assert identities["id||7"].labels == {"first": "M00", "second": "M00b"}


def test_patients_are_listed_by_pseudonym_with_their_shift(vault: Vault) -> None:
    identities = vault.identify([person(f"id||{number}") for number in range(5)])
    originals = list(vault.originals())
    assert [original.pseudonym for original in originals] == [f"P00{n}" for n in range(1, 6)]
    assert {original.shift_days for original in originals} == {
        identity.shift_days for identity in identities.values()
    }


def test_a_run_that_names_nobody_new_changes_no_identity(vault: Vault) -> None:
    people = [person(f"id||{number}", first=DAY) for number in range(3)]
    assert vault.identify(people[:1]) == {
        "id||0": vault.identify(people[:1])["id||0"],
    }
    before = vault.identify(people)
    assert vault.identify(people) == before
    assert vault.identify([]) == {}


def test_a_vault_knows_its_projects_and_levels_and_is_intact(vault: Vault) -> None:
    assert vault.scopes() == []
    vault.identify([person("id||7")])
    assert vault.scopes() == [("default", "high")]
    assert vault.is_intact()
