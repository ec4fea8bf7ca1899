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
        if project not in (None, row.project):
            continue
        if level not in (None, row.level):
            continue
        if row.is_meant(value):
            meant.append(row)
    if not meant:
        return ()

    _refuse_several(meant)
    found = []
    for row in everybody:
        if any(is_same_person(row, one) for one in meant):
            found.append(row)
    return tuple(found)


def is_same_person(row: Row, other: Row) -> bool:
    """Whether two rows are of one person: one number, or one name with one birth date."""
    if _is_same_row(row, other):
        return True

    ours = sealed_demographics(row.original)
    theirs = sealed_demographics(other.original)
    if _share_number(ours, theirs):
        return True
    if not ours.agrees(theirs):
        return False
    return not ours.birth_days.isdisjoint(theirs.birth_days)


def _is_same_row(row: Row, other: Row) -> bool:
    names = (row.project, row.level, row.pseudonym)
    others = (other.project, other.level, other.pseudonym)
    return names == others


def _share_number(ours: Demographics, theirs: Demographics) -> bool:
    """Whether both have one PatientID of one issuer, and nothing else denies it."""
    if not is_usable(ours.patient_id):
        return False
    if ours.patient_id != theirs.patient_id:
        return False

    issuers = {ours.issuer, theirs.issuer} - {""}
    if len(issuers) > 1:
        return False
    return not ours.contradicts(theirs)


def _refuse_several(rows: Sequence[Row]) -> None:
    first, *others = rows
    if all(is_same_person(first, other) for other in others):
        return
    names = []
    for row in rows[:_MOST_NAMED]:
        names.append(f"{row.project} {row.level} {row.pseudonym}")
    more = " .." if len(rows) > _MOST_NAMED else ""
    raise UsageError(
        f"several persons are meant ({', '.join(names)}{more}); look them up with "
        "'deidflow vault lookup', and give the PatientID, or a pseudonym with --project and --level"
    )
