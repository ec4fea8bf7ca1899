"""The files at the top of a BIDS data set: what it is, who is in it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deidflow.bids.files import subject_label, tsv, write_json, write_text
from deidflow.errors import UsageError
from deidflow.store.files import read_json
from deidflow.version import __version__

_INDEX = "participant_id"
BIDS_VERSION = "1.11.1"
_IGNORED = "sub-*/ses-*/ct\nsub-*/ses-*/ct/**\n**/ct/\n*_ct.*\nunnamed.tsv\n.*.deidflow/**\n"
_README = """Made by deidflow of a de-identified release.

What BIDS has no name for is in sourcedata; unnamed.tsv lists it with the line that would name it.
CT images (ct) are not part of BIDS yet and are listed in .bidsignore.
"""


@dataclass(frozen=True)
class Participants:
    """Columns of a table of participants, and the cells of each subject."""

    columns: tuple[str, ...] = ()
    cells: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def of(self, subject: str) -> list[str]:
        """The cells of a subject; `n/a` for one whom the table does not have."""
        known = self.cells.get(subject)
        if known is None:
            return ["n/a"] * len(self.columns)
        return list(known)


def write_top(
    out: Path,
    release: Path,
    subjects: Sequence[str],
    participants: Participants,
) -> None:
    labels = [subject_label(subject) for subject in subjects]
    if len(set(labels)) < len(labels):
        raise UsageError("two pseudonyms differ in signs only, which BIDS does not allow in labels")

    write_json(
        out / "dataset_description.json",
        description(
            read_json(release / "dataset.json"),
            "raw",
        ),
    )
    write_text(out / "README", _README)
    write_text(out / ".bidsignore", _IGNORED)
    rows = [[_INDEX, *participants.columns]]
    for subject, label in zip(
        subjects,
        labels,
        strict=True,
    ):
        rows.append([f"sub-{label}", *participants.of(subject)])

    write_text(out / "participants.tsv", tsv(rows))
    described = {_INDEX: {"Description": "pseudonym of the participant"}}
    for name in participants.columns:
        described[name] = {"Description": f"column {name} of the table given"}

    write_json(out / "participants.json", described)


def description(release: Mapping[str, Any], kind: str) -> dict[str, Any]:
    level, faces = release.get("level", ""), release.get("faces", "")
    return {
        "Name": f"{release.get('project', 'deidflow')}, de-identified",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": kind,
        "GeneratedBy": [
            {
                "Name": "deidflow",
                "Version": __version__,
                "Description": f"level {level}, faces {faces}" if level else "masks of faces",
            }
        ],
    }


def read_participants(path: Path | None) -> Participants:
    """Columns of a table, and the first row of each subject."""
    if path is None:
        return Participants()

    header, *rows = _rows_of(path)
    if "subject" not in header:
        raise UsageError("the table of participants has no column 'subject'")

    place = header.index("subject")
    kept = _columns_of(header)
    known: dict[str, list[str]] = {}
    for row in rows:
        if len(row) <= place:
            continue
        padded = row + [""] * len(header)
        cells = []
        for number in kept.values():
            cell = padded[number].strip()
            cells.append(cell or "n/a")

        subject = row[place].strip()
        known.setdefault(subject, cells)

    return Participants(tuple(kept), known)


def _rows_of(path: Path) -> list[list[str]]:
    """The rows of a table, whatever separates its cells; one empty row for an empty file."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise UsageError("the table of participants cannot be read as UTF-8 text") from None

    first, _, _ = text.partition("\n")
    delimiter = max("\t,;", key=first.count)
    lines = io.StringIO(text)
    rows = list(csv.reader(lines, delimiter=delimiter))
    return rows or [[]]


def _columns_of(header: Sequence[str]) -> dict[str, int]:
    """Names of columns, as BIDS wants them, and their places; the first of a name is kept."""
    kept: dict[str, int] = {}
    for number, name in enumerate(header):
        column = re.sub(
            r"\W+",
            "_",
            name.strip(),
        )
        if column not in ("", "subject", _INDEX):
            kept.setdefault(column, number)
    return kept
