"""Loading settings: a configuration file, the environment and flags, the later wins."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from deidflow.documents import reason_of
from deidflow.errors import ConfigError
from deidflow.header.load_profile import load_profile
from deidflow.settings.absolute import absolute_paths
from deidflow.settings.origins import Origins
from deidflow.settings.run import CommonSettings, PlanSettings, RunSettings, check_separate
from deidflow.spelling import did_you_mean

Settings = TypeVar("Settings", bound=CommonSettings)
_NO_KEY = re.compile(r"\[key\]|literal\[.*\]|float|int|str|bool")
"""What pydantic adds to the place of an error: a key itself, a kind that a value may be of."""
_LEAST_SIMILARITY = 0.4
"""Of a key that is suggested for an unknown one."""


def load_settings(
    flags: Mapping[str, Any],
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    base: Path | None = None,
) -> RunSettings:
    """Merge file, environment and flags (the later wins) into checked settings.

    Relative paths start from `base`, by default the current folder. Raises ConfigError for an
    unknown key (with the nearest known one) or a bad value, UsageError for folders inside each
    other.
    """
    origins = Origins.of(
        RunSettings,
        flags,
        file,
        environment,
    )
    for key in ("source", "release", "vault"):
        _require(origins, key)
    values = origins.values if base is None else absolute_paths(origins.values, base)
    settings = checked(RunSettings, values, origins)
    check_separate(settings)
    return settings


def load_plan_settings(
    flags: Mapping[str, Any],
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> PlanSettings:
    """The settings of a plan, from the same places as those of a run.

    Values that only a run needs are checked, then left out. Raises ConfigError and UsageError as
    `load_settings`.
    """
    origins = Origins.of(
        RunSettings,
        flags,
        file,
        environment,
    )
    _require(origins, "source")
    stand_ins: dict[str, Path] = {}
    for key in ("release", "vault"):
        if not origins.values.get(key):
            stand_ins[key] = Path(os.devnull, key)

    values = {**origins.values, **stand_ins}
    settings = checked(RunSettings, values, origins)
    check_separate(settings)
    planned: dict[str, Any] = {}
    for name in PlanSettings.model_fields:
        if name not in stand_ins:
            planned[name] = getattr(settings, name)
    return PlanSettings.model_construct(**planned)


def _require(origins: Origins, key: str) -> None:
    if not origins.values.get(key):
        variable = f"DEIDFLOW_{key.upper()}"
        raise ConfigError(
            f"'{key}' is not given; name it on the command line, in the file or as {variable}"
        )


def checked(
    model: type[Settings], values: Mapping[str, Any], origins: Origins | None = None
) -> Settings:
    """The values as settings.

    Raises ConfigError that names the key, and the line of its file or its variable.
    """
    if origins is None:
        origins = Origins(
            {},
            None,
            {},
            (),
        )
    try:
        settings = model(**values)
    except ValidationError as error:
        raise ConfigError(_explanation(error, model, origins)) from None
    _check_profile(settings, origins)
    return settings


def _check_profile(settings: CommonSettings, origins: Origins) -> None:
    name = settings.profile or settings.level
    try:
        load_profile(name)
    except ConfigError as error:
        origin = origins.of_key(["profile"])
        raise ConfigError(f"{origin}{error}") from None


def _explanation(error: ValidationError, model: type[BaseModel], origins: Origins) -> str:
    """The first error of a validation, with the place of the key."""
    first = error.errors()[0]
    location = first["loc"]
    path = [part for part in location if not _NO_KEY.fullmatch(str(part))]
    key = ".".join(map(str, path))
    origin = origins.of_key(path)
    if first["type"] == "extra_forbidden":
        *section, name = location
        hint = did_you_mean(
            str(name),
            _known_keys(section, model),
            cutoff=_LEAST_SIMILARITY,
        )
        return f"{origin}unknown key '{key}'{hint}"

    message = _reasons(error, path)
    if key:
        message = f"'{key}': {message}"
    return f"{origin}{message}"


def _reasons(error: ValidationError, path: Sequence[int | str]) -> str:
    """What a value must be; where it may be of several kinds, each of them."""
    reasons = []
    for detail in error.errors():
        keys = [part for part in detail["loc"] if not _NO_KEY.fullmatch(str(part))]
        if keys == path:
            reasons.append(reason_of(detail))
    first, *others = dict.fromkeys(reasons)
    rest = [reason.removeprefix("must be ") for reason in others]
    return " or ".join([first, *rest])


def _known_keys(path: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    """The keys of a section."""
    for part in path:
        field = model.model_fields.get(str(part))
        annotation = None if field is None else field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return list(model.model_fields)
