"""Profiles by name or file: read, joined with what they extend, errors explained by line."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from deidflow.documents import Document, parse, read_document, reason_of
from deidflow.errors import ConfigError
from deidflow.header.profile import ActionName, Category, Dates, Deviation, Option, Profile
from deidflow.resources import resource
from deidflow.spelling import did_you_mean

NAMES = ("low", "high", "basic", "clinical-trial", "research", "pseudonymize")
_CHOICES: dict[str, tuple[str, ...]] = {
    "options": get_args(Option),
    "action": get_args(ActionName),
    "fallback": get_args(ActionName),
    "categories": get_args(Category),
}
_MODELS: dict[str, Any] = {"deviations": Deviation, "dates": Dates}


def load_profile(name: str, chain: tuple[Path, ...] = ()) -> Profile:
    """The profile of that name in `configs/profiles`, or of the YAML file at that path.

    `chain` are the files that extend it. Raises ConfigError for an unknown name, and with the
    line for an unknown key, attribute, action or option.
    """
    if name in NAMES:
        return _named(name)
    return read_profile(Path(name), chain)


@lru_cache(maxsize=8)
def _named(name: str) -> Profile:
    text = resource(f"profiles/{name}.yaml").read_text("utf-8")
    document = parse(text, f"profile '{name}'")
    return _checked(document, name, chain=())


def read_profile(path: Path, chain: tuple[Path, ...] = ()) -> Profile:
    """The profile in a file; raises ConfigError as `load_profile` does."""
    names = ", ".join(NAMES)
    if path.suffix not in (".yaml", ".yml") and not path.exists():
        hint = did_you_mean(path.name, NAMES)
        raise ConfigError(
            f"there is no profile '{path.name}'{hint} (known: {names}; or name a YAML file)"
        )

    resolved = path.resolve()
    if resolved in chain:
        raise ConfigError(
            f"profile '{path.name}' extends itself; let the chain end in one of {names}"
        )
    document = read_document(path, "profile")
    return _checked(
        document,
        path.stem,
        (*chain, resolved),
    )


def _checked(document: Document, name: str, chain: tuple[Path, ...]) -> Profile:
    """The profile in a document; `name` is used unless the document has its own."""
    raw = document.value
    keys = list(raw) if isinstance(raw, dict) else [None]
    if not all(isinstance(key, str) for key in keys):
        raise ConfigError(
            f"{document.name} must hold keys and values; see 'deidflow profile show basic'"
        )

    values = {"name": name, "title": name, **raw}
    try:
        profile = Profile(**values)
    except ValidationError as error:
        raise ConfigError(_explained(document, error)) from None
    return _extended(profile, document, chain) if profile.extends else profile


def _extended(profile: Profile, document: Document, chain: tuple[Path, ...]) -> Profile:
    """A profile with what it extends: its own keys win, its deviations come last."""
    try:
        parent = load_profile(profile.extends, chain)
    except ConfigError as error:
        raise ConfigError(f"{document.where(['extends'])}, 'extends': {error}") from None

    values = {key: getattr(profile, key) for key in profile.model_fields_set}
    values.pop("extends")
    values["deviations"] = (*parent.deviations, *profile.deviations)
    values["categories"] = {**parent.categories, **profile.categories}
    return parent.model_copy(update=values)


def _explained(document: Document, error: ValidationError) -> str:
    """The first error: line, key, what is wrong, and what could be meant."""
    first = error.errors()[0]
    path = [part for part in first["loc"] if part != "[key]"]
    key = ".".join(map(str, path))
    place = f"{document.where(path)}, '{key}'"
    choices = _choices(path, first["type"])
    if not choices:
        message = reason_of(first)
        return f"{place}: {message}"

    wrong = _wrong_word(path, first)
    hint = did_you_mean(wrong, choices, cutoff=0.3)
    return f"{place}: '{wrong}' is not known{hint} (known: {', '.join(choices)})"


def _wrong_word(path: list[int | str], error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return str(path[-1])
    return str(error.get("input"))


def _choices(path: list[int | str], error_type: str) -> tuple[str, ...]:
    """The words that are allowed at a place; empty for places that hold anything else."""
    if error_type == "extra_forbidden":
        return tuple(_model(path).model_fields)
    names = [str(part) for part in path if part in _CHOICES]
    if not names or error_type != "literal_error":
        return ()
    return _CHOICES[names[-1]]


def _model(path: list[int | str]) -> Any:
    """The model whose keys are named at a place."""
    for part in path:
        if part in _MODELS:
            return _MODELS[str(part)]
    return Profile
