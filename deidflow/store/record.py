"""The record of a finished step: its key, its outputs and its result.

A step is up to date when its key (content of inputs, configuration, code, tools) is the recorded
key and the recorded outputs are still there, intact. Outputs appear by one rename, then the record
by another, so that a killed step leaves nothing that could be mistaken for a finished step.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from deidflow.store.files import (
    Manifest,
    Output,
    digest_of,
    read_json,
    remove_tree,
    write_json_atomic,
)

SCHEMA = 1
"""A record of another schema is not up to date."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class StepOutput(Generic[Result]):
    """What a later step may use of a finished step."""

    folder: Path
    result: Result
    digest: str
    """Hash of outputs and result."""


@dataclass(frozen=True)
class Finished(Generic[Result]):
    """A finished step, and whether it was up to date before this run."""

    output: StepOutput[Result]
    manifest: Manifest
    cached: bool

    @property
    def folder(self) -> Path:
        """Where its outputs are."""
        return self.output.folder

    @property
    def result(self) -> Result:
        """What it says of the session."""
        return self.output.result

    @property
    def digest(self) -> str:
        """Hash of outputs and result: part of the keys of the steps that need them."""
        return self.output.digest


class Record(BaseModel):
    """The file of a record."""

    model_config = ConfigDict(frozen=True)

    record_schema: int = 0
    key: str
    outputs: tuple[Output, ...] = ()
    result: Any = None
    after: dict[str, str] = {}
    """Digests of the earlier steps that this step used."""
    failed: str = ""
    """Why the step ended without a result."""

    @property
    def manifest(self) -> Manifest:
        """The files that the step made."""
        return Manifest(self.outputs)

    @property
    def digest(self) -> str:
        """As `StepOutput.digest`; empty where the step failed."""
        return digest_of([self.manifest.digest, self.result]) if self.key else ""


@dataclass(frozen=True)
class Task(Generic[Result]):
    """What the store runs: work that fills an empty scratch folder, and where its outputs go."""

    step: str
    key: str
    work: Callable[[Path], Result]
    result: type[Result]
    outputs: Path
    other_places: tuple[Path, ...] = ()
    """Where the outputs may be as well."""
    after: Mapping[str, str] = field(default_factory=dict)
    """Digests of the earlier steps whose results the work uses."""
    stands: bool = True
    """Whether what the work leaves beside its outputs is there."""


@dataclass(frozen=True)
class StepStore:
    """Records and outputs of the steps of one session."""

    folder: Path
    strict: bool = False
    """Hash outputs again instead of trusting size, times and inode."""

    def record_path(self, step: str) -> Path:
        """The JSON file of the step's record."""
        return self.folder / "records" / f"{step}.json"

    def record(self, step: str) -> Record | None:
        """The record of a step; None where there is none, or one that is not understood."""
        content = read_json(self.record_path(step))
        if not isinstance(content, dict) or content.get("record_schema") != SCHEMA:
            return None
        try:
            return Record(**content)
        except ValidationError:
            return None

    def finished(
        self, step: str, key: str, result: type[Result], places: Sequence[Path]
    ) -> Finished[Result] | None:
        """The recorded result for `key`, if its outputs are intact in one of `places`."""
        record = self.record(step)
        if record is None or not record.key or record.key != key:
            return None

        manifest = record.manifest
        place = next(
            (path for path in places if manifest.intact(path, self.strict)),
            None,
        )
        if place is None:
            return None

        try:
            value = adapter_of(result).validate_python(record.result)
        except ValidationError:
            return None
        return Finished(
            StepOutput(place, value, record.digest),
            manifest,
            cached=True,
        )

    def manifest(self, step: str) -> Manifest | None:
        """The outputs of a step as recorded, for whatever key."""
        record = self.record(step)
        return record.manifest if record is not None and record.key else None

    def is_outdated(self, record: Record) -> bool:
        """Whether an earlier step has another result now than when this record's step used it."""
        return any(self._digest(step) != digest for step, digest in record.after.items())

    def run(self, task: Task[Result]) -> Finished[Result]:
        """The recorded result, or that of the work: its outputs appear by a rename, then the
        record.

        Raises what the work raises; then neither outputs nor a record are there.
        """
        places = (task.outputs, *task.other_places)
        recorded = self.finished(
            task.step,
            task.key,
            task.result,
            places,
        )
        if task.stands and recorded is not None:
            return recorded

        self.forget(task.step)
        scratch = task.outputs.with_name(f".{task.outputs.name}.scratch")
        remove_tree(scratch)
        scratch.mkdir(parents=True, mode=0o700)
        try:
            result = task.work(scratch)
            manifest = Manifest.scan(scratch)
            remove_tree(task.outputs)
            os.rename(scratch, task.outputs)
        finally:
            remove_tree(scratch)

        record = Record(
            record_schema=SCHEMA,
            key=task.key,
            outputs=manifest.outputs,
            result=adapter_of(task.result).dump_python(
                result,
                mode="json",
            ),
            after=dict(task.after),
        )
        self._write(task.step, record)
        return Finished(
            StepOutput(
                task.outputs,
                result,
                record.digest,
            ),
            manifest,
            cached=False,
        )

    def note_failure(self, step: str, reason: str) -> None:
        """Remember that the step ended without a result, for `deidflow status`."""
        self._write(
            step,
            Record(
                record_schema=SCHEMA,
                key="",
                failed=reason,
            ),
        )

    def forget(self, step: str) -> None:
        """Drop the record of a step, so that it runs again."""
        self.record_path(step).unlink(missing_ok=True)

    def _write(self, step: str, record: Record) -> None:
        write_json_atomic(
            self.record_path(step),
            record.model_dump(mode="json"),
        )

    def _digest(self, step: str) -> str:
        record = self.record(step)
        return "" if record is None else record.digest


def adapter_of(model: type[Result]) -> TypeAdapter[Result]:
    """What reads and writes values of a dataclass as JSON; made once per class."""
    adapter: TypeAdapter[Result] = _adapter(cast(Hashable, model))
    return adapter


@lru_cache(maxsize=64)
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)
