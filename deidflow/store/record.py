"""The record of a finished step: its key, its outputs and its result.

A step is up to date when its key (content of inputs, configuration, code version) is the recorded one
and the recorded outputs are still there, intact. Outputs appear by one rename, then the record by
another, so that a killed step leaves nothing that could be mistaken for a finished one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from deidflow.store.files import Manifest, digest_of, read_json, remove_tree, write_json_atomic


@dataclass(frozen=True)
class Finished:
    """A finished step: where its outputs are, what it found, whether it was cached."""

    folder: Path
    manifest: Manifest
    result: dict[str, Any]
    cached: bool

    @property
    def digest(self) -> str:
        """What the next step's key is made of: the outputs and the result."""
        return digest_of([self.manifest.digest, self.result])


@dataclass(frozen=True)
class StepStore:
    """Records and outputs of the steps of one session."""

    folder: Path
    strict: bool = False

    def record_path(self, step: str) -> Path:
        """The JSON file of the step's record."""
        return self.folder / "records" / f"{step}.json"

    def finished(self, step: str, key: str, *places: Path) -> Finished | None:
        """The recorded result for `key`, if its outputs are intact in one of `places`."""
        record = read_json(self.record_path(step))
        if not isinstance(record, dict) or record.get("key") != key:
            return None
        manifest = Manifest.from_json(record["outputs"])
        for place in places:
            if manifest.intact(place, self.strict):
                return Finished(place, manifest, record["result"], cached=True)
        return None

    def manifest(self, step: str) -> Manifest | None:
        """The outputs of a step as recorded, for whatever key."""
        record = read_json(self.record_path(step))
        return (
            Manifest.from_json(record["outputs"])
            if isinstance(record, dict) and record["key"]
            else None
        )

    def is_outdated(self, record: Mapping[str, Any]) -> bool:
        """Whether an earlier step has another result now than when the step of this record took it."""
        return any(
            _digest(self.record_path(name)) != taken
            for name, taken in record.get("after", {}).items()
        )

    def run(
        self,
        step: str,
        key: str,
        outputs: Path,
        work: Callable[[Path], dict[str, Any]],
        *other_places: Path,
        after: Mapping[str, str] = MappingProxyType({}),
    ) -> Finished:
        """Return the recorded result for `key`, or do the work in scratch and record it.

        `work` gets an empty scratch folder beside `outputs`, fills it and returns a JSON-able result.
        `after` are the digests of the earlier steps whose results the work takes.
        """
        known = self.finished(step, key, outputs, *other_places)
        if known is not None:
            return known
        self.forget(step)
        scratch = outputs.with_name(f".{outputs.name}.scratch")
        remove_tree(scratch)
        scratch.mkdir(parents=True, mode=0o700)
        try:
            result = work(scratch)
            manifest = Manifest.scan(scratch)
            remove_tree(outputs)
            os.rename(scratch, outputs)
        finally:
            remove_tree(scratch)
        self.write(step, key, manifest, result, after)
        return Finished(outputs, manifest, result, cached=False)

    def write(
        self,
        step: str,
        key: str,
        manifest: Manifest,
        result: dict[str, Any],
        after: Mapping[str, str],
    ) -> None:
        """Write the record of a step whose outputs are in place."""
        record = {
            "key": key,
            "outputs": manifest.to_json(),
            "result": result,
            "digest": manifest.digest,
        }
        record["after"] = dict(after)
        write_json_atomic(self.record_path(step), record)

    def note_failure(self, step: str, reason: str) -> None:
        """Remember that the step ended without a result, for `deidflow status`."""
        write_json_atomic(self.record_path(step), {"key": "", "outputs": [], "failed": reason})

    def forget(self, step: str) -> None:
        """Drop the record of a step, so that it runs again."""
        self.record_path(step).unlink(missing_ok=True)


def _digest(path: Path) -> str:
    """The digest of the finished step in a record, as `Finished.digest`; empty where there is none."""
    record = read_json(path)
    return (
        digest_of([record["digest"], record["result"]])
        if isinstance(record, dict) and record["key"]
        else ""
    )
