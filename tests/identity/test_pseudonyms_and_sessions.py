"""Pseudonyms in keyed order, session labels that never change, vaults that refuse other secrets."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from deidflow.errors import EnvironmentFault, UsageError, VaultMismatch
from deidflow.identity.persons import Person
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.sessions import DatedStudy, label_sessions
from deidflow.identity.shifts import shift_days
from deidflow.identity.vault import Vault


def person(key: str, **studies: date | None) -> Person:
    return Person(
        key,
        {"name 0": f"original of {key}"},
        frozenset(day for day in studies.values() if day),
        studies,
    )


def test_new_patients_are_numbered_in_keyed_order_and_never_again(vault: Vault) -> None:
    first = vault.identify([person(f"id||{number}") for number in range(6)])
    assert sorted(one.pseudonym for one in first.values()) == [
        f"P{number:03d}" for number in range(1, 7)
    ]
    assert [first[f"id||{number}"].pseudonym for number in range(6)] != sorted(
        one.pseudonym for one in first.values()
    )
    second = vault.identify([person("id||new"), *(person(f"id||{number}") for number in range(6))])
    assert second["id||new"].pseudonym == "P007"
    assert {key: second[key] for key in first} == first


def test_other_projects_and_levels_cannot_be_joined(tmp_path: Path) -> None:
    orders = []
    for project, level in (("a", "high"), ("b", "high"), ("a", "low")):
        vault = Vault(tmp_path, Keys(b"s" * 32, project, level))
        found = vault.identify(
            [person(f"id||{number}", one=date(2020, 1, 1)) for number in range(8)]
        )
        orders.append([(one.pseudonym, one.shift_days) for one in found.values()])
        vault.close()
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_the_database_holds_no_original_value_in_the_open(vault: Vault) -> None:
    vault.identify([person("id||SECRETPATIENT", studyuid=date(2020, 1, 1))])
    content = b"".join(path.read_bytes() for path in vault.folder.glob("deidflow.sqlite*"))
    assert b"SECRETPATIENT" not in content
    assert b"studyuid" not in content
    (original,) = vault.originals()
    assert original.values == {"name 0": "original of id||SECRETPATIENT"}


def test_a_vault_of_another_secret_is_refused(tmp_path: Path) -> None:
    Vault(tmp_path, Keys(b"s" * 32, "default", "high")).close()
    with pytest.raises(VaultMismatch, match="another secret"):
        Vault(tmp_path, Keys(b"t" * 32, "default", "high"))


def test_the_secret_is_made_private_and_read_again(tmp_path: Path) -> None:
    made = load_secret(tmp_path, {}, create=True)
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert load_secret(tmp_path, {}, create=False) == made


def test_the_secret_may_lie_elsewhere_and_must_be_strong(tmp_path: Path) -> None:
    weak = tmp_path / "weak"
    weak.write_text("changeme")
    with pytest.raises(UsageError, match="weak"):
        load_secret(tmp_path, {"DEIDFLOW_SECRET_FILE": str(weak)}, create=True)
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        load_secret(tmp_path, {"DEIDFLOW_SECRET_FILE": str(tmp_path / "absent")}, create=True)


def test_shifts_go_into_the_past_and_never_hit_an_own_date() -> None:
    keys = Keys(b"s" * 32, "default", "low")
    for number in range(200):
        own = {str(day): date(2020, 1, 1 + day % 28) for day in range(28)}
        days = shift_days(keys, person(f"id||{number}", **own))
        assert -1825 <= days < 0
        moved = {day.toordinal() + days for day in own.values()}
        assert not moved & {day.toordinal() for day in own.values()}


def labels(
    days: list[date | None], fixed: dict[bytes, str] | None = None, anchor: date | None = None
) -> list[str]:
    studies = [DatedStudy(str(number).encode(), day) for number, day in enumerate(days)]
    found, _ = label_sessions(studies, fixed or {}, anchor)
    return [found[study.lookup] for study in studies]


def test_labels_are_months_since_the_first_study() -> None:
    assert labels([date(2023, 3, 16), date(2023, 9, 14), date(2024, 3, 18)]) == [
        "M00",
        "M06",
        "M12",
    ]


def test_the_same_month_again_gets_a_letter() -> None:
    assert labels([date(2023, 3, 16), date(2023, 3, 20), date(2023, 3, 24), None]) == [
        "M00",
        "M00b",
        "M00c",
        "M00d",
    ]


def test_published_labels_stay_and_an_older_study_is_n06() -> None:
    fixed, anchor = {b"0": "M00"}, date(2023, 9, 14)
    assert labels([date(2023, 9, 14), date(2023, 3, 16), date(2023, 9, 20)], fixed, anchor) == [
        "M00",
        "N06",
        "M00b",
    ]


def test_labels_are_fixed_once_published(vault: Vault) -> None:
    vault.identify([person("id||1", later=date(2023, 9, 14))])
    vault.mark_published([("P001", "M00")])
    found = vault.identify([person("id||1", later=date(2023, 9, 14), older=date(2023, 3, 16))])
    assert found["id||1"].labels == {"later": "M00", "older": "N06"}


def test_labels_of_unpublished_sessions_may_still_change(vault: Vault) -> None:
    vault.identify([person("id||1", later=date(2023, 9, 14))])
    found = vault.identify([person("id||1", later=date(2023, 9, 14), older=date(2023, 3, 16))])
    assert found["id||1"].labels == {"older": "M00", "later": "M06"}
