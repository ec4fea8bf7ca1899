"""Where the values of settings come from, so that errors can name the place.

A configuration file, environment variables and flags; the later wins. pydantic-settings would merge
sections key by key and read JSON; here a section replaces another, and variables are YAML.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from deidflow.documents import Document, parse, read_document
from deidflow.errors import ConfigError

_YAML_KEYS = (
    "subjects",
    "workers",
    "memory_gib",
    "strict",
    "deface",
    "burned_in",
    "header",
    "ids",
    "sessions",
    "notify",
    "review",
    "consent",
    "input",
    "pacs",
    "force",
)
"""Keys whose variables are numbers, lists and sections; others are paths and words."""


@dataclass(frozen=True)
class Origins:
    """Merged values, and the place that each came from."""

    values: dict[str, Any]
    file: Document | None
    variables: Mapping[str, str]
    """Names of environment variables by the key that they gave."""
    flags: Collection[str]
    """Keys that flags gave; `header.keep` for a part of a section."""

    @classmethod
    def of(
        cls,
        model: type[BaseModel],
        flags: Mapping[str, Any],
        path: Path | None,
        environment: Mapping[str, str],
    ) -> Origins:
        """Merge file, environment and flags; raises ConfigError.

        Variables are those of the fields of `model`. A flag that is None is not given.
        """
        values: dict[str, Any] = {}
        file = None
        if path is not None:
            file = read_config(path)
            values |= file.value

        variables = _variables(model, environment)
        for key, variable in variables.items():
            text = environment[variable]
            values[key] = _value(key, variable, text)

        given_flags = {key: value for key, value in flags.items() if value is not None}
        values |= given_flags
        return cls(
            values=values,
            file=file,
            variables=variables,
            flags=frozenset(given_flags),
        )

    def of_key(self, path: Sequence[int | str]) -> str:
        """The place of a key as messages begin, ending in `: `; empty for flags and defaults."""
        parts = [str(part) for part in path[:2]]
        key = "".join(parts[:1])
        subkey = ".".join(parts)
        if key in self.flags or subkey in self.flags:
            return ""

        variable = self.variables.get(key)
        if variable is not None:
            return f"{variable}: "
        file = self.file
        if file is not None and key in file.value:
            return f"{file.where(path)}: "
        return ""


def _variables(model: type[BaseModel], environment: Mapping[str, str]) -> dict[str, str]:
    """The names of the variables that are set, by key; an empty one is not set."""
    variables: dict[str, str] = {}
    for key in model.model_fields:
        variable = f"DEIDFLOW_{key.upper()}"
        if environment.get(variable):
            variables[key] = variable
    return variables


def _value(key: str, variable: str, text: str) -> Any:
    if key not in _YAML_KEYS:
        return text
    return parse(text, f"the value of {variable}").value


def read_config(path: Path) -> Document:
    """A configuration file; raises ConfigError if it does not contain keys and values."""
    document = read_document(path, "configuration file")
    value = document.value
    if value is None:
        value = {}

    is_mapping = isinstance(value, dict)
    if not is_mapping or not all(isinstance(key, str) for key in value):
        where = document.where()
        raise ConfigError(f"{where}: must hold keys and values, and the keys must be names")
    return Document(
        name=document.name,
        value=value,
        root=document.root,
    )
