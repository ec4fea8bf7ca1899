"""What a step is, and what it works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Generic, TypeVar

from deidflow.header.profile import Profile
from deidflow.identity.workorder import SessionOrder, WorkOrder, read_order
from deidflow.release.layout import Layout
from deidflow.release.measures import SessionMeasures
from deidflow.resources import resources_digest
from deidflow.settings.run import RunSettings
from deidflow.store.code import code_digest
from deidflow.store.files import digest_of
from deidflow.store.record import StepOutput

Result = TypeVar("Result")


@dataclass(frozen=True)
class StepJob:
    """One session before one of its steps; picklable, for the process that does the work."""

    layout: Layout
    settings: RunSettings
    profile: Profile
    profile_digest: str
    pseudonym: str
    label: str
    labels: tuple[str, ...]
    """The labels of all sessions of the subject."""
    content: str
    """Hash of all that the session's outputs depend on in its input."""
    measures: SessionMeasures
    """Series -> what people ask for who looked at it."""
    template: Path
    """The prepared template of these settings; its name holds the versions it depends on."""
    outputs: Mapping[str, StepOutput[Any]]
    """What the steps before made, by their names."""
    scratch: Path = Path()
    """Where the step writes; set when it works."""

    @property
    def folder(self) -> Path:
        """Records and intermediate outputs of the session."""
        return self.layout.session_work(
            self.pseudonym,
            self.label,
        )

    @property
    def log(self) -> Path:
        """Where the session's tools print."""
        return self.folder / "tools.log"

    @property
    def masks(self) -> Path:
        """The masks of defaced series, which only the vault may hold."""
        return self.layout.masks(self.pseudonym, self.label)

    @property
    def review(self) -> Path:
        """Pictures and figures of the session's defaced series, which show faces."""
        return self.layout.review(self.pseudonym, self.label)

    @property
    def staged(self) -> Path:
        """Where the session waits to be published."""
        return self.layout.staged(self.pseudonym, self.label)

    @property
    def published(self) -> Path:
        """Where the session is in the release."""
        return self.layout.published(self.pseudonym, self.label)

    def read_order(self) -> tuple[WorkOrder, SessionOrder]:
        """The subject's work order, and the part of this session."""
        path = self.layout.order(self.pseudonym)
        order = read_order(path)
        session = order.session(self.label)
        return order, session

    def output(self, step: str, result: type[Result]) -> StepOutput[Result]:
        """What an earlier step made. Raises KeyError where it has not run."""
        output = self.outputs[step]
        if not isinstance(output.result, result):
            expected = result.__name__
            raise TypeError(f"the result of {step} is not a {expected}")
        return output


def always(_job: StepJob) -> bool:
    """For steps that every session takes, and results that need nothing beside their outputs."""
    return True


def own_folder(step: str) -> Callable[[StepJob], tuple[Path, ...]]:
    """For steps whose outputs stay in the vault's work."""

    def places(job: StepJob) -> tuple[Path, ...]:
        return (job.folder / step,)

    return places


@dataclass(frozen=True)
class Step(Generic[Result]):
    """A step of every session: what it needs, what its outputs depend on, and its work."""

    name: str
    needs: tuple[str, ...]
    """Earlier steps whose outputs and results are part of the key."""
    key: Callable[[StepJob], list[Any]]
    """What the outputs depend on beside code, tools, data and `needs`: JSON-able."""
    work: Callable[[StepJob], Result]
    """Fills `job.scratch`; runs in a child process."""
    result: type[Result]
    tools: tuple[str, ...] = ()
    """Distributions whose versions are part of the key."""
    data: tuple[str, ...] = ()
    """Files below `configs` that are part of the key."""
    applies: Callable[[StepJob], bool] = always
    """Whether a session takes this step."""
    places: Callable[[StepJob], tuple[Path, ...]] | None = None
    """Where outputs go, and then where they may be as well; by default a folder of the vault."""
    stands: Callable[[StepJob], bool] = always
    """Whether what it leaves beside its outputs is there."""
    moves: bool = False
    """It moves what an earlier step made: it makes no outputs, and leaves no record."""

    def places_of(self, job: StepJob) -> tuple[Path, ...]:
        """Where outputs go, and then where they may be as well."""
        places = self.places or own_folder(self.name)
        return places(job)

    def after(self, job: StepJob) -> dict[str, str]:
        """Digests of the needed steps that the session took."""
        digests = {}
        for step in self.needs:
            if step in job.outputs:
                digests[step] = job.outputs[step].digest
        return digests

    def made_by(self) -> list[Any]:
        """Its code, the versions of its tools, and its data."""
        code = code_digest(self.work.__module__)
        versions = {tool: installed(tool) for tool in self.tools}
        return [code, versions, resources_digest(self.data)]

    def key_of(self, job: StepJob) -> str:
        """Hash of all that the outputs depend on."""
        parts = [
            self.name,
            *self.made_by(),
            self.after(job),
            self.key(job),
        ]
        return digest_of(parts)


@lru_cache(maxsize=32)
def installed(tool: str) -> str:
    """The version of a distribution. Raises PackageNotFoundError."""
    return metadata.version(tool)
