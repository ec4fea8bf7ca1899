"""Units of the output: what is moved into place at once, and how the vault remembers it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from deidflow.bulk.tasks import FileOutcome
from deidflow.settings.layout_template import MIRROR
from deidflow.store.files import Signature, digest_of, read_json, write_json_atomic

RECORD_SCHEMA = "3"
"""Changes when the records of finished units change."""


def unit_of(folder: str, layout: str) -> str:
    """The unit of a folder of the output: a series, or with `mirror` a subject."""
    if layout == MIRROR:
        return folder.partition("/")[0]
    return folder


class KeptOutput(NamedTuple):
    """An output as remembered in the vault: where it is, and which source file it was made of."""

    path: str
    signature: Signature | None
    sop_uid: str
    source: str
    """Absolute path."""

    @classmethod
    def of(cls, outcome: FileOutcome, root: Path) -> KeptOutput:
        """The output of a released file whose path is relative to `root`."""
        task = outcome.task
        return cls(
            path=task.output_path,
            signature=outcome.signature,
            sop_uid=task.sop_uid,
            source=str(root / task.path),
        )

    def is_intact(self, out: Path) -> bool:
        """Whether the output is still as it was written."""
        if self.signature is None:
            return False
        return Signature.if_readable(out / self.path) == self.signature

    def to_json(self) -> list[Any]:
        """The output as a plain list."""
        signature = list(self.signature or ())
        return [self.path, signature, self.sop_uid, self.source]

    @classmethod
    def from_json(cls, row: list[Any]) -> KeptOutput:
        """The inverse of `to_json`."""
        path, numbers, sop_uid, source = row
        signature = Signature(*numbers) if numbers else None
        return cls(
            path,
            signature,
            sop_uid,
            source,
        )


@dataclass(frozen=True)
class UnitRecord:
    """A finished unit: the key of what it was made of, and its outputs."""

    key: str
    outputs: tuple[KeptOutput, ...]

    def is_intact(self, out: Path) -> bool:
        """Whether all outputs are still as they were written."""
        return all(output.is_intact(out) for output in self.outputs)

    @classmethod
    def read(cls, path: Path) -> UnitRecord | None:
        """The record in a file; None if there is none."""
        row = read_json(path)
        if not isinstance(row, dict):
            return None

        width = len(KeptOutput._fields)
        outputs: list[KeptOutput] = []
        for cells in row.get("outputs", []):
            if len(cells) == width:
                output = KeptOutput.from_json(cells)
                outputs.append(output)
        return cls(
            key=row.get("key", ""),
            outputs=tuple(outputs),
        )

    def write(self, path: Path) -> None:
        """Write the record atomically."""
        rows = [output.to_json() for output in self.outputs]
        row = {"key": self.key, "outputs": sorted(rows)}
        write_json_atomic(path, row)


def record_path(folder: Path, unit: str) -> Path:
    """The file in which a finished unit is remembered."""
    name = digest_of(unit)[:24]
    return folder / f"{name}.json"


def kept_outputs(folder: Path, units: Iterable[str]) -> list[KeptOutput]:
    """The remembered outputs of units."""
    outputs: list[KeptOutput] = []
    for unit in units:
        record = UnitRecord.read(record_path(folder, unit))
        if record is not None:
            outputs += record.outputs
    return outputs
