"""The settings of `deidflow anonymize`: flags over a configuration file, checked once, then frozen."""

from __future__ import annotations

import os
import string
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator, model_validator

from deidflow.errors import ConfigError, UsageError
from deidflow.settings.load import checked
from deidflow.settings.origins import Origins
from deidflow.settings.run import CommonSettings, RunSettings

TEMPLATE = "{subject}/{timepoint}/{series}"
MIRROR = "mirror"
AUDIT_SUFFIXES = (".csv", ".json", ".jsonl")
_FIELDS = ("subject", "timepoint", "series")
_PLACES = ("out", "vault", "backup", "audit", "log")


class AnonymizeSettings(CommonSettings):
    """Everything that de-identifying headers needs to know."""

    sources: tuple[Path, ...]
    out: Path
    vault: Path | None = None
    layout: str = TEMPLATE
    """Folders of the output from subject, timepoint and series; or `mirror`: the source's tree, names counted."""
    on_exists: Literal["fail", "clean", "resume"] = "fail"
    backup: Path | None = None
    audit: Path | None = None
    force: bool = False
    """Read files without the DICM mark too."""
    dry_run: bool = False

    @model_validator(mode="before")
    @classmethod
    def _absolute(cls, values: dict[str, Any]) -> dict[str, Any]:
        for key in _PLACES:
            if values.get(key) is not None:
                values[key] = Path(os.path.realpath(Path(values[key]).expanduser()))
        return values

    @field_validator("audit")
    @classmethod
    def _audit_format(cls, path: Path | None) -> Path | None:
        if path is not None and path.suffix not in AUDIT_SUFFIXES:
            known = ", ".join(AUDIT_SUFFIXES)
            raise ValueError(
                f"must end in {known}; other formats, Excel among them, are not written"
            )
        return path

    @field_validator("layout")
    @classmethod
    def _has_subject(cls, text: str) -> str:
        if text == MIRROR:
            return text
        try:
            fields = [field[1:] for field in string.Formatter().parse(text) if field[1] is not None]
        except ValueError:
            raise ValueError(
                "is not a valid template; use folders such as '{subject}/{timepoint}/{series}'"
            ) from None
        names = {str(name) for name, _, _ in fields}
        unknown = names - set(_FIELDS)
        if unknown:
            raise ValueError(
                f"has an unknown field '{sorted(unknown)[0]}' (known: {', '.join(_FIELDS)}, or 'mirror')"
            )
        if any(form or conversion for _, form, conversion in fields):
            raise ValueError("must hold its fields as they are, without '!' or ':'")
        if not {"subject", "series"} <= names:
            raise ValueError(
                "must hold {subject} and {series}, so that no two series share a folder"
            )
        if text.startswith("/") or ".." in text.split("/"):
            raise ValueError("must stay below the output folder")
        return text


def load_anonymize_settings(
    flags: Mapping[str, Any], file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> AnonymizeSettings:
    """Merge a configuration file, the environment and flags (the later wins); keys that only `run` knows are left out.

    Flags of the section `header` are merged into it key by key. Raises ConfigError and UsageError.
    """
    others = {key: value for key, value in flags.items() if key != "header"}
    origins = Origins.of(_Environment, others, file, environment)
    foreign = set(RunSettings.model_fields) - set(AnonymizeSettings.model_fields)
    values = {key: value for key, value in origins.values.items() if key not in foreign}
    origins = _with_header(replace(origins, values=values), flags.get("header", {}))
    settings = checked(AnonymizeSettings, origins.values, origins)
    check_places(settings)
    return settings


class _Environment(CommonSettings):
    """What the environment may say: the settings shared with `run`, and the vault."""

    vault: Path | None = None


def _with_header(origins: Origins, flags: Mapping[str, Any]) -> Origins:
    """The origins with the flags of the section `header`; empty ones are not given."""
    section = origins.values.get("header", {})
    if not isinstance(section, dict):
        return origins
    given = {
        key: value for key, value in flags.items() if value or (value == 0 and value is not False)
    }
    names = {f"header.{key}" for key in given}
    values = {**origins.values, "header": {**section, **given}}
    return replace(origins, values=values, flags={*origins.flags, *names})


def check_places(settings: AnonymizeSettings) -> None:
    """Refuse outputs inside the source, and private things inside the output."""
    for source in settings.sources:
        place = Path(os.path.realpath(source))
        if (
            settings.out == place
            or settings.out.is_relative_to(place)
            or place.is_relative_to(settings.out)
        ):
            raise UsageError(
                "the output lies inside the source, or the source in the output; choose another folder"
            )
    for name in ("vault", "backup", "audit", "log"):
        path = getattr(settings, name)
        if path is None:
            continue
        if path.is_relative_to(settings.out):
            raise UsageError(f"the {name} lies inside the output; choose a place outside it")
        if any(path.is_relative_to(os.path.realpath(source)) for source in settings.sources):
            raise UsageError(f"the {name} lies inside the source; choose a place outside it")
    if settings.vault and settings.out.is_relative_to(settings.vault):
        raise UsageError("the output lies inside the vault; choose a place outside it")
    if settings.on_exists == "resume" and settings.vault is None:
        raise ConfigError(
            "to resume needs a vault: without one every run makes other pseudonyms; name it with --vault"
        )
