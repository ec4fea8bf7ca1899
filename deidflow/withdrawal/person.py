"""Who is meant by an ID, a name or a pseudonym: one person, in every project and level."""

from __future__ import annotations

from collections.abc import Sequence

from deidflow.dicom.demographics import Demographics
from deidflow.dicom.patients import is_usable
from deidflow.errors import UsageError
from deidflow.identity.original import sealed_demographics
from deidflow.identity.registry import Registry, Row

_MOST_NAMED = 12


def find_person(
    registry: Registry, value: str, project: str | None, level: str | None
) -> tuple[Row, ...]:
    """All that a vault has of one person, empty for nobody.

    Project and level narrow the search for the value, not what is found of the person. Raises
    UsageError where several persons are meant, by their pseudonyms.
    """
    everybody = list(registry.rows(None, None))
    meant = []
    for row in everybody:
        is_asked = project in (None, row.project) and level in (None, row.level)
        if is_asked and row.is_meant(value):
            meant.append(row)
    if not meant:
        return ()

    _refuse_several(meant)
    return tuple(row for row in everybody if any(is_same_person(row, one) for one in meant))


def is_same_person(row: Row, other: Row) -> bool:
    """Whether two rows are of one person: one number, or one name with one birth date."""
    ours = sealed_demographics(row.original)
    theirs = sealed_demographics(other.original)
    if _is_same_row(row, other) or _share_number(ours, theirs):
        return True
    return ours.agrees(theirs) and not ours.birth_days.isdisjoint(theirs.birth_days)


def _is_same_row(row: Row, other: Row) -> bool:
    names = (row.project, row.level, row.pseudonym)
    return names == (other.project, other.level, other.pseudonym)


def _share_number(ours: Demographics, theirs: Demographics) -> bool:
    """Whether both have one PatientID of one issuer, and nothing else denies it."""
    if not is_usable(ours.patient_id) or ours.patient_id != theirs.patient_id:
        return False
    if ours.issuer and theirs.issuer and ours.issuer != theirs.issuer:
        return False
    return not ours.contradicts(theirs)


def _refuse_several(rows: Sequence[Row]) -> None:
    first, *others = rows
    if all(is_same_person(first, other) for other in others):
        return
    names = [f"{row.project} {row.level} {row.pseudonym}" for row in rows[:_MOST_NAMED]]
    more = " .." if len(rows) > _MOST_NAMED else ""
    raise UsageError(
        f"several persons are meant ({', '.join(names)}{more}); look them up with "
        "'deidflow vault lookup', and give the PatientID, or a pseudonym with --project and --level"
    )
