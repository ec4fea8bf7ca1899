"""Loading settings: a configuration file, the environment and flags, the later wins."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from deidflow.errors import ConfigError
from deidflow.header.load_profile import load_profile
from deidflow.settings.absolute import absolute_paths
from deidflow.settings.origins import Origins
from deidflow.settings.run import CommonSettings, PlanSettings, RunSettings, check_separate


def load_settings(
    flags: Mapping[str, Any],
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    *,
    base: Path | None = None,
) -> RunSettings:
    """Merge file, environment and flags (the later wins) into checked settings.

    Raises ConfigError for an unknown key (with the nearest known one) or a bad value, UsageError for
    folders that lie inside each other. Relative paths start from `base`, by default the current folder.
    """
    origins = Origins.of(RunSettings, flags, file, environment)
    for key in ("source", "release", "vault"):
        _require(origins, key)
    values = origins.values if base is None else absolute_paths(origins.values, base)
    settings = checked(RunSettings, values, origins)
    check_separate(settings)
    return settings


def load_plan_settings(
    flags: Mapping[str, Any], file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> PlanSettings:
    """The settings of a plan, from the same places as those of a run; what only a run needs is checked and left out.

    Raises ConfigError and UsageError as `load_settings`.
    """
    origins = Origins.of(RunSettings, flags, file, environment)
    _require(origins, "source")
    unused = {key for key in ("release", "vault") if not origins.values.get(key)}
    stand_ins = {key: Path(os.devnull, key) for key in unused}
    settings = checked(RunSettings, origins.values | stand_ins, origins)
    check_separate(settings)
    known = {
        name: getattr(settings, name) for name in PlanSettings.model_fields if name not in unused
    }
    return PlanSettings.model_construct(**known)


def _require(origins: Origins, key: str) -> None:
    if not origins.values.get(key):
        raise ConfigError(
            f"'{key}' is not given; name it on the command line, in the file or as DEIDFLOW_{key.upper()}"
        )


Settings = TypeVar("Settings", bound=CommonSettings)


def checked(
    model: type[Settings], values: Mapping[str, Any], origins: Origins | None = None
) -> Settings:
    """The values as settings; raises ConfigError that names the key, and its file and line or variable."""
    origins = origins or Origins({}, None, {}, ())
    try:
        settings = model(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error, model, origins)) from None
    _check_profile(settings, origins)
    return settings


def _check_profile(settings: CommonSettings, origins: Origins) -> None:
    try:
        load_profile(settings.profile or settings.level)
    except ConfigError as error:
        raise ConfigError(f"{origins.of_key(['profile'])}{error}") from None


def _explain(error: ValidationError, model: type[BaseModel], origins: Origins) -> str:
    first = error.errors()[0]
    where = [part for part in first["loc"] if part != "[key]"]
    path = ".".join(str(part) for part in where)
    origin = origins.of_key(where)
    if first["type"] != "extra_forbidden":
        message = first["msg"].removeprefix("Value error, ")
        return f"{origin}'{path}': {message}" if path else f"{origin}{message}"
    known = _known_keys(first["loc"][:-1], model)
    near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.4)
    return f"{origin}unknown key '{path}'" + (f"; did you mean '{near[0]}'?" if near else "")


def _known_keys(path: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        annotation = None if field is None else field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return list(model.model_fields)
