"""A table of patients, de-identified as their images are; who is who stays in the vault."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deidflow.checks.cohort import Cohort
from deidflow.checks.leaks import LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.errors import EnvironmentFault
from deidflow.header.values import age_from
from deidflow.identity.database import NAME as DATABASE
from deidflow.identity.secret import Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.release.layout import Layout
from deidflow.settings.effective import effective_profile
from deidflow.settings.tables import TableSettings
from deidflow.tables.cells import CellCounts, RowCleaner, limited_age
from deidflow.tables.columns import Column, Role, columns_of
from deidflow.tables.matching import Match, match_people
from deidflow.tables.people import (
    RowPerson,
    Subject,
    first_date,
    people_in,
    row_identifiers,
    subjects_of,
)
from deidflow.tables.reading import Table, read_table
from deidflow.tables.records import Pairing, write_records
from deidflow.tables.writing import write_table

NAME = "demographics"
MISSING = "missing"


@dataclass(frozen=True)
class TableResult:
    """Counts of a table that was de-identified; nothing identifying is in them."""

    rows: int
    subjects: int
    without_row: int
    """Subjects with images whom the table does not have."""
    without_images: int
    """Persons of the table who have no images."""
    ambiguous: int
    dropped: tuple[tuple[str, str], ...]
    """Columns that were dropped for what their cells are, and why."""
    cleaned: int
    emptied: int

    @property
    def exit_code(self) -> int:
        """4 where somebody has to decide, else 0."""
        return 4 if self.ambiguous else 0


def deidentify_table(settings: TableSettings) -> TableResult:
    """Match, clean and write a table; without one make it from what is known of the images.

    Raises UsageError, ConfigError and EnvironmentFault before anything is written.
    """
    is_new = not (settings.vault / DATABASE).exists()
    if is_new:
        _make_vault(settings.vault)
    secret = load_secret(settings.vault, create=is_new)
    keys = Keys(secret, settings.project, settings.level)
    layout = Layout(Path(os.devnull), settings.vault, settings.project, settings.level)
    vault = Vault(settings.vault, keys)
    try:
        if settings.table is None:
            return _from_images(subjects_of(vault, layout, settings), settings)
        return _from_table(vault, layout, settings, settings.table)
    finally:
        vault.close()


def _make_vault(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(f"the vault cannot be made: {error.strerror}") from None


# images alone


def _from_images(subjects: Sequence[Subject], settings: TableSettings) -> TableResult:
    """A table of sex and age at the first session, of the subjects with images."""
    profile = effective_profile(settings)
    present = [subject for subject in subjects if subject.has_images]
    rows = []
    for subject in present:
        age = age_from(subject.birth, first_date(subject)) or ""
        years = str(int(age[:3])) if age.endswith("Y") else age
        limited = limited_age(years, binned=profile.binned) if years else ""
        rows.append([subject.pseudonym, subject.sex, limited, str(len(subject.sessions))])

    path = settings.out / f"{NAME}.csv"
    write_table(path, ("subject", "sex", "age", "sessions"), rows)
    return TableResult(len(rows), len(rows), 0, 0, 0, (), 0, 0)


# a table


def _from_table(vault: Vault, layout: Layout, settings: TableSettings, path: Path) -> TableResult:
    table = read_table(
        path,
        encoding=settings.encoding,
        delimiter=settings.delimiter,
        sheet=settings.sheet,
    )
    columns = columns_of(table, settings.columns, settings.date_order)
    people = people_in(table, columns)
    subjects = subjects_of(vault, layout, settings)
    pairings = _pair(subjects, people, settings)

    if settings.everyone or not subjects:
        pairings += _name_the_rest(vault, layout, settings, pairings, people)
    columns = _without_names(columns, _cohort_of(table, columns, subjects, vault.keys))
    counts = CellCounts()
    cohort = _cohort_of(table, columns, subjects, vault.keys)
    cleaner = RowCleaner(columns, effective_profile(settings), cohort, counts)
    released = [pairing for pairing in pairings if pairing.person and pairing.subject]
    count = _write(table, cleaner, released, settings)
    missing = _missing(pairings, subjects)
    _write_missing(table, missing, settings)
    write_records(settings, table, columns, people, pairings)
    return TableResult(
        rows=count,
        subjects=len(released),
        without_row=sum(side == "table" for _, side in missing),
        without_images=len(_unpaired(pairings, people)),
        ambiguous=sum(pairing.match.how == "ambiguous" for pairing in pairings),
        dropped=tuple((column.name, column.why) for column in columns if column.why),
        cleaned=sum(counts.cleaned.values()),
        emptied=sum(counts.emptied.values()),
    )


def _pair(
    subjects: Sequence[Subject], people: Sequence[RowPerson], settings: TableSettings
) -> list[Pairing]:
    """Each subject with the person of the table who is meant."""
    sought = {place: subject.who for place, subject in enumerate(subjects)}
    rows = {place: person.who for place, person in enumerate(people)}
    matches = match_people(sought, rows, settings.match.threshold)
    pairings = []
    for place, subject in enumerate(subjects):
        match = matches[place]
        person = None if match.row is None else people[match.row]
        if match.row is not None and person is not None and person.is_mixed:
            match = Match(None, "ambiguous", candidates=((match.row, match.distance),))
            person = None
        pairings.append(Pairing(subject, person, match))
    return pairings


def _unpaired(pairings: Sequence[Pairing], people: Sequence[RowPerson]) -> list[RowPerson]:
    """Persons of the table who are nobody's match with images."""
    taken = {
        pairing.person.rows for pairing in pairings if pairing.person and pairing.subject.has_images
    }
    return [person for person in people if person.rows not in taken]


def _name_the_rest(
    vault: Vault,
    layout: Layout,
    settings: TableSettings,
    pairings: Sequence[Pairing],
    people: Sequence[RowPerson],
) -> list[Pairing]:
    """Give pseudonyms to persons of the table whom the vault does not know and nobody may be."""
    taken = {pairing.person.rows for pairing in pairings if pairing.person}
    doubtful = {people[place].rows for pairing in pairings for place, _ in pairing.match.candidates}
    new = [
        person for person in people if person.rows not in taken | doubtful and not person.is_mixed
    ]
    identities = vault.identify(
        [person.person() for person in new], settings.ids, settings.sessions
    )
    by_name = {subject.pseudonym: subject for subject in subjects_of(vault, layout, settings)}
    added = []
    for person in new:
        subject = by_name[identities[person.key].pseudonym]
        added.append(Pairing(replace(subject, has_images=False), person, Match(None, "new")))
    return added


def _cohort_of(
    table: Table, columns: Sequence[Column], subjects: Iterable[Subject], keys: Keys
) -> Cohort:
    """Names and numbers of everybody in the table and in the vault."""
    pairs = {pair for subject in subjects for pair in subject.identifiers}
    for row in table.rows:
        pairs.update(pair for pair in row_identifiers(row, columns) if pair[0] != "text")
    return Cohort.of(sorted(pairs), (), keys.derive("tables"))


def _without_names(columns: Sequence[Column], cohort: Cohort) -> tuple[Column, ...]:
    """Columns whose own name is somebody's are dropped."""
    search = LeakSearch(OwnIdentifiers.of(()), Ours(), cohort)
    checked = []
    for column in columns:
        if column.role.leaves and search.text("column", column.name.replace("_", " ")):
            column = replace(column, role=Role.DROPPED, why="its name is a person's")
        checked.append(column)
    return tuple(checked)


def _write(
    table: Table, cleaner: RowCleaner, released: Sequence[Pairing], settings: TableSettings
) -> int:
    """Write the table, and the shortened one if there are persons without images in it."""
    rows: list[list[str]] = []
    shortened: list[list[str]] = []
    for pairing in sorted(released, key=lambda pairing: pairing.subject.pseudonym):
        for place in pairing.person.rows if pairing.person else ():
            cells = cleaner.clean(table.rows[place], pairing.subject)
            rows.append(cells)
            if pairing.subject.has_images:
                shortened.append(cells)

    places = {NAME: rows, f"{NAME}_shortened": shortened}
    for name, content in places.items():
        path = settings.out / f"{name}{table.suffix}"
        write_table(path, cleaner.header, content, delimiter=table.delimiter)
    return len(rows)


def _missing(pairings: Sequence[Pairing], subjects: Sequence[Subject]) -> list[tuple[str, str]]:
    """Pseudonyms, and the side on which they are missing."""
    with_row = {pairing.subject.pseudonym for pairing in pairings if pairing.person}
    missing = []
    for subject in subjects:
        if subject.has_images and subject.pseudonym not in with_row:
            missing.append((subject.pseudonym, "table"))
    for pairing in pairings:
        if pairing.person and not pairing.subject.has_images:
            missing.append((pairing.subject.pseudonym, "images"))
    return sorted(missing)


def _write_missing(
    table: Table, missing: Sequence[tuple[str, str]], settings: TableSettings
) -> None:
    path = settings.out / f"{MISSING}{table.suffix}"
    write_table(path, ("subject", "missing_in"), missing, delimiter=table.delimiter)
