"""The settings of `deidflow anonymize`: checked once, then frozen."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator, model_validator

from deidflow.dicom.manifest import ManifestEntry
from deidflow.errors import ConfigError, UsageError
from deidflow.settings.layout_template import MIRROR, TEMPLATE, check_template
from deidflow.settings.load import checked
from deidflow.settings.origins import Origins
from deidflow.settings.paths import resolved
from deidflow.settings.run import CommonSettings, RunSettings

__all__ = ["MIRROR", "TEMPLATE", "AnonymizeSettings", "load_anonymize_settings"]

AUDIT_SUFFIXES = (".csv", ".json", ".jsonl")
_PATH_KEYS = ("out", "vault", "backup", "audit", "log")
_PRIVATE_KEYS = ("vault", "backup", "audit", "log")


class AnonymizeSettings(CommonSettings):
    """Everything that de-identifying headers needs to know."""

    sources: tuple[Path, ...]
    entries: tuple[ManifestEntry, ...] = ()
    """What a manifest says of them; paths from the root."""
    out: Path
    vault: Path | None = None
    layout: str = TEMPLATE
    """Folders of the output, from subject, timepoint and series; or `mirror`."""
    on_exists: Literal["fail", "clean", "resume"] = "fail"
    backup: Path | None = None
    audit: Path | None = None
    force: bool = False
    """Read files without the DICM mark too."""
    dry_run: bool = False

    @model_validator(mode="before")
    @classmethod
    def _absolute(cls, values: dict[str, Any]) -> dict[str, Any]:
        for key in _PATH_KEYS:
            path = values.get(key)
            if path is not None:
                values[key] = resolved(path)
        return values

    @field_validator("audit")
    @classmethod
    def _known_format(cls, path: Path | None) -> Path | None:
        if path is not None and path.suffix not in AUDIT_SUFFIXES:
            known = ", ".join(AUDIT_SUFFIXES)
            raise ValueError(
                f"must end in {known}; other formats, Excel among them, are not written"
            )
        return path

    @field_validator("layout")
    @classmethod
    def _usable_template(cls, text: str) -> str:
        check_template(text)
        return text

    def private_paths(self) -> Iterator[tuple[str, Path]]:
        """Names and paths of outputs that are not to be shared."""
        for name in _PRIVATE_KEYS:
            path = getattr(self, name)
            if path is not None:
                yield name, path


class _Environment(CommonSettings):
    """Settings that the environment may give: those shared with `run`, and the vault."""

    vault: Path | None = None


def load_anonymize_settings(
    flags: Mapping[str, Any],
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> AnonymizeSettings:
    """Merge a configuration file, the environment and flags; the later wins.

    Flags of the section `header` are merged into it key by key. Keys that only `run` knows are
    ignored. Raises ConfigError and UsageError.
    """
    other_flags = dict(flags)
    header_flags = other_flags.pop("header", {})
    origins = Origins.of(
        _Environment,
        other_flags,
        file,
        environment,
    )
    origins = _without_run_keys(origins)
    origins = _with_header(origins, header_flags)

    settings = checked(
        AnonymizeSettings,
        origins.values,
        origins,
    )
    _check_paths(settings)
    return settings


def _without_run_keys(origins: Origins) -> Origins:
    """The origins without keys that only `run` knows."""
    run_keys = set(RunSettings.model_fields)
    run_keys -= set(AnonymizeSettings.model_fields)
    values = dict(origins.values)
    for key in run_keys:
        values.pop(key, None)
    return replace(origins, values=values)


def _with_header(origins: Origins, flags: Mapping[str, Any]) -> Origins:
    """The origins with the flags of the section `header`; empty flags count as not given."""
    section = origins.values.get("header", {})
    if not isinstance(section, dict):
        return origins

    given = {key: value for key, value in flags.items() if _is_given(value)}
    names = [f"header.{key}" for key in given]
    header = {**section, **given}
    return replace(
        origins,
        values={**origins.values, "header": header},
        flags={*origins.flags, *names},
    )


def _is_given(value: Any) -> bool:
    """Whether a flag has a value; 0 is one, False and empty collections are not."""
    is_zero = value == 0 and value is not False
    return bool(value) or is_zero


def _check_paths(settings: AnonymizeSettings) -> None:
    """Refuse outputs inside a source, and private files inside the output."""
    out = settings.out
    sources = [Path(os.path.realpath(source)) for source in settings.sources]
    for source in sources:
        if out.is_relative_to(source) or source.is_relative_to(out):
            raise UsageError(
                "the output lies inside the source, or the source in the output; "
                "choose another folder"
            )

    for name, path in settings.private_paths():
        if path.is_relative_to(out):
            raise UsageError(f"the {name} lies inside the output; choose a place outside it")
        if any(path.is_relative_to(source) for source in sources):
            raise UsageError(f"the {name} lies inside the source; choose a place outside it")
    _check_vault(settings)


def _check_vault(settings: AnonymizeSettings) -> None:
    """Refuse an output inside the vault, and resuming without one."""
    if settings.vault is not None and settings.out.is_relative_to(settings.vault):
        raise UsageError("the output lies inside the vault; choose a place outside it")
    if settings.vault is None and settings.on_exists == "resume":
        raise ConfigError(
            "to resume needs a vault: without one every run makes other pseudonyms; "
            "name it with --vault"
        )
