"""What a vault's files hold of a subject, and its erasure."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deidflow.dicom.demographics import Demographics
from deidflow.dicom.person_names import is_generic, name_words
from deidflow.identity.cohort import MIXED_FOLDERS
from deidflow.identity.withdrawn import WithdrawnPatients
from deidflow.release.layout import Layout
from deidflow.store.files import remove_tree
from deidflow.store.tables import write_csv
from deidflow.verdicts import Verdict

Words = tuple[str, ...]


@dataclass(frozen=True)
class Traces:
    """By what rows of tables are known to be of somebody."""

    pseudonym: str
    paths: Collection[str]
    """Source files, and files beside them in folders of this person alone."""
    patient: WithdrawnPatients
    names: frozenset[Words]

    def has(self, row: dict[str, str]) -> bool:
        """Whether a row of any table of the vault is of this person."""
        names = (row.get("pseudonym"), row.get("subject"))
        if self.pseudonym in names or row.get("source_path") in self.paths:
            return True
        if words_of(row.get("name", "")) in self.names:
            return True

        demographics = Demographics(
            row.get("id", ""),
            "",
            row.get("name", ""),
            "",
            "",
        )
        return self.patient.include(demographics)


def words_of(name: str) -> Words:
    """A name as it is compared: its words in alphabetical order; none for a generic one."""
    if is_generic(name):
        return ()
    words = name_words(name)
    return tuple(sorted(words))


def erase_files(layout: Layout, traces: Traces) -> None:
    """Erase all that the vault's files hold of a subject of one project and level."""
    for path in _folders_of(layout, traces.pseudonym):
        remove_tree(path)
    for path in _derived(layout):
        remove_tree(path)
    for table in _tables(layout):
        _drop_rows(table, traces)
    for table in (layout.absent_table, layout.own_absent_table):
        _drop_lines(table, traces.paths)


def _folders_of(layout: Layout, pseudonym: str) -> Iterator[Path]:
    """Folders of one subject: work with masks and orders, pictures, what was taken out before."""
    yield layout.subject(pseudonym)
    yield layout.withdrawn / pseudonym
    yield layout.staging / "withdrawn" / pseudonym

    pictures = layout.review(pseudonym, "M00")
    staged = layout.staged(pseudonym, "M00")
    yield pictures.parent
    yield staged.parent
    yield layout.private_report / f"{pseudonym}.html"


def _derived(layout: Layout) -> Iterator[Path]:
    """What holds something of everybody, and is made anew when it is needed."""
    yield layout.neighbours
    yield layout.tool_log
    yield layout.private_report / "index.html"
    yield layout.vault / "work" / "anonymize"
    yield layout.quarantine / "anonymize.csv"
    yield layout.own_quarantine / "anonymize.csv"
    yield layout.vault / MIXED_FOLDERS


def written_headers(layout: Layout, pseudonym: str) -> int:
    """How many files of a subject `deidflow anonymize` wrote, wherever its outputs are."""
    count = 0
    for table in _anonymize_tables(layout):
        with table.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
            for row in csv.DictReader(stream):
                is_theirs = row.get("subject") == pseudonym
                count += is_theirs and bool(row.get("released_path"))
    return count


def _anonymize_tables(layout: Layout) -> list[Path]:
    instances = layout.instances_table.parent
    return sorted(instances.glob(f"anonymize-{layout.scope}-*.csv"))


def _tables(layout: Layout) -> Iterator[Path]:
    yield layout.instances_table
    yield layout.quarantine_table
    yield layout.own_quarantine_table
    yield layout.doubtful_table
    yield from _anonymize_tables(layout)
    people = layout.vault / "tables" / layout.scope
    yield from sorted(people.glob("*.csv"))


def _drop_rows(table: Path, traces: Traces) -> None:
    """Write a table anew without the rows of a person."""
    if not table.is_file():
        return
    with table.open(
        encoding="utf-8",
        errors="surrogateescape",
        newline="",
    ) as stream:
        header, *rows = list(csv.reader(stream)) or [[]]

    kept: list[list[str]] = []
    files: set[str] = set()
    for row in rows:
        cells = _by_column(header, row)
        if traces.has(cells):
            files.add(cells.get("source_path", ""))
        else:
            kept.append(row)
    if len(kept) < len(rows):
        write_csv(table, [header, *kept, *_counted(header, len(files))])


def _counted(header: Sequence[str], files: int) -> list[list[str]]:
    """What a table of instances keeps of a person: how many source files there are."""
    if "released_path" not in header:
        return []
    row = [Verdict.EXCLUDED.value if column == "verdict" else "" for column in header]
    return [row] * files


def _by_column(header: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    return dict(zip(header, row, strict=False))


def _drop_lines(path: Path, dropped: Collection[str]) -> None:
    if not path.is_file():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    kept = []
    for line in lines:
        if os.fsdecode(line.rstrip(b"\n")) not in dropped:
            kept.append(line)
    path.write_bytes(b"".join(kept))
