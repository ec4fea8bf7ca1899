"""`deidflow tables`: a table of patients, de-identified as the images of the same vault."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from deidflow.settings.run import Level

Many = Annotated[list[str] | None, Parameter(negative="")]


def tables(
    table: Path | None = None,
    *,
    vault: Path,
    out: Path,
    release: Path | None = None,
    level: Level | None = None,
    project: str | None = None,
    profile: str | None = None,
    threshold: float | None = None,
    id_column: Many = None,
    name_column: Many = None,
    drop: Many = None,
    keep: Many = None,
    everyone: Annotated[bool, Parameter(negative="")] = False,
    date_order: Literal["dmy", "mdy"] | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    config: Path | None = None,
) -> int:
    """De-identify a table of patients with the pseudonyms and dates of their images.

    Rows are matched by ID, then by name. An ambiguous match leaves the row out and ends with
    exit code 4; its candidates are in the vault's folder `tables`, as is who is who.

    Parameters
    ----------
    table: CSV, TSV or XLSX; without one, sex and age are taken from the images.
    vault: The vault of the images; a new one for a table alone.
    out: Folder for the tables that may leave; beside a release, not in it.
    release: Count only subjects in this release as present.
    level: The level of the release (high by default); dates are treated as there.
    project: The project of the release.
    profile: Name or file of other header rules.
    threshold: The greatest distance of two names of one person, 0 to 0.35 (0.2 by default).
    id_column: The column with the patient ID, where its name does not tell; repeatable.
    name_column: A column with the name or a part of it; repeatable.
    drop: A column to leave out; repeatable.
    keep: A column to keep, without the person's own identifiers; repeatable.
    everyone: Name persons without images too and keep their rows.
    date_order: How dates such as 03/04/2021 are read.
    encoding: The encoding of a text table, where it is not recognised.
    delimiter: Its delimiter, where it is not recognised.
    sheet: The sheet of a workbook; the first one by default.
    config: YAML file with these settings (match, columns) and those shared with 'run'.
    """
    from deidflow.settings.tables import load_table_settings
    from deidflow.tables.deidentify import NAMED_AFTER, deidentify_table

    columns = {"id": id_column, "name": name_column, "drop": drop, "keep": keep}
    given = {key: tuple(names) for key, names in columns.items() if names}
    flags = {
        "table": table,
        "vault": vault,
        "out": out,
        "release": release,
        "level": level,
        "project": project,
        "profile": profile,
        "match": None if threshold is None else {"threshold": threshold},
        "columns": given or None,
        "everyone": everyone or None,
        "date_order": date_order,
        "encoding": encoding,
        "delimiter": delimiter,
        "sheet": sheet,
    }
    result = deidentify_table(load_table_settings(flags, config))

    for name, why in result.dropped:
        place = "a column" if why == NAMED_AFTER else f"column '{name}'"
        print(f"warning: {place} is left out: it {why}", file=sys.stderr)
    print(f"{result.rows} rows of {result.subjects} subjects written")
    print(f"{result.without_row} subjects with images are not in the table")
    print(f"{result.without_images} persons of the table have no images")
    if result.withdrawn:
        print(f"{result.withdrawn} persons of the table have withdrawn consent and are left out")
    if result.cleaned or result.emptied:
        print(f"{result.cleaned} cells were cleaned, {result.emptied} emptied")
    if result.ambiguous:
        print(
            f"deidflow: {result.ambiguous} subjects match no row for certain; the vault's "
            "folder 'tables' lists candidates in ambiguous.csv: correct the table, or add IDs",
            file=sys.stderr,
        )
    return result.exit_code
