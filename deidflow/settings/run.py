"""The settings of a run: file < environment < flag, checked once, then frozen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from deidflow.errors import UsageError
from deidflow.settings.face import DefaceSettings
from deidflow.settings.sections import (
    HeaderSettings,
    IdSettings,
    NotifySettings,
    Section,
    SessionSettings,
)

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
            values["release"] = str(values["release"]).replace(
                "{level}", str(values.get("level") or "high")
            )
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
    redo: str | None = None
    """The step that is done again, with all that follow."""
    scheduler: str = Field(default="", pattern=r"^((tcp|tls)://\S+)?$")
    """Address of the Dask scheduler."""
    runner: Literal["threads", "dask"] = "threads"
    """Where subjects are worked on: threads of this machine, or a Dask cluster over a shared folder."""
    notify: NotifySettings = NotifySettings()

    @field_validator("runner")
    @classmethod
    def _has_scheduler(cls, runner: str, info: ValidationInfo) -> str:
        if runner == "dask" and not info.data.get("scheduler", "refused"):
            raise ValueError(
                "'dask' needs the address of a scheduler; give 'scheduler: tcp://HOST:8786'"
            )
        return runner


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
    if settings.log and any(
        settings.log.is_relative_to(place) for place in (settings.source, settings.release)
    ):
        raise UsageError(
            "the log lies inside the source or the release; choose a place outside them"
        )
