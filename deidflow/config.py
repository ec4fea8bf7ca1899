"""The settings of a run: file < environment < flag, checked once, then frozen."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from deidflow.errors import ConfigError, UsageError
from deidflow.face_settings import DefaceSettings
from deidflow.settings import HeaderSettings, IdSettings, NotifySettings, Section, SessionSettings

Step = Literal["anonymize", "convert", "deface", "reconstruct", "verify", "publish"]
STEPS: tuple[Step, ...] = ("anonymize", "convert", "deface", "reconstruct", "verify", "publish")
Level = Literal["low", "high"]


def _as_tuple(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part for part in value.replace(",", " ").split() if part)
    return value


class CommonSettings(Section):
    """What every command needs to know that de-identifies headers."""

    level: Level = "high"
    profile: str = ""
    """Name or file of the header rules; empty takes those of the level."""
    project: str = Field(default="default", pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    workers: int = Field(default=0, ge=0, le=256)
    """Subjects, or batches of files, at work at once; 0 chooses from cores and memory."""
    log: Path | None = None
    private: Literal["listed", "none"] = "listed"
    """`listed` keeps the private elements that the profile lists; `none` keeps none."""
    header: HeaderSettings = HeaderSettings()
    ids: IdSettings = IdSettings()
    sessions: SessionSettings = SessionSettings()


class RunSettings(CommonSettings):
    """Everything that a run needs to know; its fields are the keys of the YAML file."""

    source: Path
    release: Path
    vault: Path
    subjects: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = ()
    redo: Step | None = None
    memory_gib: float = Field(default=0.0, ge=0)
    """Memory limit of one working process; 0 shares the machine's memory among the workers."""
    strict: bool = False
    """Hash every file again instead of trusting size, times and inode."""
    deface: DefaceSettings = DefaceSettings()
    runner: Literal["threads", "dask"] = "threads"
    """Where subjects are worked on: threads of this machine, or a Dask cluster over a shared folder."""
    scheduler: str = Field(default="", pattern=r"^((tcp|tls)://\S+)?$")
    """Address of the Dask scheduler."""
    notify: NotifySettings = NotifySettings()

    @model_validator(mode="before")
    @classmethod
    def _absolute(cls, values: dict[str, Any]) -> dict[str, Any]:
        if isinstance(values.get("release"), (str, Path)):
            values["release"] = str(values["release"]).replace("{level}", str(values.get("level") or "high"))
        for key in ("source", "release", "vault", "log"):
            if values.get(key) is not None:
                values[key] = Path(os.path.realpath(Path(values[key]).expanduser()))
        return values

    @model_validator(mode="after")
    def _has_scheduler(self) -> RunSettings:
        if self.runner == "dask" and not self.scheduler:
            raise ValueError("runner 'dask' needs the address of a scheduler; give 'scheduler: tcp://HOST:8786'")
        return self

    @property
    def defacing(self) -> bool:
        """Whether faces are removed in this run."""
        return self.level == "high" or self.deface.when == "always"


def load_settings(
    flags: Mapping[str, Any], file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> RunSettings:
    """Merge file, environment and flags (the later wins) into checked settings.

    Raises ConfigError for an unknown key (with the nearest known one) or a bad value, UsageError for
    folders that lie inside each other.
    """
    values = read_file(file) | _from_environment(environment)
    values |= {key: value for key, value in flags.items() if value is not None}
    for key in ("source", "release", "vault"):
        if not values.get(key):
            raise ConfigError(
                f"'{key}' is not given; name it on the command line, in the file or as DEIDFLOW_{key.upper()}"
            )
    settings = checked(RunSettings, values)
    check_separate(settings)
    return settings


Settings = TypeVar("Settings", bound=CommonSettings)


def checked(model: type[Settings], values: Mapping[str, Any]) -> Settings:
    """The values as settings; raises ConfigError that names the key."""
    try:
        return model(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error, model)) from None


def check_separate(settings: RunSettings) -> None:
    """Refuse a vault inside source or release, and a release inside the source (or the reverse)."""
    pairs = (
        ("vault", "source"),
        ("vault", "release"),
        ("release", "source"),
        ("source", "release"),
        ("release", "vault"),
        ("source", "vault"),
    )
    for inner, outer in pairs:
        if getattr(settings, inner).is_relative_to(getattr(settings, outer)):
            raise UsageError(f"the {inner} lies inside the {outer}; choose a place outside it")
    if settings.log and any(settings.log.is_relative_to(place) for place in (settings.source, settings.release)):
        raise UsageError("the log lies inside the source or the release; choose a place outside them")


def read_file(file: Path | None) -> dict[str, Any]:
    """The keys and values of a configuration file; raises ConfigError."""
    if file is None:
        return {}
    try:
        loaded = yaml.safe_load(file.read_text("utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration file cannot be read: {_cause(error)}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(f"the configuration file is not YAML{f', line {mark.line + 1}' if mark else ''}") from None
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise ConfigError("the configuration file must hold keys and values, and the keys must be names")
    return loaded


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    known = {f"DEIDFLOW_{name.upper()}": name for name in RunSettings.model_fields}
    return {known[key]: _value(key, known[key], text) for key, text in environment.items() if key in known and text}


_YAML_KEYS = ("subjects", "workers", "memory_gib", "strict", "deface", "header", "ids", "sessions", "notify")


def _value(variable: str, name: str, text: str) -> Any:
    """Places and words are taken as they are; numbers, lists and sections are YAML."""
    if name not in _YAML_KEYS:
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"the value of {variable} cannot be read") from None


def _cause(error: OSError | UnicodeDecodeError) -> str:
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error.strerror)


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        said = first["msg"].removeprefix("Value error, ")
        return f"'{path}': {said}" if path else said
    known = _known_keys(first["loc"][:-1], model)
    near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1, cutoff=0.4)
    return f"unknown key '{path}'" + (f"; did you mean '{near[0]}'?" if near else "")


def _known_keys(path: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return list(model.model_fields)
