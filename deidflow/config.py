"""The settings of a run: file < environment < flag, checked once, then frozen."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from deidflow.errors import ConfigError, UsageError
from deidflow.face_settings import DefaceSettings
from deidflow.origins import Origins
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


class PlanSettings(CommonSettings):
    """What decides on the end of each file of a source; enough to plan a run."""

    source: Path
    vault: Path | None = None
    subjects: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = ()
    memory_gib: float = Field(default=0.0, ge=0)
    """Memory limit of one working process; 0 shares the machine's memory among the workers."""
    strict: bool = False
    """Hash every file again instead of trusting size, times and inode."""
    deface: DefaceSettings = DefaceSettings()

    @model_validator(mode="before")
    @classmethod
    def _absolute(cls, values: dict[str, Any]) -> dict[str, Any]:
        if isinstance(values.get("release"), (str, Path)):
            values["release"] = str(values["release"]).replace("{level}", str(values.get("level") or "high"))
        for key in ("source", "release", "vault", "log"):
            if isinstance(values.get(key), (str, Path)):
                values[key] = Path(os.path.realpath(Path(values[key]).expanduser()))
        return values

    @property
    def defacing(self) -> bool:
        """Whether faces are removed in this run."""
        return self.level == "high" or self.deface.when == "always"


class RunSettings(PlanSettings):
    """Everything that a run needs to know; its fields are the keys of the YAML file."""

    release: Path
    vault: Path
    redo: Step | None = None
    scheduler: str = Field(default="", pattern=r"^((tcp|tls)://\S+)?$")
    """Address of the Dask scheduler."""
    runner: Literal["threads", "dask"] = "threads"
    """Where subjects are worked on: threads of this machine, or a Dask cluster over a shared folder."""
    notify: NotifySettings = NotifySettings()

    @field_validator("runner")
    @classmethod
    def _has_scheduler(cls, runner: str, info: ValidationInfo) -> str:
        if runner == "dask" and not info.data.get("scheduler", "refused"):
            raise ValueError("'dask' needs the address of a scheduler; give 'scheduler: tcp://HOST:8786'")
        return runner


def load_settings(
    flags: Mapping[str, Any], file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> RunSettings:
    """Merge file, environment and flags (the later wins) into checked settings.

    Raises ConfigError for an unknown key (with the nearest known one) or a bad value, UsageError for
    folders that lie inside each other.
    """
    origins = Origins.of(RunSettings, flags, file, environment)
    for key in ("source", "release", "vault"):
        _require(origins, key)
    settings = checked(RunSettings, origins.values, origins)
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
    known = {name: getattr(settings, name) for name in PlanSettings.model_fields if name not in unused}
    return PlanSettings.model_construct(**known)


def _require(origins: Origins, key: str) -> None:
    if not origins.values.get(key):
        raise ConfigError(
            f"'{key}' is not given; name it on the command line, in the file or as DEIDFLOW_{key.upper()}"
        )


Settings = TypeVar("Settings", bound=CommonSettings)


def checked(model: type[Settings], values: Mapping[str, Any], origins: Origins | None = None) -> Settings:
    """The values as settings; raises ConfigError that names the key, and its file and line or variable."""
    origins = origins or Origins({}, None, {}, ())
    try:
        settings = model(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error, model, origins)) from None
    _check_profile(settings, origins)
    return settings


def _check_profile(settings: CommonSettings, origins: Origins) -> None:
    from deidflow.header.library import load_profile

    try:
        load_profile(settings.profile or settings.level)
    except ConfigError as error:
        raise ConfigError(f"{origins.of_key(['profile'])}{error}") from None


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
