"""Where the values of settings come from: a file, the environment, flags; so that errors name the place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from deidflow.documents import Document, parse, read_document
from deidflow.errors import ConfigError


@dataclass(frozen=True)
class Origins:
    """Values merged from file, environment and flags (the later wins), and where each came from."""

    values: dict[str, Any]
    file: Document | None
    variables: Mapping[str, str]
    """Keys that the environment gave, with the names of the variables."""
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
        """Merge the places; variables are those of the fields of `model`. Raises ConfigError."""
        file = None if path is None else read_config(path)
        variables = {
            name: variable
            for name in model.model_fields
            if environment.get(variable := f"DEIDFLOW_{name.upper()}")
        }
        given = {key: value for key, value in flags.items() if value is not None}
        values = dict(file.value) if file else {}
        values |= {
            name: _value(variable, name, environment[variable])
            for name, variable in variables.items()
        }
        return cls(values | given, file, variables, frozenset(given))

    def of_key(self, path: Sequence[int | str]) -> str:
        """The place of a key as messages begin, ending in `, ` or `: `; empty for flags and defaults."""
        key = str(path[0]) if path else ""
        part = f"{key}.{path[1]}" if len(path) > 1 else key
        if key in self.flags or part in self.flags:
            return ""
        if key in self.variables:
            return f"{self.variables[key]}: "
        if self.file is not None and key in self.file.value:
            return f"{self.file.where(path)}: "
        return ""


def read_config(path: Path) -> Document:
    """A configuration file; raises ConfigError where it does not hold keys and values."""
    document = read_document(path, "configuration file")
    value = {} if document.value is None else document.value
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ConfigError(
            f"{document.where()}: must hold keys and values, and the keys must be names"
        )
    return Document(document.name, value, document.root)


_YAML_KEYS = (
    "subjects",
    "workers",
    "memory_gib",
    "strict",
    "deface",
    "header",
    "ids",
    "sessions",
    "notify",
    "force",
)


def _value(variable: str, name: str, text: str) -> Any:
    """Paths and words are taken as they are; numbers, lists and sections are YAML."""
    return parse(text, f"the value of {variable}").value if name in _YAML_KEYS else text
