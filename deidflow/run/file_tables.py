"""The tables of all files of a run, while they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from deidflow.release.instances import InstanceRow, InstancesTable, instances_table
from deidflow.release.layout import Layout
from deidflow.release.tables import quarantine_lines, quarantine_table
from deidflow.run.files import FileEnd
from deidflow.run.kept_tables import SubjectEnds, TableIndex
from deidflow.run.summary import Tally
from deidflow.store.blocks import BlockFile, BlockIndex, EarlierFile, earlier_file
from deidflow.verdicts import Verdict


@dataclass(frozen=True)
class FileTables:
    """Where each file went; what was withheld, twice; and how many files ended how."""

    instances: InstancesTable
    held: tuple[BlockFile, BlockFile]
    """The vault's, and that of this project and level."""
    held_before: EarlierFile
    tally: Tally = field(default_factory=Tally)
    subjects: dict[str, SubjectEnds] = field(default_factory=dict)

    def add(self, ends: Sequence[FileEnd], rows: Sequence[InstanceRow], subject: str = "") -> None:
        """Write the files of a subject, or of nobody."""
        self.instances.add(rows, subject)
        withheld = [end.row() for end in ends if not end.is_released]
        self._hold(quarantine_lines(withheld), subject)
        self.tally.add(ends)
        if subject:
            self.subjects[subject] = _ends_of(ends)

    def take(self, subject: str, ends: SubjectEnds) -> None:
        """Write the files of a subject as in the tables before."""
        self.instances.take(subject)
        self._hold(self.held_before.block(subject), subject)
        self.tally.add_counts(ends.counts)
        self.subjects[subject] = ends

    def index(self, checksums: BlockIndex) -> TableIndex:
        """Where they speak of whom; once they are written."""
        return TableIndex(
            instances=self.instances.file.index(),
            quarantine=self.held[1].index(),
            checksums=checksums,
            subjects=self.subjects,
        )

    def _hold(self, lines: bytes, subject: str) -> None:
        for table in self.held:
            table.write(lines, subject)


def _ends_of(ends: Sequence[FileEnd]) -> SubjectEnds:
    tally = Tally()
    tally.add(ends)
    sessions: dict[str, Counter[Verdict]] = {}
    for end in ends:
        sessions.setdefault(end.session, Counter())[end.verdict] += 1
    return SubjectEnds(counts=tally.counts(), sessions={**sessions})


@contextmanager
def file_tables(layout: Layout, index: TableIndex | None) -> Iterator[FileTables]:
    """The tables, which are there when the context ends; `index` is that of the last run's."""
    instances = index.instances if index else None
    held = index.quarantine if index else None
    with ExitStack() as stack:
        opened = stack.enter_context
        yield FileTables(
            opened(instances_table(layout.instances_table, layout.release, instances)),
            (
                opened(quarantine_table(layout.quarantine_table)),
                opened(quarantine_table(layout.own_quarantine_table)),
            ),
            opened(earlier_file(layout.own_quarantine_table, held)),
        )
