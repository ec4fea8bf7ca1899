"""Profiles by name or file: read, joined with what they extend, and explained line by line where they are wrong."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from deidflow.documents import Document, parse, read_document
from deidflow.errors import ConfigError
from deidflow.header.profile import ActionName, Category, Dates, Deviation, Option, Profile
from deidflow.resources import resource
from deidflow.spelling import did_you_mean

NAMES = ("low", "high", "basic", "clinical-trial", "research", "pseudonymize")
_KNOWN: dict[str, tuple[str, ...]] = {
    "options": get_args(Option),
    "action": get_args(ActionName),
    "fallback": get_args(ActionName),
    "categories": get_args(Category),
}
_MODELS: dict[str, Any] = {"deviations": Deviation, "dates": Dates}


def load_profile(name: str, chain: tuple[Path, ...] = ()) -> Profile:
    """The profile of that name in `configs/profiles`, or of the YAML file at that path.

    `chain` are the files that extend it. Raises ConfigError for an unknown name, and with the line for an unknown
    key, attribute, action or option.
    """
    return _named(name) if name in NAMES else read_profile(Path(name), chain)


@lru_cache(maxsize=8)
def _named(name: str) -> Profile:
    return _checked(
        parse(resource(f"profiles/{name}.yaml").read_text("utf-8"), f"profile '{name}'"), name
    )


def read_profile(path: Path, chain: tuple[Path, ...] = ()) -> Profile:
    """The profile in a file; raises ConfigError as `load_profile` does."""
    if path.suffix not in (".yaml", ".yml") and not path.exists():
        hint = did_you_mean(path.name, NAMES)
        raise ConfigError(
            f"there is no profile '{path.name}'{hint} (known: {', '.join(NAMES)}; or name a YAML file)"
        )
    if path.resolve() in chain:
        raise ConfigError(
            f"profile '{path.name}' extends itself; let the chain end in one of {', '.join(NAMES)}"
        )
    return _checked(read_document(path, "profile"), path.stem, (*chain, path.resolve()))


def _checked(document: Document, name: str, chain: tuple[Path, ...] = ()) -> Profile:
    raw = document.value
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise ConfigError(
            f"{document.name} must hold keys and values; see 'deidflow profile show basic'"
        )
    try:
        own = Profile(**{"name": name, "title": name, **raw})
    except ValidationError as error:
        raise ConfigError(_explained(document, error)) from None
    return _extended(own, document, chain) if own.extends else own


def _extended(own: Profile, document: Document, chain: tuple[Path, ...]) -> Profile:
    """A profile with what it extends: its own keys win, its deviations come last."""
    try:
        parent = load_profile(own.extends, chain)
    except ConfigError as error:
        raise ConfigError(f"{document.where(['extends'])}, 'extends': {error}") from None
    said = own.model_fields_set - {"extends"}
    values = {field: getattr(own, field) for field in said}
    values["deviations"] = (*parent.deviations, *own.deviations)
    values["categories"] = {**parent.categories, **own.categories}
    return parent.model_copy(update=values)


def _explained(document: Document, error: ValidationError) -> str:
    first = error.errors()[0]
    where = [part for part in first["loc"] if part not in ("[key]",)]
    text = f"{document.where(where)}, '{'.'.join(map(str, where))}'"
    known = _known(where, first["type"])
    if not known:
        return f"{text}: {first['msg'].removeprefix('Value error, ')}"
    wrong = str(where[-1] if first["type"] == "extra_forbidden" else first.get("input"))
    hint = did_you_mean(wrong, known, cutoff=0.3)
    return f"{text}: '{wrong}' is not known{hint} (known: {', '.join(known)})"


def _known(where: list[Any], kind: str) -> list[str]:
    if kind == "extra_forbidden":
        model = next((_MODELS[str(part)] for part in where if part in _MODELS), Profile)
        return list(model.model_fields)
    names = [str(part) for part in where if isinstance(part, str) and part in _KNOWN]
    return list(_KNOWN[names[-1]]) if names and kind == "literal_error" else []
