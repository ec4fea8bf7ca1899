"""The section `consent`: the list of those who may be in a release."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from deidflow.settings.sections import Section


class ConsentColumns(Section):
    """What columns of the list hold, where their names do not tell."""

    id: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    """One column with the whole name, or several with its parts."""
    birth: tuple[str, ...] = ()


class ConsentSettings(Section):
    """Who may be in a release: those on a list, or everybody where none is given."""

    list: Path | None = None
    """A table (CSV, TSV, XLSX) of PatientIDs or names."""
    protocol: str = ""
    """Only rows for this protocol count, where the list has a column of protocols."""
    threshold: float = Field(default=0.0, ge=0, le=0.35)
    """The greatest distance of two names of one person, as `match.threshold` of tables."""
    columns: ConsentColumns = ConsentColumns()
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
