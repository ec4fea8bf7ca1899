"""A table of patients, de-identified as their images are; who is who stays in the vault."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deidflow.checks.cohort import CohortIndex
from deidflow.checks.leaks import LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.errors import EnvironmentFault, UsageError
from deidflow.header.ages import age_from
from deidflow.identity.database import NAME as DATABASE
from deidflow.identity.secret import KEY_FILE, Keys, load_secret
from deidflow.identity.vault import Vault
from deidflow.release.layout import Layout
from deidflow.settings.effective import effective_profile
from deidflow.settings.tables import TableSettings
from deidflow.tables.cells import CellCounts, RowCleaner, limited_age
from deidflow.tables.columns import Column, Role, columns_of, tell_persons
from deidflow.tables.pairs import Pairing, missing_sides, name_the_rest, pair_up, unpaired
from deidflow.tables.people import (
    Subject,
    first_date,
    people_in,
    row_identifiers,
    subjects_of,
    without_withdrawn,
)
from deidflow.tables.reading import Table, read_table
from deidflow.tables.records import write_records
from deidflow.tables.writing import write_table

NAME = "demographics"
SHORTENED = "demographics_shortened"
MISSING = "missing"
NAMED_AFTER = "is named after a person"
"""Why a column is dropped whose name must not be said."""


@dataclass(frozen=True)
class TableResult:
    """Counts of a table that was de-identified; nothing identifying is in them."""

    rows: int = 0
    subjects: int = 0
    without_row: int = 0
    """Subjects with images whom the table does not have."""
    without_images: int = 0
    """Persons of the table who have no images."""
    withdrawn: int = 0
    """Persons of the table who have withdrawn consent: their rows are left out."""
    ambiguous: int = 0
    dropped: tuple[tuple[str, str], ...] = ()
    """Columns that were dropped for what their cells are, and why."""
    cleaned: int = 0
    emptied: int = 0

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
    layout = Layout(
        Path(os.devnull),
        settings.vault,
        settings.project,
        settings.level,
    )
    vault = Vault(settings.vault, keys)
    try:
        if settings.table is None:
            return _from_images(
                subjects_of(vault, layout, settings),
                settings,
            )
        return _from_table(vault, layout, settings, settings.table)
    finally:
        vault.close()


def _make_vault(folder: Path) -> None:
    try:
        is_prepared = (folder / KEY_FILE).exists()
        if folder.is_dir() and any(folder.iterdir()) and not is_prepared:
            raise UsageError(
                "the vault is a folder that holds other files; name the vault of the images, or a "
                "new folder for a table alone"
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(f"the vault cannot be made: {error.strerror}") from None


# images alone


def _from_images(subjects: Sequence[Subject], settings: TableSettings) -> TableResult:
    """A table of sex and age at the first session, of the subjects with images."""
    profile = effective_profile(settings)
    rows = []
    for subject in subjects:
        if not subject.has_images:
            continue
        age = _age_of(subject, binned=profile.binned)
        sessions = str(len(subject.sessions))
        rows.append([subject.pseudonym, subject.sex, age, sessions])

    path = settings.out / f"{NAME}.csv"
    write_table(
        path,
        ("subject", "sex", "age", "sessions"),
        rows,
    )
    return TableResult(rows=len(rows), subjects=len(rows))


def _age_of(subject: Subject, *, binned: bool) -> str:
    """The age at the first session; empty where it is not known."""
    age = age_from(subject.birth, first_date(subject))
    if age is None:
        return ""
    years = str(int(age[:3])) if age.endswith("Y") else age
    return limited_age(years, binned=binned)


# a table


def _from_table(vault: Vault, layout: Layout, settings: TableSettings, path: Path) -> TableResult:
    table = read_table(
        path,
        encoding=settings.encoding,
        delimiter=settings.delimiter,
        sheet=settings.sheet,
    )
    columns = columns_of(table, settings.columns, settings.date_order)
    if not tell_persons(columns):
        raise UsageError(
            "no column is known to hold IDs or names: the first row must name the columns; where "
            "yours have other names, say which with --id-column and --name-column"
        )
    everybody = people_in(table, columns)
    people = without_withdrawn(everybody, vault.withdrawn())
    subjects = subjects_of(vault, layout, settings)
    pairings = pair_up(subjects, people, settings)
    if settings.everyone or not subjects:
        pairings += name_the_rest(vault, layout, settings, pairings, people)

    cohort = _cohort_of(table, columns, subjects, vault.keys)
    cleaner = RowCleaner(
        columns=_without_names(columns, cohort),
        profile=effective_profile(settings),
        cohort=cohort,
        counts=CellCounts(),
    )
    released = [pairing for pairing in pairings if pairing.person]
    missing = missing_sides(pairings)
    row_count = _write(table, cleaner, released, settings)
    _write_missing(table, missing, settings)
    write_records(settings, table, columns, people, pairings)

    sides = [side for _, side in missing]
    result = _result(cleaner, pairings)
    return replace(
        result,
        rows=row_count,
        without_row=sides.count("table"),
        without_images=len(unpaired(pairings, people)),
        withdrawn=len(everybody) - len(people),
    )


def _result(cleaner: RowCleaner, pairings: Sequence[Pairing]) -> TableResult:
    """What cleaning and matching say of themselves."""
    dropped = [(column.name, column.why) for column in cleaner.columns if column.why]
    ways = [pairing.match.how for pairing in pairings]
    paired = [pairing for pairing in pairings if pairing.person]
    return TableResult(
        subjects=len(paired),
        ambiguous=ways.count("ambiguous"),
        dropped=tuple(dropped),
        cleaned=cleaner.counts.cleaned.total(),
        emptied=cleaner.counts.emptied.total(),
    )


def _cohort_of(
    table: Table, columns: Sequence[Column], subjects: Iterable[Subject], keys: Keys
) -> CohortIndex:
    """Names and numbers of everybody in the table and in the vault."""
    pairs: set[tuple[str, str]] = set()
    for subject in subjects:
        pairs.update(subject.identifiers)
    for row in table.rows:
        for kind, value in row_identifiers(row, columns):
            if kind != "text":
                pairs.add((kind, value))
    return CohortIndex.of(sorted(pairs), (), keys.derive("tables"))


def _without_names(columns: Sequence[Column], cohort: CohortIndex) -> tuple[Column, ...]:
    """Columns whose own name is somebody's are dropped."""
    search = LeakSearch(OwnIdentifiers.of(()), Ours(), cohort)
    checked = []
    for column in columns:
        if column.role.leaves and search.text("column", column.name.replace("_", " ")):
            column = replace(column, role=Role.DROPPED, why=NAMED_AFTER)
        checked.append(column)
    return tuple(checked)


def _write(
    table: Table, cleaner: RowCleaner, released: Sequence[Pairing], settings: TableSettings
) -> int:
    """Write the table and the shortened one, by pseudonym; returns the number of rows."""
    rows: list[list[str]] = []
    shortened: list[list[str]] = []
    for pairing in sorted(released, key=_by_pseudonym):
        cleaned = _clean_rows(pairing, table, cleaner)
        rows += cleaned
        if pairing.subject.has_images:
            shortened += cleaned

    _write_rows(NAME, cleaner.header, rows, table, settings)
    _write_rows(
        SHORTENED,
        cleaner.header,
        shortened,
        table,
        settings,
    )
    return len(rows)


def _by_pseudonym(pairing: Pairing) -> str:
    return pairing.subject.pseudonym


def _clean_rows(pairing: Pairing, table: Table, cleaner: RowCleaner) -> list[list[str]]:
    places = pairing.person.rows if pairing.person else ()
    return [cleaner.clean(table.rows[place], pairing.subject) for place in places]


def _write_rows(
    name: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    table: Table,
    settings: TableSettings,
) -> None:
    """Write a table in the format of the one that was read."""
    path = settings.out / f"{name}{table.suffix}"
    write_table(
        path,
        header,
        rows,
        delimiter=table.delimiter,
    )


def _write_missing(
    table: Table, missing: Sequence[tuple[str, str]], settings: TableSettings
) -> None:
    _write_rows(
        MISSING,
        ("subject", "missing_in"),
        missing,
        table,
        settings,
    )
