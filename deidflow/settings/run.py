"""The settings of a run: file < environment < flag, checked once, then frozen."""

from __future__ import annotations

from itertools import permutations, product
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
from deidflow.settings.burned_in import BurnedInSettings
from deidflow.settings.consent import ConsentSettings
from deidflow.settings.face import DefaceSettings
from deidflow.settings.input import InputSettings, with_source
from deidflow.settings.output import NATIVE_BELOW_BIDS, OutputSettings
from deidflow.settings.pacs import PacsSettings
from deidflow.settings.paths import resolved
from deidflow.settings.sections import (
    HeaderSettings,
    IdSettings,
    NotifySettings,
    ReviewSettings,
    Section,
    SessionSettings,
)

Level = Literal["low", "high"]
_PATH_KEYS = ("release", "vault", "log")


def _as_tuple(value: Any) -> Any:
    """The words of a text, separated by spaces or commas; another value as it is."""
    if isinstance(value, str):
        words = value.replace(",", " ").split()
        return tuple(words)
    return value


class CommonSettings(Section):
    """What every command that de-identifies headers needs to know."""

    level: Level = "high"
    profile: str = ""
    """Name or file of the header rules; empty takes those of the level."""
    project: str = Field(default="default", pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    workers: int = Field(default=0, ge=0, le=256)
    """Subjects, or batches of files, at work at once; 0 chooses from cores and memory."""
    log: Path | None = None
    private: Literal["listed", "none"] = "listed"
    """`listed` keeps the private elements that the profile lists; `none` keeps none."""
    patient_id: Literal["pseudonym", "empty"] = "pseudonym"
    """`empty` leaves PatientID without a value, whatever the profile says; then nothing is sent."""
    header: HeaderSettings = HeaderSettings()
    ids: IdSettings = IdSettings()
    sessions: SessionSettings = SessionSettings()
    consent: ConsentSettings = ConsentSettings()


class PlanSettings(CommonSettings):
    """What decides how each file of a source ends; enough to plan a run."""

    source: Path
    vault: Path | None = None
    subjects: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = ()
    memory_gib: float = Field(default=0.0, ge=0)
    """Memory limit of one working process; 0 shares the machine's memory among the workers."""
    strict: bool = False
    """Hash every file again instead of trusting size, times and inode."""
    deface: DefaceSettings = DefaceSettings()
    burned_in: BurnedInSettings = BurnedInSettings()
    input: InputSettings = InputSettings()
    output: OutputSettings = OutputSettings()

    @model_validator(mode="before")
    @classmethod
    def _absolute(cls, given: dict[str, Any]) -> dict[str, Any]:
        values = with_source(given)
        release = values.get("release")
        if isinstance(release, (str, Path)):
            level = values.get("level") or "high"
            values["release"] = str(release).replace("{level}", str(level))

        for key in _PATH_KEYS:
            path = values.get(key)
            if isinstance(path, (str, Path)):
                values[key] = resolved(path)
        return values

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files and folders that are read: the source, or what of it is named."""
        named = [self.source / path for path in self.input.paths]
        return tuple(named) or (self.source,)

    @property
    def defacing(self) -> bool:
        """Whether faces are removed in this run."""
        return self.level == "high" or self.deface.when == "always"

    @property
    def refacing(self) -> bool:
        """Whether an average face is put in their place."""
        return self.defacing and self.deface.fill == "average"


class RunSettings(PlanSettings):
    """Everything that a run needs to know; its fields are the keys of the YAML file."""

    release: Path
    vault: Path
    redo: str | None = None
    """The step that is done again, with all that follow."""
    scheduler: str = Field(default="", pattern=r"^((tcp|tls)://\S+)?$")
    """Address of the Dask scheduler."""
    runner: Literal["threads", "dask"] = "threads"
    """Where subjects are processed: threads of this machine, or a Dask cluster (shared folder)."""
    notify: NotifySettings = NotifySettings()
    review: ReviewSettings = ReviewSettings()
    pacs: PacsSettings = PacsSettings()

    @property
    def native_release(self) -> Path:
        """The folder of subjects, sessions and series that the run publishes."""
        if self.output.layout == "bids":
            return self.release / NATIVE_BELOW_BIDS
        return self.release

    @field_validator("runner")
    @classmethod
    def _has_scheduler(cls, runner: str, info: ValidationInfo) -> str:
        scheduler = info.data.get("scheduler", "refused")
        if runner == "dask" and not scheduler:
            raise ValueError(
                "'dask' needs the address of a scheduler; give 'scheduler: tcp://HOST:8786'"
            )
        return runner


def check_separate(settings: RunSettings) -> None:
    """Refuse a vault inside source or release, and a release inside the source (or the reverse)."""
    places = {
        "vault": (settings.vault,),
        "release": (settings.release,),
        "source": settings.sources,
    }
    for inner, outer in permutations(places, 2):
        for place, other in product(places[inner], places[outer]):
            if place.is_relative_to(other):
                raise UsageError(f"the {inner} lies inside the {outer}; choose a place outside it")

    if settings.log is None:
        return
    for folder in (*settings.sources, settings.release):
        if settings.log.is_relative_to(folder):
            raise UsageError(
                "the log lies inside the source or the release; choose a place outside them"
            )
