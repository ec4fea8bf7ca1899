"""The settings of `deidflow tables`: how patients are matched, and what becomes of columns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from deidflow.errors import UsageError
from deidflow.settings.load import checked
from deidflow.settings.origins import Origins
from deidflow.settings.run import CommonSettings, RunSettings
from deidflow.settings.sections import Section


class MatchSettings(Section):
    """When a row of a table is a patient."""

    threshold: float = Field(default=0.2, ge=0, le=0.35)
    """The greatest distance of two names of one person: 0 is equal, 0.2 one letter in five."""


class ColumnSettings(Section):
    """What columns hold, where their names do not tell."""

    id: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    """One column with the whole name, or several with its parts."""
    birth: tuple[str, ...] = ()
    age: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    """Columns that stay as they are, but for the person's own identifiers."""


class TableSettings(CommonSettings):
    """Everything that de-identifying a table needs to know."""

    vault: Path
    out: Path
    table: Path | None = None
    """Without one, the table is made from what the vault knows of the images."""
    release: Path | None = None
    """Only subjects in this release count as present."""
    everyone: bool = False
    """Persons without images are named and stay in the table."""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    date_order: Literal["", "dmy", "mdy"] = ""
    """How dates such as 03/04/2021 are read; needed where a column leaves it open."""
    match: MatchSettings = MatchSettings()
    columns: ColumnSettings = ColumnSettings()

    @model_validator(mode="before")
    @classmethod
    def _absolute(cls, values: dict[str, Any]) -> dict[str, Any]:
        for key in ("vault", "out", "table", "release"):
            if isinstance(values.get(key), (str, Path)):
                values[key] = Path(os.path.realpath(Path(values[key]).expanduser()))
        return values


class _Environment(CommonSettings):
    """What the environment may say: the settings shared with `run`, and the vault."""

    vault: Path | None = None


def load_table_settings(
    flags: Mapping[str, Any], file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> TableSettings:
    """Merge a configuration file, the environment and flags; keys of `run` alone are left out.

    Raises ConfigError for an unknown key or a bad value, UsageError for bad places.
    """
    origins = Origins.of(_Environment, flags, file, environment)
    foreign = set(RunSettings.model_fields) - set(TableSettings.model_fields)
    values = {key: value for key, value in origins.values.items() if key not in foreign}
    settings = checked(
        TableSettings,
        values,
        replace(origins, values=values),
    )
    check_table_places(settings)
    return settings


def check_table_places(settings: TableSettings) -> None:
    """Refuse an output in the vault or in a release, and a vault in the output."""
    out, vault = settings.out, settings.vault
    if out.is_relative_to(vault) or vault.is_relative_to(out):
        raise UsageError("the output lies inside the vault, or the vault in the output")
    if any((folder / "dataset.json").exists() for folder in (out, *out.parents)):
        raise UsageError(
            "the output lies inside a release, whose checksums list every file; "
            "choose a place beside it"
        )
    if settings.table is not None and settings.table.is_relative_to(out):
        raise UsageError("the table lies inside the output; choose another folder")
